//! What GPS noise does to a fence: how often the engine misses who is there, and takes who is not.
//!
//! # The model
//!
//! A fix errs by a round normal distribution whose 68 % radius is 5, 10 or 20 m: σ = 3.3, 6.6 or 13.2 m an axis. The
//! error changes slowly, as a first-order Gauss-Markov process of 30 s (A. Gelb, "Applied Optimal Estimation", 1974,
//! section 3.8), so that it is as good as constant for somebody who walks by, and the track has it in full. The
//! presence latch enters when the track is 0.82 standard deviations deep, these being 5 m at least, less the way of
//! 2.5 s for a track that moves inwards. With that depth t, a fence of inscribed radius R and somebody who walks
//! at 1.3 m/s:
//!
//! - With a = R - t, the error of somebody in the middle comes within a of zero as a Poisson process of a/σ times a
//!   correlation time, if a is above 0. Theory has about twice that for a continuous process (the first passage of a
//!   two-dimensional Ornstein-Uhlenbeck process), of which the track filter, and fixes some seconds apart, leave half.
//! - A straight walk through the middle is missed when the error across the way is more than a + 3.25 m, which is
//!   twice the upper tail of the normal distribution, and does not change for the better in the 2 R / 1.3 s of the
//!   walk. A walk is in the middle for 0.4 of them, as far as that goes.
//! - A visit of 60 s in the middle is missed when the walk in and out is, and the error does not come within a of
//!   zero meanwhile.
//! - A passer-by at x metres outside enters when the error towards the fence is x + t or more, and not so much that
//!   it is x + t + 2a, the other side. Passing takes as long as the edge of a circle of radius R is within σ of its
//!   nearest point, 2 sqrt(2 R σ) / 1.3 m/s, and there are as many independent errors as correlation times in it,
//!   and one.
//!
//! # Its limits
//!
//! Against the presence room on simulated walks (`tests/lint.rs`), with a fix every 1 to 15 s, rates above 5 % are
//! right within a factor of 2.5, mostly better; smaller ones are "rare", no more. Walks through a circle of less than
//! 15 m, with a fix every 5 s or more, are missed more often: the filter lags. Not in the model:
//! wild fixes, phones that misjudge themselves, phones in the background that report once a minute or from Wi-Fi
//! (30 m and worse: they see a small fence by luck), shops whose inside has no reception. A long fence is missed
//! less often than the circle that fits in it, and visitors who keep to the edge are missed more often.

use crate::model::Metres;
use std::fmt;

/// Radius of 68 % over the standard deviation of an axis, for a round normal distribution: sqrt(-2 ln 0.32).
const RADIUS_68_SIGMAS: f64 = 1.509_592;
/// The error's correlation time.
const CORRELATION_S: f64 = 30.0;
/// How deep the latch wants a dense track, in standard deviations ...
const ENTER_SIGMAS: f64 = 0.82;
/// ... which count as this at least.
const ENTER_SIGMA_FLOOR_M: f64 = 5.0;
/// How far ahead the latch anticipates the crossing of an edge.
const LOOK_AHEAD_S: f64 = 2.5;
const WALK_MPS: f64 = 1.3;
/// Share of a walk through that counts as being in the middle.
const WALK_IN_MIDDLE: f64 = 0.4;
/// How long the visit takes that [`Expectation::missed_visits`] speaks of, in seconds.
pub const VISIT_S: f64 = 60.0;
/// How far outside those pass that [`Expectation::false_enters`] speaks of.
pub const PASS_WITHIN: Metres = Metres(20.0);
/// Panels of Simpson's rule over the distance of a passer-by; twice as many change the fifth digit.
const PANELS: u32 = 20;

/// How good GPS is, by what stands around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surroundings {
    /// Open sky: 5 m.
    Open,
    /// A street: 10 m.
    Street,
    /// Among tall buildings: 20 m.
    Canyon,
}

impl Surroundings {
    /// All of them, the best first.
    pub const ALL: [Self; 3] = [Self::Open, Self::Street, Self::Canyon];

    /// The radius of 68 % confidence that a phone has and reports there.
    pub fn accuracy(self) -> Metres {
        match self {
            Self::Open => Metres(5.0),
            Self::Street => Metres(10.0),
            Self::Canyon => Metres(20.0),
        }
    }

    /// Standard deviation of an axis in metres.
    fn sigma_m(self) -> f64 {
        self.accuracy().0 / RADIUS_68_SIGMAS
    }

    /// How deep a track must be to enter, in metres.
    fn depth_m(self) -> f64 {
        ENTER_SIGMAS * self.sigma_m().max(ENTER_SIGMA_FLOOR_M)
    }
}

impl fmt::Display for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, accuracy) = match self {
            Self::Open => ("under open sky", self.accuracy()),
            Self::Street => ("on a street", self.accuracy()),
            Self::Canyon => ("among tall buildings", self.accuracy()),
        };
        write!(f, "{place} (GPS ±{accuracy})")
    }
}

/// What to expect of a fence; probabilities of 0 to 1, by the model of this file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// Where it stands.
    pub surroundings: Surroundings,
    /// Share of visits of 60 s to its middle that are not noticed.
    pub missed_visits: f64,
    /// Share of walks straight through its middle that are not noticed.
    pub missed_walks: f64,
    /// Share of those who pass within 20 m outside of the edge, all distances alike, that are taken for visitors.
    pub false_enters: f64,
}

impl Expectation {
    /// What to expect of a fence that has room for a circle of this radius.
    pub fn new(inscribed: Metres, surroundings: Surroundings) -> Self {
        let (sigma, spare_m) = (surroundings.sigma_m(), spare_m(inscribed, surroundings));
        let still_missed = |in_middle_s: f64| (-in_middle_s / CORRELATION_S * spare_m.max(0.0) / sigma).exp();
        let walk_s = 2.0 * inscribed.0 / WALK_MPS;
        let aside = 2.0 * upper_tail(((spare_m + LOOK_AHEAD_S * WALK_MPS) / sigma).max(0.0));
        let missed_walks = aside * still_missed(WALK_IN_MIDDLE * walk_s);
        Self {
            surroundings,
            missed_visits: missed_walks * still_missed(VISIT_S),
            missed_walks,
            false_enters: mean(PASS_WITHIN.0, |x| false_enter(inscribed, surroundings, Metres(x))),
        }
    }
}

/// The probability that somebody who passes on a straight line is taken for a visitor, by the distance from the edge.
pub fn false_enter(inscribed: Metres, surroundings: Surroundings, outside: Metres) -> f64 {
    let (sigma, depth_m) = (surroundings.sigma_m(), surroundings.depth_m());
    let spare_m = spare_m(inscribed, surroundings).max(0.0);
    let near = (outside.0 + depth_m) / sigma;
    let far = near + 2.0 * spare_m / sigma;
    let once = (upper_tail(near) - upper_tail(far)).clamp(0.0, 1.0);
    let pass_s = 2.0 * (2.0 * inscribed.0.max(0.0) * sigma).sqrt() / WALK_MPS;
    1.0 - (1.0 - once).powf(1.0 + pass_s / CORRELATION_S)
}

/// By how much the middle of a fence is deeper than the latch needs it to be; below 0 when it is not.
fn spare_m(inscribed: Metres, surroundings: Surroundings) -> f64 {
    inscribed.0 - surroundings.depth_m()
}

/// The probability that a standard normal variable is above `x`, for an `x` of 0 or more: formula 26.2.17 of
/// M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 1964; the error is below 1e-7.
fn upper_tail(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let series =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    ((-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt() * series).clamp(0.0, 0.5)
}

/// The mean of a function over 0 to `most`, by Simpson's rule.
fn mean(most: f64, f: impl Fn(f64) -> f64) -> f64 {
    let at = |i: u32| f(most * f64::from(i) / f64::from(PANELS));
    let inner: f64 = (1..PANELS).map(|i| if i % 2 == 1 { 4.0 * at(i) } else { 2.0 * at(i) }).sum();
    (at(0) + inner + at(PANELS)) / (3.0 * f64::from(PANELS))
}

#[cfg(test)]
mod tests {
    use super::Surroundings::{Canyon, Open, Street};
    use super::*;

    fn check(radius_m: f64, surroundings: Surroundings, visits: f64, walks: f64, passers: f64) {
        let found = Expectation::new(Metres(radius_m), surroundings);
        let close = |found: f64, expected: f64| (found - expected).abs() < 0.001;
        assert!(
            close(found.missed_visits, visits)
                && close(found.missed_walks, walks)
                && close(found.false_enters, passers),
            "{radius_m} m: {found:?}"
        );
    }

    #[test]
    fn small_fences_are_missed_where_gps_is_bad() {
        // As a second implementation has it.
        check(10.0, Open, 0.000, 0.004, 0.012);
        check(10.0, Street, 0.052, 0.207, 0.057);
        check(10.0, Canyon, 0.857, 0.857, 0.0);
        check(15.0, Street, 0.002, 0.034, 0.063);
        check(15.0, Canyon, 0.281, 0.524, 0.103);
        check(20.0, Canyon, 0.066, 0.264, 0.146);
        check(40.0, Street, 0.0, 0.0, 0.078);
        check(40.0, Canyon, 0.0, 0.002, 0.180);
        check(5_000.0, Canyon, 0.0, 0.0, 0.648);
    }

    #[test]
    fn the_larger_and_the_clearer_the_better() {
        for surroundings in Surroundings::ALL {
            let all: Vec<_> = (1..200).map(|r| Expectation::new(Metres(f64::from(r)), surroundings)).collect();
            for pair in all.windows(2) {
                assert!(pair[1].missed_visits <= pair[0].missed_visits, "{pair:?}");
                assert!(pair[1].missed_walks <= pair[0].missed_walks, "{pair:?}");
                assert!(pair[1].false_enters >= pair[0].false_enters, "{pair:?}");
                assert!(pair[0].missed_visits <= pair[0].missed_walks && pair[0].missed_walks <= 1.0, "{pair:?}");
            }
            for x in 1..100 {
                let at = |x: i32| false_enter(Metres(40.0), surroundings, Metres(f64::from(x)));
                assert!((0.0..=1.0).contains(&at(x)) && at(x) <= at(x - 1));
            }
        }
        let canyon = |r| Expectation::new(Metres(r), Canyon).missed_visits;
        assert!(canyon(20.0) > Expectation::new(Metres(20.0), Street).missed_visits);
    }

    #[test]
    fn the_tail_agrees_with_the_tables() {
        for (x, p) in [(0.0, 0.5), (1.0, 0.158_655_254), (1.644_853_627, 0.05), (3.0, 0.001_349_898), (1e9, 0.0)] {
            assert!((upper_tail(x) - p).abs() < 1e-7, "{x}: {}", upper_tail(x));
        }
    }
}
