//! Pings in, transitions out: one small place, told in prose.

use super::plane::Plane;
use super::*;
use crate::model::{
    AppState, BeaconExtent, BeaconKey, BrandId, Circle, Extent, Fence, GroupId, Millis, Place, PlaceId, Proximity,
    Region, Sequence, Sighting, TransitionKind, Uuid,
};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::Arc;

const UUID: Uuid = Uuid(7);

fn region(id: &str, place: &str, extent: Extent) -> Arc<Region> {
    Arc::new(Region {
        id: RegionId::parse("region", id).unwrap(),
        place: PlaceId::parse("place", place).unwrap(),
        display_name: id.into(),
        extent,
        dwell: Millis::from_mins(5),
        tags: vec![],
    })
}

fn beacon(
    id: &str,
    place: &str,
    major: Option<u16>,
    minor: Option<u16>,
    proximity: Proximity,
    group: bool,
) -> Arc<Region> {
    let group = group.then(|| GroupId::parse("group", "rooms").unwrap());
    region(id, place, Extent::Beacon(BeaconExtent { uuid: UUID, major, minor, proximity, group }))
}

/// A shop with a fence of 50 m around the centre and a beacon (1, 1); a desk within it (1, 2); a chain (any other of
/// the UUID); two rooms (2, 1) and (2, 2) of a museum, whose fence is 5 km to the east.
fn atlas(center: Position) -> Atlas {
    let circle = |east| {
        let center = Plane::at(center).moved(Planar { east, north: 0.0 });
        Extent::Fence(Fence::Circle(Circle::new(center, Metres(50.0)).unwrap()))
    };
    let place = |id| {
        Arc::new(Place {
            id: PlaceId::parse("place", id).unwrap(),
            display_name: String::new(),
            brand: BrandId::parse("brand", "b").unwrap(),
            time_zone: "UTC".into(),
            opening_hours: None,
            tags: vec![],
        })
    };
    Atlas::build(
        [place("shop"), place("museum"), place("chain")],
        [
            region("shop", "shop", circle(0.0)),
            beacon("shop-beacon", "shop", Some(1), Some(1), Proximity::Far, false),
            beacon("desk", "shop", Some(1), Some(2), Proximity::Near, false),
            beacon("chain", "chain", None, None, Proximity::Far, false),
            region("museum", "museum", circle(5_000.0)),
            beacon("room-1", "museum", Some(2), Some(1), Proximity::Far, true),
            beacon("room-2", "museum", Some(2), Some(2), Proximity::Far, true),
        ],
    )
    .unwrap()
}

fn denver() -> Position {
    Position::new(39.743, -104.989).unwrap()
}

/// What happens in one step.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A fix so far east of the shop, with that accuracy.
    At(f64, f64),
    /// The same, from a mock provider.
    Mock(f64),
    /// A beacon by major and minor, with that strength.
    Hear(u16, u16, i8),
    /// Nothing up to then.
    Silent,
}

use Step::{At, Hear, Mock, Silent};

/// Runs steps of (second, step) from a fresh device; each transition reads `enter shop 10` or, when it was decided
/// later than it happened, `exit shop 70 (130)`, and a visit shared with another region ends in `=`.
fn check(steps: &[(i64, Step)], expected: &str) {
    let (config, atlas, device) =
        (PresenceConfig::default(), atlas(denver()), DeviceId::parse("device", "d").unwrap());
    let mut state = DevicePresence::default();
    let mut told = Vec::new();
    for &(s, step) in steps {
        let observed = DeviceTime(s * 1_000);
        let mut ping = Ping { sequence: Sequence(1), observed, fix: None, sightings: vec![], app: AppState::Unknown };
        let fix = |east, accuracy, mock| {
            let position = Plane::at(denver()).moved(Planar { east, north: 0.0 });
            Some(Fix { position, accuracy: Metres(accuracy), speed_mps: None, course_deg: None, mock })
        };
        match step {
            At(east, accuracy) => ping.fix = fix(east, accuracy, false),
            Mock(east) => ping.fix = fix(east, 5.0, true),
            Hear(major, minor, rssi_dbm) => ping.sightings.push(Sighting {
                beacon: BeaconKey { uuid: UUID, major, minor },
                rssi_dbm,
                measured_power_dbm: -59,
            }),
            Silent => {
                told.extend(advance(&config, &atlas, &device, &mut state, observed));
                continue;
            }
        }
        told.extend(observe(&config, &atlas, &device, &mut state, &ping, None).transitions);
    }
    let mut text = String::new();
    for t in &told {
        let kind = match t.kind {
            TransitionKind::Enter => "enter",
            TransitionKind::Dwell => "dwell",
            TransitionKind::Exit => "exit",
            TransitionKind::Approach => "approach",
            TransitionKind::Pass => "pass",
        };
        let own = |id: &str| *id == *t.region.as_str();
        let shared = told.iter().any(|o| o.visit == t.visit && !own(o.region.as_str()));
        write!(text, "{kind} {} {}", t.region, t.happened.0 / 1_000).unwrap();
        if t.decided != t.happened {
            write!(text, " ({})", t.decided.0 / 1_000).unwrap();
        }
        text.push_str(if shared { "=; " } else { "; " });
    }
    assert_eq!(text.trim_end_matches([' ', ';']), expected, "{steps:?}");
}

/// The same step every so many seconds.
fn every(from: i64, to: i64, by: usize, step: Step) -> Vec<(i64, Step)> {
    (from..=to).step_by(by).map(|s| (s, step)).collect()
}

#[test]
fn a_fix_alone_decides_when_it_is_precise() {
    check(&[(0, At(0.0, 10.0))], "enter shop 0");
    check(&[(0, At(0.0, 80.0))], "");
    check(&[(0, At(0.0, 80.0)), (160, At(0.0, 80.0))], "");
    check(&[(0, At(0.0, 250.0)), (600, At(0.0, 250.0))], "");
    check(&[(0, At(60.0, 5.0))], "");
}

#[test]
fn an_exit_takes_distance_and_time() {
    let out = |east| [&every(0, 60, 10, At(0.0, 8.0))[..], &every(70, 300, 10, At(east, 8.0))[..]].concat();
    check(&out(60.0), "enter shop 0; dwell shop 300");
    check(&out(150.0)[..10], "enter shop 0");
    let left = [(0, At(0.0, 8.0)), (600, At(400.0, 8.0)), (615, At(400.0, 8.0)), (625, At(400.0, 8.0))];
    check(&left, "enter shop 0; dwell shop 300 (360); exit shop 600 (625)");
}

#[test]
fn wild_mock_and_impossible_fixes_have_no_effect() {
    let calm = every(0, 60, 5, At(300.0, 8.0));
    check(&[&calm[..], &[(62, At(0.0, 5.0)), (65, At(300.0, 8.0))]].concat(), "");
    check(&[&calm[..], &every(62, 120, 5, Mock(0.0))].concat(), "");
    let abroad = every(62, 120, 5, At(500_000.0, 5.0));
    check(&[&calm[..], &abroad, &[(130, At(300.0, 8.0))]].concat(), "");
    let teleported: Vec<_> = every(62, 120, 5, At(5_000.0 + 60_000.0, 5.0));
    check(&[&calm[..], &teleported, &every(121, 180, 5, At(5_000.0, 5.0))].concat(), "enter museum 131");
}

#[test]
fn silence_dwells_and_lapses() {
    check(&[(0, At(0.0, 8.0)), (359, Silent)], "enter shop 0");
    check(&[(0, At(0.0, 8.0)), (360, Silent)], "enter shop 0; dwell shop 300 (360)");
    check(&[(0, At(0.0, 8.0)), (10_000, Silent)], "enter shop 0; dwell shop 300 (360); exit shop 300 (7200)");
    check(&[(0, At(42.0, 8.0)), (10_000, Silent)], "enter shop 0; exit shop 0 (7200)");
    check(
        &[(0, Hear(1, 1, -70)), (10_000, Silent)],
        "enter shop-beacon 0; dwell shop-beacon 300 (360); exit shop-beacon 300 (600)",
    );
}

#[test]
fn the_most_specific_beacon_region_wins() {
    check(&[(0, Hear(1, 1, -70))], "enter shop-beacon 0");
    check(&[(0, Hear(9, 9, -70))], "enter chain 0");
    check(&[(0, Hear(1, 1, -70)), (1, Hear(9, 9, -90))], "enter shop-beacon 0; enter chain 1");
}

#[test]
fn a_proximity_must_hold() {
    check(&[(0, Hear(1, 2, -65)), (1, Hear(1, 2, -65))], "");
    check(&[(0, Hear(1, 2, -65)), (2, Hear(1, 2, -65))], "enter desk 0 (2)");
    check(&every(0, 60, 1, Hear(1, 2, -75)), "enter chain 0");
    let left = [every(0, 5, 1, Hear(1, 2, -65)), every(6, 60, 1, Hear(1, 2, -90))].concat();
    check(&left, "enter desk 0 (2); enter chain 8; exit desk 8 (18)");
}

#[test]
fn silence_of_one_beacon_counts_while_others_are_heard() {
    let other = every(10, 50, 10, Hear(9, 9, -70));
    check(&[&[(0, Hear(1, 1, -70))], &other[..4]].concat(), "enter shop-beacon 0; enter chain 10");
    check(
        &[&[(0, Hear(1, 1, -70))], &other[..]].concat(),
        "enter shop-beacon 0; enter chain 10; exit shop-beacon 0 (50)",
    );
    let fixes = every(10, 590, 10, At(-900.0, 8.0));
    check(&[&[(0, Hear(1, 1, -70))], &fixes[..]].concat(), "enter shop-beacon 0; dwell shop-beacon 300 (360)");
}

#[test]
fn one_room_at_a_time() {
    let walk =
        [every(0, 20, 1, Hear(2, 1, -60)), every(21, 40, 2, Hear(2, 2, -50)), every(22, 40, 2, Hear(2, 1, -75))];
    let mut walk = walk.concat();
    walk.sort_by_key(|(s, _)| *s);
    check(&walk, "enter room-1 0; exit room-1 24; enter room-2 24");
}

#[test]
fn a_beacon_keeps_the_visit_while_gps_drifts_and_shares_it() {
    let drift = every(10, 200, 5, At(300.0, 8.0));
    let heard = every(5, 200, 5, Hear(1, 1, -70));
    let mut steps = [&[(0, At(0.0, 8.0))], &drift[..], &heard[..]].concat();
    steps.sort_by_key(|(s, _)| *s);
    check(&steps, "enter shop 0=; enter shop-beacon 5=");
    check(&[(0, Hear(1, 1, -70)), (5, At(0.0, 8.0))], "enter shop-beacon 0=; enter shop 5=");
    check(&[(0, Hear(2, 1, -70)), (5, At(5_000.0, 8.0))], "enter room-1 0; enter museum 5");
}

#[test]
fn late_pings_change_nothing() {
    check(&[(100, At(300.0, 8.0)), (50, At(0.0, 8.0)), (99, Hear(1, 1, -70))], "");
}

/// A walk past the shop, with correlated noise, and a pause on the way, is one visit; wherever the shop stands.
#[test]
fn a_noisy_walk_is_one_visit() {
    for (seed, (lat, lon)) in
        (1u64..).zip([(39.7, -105.0), (0.0, 180.0), (-77.0, 166.0), (89.999, 10.0), (64.0, -179.999)])
    {
        let center = Position::new(lat, lon).unwrap();
        let (config, atlas, device) =
            (PresenceConfig::default(), atlas(center), DeviceId::parse("device", "d").unwrap());
        let mut state = DevicePresence::default();
        let mut random = seed;
        let mut normal = move || {
            // Irwin-Hall of 12 from a Weyl sequence with the mixer of SplitMix64.
            (0..12).fold(-6.0, |sum, _| {
                random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                sum + (mixed >> 11) as f64 / (1u64 << 53) as f64
            })
        };
        let (mut east, mut error) = (-300.0, Planar::default());
        let mut told = Vec::new();
        for second in 0..900i64 {
            east += if (300..500).contains(&second) { 0.0 } else { 1.2 };
            error = error.times(0.95).plus(Planar { east: normal(), north: normal() }, 6.0 * 0.31);
            if second % 5 != 0 {
                continue;
            }
            let position = Plane::at(center).moved(Planar { east, north: 10.0 }.plus(error, 1.0));
            let fix = Fix { position, accuracy: Metres(9.0), speed_mps: None, course_deg: None, mock: false };
            let ping = Ping {
                sequence: Sequence(1),
                observed: DeviceTime(second * 1_000),
                fix: Some(fix),
                sightings: vec![],
                app: AppState::Unknown,
            };
            told.extend(observe(&config, &atlas, &device, &mut state, &ping, None).transitions);
        }
        let kinds: Vec<_> = told.iter().map(|t| t.kind).collect();
        assert!(
            kinds == [TransitionKind::Enter, TransitionKind::Exit]
                || kinds == [TransitionKind::Enter, TransitionKind::Dwell, TransitionKind::Exit],
            "seed {seed} at {lat},{lon}: {told:?}"
        );
        assert!(told.iter().all(|t| t.visit == told[0].visit));
    }
}

fn any_ping() -> impl Strategy<Value = Ping> {
    let time = prop_oneof![any::<i64>(), 0i64..100_000, 0i64..10_000_000];
    let number = || prop_oneof![any::<f64>(), -200.0..200.0f64, Just(f64::NAN), Just(f64::INFINITY), Just(0.0)];
    let place = prop_oneof![(number(), number()), (39.74..39.75f64, -104.99..-104.98f64)];
    let fix = (place, number(), any::<bool>()).prop_map(|((lat, lon), accuracy, mock)| Fix {
        position: Position::wrapped(lat, lon),
        accuracy: Metres(accuracy),
        speed_mps: Some(accuracy),
        course_deg: Some(lat),
        mock,
    });
    let sighting = (0u16..4, 0u16..4, any::<i8>(), any::<i8>()).prop_map(|(major, minor, rssi_dbm, power)| {
        Sighting { beacon: BeaconKey { uuid: UUID, major, minor }, rssi_dbm, measured_power_dbm: power }
    });
    (time, prop::option::of(fix), prop::collection::vec(sighting, 0..4)).prop_map(|(ms, fix, sightings)| Ping {
        sequence: Sequence(1),
        observed: DeviceTime(ms),
        fix,
        sightings,
        app: AppState::Unknown,
    })
}

fn any_track() -> impl Strategy<Value = Track> {
    (any::<i64>(), any::<[f64; 16]>()).prop_map(|(at, n)| Track {
        at: DeviceTime(at),
        position: Position::wrapped(n[0], n[1]),
        velocity: Planar { east: n[2], north: n[3] },
        bias: Planar { east: n[4], north: n[5] },
        covariance: Covariance { pp: n[6], pv: n[7], pb: n[8], vv: n[9], vb: n[10], bb: n[11] },
        fix_variance_m2: n[12],
        surprise: n[13],
        support: n[14],
        held: None,
    })
}

proptest! {
    #[test]
    fn any_bits_give_numbers(track in prop::option::of(any_track()), pings in prop::collection::vec(any_ping(), 1..40)) {
        let (config, atlas, device) = (PresenceConfig::default(), atlas(denver()), DeviceId::parse("device", "d").unwrap());
        let mut state = DevicePresence { track, ..DevicePresence::default() };
        for ping in &pings {
            let seen = observe(&config, &atlas, &device, &mut state, ping, None);
            if let Some(fix) = seen.fix {
                prop_assert!(fix.accuracy.0.is_finite() && fix.sigma.0.is_finite() && fix.surprise.is_finite(), "{fix:?}");
            }
            for step in &seen.regions {
                prop_assert!(step.distance.0.is_finite() && (0.0..=1.0).contains(&step.probability), "{step:?}");
            }
            if let Some(advice) = advice(&config, &atlas, &state) {
                prop_assert!((1_000..=600_000).contains(&advice.after.0) && (10.0..=10_000.0).contains(&advice.moved.0));
            }
            prop_assert!(state.track.as_ref().is_none_or(Track::is_sane), "{:?}", state.track);
            prop_assert!(state.beacons.signals.values().all(|signal| signal.dbm.is_finite()));
        }
    }
}
