//! What a made-up suite must be.

use super::*;
use crate::formats::Reading;
use crate::route::distance_m;
use crate::suite::{Expected, Suite, owner};
use std::collections::BTreeSet;

#[test]
fn a_seed_gives_the_same_suite_also_through_files_and_another_seed_gives_another() {
    let folder = tempfile::tempdir().unwrap();
    for kind in Kind::ALL {
        let suite = generate(kind, 3).unwrap();
        assert!(suite == generate(kind, 3).unwrap(), "{kind}");
        assert!(suite.reports != generate(kind, 4).unwrap().reports, "{kind}");
        let path = folder.path().join(&suite.name);
        suite.write(&path).unwrap();
        let read = Suite::read(&path).unwrap();
        assert_eq!((read.name.as_str(), read.kind), (suite.name.as_str(), kind));
        assert!(read == suite, "{kind}: what was read is not what was written");
        let bytes = |name: &str| std::fs::read(path.join(name)).unwrap();
        let name = if kind == Kind::Rooms { "sightings.csv.gz" } else { "pings.csv.gz" };
        let before = bytes(name);
        suite.write(&path).unwrap();
        assert!(before == bytes(name), "{kind}: the same suite is the same bytes");
    }
}

/// How many phones report, how many readings there are at least, and how many true visits.
fn check(kind: Kind, phones: usize, readings: usize, visits: usize) -> Suite {
    let suite = generate(kind, 11).unwrap();
    let devices: BTreeSet<&str> = suite.reports.iter().map(|report| report.device.as_str()).collect();
    assert_eq!(devices.len(), phones, "{kind}");
    assert!(suite.reports.len() >= readings, "{kind}: {} readings", suite.reports.len());
    assert!(suite.visits.len() >= visits, "{kind}: {} visits", suite.visits.len());
    for fence in &suite.fences {
        assert!(devices.contains(owner(&fence.id)), "{kind}: {} belongs to nobody", fence.id);
    }
    suite
}

#[test]
fn walks_and_drives_have_visits_that_their_paths_pay() {
    for suite in [check(Kind::Walk, 16, 10_000, 200), check(Kind::Drive, 6, 7_200, 100)] {
        for visit in &suite.visits {
            let fence = suite.fences.iter().find(|fence| fence.id == visit.region).unwrap();
            let inside =
                suite.paths[&visit.device].iter().filter(|truth| (visit.start..=visit.end).contains(&truth.at));
            let depths: Vec<f64> =
                inside.map(|truth| fence.circle.radius.0 - distance_m(truth.position, fence.circle.center)).collect();
            assert!(!depths.is_empty() && depths.iter().all(|depth| *depth >= 0.0), "{visit:?}");
            let deepest = depths.iter().copied().fold(0.0, f64::max);
            assert!((deepest - visit.depth.unwrap().0).abs() < 0.01, "{visit:?}: {deepest}");
        }
        for path in suite.paths.values() {
            let leaps = path.windows(2).map(|pair| distance_m(pair[0].position, pair[1].position));
            let fastest = leaps.fold(0.0, f64::max);
            assert!(fastest < 16.0, "{}: {fastest} m in a second", suite.name);
        }
    }
}

#[test]
fn standers_lie_near_their_edge_and_pockets_report_late_and_lie() {
    let stander = check(Kind::Stander, 6, 48_000, 0);
    for fence in &stander.fences {
        let of_phone = stander.reports.iter().filter(|report| report.device.as_str() == owner(&fence.id));
        let fixes = of_phone.filter_map(|report| match report.reading {
            Reading::Fix(fix) => Some(distance_m(fix.position, fence.circle.center) - fence.circle.radius.0),
            Reading::Sighting(_) => None,
        });
        let mut from_edge: Vec<f64> = fixes.collect();
        from_edge.sort_by(f64::total_cmp);
        let middle = from_edge[from_edge.len() / 2];
        assert!(middle.abs() < 13.0, "{}: {middle} m", fence.id);
    }
    let background = check(Kind::Background, 12, 1_000, 0);
    let observed: Vec<_> = background.reports.iter().map(|report| report.observed).collect();
    assert!(!observed.is_sorted(), "some arrive out of order");
    assert!(background.reports.is_sorted_by_key(|report| report.received));
    let nobody = background.fences.iter().filter(|fence| fence.expected == Some(Expected::Nobody)).count();
    assert!((20..background.fences.len() - 20).contains(&nobody), "{nobody}");
}

#[test]
fn in_a_room_its_own_beacon_is_mostly_the_loudest() {
    let rooms = check(Kind::Rooms, 8, 8_000, 24);
    let mut own = (0, 0);
    for visit in &rooms.visits {
        let minor = rooms.beacons.iter().find(|(id, _)| *id == visit.region).unwrap().1.minor.unwrap();
        for report in &rooms.reports {
            let Reading::Sighting(sighting) = report.reading else { panic!("no sighting") };
            if report.device == visit.device && (visit.start..visit.end).contains(&report.observed) {
                own = if sighting.beacon.minor == minor {
                    (own.0 + i64::from(sighting.rssi_dbm), own.1 + 1)
                } else {
                    own
                };
            }
        }
    }
    let mean = own.0 / own.1;
    assert!((-85..-65).contains(&mean), "{mean} dBm");
}
