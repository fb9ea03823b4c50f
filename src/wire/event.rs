//! Events, traits, and the values of both.

use super::{choice, each, finite, name, required, time, unknown_choice, v1};
use crate::model::event::{PROPERTIES_MAX, TEXT_MAX, TRAITS_MAX};
use crate::model::invalid::{at_most, text};
use crate::model::{
    Currency, CustomerId, Event, EventChannel, EventId, EventName, Invalid, Money, PropertyName, Scalar, TraitChange,
    TraitName, Traits,
};
use crate::qualify::{DaySum, Events, Tally};
use std::collections::{BTreeMap, HashMap};

const CHANGES_MAX: usize = 100;
const MICROS_PER_UNIT: f64 = 1_000_000.0;
const CHANNELS: &str = "WEB, EMAIL, TILL or APP";

impl TryFrom<v1::Scalar> for Scalar {
    type Error = Invalid;

    fn try_from(wire: v1::Scalar) -> Result<Self, Invalid> {
        use v1::scalar::Kind;
        match wire.kind {
            None => Err(Invalid::new("kind", "is absent; must be a text, a number or a flag")),
            Some(Kind::Text(value)) => Ok(Self::Text(text("text", &value, 0, TEXT_MAX)?)),
            Some(Kind::Number(value)) => Ok(Self::Number(finite("number", value)?)),
            Some(Kind::Flag(value)) => Ok(Self::Flag(value)),
        }
    }
}

impl From<&Scalar> for v1::Scalar {
    fn from(scalar: &Scalar) -> Self {
        use v1::scalar::Kind;
        Self {
            kind: Some(match scalar {
                Scalar::Text(text) => Kind::Text(text.clone()),
                Scalar::Number(number) => Kind::Number(*number),
                Scalar::Flag(flag) => Kind::Flag(*flag),
            }),
        }
    }
}

impl TryFrom<v1::Amount> for Money {
    type Error = Invalid;

    fn try_from(wire: v1::Amount) -> Result<Self, Invalid> {
        Self::new("value", wire.value, Currency::parse("currency", &wire.currency)?)
    }
}

impl From<&Money> for v1::Amount {
    fn from(money: &Money) -> Self {
        Self { value: money.units(), currency: money.currency.to_string() }
    }
}

/// Parses an event, and whose it is.
pub fn event(wire: v1::Event) -> Result<(CustomerId, Event), Invalid> {
    let customer = name::customer("customer", &wire.customer)?;
    let event = Event {
        id: EventId::parse("event_id", &wire.event_id)?,
        name: EventName::parse("event_name", &wire.event_name)?,
        at: time::server_time("event_time", required("event_time", wire.event_time)?)?,
        channel: match choice("channel", wire.channel, CHANNELS)? {
            v1::EventChannel::Unspecified => return Err(unknown_choice("channel", "UNSPECIFIED", CHANNELS)),
            known => channel("channel", known)?,
        },
        properties: properties("properties", wire.properties)?,
        worth: wire.worth.map(Money::try_from).transpose().map_err(|why| why.under("worth"))?,
    };
    Ok((customer, event))
}

/// A customer's event as it is sent out.
pub fn event_message(customer: &CustomerId, event: &Event) -> v1::Event {
    v1::Event {
        customer: name::customer_name(customer),
        event_id: event.id.to_string(),
        event_name: event.name.to_string(),
        event_time: Some(event.at.into()),
        channel: v1::EventChannel::from(event.channel).into(),
        properties: scalars_message(&event.properties),
        worth: event.worth.as_ref().map(Into::into),
    }
}

/// Parses traits.
pub(super) fn traits(wire: HashMap<String, v1::Scalar>) -> Result<Traits, Invalid> {
    scalars("traits", wire, TRAITS_MAX, TraitName::parse)
}

/// Parses properties.
pub(super) fn properties(
    field: &str,
    wire: HashMap<String, v1::Scalar>,
) -> Result<BTreeMap<PropertyName, Scalar>, Invalid> {
    scalars(field, wire, PROPERTIES_MAX, PropertyName::parse)
}

/// Values by name, as they are sent out.
pub(super) fn scalars_message<K: ToString>(scalars: &BTreeMap<K, Scalar>) -> HashMap<String, v1::Scalar> {
    scalars.iter().map(|(name, value)| (name.to_string(), value.into())).collect()
}

/// Parses changes of traits.
pub fn trait_changes(wire: Vec<v1::TraitChange>) -> Result<Vec<TraitChange>, Invalid> {
    if wire.is_empty() {
        return Err(Invalid::new("changes", "is empty; must have at least one change"));
    }
    at_most("changes", wire.len(), CHANGES_MAX)?;
    each("changes", wire, trait_change)
}

fn trait_change(wire: v1::TraitChange) -> Result<TraitChange, Invalid> {
    use v1::trait_change::Change;
    let name = TraitName::parse("trait_name", &wire.trait_name)?;
    match wire.change {
        None => Err(Invalid::new("change", "is absent; must be set, unset or increment")),
        Some(Change::Set(value)) => {
            Ok(TraitChange::Set(name, value.try_into().map_err(|why: Invalid| why.under("set"))?))
        }
        Some(Change::Unset(true)) => Ok(TraitChange::Unset(name)),
        Some(Change::Unset(false)) => Err(Invalid::new("unset", "is false; must be true, or another change")),
        Some(Change::Increment(by)) => Ok(TraitChange::Increment(name, finite("increment", by)?)),
    }
}

fn scalars<K: Ord>(
    field: &str,
    wire: HashMap<String, v1::Scalar>,
    most: usize,
    parse: impl Fn(&str, &str) -> Result<K, Invalid>,
) -> Result<BTreeMap<K, Scalar>, Invalid> {
    at_most(field, wire.len(), most)?;
    // In the order of names, so that of several wrong ones the same is told each time.
    let wire: BTreeMap<String, v1::Scalar> = wire.into_iter().collect();
    wire.into_iter()
        .map(|(name, value)| {
            let shown: String = name.chars().take(40).collect();
            let at = format!("{field}[{shown:?}]");
            let name =
                parse(&at, &name).map_err(|why| Invalid::new(at.clone(), format!("as a key {}", why.problem)))?;
            Ok((name, Scalar::try_from(value).map_err(|why| why.under(&at))?))
        })
        .collect()
}

impl From<EventChannel> for v1::EventChannel {
    fn from(channel: EventChannel) -> Self {
        match channel {
            EventChannel::Web => Self::Web,
            EventChannel::Email => Self::Email,
            EventChannel::Till => Self::Till,
            EventChannel::App => Self::App,
        }
    }
}

/// The channel that a message names.
pub(super) fn channel(field: &str, wire: v1::EventChannel) -> Result<EventChannel, Invalid> {
    match wire {
        v1::EventChannel::Unspecified => Err(unknown_choice(field, "UNSPECIFIED", CHANNELS)),
        v1::EventChannel::Web => Ok(EventChannel::Web),
        v1::EventChannel::Email => Ok(EventChannel::Email),
        v1::EventChannel::Till => Ok(EventChannel::Till),
        v1::EventChannel::App => Ok(EventChannel::App),
    }
}

/// What is kept of a customer's events, for people.
pub(super) fn summaries(events: &Events) -> Vec<v1::EventSummary> {
    events.tallies.iter().map(|(name, tally)| summary(name, tally)).collect()
}

fn summary(name: &EventName, tally: &Tally) -> v1::EventSummary {
    v1::EventSummary {
        event_name: name.to_string(),
        count: i64::try_from(tally.count).unwrap_or(i64::MAX),
        first_time: Some(tally.first.into()),
        last_time: Some(tally.last.into()),
        last_channel: v1::EventChannel::from(tally.channel).into(),
        last_properties: scalars_message(&tally.properties),
        last_worth: tally.worth.as_ref().map(Into::into),
        totals: amounts(&tally.totals),
        days: tally.days.iter().map(|(day, sum)| event_day(*day, sum)).collect(),
    }
}

fn event_day(day: i32, sum: &DaySum) -> v1::EventDay {
    let noon = jiff::Timestamp::from_second(i64::from(day) * 86_400).unwrap_or_default();
    v1::EventDay {
        date: noon.strftime("%Y-%m-%d").to_string(),
        count: i32::try_from(sum.count).unwrap_or(i32::MAX),
        totals: amounts(&sum.worth),
    }
}

fn amounts(sums: &BTreeMap<Currency, i64>) -> Vec<v1::Amount> {
    let amount = |(currency, micros): (&Currency, &i64)| v1::Amount {
        value: *micros as f64 / MICROS_PER_UNIT,
        currency: currency.to_string(),
    };
    sums.iter().map(amount).collect()
}
