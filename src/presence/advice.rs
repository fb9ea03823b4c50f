//! When a further report can first make a difference.

use super::config::PresenceConfig;
use super::latch::Latch;
use super::notes::span;
use super::track::Track;
use crate::locate::Atlas;
use crate::model::{Metres, Millis, Presence, RegionId, RegionStep, ReportAdvice};
use std::collections::BTreeMap;

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

/// The nearest edge whose crossing could change something, and the time in which the device could reach it.
pub(super) fn advise(
    track: &Track,
    steps: &[RegionStep],
    latches: &BTreeMap<RegionId, Latch>,
    atlas: &Atlas,
    config: &PresenceConfig,
) -> ReportAdvice {
    let mut nearest_m = steps
        .iter()
        .filter(|step| step.presence == Presence::Outside)
        .map(|step| step.distance.0.abs())
        .fold(f64::INFINITY, f64::min);
    if nearest_m > config.reach_m {
        let free = REACHES_M.iter().take_while(|reach| atlas.near(track.position, Metres(**reach)).next().is_none());
        nearest_m = free.last().copied().unwrap_or(config.reach_m);
    }
    let mut after = AFTER_MAX;
    for (id, latch) in latches {
        match latch {
            Latch::Outside => {}
            Latch::Entering { .. } | Latch::Leaving { .. } => after = after.min(WHILE_HELD),
            Latch::Inside { visit } => {
                let step = steps.iter().find(|step| step.region == *id);
                let to_leave_m = step.map_or(f64::INFINITY, |step| config.exit_buffer_m - step.distance.0);
                nearest_m = nearest_m.min(to_leave_m.max(0.0));
                if let (false, Some(site)) = (visit.dwelt, atlas.site(id)) {
                    after = after.min(visit.since + site.region.dwell - track.at);
                }
            }
        }
    }
    let moved = nearest_m.clamp(MOVED_MIN_M, MOVED_MAX_M);
    let speed_mps = (track.velocity.length() * SPEED_UP).max(SPEED_LEAST_MPS);
    ReportAdvice { after: after.min(span(moved / speed_mps)).clamp(AFTER_MIN, AFTER_MAX), moved: Metres(moved) }
}
