//! When a further report can first make a difference.

use super::DevicePresence;
use super::config::PresenceConfig;
use super::latch::Latch;
use super::notes::span;
use crate::locate::Atlas;
use crate::model::{Metres, Millis, Presence, ReportAdvice};

/// Where no fence is near, it is looked for within these, metres.
const REACHES_M: [f64; 5] = [500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0];
/// Advised at least.
const MOVED_MIN_M: f64 = 10.0;
/// Advised at most.
const MOVED_MAX_M: f64 = 10_000.0;
const AFTER_MIN: Millis = Millis::from_secs(1);
const AFTER_MAX: Millis = Millis::from_mins(10);
/// A device at rest may start to walk.
const SPEED_LEAST_MPS: f64 = 1.5;
/// It may speed up by this share until it reports.
const SPEED_UP: f64 = 1.5;
/// While a latch waits for evidence to hold, it wants some.
const WHILE_HELD: Millis = Millis::from_secs(10);

/// When a further report of a device can first make a difference: the nearest edge whose crossing could change
/// something, and the time in which the device could reach it. Without a track, as long as beacons are heard. Nothing
/// when nothing is known of its whereabouts.
pub fn advice(config: &PresenceConfig, atlas: &Atlas, state: &DevicePresence) -> Option<ReportAdvice> {
    let Some(track) = &state.track else {
        let hears = !state.beacons.signals.is_empty();
        return hears.then_some(ReportAdvice { after: WHILE_HELD, moved: Metres(MOVED_MIN_M) });
    };
    let inside = |id| state.fences.get(id).is_some_and(|latch| latch.presence() == Presence::Inside);
    let mut nearest_m = atlas
        .near(track.position, Metres(config.reach_m))
        .filter(|near| !inside(&near.site.region.id))
        .map(|near| near.distance.0.abs())
        .fold(f64::INFINITY, f64::min);
    if nearest_m > config.reach_m {
        let free = REACHES_M.iter().take_while(|reach| atlas.near(track.position, Metres(**reach)).next().is_none());
        nearest_m = free.last().copied().unwrap_or(config.reach_m);
    }
    let mut after = AFTER_MAX;
    for (id, latch) in &state.fences {
        match latch {
            Latch::Outside => {}
            Latch::Entering { .. } | Latch::Leaving { .. } => after = after.min(WHILE_HELD),
            Latch::Inside { visit } => {
                let Some(site) = atlas.site(id) else { continue };
                let inside_m = site.signed_distance(track.position).map_or(f64::INFINITY, |distance| -distance.0);
                nearest_m = nearest_m.min((config.exit_buffer_m + inside_m).max(0.0));
                if !visit.dwelt {
                    after = after.min(visit.since + site.region.dwell - track.at);
                }
            }
        }
    }
    let moved = nearest_m.clamp(MOVED_MIN_M, MOVED_MAX_M);
    let speed_mps = (track.velocity.length() * SPEED_UP).max(SPEED_LEAST_MPS);
    Some(ReportAdvice { after: after.min(span(moved / speed_mps)).clamp(AFTER_MIN, AFTER_MAX), moved: Metres(moved) })
}
