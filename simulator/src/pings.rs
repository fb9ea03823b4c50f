//! From a route to the pings of a phone that walks it.

use crate::formats::{Reading, Report};
use crate::noise::Noise;
use crate::route::Route;
use doorstep::model::ping::SIGHTINGS_MAX;
use doorstep::model::{AppState, Millis, Ping, Sequence, Sighting};
use std::iter::Peekable;

/// The pings of a walk: a fix `every` so often, numbered from `first` on, each with the sightings that `reports`
/// has had since the ping before it (the latest 64 of them). `reports` must be in the order of observation.
pub fn walk(route: &Route, every: Millis, noise: &mut Noise, reports: &[Report], first: Sequence) -> Vec<Ping> {
    let mut reports = reports.iter().peekable();
    let truths = route.sample(every).zip(first.0..);
    let pings = truths.map(|(truth, sequence)| Ping {
        sequence: Sequence(sequence),
        observed: truth.at,
        fix: Some(noise.fix(truth)),
        sightings: heard_until(&mut reports, truth.at.0),
        app: AppState::Background,
    });
    pings.collect()
}

fn heard_until<'a>(reports: &mut Peekable<impl Iterator<Item = &'a Report>>, until_ms: i64) -> Vec<Sighting> {
    let mut heard = Vec::new();
    while let Some(report) = reports.next_if(|report| report.observed.0 <= until_ms) {
        if let Reading::Sighting(sighting) = report.reading {
            heard.push(sighting);
        }
    }
    heard.split_off(heard.len().saturating_sub(SIGHTINGS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Surroundings;
    use crate::track::{Track, TrackPoint};
    use doorstep::model::{BeaconKey, DeviceId, DeviceTime, Position, ServerTime, Uuid};

    #[test]
    fn pings_carry_a_number_a_fix_and_what_was_heard_since_the_last_one() {
        let point = |at| TrackPoint { position: Position::new(1.0, 2.0).unwrap(), at: Some(DeviceTime(at)) };
        let track = Track { name: None, points: vec![point(0), point(2_000)] };
        let route = Route::new(&track, 1.4, None).unwrap();
        let report = |observed: i64| Report {
            device: DeviceId::parse("d", "p").unwrap(),
            observed: DeviceTime(observed),
            received: ServerTime(observed),
            reading: Reading::Sighting(Sighting {
                beacon: BeaconKey { uuid: Uuid(1), major: 1, minor: u16::try_from(observed).unwrap() },
                rssi_dbm: -60,
                measured_power_dbm: -59,
            }),
        };
        let reports: Vec<Report> = [0, 500, 1_000, 1_001, 3_000].map(report).into();
        let mut noise = Noise::new(Surroundings::None, 1);
        let pings = walk(&route, Millis(1_000), &mut noise, &reports, Sequence(5));
        let shown: Vec<(u64, i64, Vec<u16>)> = pings
            .iter()
            .map(|ping| {
                let minors = ping.sightings.iter().map(|sighting| sighting.beacon.minor).collect();
                (ping.sequence.0, ping.observed.0, minors)
            })
            .collect();
        assert_eq!(shown, [(5, 0, vec![0]), (6, 1_000, vec![500, 1_000]), (7, 2_000, vec![1_001])]);
    }
}
