//! Events as JSON lines or YAML: one object each, in which only what and when must be said, and whose and which.

use super::FileError;
use crate::model::{
    Currency, CustomerId, Event, EventChannel, EventId, EventName, Invalid, Money, PropertyName, Scalar, ServerTime,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An event of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Whose.
    pub customer: CustomerId,
    /// What happened.
    pub event: Event,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    events: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    customer: String,
    id: String,
    event: String,
    time: String,
    channel: ChannelEntry,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
    #[serde(default)]
    value: Option<f64>,
    #[serde(default)]
    currency: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChannelEntry {
    Web,
    Email,
    Till,
    App,
}

/// A text, a number or a flag, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Flag(bool),
    Number(f64),
    Text(String),
}

/// Reads events: YAML with a list `events`, or JSON with one object a line. An error names line and column, or the
/// event by its index and the field by its path.
pub fn read_events(text: &str) -> Result<Vec<Told>, FileError> {
    let entries = if text.trim_start().starts_with('{') {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(number, line)| {
                serde_json::from_str(line)
                    .map_err(|why| Invalid::new(format!("line {}", number + 1), why.to_string()))
            })
            .collect::<Result<Vec<Entry>, _>>()?
    } else {
        serde_norway::from_str::<File>(text)?.events
    };
    let told = entries.into_iter().enumerate();
    Ok(told.map(|(index, entry)| event(entry).map_err(|why| why.at("events", index))).collect::<Result<_, _>>()?)
}

/// Reads `true`, `4.5` or a text, as YAML would.
pub fn read_scalar(text: &str) -> Scalar {
    match (text.parse::<bool>(), text.parse::<f64>()) {
        (Ok(flag), _) => Scalar::Flag(flag),
        (_, Ok(number)) if number.is_finite() => Scalar::Number(number),
        (_, _) => Scalar::Text(text.to_owned()),
    }
}

/// Values by name.
pub(super) fn scalars<K: Ord>(
    field: &str,
    entries: BTreeMap<String, Value>,
    parse: impl Fn(&str, &str) -> Result<K, Invalid>,
) -> Result<BTreeMap<K, Scalar>, Invalid> {
    entries.into_iter().map(|(name, value)| Ok((parse(field, &name)?, scalar(value)))).collect()
}

pub(super) fn scalar(value: Value) -> Scalar {
    match value {
        Value::Flag(flag) => Scalar::Flag(flag),
        Value::Number(number) => Scalar::Number(number),
        Value::Text(text) => Scalar::Text(text),
    }
}

fn event(entry: Entry) -> Result<Told, Invalid> {
    let customer = entry.customer.strip_prefix("customers/").unwrap_or(&entry.customer);
    let worth = match (entry.value, &entry.currency) {
        (None, None) => None,
        (Some(value), Some(code)) => Some(Money::new("value", value, Currency::parse("currency", code)?)?),
        (Some(_), None) => return Err(Invalid::new("currency", "is absent; a value needs one")),
        (None, Some(_)) => return Err(Invalid::new("value", "is absent; a currency needs one")),
    };
    let at: jiff::Timestamp = entry.time.parse().map_err(|_| {
        let shown: String = entry.time.chars().take(40).collect();
        Invalid::new("time", format!("is {shown:?}; must be a moment such as 2026-07-15T12:00:00-06:00"))
    })?;
    let event = Event {
        id: EventId::parse("id", &entry.id)?,
        name: EventName::parse("event", &entry.event)?,
        at: ServerTime(at.as_millisecond()),
        channel: match entry.channel {
            ChannelEntry::Web => EventChannel::Web,
            ChannelEntry::Email => EventChannel::Email,
            ChannelEntry::Till => EventChannel::Till,
            ChannelEntry::App => EventChannel::App,
        },
        properties: scalars("properties", entry.properties, PropertyName::parse)?,
        worth,
    };
    Ok(Told { customer: CustomerId::parse("customer", customer)?, event })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"customer": "maya", "id": "r-1", "event": "purchase", "time": "2026-07-15T12:00:00-06:00", "channel": "till", "properties": {"size": "large", "cups": 2, "gift": false}, "value": 4.5, "currency": "USD"}"#;

    #[test]
    fn events_read_from_lines_and_from_a_list() {
        let lines = read_events(&format!("{LINE}\n\n{LINE}\n")).unwrap();
        let yaml = read_events(&format!("events:\n- {LINE}\n")).unwrap();
        assert_eq!(lines, [yaml.clone(), yaml].concat());
        let Told { customer, event } = &lines[0];
        assert_eq!(
            (customer.as_str(), event.channel, event.at),
            ("maya", EventChannel::Till, ServerTime(1_784_138_400_000))
        );
        assert_eq!(event.worth.unwrap().to_string(), "4.50 USD");
        let values: Vec<_> = event.properties.values().cloned().collect();
        assert_eq!(values, [Scalar::Number(2.0), Scalar::Flag(false), Scalar::Text("large".into())]);
        for (from, to, place) in [
            ("\"USD\"", "\"usd\"", "events[1].currency"),
            (", \"currency\": \"USD\"", "", "events[1].currency is absent"),
            ("\"value\": 4.5, ", "", "events[1].value is absent"),
            ("12:00:00-06:00", "noon", "events[1].time"),
            ("\"till\"", "\"shop\"", "line 2 unknown variant"),
        ] {
            let refusal = read_events(&format!("{LINE}\n{}", LINE.replace(from, to))).unwrap_err();
            assert!(refusal.to_string().starts_with(place), "{refusal}");
        }
    }

    #[test]
    fn a_scalar_reads_as_yaml_would() {
        for (text, scalar) in [
            ("true", Scalar::Flag(true)),
            ("-4.5", Scalar::Number(-4.5)),
            ("gold", Scalar::Text("gold".into())),
            ("inf", Scalar::Text("inf".into())),
        ] {
            assert_eq!(read_scalar(text), scalar);
        }
    }
}
