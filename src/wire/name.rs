//! Resource names (AIP-122): `places/{place}`, `customers/{customer}/devices/{device}` and the like.

use crate::model::{
    CampaignId, CustomerId, DecisionId, DeviceId, Invalid, JourneyId, PlaceId, RegionId, TopicId, TriggerId, ZoneId,
};

/// The parent that stands for every customer.
pub const EVERY_CUSTOMER: &str = "customers/-";

/// Parses `places/{place}`.
pub fn place(field: &str, name: &str) -> Result<PlaceId, Invalid> {
    let [place] = segments(field, name, ["places"], "places/{place}")?;
    PlaceId::parse(field, place)
}

/// Parses `regions/{region}`.
pub fn region(field: &str, name: &str) -> Result<RegionId, Invalid> {
    let [region] = segments(field, name, ["regions"], "regions/{region}")?;
    RegionId::parse(field, region)
}

/// Parses `campaigns/{campaign}`.
pub fn campaign(field: &str, name: &str) -> Result<CampaignId, Invalid> {
    let [campaign] = segments(field, name, ["campaigns"], "campaigns/{campaign}")?;
    CampaignId::parse(field, campaign)
}

/// Parses `journeys/{journey}`.
pub fn journey(field: &str, name: &str) -> Result<JourneyId, Invalid> {
    let [journey] = segments(field, name, ["journeys"], "journeys/{journey}")?;
    JourneyId::parse(field, journey)
}

/// Parses `topics/{topic}`.
pub fn topic(field: &str, name: &str) -> Result<TopicId, Invalid> {
    let [topic] = segments(field, name, ["topics"], "topics/{topic}")?;
    TopicId::parse(field, topic)
}

/// Parses `zones/{zone}`.
pub fn zone(field: &str, name: &str) -> Result<ZoneId, Invalid> {
    let [zone] = segments(field, name, ["zones"], "zones/{zone}")?;
    ZoneId::parse(field, zone)
}

/// Parses `customers/{customer}`.
pub fn customer(field: &str, name: &str) -> Result<CustomerId, Invalid> {
    let [customer] = segments(field, name, ["customers"], "customers/{customer}")?;
    CustomerId::parse(field, customer)
}

/// Parses `customers/{customer}/devices/{device}`.
pub fn device(field: &str, name: &str) -> Result<(CustomerId, DeviceId), Invalid> {
    let form = "customers/{customer}/devices/{device}";
    let [customer, device] = segments(field, name, ["customers", "devices"], form)?;
    Ok((CustomerId::parse(field, customer)?, DeviceId::parse(field, device)?))
}

/// Parses `customers/{customer}/decisions/{decision}`.
pub fn decision(field: &str, name: &str) -> Result<(CustomerId, DecisionId), Invalid> {
    let form = "customers/{customer}/decisions/{decision}";
    let [customer, decision] = segments(field, name, ["customers", "decisions"], form)?;
    Ok((CustomerId::parse(field, customer)?, DecisionId::parse(field, decision)?))
}

/// Parses `customers/{customer}/triggers/{trigger}`.
pub fn trigger(field: &str, name: &str) -> Result<(CustomerId, TriggerId), Invalid> {
    let form = "customers/{customer}/triggers/{trigger}";
    let [customer, trigger] = segments(field, name, ["customers", "triggers"], form)?;
    Ok((CustomerId::parse(field, customer)?, TriggerId::parse(field, trigger)?))
}

/// `places/{place}`.
pub fn place_name(place: &PlaceId) -> String {
    format!("places/{place}")
}

/// `regions/{region}`.
pub fn region_name(region: &RegionId) -> String {
    format!("regions/{region}")
}

/// `campaigns/{campaign}`.
pub fn campaign_name(campaign: &CampaignId) -> String {
    format!("campaigns/{campaign}")
}

/// `journeys/{journey}`.
pub fn journey_name(journey: &JourneyId) -> String {
    format!("journeys/{journey}")
}

/// `topics/{topic}`.
pub fn topic_name(topic: &TopicId) -> String {
    format!("topics/{topic}")
}

/// `zones/{zone}`.
pub fn zone_name(zone: &ZoneId) -> String {
    format!("zones/{zone}")
}

/// `customers/{customer}`.
pub fn customer_name(customer: &CustomerId) -> String {
    format!("customers/{customer}")
}

/// `customers/{customer}/devices/{device}`.
pub fn device_name(customer: &CustomerId, device: &DeviceId) -> String {
    format!("customers/{customer}/devices/{device}")
}

/// `customers/{customer}/decisions/{decision}`.
pub fn decision_name(customer: &CustomerId, decision: &DecisionId) -> String {
    format!("customers/{customer}/decisions/{decision}")
}

/// `customers/{customer}/triggers/{trigger}`.
pub fn trigger_name(customer: &CustomerId, trigger: &TriggerId) -> String {
    format!("customers/{customer}/triggers/{trigger}")
}

/// The ids in a name of alternating collections and ids.
fn segments<'a, const N: usize>(
    field: &str,
    name: &'a str,
    collections: [&str; N],
    form: &str,
) -> Result<[&'a str; N], Invalid> {
    let malformed = || {
        let shown: String = name.chars().take(80).collect();
        Invalid::new(field, format!("is {shown:?}; must be {form}"))
    };
    let mut parts = name.split('/');
    let mut ids = [""; N];
    for (id, collection) in ids.iter_mut().zip(collections) {
        if parts.next() != Some(collection) {
            return Err(malformed());
        }
        *id = parts.next().filter(|id| !id.is_empty()).ok_or_else(malformed)?;
    }
    if parts.next().is_some() { Err(malformed()) } else { Ok(ids) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_name_is_answered_with_the_right_form() {
        for bad in ["", "customers", "customers/", "customers/a/devices", "customers/a/devices/", "devices/b"] {
            let refusal = device("device", bad).unwrap_err().to_string();
            assert!(refusal.starts_with("device is ") && refusal.contains("/devices/{device}"), "{refusal}");
        }
        assert!(device("device", "customers/a/devices/b/c").is_err());
        assert!(device("device", "customers/-/devices/b").is_err(), "the wildcard is no customer");
        let (customer, device_id) = device("device", "customers/maya/devices/phone-1").unwrap();
        assert_eq!(device_name(&customer, &device_id), "customers/maya/devices/phone-1");
    }
}
