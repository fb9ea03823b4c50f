//! Sample regions for this room's tests.

use crate::model::{
    BeaconExtent, BrandId, Extent, Fence, Millis, Place, PlaceId, Polygon, Position, Proximity, Region, RegionId,
    Ring, Uuid,
};
use std::sync::Arc;

pub(super) fn at(lat: f64, lon: f64) -> Position {
    Position::new(lat, lon).unwrap()
}

pub(super) fn place(id: &str) -> Arc<Place> {
    Arc::new(Place {
        id: PlaceId::parse("id", id).unwrap(),
        display_name: id.into(),
        brand: BrandId::parse("brand", "b").unwrap(),
        time_zone: "UTC".into(),
        opening_hours: None,
        tags: vec![],
    })
}

fn region(id: &str, extent: Extent) -> Arc<Region> {
    Arc::new(Region {
        id: RegionId::parse("id", id).unwrap(),
        place: PlaceId::parse("place", "p").unwrap(),
        display_name: id.into(),
        extent,
        dwell: Millis::from_mins(5),
        tags: vec![],
    })
}

pub(super) fn fence_region(id: &str, fence: Fence) -> Arc<Region> {
    region(id, Extent::Fence(fence))
}

pub(super) fn beacon(id: &str, uuid: u128, major: Option<u16>, minor: Option<u16>) -> Arc<Region> {
    let extent = BeaconExtent { uuid: Uuid(uuid), major, minor, proximity: Proximity::Far, group: None };
    region(id, Extent::Beacon(extent))
}

/// A ring of (longitude, latitude), as GeoJSON has it; longitudes may run beyond 180.
pub(super) fn ring(points: &[(f64, f64)]) -> Ring {
    let position =
        |(lon, lat): &(f64, f64)| if lon.abs() <= 180.0 { at(*lat, *lon) } else { Position::wrapped(*lat, *lon) };
    Ring { points: points.iter().map(position).collect() }
}

/// An upright square of about twice so many metres.
pub(super) fn square(lat: f64, lon: f64, half_m: f64) -> Polygon {
    let (y, x) = (half_m / 111_000.0, half_m / 111_320.0 / lat.to_radians().cos());
    let points = [(lon - x, lat - y), (lon + x, lat - y), (lon + x, lat + y), (lon - x, lat + y), (lon - x, lat - y)];
    Polygon { rings: vec![ring(&points)] }
}

/// A star around (0, 0) of about a radius of 1 with so many points, closed; the same for the same seed.
pub(super) fn star(points: usize, seed: u64) -> Vec<(f64, f64)> {
    let mut state = seed | 1;
    let mut star: Vec<(f64, f64)> = (0..points)
        .map(|i| {
            // Xorshift (G. Marsaglia, 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let r = 0.4 + 0.6 * ((state >> 11) as f64 / (1u64 << 53) as f64);
            let (sin, cos) = (i as f64 / points as f64 * std::f64::consts::TAU).sin_cos();
            (r * cos, r * sin)
        })
        .collect();
    star.push(star[0]);
    star
}
