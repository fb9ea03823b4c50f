//! Triggers with their delivery so far.

use super::message::channels;
use super::{choice, each, name, required, time, unknown_choice, v1};
use crate::model::invalid::text;
use crate::model::{
    ButtonId, Channel, DeliveryAttempt, DeliveryState, DeviceTime, Invalid, Message, Receipt, ReceiptKind, Receipts,
    ServerTime, Transition, Trigger, TriggerId,
};

/// What is told of a trigger, besides itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where its delivery stands.
    pub state: DeliveryState,
    /// The attempts, the oldest first.
    pub attempts: Vec<DeliveryAttempt>,
    /// What the app told of it.
    pub receipts: Receipts,
    /// When it was offered to the app on its stream.
    pub offered: Option<ServerTime>,
}

/// A trigger as it is sent out: with where its delivery stands, the attempts at it, the oldest first, and what the app
/// told.
pub fn trigger_message(
    trigger: &Trigger,
    state: DeliveryState,
    attempts: &[DeliveryAttempt],
    receipts: &Receipts,
    offered: Option<ServerTime>,
) -> v1::Trigger {
    v1::Trigger {
        name: name::trigger_name(&trigger.customer, &trigger.id),
        campaign: name::campaign_name(&trigger.campaign),
        region: name::region_name(&trigger.transition.region),
        place: name::place_name(&trigger.place),
        device: name::device_name(&trigger.customer, &trigger.device),
        decision: name::decision_name(&trigger.customer, &trigger.decision),
        transition: Some((&trigger.transition).into()),
        message: Some((&trigger.message).into()),
        create_time: Some(trigger.created.into()),
        expire_time: Some(trigger.expires.into()),
        state: v1::DeliveryState::from(state).into(),
        attempts: attempts.iter().map(Into::into).collect(),
        variant: trigger.variant.as_ref().map(ToString::to_string).unwrap_or_default(),
        receive_time: receipts.received.map(Into::into),
        open_time: receipts.opened.map(Into::into),
        channels: trigger.channels.iter().map(|channel| v1::Channel::from(*channel).into()).collect(),
        message_failure: trigger.fell_back.clone().unwrap_or_default(),
        offer_time: offered.map(Into::into),
        open_button: receipts.button.as_ref().map(ButtonId::to_string).unwrap_or_default(),
    }
}

/// Parses a trigger, and what is told of it.
pub fn trigger(wire: v1::Trigger) -> Result<(Trigger, Told), Invalid> {
    let (customer, id) = name::trigger("name", &wire.name)?;
    let transition = required("transition", wire.transition)?;
    let message = required("message", wire.message)?;
    let trigger = Trigger {
        id,
        customer,
        device: name::device("device", &wire.device)?.1,
        campaign: name::campaign("campaign", &wire.campaign)?,
        place: name::place("place", &wire.place)?,
        decision: name::decision("decision", &wire.decision)?.1,
        transition: Transition::try_from(transition).map_err(|why| why.under("transition"))?,
        message: Message::try_from(message).map_err(|why| why.under("message"))?,
        variant: super::measure::variant("variant", &wire.variant)?,
        fell_back: (!wire.message_failure.is_empty())
            .then(|| text("message_failure", &wire.message_failure, 1, 200))
            .transpose()?,
        channels: match channels("channels", wire.channels)? {
            // Written before there were others.
            none if none.is_empty() => vec![Channel::Push],
            channels => channels,
        },
        created: time::server_time("create_time", required("create_time", wire.create_time)?)?,
        expires: time::server_time("expire_time", required("expire_time", wire.expire_time)?)?,
    };
    let attempts = each("attempts", wire.attempts, DeliveryAttempt::try_from)?;
    let told_at = |field, at: Option<_>| at.map(|at| time::server_time(field, at)).transpose();
    let receipts = Receipts {
        received: told_at("receive_time", wire.receive_time)?,
        opened: told_at("open_time", wire.open_time)?,
        button: button("open_button", &wire.open_button)?,
    };
    let offered = told_at("offer_time", wire.offer_time)?;
    Ok((trigger, Told { state: delivery_state("state", wire.state)?, attempts, receipts, offered }))
}

/// Parses what the app tells of one message; what bears no time happened `now`.
pub fn receipt(wire: &v1::Receipt, now: ServerTime) -> Result<Receipt, Invalid> {
    let known = "RECEIVED or OPENED";
    let kind = match choice("kind", wire.kind, known)? {
        v1::ReceiptKind::Unspecified => return Err(unknown_choice("kind", "UNSPECIFIED", known)),
        v1::ReceiptKind::Received if !wire.button.is_empty() => {
            return Err(Invalid::new("button", "is set for RECEIVED; only what was OPENED has a button"));
        }
        v1::ReceiptKind::Received => ReceiptKind::Received,
        v1::ReceiptKind::Opened => ReceiptKind::Opened { button: button("button", &wire.button)? },
    };
    let at = wire.time.map(|at| time::device_time("time", at)).transpose()?;
    Ok(Receipt { trigger: TriggerId::parse("trigger", &wire.trigger)?, kind, at: at.unwrap_or(DeviceTime(now.0)) })
}

fn button(field: &str, id: &str) -> Result<Option<ButtonId>, Invalid> {
    (!id.is_empty()).then(|| ButtonId::parse(field, id)).transpose()
}

impl From<DeliveryState> for v1::DeliveryState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Expired => Self::Expired,
            DeliveryState::Refused => Self::Refused,
        }
    }
}

/// Where a delivery stands.
pub fn delivery_state(field: &str, wire: i32) -> Result<DeliveryState, Invalid> {
    let known = "PENDING, DELIVERED, EXPIRED or REFUSED";
    Ok(match choice(field, wire, known)? {
        v1::DeliveryState::Unspecified => return Err(unknown_choice(field, "UNSPECIFIED", known)),
        v1::DeliveryState::Pending => DeliveryState::Pending,
        v1::DeliveryState::Delivered => DeliveryState::Delivered,
        v1::DeliveryState::Expired => DeliveryState::Expired,
        v1::DeliveryState::Refused => DeliveryState::Refused,
    })
}

impl From<&DeliveryAttempt> for v1::DeliveryAttempt {
    fn from(attempt: &DeliveryAttempt) -> Self {
        Self {
            attempt_time: Some(attempt.at.into()),
            provider: attempt.provider.clone(),
            accepted: attempt.accepted,
            detail: attempt.detail.clone(),
            latency: Some(attempt.latency.into()),
        }
    }
}

impl TryFrom<v1::DeliveryAttempt> for DeliveryAttempt {
    type Error = Invalid;

    fn try_from(wire: v1::DeliveryAttempt) -> Result<Self, Invalid> {
        Ok(Self {
            at: time::server_time("attempt_time", required("attempt_time", wire.attempt_time)?)?,
            provider: text("provider", &wire.provider, 1, 100)?,
            accepted: wire.accepted,
            detail: text("detail", &wire.detail, 0, 200)?,
            latency: time::millis("latency", required("latency", wire.latency)?)?,
        })
    }
}
