//! The largest record of each kind fits one value of the store.

use super::record::Record;
use super::{arbitrary_events, arbitrary_report};
use crate::engine::{CustomerState, DeviceClock, DeviceState, Order, Sequences, WAITING_MAX, Waiting};
use crate::model::campaign::WINDOW_MAX;
use crate::model::customer::{DEVICES_MAX, TOPICS_MAX};
use crate::model::event::{TEXT_MAX, TRAITS_MAX};
use crate::model::ids::ID_MAX_BYTES;
use crate::model::ping::{SEQUENCE_MAX, SIGHTINGS_MAX};
use crate::model::preferences::CHANGES_MAX;
use crate::model::*;
use crate::presence::{
    BEACON_REGIONS_MAX, BEACONS_MAX, Beacons, Challenger, Covariance, DevicePresence, FENCES_MAX, Held as HeldFix,
    Latch, Nearing, Planar, Room, Signal, Track, Visit,
};
use crate::qualify::{HELD_MAX, Held, Ledger, PaceTaken, SENDS_MAX, Sent};
use crate::store::VALUE_MAX_BYTES;

/// The `n`th id of those that are as long as an id can be.
macro_rules! longest {
    ($ty:ident, $n:expr) => {
        $ty::parse("id", &format!("{:0>1$}", $n, ID_MAX_BYTES)).unwrap()
    };
}

/// Latches that take as much room as they can. Times before 1970 take the most.
fn largest_latches(most: usize) -> std::collections::BTreeMap<RegionId, Latch> {
    let at = DeviceTime(-1_000_000_000_001);
    let latch = |n| {
        let id = longest!(RegionId, n);
        let device = DeviceId::parse("device", "d").unwrap();
        let visit = Visit { id: VisitId::derive(&device, &id, at), start: at, since: at, dwelt: true, settled: true };
        (id, Latch::Leaving { visit, since: at, clear_since: Some(at) })
    };
    (0..most).map(latch).collect()
}

fn largest_presence() -> DevicePresence {
    let (at, far) = (DeviceTime(-1_000_000_000_001), Planar { east: 1.5, north: 1.5 });
    let position = Position::new(39.7, -104.9).unwrap();
    let signal = |n| {
        let key = BeaconKey { uuid: Uuid(n), major: u16::MAX, minor: u16::MAX };
        (key, Signal { dbm: -70.5, measured_power_dbm: -127, heard: at })
    };
    let room = |n| {
        let challenger = Some(Challenger { region: longest!(RegionId, n), since: at });
        (longest!(GroupId, n), Room { at: Some(longest!(RegionId, n)), challenger })
    };
    let covariance = Covariance { pp: 1.5, pv: 1.5, pb: 1.5, vv: 1.5, vb: 1.5, bb: 1.5 };
    DevicePresence {
        track: Some(Track {
            at,
            position,
            velocity: far,
            bias: far,
            covariance,
            fix_variance_m2: 1.5,
            surprise: 1.5,
            support: 1.5,
            held: Some(HeldFix { position, accuracy: Metres(1.5), at, since: at, fixes: u32::MAX }),
        }),
        fences: largest_latches(FENCES_MAX),
        beacons: Beacons {
            signals: (0..BEACONS_MAX as u128).map(signal).collect(),
            latches: largest_latches(BEACON_REGIONS_MAX),
            // Each room is one of the regions that the device is in.
            rooms: (0..BEACON_REGIONS_MAX).map(room).collect(),
        },
        latest: Some(at),
        nearings: (0..FENCES_MAX)
            .map(|n| {
                let nearing = Nearing { approached: Some(Metres(1.5)), deepest: Some((Metres(1.5), at)) };
                (longest!(RegionId, n), nearing)
            })
            .collect(),
    }
}

/// As many pings as wait at most, each with all that it can hold.
fn largest_order() -> Order {
    let position = Position::new(39.7, -104.9).unwrap();
    let sighting = |n| Sighting {
        beacon: BeaconKey { uuid: Uuid(u128::MAX - n), major: u16::MAX, minor: u16::MAX },
        rssi_dbm: -127,
        measured_power_dbm: -127,
    };
    let waiting = |n: u64| Waiting {
        ping: Ping {
            sequence: Sequence(SEQUENCE_MAX - 100 + n),
            observed: DeviceTime(4_000_000_000_001),
            fix: Some(Fix {
                position,
                accuracy: Metres(1.5),
                speed_mps: Some(1.5),
                course_deg: Some(1.5),
                mock: true,
            }),
            sightings: (0..SIGHTINGS_MAX as u128).map(sighting).collect(),
            app: AppState::Background,
        },
        received: ServerTime(4_000_000_000_001),
    };
    Order { next: Some(1), waiting: (0..WAITING_MAX as u64).map(waiting).collect() }
}

fn largest_ledger(customer: &CustomerId) -> Ledger {
    let at = ServerTime(4_000_000_000_001);
    let sent = |n| {
        let (campaign, region) = (longest!(CampaignId, n), longest!(RegionId, n));
        let visit = VisitId::derive(&DeviceId::parse("device", "d").unwrap(), &region, DeviceTime(0));
        Sent {
            at,
            trigger: TriggerId::derive(customer, &campaign, &region, &visit),
            campaign,
            topic: longest!(TopicId, n),
            region,
            place: longest!(PlaceId, n),
            brand: longest!(BrandId, n),
            visit,
            pace: Some(PaceTaken { before: u64::MAX, refill: Millis(WINDOW_MAX.0 - 1) }),
            transactional: true,
        }
    };
    Ledger {
        sends: (0..SENDS_MAX).map(sent).collect(),
        pace: (0..SENDS_MAX).map(|n| (longest!(CampaignId, n), u64::MAX)).collect(),
        forgotten: Some(at),
    }
}

/// Ids have 64 bytes. A device takes about 420 KB: most of it for 64 waiting pings with 64 sightings each, the rest
/// for presence and history (60 KB each) and the push address. So 16 of them, the ledger of 256 sends and as many
/// paces, 100 topics and as many changes (140 KB), 50 traits (25 KB) and the sums of 50 names of events (400 KB) and of
/// 200 brands the visits (30 KB), and 256 exposures with as many campaigns (160 KB), fit the 8 MiB of a value. A phone that reports in order takes a few hundred bytes.
#[test]
fn the_largest_customer_fits_one_value_of_the_store() {
    let mut customer = Customer::new(longest!(CustomerId, 0));
    let source = "☕".repeat(100);
    let (at, purpose) = (ServerTime(4_000_000_000_001), "☕".repeat(200));
    let consent = LocationConsent { granted: true, answered: at, source: source.clone(), purpose, expires: Some(at) };
    customer.consent = Some(consent.clone());
    customer.quiet_hours = DailySpan::new("21:00", "08:00").ok().map(QuietHours::Daily);
    customer.topics = (0..TOPICS_MAX).map(|n| (longest!(TopicId, n), ByChannel::all(Choice::OptOut))).collect();
    let text = Scalar::Text("🥐".repeat(TEXT_MAX));
    customer.traits = (0..TRAITS_MAX).map(|n| (longest!(TraitName, n), text.clone())).collect();
    let (ledger, held) = (largest_ledger(&customer.id), largest_held());
    let (events, visits) = (arbitrary_events::largest_events(), arbitrary_events::largest_visits());
    let stages = arbitrary_events::largest_stages();
    let exposures = arbitrary_report::largest_exposures();
    let mut state = CustomerState { ledger, held, events, visits, stages, exposures, ..CustomerState::new(customer) };
    let change = PreferenceChange { at, source, change: Preference::Consent(consent) };
    state.changes = vec![change; CHANGES_MAX];
    for n in 0..DEVICES_MAX {
        let device = Device {
            id: longest!(DeviceId, n),
            platform: Platform::Android,
            push_address: "x".repeat(4_096),
            locale: "abcdefgh-abcdefgh-abcdefgh-abcdefgh".to_owned(),
            time_zone: Some("America/North_Dakota/New_Salem".to_owned()),
            app_version: Some(Version::parse("app_version", &"1".repeat(19)).unwrap()),
        };
        let kept = Sequences::from_ranges((0..64).map(|n| (u64::MAX - 200 + 3 * n, u64::MAX - 199 + 3 * n)));
        let (presence, trace_until) = (largest_presence(), Some(ServerTime(4_000_000_000_001)));
        state.devices.insert(
            device.id.clone(),
            DeviceState {
                device,
                history: presence.clone(),
                presence,
                order: largest_order(),
                clock: DeviceClock {
                    lag_min: Millis(-1),
                    lag_max: Millis(-1),
                    since: ServerTime(4_000_000_000_001),
                    until: ServerTime(4_000_000_000_001),
                    pings: u32::MAX,
                },
                kept,
                trace_until,
                addressed: trace_until,
                front: trace_until,
            },
        );
    }
    let bytes = state.encode();
    assert!(bytes.len() < VALUE_MAX_BYTES, "{} bytes", bytes.len());
    assert!(bytes.len() > VALUE_MAX_BYTES / 2, "{} bytes: nothing is left out", bytes.len());
    assert_eq!(CustomerState::decode(&bytes).as_ref(), Ok(&state), "all of it is within the bounds");
}

/// The figures of a campaign on one day stay below 64 KB, whatever is added up: those of the 500 days and more that one
/// fold changes fit a commit.
#[test]
fn the_largest_day_of_figures_is_within_its_bounds() {
    let day = arbitrary_report::largest_day();
    let bytes = crate::report::DayCounts::encode(&day);
    assert!(bytes.len() < 64 * 1024, "{} bytes", bytes.len());
    assert_eq!(crate::report::DayCounts::decode(&bytes).as_ref(), Ok(&day));
}

fn largest_held() -> Vec<Held> {
    let at = DeviceTime(-1_000_000_000_001);
    let held = |n| {
        let (device, region) = (longest!(DeviceId, n), longest!(RegionId, n));
        Held {
            campaign: longest!(CampaignId, n),
            transition: Transition {
                kind: TransitionKind::Dwell,
                visit: VisitId::derive(&device, &region, at),
                region,
                visit_start: at,
                happened: at,
                decided: at,
                belated: true,
            },
            device,
            nearness: Metres(1.5),
            since: ServerTime(at.0),
            until: ServerTime(at.0),
            fresh: ServerTime(at.0),
            waits: Waits::Hours,
        }
    };
    (0..HELD_MAX).map(held).collect()
}
