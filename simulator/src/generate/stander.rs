//! Phones that lie for a day at a fence's edge.

use super::{START, doors, pick, random, rounded};
use crate::noise::Noise;
use crate::route::{Truth, offset};
use crate::suite::{Kind, Suite, SuiteFence};
use anyhow::{Context, Result};
use doorstep::model::{DeviceId, Metres, Millis, RegionId};
use rand::RngExt;
use std::f64::consts::TAU;

/// Seconds between two pings of each phone.
const EVERY_S: [i64; 6] = [5, 5, 15, 15, 60, 60];
const DAY_S: i64 = 86_400;
const SIGMAS_M: [f64; 3] = [4.0, 8.0, 14.0];
/// How far from the edge they lie at most, in metres.
const NEAR_M: f64 = 10.0;

pub(super) fn fill(mut suite: Suite, seed: u64) -> Result<Suite> {
    let circles = doors::fixture_circles()?;
    for (phone, every) in (0..).zip(EVERY_S) {
        let mut random = random(Kind::Stander, seed, phone);
        let circle = pick(&mut random, &circles).context("the fixtures have circles")?;
        let from_edge = random.random_range(-NEAR_M..=NEAR_M);
        let (away, bearing) = (circle.radius.0 + from_edge, random.random::<f64>() * TAU);
        let position = rounded(offset(circle.center, away * bearing.sin(), away * bearing.cos()));
        let sigma = pick(&mut random, &SIGMAS_M).unwrap_or(8.0);
        let device = DeviceId::parse("device", &format!("stand{phone:02}_dt{every}_s{sigma}"))?;
        let path: Vec<Truth> =
            (0..DAY_S / every).map(|ping| Truth { at: START + Millis::from_secs(ping * every), position }).collect();
        let noise = Noise::of_sigma(Metres(sigma), random.random());
        suite.reports.extend(super::walk::reports(&device, &path, 1, noise));
        let id = RegionId::parse("id", &format!("{device}:0"))?;
        suite.fences.push(SuiteFence { id, circle, expected: None });
    }
    Ok(suite)
}
