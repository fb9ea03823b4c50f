//! What is stored comes back the same, and damage never panics.

use super::record::{Logged, Queued, Record};
use super::{arbitrary, arbitrary_events, arbitrary_messages, arbitrary_preferences, arbitrary_report};
use crate::engine::{CustomerState, DeviceClock, DeviceState, Order, Sequences, Waiting};
use crate::model::*;
use crate::presence::{
    Beacons, Challenger, Covariance, DevicePresence, Held as HeldFix, Latch, Nearing, Planar, Room, Signal, Track,
    Visit,
};
use crate::qualify::{Held, Ledger, PaceTaken, Sent};
use crate::report::{DayCounts, Tally};
use crate::store::{Revision, StoredTrigger, TraceEntry};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

/// To bytes and back, whole; and with one bit changed, or cut off: refused or taken, but no panic.
fn check<R: Record + PartialEq + std::fmt::Debug>(record: &R, at: prop::sample::Index) -> Result<(), TestCaseError> {
    let mut bytes = record.encode();
    let again = R::decode(&bytes);
    prop_assert_eq!(again.as_ref(), Ok(record));
    if !bytes.is_empty() {
        let bit = at.index(bytes.len() * 8);
        let _ = R::decode(&bytes[..bit / 8]);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = R::decode(&bytes);
    }
    Ok(())
}

fn time() -> impl Strategy<Value = i64> {
    -1_000_000_000_000..4_000_000_000_000_i64
}

fn position() -> impl Strategy<Value = Position> {
    (-90.0..=90.0_f64, -180.0..=180.0_f64).prop_map(|(lat, lon)| Position::new(lat, lon).unwrap())
}

fn moment() -> impl Strategy<Value = DeviceTime> {
    time().prop_map(DeviceTime)
}

fn planar() -> impl Strategy<Value = Planar> {
    (-1e6..1e6_f64, -1e6..1e6_f64).prop_map(|(east, north)| Planar { east, north })
}

fn track() -> impl Strategy<Value = Track> {
    let number = || -1e6..1e6_f64;
    let held =
        (position(), number(), moment(), moment(), 0..9_u32).prop_map(|(position, accuracy, at, since, fixes)| {
            HeldFix { position, accuracy: Metres(accuracy), at, since, fixes }
        });
    let numbers = (number(), number(), number(), number(), number(), number(), number(), number(), number());
    (position(), moment(), planar(), planar(), numbers, of(held)).prop_map(
        |(position, at, velocity, bias, n, held)| Track {
            at,
            position,
            velocity,
            bias,
            covariance: Covariance { pp: n.0, pv: n.1, pb: n.2, vv: n.3, vb: n.4, bb: n.5 },
            fix_variance_m2: n.6,
            surprise: n.7,
            support: n.8,
            held,
        },
    )
}

fn latches() -> impl Strategy<Value = std::collections::BTreeMap<RegionId, Latch>> {
    let visit = || {
        (arbitrary::visit_id(), moment(), moment(), any::<bool>(), any::<bool>())
            .prop_map(|(id, start, since, dwelt, settled)| Visit { id, start, since, dwelt, settled })
    };
    let latch = prop_oneof![
        Just(Latch::Outside),
        moment().prop_map(|since| Latch::Entering { since }),
        visit().prop_map(|visit| Latch::Inside { visit }),
        (visit(), moment(), of(moment())).prop_map(|(visit, since, clear_since)| Latch::Leaving {
            visit,
            since,
            clear_since
        }),
    ];
    btree_map(arbitrary::region_id(), latch, 0..4)
}

fn beacons() -> impl Strategy<Value = Beacons> {
    let key = (any::<u128>(), any::<u16>(), any::<u16>()).prop_map(|(uuid, major, minor)| BeaconKey {
        uuid: Uuid(uuid),
        major,
        minor,
    });
    let signal = (-127.0..20.0_f64, -127..=20_i8, moment()).prop_map(|(dbm, measured_power_dbm, heard)| Signal {
        dbm,
        measured_power_dbm,
        heard,
    });
    let challenger = (arbitrary::region_id(), moment()).prop_map(|(region, since)| Challenger { region, since });
    let room = (of(arbitrary::region_id()), of(challenger)).prop_map(|(at, challenger)| Room { at, challenger });
    let group = arbitrary::region_id().prop_map(|id| GroupId::parse("group", id.as_str()).unwrap());
    (btree_map(key, signal, 0..4), latches(), btree_map(group, room, 0..3))
        .prop_map(|(signals, latches, rooms)| Beacons { signals, latches, rooms })
}

fn nearing() -> impl Strategy<Value = Nearing> {
    let metres = || (0.0..1e5_f64).prop_map(Metres);
    (of(metres()), of((metres(), moment()))).prop_map(|(approached, deepest)| Nearing { approached, deepest })
}

fn presence() -> impl Strategy<Value = DevicePresence> {
    let nearings = btree_map(arbitrary::region_id(), nearing(), 0..3);
    (of(track()), latches(), nearings, beacons(), of(moment())).prop_map(
        |(track, fences, nearings, beacons, latest)| DevicePresence { track, fences, nearings, beacons, latest },
    )
}

fn order() -> impl Strategy<Value = Order> {
    let waiting = (arbitrary::ping(), time()).prop_map(|(ping, at)| Waiting { ping, received: ServerTime(at) });
    (of(any::<u64>()), vec(waiting, 0..3)).prop_map(|(next, waiting)| Order { next, waiting })
}

fn clock() -> impl Strategy<Value = DeviceClock> {
    (any::<i64>(), any::<i64>(), time(), time(), any::<u32>()).prop_map(|(low, high, since, until, pings)| {
        DeviceClock {
            lag_min: Millis(low),
            lag_max: Millis(high),
            since: ServerTime(since),
            until: ServerTime(until),
            pings,
        }
    })
}

fn ledger() -> impl Strategy<Value = Ledger> {
    let pace =
        (any::<u64>(), 1..1_000_000_i64).prop_map(|(before, refill)| PaceTaken { before, refill: Millis(refill) });
    let ids = (
        arbitrary::trigger_id(),
        arbitrary::campaign_id(),
        arbitrary::topic_id(),
        arbitrary::region_id(),
        arbitrary::place_id(),
        arbitrary::brand_id(),
        arbitrary::visit_id(),
    );
    let sent = (time(), ids, of(pace), any::<bool>()).prop_map(|(at, ids, pace, transactional)| {
        let (trigger, campaign, topic, region, place, brand, visit) = ids;
        Sent { at: ServerTime(at), trigger, campaign, topic, region, place, brand, visit, pace, transactional }
    });
    let pace = btree_map(arbitrary::campaign_id(), any::<u64>(), 0..3);
    (vec(sent, 0..5), pace, of(time())).prop_map(|(mut sends, pace, forgotten)| {
        sends.sort_by_key(|sent| sent.at);
        Ledger { sends, pace, forgotten: forgotten.map(ServerTime) }
    })
}

fn held() -> impl Strategy<Value = Held> {
    let ids = (arbitrary::campaign_id(), arbitrary::device_id());
    let waits = prop_oneof![Just(Waits::Hours), Just(Waits::Settle)];
    (ids, arbitrary::transition(), -1e6..1e6_f64, time(), time(), time(), waits).prop_map(
        |((campaign, device), transition, nearness, since, until, fresh, waits)| Held {
            campaign,
            device,
            transition,
            nearness: Metres(nearness),
            since: ServerTime(since),
            until: ServerTime(until),
            fresh: ServerTime(fresh),
            waits,
        },
    )
}

fn state() -> impl Strategy<Value = CustomerState> {
    let parts = (presence(), presence(), order(), clock());
    let device = (arbitrary::device(), parts, vec(1..500_u64, 0..40), (of(time()), of(time()), of(time()))).prop_map(
        |(device, (presence, history, order, clock), numbers, (trace_until, front, addressed))| {
            let front = front.map(ServerTime);
            let mut kept = Sequences::default();
            for number in numbers {
                kept.insert(Sequence(number));
            }
            let trace_until = trace_until.map(ServerTime);
            let addressed = addressed.map(ServerTime);
            let id = device.id.clone();
            (id, DeviceState { device, presence, history, order, clock, kept, trace_until, addressed, front })
        },
    );
    let devices = vec(device, 0..3).prop_map(|devices| devices.into_iter().collect());
    let known = (arbitrary_events::known(), arbitrary_preferences::changed());
    (arbitrary::customer(), devices, ledger(), vec(held(), 0..3), known).prop_map(
        |(customer, devices, ledger, held, own)| {
            let ((events, visits, stages, exposures), (changes, lapsed)) = own;
            CustomerState { customer, devices, ledger, held, events, visits, stages, exposures, changes, lapsed }
        },
    )
}

fn trigger() -> impl Strategy<Value = StoredTrigger> {
    (arbitrary_messages::trigger(), any::<u32>(), of(1..u64::MAX)).prop_map(
        |((trigger, told), attempts_made, log_revision)| StoredTrigger {
            trigger,
            state: told.state,
            attempts: told.attempts,
            attempts_made,
            receipts: told.receipts,
            offered: told.offered,
            log_revision: log_revision.map(Revision),
        },
    )
}

fn trace() -> impl Strategy<Value = TraceEntry> {
    (arbitrary::decision(), of(position()), of(position()), 0..64_usize)
        .prop_map(|(decision, fix, track, sightings)| TraceEntry { decision, fix, track, sightings })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_catalogue_comes_back(
        place in arbitrary::place(), region in arbitrary::region(), campaign in arbitrary::campaign(),
        journey in arbitrary_events::journey(), topic in arbitrary_preferences::topic(), zone in arbitrary::sensitive_zone(),
        at: prop::sample::Index,
    ) {
        check(&place, at)?;
        check(&region, at)?;
        check(&campaign, at)?;
        check(&journey, at)?;
        check(&topic, at)?;
        check(&zone, at)?;
    }

    #[test]
    fn a_customer_comes_back(state in state(), at: prop::sample::Index) {
        check(&state, at)?;
    }

    #[test]
    fn what_was_decided_comes_back(
        decision in arbitrary::decision(), trigger in trigger(), trace in trace(), next in of(time()), at: prop::sample::Index,
    ) {
        check(&decision, at)?;
        check(&trigger, at)?;
        check(&trace, at)?;
        let Trigger { customer, id, .. } = trigger.trigger;
        check(&Logged { customer: customer.clone(), trigger: id.clone() }, at)?;
        let attempts_made = trigger.attempts_made;
        check(&Queued { customer, trigger: id, attempts_made, next_attempt: next.map(ServerTime) }, at)?;
    }

    #[test]
    fn what_is_counted_comes_back(
        tally in arbitrary_report::tally(), day in arbitrary_report::day_counts(), at: prop::sample::Index,
    ) {
        check(&tally, at)?;
        check(&day, at)?;
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Place::decode(&bytes);
        let _ = Region::decode(&bytes);
        let _ = Campaign::decode(&bytes);
        let _ = Journey::decode(&bytes);
        let _ = CustomerState::decode(&bytes);
        let _ = Decision::decode(&bytes);
        let _ = StoredTrigger::decode(&bytes);
        let _ = Queued::decode(&bytes);
        let _ = Logged::decode(&bytes);
        let _ = TraceEntry::decode(&bytes);
        let _ = Tally::decode(&bytes);
        let _ = DayCounts::decode(&bytes);
    }
}

#[test]
fn an_empty_record_is_damaged_and_says_where() {
    assert_eq!(Place::decode(b"").unwrap_err(), "place is absent; it is required");
    assert_eq!(CustomerState::decode(b"").unwrap_err(), "customer is absent; it is required");
    assert_eq!(StoredTrigger::decode(b"").unwrap_err(), "trigger is absent; it is required");
    assert!(TraceEntry::decode(b"\x0a\x00").unwrap_err().starts_with("entry.decision is absent"));
}

#[test]
fn ranges_that_touch_or_go_back_are_damaged() {
    use super::store::v1 as stored;
    use prost::Message as _;
    let customer = Customer::new(CustomerId::parse("c", "maya").unwrap());
    let device = Device {
        id: DeviceId::parse("d", "phone").unwrap(),
        platform: Platform::Ios,
        push_address: String::new(),
        locale: "en".to_owned(),
        time_zone: None,
        app_version: None,
    };
    let mut state = CustomerState::new(customer);
    state.devices.insert(device.id.clone(), DeviceState::new(device));
    for (ranges, good) in [
        (vec![(1, 3), (5, 5), (7, u64::MAX)], true),
        (vec![(1, 3), (4, 5)], false),
        (vec![(3, 1)], false),
        (vec![(5, 6), (1, 2)], false),
        (vec![(1, u64::MAX), (3, 4)], false),
        ((0..65).map(|n| (10 * n + 1, 10 * n + 2)).collect(), false),
    ] {
        let mut record = stored::CustomerRecord::decode(state.encode().as_slice()).unwrap();
        record.devices[0].kept = ranges.iter().map(|&(first, last)| stored::SequenceRange { first, last }).collect();
        let decoded = CustomerState::decode(&record.encode_to_vec());
        assert_eq!(decoded.is_ok(), good, "{ranges:?}");
        if let Err(problem) = decoded {
            assert!(problem.starts_with("devices[0].kept"), "{problem}");
        }
    }
}
