//! A decision in sentences that a marketer understands.
//!
//! ```text
//! At 12:04:10 maya's phone-1 entered Roost Welton (12 m inside, 93 % sure).
//! Latte: suppressed, brand cooldown until 16:00: 1 sent at 12:00.
//! The fix of ping 17 was taken on 2026-07-14 at 12:04:10 (America/Denver): accuracy 11 m, track sure to 6 m.
//! ```

use super::catalogue::Shelf;
use super::receipts::seen;
use crate::model::{
    Assessment, CampaignId, Decision, DeliveryAttempt, DeliveryState, Extent, FixOutcome, PolicyStep, Reason,
    Receipts, Region, RegionId, ServerTime, Transition, TransitionKind, Trigger, TriggerId, Verdict,
};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// A trigger with its delivery so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) trigger: &'a Trigger,
    pub(super) state: DeliveryState,
    pub(super) attempts: &'a [DeliveryAttempt],
    /// What the app told of it.
    pub(super) receipts: &'a Receipts,
}

/// The decision in sentences: each transition with what the campaigns made of it, then the evidence. Times are in
/// the time zone of the place at hand. Names are those of today; what was deleted since goes by its id.
pub(super) fn sentences(decision: &Decision, triggers: &[Told<'_>], shelf: &Shelf) -> Vec<String> {
    let teller = Teller { decision, triggers, shelf };
    let mut all = Vec::new();
    for transition in &decision.transitions {
        all.push(teller.transition(transition));
        let about = |assessment: &&Assessment| {
            assessment.region == transition.region && assessment.transition == transition.kind
        };
        let before = all.len();
        all.extend(decision.assessments.iter().filter(about).map(|assessment| teller.assessment(assessment)));
        if all.len() == before {
            all.push("No campaign speaks about that.".to_owned());
        }
    }
    let untold = |assessment: &&Assessment| {
        let told = |own: &Transition| own.region == assessment.region && own.kind == assessment.transition;
        !decision.transitions.iter().any(told)
    };
    let waited: Vec<&Assessment> = decision.assessments.iter().filter(untold).collect();
    if let Some(first) = waited.first() {
        all.push(teller.waited(&first.region));
    }
    all.extend(waited.into_iter().map(|assessment| teller.assessment(assessment)));
    all.push(teller.evidence());
    all
}

struct Teller<'a> {
    decision: &'a Decision,
    triggers: &'a [Told<'a>],
    shelf: &'a Shelf,
}

impl Teller<'_> {
    /// What had waited comes up again.
    fn waited(&self, region: &RegionId) -> String {
        let at = local(self.decision.decided.0, &self.zone(region)).strftime("%H:%M:%S").to_string();
        let customer = &self.decision.customer;
        format!("At {at} what had waited for {customer} in {} was settled.", self.region_name(region))
    }

    fn transition(&self, transition: &Transition) -> String {
        let Decision { customer, device, .. } = self.decision;
        let zone = self.zone(&transition.region);
        let name = self.region_name(&transition.region);
        let at = local(transition.happened.0, &zone).strftime("%H:%M:%S").to_string();
        let what = match transition.kind {
            TransitionKind::Enter => format!("entered {name}"),
            TransitionKind::Dwell => match self.region(&transition.region) {
                Some(region) => format!("had stayed in {name} for {}", region.dwell),
                None => format!("had stayed in {name} for its dwell time"),
            },
            TransitionKind::Exit => format!("left {name} after a visit of {}", transition.duration().for_people()),
            TransitionKind::Approach => format!("was heading for {name}"),
            TransitionKind::Pass => format!("passed through {name}"),
        };
        let sure = self.certainty(transition);
        let mut sentence = format!("At {at} {customer}'s {device} {what}{sure}");
        if transition.belated {
            sentence.push_str("; later pings were decided before, so that it is history and triggers nothing");
        } else if (transition.decided - transition.happened).0 >= 1_000 {
            let decided = local(transition.decided.0, &zone).strftime("%H:%M:%S").to_string();
            let _ = write!(sentence, "; the pings made it certain at {decided}");
        }
        sentence.push('.');
        sentence
    }

    /// ` (12 m inside, 93 % sure)`, or nothing where the record has no figures.
    fn certainty(&self, transition: &Transition) -> String {
        let Some(step) = self.decision.regions.iter().find(|step| step.region == transition.region) else {
            return String::new();
        };
        let percent = 100.0
            * match transition.kind {
                TransitionKind::Enter | TransitionKind::Dwell => step.probability,
                TransitionKind::Exit | TransitionKind::Approach | TransitionKind::Pass => 1.0 - step.probability,
            };
        let beacon = self.region(&transition.region).is_some_and(|region| match region.extent {
            Extent::Beacon(_) => true,
            Extent::Fence(_) => false,
        });
        let distance = step.distance.0;
        let whence = match (beacon, distance <= 0.0) {
            (true, _) => "by its beacon".to_owned(),
            (false, true) => format!("{} inside", crate::model::Metres(-distance)),
            (false, false) => format!("{} outside", step.distance),
        };
        format!(" ({whence}, {percent:.0} % sure)")
    }

    fn assessment(&self, assessment: &Assessment) -> String {
        let name = self.campaign_name(&assessment.campaign);
        match &assessment.verdict {
            Verdict::Qualified(trigger) => format!("{name}: {}.", self.delivery(trigger, &assessment.region)),
            Verdict::Held { until } => {
                let zone = self.zone(&assessment.region);
                let until = clock(*until, self.decision.decided, &zone);
                let refused =
                    assessment.policies.iter().find_map(|step| Some((step.refusal.as_ref()?, &step.detail)));
                match refused {
                    Some((why, detail)) => format!("{name}: held until {until}, {}: {detail}.", why.label()),
                    None => format!("{name}: held until {until}, to see what else there is to say."),
                }
            }
            Verdict::Suppressed(reason) => {
                let zone = self.zone(&assessment.region);
                let refused = |step: &&PolicyStep| step.refusal.is_some();
                let mut refusals = assessment.policies.iter().filter(refused);
                let detail = refusals.next().map(|step| step.detail.to_string()).unwrap_or_default();
                let mut sentence = format!("{name}: suppressed, {}", self.reason(reason, &zone));
                if !detail.is_empty() {
                    let _ = write!(sentence, ": {detail}");
                }
                let others: Vec<String> =
                    refusals.filter_map(|step| step.refusal.as_ref()).map(|why| self.reason(why, &zone)).collect();
                if !others.is_empty() {
                    let _ = write!(sentence, ". Also: {}", others.join("; "));
                }
                sentence.push('.');
                sentence
            }
        }
    }

    /// `brand cooldown until 16:00`.
    fn reason(&self, reason: &Reason, zone: &TimeZone) -> String {
        let label = reason.label();
        match (reason, reason.until()) {
            (Reason::Outranked { by }, _) => format!("{label} by {}", self.campaign_name(by)),
            (_, Some(until)) => format!("{label} until {}", clock(until, self.decision.decided, zone)),
            (_, None) => label.to_owned(),
        }
    }

    fn delivery(&self, id: &TriggerId, region: &RegionId) -> String {
        let Some(told) = self.triggers.iter().find(|told| told.trigger.id == *id) else {
            return "qualified; the trigger is no longer kept".to_owned();
        };
        let zone = self.zone(region);
        let title = &told.trigger.message.title;
        let clock = |at: ServerTime| clock(at, self.decision.decided, &zone);
        let attempts = match told.attempts.len() {
            0 => "not attempted yet".to_owned(),
            1 => "1 attempt".to_owned(),
            n => format!("{n} attempts"),
        };
        let last = told.attempts.last();
        let by = last.map(|last| last.provider.as_str()).unwrap_or_default();
        let detail = last.map(|last| last.detail.as_str()).unwrap_or_default();
        match told.state {
            DeliveryState::Pending if last.is_none() => format!("qualified, “{title}” waits to be delivered"),
            DeliveryState::Pending => {
                format!("qualified, “{title}” waits to be delivered; {attempts}, the last by {by}: {detail}")
            }
            DeliveryState::Delivered => match last {
                Some(last) if last.accepted => {
                    format!(
                        "sent “{title}”, delivered by {by} at {} ({attempts}){}",
                        clock(last.at),
                        seen(told.receipts, &clock)
                    )
                }
                Some(_) | None => format!("sent “{title}”{}", seen(told.receipts, &clock)),
            },
            DeliveryState::Expired => {
                format!(
                    "qualified, but “{title}” expired at {} undelivered ({attempts})",
                    clock(told.trigger.expires)
                )
            }
            DeliveryState::Refused => format!("qualified, but {by} refused “{title}”: {detail}"),
        }
    }

    fn evidence(&self) -> String {
        let first = self.decision.transitions.first().map(|transition| &transition.region);
        let nearest = self.decision.regions.first().map(|step| &step.region);
        let zone = first.or(nearest).map_or(TimeZone::UTC, |region| self.zone(region));
        let when = local(self.decision.observed.0, &zone).strftime("%Y-%m-%d at %H:%M:%S").to_string();
        let when = format!("{when} ({})", zone.iana_name().unwrap_or("UTC"));
        let sequence = self.decision.sequence.0;
        let Some(fix) = &self.decision.fix else {
            if sequence == 0 && self.decision.transitions.is_empty() {
                return "No ping: what had waited was asked about again.".to_owned();
            }
            if sequence == 0 {
                return format!("No ping: the silence up to {when} decided.");
            }
            return format!("Ping {sequence}, taken on {when}, had no fix; beacons decided.");
        };
        let outcome = match fix.outcome {
            FixOutcome::Accepted => "was taken into the track",
            FixOutcome::Outlier => "was set aside as too far from where the device was expected",
            FixOutcome::Inaccurate => "was set aside as too inaccurate",
            FixOutcome::Mock => "was set aside as one of a mock location provider",
            FixOutcome::Late => "was set aside because a later ping was decided already",
            FixOutcome::Reseated => "began the track anew",
            FixOutcome::Implausible => "was set aside because nothing travels there so fast",
        };
        format!(
            "The fix of ping {sequence}, taken on {when}, {outcome}: accuracy {}, track sure to {}.",
            fix.accuracy, fix.sigma
        )
    }

    fn region(&self, id: &RegionId) -> Option<&Region> {
        self.shelf.regions.get(id).map(AsRef::as_ref)
    }

    fn region_name(&self, id: &RegionId) -> String {
        self.region(id).map_or_else(|| id.to_string(), |region| region.display_name.clone())
    }

    fn campaign_name(&self, id: &CampaignId) -> String {
        self.shelf.campaigns.get(id).map_or_else(|| id.to_string(), |campaign| campaign.display_name.clone())
    }

    /// The time zone of the region's place.
    fn zone(&self, region: &RegionId) -> TimeZone {
        let place = self.region(region).and_then(|region| self.shelf.places.get(&region.place));
        place.and_then(|place| jiff::tz::db().get(&place.time_zone).ok()).unwrap_or(TimeZone::UTC)
    }
}

/// A moment in a time zone; one that the calendar does not reach counts as the epoch.
fn local(ms: i64, zone: &TimeZone) -> DateTime {
    zone.to_datetime(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// `16:00`, with seconds and the date where they tell something.
fn clock(at: ServerTime, decided: ServerTime, zone: &TimeZone) -> String {
    let (at, today) = (local(at.0, zone), local(decided.0, zone));
    let time = at.strftime(if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" }).to_string();
    if at.date() == today.date() { time } else { format!("{time} on {}", at.date()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::*;
    use std::sync::Arc;

    fn shelf() -> Shelf {
        let place = Place {
            id: PlaceId::parse("", "roost-welton").unwrap(),
            display_name: "Roost Welton".into(),
            brand: BrandId::parse("", "roost").unwrap(),
            time_zone: "America/Denver".into(),
            opening_hours: None,
            tags: Vec::new(),
        };
        let region = Region {
            id: RegionId::parse("", "welton-door").unwrap(),
            place: place.id.clone(),
            display_name: "Roost Welton".into(),
            extent: Extent::Fence(Fence::Circle(Circle {
                center: Position::new(39.744, -104.99).unwrap(),
                radius: Metres(40.0),
            })),
            dwell: Millis::from_mins(5),
            tags: Vec::new(),
        };
        let mut shelf = Shelf::default();
        shelf.places.insert(place.id.clone(), Arc::new(place));
        shelf.regions.insert(region.id.clone(), Arc::new(region));
        shelf
    }

    /// 12:04:10 in Denver.
    const NOW: i64 = 1_784_052_250_000;

    fn decision(kind: TransitionKind, verdict: Option<Verdict>, policies: Vec<PolicyStep>) -> Decision {
        let region = RegionId::parse("", "welton-door").unwrap();
        let assessment = |verdict| Assessment {
            campaign: CampaignId::parse("", "latte").unwrap(),
            region: region.clone(),
            transition: kind,
            policies: policies.into(),
            verdict,
        };
        Decision {
            id: DecisionId::parse("", "d1").unwrap(),
            customer: CustomerId::parse("", "maya").unwrap(),
            device: DeviceId::parse("", "phone-1").unwrap(),
            sequence: Sequence(17),
            observed: DeviceTime(NOW),
            decided: ServerTime(NOW),
            fix: Some(FixStep {
                outcome: FixOutcome::Accepted,
                accuracy: Metres(11.0),
                sigma: Metres(6.0),
                surprise: 0.5,
            }),
            regions: vec![RegionStep {
                region: region.clone(),
                distance: Metres(-12.0),
                probability: 0.93,
                presence: Presence::Inside,
            }],
            transitions: vec![Transition {
                kind,
                region: region.clone(),
                visit: VisitId::parse("", "v1").unwrap(),
                visit_start: DeviceTime(NOW),
                belated: false,
                happened: DeviceTime(NOW),
                decided: DeviceTime(NOW),
            }],
            assessments: verdict.map(assessment).into_iter().collect(),
            left_out: 0,
        }
    }

    fn refusal(policy: &'static str, reason: Reason, detail: &'static str) -> PolicyStep {
        PolicyStep { policy, refusal: Some(reason), detail: detail.into() }
    }

    fn check(decision: &Decision, want: &[&str]) {
        let mut got = sentences(decision, &[], &shelf());
        let evidence = got.pop().unwrap();
        assert_eq!(
            evidence,
            "The fix of ping 17, taken on 2026-07-14 at 12:04:10 (America/Denver), was taken into the track: \
             accuracy 11 m, track sure to 6 m."
        );
        assert_eq!(got, want);
    }

    #[test]
    fn a_suppression_reads_like_a_sentence() {
        let cooldown = Reason::BrandCooldown { until: ServerTime(NOW + 14_150_000) };
        let pace = Reason::Pace { until: ServerTime(NOW + 86_400_000) };
        check(
            &decision(
                TransitionKind::Enter,
                Some(Verdict::Suppressed(cooldown.clone())),
                vec![refusal("brand-cooldown", cooldown, "sent 4 min ago"), refusal("pace", pace, "used up")],
            ),
            &[
                "At 12:04:10 maya's phone-1 entered Roost Welton (12 m inside, 93 % sure).",
                "latte: suppressed, brand cooldown until 16:00: sent 4 min ago. Also: pace until 12:04:10 on 2026-07-15.",
            ],
        );
    }

    #[test]
    fn a_wait_and_what_came_of_it_read_like_sentences() {
        let quiet = Reason::QuietHours { until: ServerTime(NOW + 14_150_000) };
        let held = Verdict::Held { until: ServerTime(NOW + 14_150_000) };
        check(
            &decision(TransitionKind::Enter, Some(held), vec![refusal("quiet-hours", quiet, "Tuesday 12:04 there")]),
            &[
                "At 12:04:10 maya's phone-1 entered Roost Welton (12 m inside, 93 % sure).",
                "latte: held until 16:00, quiet hours: Tuesday 12:04 there.",
            ],
        );
        let ended = Verdict::Suppressed(Reason::VisitEnded);
        let steps = vec![refusal("held", Reason::VisitEnded, "waited 4 min for hours")];
        let mut again = decision(TransitionKind::Enter, Some(ended), steps);
        (again.transitions, again.sequence, again.fix) = (Vec::new(), Sequence(0), None);
        assert_eq!(
            sentences(&again, &[], &shelf()),
            [
                "At 12:04:10 what had waited for maya in Roost Welton was settled.",
                "latte: suppressed, visit ended: waited 4 min for hours.",
                "No ping: what had waited was asked about again.",
            ]
        );
    }

    #[test]
    fn who_is_held_out_is_told_so() {
        let refusal = Some(Reason::Holdout);
        let steps = vec![PolicyStep { policy: "holdout", refusal, detail: Detail::HeldOut(250) }];
        check(
            &decision(TransitionKind::Enter, Some(Verdict::Suppressed(Reason::Holdout)), steps),
            &[
                "At 12:04:10 maya's phone-1 entered Roost Welton (12 m inside, 93 % sure).",
                "latte: suppressed, holdout: among the 2.5 % who get nothing.",
            ],
        );
    }

    #[test]
    fn each_kind_of_transition_has_its_words() {
        check(
            &decision(TransitionKind::Dwell, None, Vec::new()),
            &[
                "At 12:04:10 maya's phone-1 had stayed in Roost Welton for 5 min (12 m inside, 93 % sure).",
                "No campaign speaks about that.",
            ],
        );
        let by = CampaignId::parse("", "espresso").unwrap();
        let outranked = Verdict::Suppressed(Reason::Outranked { by });
        let mut left = decision(TransitionKind::Exit, Some(outranked), Vec::new());
        left.transitions[0].visit_start = DeviceTime(NOW - 125_000);
        check(
            &left,
            &[
                "At 12:04:10 maya's phone-1 left Roost Welton after a visit of 2 min 5 s (12 m inside, 7 % sure).",
                "latte: suppressed, outranked by espresso.",
            ],
        );
        let mut belated = decision(TransitionKind::Enter, None, Vec::new());
        belated.transitions[0].belated = true;
        check(
            &belated,
            &[
                "At 12:04:10 maya's phone-1 entered Roost Welton (12 m inside, 93 % sure); later pings were decided \
                 before, so that it is history and triggers nothing.",
                "No campaign speaks about that.",
            ],
        );
    }
}
