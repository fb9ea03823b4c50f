//! Customers with their devices as YAML: a list under `customers`.

use super::events::{Value, scalars};
use super::rules::PlatformEntry;
use super::{FileError, hours};
use crate::model::{
    ByChannel, Choice, Customer, CustomerId, Device, DeviceId, Invalid, LocationConsent, QuietHours, ServerTime,
    TopicChoices, TopicId, TraitName, Version,
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
    choices: BTreeMap<String, ChoicesEntry>,
    #[serde(default)]
    stopped: bool,
    #[serde(default)]
    quiet_hours: Option<QuietEntry>,
    #[serde(default)]
    traits: BTreeMap<String, Value>,
    #[serde(default)]
    devices: Vec<DeviceEntry>,
}

/// One choice for every channel, or one for each.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum ChoicesEntry {
    All(ChoiceWord),
    ByChannel {
        #[serde(default)]
        push: Option<ChoiceWord>,
        #[serde(default)]
        in_app: Option<ChoiceWord>,
    },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChoiceWord {
    In,
    Out,
}

impl From<ChoiceWord> for Choice {
    fn from(word: ChoiceWord) -> Self {
        match word {
            ChoiceWord::In => Self::OptIn,
            ChoiceWord::Out => Self::OptOut,
        }
    }
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
    #[serde(default)]
    purpose: String,
    #[serde(default)]
    expires: Option<String>,
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
        consent: entry
            .consent
            .map(|consent| self::consent(consent, answered).map_err(|why| why.under("consent")))
            .transpose()?,
        stopped: entry.stopped,
        topics: topics(&entry.topics, entry.choices)?,
        quiet_hours,
        traits: scalars("traits", entry.traits, TraitName::parse)?,
    };
    let devices = entry.devices.into_iter().enumerate();
    let devices = devices
        .map(|(index, entry)| device(entry).map_err(|why| why.at("devices", index)))
        .collect::<Result<_, _>>()?;
    Ok(Roster { customer, devices })
}

fn consent(entry: ConsentEntry, answered: ServerTime) -> Result<LocationConsent, Invalid> {
    Ok(LocationConsent {
        granted: entry.granted,
        answered,
        source: entry.source,
        purpose: entry.purpose,
        expires: entry.expires.map(|text| super::moment("expires", &text)).transpose()?,
    })
}

/// The topics that are opted in to, and all other choices.
fn topics(opted_in: &[String], others: BTreeMap<String, ChoicesEntry>) -> Result<TopicChoices, Invalid> {
    let mut choices = TopicChoices::default();
    for topic in opted_in {
        choices.opt_in(TopicId::parse("topics", topic)?);
    }
    for (topic, entry) in others {
        let topic = TopicId::parse("choices", &topic)?;
        if !choices.of(&topic).is_empty() {
            return Err(Invalid::new("choices", format!("has {topic}, which stands in topics; once is enough")));
        }
        let chosen = match entry {
            ChoicesEntry::All(choice) => ByChannel::all(choice.into()),
            ChoicesEntry::ByChannel { push, in_app } => {
                ByChannel { push: push.map(Into::into), in_app: in_app.map(Into::into) }
            }
        };
        choices.set(topic, chosen);
    }
    Ok(choices)
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
        assert!(roster.customer.consents(ServerTime(7)));
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
        let chosen = text.replace("topics:", "choices: { news: out, deals: { push: in, in_app: out } }\n  topics:");
        let customer = &read_customers(&chosen, ServerTime(7)).unwrap()[0].customer;
        let told: Vec<String> = customer.topics.iter().map(|(topic, own)| format!("{topic} {own:?}")).collect();
        assert_eq!(
            told,
            [
                "deals ByChannel { push: Some(OptIn), in_app: Some(OptOut) }",
                "news ByChannel { push: Some(OptOut), in_app: Some(OptOut) }",
                "offers ByChannel { push: Some(OptIn), in_app: Some(OptIn) }",
            ]
        );
        let twice = read_customers(&chosen.replace("news: out", "offers: out"), ServerTime(7)).unwrap_err();
        assert!(twice.to_string().starts_with("customers[0].choices has offers"), "{twice}");
        let expiring = text.replace("granted: true", "granted: true, purpose: offers, expires: 1970-01-01T00:00:09Z");
        let consent = read_customers(&expiring, ServerTime(7)).unwrap()[0].customer.consent.clone().unwrap();
        assert_eq!((consent.purpose.as_str(), consent.expires), ("offers", Some(ServerTime(9_000))));
        let refusal = read_customers(&expiring.replace("09Z", "09"), ServerTime(7)).unwrap_err();
        assert!(refusal.to_string().starts_with("customers[0].consent.expires"), "{refusal}");
        let refusal = read_customers(&text.replace("phone-1", "'phone 1'"), ServerTime(7)).unwrap_err();
        assert!(refusal.to_string().starts_with("customers[0].devices[0].id"), "{refusal}");
    }
}
