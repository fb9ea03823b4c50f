//! Pings → transitions.
//!
//! ```text
//! fix ───────▶ track: where, how certain ─▶ fences: one latch each ───┐
//!                                             ▲ keeps alive           ├─▶ transitions
//! sightings ─▶ signals: how strong ─▶ beacon regions: alone, or rooms ┘
//! ```
//!
//! [`observe`] takes a ping, [`advance`] takes silence. All state is plain and bounded, and all times are the
//! device's: the same pings give the same transitions, whenever they arrive.
//!
//! **One visit.** A fence and a beacon region of the same place that is not one of a group mark the same thing. The
//! one that is entered second, while the other's visit goes on, gives its transitions that visit's id and start; so
//! whoever acts once a visit acts once. Each still has its own enter, dwell and exit. Rooms have visits of their
//! own. While a beacon of a place is heard the device does not leave the place's fences, whatever GPS says.
//!
//! **Silence.** A device that falls silent inside, clearly and slowly by its last evidence, has dwelt when the dwell
//! time and a grace have passed; its visits lapse two hours after its last ping. What was decided by silence is
//! dated to the moment at which the time was up, so it does not matter when it is looked at.

mod advice;
mod around;
mod beacons;
mod config;
mod fences;
mod latch;
mod normal;
mod notes;
mod plane;
mod rooms;
mod rssi;
#[cfg(test)]
mod tests;
mod track;

pub use advice::advice;
pub use around::{Asks, Nearing};
pub use beacons::Beacons;
pub use config::{BEACON_REGIONS_MAX, BEACONS_MAX, FENCES_MAX, PresenceConfig};
pub use latch::{Latch, Visit};
pub use plane::Planar;
pub use rooms::{Challenger, Room};
pub use rssi::{Signal, proximity};
pub use track::{Covariance, Held, Track};

use crate::locate::Atlas;
use crate::model::ping::ACCURACY_MAX_M;
use crate::model::{
    DeviceId, DeviceTime, Fix, FixOutcome, FixStep, Metres, Ping, Position, RegionId, RegionStep, Transition, VisitId,
};
use around::{Around, Before};
use notes::{Notes, span};
use std::collections::BTreeMap;

/// Where a device is, as far as its pings tell: the soft state, and the presence in regions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DevicePresence {
    /// The smoothed position.
    pub track: Option<Track>,
    /// The fences that the device is in, or about to be in; at most [`FENCES_MAX`].
    pub fences: BTreeMap<RegionId, Latch>,
    /// The fences that it approached, or is in without a visit; only when a campaign asks. At most [`FENCES_MAX`].
    pub nearings: BTreeMap<RegionId, Nearing>,
    /// The beacons that it hears, and the beacon regions that it is in.
    pub beacons: Beacons,
    /// The latest ping that was decided.
    pub latest: Option<DeviceTime>,
}

/// What one ping told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// What the track filter made of the fix.
    pub fix: Option<FixStep>,
    /// The regions that were considered.
    pub regions: Vec<RegionStep>,
    /// The transitions, in the order in which they happened.
    pub transitions: Vec<Transition>,
    /// Where the track is.
    pub track: Option<Position>,
}

/// Takes one ping into a device's presence. One that is older than the latest changes nothing. `asks`: which
/// approaches and passes to look for; none when absent.
pub fn observe(
    config: &PresenceConfig,
    atlas: &Atlas,
    device: &DeviceId,
    state: &mut DevicePresence,
    ping: &Ping,
    asks: Option<Asks<'_>>,
) -> Seen {
    state.heal();
    if state.latest.is_some_and(|latest| ping.observed < latest) {
        return Seen {
            fix: ping.fix.map(|fix| state.fix_step(&fix, FixOutcome::Late, 0.0)),
            track: state.position(),
            ..Seen::default()
        };
    }
    let mut notes = Notes::new(device);
    silence(config, atlas, state, ping.observed, &mut notes);
    state.latest = Some(ping.observed);
    if state.beacons.hear(&ping.sightings, ping.observed, atlas, config) {
        state.beacons.decide(ping.observed, &state.fences, atlas, config, &mut notes);
    }
    let before = state.track.as_ref().map(|track| Before { position: track.position, at: track.at });
    let fix = ping.fix.map(|fix| state.take(&fix, ping.observed, config));
    if let (Some(FixOutcome::Accepted | FixOutcome::Reseated), Some(track)) = (fix.map(|f| f.outcome), &state.track) {
        fences::decide(&mut state.fences, &state.beacons.latches, track, atlas, config, &mut notes);
        if let Some(asks) = asks {
            let around = Around { track, before, latches: &state.fences, atlas, config, asks };
            let steps = std::mem::take(&mut notes.regions);
            around.look(&steps, &mut state.nearings, &mut notes);
            notes.regions = steps;
        }
    }
    let (transitions, regions) = notes.in_order();
    Seen { fix, regions, transitions, track: state.position() }
}

/// Takes silence into a device's presence: nothing was heard of it up to a moment of its own clock. Gives dwells and
/// exits that are due by then. [`observe`] does so, too, before it takes a ping.
pub fn advance(
    config: &PresenceConfig,
    atlas: &Atlas,
    device: &DeviceId,
    state: &mut DevicePresence,
    until: DeviceTime,
) -> Vec<Transition> {
    state.heal();
    let mut notes = Notes::new(device);
    silence(config, atlas, state, until, &mut notes);
    notes.in_order().0
}

/// When [`advance`] has something to do next, by the device's clock, if nothing more is heard of it.
pub fn due(config: &PresenceConfig, atlas: &Atlas, state: &DevicePresence) -> Option<DeviceTime> {
    let latest = state.latest?;
    let lapse = latest + span(config.lapse_s);
    let lost = state.beacons.newest().unwrap_or(latest) + span(config.rssi_lost_s);
    let grace = span(config.dwell_grace_s);
    let dwell = |(id, latch): (&RegionId, &Latch)| match latch {
        Latch::Inside { visit } if visit.settled && !visit.dwelt => {
            atlas.site(id).map(|site| visit.since + site.region.dwell + grace)
        }
        Latch::Outside | Latch::Entering { .. } | Latch::Inside { .. } | Latch::Leaving { .. } => None,
    };
    let fences = state.fences.iter().filter_map(dwell).filter(|at| *at <= lapse);
    let beacons = state.beacons.latches.iter().filter_map(dwell).filter(|at| *at <= lost);
    let ends = [(!state.fences.is_empty()).then_some(lapse), (!state.beacons.latches.is_empty()).then_some(lost)];
    fences.chain(beacons).chain(ends.into_iter().flatten()).min()
}

/// Dwells, silent beacons and lapses that are due.
fn silence(
    config: &PresenceConfig,
    atlas: &Atlas,
    state: &mut DevicePresence,
    until: DeviceTime,
    notes: &mut Notes<'_>,
) {
    let Some(latest) = state.latest else { return };
    let lapse = latest + span(config.lapse_s);
    let heard = state.beacons.newest().unwrap_or(latest);
    let lost = heard + span(config.rssi_lost_s);
    let grace = span(config.dwell_grace_s);
    let fences = state.fences.iter_mut().map(|(id, latch)| (id, latch, lapse));
    let beacons = state.beacons.latches.iter_mut().map(|(id, latch)| (id, latch, lost));
    for (id, latch, end) in fences.chain(beacons) {
        if let Latch::Inside { visit } = latch
            && visit.settled
            && !visit.dwelt
            && let Some(site) = atlas.site(id)
        {
            let decided = visit.since + site.region.dwell + grace;
            if decided <= until.min(end)
                && let Some(due) = visit.dwell(site.region.dwell, decided)
            {
                notes.dwell(id, visit, due, decided);
            }
        }
    }
    if until >= lost {
        state.beacons.end_all(heard, lost, atlas, notes);
    }
    if until >= lapse {
        for (id, mut latch) in std::mem::take(&mut state.fences) {
            if let Some(visit) = latch.close() {
                let dwell = atlas.site(&id).map(|site| site.region.dwell);
                notes.exit(&id, &visit, visit.ended(latest, dwell), lapse);
            }
        }
    }
}

impl DevicePresence {
    /// Whether a visit to the region is under way that had begun by a moment.
    pub fn knows(&self, region: &RegionId, at: DeviceTime) -> bool {
        let latch = self.fences.get(region).or_else(|| self.beacons.latches.get(region));
        latch.and_then(Latch::visit).is_some_and(|visit| visit.start <= at)
    }

    /// The visit to the region that is under way.
    pub fn visit(&self, region: &RegionId) -> Option<&VisitId> {
        let latch = self.fences.get(region).or_else(|| self.beacons.latches.get(region));
        latch.and_then(Latch::visit).map(|visit| &visit.id)
    }

    /// Drops what no filter can have written, so that a damaged record harms nothing but itself.
    fn heal(&mut self) {
        self.track = self.track.take().filter(Track::is_sane);
        self.beacons.signals.retain(|_, signal| signal.is_sane());
    }

    fn position(&self) -> Option<Position> {
        self.track.as_ref().map(|track| track.position)
    }

    /// Takes a fix into the track, or sets it aside.
    fn take(&mut self, fix: &Fix, at: DeviceTime, config: &PresenceConfig) -> FixStep {
        if fix.mock && !config.accept_mock {
            return self.fix_step(fix, FixOutcome::Mock, 0.0);
        }
        let usable = fix.accuracy.0 > 0.0 && fix.accuracy.0 <= config.accuracy_max_m;
        if !usable {
            return self.fix_step(fix, FixOutcome::Inaccurate, 0.0);
        }
        match &mut self.track {
            None => {
                self.track = Some(Track::seat(at, fix, config));
                self.fix_step(fix, FixOutcome::Accepted, 0.0)
            }
            Some(track) if at <= track.at => self.fix_step(fix, FixOutcome::Late, 0.0),
            Some(track) => {
                let taken = track.observe(at, fix, config);
                self.fix_step(fix, taken.outcome, taken.surprise)
            }
        }
    }

    fn fix_step(&self, fix: &Fix, outcome: FixOutcome, surprise: f64) -> FixStep {
        let known = fix.accuracy.0 > 0.0 && fix.accuracy.0 <= ACCURACY_MAX_M;
        let accuracy = if known { fix.accuracy } else { Metres(ACCURACY_MAX_M) };
        let sigma = self.track.as_ref().map_or(accuracy, |track| Metres(track.sigma_m()));
        FixStep { outcome, accuracy, sigma, surprise }
    }
}
