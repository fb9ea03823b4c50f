//! The timeline of a walk, for a person on the street: time, where, what happened, why not.
//!
//! It is made of the decisions that the server recorded and tells nothing else. Times are local to the places.

use anyhow::{Context, Result};
use doorstep::locate::Atlas;
use doorstep::model::{
    Assessment, Campaign, CampaignId, CapScope, Decision, DeviceTime, Millis, Place, PlaceId, Reason, Region,
    RegionId, ServerTime, Transition, TransitionKind, TriggerId, Verdict,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::sync::Arc;

/// What the ids mean.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Places by id.
    pub places: BTreeMap<PlaceId, Place>,
    /// Regions by id.
    pub regions: BTreeMap<RegionId, Region>,
    /// Campaigns by id.
    pub campaigns: BTreeMap<CampaignId, Campaign>,
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When, by the phone's clock; absent where it is as in the row above.
    pub at: Option<DeviceTime>,
    /// Where; empty where it is as in the row above.
    pub place: String,
    /// What happened.
    pub what: String,
    /// Why nothing was sent; empty where that is no question.
    pub why: String,
    /// How to show it.
    pub tone: Tone,
}

/// How a row is shown on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Good news: green.
    Sent,
    /// Set back: dimmed.
    HeldBack,
    /// Bad news: red.
    Trouble,
}

/// What the decisions come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Alerts that were sent: triggers.
    pub sent: BTreeSet<TriggerId>,
    /// Alerts that were held back, by reason.
    pub held_back: BTreeMap<&'static str, u64>,
}

impl Names {
    /// The time zone of the places; that of the first one where they differ, UTC where there is none.
    pub fn time_zone(&self) -> TimeZone {
        let name = self.places.values().map(|place| place.time_zone.as_str()).next().unwrap_or("UTC");
        TimeZone::get(name).unwrap_or(TimeZone::UTC)
    }

    /// The places and regions as the engine takes them.
    pub fn atlas(&self) -> Result<Atlas> {
        let places = self.places.values().cloned().map(Arc::new);
        let regions = self.regions.values().cloned().map(Arc::new);
        Atlas::build(places, regions).context("the server's regions do not fit together")
    }

    /// What people call a region.
    pub fn region(&self, id: &RegionId) -> String {
        self.regions.get(id).map_or_else(|| id.to_string(), |region| region.display_name.clone())
    }

    fn message(&self, id: &CampaignId) -> String {
        self.campaigns.get(id).map_or_else(|| id.to_string(), |campaign| format!("\"{}\"", campaign.message.title))
    }
}

/// Counts what decisions sent and held back.
pub fn tally(decisions: &[Decision]) -> Tally {
    let mut tally = Tally::default();
    for assessment in decisions.iter().flat_map(|decision| &decision.assessments) {
        match &assessment.verdict {
            Verdict::Qualified(trigger) => {
                tally.sent.insert(trigger.clone());
            }
            Verdict::Suppressed(reason) => *tally.held_back.entry(reason.label()).or_default() += 1,
            // What comes of it is told by another decision.
            Verdict::Held { .. } => {}
        }
    }
    tally
}

/// The rows of decisions, in their order. `received` says whether an alert was seen to arrive; absent where
/// nobody looks.
pub fn rows(
    decisions: &[Decision],
    names: &Names,
    zone: &TimeZone,
    received: Option<&dyn Fn(&TriggerId) -> bool>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for decision in decisions {
        for transition in &decision.transitions {
            let verdicts = verdicts(decision, transition, names, zone, received);
            rows.push(Row {
                at: Some(transition.decided),
                place: names.region(&transition.region),
                what: happened(transition),
                why: if verdicts.is_empty() { nothing_to_say(transition.kind).to_owned() } else { String::new() },
                tone: Tone::Plain,
            });
            rows.extend(verdicts);
        }
        let told = |own: &&Assessment| {
            !decision.transitions.iter().any(|what| what.region == own.region && what.kind == own.transition)
        };
        let waited: Vec<&Assessment> = decision.assessments.iter().filter(told).collect();
        if let Some(first) = waited.first() {
            rows.push(Row {
                at: Some(DeviceTime(decision.decided.0)),
                place: names.region(&first.region),
                what: "what had waited".to_owned(),
                why: String::new(),
                tone: Tone::Plain,
            });
        }
        rows.extend(waited.into_iter().map(|own| verdict(own, decision.decided, names, zone, received)));
    }
    rows
}

/// What the campaigns made of one transition of a decision, a row each; what was sent stands first.
pub fn verdicts(
    decision: &Decision,
    transition: &Transition,
    names: &Names,
    zone: &TimeZone,
    received: Option<&dyn Fn(&TriggerId) -> bool>,
) -> Vec<Row> {
    let mut assessments: Vec<&Assessment> = decision
        .assessments
        .iter()
        .filter(|assessed| assessed.region == transition.region && assessed.transition == transition.kind)
        .collect();
    assessments.sort_by_key(|assessed| assessed.verdict.kind());
    assessments.into_iter().map(|assessed| verdict(assessed, decision.decided, names, zone, received)).collect()
}

fn verdict(
    assessed: &Assessment,
    now: ServerTime,
    names: &Names,
    zone: &TimeZone,
    received: Option<&dyn Fn(&TriggerId) -> bool>,
) -> Row {
    let (what, why, tone) = match &assessed.verdict {
        Verdict::Qualified(trigger) => {
            let message = names.message(&assessed.campaign);
            match received.map(|received| received(trigger)) {
                None => (format!("ALERT {message} sent"), String::new(), Tone::Sent),
                Some(true) => (format!("ALERT {message} sent and received"), String::new(), Tone::Sent),
                Some(false) => (format!("ALERT {message} sent, NOT RECEIVED"), String::new(), Tone::Trouble),
            }
        }
        Verdict::Held { until } => {
            let message = names.message(&assessed.campaign);
            (format!("{message} waits"), format!("until {}", clock(until.0, zone, "%H:%M:%S")), Tone::HeldBack)
        }
        Verdict::Suppressed(reason) => (
            format!("no alert {}", names.message(&assessed.campaign)),
            why_not(reason, now, names, zone),
            Tone::HeldBack,
        ),
    };
    Row { at: None, place: String::new(), what: format!("  {what}"), why, tone }
}

/// A transition in words.
pub fn happened(transition: &Transition) -> String {
    let took = (transition.decided - transition.happened).for_people();
    match transition.kind {
        TransitionKind::Enter if took >= Millis::from_secs(1) => format!("came in {took} ago"),
        TransitionKind::Enter => "came in".to_owned(),
        TransitionKind::Dwell => "has stayed a while".to_owned(),
        TransitionKind::Exit if took >= Millis::from_secs(1) => {
            format!("left {took} ago, after {}", transition.duration().for_people())
        }
        TransitionKind::Exit => format!("left after {}", transition.duration().for_people()),
        TransitionKind::Approach => "came nearer".to_owned(),
        TransitionKind::Pass => "passed through".to_owned(),
    }
}

/// What to say where no campaign speaks; empty where nobody would ask.
pub fn nothing_to_say(kind: TransitionKind) -> &'static str {
    match kind {
        TransitionKind::Enter => "no campaign speaks to who comes in here",
        TransitionKind::Dwell | TransitionKind::Exit | TransitionKind::Approach | TransitionKind::Pass => "",
    }
}

/// A suppression at `now` in words, its end in local time, with the day where it is another one.
pub fn why_not(reason: &Reason, now: ServerTime, names: &Names, zone: &TimeZone) -> String {
    let clock = |moment: &ServerTime| {
        let day = |moment: ServerTime| clock(moment.0, zone, "%F");
        clock(moment.0, zone, if day(*moment) == day(now) { "%H:%M" } else { "%a %-d %b %H:%M" })
    };
    match reason {
        Reason::NoConsent => "the customer has not agreed to be located".to_owned(),
        Reason::ConsentExpired => "the consent to location messaging has expired".to_owned(),
        Reason::Stopped => "the customer wants to hear nothing at all".to_owned(),
        Reason::Paused => "the campaign is paused".to_owned(),
        Reason::NotActive { until: None } => "the campaign is over".to_owned(),
        Reason::NotActive { until: Some(until) } => format!("the campaign begins {}", clock(until)),
        Reason::Stale { age } => format!("noticed too late: {age} after it happened"),
        Reason::Topic => "the customer does not want this topic".to_owned(),
        Reason::Holdout => "held out: gets nothing, so that it shows what the campaign does".to_owned(),
        Reason::JourneyStage => "at another stage of the journey".to_owned(),
        Reason::Audience => "none of those whom the campaign is for".to_owned(),
        Reason::SameVisit => "this visit had the same alert before".to_owned(),
        Reason::RegionCooldown { until } => format!("this door sent an alert; quiet until {}", clock(until)),
        Reason::PlaceCooldown { until } => format!("this place sent an alert; quiet until {}", clock(until)),
        Reason::BrandCooldown { until } => format!("this brand sent an alert; quiet until {}", clock(until)),
        Reason::Cap { scope, limit, until } => {
            let of = match scope {
                CapScope::Customer => "for one customer",
                CapScope::Brand => "of this brand",
                CapScope::Topic => "on this topic",
                CapScope::Place => "of this place",
                CapScope::Campaign => "of this campaign",
            };
            let alerts = if *limit == 1 { "alert" } else { "alerts" };
            format!("{limit} {alerts} {of} at most; the next from {}", clock(until))
        }
        Reason::Pace { until } => format!("the campaign paces itself; next {}", clock(until)),
        Reason::Gap { until } => format!("another alert came just before; next from {}", clock(until)),
        Reason::OutsideHours { until } => format!("none of the campaign's hours; next from {}", clock(until)),
        Reason::QuietHours { until } => format!("quiet hours until {}", clock(until)),
        Reason::PlaceClosed { until: Some(until) } => format!("the place is closed until {}", clock(until)),
        Reason::PlaceClosed { until: None } => "the place is closed".to_owned(),
        Reason::VisitEnded => "the visit ended while it waited".to_owned(),
        Reason::NoChannel => "none of its channels reaches the customer".to_owned(),
        Reason::MessageFailed => "its message could not be printed".to_owned(),
        Reason::VisitCooldown => "this visit had an alert before".to_owned(),
        Reason::Outranked { by } => format!("{} won", names.message(by)),
    }
}

/// Prints a timeline with its columns aligned.
#[derive(Debug, Clone)]
pub struct Printer {
    /// Local time.
    pub zone: TimeZone,
    /// Whether to use colour.
    pub colour: bool,
}

impl Printer {
    /// Uses colour where standard output is a terminal and `NO_COLOR` is empty or unset (no-color.org).
    pub fn for_stdout(zone: TimeZone) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { zone, colour: std::io::stdout().is_terminal() && !refused }
    }

    /// Prints a header and the rows.
    pub fn print(&self, out: &mut dyn Write, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(writeln!(out, "Nothing happened: the phone came into no region and left none.")?);
        }
        let widest = |cell: fn(&Row) -> &str, least: usize| {
            rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or_default().max(least)
        };
        let (place, what) = (widest(|row| &row.place, "where".len()), widest(|row| &row.what, "what happened".len()));
        writeln!(out, "{:<8}  {:<place$}  {:<what$}  why not", "time", "where", "what happened")?;
        writeln!(out, "{}", "-".repeat(8 + 2 + place + 2 + what + 2 + "why not".len()))?;
        for row in rows {
            let time = row.at.map(|at| clock(at.0, &self.zone, "%H:%M:%S")).unwrap_or_default();
            let line = format!("{time:<8}  {:<place$}  {:<what$}  {}", row.place, row.what, row.why);
            writeln!(out, "{}", self.paint(row.tone, line.trim_end()))?;
        }
        Ok(())
    }

    /// A text in the colour of its tone (ECMA-48 SGR), where colour is used.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Sent => "1;32",
            Tone::HeldBack => "2",
            Tone::Trouble => "1;31",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A moment in local time.
pub fn clock(unix_ms: i64, zone: &TimeZone, format: &str) -> String {
    let moment = Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    moment.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep::model::{CustomerId, DecisionId, DeviceId, Sequence, VisitId};

    fn denver() -> TimeZone {
        TimeZone::get("America/Denver").unwrap()
    }

    fn decision(kind: TransitionKind, verdicts: Vec<(&str, Verdict)>) -> Decision {
        let region = RegionId::parse("r", "roost-tremont").unwrap();
        // 18:03:20 UTC on 15 July 2026: 12:03:20 in Denver.
        let at = DeviceTime(1_784_138_600_000);
        let assess = |(campaign, verdict): (&str, Verdict)| Assessment {
            campaign: CampaignId::parse("c", campaign).unwrap(),
            region: region.clone(),
            transition: kind,
            policies: Vec::new().into(),
            verdict,
        };
        Decision {
            id: DecisionId::parse("d", "d1").unwrap(),
            customer: CustomerId::parse("c", "maya").unwrap(),
            device: DeviceId::parse("d", "phone-1").unwrap(),
            sequence: Sequence(1),
            observed: at,
            decided: ServerTime(at.0),
            fix: None,
            regions: Vec::new(),
            transitions: vec![Transition {
                kind,
                region: region.clone(),
                visit: VisitId::parse("v", "v1").unwrap(),
                visit_start: at - Millis::from_secs(80),
                belated: false,
                happened: at - Millis::from_secs(9),
                decided: at,
            }],
            assessments: verdicts.into_iter().map(assess).collect(),
            left_out: 0,
        }
    }

    fn walk() -> Vec<Decision> {
        let trigger = TriggerId::parse("t", "t1").unwrap();
        let by = CampaignId::parse("c", "latte").unwrap();
        let until = ServerTime(1_784_138_600_000 + 4 * 3_600_000);
        vec![
            decision(
                TransitionKind::Enter,
                vec![
                    ("coffee-week", Verdict::Suppressed(Reason::Outranked { by })),
                    ("latte", Verdict::Qualified(trigger)),
                ],
            ),
            decision(TransitionKind::Exit, Vec::new()),
            decision(TransitionKind::Enter, vec![("latte", Verdict::Suppressed(Reason::BrandCooldown { until }))]),
        ]
    }

    #[test]
    fn a_timeline_is_aligned_and_local_and_says_why_not() {
        let rows = rows(&walk(), &Names::default(), &denver(), Some(&|_| true));
        let mut out = Vec::new();
        Printer { zone: denver(), colour: false }.print(&mut out, &rows).unwrap();
        let expected = "\
time      where          what happened                    why not
-----------------------------------------------------------------
12:03:20  roost-tremont  came in 9 s ago
                           ALERT latte sent and received
                           no alert coffee-week           latte won
12:03:20  roost-tremont  left 9 s ago, after 1 min 11 s
12:03:20  roost-tremont  came in 9 s ago
                           no alert latte                 this brand sent an alert; quiet until 16:03
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn an_alert_that_did_not_arrive_stands_out() {
        let rows = rows(&walk(), &Names::default(), &denver(), Some(&|_| false));
        let row = rows.iter().find(|row| row.tone == Tone::Trouble).unwrap();
        assert!(row.what.contains("NOT RECEIVED"));
        let painted = Printer { zone: denver(), colour: true }.paint(row.tone, "x");
        assert_eq!(painted, "\u{1b}[1;31mx\u{1b}[0m");
    }

    #[test]
    fn an_end_on_another_day_has_its_day() {
        let noon = ServerTime(1_784_138_600_000);
        for (hours, words) in [(4, "next 16:03"), (24, "next Thu 16 Jul 12:03")] {
            let until = noon + Millis::from_hours(hours);
            let why = why_not(&Reason::Pace { until }, noon, &Names::default(), &denver());
            assert!(why.ends_with(words), "{why}");
        }
    }

    #[test]
    fn the_tally_counts_by_reason() {
        let tally = tally(&walk());
        assert_eq!(tally.sent.len(), 1);
        assert_eq!(tally.held_back, BTreeMap::from([("outranked", 1), ("brand cooldown", 1)]));
    }
}
