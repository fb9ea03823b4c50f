//! The street grid of downtown Denver, continued in all directions.
//!
//! 16th and Lawrence is at 39.74853, -104.99655; the grid stands at 45° to north; numbered streets lie 147 m apart,
//! named ones 105 m (see the fixtures' README).

use crate::route::offset;
use doorstep::model::Position;
use rand::RngExt;
use rand_pcg::Pcg64;
use std::f64::consts::FRAC_1_SQRT_2;

/// From one named street to the next, along a numbered one, in metres.
const ALONG_M: f64 = 105.0;
/// From one numbered street to the next, along a named one, in metres.
const ACROSS_M: f64 = 147.0;

/// A crossing: so many blocks north-west along 16th Street, and so many north-east along Lawrence Street.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crossing {
    along: i32,
    across: i32,
}

/// A spot in metres, on the same axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub(super) along: f64,
    pub(super) across: f64,
}

impl Spot {
    /// A position on the earth.
    pub(super) fn position(self) -> Position {
        let (east, north) = ((self.across - self.along) * FRAC_1_SQRT_2, (self.across + self.along) * FRAC_1_SQRT_2);
        offset(Position::wrapped(39.74853, -104.99655), east, north)
    }

    /// The spot at a share of the way to another.
    pub(super) fn towards(self, to: Self, share: f64) -> Self {
        Self {
            along: self.along + share * (to.along - self.along),
            across: self.across + share * (to.across - self.across),
        }
    }

    /// The distance in metres.
    pub(super) fn distance(self, to: Self) -> f64 {
        (to.along - self.along).hypot(to.across - self.across)
    }

    /// The spot so far away, in any direction.
    pub(super) fn aside(self, by_m: f64, random: &mut Pcg64) -> Self {
        let bearing = random.random::<f64>() * std::f64::consts::TAU;
        Self { along: self.along + by_m * bearing.cos(), across: self.across + by_m * bearing.sin() }
    }
}

impl Crossing {
    pub(super) fn spot(self) -> Spot {
        Spot { along: f64::from(self.along) * ALONG_M, across: f64::from(self.across) * ACROSS_M }
    }
}

/// A way from crossing to crossing that never turns on its heel: straight on in three of five cases. It stays within
/// `reach` blocks of 16th and Lawrence, is at least `length_m` long, and says at each crossing whether it turns there.
pub(super) fn ramble(random: &mut Pcg64, reach: i32, length_m: f64) -> Vec<(Crossing, bool)> {
    let within = |crossing: Crossing| crossing.along.abs() <= reach && crossing.across.abs() <= reach;
    let half = reach / 2;
    let mut here = Crossing { along: random.random_range(-half..=half), across: random.random_range(-half..=half) };
    let mut heading = if random.random() { (1, 0) } else { (0, 1) };
    let mut way = vec![(here, false)];
    let mut walked = 0.0;
    while walked < length_m {
        let (straight, left) = (heading, (-heading.1, heading.0));
        let right = (-left.0, -left.1);
        let mut choices = match random.random_range(0..5) {
            0 => [left, straight, right],
            1 => [right, straight, left],
            _ => [straight, left, right],
        };
        if random.random() {
            choices.swap(1, 2);
        }
        let go = |by: (i32, i32)| Crossing { along: here.along + by.0, across: here.across + by.1 };
        // One of the three always leads on: a corner has two streets.
        let chosen = choices.into_iter().find(|by| within(go(*by))).unwrap_or(straight);
        let next = go(chosen);
        if let Some((_, turns)) = way.last_mut() {
            *turns = chosen != heading;
        }
        walked += here.spot().distance(next.spot());
        (here, heading) = (next, chosen);
        way.push((here, false));
    }
    way
}
