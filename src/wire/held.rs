//! Messages that wait, as they are stored.

use super::store::v1 as stored;
use super::{choice, finite, required, time, unknown_choice};
use crate::model::{CampaignId, DeviceId, Invalid, Metres, ServerTime, Transition, Waits};
use crate::qualify::Held;

impl From<&Held> for stored::HeldMessage {
    fn from(held: &Held) -> Self {
        Self {
            campaign: held.campaign.to_string(),
            device: held.device.to_string(),
            transition: Some((&held.transition).into()),
            nearness_m: super::tame(held.nearness.0),
            since_time: Some(held.since.into()),
            until_time: Some(held.until.into()),
            fresh_time: Some(held.fresh.into()),
            waits: match held.waits {
                Waits::Hours => stored::WaitsFor::Hours,
                Waits::Settle => stored::WaitsFor::Settle,
            }
            .into(),
        }
    }
}

impl TryFrom<stored::HeldMessage> for Held {
    type Error = Invalid;

    fn try_from(record: stored::HeldMessage) -> Result<Self, Invalid> {
        let moment =
            |field: &str, at| -> Result<ServerTime, Invalid> { time::server_time(field, required(field, at)?) };
        let transition = required("transition", record.transition)?;
        let known = "HOURS or SETTLE";
        Ok(Self {
            campaign: CampaignId::parse("campaign", &record.campaign)?,
            device: DeviceId::parse("device", &record.device)?,
            transition: Transition::try_from(transition).map_err(|why| why.under("transition"))?,
            nearness: Metres(finite("nearness_m", record.nearness_m)?),
            since: moment("since_time", record.since_time)?,
            until: moment("until_time", record.until_time)?,
            fresh: moment("fresh_time", record.fresh_time)?,
            waits: match choice("waits", record.waits, known)? {
                stored::WaitsFor::Unspecified => return Err(unknown_choice("waits", "UNSPECIFIED", known)),
                stored::WaitsFor::Hours => Waits::Hours,
                stored::WaitsFor::Settle => Waits::Settle,
            },
        })
    }
}
