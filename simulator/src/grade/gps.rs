//! Walks and drives.

use super::statistics::{decile, share};
use super::{Edge, Events, GpsGrade, Grade, Graded, Judged, Judgement};
use crate::route::Truth;
use crate::suite::{Suite, SuiteFence, Visit, owner};
use doorstep::model::{DeviceId, DeviceTime};
use std::collections::BTreeMap;

const EARTH_M: f64 = 6_371_008.8;
/// An enter so long before a visit still belongs to it.
const EARLY_MS: i64 = 10_000;
/// An enter so long after a visit still belongs to it.
const LATE_MS: i64 = 30_000;
/// An enter farther out than this is false, nearer is a near miss.
const MISS_M: f64 = 10.0;
/// How deep a clear visit goes.
const DEEP_M: f64 = 15.0;

pub(super) fn grade(suite: &Suite, events: &Events<'_>, clear_ms: i64, kind: fn(GpsGrade) -> Grade) -> Graded {
    let mut visits: BTreeMap<_, Vec<&Visit>> = BTreeMap::new();
    for visit in &suite.visits {
        visits.entry(&visit.region).or_default().push(visit);
    }
    let mut tally = Tally::default();
    for fence in &suite.fences {
        let Ok(device) = DeviceId::parse("device", owner(&fence.id)) else { continue };
        let path = suite.paths.get(&device).map_or(&[][..], Vec::as_slice);
        let of_fence = visits.get(&fence.id).map_or(&[][..], Vec::as_slice);
        tally.fence(fence, &device, path, of_fence, events.at(device.as_str(), &fence.id), clear_ms);
    }
    tally.graded(kind)
}

#[derive(Default)]
struct Tally {
    clear: u64,
    hit: u64,
    delays: Vec<f64>,
    enters: Vec<Judged>,
    missed: Vec<Visit>,
}

impl Tally {
    fn fence(
        &mut self,
        fence: &SuiteFence,
        device: &DeviceId,
        path: &[Truth],
        visits: &[&Visit],
        events: &[(i64, Edge)],
        clear_ms: i64,
    ) {
        let mut used = vec![0u64; visits.len()];
        for at in events.iter().filter(|(_, edge)| *edge == Edge::Enter).map(|(at, _)| *at) {
            let belongs = |visit: &Visit| (visit.start.0 - EARLY_MS..=visit.end.0 + LATE_MS).contains(&at);
            let candidates = visits.iter().zip(&mut used).filter(|(visit, _)| belongs(visit));
            let visit = candidates.min_by_key(|(visit, used)| (**used, (visit.start.0 - at).abs()));
            let judgement = match visit {
                Some((visit, used)) => {
                    *used += 1;
                    let delay_ms = at - visit.start.0;
                    if *used == 1 { Judgement::Right { delay_ms } } else { Judgement::Flap }
                }
                None if how_far_out(fence, path, at) > MISS_M => Judgement::False,
                None => Judgement::NearMiss,
            };
            if let Judgement::Right { delay_ms } = judgement {
                self.delays.push(delay_ms as f64 / 1_000.0);
            }
            self.enters.push(Judged {
                device: device.clone(),
                region: fence.id.clone(),
                at: DeviceTime(at),
                judgement,
            });
        }
        let spans = inside(events);
        for (visit, used) in visits.iter().zip(used) {
            let (start, end) = (visit.start.0, visit.end.0);
            let deep = visit.depth.is_some_and(|depth| depth.0 >= DEEP_M);
            if end - start < clear_ms || !deep {
                continue;
            }
            self.clear += 1;
            if used > 0 || spans.iter().any(|(from, to)| *from <= end && *to >= start) {
                self.hit += 1;
            } else {
                self.missed.push((*visit).clone());
            }
        }
    }

    fn graded(mut self, kind: fn(GpsGrade) -> Grade) -> Graded {
        self.delays.sort_by(f64::total_cmp);
        let count =
            |what: fn(&Judgement) -> bool| self.enters.iter().filter(|judged| what(&judged.judgement)).count() as u64;
        let grade = kind(GpsGrade {
            enters: self.enters.len() as u64,
            clear_visits: self.clear,
            false_enters: count(|what| *what == Judgement::False),
            near_miss_enters: count(|what| *what == Judgement::NearMiss),
            flaps: count(|what| *what == Judgement::Flap),
            recall: share(self.hit, self.clear),
            delay_p50_s: decile(&self.delays, 5),
            delay_p90_s: decile(&self.delays, 9),
        });
        Graded { grade, enters: self.enters, missed: self.missed }
    }
}

/// How far outside of the fence the true path stays in the half minutes around a moment, in metres.
fn how_far_out(fence: &SuiteFence, path: &[Truth], at: i64) -> f64 {
    let from = path.partition_point(|truth| truth.at.0 < at - LATE_MS);
    let to = path.partition_point(|truth| truth.at.0 <= at + LATE_MS);
    let k = 1f64.to_radians() * EARTH_M;
    let (lat, lon) = (fence.circle.center.lat(), fence.circle.center.lon());
    let distance = |truth: &Truth| {
        let east = (truth.position.lon() - lon) * k * lat.to_radians().cos();
        east.hypot((truth.position.lat() - lat) * k)
    };
    let around = path.get(from..to).unwrap_or_default();
    around.iter().map(distance).fold(f64::INFINITY, f64::min) - fence.circle.radius.0
}

/// From when to when the device was taken to be inside.
fn inside(events: &[(i64, Edge)]) -> Vec<(i64, i64)> {
    let (mut spans, mut since) = (Vec::new(), None);
    for (at, edge) in events {
        match (edge, since) {
            (Edge::Enter, None) => since = Some(*at),
            (Edge::Exit, Some(from)) => {
                spans.push((from, *at));
                since = None;
            }
            (Edge::Enter, Some(_)) | (Edge::Exit, None) => {}
        }
    }
    spans.extend(since.map(|from| (from, i64::MAX)));
    spans
}
