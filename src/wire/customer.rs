//! Customers and their devices.

use super::place::time_zone;
use super::{choice, event, name, preferences, time, unknown_choice, v1};
use crate::engine::CustomerState;
use crate::model::invalid::text;
use crate::model::{
    Customer, CustomerId, DailySpan, Device, Invalid, LocationConsent, Platform, QuietHours, ServerTime, Version,
};

const SOURCE_MAX: usize = 100;
const PURPOSE_MAX: usize = 200;
const PUSH_ADDRESS_MAX_BYTES: usize = 4_096;
const LOCALE_MAX: usize = 35;
const LOCALE_DEFAULT: &str = "en";

/// Parses a customer; an answer about consent that bears no time was given `now`.
pub fn customer(wire: v1::Customer, now: ServerTime) -> Result<Customer, Invalid> {
    let consent = wire.location_consent.map(|wire| consent(&wire, now));
    Ok(Customer {
        id: name::customer("name", &wire.name)?,
        consent: consent.transpose().map_err(|why| why.under("location_consent"))?,
        topics: preferences::topics(&wire.topics, &wire.topic_choices)?,
        stopped: wire.stopped,
        quiet_hours: wire
            .quiet_hours
            .map(|wire| quiet_hours(&wire).map_err(|why| why.under("quiet_hours")))
            .transpose()?,
        traits: event::traits(wire.traits)?,
    })
}

/// A customer with all that is known of the person, as `GetCustomer` answers.
pub fn whole_message(state: &CustomerState) -> v1::Customer {
    let visits = state.visits.brands.iter().map(|(brand, own)| v1::BrandVisits {
        brand: brand.to_string(),
        count: i32::try_from(own.count).unwrap_or(i32::MAX),
        first_time: Some(own.first.into()),
        last_time: Some(own.last.into()),
    });
    let journeys = state.stages.journeys.iter().map(|(journey, at)| v1::JourneyPosition {
        journey: name::journey_name(journey),
        stage: at.stage.to_string(),
        since_time: Some(at.since.into()),
    });
    v1::Customer {
        events: event::summaries(&state.events),
        visits: visits.collect(),
        journeys: journeys.collect(),
        preference_changes: state.changes.iter().map(Into::into).collect(),
        ..v1::Customer::from(&state.customer)
    }
}

impl From<&Customer> for v1::Customer {
    fn from(customer: &Customer) -> Self {
        Self {
            name: name::customer_name(&customer.id),
            location_consent: customer.consent.as_ref().map(Into::into),
            topics: preferences::opted_in(&customer.topics),
            topic_choices: preferences::other_choices(&customer.topics),
            stopped: customer.stopped,
            preference_changes: Vec::new(),
            quiet_hours: customer.quiet_hours.map(|quiet| match quiet {
                QuietHours::None => v1::QuietHours::default(),
                QuietHours::Daily(hours) => v1::QuietHours { start: hours.start(), end: hours.end() },
            }),
            traits: event::scalars_message(&customer.traits),
            events: Vec::new(),
            visits: Vec::new(),
            journeys: Vec::new(),
        }
    }
}

impl From<&LocationConsent> for v1::LocationConsent {
    fn from(consent: &LocationConsent) -> Self {
        Self {
            granted: consent.granted,
            answer_time: Some(consent.answered.into()),
            source: consent.source.clone(),
            purpose: consent.purpose.clone(),
            expire_time: consent.expires.map(Into::into),
        }
    }
}

/// Parses a device, and whose it is.
pub fn device(wire: &v1::Device) -> Result<(CustomerId, Device), Invalid> {
    let (customer, id) = name::device("name", &wire.name)?;
    let device = Device {
        id,
        platform: platform("platform", wire.platform)?,
        push_address: push_address("push_address", &wire.push_address)?,
        locale: locale("locale", &wire.locale)?,
        time_zone: (!wire.time_zone.is_empty()).then(|| time_zone("time_zone", &wire.time_zone)).transpose()?,
        app_version: (!wire.app_version.is_empty())
            .then(|| Version::parse("app_version", &wire.app_version))
            .transpose()?,
    };
    Ok((customer, device))
}

/// A customer's device as it is sent out.
pub fn device_message(customer: &CustomerId, device: &Device) -> v1::Device {
    v1::Device {
        name: name::device_name(customer, &device.id),
        platform: v1::Platform::from(device.platform).into(),
        push_address: device.push_address.clone(),
        locale: device.locale.clone(),
        time_zone: device.time_zone.clone().unwrap_or_default(),
        app_version: device.app_version.as_ref().map(|version| version.as_str().to_owned()).unwrap_or_default(),
    }
}

/// The platform that a message names.
pub(super) fn platform(field: &str, wire: i32) -> Result<Platform, Invalid> {
    let known = "IOS, ANDROID or WEB";
    match choice(field, wire, known)? {
        v1::Platform::Unspecified => Err(unknown_choice(field, "UNSPECIFIED", known)),
        v1::Platform::Ios => Ok(Platform::Ios),
        v1::Platform::Android => Ok(Platform::Android),
        v1::Platform::Web => Ok(Platform::Web),
    }
}

impl From<Platform> for v1::Platform {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::Ios => Self::Ios,
            Platform::Android => Self::Android,
            Platform::Web => Self::Web,
        }
    }
}

/// Parses an answer about consent; one that bears no time was given `now`.
pub(super) fn consent(wire: &v1::LocationConsent, now: ServerTime) -> Result<LocationConsent, Invalid> {
    let answered = wire.answer_time.map(|at| time::server_time("answer_time", at)).transpose()?.unwrap_or(now);
    let expires = wire.expire_time.map(|at| time::server_time("expire_time", at)).transpose()?;
    if expires.is_some_and(|at| at < answered) {
        return Err(Invalid::new("expire_time", "is before answer_time; must be at it or later"));
    }
    Ok(LocationConsent {
        granted: wire.granted,
        answered,
        source: source("source", &wire.source)?,
        purpose: text("purpose", &wire.purpose, 0, PURPOSE_MAX)?,
        expires,
    })
}

/// Where a change comes from.
pub(super) fn source(field: &str, wire: &str) -> Result<String, Invalid> {
    text(field, wire, 0, SOURCE_MAX)
}

fn quiet_hours(wire: &v1::QuietHours) -> Result<QuietHours, Invalid> {
    if wire.start.is_empty() && wire.end.is_empty() {
        return Ok(QuietHours::None);
    }
    DailySpan::new(&wire.start, &wire.end).map(QuietHours::Daily)
}

/// Opaque, so its bytes count.
fn push_address(field: &str, wire: &str) -> Result<String, Invalid> {
    let bytes = wire.len();
    if bytes <= PUSH_ADDRESS_MAX_BYTES {
        return Ok(wire.to_owned());
    }
    Err(Invalid::new(field, format!("has {bytes} bytes; must have 0 to {PUSH_ADDRESS_MAX_BYTES}")))
}

/// A language tag in the shape of BCP 47 (RFC 5646, section 2.1): subtags of 1 to 8 letters or digits, the
/// first of letters alone. Whether the registry knows them is not asked.
fn locale(field: &str, wire: &str) -> Result<String, Invalid> {
    if wire.is_empty() {
        return Ok(LOCALE_DEFAULT.to_owned());
    }
    let subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphanumeric());
    let first = wire.split('-').next().unwrap_or_default();
    let language = first.bytes().all(|c| c.is_ascii_alphabetic()) && (first.len() > 1 || wire.len() > 2);
    if wire.len() <= LOCALE_MAX && language && wire.split('-').all(subtag) {
        return Ok(wire.to_owned());
    }
    let shown: String = wire.chars().take(LOCALE_MAX).collect();
    Err(Invalid::new(field, format!("is {shown:?}; must be a BCP 47 language tag such as es-MX")))
}
