//! Rooms side by side.

use super::statistics::share;
use super::{Edge, Events, Grade, Graded, Judged, Judgement, RoomsGrade};
use crate::suite::{Suite, Visit};
use doorstep::model::{DeviceId, DeviceTime, RegionId};
use std::collections::BTreeMap;

/// How long after a move nobody asks where the device is.
const SETTLE_MS: i64 = 20_000;
/// An enter so long after a stay began is its enter.
const LATE_MS: i64 = 60_000;

pub(super) fn grade(suite: &Suite, events: &Events<'_>) -> Graded {
    let mut by_device: BTreeMap<&DeviceId, Vec<&Visit>> = BTreeMap::new();
    for visit in &suite.visits {
        by_device.entry(&visit.device).or_default().push(visit);
    }
    let (mut seconds, mut enters, mut true_moves) = (Seconds::default(), Vec::new(), 0);
    for (device, mut stays) in by_device {
        stays.sort_by_key(|stay| (stay.start, stay.end, stay.region.clone()));
        let moves = stays.windows(2).filter(|pair| matches!(pair, [a, b] if a.region != b.region)).count();
        true_moves += 1 + moves as u64;
        let moved = changes(events, device);
        seconds.count(&stays, &moved);
        for (at, edge, region) in moved {
            if edge == Edge::Enter {
                let judgement = judge(&stays, at, region);
                enters.push(Judged { device: device.clone(), region: region.clone(), at: DeviceTime(at), judgement });
            }
        }
    }
    let Seconds { right, wrong, none } = seconds;
    let total = right + wrong + none;
    let grade = RoomsGrade {
        right: share(right, total),
        wrong: share(wrong, total),
        none: share(none, total),
        enters: enters.len() as u64,
        true_moves,
    };
    Graded { grade: Grade::Rooms(grade), enters, missed: Vec::new() }
}

#[derive(Default)]
struct Seconds {
    right: u64,
    wrong: u64,
    none: u64,
}

impl Seconds {
    /// Looks each second whether the latest room entered and not left is the true one.
    fn count(&mut self, stays: &[&Visit], moved: &[(i64, Edge, &RegionId)]) {
        let mut moved = moved.iter().peekable();
        let mut inside: Vec<&RegionId> = Vec::new();
        for stay in stays {
            let mut now = stay.start.0 + SETTLE_MS;
            while now < stay.end.0 {
                while let Some((_, edge, region)) = moved.next_if(|(at, _, _)| *at <= now) {
                    inside.retain(|other| other != region);
                    if *edge == Edge::Enter {
                        inside.push(region);
                    }
                }
                match inside.last() {
                    Some(room) if **room == stay.region => self.right += 1,
                    Some(_) => self.wrong += 1,
                    None => self.none += 1,
                }
                now += 1_000;
            }
        }
    }
}

/// A device's enters and exits in all rooms by time; of one moment, the exits first.
fn changes<'a>(events: &Events<'a>, device: &DeviceId) -> Vec<(i64, Edge, &'a RegionId)> {
    let mut changes: Vec<(i64, Edge, &RegionId)> = Vec::new();
    for (whose, region) in events.order.iter().filter(|(whose, _)| *whose == device.as_str()) {
        changes.extend(events.at(whose, region).iter().map(|(at, edge)| (*at, *edge, *region)));
    }
    changes.sort_by_key(|(at, edge, _)| (*at, *edge == Edge::Enter));
    changes
}

fn judge(stays: &[&Visit], at: i64, region: &RegionId) -> Judgement {
    let of_room = stays.iter().filter(|stay| stay.region == *region);
    let belongs = of_room.filter(|stay| (stay.start.0 - SETTLE_MS..=stay.end.0 + SETTLE_MS).contains(&at));
    match belongs.min_by_key(|stay| (stay.start.0 - at).abs()) {
        Some(stay) if at - stay.start.0 <= LATE_MS => Judgement::Right { delay_ms: at - stay.start.0 },
        Some(_) => Judgement::Flap,
        None => Judgement::False,
    }
}
