//! Whatever bits a phone sends, in whatever field: the engine answers with numbers, or refuses by name; it never panics.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

use doorstep::engine::{AHEAD_MAX, Catalogue, CustomerState, DeviceState, Engine, Manners, NONE_OPEN, Observed};
use doorstep::files::{Defaults, read_campaigns, read_customers, read_regions};
use doorstep::locate::Atlas;
use doorstep::model::{Campaign, Decision, DeviceId, Ping, ServerTime, TransitionKind};
use doorstep::presence::PresenceConfig;
use doorstep::qualify::CampaignBook;
use doorstep::wire::v1;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;
/// What the server's own clock may say; a ping's may say anything.
const YEARS_1_TO_9999: std::ops::Range<i64> = -62_135_596_800_000..253_402_300_800_000;

fn fixture(name: &str) -> String {
    let path = format!("{}/fixtures/denver/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Denver, with campaigns on each kind of transition.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let (places, regions) = read_regions(&fixture("regions.geojson"), &Defaults::default()).expect("good regions");
    let mut campaigns = read_campaigns(&fixture("campaigns.yaml")).expect("good campaigns");
    let first = campaigns[0].clone();
    campaigns.extend([TransitionKind::Approach, TransitionKind::Pass].map(|on| Campaign {
        id: doorstep::model::CampaignId::parse("id", &format!("{on:?}").to_lowercase()).expect("an id"),
        on,
        ..first.clone()
    }));
    let atlas = Atlas::build(places.into_iter().map(Arc::new), regions.into_iter().map(Arc::new));
    Catalogue {
        atlas: atlas.expect("an atlas"),
        campaigns: CampaignBook::build(campaigns.into_iter().map(Arc::new)),
        ..Catalogue::default()
    }
});

fn maya() -> (CustomerState, DeviceId) {
    let rosters = read_customers(&fixture("customers.yaml"), ServerTime(0)).expect("good customers");
    let maya = rosters.into_iter().find(|roster| roster.customer.id.as_str() == "maya").expect("maya");
    let device = maya.devices[0].id.clone();
    let mut state = CustomerState::new(maya.customer);
    state.devices.extend(maya.devices.into_iter().map(|device| (device.id.clone(), DeviceState::new(device))));
    (state, device)
}

/// Any bits, but half the time such as pass the checks, for what lies behind them is to be tried, too.
fn number(low: f64, high: f64) -> impl Strategy<Value = f64> {
    let edges = prop::sample::select(vec![
        low,
        high,
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]);
    prop_oneof![6 => low..=high, 1 => edges, 1 => any::<u64>().prop_map(f64::from_bits)]
}

fn fix() -> impl Strategy<Value = v1::Fix> {
    // In the middle of Denver, or anywhere.
    let latitude = prop_oneof![3 => 39.74..39.755f64, 1 => number(-90.0, 90.0)];
    let longitude = prop_oneof![3 => -105.0..-104.985f64, 1 => number(-180.0, 180.0)];
    let accuracy = prop_oneof![3 => 1.0..100.0f64, 1 => number(0.0, 100_000.0)];
    let motion = (prop::option::of(number(0.0, 500.0)), prop::option::of(number(0.0, 360.0)), any::<bool>());
    (latitude, longitude, accuracy, motion).prop_map(
        |(latitude, longitude, accuracy_m, (speed_mps, course_deg, mock))| v1::Fix {
            latitude,
            longitude,
            accuracy_m,
            speed_mps,
            course_deg,
            mock,
        },
    )
}

fn sighting() -> impl Strategy<Value = v1::Sighting> {
    let uuids: Vec<String> = CATALOGUE
        .atlas
        .sites()
        .filter_map(|site| match &site.region.extent {
            doorstep::model::Extent::Beacon(beacon) => Some(beacon.uuid.to_string()),
            doorstep::model::Extent::Fence(_) => None,
        })
        .collect();
    let uuid = prop_oneof![6 => prop::sample::select(uuids), 1 => ".{0,40}"];
    let value = || prop_oneof![4 => 0..5u32, 1 => any::<u32>()];
    let dbm = || prop_oneof![4 => -127..=20i32, 1 => any::<i32>()];
    (uuid, value(), value(), dbm(), prop::option::of(dbm())).prop_map(
        |(uuid, major, minor, rssi_dbm, measured_power_dbm)| v1::Sighting {
            uuid,
            major,
            minor,
            rssi_dbm,
            measured_power_dbm,
        },
    )
}

/// A ping with the time that the server receives it.
fn arrival() -> impl Strategy<Value = (v1::Ping, i64)> {
    let sequence = prop_oneof![6 => 1..60u64, 1 => any::<u64>()];
    let around = || prop_oneof![8 => 0..20_000i64, 1 => -1_000_000..1_000_000i64];
    let seconds = prop_oneof![12 => around().prop_map(|s| NOON_MS / 1_000 + s), 1 => any::<i64>()];
    let nanos = prop_oneof![6 => 0..1_000_000_000i32, 1 => any::<i32>()];
    let sightings = prop::collection::vec(sighting(), 0..5);
    let app = prop_oneof![4 => 0..3i32, 1 => any::<i32>()];
    let now = prop_oneof![12 => around().prop_map(|s| NOON_MS + 1_000 * s), 1 => YEARS_1_TO_9999];
    let time = prop::option::weighted(0.95, (seconds, nanos));
    (sequence, time, prop::option::weighted(0.9, fix()), sightings, app, now).prop_map(
        |(sequence, time, fix, sightings, app_state, now)| {
            let observe_time = time.map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos });
            (v1::Ping { sequence, observe_time, fix, sightings, app_state }, now)
        },
    )
}

/// Each number of the answer is one, and in its range.
fn check(decision: &Decision) -> Result<(), TestCaseError> {
    let wire = v1::Decision::from(decision);
    if let Some(fix) = wire.fix {
        for number in [fix.accuracy_m, fix.sigma_m, fix.surprise] {
            prop_assert!(number.is_finite() && number >= 0.0, "{:?}", fix);
        }
    }
    for step in &wire.regions {
        prop_assert!(step.distance_m.is_finite() && (0.0..=1.0).contains(&step.probability), "{:?}", step);
    }
    for transition in &decision.transitions {
        prop_assert!(transition.visit_start <= transition.happened, "{:?}", transition);
        prop_assert!(transition.happened <= transition.decided, "{:?}", transition);
    }
    // What is sent parses again.
    let again = Decision::try_from(wire);
    prop_assert_eq!(again.as_ref(), Ok(decision));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bits_are_answered(arrivals in prop::collection::vec(arrival(), 1..80), sorted: bool) {
        let config = PresenceConfig::default();
        let engine = Engine { catalogue: &CATALOGUE, presence: &config, manners: Manners::default(), open: &NONE_OPEN };
        let (mut state, device) = maya();
        let mut arrivals = arrivals;
        if sorted {
            // As a phone sends them: a story rather than a jumble.
            arrivals.sort_by_key(|(ping, _)| ping.observe_time.map(|time| (time.seconds, time.nanos)));
            for ((ping, now), number) in arrivals.iter_mut().zip(1..) {
                ping.sequence = number;
                *now = ping.observe_time.map_or(*now, |time| time.seconds.saturating_mul(1_000));
            }
        }
        for (wire, now) in arrivals {
            // The device's clock may be ahead of the server's, and must not come past the last year, either.
            let latest = YEARS_1_TO_9999.end - 1 - AHEAD_MAX.0;
            let now = ServerTime(now.clamp(YEARS_1_TO_9999.start, latest));
            let mut outcomes = engine.tick(&mut state, now);
            match Ping::try_from(wire) {
                Err(refusal) => prop_assert!(!refusal.field.is_empty() && !refusal.problem.is_empty(), "{refusal:?}"),
                Ok(ping) => {
                    if let Observed::Kept(kept) = engine.observe(&mut state, &device, &ping, now) {
                        outcomes.extend(kept);
                    }
                }
            }
            for outcome in &outcomes {
                check(&outcome.decision)?;
                for position in [outcome.track, outcome.fix].into_iter().flatten() {
                    prop_assert!(position.lat().abs() <= 90.0 && position.lon().abs() <= 180.0, "{position:?}");
                }
            }
            if let Some(advice) = engine.advice(&state, &device) {
                prop_assert!((1_000..=600_000).contains(&advice.after.0) && (10.0..=10_000.0).contains(&advice.moved.0));
            }
            engine.due(&state);
        }
    }
}
