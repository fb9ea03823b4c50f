//! A track → presence in fences.

use super::config::{FENCES_MAX, PresenceConfig};
use super::latch::{Change, Evidence, Latch, depth_needed_m};
use super::normal::phi;
use super::notes::Notes;
use super::plane::Plane;
use super::track::Track;
use crate::locate::{Atlas, Site};
use crate::model::{DeviceTime, Extent, Metres, PlaceId, Position, Presence, RegionId, RegionStep, VisitId};
use std::collections::BTreeMap;

/// The step of the second measurement that tells how fast an edge comes nearer, metres.
const AHEAD_M: f64 = 1.0;

/// Decides after an accepted fix.
pub(super) fn decide(
    latches: &mut BTreeMap<RegionId, Latch>,
    beacons: &BTreeMap<RegionId, Latch>,
    track: &Track,
    atlas: &Atlas,
    config: &PresenceConfig,
    notes: &mut Notes<'_>,
) {
    let mut sites: Vec<(&Site, f64)> =
        atlas.near(track.position, Metres(config.reach_m)).map(|near| (near.site, near.distance.0)).collect();
    // Sites are compared by where they stand in the atlas, which is cheaper than by id.
    let mut latched: Vec<&Site> = Vec::new();
    latches.retain(|id, _| {
        let Some(site) = atlas.site(id) else { return false };
        latched.push(site);
        if !sites.iter().any(|(near, _)| std::ptr::eq(*near, site)) {
            let distance = site.signed_distance(track.position);
            sites.extend(distance.map(|distance| (site, distance.0)));
            return distance.is_some();
        }
        true
    });
    let kept: Vec<&PlaceId> = open_places(beacons, atlas).collect();
    let scene = Scene::new(track, config);
    notes.regions.reserve(sites.len());
    for (site, distance_m) in sites {
        let region = &site.region;
        let probability = phi(-distance_m / scene.sigma_m);
        let known = latched.iter().any(|own| std::ptr::eq(*own, site));
        // Nothing to remember of a fence that is too far off to be entered.
        let presence = if known || (distance_m < scene.enter_within_m && latches.len() < FENCES_MAX) {
            let mut latch = latches.remove(&region.id).unwrap_or_default();
            let evidence = Evidence {
                track,
                distance_m,
                closing_mps: if latch.visit().is_some() { 0.0 } else { scene.closing_mps(site, distance_m) },
                kept: kept.contains(&&region.place),
            };
            let change = latch.observe(&evidence, config, |since| {
                notes.begin(&region.id, since, joined_visit(latches, beacons, atlas, &region.place))
            });
            match change {
                Some(Change::Enter(visit)) => notes.enter(&region.id, &visit, track.at),
                Some(Change::Exit(visit, since)) => notes.exit(&region.id, &visit, since, track.at),
                None => {}
            }
            let settled = probability >= config.dwell_probability && scene.speed_mps <= config.dwell_speed_max_mps;
            note_stay(&mut latch, site, settled, track, notes);
            let presence = latch.presence();
            if latch != Latch::Outside {
                latches.insert(region.id.clone(), latch);
            }
            presence
        } else {
            Presence::Outside
        };
        notes.regions.push(RegionStep {
            region: region.id.clone(),
            distance: Metres(distance_m),
            probability,
            presence,
        });
    }
}

/// The visit of a place that a beacon marks, by the fence of the place: of several fences the one entered last.
pub(super) fn shared_visit(
    fences: &BTreeMap<RegionId, Latch>,
    atlas: &Atlas,
    place: &PlaceId,
) -> Option<(VisitId, DeviceTime)> {
    let of_place = |id: &RegionId| atlas.site(id).is_some_and(|site| site.region.place == *place);
    let visits = fences.iter().filter_map(|(id, latch)| latch.visit().filter(|_| of_place(id)));
    visits.max_by_key(|visit| visit.since).map(|visit| (visit.id.clone(), visit.start))
}

/// The visit of a place that a fence joins: that of a beacon which marks the place, unless another fence has it.
fn joined_visit(
    fences: &BTreeMap<RegionId, Latch>,
    beacons: &BTreeMap<RegionId, Latch>,
    atlas: &Atlas,
    place: &PlaceId,
) -> Option<(VisitId, DeviceTime)> {
    let marks = |id: &RegionId| {
        atlas.site(id).is_some_and(|site| match &site.region.extent {
            Extent::Beacon(extent) => extent.group.is_none() && site.region.place == *place,
            Extent::Fence(_) => false,
        })
    };
    let free = |id: &VisitId| !fences.values().any(|latch| latch.visit().is_some_and(|visit| visit.id == *id));
    let visits = beacons.iter().filter_map(|(id, latch)| latch.visit().filter(|visit| free(&visit.id) && marks(id)));
    visits.min_by_key(|visit| visit.since).map(|visit| (visit.id.clone(), visit.start))
}

fn open_places<'a>(beacons: &BTreeMap<RegionId, Latch>, atlas: &'a Atlas) -> impl Iterator<Item = &'a PlaceId> {
    let open = beacons.iter().filter(|(_, latch)| latch.visit().is_some());
    open.filter_map(|(id, _)| Some(&atlas.site(id)?.region.place))
}

fn note_stay(latch: &mut Latch, site: &Site, settled: bool, track: &Track, notes: &mut Notes<'_>) {
    match latch {
        Latch::Outside | Latch::Entering { .. } => {}
        Latch::Leaving { visit, .. } => visit.settled = false,
        Latch::Inside { visit } => {
            visit.settled = settled;
            if let Some(due) = visit.dwell(site.region.dwell, track.at) {
                notes.dwell(&site.region.id, visit, due, track.at);
            }
        }
    }
}

/// What all fences at hand share.
struct Scene {
    sigma_m: f64,
    speed_mps: f64,
    /// A step ahead on the way of the track.
    ahead: Position,
    /// A fence further off than this can't be entered.
    enter_within_m: f64,
}

impl Scene {
    fn new(track: &Track, config: &PresenceConfig) -> Self {
        let speed_mps = track.velocity.length();
        let ahead = if speed_mps > 0.0 {
            Plane::at(track.position).moved(track.velocity.times(AHEAD_M / speed_mps))
        } else {
            track.position
        };
        let enter_within_m = config.look_ahead_max_m - depth_needed_m(track, config) + AHEAD_M;
        Self { sigma_m: track.sigma_m(), speed_mps, ahead, enter_within_m }
    }

    /// How fast the distance to an edge shrinks on the way of the track.
    fn closing_mps(&self, site: &Site, distance_m: f64) -> f64 {
        site.signed_distance(self.ahead).map_or(0.0, |ahead| (distance_m - ahead.0) / AHEAD_M * self.speed_mps)
    }
}
