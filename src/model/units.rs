//! Quantities whose unit is their type.

use super::invalid::{Invalid, in_range};
use std::fmt;

/// A length in metres.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Metres(pub f64);

impl fmt::Display for Metres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() < 10_000.0 { write!(f, "{:.0} m", self.0) } else { write!(f, "{:.0} km", self.0 / 1_000.0) }
    }
}

/// A point on the WGS 84 ellipsoid, in degrees: latitude -90 to 90, longitude -180 to 180, both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    lat: f64,
    lon: f64,
}

impl Position {
    /// A position from degrees; fails, naming the field, when one is out of its range.
    pub fn new(lat: f64, lon: f64) -> Result<Self, Invalid> {
        Ok(Self {
            lat: in_range("latitude", lat, -90.0, 90.0, "degrees")?,
            lon: in_range("longitude", lon, -180.0, 180.0, "degrees")?,
        })
    }

    /// The nearest valid position: latitude clamped, longitude wrapped; not-a-number counts as 0.
    pub fn wrapped(lat: f64, lon: f64) -> Self {
        let lat = if lat.is_nan() { 0.0 } else { lat.clamp(-90.0, 90.0) };
        let lon = if lon.is_finite() { (lon + 180.0).rem_euclid(360.0) - 180.0 } else { 0.0 };
        Self { lat, lon }
    }

    /// Degrees north.
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east.
    pub fn lon(self) -> f64 {
        self.lon
    }
}
