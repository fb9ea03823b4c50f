//! Which visits to a brand there were.

use super::{CustomerState, Engine};
use crate::model::{DeviceId, Millis, PlaceId, RegionId, ServerTime, Transition, TransitionKind};
use crate::presence::{DevicePresence, Seen};
use std::collections::BTreeSet;

/// Who leaves one region of a place and enters another within this time has not left the place.
const HANDOVER_MAX: Millis = Millis::from_mins(2);

impl Engine<'_> {
    /// Counts the visits that begin: the enters of people who are not in the place yet, by another of its regions or
    /// with another of their devices.
    pub(super) fn count_visits(
        &self,
        state: &mut CustomerState,
        device: &DeviceId,
        seen: &Seen,
        now: ServerTime,
        behind: Millis,
    ) {
        let enters = || seen.transitions.iter().filter(|own| own.kind == TransitionKind::Enter);
        let entered: BTreeSet<&RegionId> = enters().map(|own| &own.region).collect();
        let mut begun: BTreeSet<&PlaceId> = BTreeSet::new();
        for enter in enters() {
            let Some(site) = self.catalogue.atlas.site(&enter.region) else { continue };
            let place = &site.place.id;
            let others = |presence: &DevicePresence| {
                let latches = presence.fences.iter().chain(&presence.beacons.latches);
                latches.filter(|(region, _)| !entered.contains(region)).any(|(region, latch)| {
                    latch.visit().is_some() && self.place_of(region).is_some_and(|other| other == place)
                })
            };
            let inside = if enter.belated {
                state.devices.get(device).is_some_and(|own| others(&own.history))
            } else {
                state.devices.values().any(|own| others(&own.presence))
            };
            let passes_on = seen.transitions.iter().any(|exit| self.hands_over(exit, enter, place));
            if !begun.insert(place) || inside || passes_on {
                continue;
            }
            let age = Millis(now.0.saturating_sub(enter.happened.0).saturating_sub(behind.0).max(0));
            state.visits.count(&site.place.brand, &enter.visit, now - age);
        }
    }

    fn hands_over(&self, exit: &Transition, enter: &Transition, place: &PlaceId) -> bool {
        exit.kind == TransitionKind::Exit
            && exit.region != enter.region
            && (enter.happened - exit.happened).0.abs() <= HANDOVER_MAX.0
            && self.place_of(&exit.region).is_some_and(|other| other == place)
    }

    fn place_of(&self, region: &RegionId) -> Option<&PlaceId> {
        self.catalogue.atlas.site(region).map(|site| &site.place.id)
    }
}
