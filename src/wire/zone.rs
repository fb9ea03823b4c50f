//! Sensitive places.

use super::place::display_name;
use super::{choice, name, required, unknown_choice, v1};
use crate::model::{Extent, Fence, Invalid, Zone, ZoneKind};
use v1::region::Extent as Region;
use v1::zone::Area;

impl TryFrom<v1::Zone> for Zone {
    type Error = Invalid;

    fn try_from(wire: v1::Zone) -> Result<Self, Invalid> {
        let id = name::zone("name", &wire.name)?;
        Ok(Self {
            display_name: display_name(&wire.display_name, id.as_str())?,
            kind: kind(wire.kind)?,
            fence: fence(required("area", wire.area)?)?,
            id,
        })
    }
}

fn fence(wire: Area) -> Result<Fence, Invalid> {
    let extent = match wire {
        Area::Circle(circle) => Region::Circle(circle),
        Area::Polygon(polygon) => Region::Polygon(polygon),
        Area::MultiPolygon(polygons) => Region::MultiPolygon(polygons),
    };
    match Extent::try_from(extent)? {
        Extent::Fence(fence) => Ok(fence),
        Extent::Beacon(_) => Err(Invalid::new("area", "is a beacon; must be on the ground")),
    }
}

fn kind(wire: i32) -> Result<ZoneKind, Invalid> {
    let known = "CLINIC, SCHOOL, SHELTER, PLACE_OF_WORSHIP or OTHER";
    match choice("kind", wire, known)? {
        v1::ZoneKind::Unspecified => Err(unknown_choice("kind", "UNSPECIFIED", known)),
        v1::ZoneKind::Clinic => Ok(ZoneKind::Clinic),
        v1::ZoneKind::School => Ok(ZoneKind::School),
        v1::ZoneKind::Shelter => Ok(ZoneKind::Shelter),
        v1::ZoneKind::PlaceOfWorship => Ok(ZoneKind::PlaceOfWorship),
        v1::ZoneKind::Other => Ok(ZoneKind::Other),
    }
}

impl From<&Zone> for v1::Zone {
    fn from(zone: &Zone) -> Self {
        Self {
            name: name::zone_name(&zone.id),
            display_name: zone.display_name.clone(),
            kind: match zone.kind {
                ZoneKind::Clinic => v1::ZoneKind::Clinic,
                ZoneKind::School => v1::ZoneKind::School,
                ZoneKind::Shelter => v1::ZoneKind::Shelter,
                ZoneKind::PlaceOfWorship => v1::ZoneKind::PlaceOfWorship,
                ZoneKind::Other => v1::ZoneKind::Other,
            }
            .into(),
            area: Some(match &zone.fence {
                Fence::Circle(circle) => Area::Circle(circle.into()),
                Fence::Polygon(polygon) => Area::Polygon(polygon.into()),
                Fence::MultiPolygon(polygons) => {
                    Area::MultiPolygon(v1::MultiPolygon { polygons: polygons.iter().map(Into::into).collect() })
                }
            }),
        }
    }
}
