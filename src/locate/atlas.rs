//! All places and regions, found by position, by beacon or by id.

use super::beacons::Beacons;
use super::earth::{Space, Spot, Station};
use super::shape::Shape;
use crate::model::{
    BeaconExtent, BeaconKey, Extent, Fence, Invalid, Metres, Place, PlaceId, Position, Region, RegionId,
};
use rstar::{Envelope as _, RTree, RTreeObject};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An immutable snapshot of all places and regions; built once, read by many threads at once.
#[derive(Debug, Default)]
pub struct Atlas {
    /// By id.
    sites: Box<[Site]>,
    fences: RTree<Leaf>,
    beacons: Beacons,
}

/// A region with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The region.
    pub region: Arc<Region>,
    /// The place that it belongs to.
    pub place: Arc<Place>,
    /// Its fence; absent for a beacon region.
    shape: Option<Shape>,
}

/// A fence near a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near<'a> {
    /// The region and its place.
    pub site: &'a Site,
    /// Distance to the fence's edge, negative inside.
    pub distance: Metres,
}

impl Atlas {
    /// Builds the snapshot.
    ///
    /// Fails on a fence that [`Shape::prepare`] refuses, on a region whose place is missing, and on an id that
    /// comes twice. The field is `regions[i]…` or `places[i]…`, and the problem names the region.
    pub fn build(
        places: impl IntoIterator<Item = Arc<Place>>,
        regions: impl IntoIterator<Item = Arc<Region>>,
    ) -> Result<Self, Invalid> {
        Self::empty().rebuild(places, regions)
    }

    /// Builds the next snapshot, as [`Atlas::build`] does. Polygons that are the same as before are shared, not
    /// prepared again.
    pub fn rebuild(
        &self,
        places: impl IntoIterator<Item = Arc<Place>>,
        regions: impl IntoIterator<Item = Arc<Region>>,
    ) -> Result<Self, Invalid> {
        let mut by_id: BTreeMap<PlaceId, Arc<Place>> = BTreeMap::new();
        for (index, place) in places.into_iter().enumerate() {
            if let Some(twin) = by_id.insert(place.id.clone(), place) {
                return Err(Invalid::new(
                    format!("places[{index}]"),
                    format!("is {} again; must come once", twin.id),
                ));
            }
        }
        let mut sites: Vec<Site> = Vec::new();
        for (index, region) in regions.into_iter().enumerate() {
            sites.push(self.site_of(region, &by_id).map_err(|e| e.at("regions", index))?);
        }
        sites.sort_by(|a, b| a.region.id.cmp(&b.region.id));
        if let Some((twin, _)) = sites.iter().zip(sites.iter().skip(1)).find(|(a, b)| a.region.id == b.region.id) {
            return Err(Invalid::new("regions", format!("has {} more than once; must have it once", twin.region.id)));
        }
        if u32::try_from(sites.len()).is_err() {
            return Err(Invalid::new("regions", format!("has {} entries; at most 2^32 are allowed", sites.len())));
        }
        Ok(Self::index(sites.into_boxed_slice()))
    }

    /// A snapshot without places and regions.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A snapshot without some of the regions.
    #[must_use]
    pub fn without<T>(&self, regions: &BTreeMap<RegionId, T>) -> Self {
        Self::index(self.sites.iter().filter(|site| !regions.contains_key(&site.region.id)).cloned().collect())
    }

    /// The fences whose edge is within a distance of the position, or that contain it; each once, in an order that
    /// depends on nothing but the atlas and the position. The boundary belongs to the fence: a distance of 0 is
    /// inside. See [`Shape::signed_distance`] for the accuracy.
    pub fn near(&self, position: Position, within: Metres) -> impl Iterator<Item = Near<'_>> {
        let station = Station::new(Spot::new(position));
        let around = station.spot.around(within.0);
        self.fences.locate_in_envelope_intersecting(&around).filter_map(move |leaf| {
            let site = self.sites.get(leaf.site as usize)?;
            let shape = site.shape.as_ref()?;
            // A fence of several polygons has a leaf for each; only the first one that is met counts.
            let part = usize::from(leaf.part);
            if part > 0 && shape.spaces().take(part).any(|earlier| earlier.intersects(&around)) {
                return None;
            }
            shape.measure_from(&station, within.0).map(|distance_m| Near { site, distance: Metres(distance_m) })
        })
    }

    /// The region of an id.
    pub fn site(&self, id: &RegionId) -> Option<&Site> {
        let at = self.sites.binary_search_by(|site| site.region.id.cmp(id)).ok()?;
        self.sites.get(at)
    }

    /// All regions, by id.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter()
    }

    /// The beacon regions that match a beacon, the most specific first: those that name its minor value, then its
    /// major value, then its UUID only; among equals by id. The proximity that a region asks for is not looked at.
    pub fn heard(&self, beacon: &BeaconKey) -> impl Iterator<Item = &Site> {
        self.beacons.heard(beacon).filter_map(|number| self.sites.get(number as usize))
    }

    /// The beacon regions that listen for the same as this one, itself included, by id. Neither proximity nor group
    /// is looked at.
    pub fn listening(&self, extent: &BeaconExtent) -> impl Iterator<Item = &Site> {
        self.beacons.like(extent).filter_map(|number| self.sites.get(number as usize))
    }

    /// How many regions there are.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether there are no regions.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    fn site_of(&self, region: Arc<Region>, places: &BTreeMap<PlaceId, Arc<Place>>) -> Result<Site, Invalid> {
        let Some(place) = places.get(&region.place).cloned() else {
            let problem = format!("is {}, which does not exist; region {} needs its place", region.place, region.id);
            return Err(Invalid::new("place", problem));
        };
        let shape = match &region.extent {
            Extent::Beacon(_) => None,
            Extent::Fence(fence) => Some(self.shape_of(&region, fence).map_err(|e| {
                let problem = format!("{} (region {})", e.problem, region.id);
                Invalid { problem, ..e }
            })?),
        };
        Ok(Site { region, place, shape })
    }

    fn shape_of(&self, region: &Region, fence: &Fence) -> Result<Shape, Invalid> {
        // Looking a circle up would cost more than preparing it.
        let known = match fence {
            Fence::Circle(_) => None,
            Fence::Polygon(_) | Fence::MultiPolygon(_) => self.site(&region.id),
        };
        let same = known.filter(|site| site.region.extent == region.extent);
        same.and_then(|site| site.shape.clone()).map_or_else(|| Shape::prepare(fence), Ok)
    }

    fn index(sites: Box<[Site]>) -> Self {
        let numbered = || (0u32..).zip(sites.iter());
        let leaves = numbered()
            .flat_map(|(site, s)| {
                let spaces = s.shape.iter().flat_map(Shape::spaces);
                (0u16..).zip(spaces).map(move |(part, space)| Leaf { space, site, part })
            })
            .collect();
        let beacons = Beacons::build(numbered().filter_map(|(number, site)| match &site.region.extent {
            Extent::Beacon(extent) => Some((extent, number)),
            Extent::Fence(_) => None,
        }));
        Self { fences: RTree::bulk_load(leaves), beacons, sites }
    }
}

impl Site {
    /// Distance to the fence's edge, negative inside; absent for a beacon region.
    pub fn signed_distance(&self, position: Position) -> Option<Metres> {
        self.shape.as_ref().map(|shape| shape.signed_distance(position))
    }

    /// The fence, prepared for measuring; absent for a beacon region.
    pub fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }
}

/// What the R-tree holds: a fence, or one polygon of it.
#[derive(Debug, Clone, PartialEq)]
struct Leaf {
    space: Space,
    site: u32,
    part: u16,
}

impl RTreeObject for Leaf {
    type Envelope = Space;

    fn envelope(&self) -> Space {
        self.space
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::{at, beacon, fence_region, place, square};
    use crate::model::{Circle, Uuid};

    fn circle(id: &str, lat: f64, lon: f64, radius_m: f64) -> Arc<Region> {
        fence_region(id, Fence::Circle(Circle::new(at(lat, lon), Metres(radius_m)).unwrap()))
    }

    fn check(atlas: &Atlas, lat: f64, lon: f64, within_m: f64, expected: &[&str]) {
        let mut found: Vec<_> =
            atlas.near(at(lat, lon), Metres(within_m)).map(|n| n.site.region.id.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "within {within_m} m of {lat},{lon}");
    }

    #[test]
    fn fences_are_found_on_both_sides_of_the_antimeridian_and_around_the_poles() {
        let islands = Fence::MultiPolygon(vec![square(-17.0, 179.999, 500.0), square(-17.0, -179.98, 500.0)]);
        let regions = [
            circle("east", 52.0, 179.9999, 100.0),
            circle("west", 52.0, -179.9999, 100.0),
            circle("north", 89.9999, 45.0, 50.0),
            circle("south", -90.0, 0.0, 50.0),
            fence_region("islands", islands),
        ];
        let atlas = Atlas::build([place("p")], regions).unwrap();
        check(&atlas, 52.0, 180.0, 0.0, &["east", "west"]);
        check(&atlas, 52.0, -180.0, 0.0, &["east", "west"]);
        check(&atlas, 52.0, 179.99, 580.0, &["east"]);
        check(&atlas, 52.0, 179.99, 600.0, &["east", "west"]);
        check(&atlas, 90.0, 0.0, 0.0, &["north"]);
        check(&atlas, 89.9999, -135.0, 0.0, &["north"]);
        check(&atlas, -89.9999, 77.0, 0.0, &["south"]);
        check(&atlas, -17.0, 180.0, 2_000.0, &["islands"]);
        check(&atlas, -17.0, -179.99, 2_000.0, &["islands"]);
        check(&atlas, 0.0, 0.0, 1_000_000.0, &[]);
        check(&atlas, 52.0, 180.0, -80.0, &["east", "west"]);
        check(&atlas, 52.0, 180.0, -95.0, &[]);
        check(&atlas, 52.0, 180.0, f64::NAN, &[]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let stray = Region {
            place: crate::model::PlaceId::parse("p", "q").unwrap(),
            ..(*circle("r", 1.0, 1.0, 50.0)).clone()
        };
        let small = Region {
            extent: Extent::Fence(Fence::Circle(Circle { center: at(1.0, 1.0), radius: Metres(5.0) })),
            ..(*circle("r", 1.0, 1.0, 50.0)).clone()
        };
        let good = || circle("a", 1.0, 1.0, 50.0);
        for (places, regions, expected) in [
            (vec!["p"], vec![good(), Arc::new(stray)], "regions[1].place is q, which does not exist; region r needs"),
            (
                vec!["p"],
                vec![Arc::new(small)],
                "regions[0].circle.radius_m is 5; must be 10 to 100000 metres (region r)",
            ),
            (vec!["p"], vec![good(), good()], "regions has a more than once"),
            (vec!["p", "p"], vec![], "places[1] is p again"),
        ] {
            let refusal = Atlas::build(places.into_iter().map(place), regions).unwrap_err().to_string();
            assert!(refusal.starts_with(expected), "{refusal}");
        }
    }

    #[test]
    fn beacons_are_heard_most_specific_first() {
        let regions = [
            beacon("any", 7, None, None),
            beacon("room-b", 7, Some(1), Some(2)),
            beacon("room-a", 7, Some(1), Some(2)),
            beacon("store", 7, Some(1), None),
            beacon("other", 8, None, None),
            circle("fence", 1.0, 1.0, 50.0),
        ];
        let atlas = Atlas::build([place("p")], regions).unwrap();
        let heard = |major, minor| {
            let key = BeaconKey { uuid: Uuid(7), major, minor };
            atlas.heard(&key).map(|site| site.region.id.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(heard(1, 2), ["room-a", "room-b", "store", "any"]);
        assert_eq!(heard(1, 3), ["store", "any"]);
        assert_eq!(heard(9, 2), ["any"]);
    }

    #[test]
    fn sites_are_found_by_id_and_a_rebuild_shares_polygons_but_follows_changes() {
        let polygon = |half_m| fence_region("b", Fence::Polygon(square(10.0, 10.0, half_m)));
        let before =
            Atlas::build([place("p")], [circle("c", 1.0, 1.0, 50.0), polygon(100.0), beacon("a", 1, None, None)]);
        let before = before.unwrap();
        assert_eq!(before.sites().map(|s| s.region.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        let id = RegionId::parse("r", "b").unwrap();
        let inside = |atlas: &Atlas| atlas.site(&id).unwrap().signed_distance(at(10.0, 10.0)).unwrap().0;
        let same = before.rebuild([place("p")], [polygon(100.0)]).unwrap();
        assert!((inside(&before) - inside(&same)).abs() < 1e-9 && same.len() == 1);
        assert!((inside(&before.rebuild([place("p")], [polygon(200.0)]).unwrap()) + 200.0).abs() < 2.0);
        assert!(before.site(&RegionId::parse("r", "a").unwrap()).unwrap().signed_distance(at(0.0, 0.0)).is_none());
        assert!(Atlas::empty().is_empty() && Atlas::empty().near(at(0.0, 0.0), Metres(1e7)).next().is_none());
    }

    #[test]
    fn a_circle_stays_small_and_an_atlas_goes_to_any_thread() {
        fn shared<T: Send + Sync>() {}
        shared::<Atlas>();
        assert!(size_of::<Site>() <= 80 && size_of::<Leaf>() <= 64);
    }
}
