//! What holds for any regions.

use super::super::samples::{ring, star};
use super::tests::{atlas, region};
use super::*;
use crate::model::{BeaconExtent, Circle, Extent, Fence, Polygon, Position, Proximity, Uuid};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

fn config() -> Config {
    Config { cases: 96, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() }
}

/// A star of a size in metres around a position, perhaps with a smaller star for a hole.
fn star_at(lat: f64, lon: f64, size_m: f64, points: usize, seed: u64, hole: bool) -> Polygon {
    let (y, x) = (size_m / 111_000.0, size_m / 111_320.0 / lat.to_radians().cos());
    let scaled = |scale: f64, seed| {
        let points = star(points, seed).into_iter().map(|(u, v)| (lon + scale * x * u, lat + scale * y * v));
        ring(&points.collect::<Vec<_>>())
    };
    let holes = hole.then(|| scaled(0.1, seed));
    Polygon { rings: std::iter::once(scaled(1.0, seed)).chain(holes).collect() }
}

fn extents() -> impl Strategy<Value = Extent> {
    // Around the poles and ±180° as well, and so near to each other that they meet.
    let spot = (prop::sample::select(vec![-90.0, -60.0, 0.0, 89.9]), -0.02..0.02f64, -0.02..0.02f64);
    let size = prop_oneof![10.0..60.0f64, 60.0..3_000.0f64, Just(100_000.0)];
    let circle = (spot.clone(), size.clone()).prop_map(|((lat, north, east), radius_m)| {
        let center = Position::wrapped(lat + north, 180.0 + east);
        Extent::Fence(Fence::Circle(Circle { center, radius: Metres(radius_m) }))
    });
    let polygon = (-80.0..80.0f64, -0.02..0.02f64, size, 3usize..60, any::<u64>(), any::<bool>());
    let polygons = prop::collection::vec(polygon, 1..4).prop_map(|all| {
        let all = all.into_iter();
        let stars =
            all.map(|(lat, east, size, points, seed, hole)| star_at(lat, 180.0 + east, size, points, seed, hole));
        Extent::Fence(Fence::MultiPolygon(stars.collect()))
    });
    let beacon = (0..2u128, prop::option::of(0..2u16)).prop_map(|(uuid, major)| {
        Extent::Beacon(BeaconExtent { uuid: Uuid(uuid), major, minor: None, proximity: Proximity::Far, group: None })
    });
    prop_oneof![4 => circle, 2 => polygons, 1 => beacon]
}

fn is_sound(kind: &Kind) -> bool {
    let is_share = |share: &f64| (0.0..=1.0).contains(share);
    match kind {
        Kind::TooSmall { expectation, inscribed, better, .. } => {
            is_share(&expectation.missed_visits) && is_share(&expectation.false_enters) && inscribed < better
        }
        Kind::TooLarge { across } => across.0 > 2_000.0,
        Kind::NarrowHole { across } => (0.0..20.0).contains(&across.0),
        Kind::Overlaps { share, .. } | Kind::Nested { size: share, .. } => is_share(share),
        Kind::Confusable { gap, share, .. } => is_share(share) && (0.0..=10.0).contains(&gap.0),
        Kind::Crowded { others } => *others > 8,
        Kind::SameBeacon { others, .. } => *others > 0,
        Kind::Sensitive { .. } => true,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_regions_can_be_linted(all in prop::collection::vec((extents(), 0..4u8), 1..24)) {
        let all: Vec<_> = all.into_iter().enumerate()
            .map(|(i, (extent, place))| region(&format!("r{i:02}"), &format!("brand{}-{place}", place % 2), extent))
            .collect();
        let atlas = atlas(&all);
        let findings = lint(&atlas);
        prop_assert_eq!(&findings, &lint(&atlas));
        for finding in &findings {
            prop_assert!(is_sound(&finding.kind), "{:?}", finding);
            prop_assert!(finding.to_string().len() > 20);
        }
        // Whatever is said of all is said of the one, if it is not lost in a crowd.
        for (_, region) in &all {
            let own = lint_region(&atlas, &region.id);
            let crowded = own.iter().any(|f| matches!(f.kind, Kind::Crowded { .. }));
            let of_all = findings.iter().filter(|f| f.region == region.id);
            prop_assert!(crowded || of_all.clone().all(|f| own.contains(f)), "{:?} and {:?}", own, of_all.collect::<Vec<_>>());
        }
    }
}
