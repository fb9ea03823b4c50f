//! Drives through the grid.

use super::grid::ramble;
use super::{START, doors, random};
use crate::noise::Noise;
use crate::route::Truth;
use crate::suite::{Kind, Suite};
use anyhow::Result;
use doorstep::model::{DeviceId, Metres, Millis};
use rand::RngExt;
use rand_pcg::Pcg64;

const SECONDS: usize = 1_200;
/// The noise of each: mostly open sky, once a street canyon.
const SIGMAS_M: [f64; 6] = [3.0, 3.0, 3.0, 12.0, 12.0, 25.0];
const RADII_M: [f64; 3] = [30.0, 75.0, 150.0];
const FENCES: usize = 24;
/// Metres per second squared: a car of people.
const ACCELERATES: f64 = 1.5;
const BRAKES: f64 = 2.0;
/// The pace of a turn, in metres per second.
const TURN_MPS: f64 = 4.0;

pub(super) fn fill(mut suite: Suite, seed: u64) -> Result<Suite> {
    for (driver, sigma) in (0..).zip(SIGMAS_M) {
        let mut random = random(Kind::Drive, seed, driver);
        let device = DeviceId::parse("device", &format!("drive{driver:02}_s{sigma}"))?;
        let path = doors::rounded_path(drive(&mut random));
        let circles = doors::along(&path, FENCES, &RADII_M, &mut random)?;
        doors::add(&mut suite, &device, circles, &path)?;
        // On the road the sky is open: no wild fixes.
        let noise = Noise::of_sigma(Metres(sigma), random.random()).without_wild_ones();
        suite.reports.extend(super::walk::reports(&device, &path, 1, noise));
        suite.paths.insert(device, path);
    }
    Ok(suite)
}

/// Blocks at 9 to 15 m/s, a red light at every fourth crossing, and turns.
fn drive(random: &mut Pcg64) -> Vec<Truth> {
    let way = ramble(random, 24, 15.0 * SECONDS as f64);
    let mut path = Vec::with_capacity(SECONDS);
    let mut speed: f64 = 0.0;
    for pair in way.windows(2) {
        let [(from, _), (to, turns)] = pair else { continue };
        let (from, to) = (from.spot(), to.spot());
        let (block, wanted) = (from.distance(to), random.random_range(9.0..15.0));
        let red = random.random_bool(0.25).then(|| random.random_range(8..=45));
        let at_end = match (red, turns) {
            (Some(_), _) => 0.0,
            (None, true) => TURN_MPS,
            (None, false) => wanted,
        };
        let mut gone = 0.0;
        while gone < block {
            push(&mut path, from.towards(to, gone / block).position());
            // As fast as one may be, to be slow enough at the end (v² = u² + 2as).
            let may = (at_end * at_end + 2.0 * BRAKES * (block - gone)).sqrt();
            speed = (speed + ACCELERATES).min(wanted).min(may).max(0.5);
            gone += speed;
        }
        for _ in 0..red.unwrap_or(0) {
            push(&mut path, to.position());
            speed = 0.0;
        }
        if path.len() >= SECONDS {
            break;
        }
    }
    path.truncate(SECONDS);
    path
}

fn push(path: &mut Vec<Truth>, position: doorstep::model::Position) {
    let at = path.last().map_or(START, |truth: &Truth| truth.at + Millis::from_secs(1));
    path.push(Truth { at, position });
}
