//! What waits until it may be said.
//!
//! A message of a campaign that holds waits where nothing but hours speaks against it: quiet hours, the campaign's own,
//! or those of the place. It is then asked about anew, every policy of it, when they are over. What else refuses it now
//! does not matter where that will have ended by then.
//!
//! And what qualifies may wait a little for others that do, so that the arbiter has a choice.

use crate::model::{
    Campaign, CampaignId, DeviceId, Metres, Millis, OutsideHours, PolicyStep, Reason, ServerTime, Transition,
    Verdict, Waits,
};

/// Most messages that wait for one customer.
pub const HELD_MAX: usize = 64;
/// Most of them that wait for each other.
pub const SETTLE_MAX: usize = 32;

/// How long, and with how many, what qualifies waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settle {
    /// When it is settled.
    pub until: ServerTime,
    /// How many more may wait; where it is none, what qualifies is settled at once.
    pub room: usize,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// The device that reported.
    pub device: DeviceId,
    /// What it is about, with its region and visit.
    pub transition: Transition,
    /// Distance from the track to the region's edge when it began to wait.
    pub nearness: Metres,
    /// Since when it waits.
    pub since: ServerTime,
    /// When it is asked about again.
    pub until: ServerTime,
    /// Since when its time to live counts.
    pub fresh: ServerTime,
    /// What it waits for.
    pub waits: Waits,
}

impl Held {
    /// How long it has waited.
    pub fn waited(&self, now: ServerTime) -> Millis {
        now - self.since
    }
}

/// What comes of the policies' answers: nothing, where all let the message pass.
pub(super) fn verdict(campaign: &Campaign, steps: &[PolicyStep]) -> Option<Verdict> {
    let refusals = || steps.iter().filter_map(|step| step.refusal.as_ref());
    let first = refusals().next()?;
    let until = match campaign.outside_hours {
        OutsideHours::Drop => None,
        OutsideHours::Hold => refusals().filter(|reason| is_of_hours(reason)).filter_map(Reason::until).max(),
    };
    let Some(until) = until else { return Some(Verdict::Suppressed(first.clone())) };
    // What waiting would not help.
    let lasting = refusals().find(|reason| reason.until().is_none_or(|end| end > until));
    Some(lasting.map_or(Verdict::Held { until }, |reason| Verdict::Suppressed(reason.clone())))
}

fn is_of_hours(reason: &Reason) -> bool {
    match reason {
        Reason::QuietHours { .. } | Reason::OutsideHours { .. } | Reason::PlaceClosed { .. } => true,
        Reason::NoConsent
        | Reason::ConsentExpired
        | Reason::Stopped
        | Reason::Paused
        | Reason::NotActive { .. }
        | Reason::Stale { .. }
        | Reason::Topic
        | Reason::Audience
        | Reason::JourneyStage
        | Reason::Holdout
        | Reason::SameVisit
        | Reason::RegionCooldown { .. }
        | Reason::PlaceCooldown { .. }
        | Reason::BrandCooldown { .. }
        | Reason::Cap { .. }
        | Reason::Pace { .. }
        | Reason::Outranked { .. }
        | Reason::Gap { .. }
        | Reason::VisitCooldown
        | Reason::VisitEnded
        | Reason::NoChannel
        | Reason::MessageFailed => false,
    }
}
