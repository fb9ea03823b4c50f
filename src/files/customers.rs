//! Customers with their devices as YAML: a list under `customers`.

use super::events::{Value, scalars};
use super::rules::PlatformEntry;
use super::{FileError, hours};
use crate::model::{
    ByChannel, Choice, Customer, CustomerId, Device, DeviceId, Invalid, LocationConsent, QuietHours, ServerTime,
    TopicId, TraitName, Version,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A customer with devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The person.
    pub customer: Customer,
    /// The person's devices.
    pub devices: Vec<Device>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    customers: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    consent: Option<ConsentEntry>,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    quiet_hours: Option<QuietEntry>,
    #[serde(default)]
    traits: BTreeMap<String, Value>,
    #[serde(default)]
    devices: Vec<DeviceEntry>,
}

/// `none`, or hours.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum QuietEntry {
    Word(QuietWord),
    Hours { from: String, until: String },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum QuietWord {
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentEntry {
    granted: bool,
    #[serde(default)]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceEntry {
    id: String,
    platform: PlatformEntry,
    #[serde(default)]
    push_address: String,
    #[serde(default = "english")]
    locale: String,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    app_version: Option<String>,
}

fn english() -> String {
    "en".to_owned()
}

/// Reads customers; `answered` is when they are taken to have answered about consent. An error names line and
/// column, or the customer by its index and the field by its path.
pub fn read_customers(text: &str, answered: ServerTime) -> Result<Vec<Roster>, FileError> {
    let file: File = serde_norway::from_str(text)?;
    let customers = file.customers.into_iter().enumerate();
    Ok(customers
        .map(|(index, entry)| roster(entry, answered).map_err(|why| why.at("customers", index)))
        .collect::<Result<_, _>>()?)
}

fn roster(entry: Entry, answered: ServerTime) -> Result<Roster, Invalid> {
    let quiet_hours = entry.quiet_hours.as_ref().map(quiet).transpose().map_err(|why| why.under("quiet_hours"))?;
    let customer = Customer {
        id: CustomerId::parse("id", &entry.id)?,
        consent: entry.consent.map(|consent| LocationConsent {
            granted: consent.granted,
            answered,
            source: consent.source,
        }),
        topics: entry
            .topics
            .iter()
            .map(|topic| Ok((TopicId::parse("topics", topic)?, ByChannel::all(Choice::OptIn))))
            .collect::<Result<_, Invalid>>()?,
        quiet_hours,
        traits: scalars("traits", entry.traits, TraitName::parse)?,
    };
    let devices = entry.devices.into_iter().enumerate();
    let devices = devices
        .map(|(index, entry)| device(entry).map_err(|why| why.at("devices", index)))
        .collect::<Result<_, _>>()?;
    Ok(Roster { customer, devices })
}

fn quiet(entry: &QuietEntry) -> Result<QuietHours, Invalid> {
    match entry {
        QuietEntry::Word(QuietWord::None) => Ok(QuietHours::None),
        QuietEntry::Hours { from, until } => hours::span(from, until).map(QuietHours::Daily),
    }
}

fn device(entry: DeviceEntry) -> Result<Device, Invalid> {
    Ok(Device {
        id: DeviceId::parse("id", &entry.id)?,
        platform: entry.platform.into(),
        push_address: entry.push_address,
        locale: entry.locale,
        time_zone: entry.time_zone,
        app_version: entry.app_version.map(|text| Version::parse("app_version", &text)).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_reads_and_a_refusal_says_where() {
        let text = "customers:\n- id: maya\n  consent: { granted: true }\n  topics: [offers]\n  devices: [ { id: phone-1, platform: ios } ]\n";
        let roster = &read_customers(text, ServerTime(7)).unwrap()[0];
        assert!(roster.customer.consents());
        assert_eq!(roster.devices[0].locale, "en");
        for (quiet, read) in [("none", "None"), ("{ from: 22:00, until: 07:00 }", "Daily(DailySpan")] {
            let text = text.replace("topics:", &format!("quiet_hours: {quiet}\n  topics:"));
            let quiet = read_customers(&text, ServerTime(7)).unwrap()[0].customer.quiet_hours.unwrap();
            assert!(format!("{quiet:?}").starts_with(read), "{quiet:?}");
        }
        let refusal = read_customers(
            &text.replace("topics:", "quiet_hours: { from: 22:00, until: 22:00 }\n  topics:"),
            ServerTime(7),
        );
        assert!(refusal.unwrap_err().to_string().starts_with("customers[0].quiet_hours.until"));
        let refusal = read_customers(&text.replace("phone-1", "'phone 1'"), ServerTime(7)).unwrap_err();
        assert!(refusal.to_string().starts_with("customers[0].devices[0].id"), "{refusal}");
    }
}
