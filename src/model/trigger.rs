//! What is handed to push, and what became of it.

use super::channel::Channel;
use super::decision::Transition;
use super::ids::{ButtonId, CampaignId, CustomerId, DecisionId, DeviceId, PlaceId, TriggerId, VariantId};
use super::message::Message;
use super::time::{DeviceTime, Millis, ServerTime};

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
    /// What failed, where that is not the message of the customer's language.
    pub fell_back: Option<String>,
    /// The channels that are left to it, at least one: it goes by the first, and where that fails by the next.
    pub channels: Vec<Channel>,
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

/// What the app tells of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Of which trigger.
    pub trigger: TriggerId,
    /// What happened to its message.
    pub kind: ReceiptKind,
    /// When, by the device's clock.
    pub at: DeviceTime,
}

/// What happened to a message on the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptKind {
    /// The app has it.
    Received,
    /// The customer opened it.
    Opened {
        /// By which of its buttons; absent: by the message itself.
        button: Option<ButtonId>,
    },
}

/// What the app told of a trigger's message. The first word of each kind counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipts {
    /// When the app had it; what was opened was received.
    pub received: Option<ServerTime>,
    /// When the customer opened it.
    pub opened: Option<ServerTime>,
    /// By which of its buttons; absent: by the message itself, or not at all.
    pub button: Option<ButtonId>,
}

impl Receipts {
    /// Takes one receipt. A time that is not past yet, or before the trigger was made, comes from a clock that is
    /// off, and is brought into that range.
    pub fn take(&mut self, receipt: &Receipt, created: ServerTime, now: ServerTime) {
        let at = ServerTime(receipt.at.0).max(created).min(now.max(created));
        match &receipt.kind {
            ReceiptKind::Received => {}
            ReceiptKind::Opened { button } => {
                if self.opened.is_none() {
                    (self.opened, self.button) = (Some(at), button.clone());
                }
            }
        }
        self.received.get_or_insert(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_receipt_of_each_kind_counts() {
        let opened = |button: Option<&str>| ReceiptKind::Opened {
            button: button.map(|id| ButtonId::parse("button", id).unwrap()),
        };
        let trigger = TriggerId::parse("trigger", "t").unwrap();
        let mut receipts = Receipts::default();
        let mut take = |kind, at| {
            let receipt = Receipt { trigger: trigger.clone(), kind, at: DeviceTime(at) };
            receipts.take(&receipt, ServerTime(100), ServerTime(200));
            (receipts.received.map(|at| at.0), receipts.opened.map(|at| at.0), receipts.button.is_some())
        };
        assert_eq!(take(ReceiptKind::Received, 50), (Some(100), None, false), "not before it was made");
        assert_eq!(take(ReceiptKind::Received, 150), (Some(100), None, false));
        assert_eq!(take(opened(Some("map")), 900), (Some(100), Some(200), true), "not in the future");
        assert_eq!(take(opened(None), 160), (Some(100), Some(200), true));
        let mut receipts = Receipts::default();
        let receipt = Receipt { trigger: trigger.clone(), kind: opened(None), at: DeviceTime(150) };
        receipts.take(&receipt, ServerTime(100), ServerTime(200));
        assert_eq!(receipts.received, Some(ServerTime(150)), "what was opened was received");
    }
}
