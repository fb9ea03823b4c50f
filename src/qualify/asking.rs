//! What a policy is asked, and how it answers.

use super::Occasion;
use super::local::Local;
use super::open::Doors;
use super::past::Past;
use crate::model::{ByChannel, Campaign, Customer, Detail, PolicyStep, Reason, ServerTime, TopicDefault};

/// May this campaign speak to this customer about this occasion now?
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    /// Who would hear it.
    pub(super) customer: &'a Customer,
    /// What the customer was sent before.
    pub(super) past: &'a Past<'a>,
    /// What the customer's clock shows.
    pub(super) local: &'a Local<'a>,
    /// Whether the place is open.
    pub(super) doors: &'a Doors<'a>,
    /// What it would be about.
    pub(super) occasion: &'a Occasion<'a>,
    /// Who asks.
    pub(super) campaign: &'a Campaign,
    /// What holds for customers who did not choose about the campaign's topic.
    pub(super) topic_default: TopicDefault,
    /// What the customer chose about it.
    pub(super) choices: ByChannel,
    /// The server's time.
    pub(super) now: ServerTime,
}

/// The policy lets the message pass.
pub(super) fn pass(policy: &'static str, detail: impl Into<Detail>) -> PolicyStep {
    PolicyStep { policy, refusal: None, detail: detail.into() }
}

/// The policy refuses the message.
pub(super) fn refuse(policy: &'static str, reason: Reason, detail: impl Into<Detail>) -> PolicyStep {
    PolicyStep { policy, refusal: Some(reason), detail: detail.into() }
}
