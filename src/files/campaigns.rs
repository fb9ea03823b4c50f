//! Campaigns as YAML: a list under `campaigns`.

use super::{FileError, parse_span};
use crate::message;
use crate::model::campaign::{CHANNELS_DEFAULT, PRIORITY_DEFAULT, TIME_TO_LIVE_DEFAULT};
use crate::model::{
    ActiveWindow, BrandId, Calendar, Campaign, CampaignId, Cap, CapScope, CapWindow, Cooldown, Invalid, JourneyId,
    JourneyStep, Pace, RegionId, RegionSelector, StageId, Tag, TopicId, TransitionKind,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    campaigns: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    name: Option<String>,
    regions: Selector,
    #[serde(default)]
    on: Kind,
    topic: String,
    message: super::messages::Text,
    #[serde(default)]
    cooldown: Cooldowns,
    #[serde(default)]
    caps: Vec<CapEntry>,
    #[serde(default)]
    pace: Option<PaceEntry>,
    #[serde(default)]
    priority: Option<u8>,
    #[serde(default)]
    value: f64,
    #[serde(default)]
    active: Window,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    time_to_live: Option<String>,
    #[serde(default)]
    min_gap: Option<String>,
    #[serde(default)]
    transactional: bool,
    #[serde(default)]
    hours: Vec<super::hours::Entry>,
    #[serde(default)]
    while_closed: bool,
    #[serde(default)]
    outside_hours: super::hours::Outside,
    audience: Option<super::rules::Entry>,
    #[serde(default)]
    journey: Option<StepEntry>,
    #[serde(default)]
    holdout: Option<String>,
    #[serde(default)]
    experiment_salt: Option<String>,
    #[serde(default)]
    variants: Vec<super::measure::VariantEntry>,
    #[serde(default)]
    conversions: Vec<super::measure::ConversionEntry>,
    #[serde(default)]
    channels: Vec<super::messages::ChannelEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Selector {
    regions: Vec<String>,
    brands: Vec<String>,
    tags: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Enter,
    Dwell,
    Exit,
    Approach,
    Pass,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Cooldowns {
    region: Option<String>,
    place: Option<String>,
    brand: Option<String>,
    visit: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CapEntry {
    #[serde(default)]
    scope: Scope,
    limit: u32,
    #[serde(default)]
    window: Option<String>,
    #[serde(default)]
    calendar: Option<Period>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Period {
    Day,
    Week,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    #[default]
    Customer,
    Brand,
    Topic,
    Place,
    Campaign,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaceEntry {
    burst: u32,
    refill: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Window {
    from: Option<String>,
    until: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepEntry {
    id: String,
    stage: String,
    #[serde(default)]
    advance: bool,
}

/// Reads campaigns, and checks their templates. An error names line and column, or the campaign by its index and the field by its path.
pub fn read_campaigns(text: &str) -> Result<Vec<Campaign>, FileError> {
    let file: File = serde_norway::from_str(text)?;
    let campaigns = file.campaigns.into_iter().enumerate();
    Ok(campaigns
        .map(|(index, entry)| {
            let checked = |own: Campaign| message::check(&own).map(|()| own);
            campaign(entry).and_then(checked).map_err(|why| why.at("campaigns", index))
        })
        .collect::<Result<_, _>>()?)
}

fn campaign(entry: Entry) -> Result<Campaign, Invalid> {
    let set = |spans: &Cooldowns| -> Result<Cooldown, Invalid> {
        let read = |field, text: &Option<String>| text.as_deref().map(|text| parse_span(field, text)).transpose();
        Ok(Cooldown {
            region: read("region", &spans.region)?,
            place: read("place", &spans.place)?,
            brand: read("brand", &spans.brand)?,
            visit: spans.visit,
        })
    };
    Ok(Campaign {
        display_name: entry.name.unwrap_or_else(|| entry.id.clone()),
        id: CampaignId::parse("id", &entry.id)?,
        regions: selector(&entry.regions).map_err(|why| why.under("regions"))?,
        on: match entry.on {
            Kind::Enter => TransitionKind::Enter,
            Kind::Dwell => TransitionKind::Dwell,
            Kind::Exit => TransitionKind::Exit,
            Kind::Approach => TransitionKind::Approach,
            Kind::Pass => TransitionKind::Pass,
        },
        topic: TopicId::parse("topic", &entry.topic)?,
        message: super::messages::message(entry.message).map_err(|why| why.under("message"))?,
        cooldown: set(&entry.cooldown).map_err(|why| why.under("cooldown"))?,
        caps: entry
            .caps
            .iter()
            .enumerate()
            .map(|(index, entry)| cap(entry).map_err(|why| why.at("caps", index)))
            .collect::<Result<_, _>>()?,
        pace: entry
            .pace
            .map(|pace| Ok(Pace { burst: pace.burst, refill: parse_span("pace.refill", &pace.refill)? }))
            .transpose()?,
        priority: entry.priority.unwrap_or(PRIORITY_DEFAULT),
        value: entry.value,
        active: ActiveWindow {
            start: entry.active.from.as_deref().map(|text| super::moment("active.from", text)).transpose()?,
            end: entry.active.until.as_deref().map(|text| super::moment("active.until", text)).transpose()?,
        },
        paused: entry.paused,
        time_to_live: match &entry.time_to_live {
            Some(text) => parse_span("time_to_live", text)?,
            None => TIME_TO_LIVE_DEFAULT,
        },
        min_gap: entry.min_gap.as_deref().map(|text| parse_span("min_gap", text)).transpose()?,
        transactional: entry.transactional,
        hours: super::hours::weekly(&entry.hours)?,
        while_closed: entry.while_closed,
        outside_hours: entry.outside_hours.into(),
        audience: entry.audience.map(super::rules::rule).transpose().map_err(|why| why.under("audience"))?,
        journey: entry.journey.as_ref().map(step).transpose().map_err(|why| why.under("journey"))?,
        measure: super::measure::measure(
            entry.holdout.as_deref(),
            entry.experiment_salt,
            entry.variants,
            entry.conversions,
        )?,
        channels: if entry.channels.is_empty() {
            CHANNELS_DEFAULT.to_vec()
        } else {
            entry.channels.into_iter().map(Into::into).collect()
        },
    })
}

fn step(entry: &StepEntry) -> Result<JourneyStep, Invalid> {
    Ok(JourneyStep {
        journey: JourneyId::parse("id", &entry.id)?,
        stage: StageId::parse("stage", &entry.stage)?,
        advances: entry.advance,
    })
}

fn selector(selector: &Selector) -> Result<RegionSelector, Invalid> {
    Ok(RegionSelector {
        regions: selector.regions.iter().map(|id| RegionId::parse("regions", id)).collect::<Result<_, _>>()?,
        brands: selector.brands.iter().map(|id| BrandId::parse("brands", id)).collect::<Result<_, _>>()?,
        tags: selector.tags.iter().map(|id| Tag::parse("tags", id)).collect::<Result<_, _>>()?,
    })
}

fn cap(entry: &CapEntry) -> Result<Cap, Invalid> {
    let scope = match entry.scope {
        Scope::Customer => CapScope::Customer,
        Scope::Brand => CapScope::Brand,
        Scope::Topic => CapScope::Topic,
        Scope::Place => CapScope::Place,
        Scope::Campaign => CapScope::Campaign,
    };
    let window = match (&entry.window, entry.calendar) {
        (Some(text), None) => CapWindow::Rolling(parse_span("window", text)?),
        (None, Some(Period::Day)) => CapWindow::Calendar(Calendar::Day),
        (None, Some(Period::Week)) => CapWindow::Calendar(Calendar::Week),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Invalid::new(
                "window",
                "and calendar: exactly one must be given, such as window: 1d or calendar: day",
            ));
        }
    };
    Ok(Cap { scope, limit: entry.limit, window })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Millis, OutsideHours, ServerTime};

    const LATTE: &str = "campaigns:\n- id: latte\n  regions: { brands: [roost] }\n  topic: offers\n  message: { title: A latte, body: On us }\n  cooldown: { brand: 4h }\n  caps: [ { limit: 1, window: 1d } ]\n  active: { from: 2026-05-01T00:00:00-06:00 }\n";

    #[test]
    fn a_campaign_reads_with_its_defaults() {
        let campaigns = read_campaigns(LATTE).unwrap();
        let latte = &campaigns[0];
        assert_eq!(latte.on, TransitionKind::Enter);
        assert_eq!(latte.cooldown.brand, Some(Millis::from_hours(4)));
        assert_eq!(
            latte.caps[0],
            Cap { scope: CapScope::Customer, limit: 1, window: CapWindow::Rolling(Millis::from_days(1)) }
        );
        assert_eq!(latte.active.start, Some(ServerTime(1_777_615_200_000)));
        assert_eq!((latte.priority, latte.time_to_live), (50, Millis::from_mins(15)));
    }

    #[test]
    fn times_and_limits_read() {
        let text = LATTE.replace("cooldown: { brand: 4h }", "cooldown: { visit: true }\n  min_gap: 30m").replace(
            "[ { limit: 1, window: 1d } ]",
            "[ { limit: 1, calendar: day }, { scope: brand, limit: 3, calendar: week } ]\n  hours: [ { days: [mon, sun], from: 09:00, until: 18:00 }, { from: 20:00, until: 02:00 } ]\n  outside_hours: hold\n  while_closed: true",
        );
        let latte = &read_campaigns(&text).unwrap()[0];
        assert!(latte.cooldown.visit && latte.while_closed && !latte.transactional);
        assert_eq!((latte.min_gap, latte.outside_hours), (Some(Millis::from_mins(30)), OutsideHours::Hold));
        let windows: Vec<_> = latte.caps.iter().map(|cap| cap.window).collect();
        assert_eq!(windows, [CapWindow::Calendar(Calendar::Day), CapWindow::Calendar(Calendar::Week)]);
        let hours: Vec<_> = latte.hours.iter().map(|span| format!("{} {}", span.days, span.hours)).collect();
        assert_eq!(hours, ["Mon, Sun 09:00-18:00", "daily 20:00-02:00"]);
        for (from, to, place) in [
            ("from: 09:00", "from: nine", "campaigns[0].hours[0].from"),
            ("until: 02:00", "until: 20:00", "campaigns[0].hours[1].until"),
            ("min_gap: 30m", "min_gap: long", "campaigns[0].min_gap"),
            ("calendar: week", "calendar: month", "unknown variant `month`"),
        ] {
            let refusal = read_campaigns(&text.replace(from, to)).unwrap_err();
            let refusal = format!("{:#}", anyhow::Error::from(refusal));
            assert!(refusal.contains(place), "{refusal}");
        }
    }

    #[test]
    fn refusals_say_where() {
        for (from, to, place) in [
            ("brand: 4h", "brand: soon", "campaigns[0].cooldown.brand"),
            ("window: 1d", "window: 1y", "campaigns[0].caps[0].window"),
            ("window: 1d", "window: 1d, calendar: day", "campaigns[0].caps[0].window"),
            ("id: latte", "id: a b", "campaigns[0].id"),
            ("topic: offers", "tpic: offers", "unknown field `tpic`"),
            ("2026-05-01T00:00:00-06:00", "May", "campaigns[0].active.from"),
        ] {
            let refusal = read_campaigns(&LATTE.replace(from, to)).unwrap_err();
            let refusal = format!("{:#}", anyhow::Error::from(refusal));
            assert!(refusal.contains(place), "{refusal}");
        }
    }
}
