//! Replays of files of a few lines.

use super::*;
use std::fmt::Write as _;

const DOOR: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"door","properties":{"radius_m":50},"geometry":{"type":"Point","coordinates":[-104.99,39.74]}}]}"#;
const PINGS: &str = "device_id,observed_ms,lat,lon,accuracy_m\n";
const UUID: &str = "7d5b0a52-3a4e-4f6b-9c55-2a4f5d1e9b01";

/// Replays files with these texts; returns the figures and the lines after the header.
fn check(files: &[(&str, &str)], gzipped: bool) -> Result<(Figures, Vec<String>)> {
    let folder = tempfile::tempdir()?;
    let mut args = ReplayArgs { transitions: folder.path().join("out.csv"), ..ReplayArgs::default() };
    for (name, text) in files {
        let path = folder.path().join(name);
        let mut file = File::create(&path)?;
        if gzipped {
            let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            gz.write_all(text.as_bytes())?;
            gz.finish()?;
        } else {
            file.write_all(text.as_bytes())?;
        }
        let slot = match *name {
            "regions" => &mut args.regions,
            "beacons" => &mut args.beacons,
            "pings" => &mut args.pings,
            "sightings" => &mut args.sightings,
            other => panic!("no such file: {other}"),
        };
        *slot = Some(path);
    }
    let figures = run(&args)?;
    let text = std::fs::read_to_string(&args.transitions)?;
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some("device_id,region_id,transition,observed_ms"));
    Ok((figures, lines.collect()))
}

/// A phone walks north through the door at 1.4 m/s, for 300 s around it, a ping a second.
fn walk_through(device: &str) -> String {
    let mut text = String::new();
    for second in 0..300i32 {
        let lat = 39.74 + f64::from(second - 150) * 1.4 / 111_195.0;
        writeln!(text, "{device},{},{lat},-104.99,5", 1_000_000 + second * 1_000).unwrap();
    }
    text
}

#[test]
fn a_walk_through_a_door_is_one_enter_and_one_exit_gzipped_or_not() {
    for gzipped in [false, true] {
        let pings = format!("{PINGS}{}", walk_through("phone-1"));
        let (figures, lines) = check(&[("regions", DOOR), ("pings", &pings)], gzipped).unwrap();
        assert_eq!((figures.pings, figures.refused, figures.devices, figures.regions), (300, 0, 1, 1));
        assert_eq!(figures.transitions, lines.len() as u64);
        assert!(lines[0].starts_with("phone-1,door,enter,"), "{lines:?}");
        let enters = lines.iter().filter(|line| line.contains(",enter,")).count();
        assert_eq!(enters, 1, "{lines:?}");
        let entered: i64 = lines[0].rsplit(',').next().unwrap().parse().unwrap();
        // The edge is passed 114 s after the start.
        assert!((1_114_000..1_140_000).contains(&entered), "{entered}");
    }
}

#[test]
fn each_device_is_a_customer_of_its_own() {
    let pings = format!("{PINGS}{}{}", walk_through("phone-1"), walk_through("phone-2"));
    let (figures, lines) = check(&[("regions", DOOR), ("pings", &pings)], false).unwrap();
    assert_eq!((figures.devices, figures.pings), (2, 600));
    let of = |device: &str| -> Vec<String> {
        lines.iter().filter_map(|line| line.strip_prefix(device).map(str::to_owned)).collect()
    };
    assert_eq!(of("phone-1"), of("phone-2"));
}

#[test]
fn pings_are_numbered_by_observation_and_decided_by_arrival() {
    let report = |device: &str, observed: i64, received: i64| Report {
        device: DeviceId::parse("d", device).unwrap(),
        observed: doorstep::model::DeviceTime(observed),
        received: ServerTime(received),
        reading: Reading::Sighting(doorstep::model::Sighting {
            beacon: doorstep::model::BeaconKey { uuid: doorstep::model::Uuid(1), major: 1, minor: 1 },
            rssi_dbm: -60,
            measured_power_dbm: -59,
        }),
    };
    let pings = vec![report("a", 20, 30), report("b", 1, 35), report("a", 10, 40), report("a", 10, 40)];
    let sightings = vec![report("a", 5, 29), report("a", 38, 38)];
    let shown: Vec<(String, u64, i64, usize)> = arrivals(&merge(pings, sightings))
        .iter()
        .map(|a| (a.device.to_string(), a.ping.sequence.0, a.received.0, a.ping.sightings.len()))
        .collect();
    let expected = [("a", 1, 29, 1), ("a", 3, 30, 1), ("b", 1, 35, 1), ("a", 4, 38, 1), ("a", 2, 40, 2)];
    assert_eq!(
        shown,
        expected.map(|(device, sequence, received, heard)| (device.to_owned(), sequence, received, heard))
    );
}

#[test]
fn rooms_are_told_apart_by_their_beacons() {
    let beacons = format!("region_id,uuid,major,minor,group\nleft,{UUID},1,1,rooms\nright,{UUID},1,2,rooms\n");
    let mut sightings = "device_id,observed_ms,uuid,major,minor,rssi,tx_power\n".to_owned();
    for second in 0..240 {
        let (left, right) = if second < 120 { (-50, -80) } else { (-80, -50) };
        writeln!(sightings, "tag,{},{UUID},1,1,{left},-59", second * 1_000).unwrap();
        writeln!(sightings, "tag,{},{UUID},1,2,{right},-59", second * 1_000).unwrap();
    }
    let (figures, lines) = check(&[("beacons", &beacons), ("sightings", &sightings)], true).unwrap();
    assert_eq!(figures.pings, 240, "readings of one moment are one ping");
    let enters: Vec<&str> =
        lines.iter().filter(|line| line.contains(",enter,")).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(enters, ["left", "right"], "{lines:?}");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let bad = format!("{PINGS}phone-1,1,99,0,5\n");
    for (files, part) in [
        (vec![("regions", DOOR)], "--pings, --sightings or both"),
        (vec![("pings", PINGS)], "--regions, --beacons or both"),
        (vec![("regions", "{"), ("pings", PINGS)], "cannot read regions"),
        (vec![("regions", DOOR), ("pings", bad.as_str())], "line 2: latitude is 99"),
    ] {
        let shown = format!("{:#}", check(&files, false).unwrap_err());
        assert!(shown.contains(part), "{shown:?} lacks {part:?}");
    }
}
