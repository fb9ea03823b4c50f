//! Pings → transitions: a track filter for each device, a latch for each region, an RSSI filter for beacons.

mod latch;
mod track;

pub use latch::Latch;
pub use track::Track;

use crate::locate::Atlas;
use crate::model::{
    DeviceId, DeviceTime, FixOutcome, FixStep, Metres, Millis, Ping, Position, Presence, RegionId, RegionStep,
    ReportAdvice, Transition,
};
use std::collections::BTreeMap;

/// How presence is decided. The defaults are for all devices and regions.
#[derive(Debug, Clone, PartialEq)]
pub struct PresenceConfig {
    /// Fixes of a larger accuracy radius decide nothing.
    pub accuracy_max: Metres,
    /// Regions whose edge is nearer than this are considered.
    pub reach: Metres,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self { accuracy_max: Metres(1_000.0), reach: Metres(200.0) }
    }
}

/// Where a device is, as far as its pings tell: the soft state, and the presence in regions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DevicePresence {
    /// The smoothed position.
    pub track: Option<Track>,
    /// The regions at hand, or that the device is in.
    pub latches: BTreeMap<RegionId, Latch>,
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
    /// When to report next.
    pub advice: Option<ReportAdvice>,
    /// Where the track is.
    pub track: Option<Position>,
}

/// Takes one ping into a device's presence.
pub fn observe(
    config: &PresenceConfig,
    atlas: &Atlas,
    device: &DeviceId,
    state: &mut DevicePresence,
    ping: &Ping,
) -> Seen {
    let Some(fix) = ping.fix else { return Seen::default() };
    let set_aside = |outcome| Seen {
        fix: Some(FixStep { outcome, accuracy: fix.accuracy, sigma: fix.accuracy, surprise: 0.0 }),
        ..Seen::default()
    };
    if state.latest.is_some_and(|latest| ping.observed < latest) {
        return set_aside(FixOutcome::Late);
    }
    state.latest = Some(ping.observed);
    if fix.mock {
        return set_aside(FixOutcome::Mock);
    }
    if fix.accuracy > config.accuracy_max {
        return set_aside(FixOutcome::Inaccurate);
    }
    let (outcome, surprise) = track::update(&mut state.track, ping.observed, &fix);
    let Some(track) = &state.track else { return set_aside(outcome) };
    let (position, sigma) = (track.position(), track.sigma());
    let mut seen = Seen {
        fix: Some(FixStep { outcome, accuracy: fix.accuracy, sigma, surprise }),
        track: Some(position),
        ..Seen::default()
    };
    if outcome == FixOutcome::Outlier {
        return seen;
    }
    let mut distances: BTreeMap<RegionId, (Metres, Millis)> = atlas
        .near(position, config.reach)
        .map(|near| (near.site.region.id.clone(), (near.distance, near.site.region.dwell)))
        .collect();
    for id in state.latches.keys() {
        if let (false, Some(site)) = (distances.contains_key(id), atlas.site(id))
            && let Some(distance) = site.signed_distance(position)
        {
            distances.insert(id.clone(), (distance, site.region.dwell));
        }
    }
    let mut nearest_edge = Metres(10_000.0);
    for (id, (distance, dwell)) in &distances {
        let latch = state.latches.entry(id.clone()).or_default();
        let probability = latch.update((device, id), ping.observed, *distance, sigma, *dwell, &mut seen.transitions);
        nearest_edge.0 = nearest_edge.0.min(distance.0.abs());
        seen.regions.push(RegionStep {
            region: id.clone(),
            distance: *distance,
            probability,
            presence: latch.presence(),
        });
    }
    state.latches.retain(|id, latch| {
        latch.presence() == Presence::Inside || distances.get(id).is_some_and(|d| d.0 < config.reach)
    });
    let moved = Metres(nearest_edge.0.clamp(10.0, 10_000.0));
    let after = Millis(((moved.0 / 3.0) * 1_000.0) as i64);
    seen.advice = Some(ReportAdvice { after: Millis(after.0.clamp(1_000, 600_000)), moved });
    seen
}
