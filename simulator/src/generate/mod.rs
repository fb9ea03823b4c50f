//! Presence suites made up from a seed: the same seed gives the same suite, on any machine.
//!
//! | kind | what it holds |
//! |---|---|
//! | walk | 16 walks: the fixtures' walk down 16th Street with the fixtures' doors, and 15 of 2.2 km through the grid of downtown Denver with stops of 1 to 7 minutes; a ping each 1, 5, 15 or 30 s; noise of 4, 8 or 14 m, one fix in 250 wild |
//! | drive | 6 drives of 20 minutes through the same grid, continued, with lights and turns; 1 Hz, noise of 3 m (three of them), 12 m (two) and 25 m |
//! | stander | 6 phones for 24 hours within 10 m of the edge of the fixtures' doors; a ping each 5, 15 or 60 s, wild ones among them |
//! | background | 12 phones for 8 to 14 hours: a ping each half minute to 10 minutes, silences, accuracies of 5 m to 2 km, batches that arrive late and shuffled; where pings are at most a minute apart, one fix in 50 claims to be good and is elsewhere |
//! | rooms | 8 phones in four rooms of 6 by 6 m, a beacon in the middle of each, a reading a second of each that is heard |
//!
//! Positions have 7 decimals and accuracies one, so that a suite is the same whether it went through files or not.

mod background;
mod doors;
mod drive;
mod grid;
mod rooms;
mod stander;
mod walk;

use crate::suite::{Kind, Suite};
use anyhow::Result;
use doorstep::model::{DeviceTime, Fix, Metres, Position};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// When made-up days begin: 15 July 2026, 12:00 in Denver.
const START: DeviceTime = DeviceTime(1_784_138_400_000);

/// Makes up a suite.
pub fn generate(kind: Kind, seed: u64) -> Result<Suite> {
    let suite = Suite {
        name: format!("{kind}_{seed}"),
        kind,
        fences: Vec::new(),
        beacons: Vec::new(),
        reports: Vec::new(),
        paths: std::collections::BTreeMap::new(),
        visits: Vec::new(),
    };
    match kind {
        Kind::Walk => walk::fill(suite, seed),
        Kind::Drive => drive::fill(suite, seed),
        Kind::Stander => stander::fill(suite, seed),
        Kind::Background => background::fill(suite, seed),
        Kind::Rooms => rooms::fill(suite, seed),
    }
}

/// Randomness of one device of one suite, apart from that of all others.
fn random(kind: Kind, seed: u64, device: u64) -> Pcg64 {
    let mut mixed = Pcg64::seed_from_u64(seed ^ (kind as u64 + 1).rotate_left(56) ^ device.rotate_left(40));
    // The first numbers of like seeds are alike.
    let again = mixed.random::<u64>();
    Pcg64::seed_from_u64(again)
}

/// One of several, each as likely.
fn pick<T: Copy>(random: &mut Pcg64, of: &[T]) -> Option<T> {
    of.get(random.random_range(0..of.len().max(1))).copied()
}

/// A position with 7 decimals: 1 cm.
fn rounded(position: Position) -> Position {
    let round = |degrees: f64| (degrees * 1e7).round() / 1e7;
    Position::wrapped(round(position.lat()), round(position.lon()))
}

/// A fix as it would be read from a file.
fn rounded_fix(fix: Fix) -> Fix {
    Fix { position: rounded(fix.position), accuracy: Metres((fix.accuracy.0 * 10.0).round() / 10.0), ..fix }
}

#[cfg(test)]
mod tests;
