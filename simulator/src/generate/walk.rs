//! Walks through downtown.

use super::grid::{Spot, ramble};
use super::{START, doors, pick, random, rounded_fix};
use crate::formats::{Reading, Report};
use crate::noise::Noise;
use crate::route::{Route, Truth};
use crate::suite::{Kind, Suite};
use crate::track::Track;
use anyhow::{Context, Result};
use doorstep::model::{DeviceId, Metres, Millis, ServerTime};
use rand::RngExt;
use rand_pcg::Pcg64;

const WALKERS: u64 = 16;
const LENGTH_M: f64 = 2_200.0;
/// Seconds between two pings, each as often as here.
const EVERY_S: [i64; 8] = [1, 1, 1, 1, 5, 5, 15, 30];
const SIGMAS_M: [f64; 3] = [4.0, 8.0, 14.0];
const RADII_M: [f64; 6] = [30.0, 40.0, 50.0, 75.0, 100.0, 150.0];
const FENCES: usize = 24;

pub(super) fn fill(mut suite: Suite, seed: u64) -> Result<Suite> {
    for walker in 0..WALKERS {
        let mut random = random(Kind::Walk, seed, walker);
        let every = pick(&mut random, &EVERY_S).unwrap_or(1);
        let sigma = pick(&mut random, &SIGMAS_M).unwrap_or(8.0);
        let device = DeviceId::parse("device", &format!("walk{walker:02}_dt{every}_s{sigma}"))?;
        let path = if walker == 0 { sixteenth_street()? } else { stroll(&mut random) };
        let path = doors::rounded_path(path);
        let mut circles = if walker == 0 { doors::fixture_circles()? } else { Vec::new() };
        circles.extend(doors::along(&path, FENCES - circles.len(), &RADII_M, &mut random)?);
        doors::add(&mut suite, &device, circles, &path)?;
        let noise = Noise::of_sigma(Metres(sigma), random.random());
        suite.reports.extend(reports(&device, &path, every, noise));
        suite.paths.insert(device, path);
    }
    Ok(suite)
}

/// Fixes on a path of one moment a second, in its order.
pub(super) fn reports(device: &DeviceId, path: &[Truth], every_s: i64, mut noise: Noise) -> Vec<Report> {
    let step = usize::try_from(every_s).unwrap_or(1);
    let report = |truth: &Truth| Report {
        device: device.clone(),
        observed: truth.at,
        received: ServerTime(truth.at.0),
        reading: Reading::Fix(rounded_fix(noise.fix(*truth))),
    };
    path.iter().step_by(step).map(report).collect()
}

fn sixteenth_street() -> Result<Vec<Truth>> {
    let track = Track::parse_gpx(include_str!("../../../fixtures/walks/sixteenth_street.gpx"))
        .context("the fixtures' walk")?;
    Ok(Route::new(&track, 1.4, Some(START))?.sample(Millis::from_secs(1)).collect())
}

/// A walk through the grid at the person's own pace, with four to seven stops of 1 to 7 minutes.
fn stroll(random: &mut Pcg64) -> Vec<Truth> {
    let way: Vec<Spot> = ramble(random, 7, LENGTH_M).into_iter().map(|(crossing, _)| crossing.spot()).collect();
    let pace = random.random_range(1.1..1.6);
    let mut stops: Vec<(f64, i64)> = (0..random.random_range(4..=7))
        .map(|_| (random.random_range(0.0..LENGTH_M), random.random_range(60..=420)))
        .collect();
    stops.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut stops, mut walked, mut begun) = (stops.into_iter().peekable(), 0.0, 0.0);
    let (mut at, mut path) = (START, Vec::new());
    let mut stay = |spot: Spot, seconds: i64| {
        for _ in 0..seconds {
            path.push(Truth { at, position: spot.position() });
            at = at + Millis::from_secs(1);
        }
    };
    for pair in way.windows(2) {
        let [from, to] = pair else { continue };
        let block = from.distance(*to);
        while walked < begun + block {
            let here = from.towards(*to, (walked - begun) / block);
            let rest = stops.next_if(|(after, _)| *after <= walked).map_or(0, |(_, seconds)| seconds);
            stay(here, 1 + rest);
            walked += pace;
        }
        begun += block;
    }
    path
}
