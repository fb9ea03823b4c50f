//! Places, and the regions that a device can be in.

use super::ids::{BrandId, GroupId, PlaceId, RegionId, Tag};
use super::invalid::{Invalid, in_range};
use super::opening::OpeningHours;
use super::ping::Uuid;
use super::time::Millis;
use super::units::{Metres, Position};

/// Most vertices in all the rings of one region.
pub const VERTICES_MAX: usize = 10_000;
/// Most rings in one polygon, the outer one included.
pub const RINGS_MAX: usize = 64;
/// Most polygons in one region.
pub const POLYGONS_MAX: usize = 64;
/// Most tags of one place or region.
pub const TAGS_MAX: usize = 32;
/// The dwell time of a region that does not say.
pub const DWELL_DEFAULT: Millis = Millis::from_mins(5);

/// A store, or any other spot that has an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// What people call it.
    pub display_name: String,
    /// The brand that it belongs to.
    pub brand: BrandId,
    /// IANA time zone name, known to exist.
    pub time_zone: String,
    /// Labels for campaigns to select by.
    pub tags: Vec<Tag>,
    /// When it is open, on its own clock; absent: not known, and so never taken to be closed.
    pub opening_hours: Option<OpeningHours>,
}

/// What a device can be in.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Its id.
    pub id: RegionId,
    /// The place that it belongs to.
    pub place: PlaceId,
    /// What people call it.
    pub display_name: String,
    /// What it covers.
    pub extent: Extent,
    /// How long a visit lasts until it counts as a dwell.
    pub dwell: Millis,
    /// Labels for campaigns to select by, besides those of the place.
    pub tags: Vec<Tag>,
}

/// What a region covers.
#[derive(Debug, Clone, PartialEq)]
pub enum Extent {
    /// An area on the ground.
    Fence(Fence),
    /// Wherever matching iBeacons are heard.
    Beacon(BeaconExtent),
}

/// An area on the ground, the boundary included.
#[derive(Debug, Clone, PartialEq)]
pub enum Fence {
    /// All points within a distance of the centre.
    Circle(Circle),
    /// An area bounded by rings.
    Polygon(Polygon),
    /// Several areas that count as one.
    MultiPolygon(Vec<Polygon>),
}

/// All points within a distance of the centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// The middle.
    pub center: Position,
    /// Radius, 10 to 100,000 m.
    pub radius: Metres,
}

impl Circle {
    /// A circle; fails when the radius is out of its range.
    pub fn new(center: Position, radius: Metres) -> Result<Self, Invalid> {
        in_range("radius_m", radius.0, 10.0, 100_000.0, "metres")?;
        Ok(Self { center, radius })
    }
}

/// The outer ring first, then the holes (RFC 7946, section 3.1.6), in either winding.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// 1 to 64 rings.
    pub rings: Vec<Ring>,
}

/// A closed line: 4 points or more, the last one the same as the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ring {
    /// The points.
    pub points: Vec<Position>,
}

/// Which iBeacons make up a region.
#[derive(Debug, Clone, PartialEq)]
pub struct BeaconExtent {
    /// Proximity UUID.
    pub uuid: Uuid,
    /// Major value; any when absent.
    pub major: Option<u16>,
    /// Minor value; any when absent. Never without a major.
    pub minor: Option<u16>,
    /// How near the beacon must be.
    pub proximity: Proximity,
    /// Regions of one group exclude each other: the strongest beacon wins.
    pub group: Option<GroupId>,
}

/// How near a beacon is, by the path loss of its signal; the nearer, the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Proximity {
    /// Within about half a metre.
    Immediate,
    /// Within about 4 metres.
    Near,
    /// Heard at all.
    #[default]
    Far,
}
