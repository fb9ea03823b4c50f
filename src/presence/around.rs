//! Approach and pass: what a campaign may ask for besides visits.
//!
//! **Approach**: the track is not alone, heads for the fence (its edge comes nearer at more than half of the speed),
//! and is within 150 m of it or 60 s from it. Told once until the device has been twice as far away.
//!
//! **Pass**: the device crossed the fence, clearly by depth against the track's uncertainty, without a visit. Either
//! fixes inside were too few or too shallow to enter, or none was inside and the straight path between two accepted
//! fixes was. Told when the device is out again, once a crossing. A jump that is too fast or too long tells nothing.

use super::config::{FENCES_MAX, PresenceConfig};
use super::latch::Latch;
use super::notes::Notes;
use super::plane::Plane;
use super::track::Track;
use crate::locate::{Atlas, Site};
use crate::model::{DeviceTime, Metres, Millis, Position, RegionId, RegionStep, TransitionKind};
use std::collections::BTreeMap;

/// Whether a campaign asks for that kind of transition of a region.
pub type Asks<'a> = &'a dyn Fn(&Site, TransitionKind) -> bool;

/// A device outside of a fence that it approached, or inside without a visit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Nearing {
    /// How far away it was when its approach was told.
    pub approached: Option<Metres>,
    /// How deep inside it was without a visit, and when.
    pub deepest: Option<(Metres, DeviceTime)>,
}

/// Where the track was at its fix before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    pub(super) position: Position,
    pub(super) at: DeviceTime,
}

/// Shorter steps are no crossing, metres.
const STEP_MIN_M: f64 = 20.0;
/// The least step along a path, metres.
const MARCH_MIN_M: f64 = 2.0;
/// Most steps along a path.
const MARCH_MAX: usize = 256;

/// The surroundings of a track after an accepted fix.
pub(super) struct Around<'a> {
    pub(super) track: &'a Track,
    pub(super) before: Option<Before>,
    pub(super) latches: &'a BTreeMap<RegionId, Latch>,
    pub(super) atlas: &'a Atlas,
    pub(super) config: &'a PresenceConfig,
    pub(super) asks: Asks<'a>,
}

impl Around<'_> {
    /// Tells approaches and passes; `steps` are the fences that were considered.
    pub(super) fn look(
        &self,
        steps: &[RegionStep],
        nearings: &mut BTreeMap<RegionId, Nearing>,
        notes: &mut Notes<'_>,
    ) {
        for step in steps {
            if let Some(site) = self.atlas.site(&step.region).filter(|site| site.shape().is_some()) {
                self.look_at(site, step.distance.0, nearings, notes);
            }
        }
        self.look_back(nearings, notes);
        nearings.retain(|id, nearing| {
            let distance = self.atlas.site(id).and_then(|site| site.signed_distance(self.track.position));
            let far = |from: Metres| distance.is_none_or(|d| d.0 > 2.0 * from.0.max(self.config.approach_m));
            nearing.approached = nearing.approached.filter(|from| !far(*from));
            nearing.approached.is_some() || nearing.deepest.is_some()
        });
    }

    fn look_at(
        &self,
        site: &Site,
        distance_m: f64,
        nearings: &mut BTreeMap<RegionId, Nearing>,
        notes: &mut Notes<'_>,
    ) {
        let id = &site.region.id;
        let visiting = self.latches.get(id).is_some_and(|latch| latch.visit().is_some());
        let mut nearing = nearings.get(id).copied().unwrap_or_default();
        let before = nearing;
        if visiting {
            nearing.deepest = None;
            // Whoever comes in was about to: leaving is no new approach.
            nearing.approached.get_or_insert(Metres(0.0));
        } else if distance_m <= 0.0 {
            let deepest = nearing.deepest.filter(|(depth, _)| depth.0 >= -distance_m);
            nearing.deepest = Some(deepest.unwrap_or((Metres(-distance_m), self.track.at)));
        } else {
            if let Some((depth, at)) = nearing.deepest.take()
                && depth.0 >= self.depth_needed_m()
                && (self.asks)(site, TransitionKind::Pass)
            {
                notes.without_visit(TransitionKind::Pass, id, at, self.track.at);
            }
            if nearing.approached.is_none() && self.heads_for(site, distance_m) {
                nearing.approached = Some(Metres(distance_m));
                if (self.asks)(site, TransitionKind::Approach) {
                    notes.without_visit(TransitionKind::Approach, id, self.track.at, self.track.at);
                }
            }
        }
        if nearing == Nearing::default() {
            nearings.remove(id);
        } else if nearing != before && (nearings.len() < FENCES_MAX || nearings.contains_key(id)) {
            nearings.insert(id.clone(), nearing);
        }
    }

    fn depth_needed_m(&self) -> f64 {
        self.track.sigma_m().max(self.config.enter_sigma_floor_m)
    }

    fn heads_for(&self, site: &Site, distance_m: f64) -> bool {
        let speed_mps = self.track.velocity.length();
        let near_m = self.config.approach_m.max(speed_mps * self.config.approach_s);
        if self.track.support < 2.0 || speed_mps < self.config.approach_speed_min_mps || distance_m > near_m {
            return false;
        }
        let ahead = Plane::at(self.track.position).moved(self.track.velocity.times(1.0 / speed_mps));
        site.signed_distance(ahead).is_some_and(|ahead| distance_m - ahead.0 > 0.5)
    }

    /// Fences on the path from the fix before, with none of the two inside.
    fn look_back(&self, nearings: &BTreeMap<RegionId, Nearing>, notes: &mut Notes<'_>) {
        let Some(before) = self.before else { return };
        let plane = Plane::at(before.position);
        let way = plane.to(self.track.position);
        let (length_m, took) = (way.length(), self.track.at - before.at);
        let plausible = took <= Millis::from_mins(5) && length_m <= self.config.agree_speed_mps * took.as_secs_f64();
        if length_m < STEP_MIN_M || !plausible {
            return;
        }
        let middle = plane.moved(way.times(0.5));
        for near in self.atlas.near(middle, Metres(length_m / 2.0)) {
            let region = &near.site.region;
            let outside = |position| near.site.signed_distance(position).is_some_and(|d| d.0 > 0.0);
            let known = self.latches.contains_key(&region.id)
                || nearings.get(&region.id).is_some_and(|nearing| nearing.deepest.is_some());
            if known || !outside(before.position) || !outside(self.track.position) {
                continue;
            }
            let mut along_m = 0.0;
            for _ in 0..MARCH_MAX {
                // No edge is nearer than the distance says, so that none is stepped over.
                let here = near.site.signed_distance(plane.moved(way.times(along_m / length_m)));
                let Some(here_m) = here.map(|d| d.0).filter(|_| along_m < length_m) else { break };
                if here_m <= -self.depth_needed_m() {
                    if (self.asks)(near.site, TransitionKind::Pass) {
                        #[expect(clippy::cast_possible_truncation, reason = "a share of five minutes at most")]
                        let after = Millis((took.0 as f64 * along_m / length_m) as i64);
                        notes.without_visit(TransitionKind::Pass, &region.id, before.at + after, self.track.at);
                    }
                    break;
                }
                along_m += here_m.max(MARCH_MIN_M);
            }
        }
    }
}
