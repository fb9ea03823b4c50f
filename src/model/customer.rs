//! People, their devices, and what they agreed to.

use super::channel::Channel;
use super::event::Traits;
use super::hours::DailySpan;
use super::ids::{CustomerId, DeviceId, TopicId};
use super::time::ServerTime;
use super::topic::{TopicChoices, TopicDefault};
use super::version::Version;

/// Most devices of one customer.
pub const DEVICES_MAX: usize = 16;
/// Most topics about which one customer can choose.
pub const TOPICS_MAX: usize = 100;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The person's id.
    pub id: CustomerId,
    /// Whether the person's location may be used for messaging. Absent: never asked, so not granted.
    pub consent: Option<LocationConsent>,
    /// What the person chose about topics.
    pub topics: TopicChoices,
    /// Whether the person wants to hear nothing at all, but for what is transactional.
    pub stopped: bool,
    /// The hours in which the person wants to hear nothing; absent: those that the deployment sets.
    pub quiet_hours: Option<QuietHours>,
    /// What else is known of the person.
    pub traits: Traits,
}

/// A person's own setting of quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuietHours {
    /// None at all, whatever the deployment sets.
    None,
    /// These, each day, on the person's own clock.
    Daily(DailySpan),
}

impl Customer {
    /// A person of whom nothing else is known, and who has agreed to nothing.
    pub fn new(id: CustomerId) -> Self {
        let (consent, quiet_hours) = (None, None);
        Self { id, consent, topics: TopicChoices::default(), stopped: false, quiet_hours, traits: Traits::new() }
    }

    /// Whether the person wants to hear of a topic through a channel: as chosen, else as the topic's default says.
    pub fn wants(&self, topic: &TopicId, default: TopicDefault, channel: Channel) -> bool {
        self.topics.of(topic).wants(default, channel)
    }

    /// Whether the person's location may be used for messaging at a moment.
    pub fn consents(&self, now: ServerTime) -> bool {
        self.consent.as_ref().is_some_and(|consent| consent.granted && !consent.expired(now))
    }
}

/// A person's answer to being asked whether their location may be used for messaging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationConsent {
    /// Whether it was granted.
    pub granted: bool,
    /// When the person answered.
    pub answered: ServerTime,
    /// Where the person answered.
    pub source: String,
    /// What the person was told that it is for; empty: not recorded.
    pub purpose: String,
    /// When it expires; absent: never.
    pub expires: Option<ServerTime>,
}

impl LocationConsent {
    /// An answer given at a moment, for good, of which no more is known.
    pub fn answered(granted: bool, answered: ServerTime) -> Self {
        Self { granted, answered, source: String::new(), purpose: String::new(), expires: None }
    }

    /// Whether it was granted, and has expired by a moment.
    pub fn expired(&self, now: ServerTime) -> bool {
        self.granted && self.expires.is_some_and(|at| now >= at)
    }
}

/// A phone, or anything else that reports pings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id, unique within the customer.
    pub id: DeviceId,
    /// What it runs.
    pub platform: Platform,
    /// The address that push is sent to; empty when there is none.
    pub push_address: String,
    /// BCP 47 language tag.
    pub locale: String,
    /// IANA time zone name, known to exist; absent: that of the place at hand.
    pub time_zone: Option<String>,
    /// The version of the app; absent: it does not say.
    pub app_version: Option<Version>,
}

/// What a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// iOS or iPadOS.
    Ios,
    /// Android.
    Android,
    /// A web browser.
    Web,
}

impl Platform {
    /// The platform in a word: `ios`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
            Self::Web => "web",
        }
    }
}
