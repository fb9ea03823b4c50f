//! Ids, each kind a type of its own so that one can't stand where another is meant.

use super::invalid::Invalid;
use std::fmt;
use std::sync::Arc;

/// The longest id in bytes. A customer's record holds thousands of ids, and must fit one value of the store.
pub const ID_MAX_BYTES: usize = 64;

fn check(field: &str, id: &str) -> Result<(), Invalid> {
    let legal = |c: u8| c.is_ascii_alphanumeric() || b"._:~-".contains(&c);
    let well =
        (1..=ID_MAX_BYTES).contains(&id.len()) && id.bytes().all(legal) && id.as_bytes()[0].is_ascii_alphanumeric();
    if well {
        return Ok(());
    }
    let shown: String = id.chars().take(40).collect();
    Err(Invalid::new(
        field,
        format!(
            "is {shown:?}; must be 1 to {ID_MAX_BYTES} ASCII letters, digits or . _ : ~ - and begin with a letter or digit"
        ),
    ))
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an id: 1 to 64 ASCII letters, digits or `. _ : ~ -`, the first a letter or digit.
            /// An error names `field`.
            pub fn parse(field: &str, id: &str) -> Result<Self, Invalid> {
                check(field, id)?;
                Ok(Self(id.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )* };
}

id! {
    /// A person.
    CustomerId
    /// A device, unique within its customer.
    DeviceId
    /// A store.
    PlaceId
    /// A fence or beacon region.
    RegionId
    /// A campaign.
    CampaignId
    /// A brand that places belong to.
    BrandId
    /// What a message is about, for opting in.
    TopicId
    /// A free label of a place or region.
    Tag
    /// Beacon regions that exclude each other.
    GroupId
    /// One stay of one device in one region.
    VisitId
    /// One trigger, unique within its customer.
    TriggerId
    /// One decision, unique within its customer.
    DecisionId
    /// One event, unique within its customer.
    EventId
    /// What kind of thing an event is, such as `purchase`.
    EventName
    /// A property of an event.
    PropertyName
    /// A trait of a customer.
    TraitName
    /// A journey.
    JourneyId
    /// A stage, unique within its journey.
    StageId
    /// A variant, unique within its campaign.
    VariantId
    /// A sensitive place.
    ZoneId
    /// A button of a message, unique within it.
    ButtonId
}

impl VisitId {
    /// The visit that a device began in a region at a moment. Pure, so that a replay gives the same id.
    pub fn derive(device: &DeviceId, region: &RegionId, enter: super::DeviceTime) -> Self {
        Self(hash_id("v", &[device.as_str(), region.as_str(), &enter.0.to_string()]).into())
    }
}

impl TriggerId {
    /// The trigger of a campaign for a customer's visit to a region. A pure function of the four, so that a
    /// crash, a retry or a second node gives the same id.
    pub fn derive(customer: &CustomerId, campaign: &CampaignId, region: &RegionId, visit: &VisitId) -> Self {
        Self(hash_id("t", &[customer.as_str(), campaign.as_str(), region.as_str(), visit.as_str()]).into())
    }
}

impl DecisionId {
    /// The decision on one ping: server time, sequence number, device. Sorts by time within a customer.
    pub fn derive(decided: super::ServerTime, sequence: super::Sequence, device: &DeviceId) -> Self {
        let (decided, sequence) = (decided.0.max(0), sequence.0);
        let id = format!("{decided:013}-{sequence}-{device}");
        if id.len() <= ID_MAX_BYTES {
            return Self(id.into());
        }
        // The device's own id may be as long as an id can be.
        Self(format!("{decided:013}-{sequence}-{}", hash_id("d", &[device.as_str()])).into())
    }
}

impl DecisionId {
    /// The decision on what a customer's messages had waited for: server time, device of the first. One a moment.
    pub fn derive_again(decided: super::ServerTime, device: &DeviceId) -> Self {
        Self(format!("{:013}-{}", decided.0.max(0), hash_id("h", &[device.as_str()])).into())
    }
}

/// `prefix` and 26 characters of the 128-bit XXH3 of the parts (xxHash specification, section XXH3), which are
/// set apart by a byte that no id can hold.
fn hash_id(prefix: &str, parts: &[&str]) -> String {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hash = xxhash_rust::xxh3::xxh3_128(parts.join("\0").as_bytes());
    let mut id = String::with_capacity(prefix.len() + 26);
    id.push_str(prefix);
    for _ in 0..26 {
        id.push(char::from(BASE32[(hash & 31) as usize]));
        hash >>= 5;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_and_the_refusal_says_what_would_be_right() {
        for good in ["a", "7-eleven:18256", "walk00_dt1_s4:0", "Room201", &"x".repeat(64)] {
            assert!(RegionId::parse("region", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a/b", "a b", "é", &"x".repeat(65)] {
            let refusal = RegionId::parse("region", bad).unwrap_err();
            assert!(refusal.to_string().starts_with("region is "), "{refusal}");
        }
    }

    #[test]
    fn a_derived_id_depends_on_every_part_and_is_itself_an_id() {
        let (device, region) = (DeviceId::parse("d", "p").unwrap(), RegionId::parse("r", "door").unwrap());
        let visit = VisitId::derive(&device, &region, crate::model::DeviceTime(5));
        assert_eq!(visit, VisitId::derive(&device, &region, crate::model::DeviceTime(5)));
        assert_ne!(visit, VisitId::derive(&device, &region, crate::model::DeviceTime(6)));
        assert!(VisitId::parse("v", visit.as_str()).is_ok());
        let long = DeviceId::parse("d", &"x".repeat(ID_MAX_BYTES)).unwrap();
        for device in [&device, &long] {
            let latest = crate::model::ServerTime(9_999_999_999_999);
            let decision = DecisionId::derive(latest, crate::model::Sequence(u64::MAX), device);
            assert!(DecisionId::parse("d", decision.as_str()).is_ok(), "{decision}");
        }
    }
}
