//! Rooms side by side, a beacon in each.
//!
//! Strength by log-distance path loss with an exponent of 2.2, 6 dB for each wall between, shadowing of 3 dB that
//! stays correlated for 6 s, 2 dB of noise from reading to reading, silence below -95 dBm, and 8 % of the readings lost
//! (the model of the fixtures' sightings; T. Rappaport, Wireless Communications, chapter 4, for its form).

use super::{START, pick, random};
use crate::formats::{Reading, Report};
use crate::noise::gaussian;
use crate::suite::{Kind, Suite, Visit};
use anyhow::Result;
use doorstep::model::{
    BeaconExtent, BeaconKey, DeviceId, GroupId, Millis, Proximity, RegionId, ServerTime, Sighting, Uuid,
};
use rand::RngExt;
use rand_pcg::Pcg64;

const PHONES: u64 = 8;
const ROOMS: u16 = 4;
const ROOM_M: f64 = 6.0;
const UUID: Uuid = Uuid(0x5b0c_5e9e_2d1f_4a77_9a56_0f1d_7d1e_90a1);
const MAJOR: u16 = 1;
const POWER_DBM: i8 = -62;
const WALL_DB: f64 = 6.0;
const DEAF_DBM: f64 = -95.0;

pub(super) fn fill(mut suite: Suite, seed: u64) -> Result<Suite> {
    for room in 0..ROOMS {
        let extent = BeaconExtent {
            uuid: UUID,
            major: Some(MAJOR),
            minor: Some(room),
            proximity: Proximity::Far,
            group: Some(GroupId::parse("group", "rooms")?),
        };
        suite.beacons.push((region(room)?, extent));
    }
    for phone in 0..PHONES {
        let mut random = random(Kind::Rooms, seed, phone);
        let device = DeviceId::parse("device", &format!("phone{phone}"))?;
        let mut shadows = [0.0; ROOMS as usize];
        let mut at = START;
        let mut room = random.random_range(0..ROOMS);
        for _ in 0..random.random_range(3..=5) {
            let seconds = random.random_range(45..=450);
            let visit = Visit {
                device: device.clone(),
                region: region(room)?,
                start: at,
                end: at + Millis::from_secs(seconds),
                depth: None,
            };
            // Somebody sits down, or walks about.
            let mut spot = (random.random_range(0.5..ROOM_M - 0.5), random.random_range(0.5..ROOM_M - 0.5));
            let restless = random.random_bool(0.3);
            for second in 0..seconds {
                if restless && second % 10 == 0 {
                    spot = (random.random_range(0.5..ROOM_M - 0.5), random.random_range(0.5..ROOM_M - 0.5));
                }
                let now = at + Millis::from_secs(second);
                let heard = hear(&mut random, &mut shadows, room, spot);
                suite.reports.extend(heard.into_iter().map(|sighting| Report {
                    device: device.clone(),
                    observed: now,
                    received: ServerTime(now.0),
                    reading: Reading::Sighting(sighting),
                }));
            }
            suite.visits.push(visit);
            at = at + Millis::from_secs(seconds);
            let others: Vec<u16> = (0..ROOMS).filter(|other| *other != room).collect();
            room = pick(&mut random, &others).unwrap_or(room);
        }
    }
    suite.reports.sort_by_key(|report| (report.received, report.device.clone()));
    Ok(suite)
}

fn region(room: u16) -> Result<RegionId> {
    Ok(RegionId::parse("id", &format!("room{}", room + 1))?)
}

/// What is heard in one second, standing in a room at a spot from its corner.
fn hear(random: &mut Pcg64, shadows: &mut [f64], room: u16, spot: (f64, f64)) -> Vec<Sighting> {
    let kept = (-1.0f64 / 6.0).exp();
    let mut heard = Vec::new();
    for (beacon, shadow) in (0..ROOMS).zip(shadows) {
        *shadow = *shadow * kept + 3.0 * (1.0 - kept * kept).sqrt() * gaussian(random);
        let walls = f64::from(room.abs_diff(beacon));
        let east = f64::from(beacon) * ROOM_M + ROOM_M / 2.0 - (f64::from(room) * ROOM_M + spot.0);
        let distance = east.hypot(ROOM_M / 2.0 - spot.1).max(0.5);
        let loss = 22.0 * distance.log10() + WALL_DB * walls;
        let rssi = f64::from(POWER_DBM) - loss + *shadow + 2.0 * gaussian(random);
        if rssi < DEAF_DBM || random.random_bool(0.08) {
            continue;
        }
        #[expect(clippy::cast_possible_truncation, reason = "clamped to what a reading can be")]
        let rssi_dbm = rssi.round().clamp(-127.0, 20.0) as i8;
        let beacon = BeaconKey { uuid: UUID, major: MAJOR, minor: beacon };
        heard.push(Sighting { beacon, rssi_dbm, measured_power_dbm: POWER_DBM });
    }
    heard
}
