//! The plane around a position: metres east and north of it.
//!
//! Plane and position are tied by the azimuthal equidistant projection on the mean sphere (J. P. Snyder, "Map
//! Projections: A Working Manual", 1987, chapter 25), by way of unit vectors in space, where ±180° and the poles are
//! places like any other. A sphere for the ellipsoid costs up to 0.6 % of a displacement, which is nothing beside
//! the noise of fixes; distances to edges come from [`locate`](crate::locate), on the ellipsoid.

use crate::model::Position;

/// The mean radius of the earth in metres (IUGG).
const RADIUS_M: f64 = 6_371_008.8;

/// A vector in the plane around a position: metres, or metres per second, to the east and to the north.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Planar {
    /// To the east.
    pub east: f64,
    /// To the north.
    pub north: f64,
}

impl Planar {
    /// Its length.
    pub fn length(self) -> f64 {
        // The range of `hypot` is not needed, and its cost is.
        (self.east * self.east + self.north * self.north).sqrt()
    }

    /// This vector and `times` the other.
    #[must_use]
    pub fn plus(self, other: Self, times: f64) -> Self {
        Self { east: self.east + other.east * times, north: self.north + other.north * times }
    }

    /// This vector `k` times.
    #[must_use]
    pub fn times(self, k: f64) -> Self {
        Self { east: self.east * k, north: self.north * k }
    }

    /// Whether both components are numbers.
    pub fn is_finite(self) -> bool {
        self.east.is_finite() && self.north.is_finite()
    }
}

/// The plane around one position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    origin: Position,
    up: [f64; 3],
    east: [f64; 3],
    north: [f64; 3],
}

impl Plane {
    pub(super) fn at(origin: Position) -> Self {
        let (sin_lat, cos_lat) = origin.lat().to_radians().sin_cos();
        let (sin_lon, cos_lon) = origin.lon().to_radians().sin_cos();
        Self {
            origin,
            up: [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
            east: [-sin_lon, cos_lon, 0.0],
            north: [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
        }
    }

    /// The way to a position, in metres.
    pub(super) fn to(&self, position: Position) -> Planar {
        let up = Self::at(position).up;
        let apart = [up[0] - self.up[0], up[1] - self.up[1], up[2] - self.up[2]];
        let along = Planar { east: dot(apart, self.east), north: dot(apart, self.north) };
        let angle = 2.0 * (0.5 * dot(apart, apart).sqrt()).min(1.0).asin();
        let length = along.length();
        if length > 0.0 {
            along.times(angle * RADIUS_M / length)
        } else {
            // Here, or the antipode, which lies in every direction.
            Planar { east: angle * RADIUS_M, north: 0.0 }
        }
    }

    /// The position at the end of a way.
    pub(super) fn moved(&self, by: Planar) -> Position {
        let length = by.length();
        if length <= 0.0 || !length.is_finite() {
            return self.origin;
        }
        let (sin, cos) = (length / RADIUS_M).sin_cos();
        let (east, north) = (sin * by.east / length, sin * by.north / length);
        let [x, y, z] = [0, 1, 2].map(|i| self.up[i] * cos + self.east[i] * east + self.north[i] * north);
        Position::wrapped(z.atan2(x.hypot(y)).to_degrees(), y.atan2(x).to_degrees())
    }

    /// A vector of this plane as it reads in the plane around a position nearby: near the poles, and across the
    /// pole itself, east is not the same direction in both.
    pub(super) fn carried(&self, vector: Planar, other: &Self) -> Planar {
        let space = [0, 1, 2].map(|i| self.east[i] * vector.east + self.north[i] * vector.north);
        Planar { east: dot(space, other.east), north: dot(space, other.north) }
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Going and coming back arrives within a micrometre, and the length is that of the way.
    fn check(lat: f64, lon: f64, east: f64, north: f64) {
        let plane = Plane::at(Position::wrapped(lat, lon));
        let by = Planar { east, north };
        let back = plane.to(plane.moved(by));
        assert!(back.plus(by, -1.0).length() < 1e-6 * (1.0 + by.length() / 1e3), "{lat},{lon} {by:?} {back:?}");
    }

    #[test]
    fn there_and_back_anywhere() {
        for (lat, lon) in
            [(0.0, 0.0), (39.7, -105.0), (-52.0, 179.999_9), (89.999_9, 12.0), (-90.0, 0.0), (90.0, 7.0)]
        {
            for (east, north) in [(0.0, 0.0), (1.0, 0.0), (-30.0, 40.0), (700.0, -3_000.0), (50_000.0, 20_000.0)] {
                check(lat, lon, east, north);
            }
        }
    }

    #[test]
    fn a_velocity_goes_straight_on_across_the_pole() {
        let mut plane = Plane::at(Position::wrapped(89.999, 20.0));
        let start = plane;
        let mut velocity = Planar { east: 3.0, north: 10.0 };
        for _ in 0..100 {
            let next = Plane::at(plane.moved(velocity));
            velocity = plane.carried(velocity, &next);
            plane = next;
        }
        let way = start.to(plane.origin).length();
        assert!((way - 100.0 * velocity.length()).abs() < 0.01, "{way}");
    }

    #[test]
    fn the_antipode_is_far() {
        let way = Plane::at(Position::wrapped(10.0, 20.0)).to(Position::wrapped(-10.0, -160.0));
        assert!((way.length() - std::f64::consts::PI * RADIUS_M).abs() < 1.0);
    }
}
