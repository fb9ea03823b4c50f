//! The sensitive places, found by position.

use super::atlas::{Atlas, Site};
use super::earth::{Space, Spot, Station};
use super::overlap::overlap;
use super::shape::Shape;
use crate::model::{Extent, Fence, Fix, Invalid, Metres, RegionId, Zone, ZoneId};
use rstar::{RTree, RTreeObject};
use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;
use std::sync::Arc;

/// Radius of 68 % over the standard deviation of an axis, for a round normal distribution: sqrt(-2 ln 0.32).
const RADIUS_68_SIGMAS: f64 = 1.515;
/// Fixes are taken to be no better than this: in a street, phones claim more than they know.
const ACCURACY_MIN_M: f64 = 10.0;
/// Smaller chances of being in a zone are neglected: one in a thousand.
const CHANCE_MIN: f64 = 0.001;
/// Φ(−z) of that chance: further from a zone's edge, in standard deviations, it is smaller.
const CHANCE_SIGMAS: f64 = 3.090;

/// An immutable snapshot of all zones; built once, read by many threads at once.
#[derive(Debug, Default)]
pub struct Zones {
    all: Box<[(Arc<Zone>, Shape)]>,
    tree: RTree<Leaf>,
}

/// What the R-tree holds: a zone, or one polygon of it.
#[derive(Debug, Clone, PartialEq)]
struct Leaf {
    space: Space,
    zone: u32,
}

impl RTreeObject for Leaf {
    type Envelope = Space;

    fn envelope(&self) -> Space {
        self.space
    }
}

impl Zones {
    /// Builds the snapshot. Fails on a fence that [`Shape::prepare`] refuses; the problem names the zone.
    pub fn build(zones: impl IntoIterator<Item = Arc<Zone>>) -> Result<Self, Invalid> {
        let prepare = |zone: Arc<Zone>| match Shape::prepare(&zone.fence) {
            Ok(shape) => Ok((zone, shape)),
            Err(why) => Err(Invalid { problem: format!("{} (zone {})", why.problem, zone.id), ..why }),
        };
        let all: Box<[(Arc<Zone>, Shape)]> = zones.into_iter().map(prepare).collect::<Result<_, _>>()?;
        let leaves =
            (0u32..).zip(&all).flat_map(|(zone, (_, shape))| shape.spaces().map(move |space| Leaf { space, zone }));
        let tree = RTree::bulk_load(leaves.collect());
        Ok(Self { all, tree })
    }

    /// Whether there are no zones.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether whoever reported a fix may be in a zone: unless the chance is below one in a thousand.
    ///
    /// The fix's error is a round normal distribution of the reported accuracy, of 10 m at least. With the standard
    /// deviation σ of an axis and the distance d to the zone's edge, the chance is at most Φ(−d/σ), as of a half-plane;
    /// and at most the zone's area times the greatest density in it, exp(−d²/2σ²) / 2πσ²: so a fix that says little of
    /// where the phone is says nothing of a small zone.
    pub fn may_hold(&self, fix: &Fix) -> bool {
        if self.is_empty() {
            return false;
        }
        let sigma = fix.accuracy.0.max(ACCURACY_MIN_M) / RADIUS_68_SIGMAS;
        let reach_m = CHANCE_SIGMAS * sigma;
        let station = Station::new(Spot::new(fix.position));
        let around = station.spot.around(reach_m);
        self.tree.locate_in_envelope_intersecting(&around).any(|leaf| {
            let Some((_, shape)) = self.all.get(leaf.zone as usize) else { return false };
            let most = shape.area_m2() / (TAU * sigma * sigma);
            // The area is cheap to look at, the distance is not.
            most >= CHANCE_MIN
                && shape.measure_from(&station, reach_m).is_some_and(|distance_m| {
                    let sigmas = distance_m.max(0.0) / sigma;
                    most * (-0.5 * sigmas * sigmas).exp() >= CHANCE_MIN
                })
        })
    }

    /// The zones that a fence shares ground with, by id.
    pub fn under(&self, fence: &Fence, shape: &Shape) -> Vec<&Arc<Zone>> {
        let near = shape.spaces().flat_map(|space| self.tree.locate_in_envelope_intersecting(&space));
        let near: BTreeSet<u32> = near.map(|leaf| leaf.zone).collect();
        let zones = near.into_iter().filter_map(|zone| self.all.get(zone as usize));
        zones.filter(|(zone, own)| overlap((shape, fence), (own, &zone.fence))).map(|(zone, _)| zone).collect()
    }

    /// The regions that share ground with zones, with those zones: they are to keep silent.
    pub fn silenced(&self, atlas: &Atlas) -> BTreeMap<RegionId, Vec<ZoneId>> {
        if self.is_empty() {
            return BTreeMap::new();
        }
        let zones_of = |site: &Site| match (&site.region.extent, site.shape()) {
            (Extent::Fence(fence), Some(shape)) => {
                self.under(fence, shape).iter().map(|zone| zone.id.clone()).collect()
            }
            (Extent::Fence(_), None) | (Extent::Beacon(_), _) => Vec::new(),
        };
        let all = atlas.sites().map(|site| (site.region.id.clone(), zones_of(site)));
        all.filter(|(_, zones)| !zones.is_empty()).collect()
    }

    /// How far from a zone a fix of an accuracy must be not to count as in it.
    pub fn margin(accuracy: Metres) -> Metres {
        Metres(CHANCE_SIGMAS * accuracy.0.max(ACCURACY_MIN_M) / RADIUS_68_SIGMAS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::{at, fence_region, place, square};
    use crate::model::{Circle, ZoneKind};

    fn zone(id: &str, fence: Fence) -> Arc<Zone> {
        let id = ZoneId::parse("", id).unwrap();
        Arc::new(Zone { display_name: id.to_string(), id, kind: ZoneKind::Clinic, fence })
    }

    fn clinic() -> Zones {
        Zones::build([zone("clinic", Fence::Circle(Circle::new(at(0.0, 0.0), Metres(50.0)).unwrap()))]).unwrap()
    }

    /// A fix so many metres east of the middle of the clinic, of a radius of 50 m, with that accuracy.
    fn check(east_m: f64, accuracy_m: f64, may_be_in: bool) {
        let position = at(0.0, east_m / 111_319.49);
        let fix = Fix { position, accuracy: Metres(accuracy_m), speed_mps: None, course_deg: None, mock: false };
        assert_eq!(clinic().may_hold(&fix), may_be_in, "{east_m} m, ±{accuracy_m} m");
    }

    #[test]
    fn a_fix_may_be_in_a_zone_as_far_as_it_is_uncertain() {
        check(0.0, 5.0, true);
        check(50.0, 5.0, true);
        // The margin of 10 m of accuracy is 20.4 m, whatever better the phone claims.
        check(70.0, 0.1, true);
        check(70.0, 10.0, true);
        check(70.5, 10.0, false);
        check(130.0, 40.0, true);
        check(132.0, 40.0, false);
        // A fix of 300 m leaves one chance in 30 in the middle; of 2 km less than one in a thousand, anywhere.
        check(0.0, 300.0, true);
        check(600.0, 300.0, false);
        check(0.0, 2_000.0, false);
        check(0.0, 100_000.0, false);
        assert!((Zones::margin(Metres(20.0)).0 - 40.8).abs() < 0.1);
    }

    #[test]
    fn nothing_is_in_no_zone_and_zones_are_found_by_the_fences_over_them() {
        let fix =
            Fix { position: at(0.0, 0.0), accuracy: Metres(5.0), speed_mps: None, course_deg: None, mock: false };
        assert!(!Zones::default().may_hold(&fix) && Zones::default().is_empty());
        let regions = [
            fence_region("door", Fence::Polygon(square(0.0, 0.0008, 50.0))),
            fence_region("far", Fence::Polygon(square(0.0, 0.002, 50.0))),
            crate::locate::samples::beacon("room", 1, None, None),
        ];
        let atlas = Atlas::build([place("p")], regions).unwrap();
        let silenced = clinic().silenced(&atlas);
        let told: Vec<_> = silenced.iter().map(|(region, zones)| (region.as_str(), zones[0].as_str())).collect();
        assert_eq!(told, [("door", "clinic")]);
        let left = atlas.without(&silenced);
        assert_eq!(left.sites().map(|site| site.region.id.as_str()).collect::<Vec<_>>(), ["far", "room"]);
        assert_eq!(left.near(at(0.0, 0.0008), Metres(10.0)).count(), 0);
    }
}
