//! Phones in pockets.

use super::grid::Spot;
use super::{START, pick, random, rounded, rounded_fix};
use crate::formats::{Reading, Report};
use crate::noise::gaussian;
use crate::route::{distance_m, offset};
use crate::suite::{Expected, Kind, Suite, SuiteFence};
use anyhow::Result;
use doorstep::model::{Circle, DeviceId, DeviceTime, Fix, Metres, Millis, Position, RegionId, ServerTime};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use std::f64::consts::TAU;

const PHONES: u64 = 12;
/// Seconds between two pings, each as often as here.
const EVERY_S: [f64; 6] = [30.0, 30.0, 30.0, 60.0, 300.0, 600.0];
/// A stay that must be seen.
const STAY: Millis = Millis::from_mins(20);
/// Pings further apart are sparse, in seconds.
const SPARSE_S: f64 = 120.0;
/// The share of fixes that claim to be good and are elsewhere.
const LIES: f64 = 0.02;
/// How finely a day is looked at.
const STEP: Millis = Millis::from_secs(10);
/// A fix that says something about where in a town the phone is, in metres of accuracy.
const GOOD_M: f64 = 100.0;
/// So many of them make a stay that one can see.
const HEARD_LEAST: usize = 3;
const STAY_RADIUS_M: f64 = 120.0;
const PHANTOM_RADIUS_M: f64 = 100.0;
/// Nobody was ever so near to a phantom.
const PHANTOM_CLEAR_M: f64 = 500.0;
/// The 68 % radius of a two-dimensional normal error of σ = 1 an axis.
const RADIUS_68: f64 = 1.51;

pub(super) fn fill(mut suite: Suite, seed: u64) -> Result<Suite> {
    for phone in 0..PHONES {
        let mut random = random(Kind::Background, seed, phone);
        let device = DeviceId::parse("device", &format!("phone{phone:02}"))?;
        let day = Day::new(&mut random);
        let (fixes, lies) = day.fixes(&mut random);
        // A stay of which the phone said next to nothing is none that one could see.
        let heard = |from: &DeviceTime, to: &DeviceTime| {
            let good = fixes.iter().filter(|(at, fix)| at >= from && at <= to && fix.accuracy.0 <= GOOD_M);
            good.count() >= HEARD_LEAST
        };
        let long = day.stays.iter().filter(|(_, from, to)| *to - *from >= STAY && heard(from, to));
        for (index, (spot, from, to)) in long.enumerate() {
            let circle = Circle::new(rounded(spot.position()), Metres(STAY_RADIUS_M))?;
            let expected = Some(Expected::Stay { from: *from, to: *to });
            let id = RegionId::parse("id", &format!("{device}:stay{index}"))?;
            suite.fences.push(SuiteFence { id, circle, expected });
        }
        suite.reports.extend(arrive(&device, fixes, &mut random));
        for (index, lie) in lies.iter().enumerate() {
            let circle = Circle::new(rounded(*lie), Metres(PHANTOM_RADIUS_M))?;
            let id = RegionId::parse("id", &format!("{device}:phantom{index}"))?;
            suite.fences.push(SuiteFence { id, circle, expected: Some(Expected::Nobody) });
        }
    }
    suite.reports.sort_by_key(|report| report.received);
    Ok(suite)
}

/// Where somebody is in a day: stays of 5 minutes to 2 hours, and ways between them.
struct Day {
    stays: Vec<(Spot, DeviceTime, DeviceTime)>,
    end: DeviceTime,
}

impl Day {
    fn new(random: &mut Pcg64) -> Self {
        let end = START + Millis::from_mins(random.random_range(8 * 60..=14 * 60));
        let (mut stays, mut at) = (Vec::new(), START);
        let mut spot = Spot { along: 0.0, across: 0.0 }.aside(random.random_range(0.0..3_000.0), random);
        while at < end {
            let until = at + Millis::from_mins(random.random_range(5..=120));
            stays.push((spot, at, until.min(end)));
            let next = spot.aside(random.random_range(800.0..5_000.0), random);
            // On foot, by bus, by car.
            let pace = pick(random, &[1.4, 5.0, 9.0]).unwrap_or(5.0);
            #[expect(clippy::cast_possible_truncation, reason = "at most an hour")]
            let takes = Millis((spot.distance(next) / pace * 1_000.0) as i64);
            (spot, at) = (next, until + takes);
        }
        Self { stays, end }
    }

    fn at(&self, at: DeviceTime) -> Position {
        let next = self.stays.partition_point(|(_, from, _)| *from <= at);
        let before = next.checked_sub(1).and_then(|index| self.stays.get(index));
        match (before, self.stays.get(next)) {
            (Some((spot, _, to)), Some((there, from, _))) if at > *to => {
                let share = (at - *to).0 as f64 / (*from - *to).0.max(1) as f64;
                spot.towards(*there, share).position()
            }
            (Some((spot, ..)), _) | (None, Some((spot, ..))) => spot.position(),
            (None, None) => Spot { along: 0.0, across: 0.0 }.position(),
        }
    }

    /// Whether the phone is never near a spot.
    fn shuns(&self, spot: Position) -> bool {
        let steps = (self.end - START).0 / STEP.0;
        (0..=steps).all(|step| distance_m(spot, self.at(START + Millis(step * STEP.0))) >= PHANTOM_CLEAR_M)
    }

    /// The fixes, and the spots of those that are lies.
    fn fixes(&self, random: &mut Pcg64) -> (Vec<(DeviceTime, Fix)>, Vec<Position>) {
        let every = pick(random, &EVERY_S).unwrap_or(30.0);
        let (mut fixes, mut lies, mut at, mut lied) = (Vec::new(), Vec::new(), START, true);
        while at < self.end {
            let position = self.at(at);
            // Once in a while the phone is sure to be where it is not. Where pings are minutes apart nobody can tell
            // that from a visit; nor where it lies twice in a row.
            let lies_now = !lied && every < SPARSE_S && random.random_bool(LIES);
            let bearing = random.random::<f64>() * TAU;
            let away = random.random_range(600.0..3_000.0);
            let lie = offset(position, away * bearing.sin(), away * bearing.cos());
            if lies_now && self.shuns(lie) {
                lies.push(lie);
            }
            fixes.push((at, rounded_fix(fix(position, lies_now.then_some(lie), random))));
            lied = lies_now;
            let silence = if random.random_bool(0.01) { random.random_range(300.0..3_600.0) } else { 0.0 };
            let gap: f64 = every * random.random_range(0.3..1.3) + silence;
            #[expect(clippy::cast_possible_truncation, reason = "at most two hours")]
            let gap = Millis((gap * 1_000.0) as i64);
            at = at + gap;
        }
        (fixes, lies)
    }
}

/// One fix in eight comes from a cell tower and says so; the others have a median accuracy of 25 m.
fn fix(position: Position, lying: Option<Position>, random: &mut Pcg64) -> Fix {
    let tower = random.random_bool(0.125);
    let accuracy: f64 =
        if tower { random.random_range(600.0..2_000.0) } else { 25.0 * (0.6 * gaussian(random)).exp() };
    let accuracy = accuracy.clamp(5.0, 2_000.0);
    let (around, sigma) = match lying {
        Some(lie) => (lie, 10.0),
        None => (position, accuracy / RADIUS_68),
    };
    let position = offset(around, sigma * gaussian(random), sigma * gaussian(random));
    let accuracy = if lying.is_some() { accuracy.min(60.0) } else { accuracy };
    Fix { position, accuracy: Metres(accuracy), speed_mps: None, course_deg: None, mock: false }
}

/// Most arrive within seconds; in one hour in six the phone has no network, and all comes at its end, shuffled.
fn arrive(device: &DeviceId, fixes: Vec<(DeviceTime, Fix)>, random: &mut Pcg64) -> Vec<Report> {
    let mut reports = Vec::with_capacity(fixes.len());
    let mut fixes = fixes.into_iter().peekable();
    while let Some((observed, fix)) = fixes.next() {
        let report = |observed: DeviceTime, received: i64, fix: Fix| Report {
            device: device.clone(),
            observed,
            received: ServerTime(received),
            reading: Reading::Fix(fix),
        };
        if !random.random_bool(0.004) {
            reports.push(report(observed, observed.0 + random.random_range(100..6_000), fix));
            continue;
        }
        let online = observed.0 + random.random_range(300_000..2_400_000);
        let mut batch = vec![(observed, fix)];
        while let Some(late) = fixes.next_if(|(observed, _)| observed.0 < online) {
            batch.push(late);
        }
        batch.shuffle(random);
        reports.extend((0..).zip(batch).map(|(index, (observed, fix))| report(observed, online + index, fix)));
    }
    reports
}
