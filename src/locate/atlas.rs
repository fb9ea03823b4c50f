//! All places and regions, found by position, by beacon or by id.

use super::beacons::Beacons;
use super::earth::{Space, Spot};
use super::shape::Shape;
use crate::model::{BeaconKey, Extent, Invalid, Metres, Place, PlaceId, Position, Region, RegionId};
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

    /// Builds the next snapshot. Fences of regions that are the same as before are not prepared again.
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

    /// The fences whose edge is within a distance of the position, or that contain it; each once, in an order that
    /// depends on nothing but the atlas and the position. The boundary belongs to the fence: a distance of 0 is
    /// inside. See [`Shape::signed_distance`] for the accuracy.
    pub fn near(&self, position: Position, within: Metres) -> impl Iterator<Item = Near<'_>> {
        let spot = Spot::new(position);
        let around = spot.around(within.0);
        self.fences.locate_in_envelope_intersecting(&around).filter_map(move |leaf| {
            let site = self.sites.get(leaf.site as usize)?;
            let shape = site.shape.as_ref()?;
            // A fence of several polygons has a leaf for each; only the first one that is met counts.
            if shape.spaces().take(leaf.part.into()).any(|earlier| earlier.intersects(&around)) {
                return None;
            }
            shape.measure(&spot, within.0).map(|distance_m| Near { site, distance: Metres(distance_m) })
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
            Extent::Fence(fence) => {
                let known = self.site(&region.id).filter(|site| site.region.extent == region.extent);
                match known.and_then(|site| site.shape.clone()) {
                    Some(shape) => Some(shape),
                    None => Some(
                        Shape::prepare(fence)
                            .map_err(|e| Invalid { problem: format!("{} (region {})", e.problem, region.id), ..e })?,
                    ),
                }
            }
        };
        Ok(Site { region, place, shape })
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
