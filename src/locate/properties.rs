//! What holds for any polygon and any position.

use super::samples::{at, fence_region, place, ring, star};
use super::{Atlas, Shape};
use crate::model::{Circle, Fence, Metres, Polygon, Position};
use geo::{Destination as _, Distance as _, Geodesic, Point};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

fn config() -> Config {
    Config { cases: 192, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() }
}

/// A star of a size in metres around a position.
fn star_at(lat: f64, lon: f64, size_m: f64, points: usize, seed: u64) -> Vec<(f64, f64)> {
    let (y, x) = (size_m / 111_000.0, size_m / 111_320.0 / lat.to_radians().cos());
    star(points, seed).into_iter().map(|(u, v)| (lon + x * u, lat + y * v)).collect()
}

fn prepare(points: &[(f64, f64)]) -> Shape {
    Shape::prepare(&Fence::Polygon(Polygon { rings: vec![ring(points)] })).unwrap()
}

/// The distance along the ground to the nearest of very many points of the ring.
fn by_walking_it(points: &[(f64, f64)], from: Position) -> f64 {
    let from = Point::new(from.lon(), from.lat());
    let distance = |(x, y): (f64, f64)| Geodesic.distance(from, Point::new(Position::wrapped(y, x).lon(), y));
    let along = |a: (f64, f64), b: (f64, f64), t: f64| distance((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
    let edge = |w: &[(f64, f64)]| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let (a, b) = (low + 0.382 * (high - low), low + 0.618 * (high - low));
            if along(w[0], w[1], a) < along(w[0], w[1], b) { high = b } else { low = a }
        }
        along(w[0], w[1], low).min(distance(w[0]))
    };
    points.windows(2).map(edge).fold(f64::INFINITY, f64::min)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn turning_the_earth_changes_no_distance(
        lat in -89.5..89.5f64, size in 10.0..50_000.0f64, points in 3usize..80, seed: u64,
        turn in -180i32..=180, qx in -2.0..2.0f64, qy in -2.0..2.0f64,
    ) {
        // So far from the pole that the star does not reach it.
        let size = size.min((90.0 - lat.abs()) * 50_000.0);
        let star = star_at(lat, 0.0, size, points, seed);
        let query_lon = qx * size / 111_320.0 / lat.to_radians().cos();
        let query_lat = (lat + qy * size / 111_000.0).clamp(-90.0, 90.0);
        let turned: Vec<_> = star.iter().map(|(x, y)| (x + f64::from(turn), *y)).collect();
        let here = prepare(&star).signed_distance(Position::wrapped(query_lat, query_lon)).0;
        let there = prepare(&turned).signed_distance(Position::wrapped(query_lat, query_lon + f64::from(turn))).0;
        prop_assert!((here - there).abs() <= 2e-6 + 1e-9 * here.abs(), "{here} and {there}");
    }

    #[test]
    fn cutting_the_edges_changes_no_distance(
        lat in -80.0..80.0f64, size in 10.0..20_000.0f64, points in 3usize..12, cuts in 1u32..200, seed: u64,
        qx in -1.5..1.5f64, qy in -1.5..1.5f64,
    ) {
        let coarse = star_at(lat, 179.99, size, points, seed);
        let mut fine: Vec<_> = coarse.windows(2).flat_map(|w| (0..cuts).map(|cut| {
            let t = f64::from(cut) / f64::from(cuts);
            (w[0].0 + t * (w[1].0 - w[0].0), w[0].1 + t * (w[1].1 - w[0].1))
        })).collect();
        fine.push(fine[0]);
        let query = Position::wrapped(
            lat + qy * size / 111_000.0, 179.99 + qx * size / 111_320.0 / lat.to_radians().cos(),
        );
        let (a, b) = (prepare(&coarse).signed_distance(query).0, prepare(&fine).signed_distance(query).0);
        prop_assert!((a - b).abs() <= 1e-5 + 1e-6 * a.abs(), "{a} and {b}");
    }

    #[test]
    fn the_distance_is_that_of_the_nearest_point_of_the_edge(
        lat in -87.0..87.0f64, lon in -180.0..180.0f64, size in 10.0..5_000.0f64, points in 3usize..40, seed: u64,
        azimuth in 0.0..360.0f64, away in 0.0..3.0f64,
    ) {
        let star = star_at(lat, lon, size, points, seed);
        let query = Geodesic.destination(Point::new(lon, lat), azimuth, away * size);
        let query = Position::wrapped(query.y(), query.x());
        let (found, truth) = (prepare(&star).signed_distance(query).0.abs(), by_walking_it(&star, query));
        prop_assert!((found - truth).abs() <= 1e-5 + 1e-6 * truth, "{found} and {truth}");
    }

    #[test]
    fn an_atlas_finds_what_looking_at_every_site_finds(
        lat in -90.0..=90.0f64, lon in -180.0..180.0f64, spread in 0.001..3.0f64, within in 0.0..200_000.0f64,
        offsets in prop::collection::vec((-1.0..1.0f64, -1.0..1.0f64, 10.0..100_000.0f64), 1..60),
    ) {
        let regions: Vec<_> = offsets.iter().enumerate().map(|(i, (u, v, radius))| {
            let wide = spread / lat.to_radians().cos().max(0.01);
            let center = Position::wrapped(lat + spread * u, lon + wide * v);
            fence_region(&format!("r{i}"), Fence::Circle(Circle::new(center, Metres(*radius)).unwrap()))
        }).collect();
        let atlas = Atlas::build([place("p")], regions).unwrap();
        let mut found: Vec<_> = atlas.near(at(lat, lon), Metres(within)).map(|n| n.site.region.id.clone()).collect();
        found.sort_unstable();
        let is_near = |d: Metres| d.0 <= within;
        let all: Vec<_> = atlas.sites()
            .filter(|s| s.signed_distance(at(lat, lon)).is_some_and(is_near))
            .map(|s| s.region.id.clone())
            .collect();
        prop_assert_eq!(found, all);
    }
}
