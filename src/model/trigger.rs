//! What is handed to push, and what became of it.

use super::campaign::Message;
use super::decision::Transition;
use super::ids::{CampaignId, CustomerId, DecisionId, DeviceId, PlaceId, TriggerId, VariantId};
use super::time::{Millis, ServerTime};

/// A qualified verdict: one campaign, one customer, one visit, one deterministic id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Its id, unique within the customer; providers see it as their idempotency key.
    pub id: TriggerId,
    /// Whose.
    pub customer: CustomerId,
    /// The device that reported, and that the push goes to.
    pub device: DeviceId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The place.
    pub place: PlaceId,
    /// The decision that made it.
    pub decision: DecisionId,
    /// The transition that set it off, with its region and visit.
    pub transition: Transition,
    /// What to say.
    pub message: Message,
    /// The campaign's variant that says it; absent where the campaign has none.
    pub variant: Option<VariantId>,
    /// When it became due.
    pub created: ServerTime,
    /// When it is no longer worth delivering.
    pub expires: ServerTime,
}

/// Where the delivery of a trigger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// In the outbox: not yet delivered.
    Pending,
    /// The provider took it.
    Delivered,
    /// It expired before a provider took it; the budget was given back.
    Expired,
    /// The provider refused it for good; the budget was given back.
    Refused,
}

/// One attempt to hand a trigger to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// When it began.
    pub at: ServerTime,
    /// The provider, such as `fcm`; `none` where there was none to hand it to.
    pub provider: String,
    /// Whether the provider took it.
    pub accepted: bool,
    /// What the provider answered, in at most 200 characters.
    pub detail: String,
    /// How long it took.
    pub latency: Millis,
}
