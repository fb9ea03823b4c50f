//! The words of Doorstep as plain types: parsed once at the border, valid ever after.
//!
//! Nothing here does anything; every other room of the house speaks in these types.

pub mod campaign;
pub mod channel;
pub mod customer;
pub mod decision;
pub mod detail;
pub mod event;
pub mod hours;
pub mod ids;
pub mod invalid;
pub mod journey;
pub mod measure;
pub mod message;
pub mod opening;
pub mod ping;
pub mod place;
pub mod preferences;
pub mod rule;
mod steps;
pub mod time;
pub mod topic;
pub mod trigger;
pub mod units;
pub mod version;
pub mod zone;

pub use campaign::{
    ActiveWindow, Calendar, Campaign, Cap, CapScope, CapWindow, Cooldown, OutsideHours, Pace, RegionSelector,
};
pub use channel::Channel;
pub use customer::{Customer, Device, LocationConsent, Platform, QuietHours};
pub use decision::{
    Assessment, Decision, FixOutcome, FixStep, PolicyStep, Presence, Reason, RegionStep, ReportAdvice, Transition,
    TransitionKind, Verdict, VerdictKind, Waits,
};
pub use detail::{Contest, Detail, Whereabouts};
pub use event::{Currency, Event, EventChannel, Money, Scalar, TraitChange, Traits};
pub use hours::{DailySpan, Shown, Weekdays, WeeklySpan};
pub use ids::{
    BrandId, ButtonId, CampaignId, CustomerId, DecisionId, DeviceId, EventId, EventName, GroupId, JourneyId, PlaceId,
    PropertyName, RegionId, StageId, Tag, TopicId, TraitName, TriggerId, VariantId, VisitId, ZoneId,
};
pub use invalid::Invalid;
pub use journey::{Journey, JourneyStep, Stage};
pub use measure::{Arm, Conversion, Measure, Variant};
pub use message::{Button, Fallback, Locale, Message, Translation};
pub use opening::OpeningHours;
pub use ping::{AppState, BeaconKey, Fix, Ping, Sequence, Sighting, Uuid};
pub use place::{BeaconExtent, Circle, Extent, Fence, Place, Polygon, Proximity, Region, Ring};
pub use preferences::{Preference, PreferenceChange, PreferenceSetting};
pub use rule::{Condition, Finding, Rule, Test, Times};
pub use steps::Steps;
pub use time::{DeviceTime, Millis, ServerTime};
pub use topic::{ByChannel, Choice, Topic, TopicChoices, TopicDefault};
pub use trigger::{DeliveryAttempt, DeliveryState, Receipt, ReceiptKind, Receipts, Trigger};
pub use units::{Metres, Position};
pub use version::{LanguageRange, Version};
pub use zone::{Zone, ZoneKind};
