//! The names that templates know, and what they stand for.

use super::Scene;
use crate::model::{CampaignId, Scalar, ServerTime, Tag, TopicId, TransitionKind};
use crate::qualify::Tally;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use liquid_core::Value;
use std::fmt::Display;

/// What names begin with.
pub(super) const ROOTS: [&str; 5] = ["customer", "place", "region", "event", "campaign"];
/// The names of lists.
pub(super) const LISTS: &str = "customer.topics, place.tags and region.tags";

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value.
    Text,
    /// Several texts.
    List,
}

const CUSTOMER: &str = "id, locale, topics, traits.NAME, events.NAME and last_event";
const EVENT_SUMS: &str = "count, channel, date, worth and properties.NAME";
const LAST_EVENT: &str = "name, channel, date, worth and properties.NAME";

/// What a name stands for; fails with the names that are known in its stead.
pub(super) fn kind(path: &[String]) -> Result<Kind, String> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let known = match parts.as_slice() {
        ["customer", "topics"] | ["place" | "region", "tags"] => return Ok(Kind::List),
        ["customer", "id" | "locale"]
        | ["customer", "traits", _]
        | ["customer", "events", _, "count" | "channel" | "date" | "worth"]
        | ["customer", "events", _, "properties", _]
        | ["customer", "last_event", "name" | "channel" | "date" | "worth"]
        | ["customer", "last_event", "properties", _]
        | ["place", "id" | "name" | "brand" | "time_zone"]
        | ["region", "id" | "name"]
        | ["event", "kind" | "time" | "date" | "hour" | "weekday"]
        | ["campaign", "id" | "name" | "topic"] => return Ok(Kind::Text),
        ["customer", "events", ..] => format!("of an event known are {EVENT_SUMS}"),
        ["customer", "last_event", ..] => format!("of the last event known are {LAST_EVENT}"),
        ["customer", ..] => format!("of customer known are {CUSTOMER}"),
        ["place", ..] => "of place known are id, name, brand, time_zone and tags".to_owned(),
        ["region", ..] => "of region known are id, name and tags".to_owned(),
        ["event", ..] => "of event known are kind, time, date, hour and weekday".to_owned(),
        ["campaign", ..] => "of campaign known are id, name and topic".to_owned(),
        _ => format!("known are {}", ROOTS.join(", ")),
    };
    Err(format!("there is no {}; {known}", path.join(".")))
}

/// The value of a name that is known; absent where nothing is known of this customer.
pub(super) fn value(path: &[String], scene: &Scene<'_>) -> Option<Value> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let Scene { customer, place, region, campaign, .. } = scene;
    match parts.as_slice() {
        ["customer", "id"] => Some(text(&customer.id)),
        ["customer", "locale"] => Some(text(&scene.locale)),
        ["customer", "topics"] => Some(list(customer.topics.iter().map(|(topic, _)| TopicId::as_str(topic)))),
        ["customer", "traits", name] => customer.traits.get(*name).map(scalar),
        ["customer", "events", name, rest @ ..] => {
            scene.events.tallies.get(*name).and_then(|own| of_event(own, rest))
        }
        ["customer", "last_event", rest @ ..] => {
            let last = scene.events.tallies.iter().max_by_key(|(name, own)| (own.last, *name));
            let (name, own) = last?;
            if rest == ["name"] { Some(text(name)) } else { of_event(own, rest) }
        }
        ["place", "id"] => Some(text(&place.id)),
        ["place", "name"] => Some(text(&place.display_name)),
        ["place", "brand"] => Some(text(&place.brand)),
        ["place", "time_zone"] => Some(text(&place.time_zone)),
        ["place", "tags"] => Some(list(place.tags.iter().map(Tag::as_str))),
        ["region", "id"] => Some(text(&region.id)),
        ["region", "name"] => Some(text(&region.display_name)),
        ["region", "tags"] => Some(list(region.tags.iter().map(Tag::as_str))),
        ["event", what] => of_transition(what, scene),
        ["campaign", "id"] => Some(text(&CampaignId::to_string(&campaign.id))),
        ["campaign", "name"] => Some(text(&campaign.display_name)),
        ["campaign", "topic"] => Some(text(&campaign.topic)),
        _ => None,
    }
}

fn of_event(own: &Tally, rest: &[&str]) -> Option<Value> {
    match rest {
        ["count"] => Some(Value::scalar(i64::try_from(own.count).unwrap_or(i64::MAX))),
        ["channel"] => Some(text(&own.channel.word())),
        ["date"] => Some(text(&local(own.last, "UTC").strftime("%Y-%m-%d"))),
        ["worth"] => own.worth.map(|worth| text(&worth)),
        ["properties", name] => own.properties.get(*name).map(scalar),
        _ => None,
    }
}

fn of_transition(what: &str, scene: &Scene<'_>) -> Option<Value> {
    let kind = match scene.on {
        TransitionKind::Enter => "enter",
        TransitionKind::Dwell => "dwell",
        TransitionKind::Exit => "exit",
        TransitionKind::Approach => "approach",
        TransitionKind::Pass => "pass",
    };
    let at = local(scene.happened, scene.zone);
    match what {
        "kind" => Some(text(&kind)),
        "time" => Some(text(&at.strftime("%H:%M"))),
        "date" => Some(text(&at.strftime("%Y-%m-%d"))),
        "hour" => Some(Value::scalar(i64::from(at.hour()))),
        "weekday" => Some(text(&at.strftime("%a").to_string().to_lowercase())),
        _ => None,
    }
}

fn local(at: ServerTime, zone: &str) -> DateTime {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::get(zone).unwrap_or(TimeZone::UTC).to_datetime(at)
}

/// A text, without what no phone shows: control characters other than the end of a line.
fn text(shown: &impl Display) -> Value {
    let shown = shown.to_string();
    Value::scalar(shown.chars().filter(|c| !c.is_control() || *c == '\n').collect::<String>())
}

fn list<'a>(all: impl Iterator<Item = &'a str>) -> Value {
    Value::Array(all.map(|one| text(&one)).collect())
}

fn scalar(own: &Scalar) -> Value {
    match own {
        Scalar::Text(own) => text(own),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole, and far within its range")]
        Scalar::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => Value::scalar(*number as i64),
        Scalar::Number(number) => Value::scalar(*number),
        Scalar::Flag(flag) => Value::scalar(*flag),
    }
}
