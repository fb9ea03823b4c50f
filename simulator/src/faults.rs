//! What goes wrong on purpose, drawn from a seed: the same seed, the same faults in the same order.

use doorstep::model::{DeviceTime, Millis};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a storm of 429 lasts.
const STORM: Millis = Millis(1_200);

/// How a provider answers, once it has read a request whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It takes up to a second and a half, and is right then.
    Slow,
    /// It says that it failed: 500, 502, 503 or 504.
    Wrong,
    /// It answers with bytes that are no HTTP.
    Garbage,
    /// It answers 429, to this and all requests of the next moment, and asks for a second's pause.
    Storm,
    /// It says 200 and hangs up in the middle of the body.
    CutBody,
    /// It hangs up before it has said what became of the request.
    CutHead,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 6] = [Self::Slow, Self::Wrong, Self::Garbage, Self::Storm, Self::CutBody, Self::CutHead];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Wrong => "wrong",
            Self::Garbage => "garbage",
            Self::Storm => "storm",
            Self::CutBody => "cut_body",
            Self::CutHead => "cut_head",
        }
    }

    /// Whether the sender must take it for a success all the same: the status was 2xx.
    pub fn succeeds(self) -> bool {
        match self {
            Self::Slow | Self::CutBody => true,
            Self::Wrong | Self::Garbage | Self::Storm | Self::CutHead => false,
        }
    }
}

/// Draws faults.
#[derive(Debug)]
pub struct Dice {
    drawn: Mutex<Drawn>,
    percent: u32,
}

#[derive(Debug)]
struct Drawn {
    random: Pcg64,
    /// Until when there is a storm.
    storm: DeviceTime,
    counts: BTreeMap<&'static str, u64>,
}

impl Dice {
    /// Of a hundred requests, so many meet a fault; 0 to 100.
    pub fn new(seed: u64, percent: u32) -> Self {
        let random = Pcg64::seed_from_u64(seed);
        Self {
            drawn: Mutex::new(Drawn { random, storm: DeviceTime(0), counts: BTreeMap::new() }),
            percent: percent.min(100),
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of a request at this moment, if it meets one.
    pub fn fault(&self, now: DeviceTime) -> Option<Fault> {
        let mut drawn = self.drawn();
        let fault = if now < drawn.storm {
            Some(Fault::Storm)
        } else if drawn.random.random_ratio(self.percent, 100) {
            let among = drawn.random.random_range(0..Fault::ALL.len());
            let begun = Fault::ALL.get(among).copied();
            if begun == Some(Fault::Storm) {
                drawn.storm = now + STORM;
            }
            begun
        } else {
            None
        };
        if let Some(fault) = fault {
            *drawn.counts.entry(fault.name()).or_default() += 1;
        }
        fault
    }

    /// A number below `below`, which is 1 or more.
    pub fn below(&self, below: u64) -> u64 {
        self.drawn().random.random_range(0..below.max(1))
    }

    /// A time of up to `most`.
    pub fn pause(&self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.below(most.saturating_add(1)))
    }

    /// The faults so far, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.drawn().counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_every_fault_comes_up() {
        let draw = |seed, percent| {
            let dice = Dice::new(seed, percent);
            ((0..3_000).map(|n| dice.fault(DeviceTime(n * 50))).collect::<Vec<_>>(), dice.counts())
        };
        let (drawn, counts) = draw(7, 20);
        assert_eq!((&drawn, &counts), (&draw(7, 20).0, &draw(7, 20).1));
        assert_ne!(drawn, draw(8, 20).0);
        assert_eq!(counts.len(), Fault::ALL.len(), "{counts:?}");
        assert!(drawn.iter().rev().take(500).any(Option::is_none), "a storm ends");
        assert!(draw(7, 0).1.is_empty());
        assert!(draw(7, 100).0.iter().all(Option::is_some));
    }
}
