//! GPS noise with a seed: what a phone would have reported instead of where it was.
//!
//! Each axis errs as a first-order Gauss–Markov process: e(t+Δ) = e(t)·φ + σ·√(1−φ²)·N(0,1) with φ = exp(−Δ/τ)
//! (A. Gelb, Applied Optimal Estimation, MIT Press 1974, chapter 3; J. Rankin, An error model for sensor simulation
//! GPS and differential GPS, IEEE PLANS 1994, models GPS errors that way). τ is 30 s here, in the middle of the 20 to
//! 40 s over which a phone's errors stay alike at walking pace.
//!
//! The reported accuracy is the radius that holds 68 % of a two-dimensional normal error, σ·√(−2·ln 0.32) =
//! 1.51·σ (the Rayleigh distribution), times a log-normal error of 30 %: phones misjudge themselves. The 68 % are how
//! Android defines it (`Location.getAccuracy`).
//!
//! The presets: 4 m is open sky (a phone is within 4.9 m there, says GPS.gov after F. van Diggelen and P. Enge, The
//! world's first GPS MOOC and worldwide laboratory using smartphones, ION GNSS+ 2015), 8 m a street of low houses,
//! 14 m a street canyon. One fix in 250 is a wild one: 80 to 1,400 m off, log-uniform, and every second one does not
//! say so, as fixes from Wi-Fi or cell towers do. These numbers are choices, not measurements.

use crate::route::{Truth, offset};
use doorstep::model::{DeviceTime, Fix, Metres};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;
use std::f64::consts::TAU;
use std::fmt;

/// The time after which an error has decayed to 1/e, in seconds.
const CORRELATION_S: f64 = 30.0;
/// The 68 % radius of a two-dimensional normal error of σ = 1 an axis: √(−2·ln 0.32).
const RADIUS_68: f64 = 1.509_592;
/// The spread of the reported accuracy's logarithm.
const ACCURACY_SPREAD: f64 = 0.3;
/// The accuracy that the best fixes report, in metres.
const ACCURACY_LEAST_M: f64 = 3.0;
/// One fix in so many is wild.
const WILD_ONE_IN: u32 = 250;
/// How far off a wild fix is, in metres.
const WILD_M: (f64, f64) = (80.0, 1_400.0);

/// Where the phone is, as far as its reception goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Surroundings {
    /// No noise at all: fixes are true, with an accuracy of 3 m.
    None,
    /// Open sky: 4 m.
    Open,
    /// A street of low houses: 8 m.
    #[default]
    Street,
    /// A street canyon: 14 m.
    Canyon,
}

impl Surroundings {
    /// The standard deviation of the error, along each axis.
    pub fn sigma(self) -> Metres {
        match self {
            Self::None => Metres(0.0),
            Self::Open => Metres(4.0),
            Self::Street => Metres(8.0),
            Self::Canyon => Metres(14.0),
        }
    }
}

impl fmt::Display for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::None => "none",
            Self::Open => "open",
            Self::Street => "street",
            Self::Canyon => "canyon",
        };
        f.pad(name)
    }
}

/// The noise of one phone on one walk: the same for the same surroundings, seed and times.
#[derive(Debug, Clone)]
pub struct Noise {
    sigma_m: f64,
    wild: bool,
    random: Pcg64,
    error: Option<CorrelatedError>,
}

#[derive(Debug, Clone, Copy)]
struct CorrelatedError {
    at: DeviceTime,
    east_m: f64,
    north_m: f64,
}

impl Noise {
    /// Noise from a seed (PCG XSL RR 128/64).
    pub fn new(surroundings: Surroundings, seed: u64) -> Self {
        Self::of_sigma(surroundings.sigma(), seed)
    }

    /// Noise of this standard deviation along each axis.
    pub fn of_sigma(sigma: Metres, seed: u64) -> Self {
        Self { sigma_m: sigma.0, wild: true, random: Pcg64::seed_from_u64(seed), error: None }
    }

    /// The same without the fixes that are far off.
    #[must_use]
    pub fn without_wild_ones(self) -> Self {
        Self { wild: false, ..self }
    }

    /// What the phone reports. To be asked in the order of time.
    pub fn fix(&mut self, truth: Truth) -> Fix {
        let sigma = self.sigma_m;
        if sigma == 0.0 {
            return fix(truth, 0.0, 0.0, ACCURACY_LEAST_M);
        }
        let error = self.advance(truth.at, sigma);
        self.error = Some(error);
        let accuracy = RADIUS_68 * sigma * (ACCURACY_SPREAD * gaussian(&mut self.random)).exp();
        if !self.wild || !self.random.random_ratio(1, WILD_ONE_IN) {
            return fix(truth, error.east_m, error.north_m, accuracy);
        }
        let (least, most) = WILD_M;
        let off = least * (most / least).powf(self.random.random());
        let bearing = TAU * self.random.random::<f64>();
        let owns_up = self.random.random_bool(0.5);
        fix(truth, off * bearing.sin(), off * bearing.cos(), if owns_up { off } else { accuracy })
    }

    fn advance(&mut self, at: DeviceTime, sigma: f64) -> CorrelatedError {
        let (kept, east, north) = match self.error {
            Some(last) => ((-(at - last.at).as_secs_f64().max(0.0) / CORRELATION_S).exp(), last.east_m, last.north_m),
            None => (0.0, 0.0, 0.0),
        };
        let fresh = sigma * (1.0 - kept * kept).sqrt();
        CorrelatedError {
            at,
            east_m: east * kept + fresh * gaussian(&mut self.random),
            north_m: north * kept + fresh * gaussian(&mut self.random),
        }
    }
}

/// A number of the standard normal distribution.
pub fn gaussian(random: &mut Pcg64) -> f64 {
    StandardNormal.sample(random)
}

fn fix(truth: Truth, east_m: f64, north_m: f64, accuracy_m: f64) -> Fix {
    Fix {
        position: offset(truth.position, east_m, north_m),
        accuracy: Metres(accuracy_m.max(ACCURACY_LEAST_M)),
        speed_mps: None,
        course_deg: None,
        mock: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::distance_m;
    use doorstep::model::Position;

    const HERE: (f64, f64) = (39.74, -104.99);

    /// Stands still for `count` fixes, one a second; returns how far off each was, and its accuracy.
    fn stand(surroundings: Surroundings, seed: u64, count: i64) -> Vec<(f64, f64)> {
        let mut noise = Noise::new(surroundings, seed);
        let position = Position::new(HERE.0, HERE.1).unwrap();
        let errors = (0..count).map(|second| {
            let fix = noise.fix(Truth { at: DeviceTime(second * 1_000), position });
            (distance_m(position, fix.position), fix.accuracy.0)
        });
        errors.collect()
    }

    #[test]
    fn a_seed_gives_the_same_noise_and_another_seed_gives_another() {
        assert_eq!(stand(Surroundings::Street, 7, 100), stand(Surroundings::Street, 7, 100));
        assert_ne!(stand(Surroundings::Street, 7, 100), stand(Surroundings::Street, 8, 100));
    }

    #[test]
    fn no_noise_is_none() {
        for (off, accuracy) in stand(Surroundings::None, 7, 300) {
            assert!(off < 1e-6 && (accuracy - 3.0).abs() < 1e-9, "{off} {accuracy}");
        }
    }

    #[test]
    fn errors_have_the_stated_size_and_two_thirds_lie_within_the_accuracy() {
        for surroundings in [Surroundings::Open, Surroundings::Street, Surroundings::Canyon] {
            let fixes = stand(surroundings, 7, 100_000);
            let tame: Vec<_> = fixes.iter().filter(|(off, _)| *off < 79.9).collect();
            let square = tame.iter().map(|(off, _)| off * off).sum::<f64>() / tame.len() as f64;
            let sigma = (square / 2.0).sqrt();
            assert!((sigma / surroundings.sigma().0 - 1.0).abs() < 0.05, "{surroundings}: sigma {sigma}");
            let within = tame.iter().filter(|(off, accuracy)| off <= accuracy).count() as f64 / tame.len() as f64;
            assert!((0.62..0.74).contains(&within), "{surroundings}: {within}");
            let wild = fixes.len() - tame.len();
            assert!((300..500).contains(&wild), "{surroundings}: {wild} wild ones");
            assert!(fixes.iter().all(|(off, _)| *off < 1_401.0));
        }
    }

    #[test]
    fn errors_are_correlated_over_half_a_minute() {
        let mut noise = Noise::new(Surroundings::Street, 7);
        let position = Position::new(HERE.0, HERE.1).unwrap();
        let norths: Vec<f64> = (0..200_000)
            .map(|second| {
                let fix = noise.fix(Truth { at: DeviceTime(second * 1_000), position });
                (fix.position.lat() - HERE.0).to_radians() * 6_371_008.8
            })
            .filter(|north| north.abs() < 60.0)
            .collect();
        let variance = norths.iter().map(|e| e * e).sum::<f64>() / norths.len() as f64;
        for (lag, expected) in [(30, (-1.0f64).exp()), (120, (-4.0f64).exp())] {
            let covariance =
                norths.iter().zip(norths.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>() / norths.len() as f64;
            let correlation = covariance / variance;
            assert!((correlation - expected).abs() < 0.08, "{correlation} at {lag} s");
        }
    }
}
