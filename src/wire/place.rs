//! Places and regions.

use super::{choice, each, ids, name, required, sixteen_bits, time, v1};
use crate::model::invalid::{at_most, text};
use crate::model::place::{DWELL_DEFAULT, POLYGONS_MAX, RINGS_MAX, TAGS_MAX, VERTICES_MAX};
use crate::model::{
    BeaconExtent, BrandId, Circle, Extent, Fence, GroupId, Invalid, Metres, Millis, OpeningHours, Place, Polygon,
    Position, Proximity, Region, Ring, Tag, Uuid,
};
use v1::region::Extent as WireExtent;

/// The longest display name in characters.
const DISPLAY_NAME_MAX: usize = 200;
const DWELL_MIN: Millis = Millis::from_secs(1);
const DWELL_MAX: Millis = Millis::from_hours(24);

impl TryFrom<v1::Place> for Place {
    type Error = Invalid;

    fn try_from(wire: v1::Place) -> Result<Self, Invalid> {
        let id = name::place("name", &wire.name)?;
        Ok(Self {
            display_name: display_name(&wire.display_name, id.as_str())?,
            brand: BrandId::parse("brand", &wire.brand)?,
            time_zone: time_zone("time_zone", &wire.time_zone)?,
            tags: ids("tags", &wire.tags, TAGS_MAX, Tag::parse)?,
            opening_hours: opening_hours(&wire.opening_hours)?,
            id,
        })
    }
}

impl From<&Place> for v1::Place {
    fn from(place: &Place) -> Self {
        Self {
            name: name::place_name(&place.id),
            display_name: place.display_name.clone(),
            brand: place.brand.to_string(),
            time_zone: place.time_zone.clone(),
            tags: place.tags.iter().map(Tag::to_string).collect(),
            opening_hours: place.opening_hours.as_ref().map(OpeningHours::as_str).unwrap_or_default().to_owned(),
        }
    }
}

impl TryFrom<v1::Region> for Region {
    type Error = Invalid;

    fn try_from(wire: v1::Region) -> Result<Self, Invalid> {
        let id = name::region("name", &wire.name)?;
        let extent = wire
            .extent
            .ok_or_else(|| Invalid::new("extent", "is absent; set circle, polygon, multi_polygon or beacon"))?;
        let dwell = wire.dwell_time.map(|span| time::millis_within("dwell_time", span, DWELL_MIN, DWELL_MAX));
        Ok(Self {
            place: name::place("place", &wire.place)?,
            display_name: display_name(&wire.display_name, id.as_str())?,
            extent: Extent::try_from(extent)?,
            dwell: dwell.transpose()?.unwrap_or(DWELL_DEFAULT),
            tags: ids("tags", &wire.tags, TAGS_MAX, Tag::parse)?,
            id,
        })
    }
}

impl From<&Region> for v1::Region {
    fn from(region: &Region) -> Self {
        Self {
            name: name::region_name(&region.id),
            place: name::place_name(&region.place),
            display_name: region.display_name.clone(),
            extent: Some((&region.extent).into()),
            dwell_time: Some(region.dwell.into()),
            tags: region.tags.iter().map(Tag::to_string).collect(),
        }
    }
}

impl TryFrom<WireExtent> for Extent {
    type Error = Invalid;

    fn try_from(wire: WireExtent) -> Result<Self, Invalid> {
        Ok(match wire {
            WireExtent::Circle(circle) => {
                Self::Fence(Fence::Circle(circle.try_into().map_err(|why: Invalid| why.under("circle"))?))
            }
            WireExtent::Polygon(wire) => {
                let mut vertices = 0;
                let polygon = polygon(wire, &mut vertices).map_err(|why| why.under("polygon"))?;
                Self::Fence(Fence::Polygon(polygon))
            }
            WireExtent::MultiPolygon(wire) => {
                Self::Fence(Fence::MultiPolygon(multi_polygon(wire).map_err(|why| why.under("multi_polygon"))?))
            }
            WireExtent::Beacon(beacon) => {
                Self::Beacon(beacon.try_into().map_err(|why: Invalid| why.under("beacon"))?)
            }
        })
    }
}

impl From<&Extent> for WireExtent {
    fn from(extent: &Extent) -> Self {
        match extent {
            Extent::Fence(Fence::Circle(circle)) => Self::Circle(circle.into()),
            Extent::Fence(Fence::Polygon(polygon)) => Self::Polygon(polygon.into()),
            Extent::Fence(Fence::MultiPolygon(polygons)) => {
                Self::MultiPolygon(v1::MultiPolygon { polygons: polygons.iter().map(Into::into).collect() })
            }
            Extent::Beacon(beacon) => Self::Beacon(beacon.into()),
        }
    }
}

impl TryFrom<v1::Circle> for Circle {
    type Error = Invalid;

    fn try_from(wire: v1::Circle) -> Result<Self, Invalid> {
        let center = position(required("center", wire.center)?).map_err(|why| why.under("center"))?;
        Self::new(center, Metres(wire.radius_m))
    }
}

impl From<&Circle> for v1::Circle {
    fn from(circle: &Circle) -> Self {
        Self { center: Some(lat_lng(circle.center)), radius_m: circle.radius.0 }
    }
}

impl From<&Polygon> for v1::Polygon {
    fn from(polygon: &Polygon) -> Self {
        let ring = |ring: &Ring| v1::Ring { points: ring.points.iter().copied().map(lat_lng).collect() };
        Self { rings: polygon.rings.iter().map(ring).collect() }
    }
}

impl TryFrom<v1::BeaconExtent> for BeaconExtent {
    type Error = Invalid;

    fn try_from(wire: v1::BeaconExtent) -> Result<Self, Invalid> {
        if wire.minor.is_some() && wire.major.is_none() {
            return Err(Invalid::new("major", "is absent though minor is set; a minor needs its major"));
        }
        let known = "UNSPECIFIED, IMMEDIATE, NEAR or FAR";
        Ok(Self {
            uuid: Uuid::parse("uuid", &wire.uuid)?,
            major: wire.major.map(|major| sixteen_bits("major", major)).transpose()?,
            minor: wire.minor.map(|minor| sixteen_bits("minor", minor)).transpose()?,
            proximity: match choice("proximity", wire.proximity, known)? {
                v1::Proximity::Immediate => Proximity::Immediate,
                v1::Proximity::Near => Proximity::Near,
                v1::Proximity::Far | v1::Proximity::Unspecified => Proximity::Far,
            },
            group: (!wire.group.is_empty()).then(|| GroupId::parse("group", &wire.group)).transpose()?,
        })
    }
}

impl From<&BeaconExtent> for v1::BeaconExtent {
    fn from(beacon: &BeaconExtent) -> Self {
        Self {
            uuid: beacon.uuid.to_string(),
            major: beacon.major.map(Into::into),
            minor: beacon.minor.map(Into::into),
            proximity: match beacon.proximity {
                Proximity::Immediate => v1::Proximity::Immediate,
                Proximity::Near => v1::Proximity::Near,
                Proximity::Far => v1::Proximity::Far,
            }
            .into(),
            group: beacon.group.as_ref().map(GroupId::to_string).unwrap_or_default(),
        }
    }
}

/// A display name of 1 to 200 characters, or the id where there is none.
pub(super) fn display_name(wire: &str, id: &str) -> Result<String, Invalid> {
    if wire.is_empty() { Ok(id.to_owned()) } else { text("display_name", wire, 1, DISPLAY_NAME_MAX) }
}

fn opening_hours(wire: &str) -> Result<Option<OpeningHours>, Invalid> {
    (!wire.is_empty()).then(|| OpeningHours::parse("opening_hours", wire)).transpose()
}

/// An IANA time zone, in the spelling of the database.
pub(super) fn time_zone(field: &str, wire: &str) -> Result<String, Invalid> {
    let zone = jiff::tz::db().get(wire).ok();
    let known = zone.as_ref().and_then(jiff::tz::TimeZone::iana_name).map(str::to_owned);
    known.ok_or_else(|| {
        let shown: String = wire.chars().take(40).collect();
        Invalid::new(field, format!("is {shown:?}; must be an IANA time zone such as America/Denver"))
    })
}

fn multi_polygon(wire: v1::MultiPolygon) -> Result<Vec<Polygon>, Invalid> {
    at_most("polygons", wire.polygons.len(), POLYGONS_MAX)?;
    if wire.polygons.is_empty() {
        return Err(Invalid::new("polygons", "is empty; must have 1 to 64 entries"));
    }
    let mut vertices = 0;
    let parse = |(index, wire)| polygon(wire, &mut vertices).map_err(|why| why.at("polygons", index));
    wire.polygons.into_iter().enumerate().map(parse).collect()
}

/// Parses a polygon; `vertices` counts those of the whole region.
fn polygon(wire: v1::Polygon, vertices: &mut usize) -> Result<Polygon, Invalid> {
    at_most("rings", wire.rings.len(), RINGS_MAX)?;
    if wire.rings.is_empty() {
        return Err(Invalid::new("rings", "is empty; must have the outer ring, then the holes"));
    }
    let parse = |(index, wire)| ring(wire, vertices).map_err(|why| why.at("rings", index));
    Ok(Polygon { rings: wire.rings.into_iter().enumerate().map(parse).collect::<Result<_, _>>()? })
}

fn ring(wire: v1::Ring, vertices: &mut usize) -> Result<Ring, Invalid> {
    *vertices += wire.points.len();
    if *vertices > VERTICES_MAX {
        let problem = format!("brings the region to {vertices} points; at most {VERTICES_MAX} are allowed");
        return Err(Invalid::new("points", problem));
    }
    if wire.points.len() < 4 {
        let problem =
            format!("has {} points; must have at least 4, the last the same as the first", wire.points.len());
        return Err(Invalid::new("points", problem));
    }
    let points = each("points", wire.points, position)?;
    if points.first() != points.last() {
        return Err(Invalid::new("points", "is not closed; the last point must be the same as the first"));
    }
    Ok(Ring { points })
}

fn position(wire: v1::LatLng) -> Result<Position, Invalid> {
    Position::new(wire.latitude, wire.longitude)
}

fn lat_lng(position: Position) -> v1::LatLng {
    v1::LatLng { latitude: position.lat(), longitude: position.lon() }
}
