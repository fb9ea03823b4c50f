//! The four steps composed: locate, observe presence, qualify, decide.
//!
//! [`Engine::observe`] is a pure function of the catalogue, the customer's state, the ping and the server's
//! time. The same engine runs inside the server, the simulator and the tests, and answers the same in each.

mod sequences;
mod state;

pub use sequences::Sequences;
pub use state::{CustomerState, DeviceState};

use crate::locate::{Atlas, Site};
use crate::model::{
    Decision, DecisionId, DeviceId, Metres, Millis, Ping, Position, ReportAdvice, ServerTime, Transition, Trigger,
};
use crate::presence::{self, PresenceConfig};
use crate::qualify::{self, CampaignBook, Occasion, Qualified};

/// How far a device's clock may run ahead of the server's before its pings are refused.
pub const AHEAD_MAX: Millis = Millis::from_mins(2);
/// How old a ping may be.
pub const AGE_MAX: Millis = Millis::from_days(30);
/// Most regions that a decision lists.
pub const REGION_STEPS_MAX: usize = 32;

/// What campaigns apply where: an immutable snapshot, swapped as a whole.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Places and regions.
    pub atlas: Atlas,
    /// Campaigns.
    pub campaigns: CampaignBook,
}

/// The decision engine over one snapshot of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Engine<'a> {
    /// What applies where.
    pub catalogue: &'a Catalogue,
    /// How presence is decided.
    pub presence: &'a PresenceConfig,
}

/// The answer to one ping.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// The ping was kept, and decided.
    Kept(Box<Outcome>),
    /// The ping was refused, and changed nothing.
    Refused(Refusal),
}

/// What a kept ping led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Every step, for the record.
    pub decision: Decision,
    /// The one message that qualified, if any.
    pub trigger: Option<Trigger>,
    /// When to report next.
    pub advice: Option<ReportAdvice>,
    /// Where the track is after the ping; for traces only.
    pub track: Option<Position>,
}

/// Why a ping was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Observed more than [`AHEAD_MAX`] ahead of the server's time.
    FromTheFuture {
        /// How far ahead.
        ahead: Millis,
    },
    /// Observed more than [`AGE_MAX`] ago.
    TooOld {
        /// How long ago.
        age: Millis,
    },
    /// Its sequence number was kept before.
    Duplicate,
    /// The customer does not consent to being located.
    NoConsent,
}

impl Engine<'_> {
    /// Decides one ping of one of the customer's devices. A device that the customer does not have counts as
    /// one without consent.
    pub fn observe(&self, state: &mut CustomerState, device: &DeviceId, ping: &Ping, now: ServerTime) -> Observed {
        let consents = state.customer.consents();
        let Some(own) = state.devices.get_mut(device) else { return Observed::Refused(Refusal::NoConsent) };
        if let Some(refusal) = refuse(own, consents, ping, now) {
            return Observed::Refused(refusal);
        }
        own.kept.insert(ping.sequence);
        let seen = presence::observe(self.presence, &self.catalogue.atlas, device, &mut own.presence, ping);
        let id = DecisionId::derive(now, ping.sequence, device);
        let qualified = self.qualify(state, &seen.transitions, &seen.regions, now);
        let trigger = qualified.winner.and_then(|win| {
            let transition = seen.transitions.get(win.occasion)?.clone();
            let place = self.catalogue.atlas.site(&transition.region)?.place.id.clone();
            Some(Trigger {
                id: win.trigger,
                customer: state.customer.id.clone(),
                device: device.clone(),
                campaign: win.campaign.id.clone(),
                place,
                decision: id.clone(),
                transition,
                message: win.campaign.message.clone(),
                created: now,
                expires: now + win.campaign.time_to_live,
            })
        });
        let mut regions = seen.regions;
        regions.sort_by(|a, b| a.distance.0.total_cmp(&b.distance.0).then_with(|| a.region.cmp(&b.region)));
        regions.truncate(REGION_STEPS_MAX);
        let decision = Decision {
            id,
            customer: state.customer.id.clone(),
            device: device.clone(),
            sequence: ping.sequence,
            observed: ping.observed,
            decided: now,
            fix: seen.fix,
            regions,
            transitions: seen.transitions,
            assessments: qualified.assessments,
        };
        Observed::Kept(Box::new(Outcome { decision, trigger, advice: seen.advice, track: seen.track }))
    }

    fn qualify(
        &self,
        state: &mut CustomerState,
        transitions: &[Transition],
        regions: &[crate::model::RegionStep],
        now: ServerTime,
    ) -> Qualified {
        let sites: Vec<(&Transition, &Site)> = transitions
            .iter()
            .filter_map(|transition| Some((transition, self.catalogue.atlas.site(&transition.region)?)))
            .collect();
        let occasions: Vec<Occasion<'_>> = sites
            .iter()
            .map(|(transition, site)| Occasion {
                transition,
                region: &site.region,
                place: &site.place,
                age: Millis((now.0 - transition.happened.0).max(0)),
                nearness: regions
                    .iter()
                    .find(|step| step.region == transition.region)
                    .map_or(Metres(0.0), |step| step.distance),
            })
            .collect();
        qualify::qualify(&self.catalogue.campaigns, &state.customer, &mut state.ledger, &occasions, now)
    }
}

fn refuse(device: &DeviceState, consents: bool, ping: &Ping, now: ServerTime) -> Option<Refusal> {
    let lag = Millis(now.0.saturating_sub(ping.observed.0));
    if !consents {
        Some(Refusal::NoConsent)
    } else if device.kept.contains(ping.sequence) {
        Some(Refusal::Duplicate)
    } else if lag.0 < -AHEAD_MAX.0 {
        Some(Refusal::FromTheFuture { ahead: Millis(-lag.0) })
    } else if lag > AGE_MAX {
        Some(Refusal::TooOld { age: lag })
    } else {
        None
    }
}
