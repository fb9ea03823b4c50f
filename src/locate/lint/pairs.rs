//! What a region shows next to others.

use super::super::atlas::{Atlas, Site};
use super::super::shape::Shape;
use super::measure::{Ground, gap_m, reaches};
use super::noise::Surroundings;
use super::{Kind, Kinship, Severity};
use crate::model::{Extent, Metres, RegionId};
use std::collections::BTreeMap;

/// Most neighbours that a region is compared with.
const NEIGHBOURS_MAX: usize = 256;
/// Most pairs that are named with one region.
const NAMED_MAX: usize = 8;
/// A fence that lies in another one by this share lies within it: the rest is rounding, or a doorstep.
const WITHIN: f64 = 0.97;
/// One that is smaller than this share of the other is nested; larger, they cover the same ground.
const NESTED_SIZE: f64 = 0.8;
/// Below this share of the smaller one, fences touch.
const SHARED: f64 = 0.01;
/// From this share on, many visitors are in both.
const SHARED_MUCH: f64 = 0.2;
/// From this share on, most are.
const SHARED_MOST: f64 = 0.5;
/// A fence of so many times the area is another sort of region: a mall and the shop in it, a city and its stores.
const OTHER_SORT: f64 = 4.0;

pub(super) fn findings(atlas: &Atlas, site: &Site, speaks: &dyn Fn(&RegionId) -> bool) -> Vec<(Severity, Kind)> {
    match &site.region.extent {
        Extent::Beacon(_) => same_beacon(atlas, site, speaks).into_iter().collect(),
        Extent::Fence(_) => neighbours(atlas, site, speaks),
    }
}

/// Every other region that listens for the same is heard wherever this one is; those of one place are rooms or rings
/// of proximity.
fn same_beacon(atlas: &Atlas, site: &Site, speaks: &dyn Fn(&RegionId) -> bool) -> Option<(Severity, Kind)> {
    let Extent::Beacon(extent) = &site.region.extent else { return None };
    let twins: Vec<&RegionId> = atlas
        .listening(extent)
        .filter(|twin| twin.region.place != site.region.place)
        .map(|twin| &twin.region.id)
        .take(NEIGHBOURS_MAX)
        .collect();
    let others = twins.len();
    let other = (*twins.first()?).clone();
    // Of those that are all asked, the first one by id does not speak.
    let silent = site.region.id < other && twins.iter().all(|twin| speaks(twin));
    (!silent).then_some((Severity::Warning, Kind::SameBeacon { other, others }))
}

fn neighbours(atlas: &Atlas, site: &Site, speaks: &dyn Fn(&RegionId) -> bool) -> Vec<(Severity, Kind)> {
    let Some(shape) = site.shape() else { return Vec::new() };
    let (usual, ground) = (Surroundings::Street.accuracy(), Ground::new(shape));
    let mut near: BTreeMap<&RegionId, &Site> = BTreeMap::new();
    for (spot, reach_m) in reaches(shape) {
        let all = atlas.near(spot.position, Metres(reach_m + usual.0)).map(|near| near.site);
        let others = all.filter(|other| other.region.id != site.region.id);
        near.extend(others.map(|other| (&other.region.id, other)).take(NEIGHBOURS_MAX));
        if near.len() >= NEIGHBOURS_MAX {
            break;
        }
    }
    let mut found: Vec<(f64, (Severity, Kind))> = near
        .values()
        .take(NEIGHBOURS_MAX)
        .filter(|other| !speaks(&other.region.id) || is_smaller(site, shape, other))
        .filter_map(|other| pair(site, (shape, &ground), other, usual))
        .collect();
    found.sort_by(|(a, one), (b, other)| other.0.cmp(&one.0).then_with(|| b.total_cmp(a)));
    let others = found.len();
    let crowd = (others > NAMED_MAX).then_some((Severity::Note, Kind::Crowded { others }));
    found.into_iter().take(NAMED_MAX).map(|(_, finding)| finding).chain(crowd).collect()
}

/// Of two fences, the smaller one speaks of both; among equals the one that comes later by id.
fn is_smaller(site: &Site, shape: &Shape, other: &Site) -> bool {
    let area = other.shape().map_or(0.0, Shape::area_m2);
    shape.area_m2().total_cmp(&area).reverse().then_with(|| site.region.id.cmp(&other.region.id)).is_gt()
}

/// What there is to say of two fences, with the share that they have in common.
fn pair(
    site: &Site,
    (shape, ground): (&Shape, &Ground<'_>),
    other: &Site,
    usual: Metres,
) -> Option<(f64, (Severity, Kind))> {
    let wide = other.shape()?;
    let smaller = is_smaller(site, shape, other);
    let (inner, outer) = if smaller { (shape, wide) } else { (wide, shape) };
    let share = if smaller { ground.share_within(outer) } else { Ground::new(inner).share_within(outer) };
    let size = (inner.area_m2() / outer.area_m2()).clamp(0.0, 1.0);
    let id = || other.region.id.clone();
    let finding = if let Some(kinship) = kinship(site, other) {
        if share >= WITHIN && size < NESTED_SIZE {
            let severity = nested(kinship, size);
            match (smaller, kinship) {
                (true, _) => (severity, Kind::Nested { outer: id(), kinship, size }),
                (false, Kinship::SameBrand) => (severity, Kind::Overlaps { other: id(), kinship, share }),
                // A store is told nothing of its counters; they are told of it.
                (false, Kinship::SamePlace) => return None,
            }
        } else {
            (overlaps(kinship, share)?, Kind::Overlaps { other: id(), kinship, share })
        }
    } else {
        let gap = if share >= SHARED { 0.0 } else { gap_m(site, other, usual.0)?.max(0.0) };
        (confusable(share, size, gap, usual)?, Kind::Confusable { other: id(), gap: Metres(gap), share })
    };
    Some((share, finding))
}

fn kinship(site: &Site, other: &Site) -> Option<Kinship> {
    if site.region.place == other.region.place {
        Some(Kinship::SamePlace)
    } else {
        (site.place.brand == other.place.brand).then_some(Kinship::SameBrand)
    }
}

fn nested(kinship: Kinship, size: f64) -> Severity {
    match kinship {
        // A counter in its store, a door in its mall.
        Kinship::SamePlace => Severity::Note,
        Kinship::SameBrand if size * OTHER_SORT < 1.0 => Severity::Note,
        Kinship::SameBrand => Severity::Warning,
    }
}

fn overlaps(kinship: Kinship, share: f64) -> Option<Severity> {
    match kinship {
        Kinship::SamePlace if share >= WITHIN => Some(Severity::Warning),
        Kinship::SameBrand if share >= SHARED_MUCH => Some(Severity::Warning),
        Kinship::SamePlace | Kinship::SameBrand => (share >= SHARED).then_some(Severity::Note),
    }
}

fn confusable(share: f64, size: f64, gap: f64, usual: Metres) -> Option<Severity> {
    let other_sort = size * OTHER_SORT < 1.0;
    if share >= SHARED_MOST {
        // A shop in a mall is meant to be in both.
        (!other_sort).then_some(Severity::Warning)
    } else if share >= SHARED {
        Some(Severity::Note)
    } else {
        (gap < usual.0).then_some(Severity::Note)
    }
}
