//! `campaign latte  brand=roost  on=enter  topic=offers  cap=1/day  cooldown.brand=4h …`

use super::words::{Day, Read, Words, id, ids, number, span, unknown, value};
use doorstep::model::campaign::{CHANNELS_DEFAULT, PRIORITY_DEFAULT, TIME_TO_LIVE_DEFAULT};
use doorstep::model::{
    ActiveWindow, BrandId, Calendar, Campaign, CampaignId, Cap, CapScope, CapWindow, Channel, Cooldown, DailySpan,
    JourneyId, JourneyStep, Message, Millis, OutsideHours, Pace, RegionId, RegionSelector, ServerTime, StageId, Tag,
    TopicId, TransitionKind, Weekdays, WeeklySpan,
};

const KNOWN: &str = "region=, brand=, tag=, on=, topic=, stage=, advance=, cap=, cap.brand=, cap.topic=, cap.place=, cap.campaign=, \
    cooldown.region=, cooldown.place=, cooldown.brand=, cooldown.visit, gap=, hours=, channels=, pace=, priority=, value=, active=, ttl=, \
    holdout=, salt=, variants=, converts=, transactional, while-closed, hold and paused";

/// Reads what follows the word `campaign`. The topic is `offers` where none is given.
pub(super) fn read(mut words: Words<'_>, day: Option<&Day>) -> Read<Campaign> {
    let name = words.take("the campaign's id")?;
    let mut campaign = Campaign {
        id: id("campaign", name, CampaignId::parse)?,
        display_name: name.to_owned(),
        regions: RegionSelector::default(),
        on: TransitionKind::Enter,
        topic: id("topic", "offers", TopicId::parse)?,
        message: Message { title: name.to_owned(), body: name.to_owned(), ..Message::default() },
        cooldown: Cooldown::default(),
        caps: Vec::new(),
        pace: None,
        priority: PRIORITY_DEFAULT,
        value: 0.0,
        active: ActiveWindow::default(),
        paused: false,
        time_to_live: TIME_TO_LIVE_DEFAULT,
        min_gap: None,
        transactional: false,
        hours: Vec::new(),
        while_closed: false,
        outside_hours: OutsideHours::Drop,
        audience: None,
        journey: None,
        measure: doorstep::model::Measure::default(),
        channels: CHANNELS_DEFAULT.to_vec(),
    };
    for (key, text) in words.settings() {
        take(&mut campaign, key, text, day)?;
    }
    if campaign.regions == RegionSelector::default() {
        return Err("applies nowhere; write region=…, brand=… or tag=…".to_owned());
    }
    Ok(campaign)
}

fn take(campaign: &mut Campaign, key: &str, text: Option<&str>, day: Option<&Day>) -> Read<()> {
    match (key, text) {
        ("paused", None) => campaign.paused = true,
        ("hold", None) => campaign.outside_hours = OutsideHours::Hold,
        ("while-closed", None) => campaign.while_closed = true,
        ("transactional", None) => campaign.transactional = true,
        ("cooldown.visit", None) => campaign.cooldown.visit = true,
        (key, text) => return set(campaign, key, text, day),
    }
    Ok(())
}

fn set(campaign: &mut Campaign, key: &str, text: Option<&str>, day: Option<&Day>) -> Read<()> {
    if let Some(scope) = scope(key) {
        campaign.caps.push(cap(key, scope, value(key, text)?)?);
        return Ok(());
    }
    if super::measure::set(&mut campaign.measure, key, text.unwrap_or_default())? {
        return Ok(());
    }
    match key {
        "region" => campaign.regions.regions = ids(key, value(key, text)?, RegionId::parse)?,
        "brand" => campaign.regions.brands = ids(key, value(key, text)?, BrandId::parse)?,
        "tag" => campaign.regions.tags = ids(key, value(key, text)?, Tag::parse)?,
        "on" => {
            campaign.on = match value(key, text)? {
                "enter" => TransitionKind::Enter,
                "dwell" => TransitionKind::Dwell,
                "exit" => TransitionKind::Exit,
                "approach" => TransitionKind::Approach,
                "pass" => TransitionKind::Pass,
                other => return Err(unknown(other, "enter, dwell, exit, approach and pass")),
            }
        }
        "stage" | "advance" => {
            let wrong = || format!("has {key} without a stage; write {key}=JOURNEY/STAGE");
            let (journey, stage) = value(key, text)?.split_once('/').ok_or_else(wrong)?;
            let (journey, stage) = (id(key, journey, JourneyId::parse)?, id(key, stage, StageId::parse)?);
            campaign.journey = Some(JourneyStep { journey, stage, advances: key == "advance" });
        }
        "topic" => campaign.topic = id(key, value(key, text)?, TopicId::parse)?,
        "cooldown.region" => campaign.cooldown.region = Some(span(key, value(key, text)?)?),
        "cooldown.place" => campaign.cooldown.place = Some(span(key, value(key, text)?)?),
        "cooldown.brand" => campaign.cooldown.brand = Some(span(key, value(key, text)?)?),
        "gap" => campaign.min_gap = Some(span(key, value(key, text)?)?),
        "hours" => campaign.hours.push(weekly(value(key, text)?)?),
        "channels" => {
            let channel = |name: &str| match name {
                "in-app" => Ok(Channel::InApp),
                "push" => Ok(Channel::Push),
                other => Err(unknown(other, "in-app and push")),
            };
            campaign.channels = value(key, text)?.split(',').map(channel).collect::<Read<_>>()?;
        }
        "pace" => {
            let (burst, refill) = rate(key, value(key, text)?)?;
            campaign.pace = Some(Pace { burst, refill });
        }
        "priority" => campaign.priority = number(key, value(key, text)?)?,
        "value" => campaign.value = number(key, value(key, text)?)?,
        "active" => campaign.active = window(value(key, text)?, day)?,
        "ttl" => campaign.time_to_live = span(key, value(key, text)?)?,
        other => return Err(unknown(other, KNOWN)),
    }
    Ok(())
}

fn scope(key: &str) -> Option<CapScope> {
    match key {
        "cap" | "cap.customer" => Some(CapScope::Customer),
        "cap.brand" => Some(CapScope::Brand),
        "cap.topic" => Some(CapScope::Topic),
        "cap.place" => Some(CapScope::Place),
        "cap.campaign" => Some(CapScope::Campaign),
        _ => None,
    }
}

/// `mon-fri@09:00-18:00`, `sat@…`, or `09:00-18:00` on every day.
fn weekly(text: &str) -> Read<WeeklySpan> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let (days, hours) = text.split_once('@').unwrap_or(("mon-sun", text));
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let day = |name: &str| DAYS.iter().position(|day| *day == name).and_then(|day| u8::try_from(day).ok());
    let days = day(first).zip(day(last)).ok_or_else(|| unknown(days, "mon to sun, or such as mon-fri"))?;
    let hours = DailySpan::parse("hours", hours).map_err(|why| why.to_string())?;
    Ok(WeeklySpan { days: Weekdays::of(days.0..=days.1), hours })
}

/// `3/day`, `3/calendar-day` or `3/calendar-week`.
fn cap(key: &str, scope: CapScope, text: &str) -> Read<Cap> {
    let calendar =
        |limit, calendar| Ok(Cap { scope, limit: number(key, limit)?, window: CapWindow::Calendar(calendar) });
    match text.split_once("/calendar-") {
        Some((limit, "day")) => calendar(limit, Calendar::Day),
        Some((limit, "week")) => calendar(limit, Calendar::Week),
        Some(_) | None => {
            let (limit, window) = rate(key, text)?;
            Ok(Cap { scope, limit, window: CapWindow::Rolling(window) })
        }
    }
}

/// `3/day`: how many, and in or after how long.
fn rate(key: &str, text: &str) -> Read<(u32, Millis)> {
    let (count, time) =
        text.split_once('/').ok_or_else(|| format!("has {key}={text}; must be such as {key}=1/day"))?;
    Ok((number(key, count)?, span(key, time)?))
}

/// `12:00..14:00`; a side that is left out is open.
fn window(text: &str, day: Option<&Day>) -> Read<ActiveWindow> {
    let (from, until) =
        text.split_once("..").ok_or_else(|| format!("has active={text}; must be such as active=12:00..14:00"))?;
    let day = day.ok_or("has active= before the day; write day 2026-07-15 America/Denver above it")?;
    let side = |text: &str| (!text.is_empty()).then(|| day.moment(text).map(ServerTime)).transpose();
    Ok(ActiveWindow { start: side(from)?, end: side(until)? })
}
