//! What moves a customer on in journeys.

use super::{CustomerState, Engine};
use crate::model::{BrandId, CampaignId, Device, DeviceId, Event, Millis, ServerTime};
use crate::presence::Seen;
use crate::qualify::{Deed, Person, Recorded, Stages, Win};
use crate::report::Note;
use std::collections::BTreeSet;

impl Engine<'_> {
    /// Takes one event of a customer: whatever the order in which events come, and however often, the sums are the
    /// same. One that is refused, or was recorded before, changes nothing. Then journeys go on as their rules say, and the
    /// event is attributed to the message, or ghost, of each campaign that it may come from; what that adds to the
    /// campaigns' reports goes to `notes`.
    pub fn record(
        &self,
        state: &mut CustomerState,
        event: &Event,
        now: ServerTime,
        notes: &mut Vec<Note>,
    ) -> Recorded {
        let recorded = state.events.record(event, now);
        if recorded == Recorded::Counted {
            let devices: Vec<&Device> = state.devices.values().map(|own| &own.device).collect();
            let CustomerState { customer, events, visits, stages, .. } = &*state;
            let person = Person { devices: &devices, events, visits, stages };
            let deed = Deed { customer, person, zone: None, brand: None, at: event.at.min(now), now };
            state.stages = self.catalogue.journeys.advance(stages, &deed);
            let measure = |id: &CampaignId| self.catalogue.campaigns.get(id).map(|campaign| &campaign.measure);
            notes.extend(state.exposures.attribute(event, measure));
        }
        recorded
    }

    /// Moves a journey on as the message that qualified says.
    pub(super) fn lead_on(&self, stages: &mut Stages, winner: Option<&Win>, now: ServerTime) {
        if let Some((step, win)) = winner.and_then(|win| Some((win.campaign.journey.as_ref()?, win))) {
            self.catalogue.journeys.advance_by(stages, step, &win.trigger, now);
        }
    }

    /// Moves journeys on after a decision, as the transitions let the journeys' own rules.
    pub(super) fn move_on(
        &self,
        state: &mut CustomerState,
        device: &DeviceId,
        seen: &Seen,
        now: ServerTime,
        behind: Millis,
    ) {
        let brand = |region| self.catalogue.atlas.site(region).map(|site| &site.place.brand);
        let brands: BTreeSet<&BrandId> = seen.transitions.iter().filter_map(|own| brand(&own.region)).collect();
        for own in brands {
            let of_brand = seen.transitions.iter().filter(|transition| brand(&transition.region) == Some(own));
            let Some(happened) = of_brand.map(|transition| transition.happened).max() else { continue };
            let age = Millis(now.0.saturating_sub(happened.0).saturating_sub(behind.0).max(0));
            let devices: Vec<&Device> = state.devices.get(device).map(|own| &own.device).into_iter().collect();
            let zone = devices.first().and_then(|device| device.time_zone.as_deref());
            let CustomerState { customer, events, visits, stages, .. } = &*state;
            let person = Person { devices: &devices, events, visits, stages };
            let deed = Deed { customer, person, zone, brand: Some(own), at: now - age, now };
            state.stages = self.catalogue.journeys.advance(stages, &deed);
        }
    }
}
