//! Flat coordinates that a polygon is kept in, and how long things in them really are.

use super::earth::{POLAR_CURVATURE_M, Spot, metres_per_degree};
use crate::model::Position;

/// A point in a chart.
pub(super) type Flat = [f64; 2];

/// Flat coordinates for one polygon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Chart {
    /// Degrees of longitude and latitude, the longitude unwrapped so that no ring jumps at ±180°.
    Graticule {
        /// The middle longitude; everything is within half a turn of it.
        middle: f64,
    },
    /// Metres around a pole, azimuthal: the way from the pole is true within 1e-4 down to 85°. Straight lines of
    /// longitude and latitude bend here, so that they come in pieces.
    Polar {
        /// 1 for the north pole, -1 for the south pole.
        pole: f64,
    },
}

impl Chart {
    /// A position in the chart; the longitude may be unwrapped.
    pub(super) fn flat(self, lon: f64, lat: f64) -> Flat {
        match self {
            Self::Graticule { .. } => [lon, lat],
            Self::Polar { pole } => {
                let r = POLAR_CURVATURE_M * (90.0 - lat * pole).to_radians();
                let (sin, cos) = lon.to_radians().sin_cos();
                [r * sin, r * cos]
            }
        }
    }

    /// The position at a point of the chart.
    pub(super) fn position(self, [x, y]: Flat) -> Position {
        match self {
            Self::Graticule { .. } => Position::wrapped(y, x),
            Self::Polar { pole } => {
                let lat = pole * (90.0 - (x.hypot(y) / POLAR_CURVATURE_M).to_degrees());
                Position::wrapped(lat, x.atan2(y).to_degrees())
            }
        }
    }

    /// Prepares for measuring from a spot.
    pub(super) fn frame(self, spot: &Spot) -> Frame {
        let (lat, lon) = (spot.position.lat(), spot.position.lon());
        match self {
            Self::Graticule { middle } => {
                let turns = ((middle - lon) / 360.0).round();
                let (east, north) = metres_per_degree(lat);
                // The derivative of N cos φ is -M sin φ, here per degree.
                let slope = -lat.to_radians().sin() * north.to_radians();
                let curve = -0.5 * east * 1f64.to_radians().powi(2);
                Frame { from: [lon + 360.0 * turns, lat], north, east: [east, slope, curve] }
            }
            Self::Polar { .. } => Frame { from: self.flat(lon, lat), north: 1.0, east: [1.0, 0.0, 0.0] },
        }
    }

    /// Square metres per unit of area around a point.
    pub(super) fn unit_m2(self, [_, y]: Flat) -> f64 {
        match self {
            Self::Graticule { .. } => {
                let (east, north) = metres_per_degree(y);
                east * north
            }
            Self::Polar { .. } => 1.0,
        }
    }
}

/// How to measure from one spot in a chart: the mid-latitude formula, with the scale along a parallel expanded to
/// the second order around the spot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// The spot.
    pub(super) from: Flat,
    /// Metres per unit of y.
    north: f64,
    /// Metres per unit of x, as a polynomial in the units of y north of the spot.
    east: [f64; 3],
}

/// The nearest point found so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest {
    /// Square of the distance, in the frame's metres.
    pub(super) square: f64,
    /// The point, relative to the spot.
    pub(super) offset: Flat,
}

impl Nearest {
    /// Nothing found yet.
    pub(super) const NONE: Self = Self { square: f64::INFINITY, offset: [0.0, 0.0] };
}

impl Frame {
    /// Metres per unit of x halfway to the parallel that is `y` units north.
    fn east(&self, y: f64) -> f64 {
        let [a, b, c] = self.east;
        let half = 0.5 * y;
        (a + half * (b + half * c)).max(0.0)
    }

    /// Keeps the point of an edge that is nearest to the spot, if it beats the best.
    pub(super) fn visit(&self, a: Flat, b: Flat, best: &mut Nearest) {
        let (x, y) = (a[0] - self.from[0], a[1] - self.from[1]);
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        // The foot of the perpendicular with the spot's own scale, ...
        let (u, v) = (self.east(0.0) * dx, self.north * dy);
        let length2 = u * u + v * v;
        let start = if length2 > 0.0 {
            (-(self.east(0.0) * x * u + self.north * y * v) / length2).clamp(0.0, 1.0)
        } else {
            0.0
        };
        // ... then one Gauss-Newton step on the true metric, whose scale changes along the edge.
        let (px, py) = (x + start * dx, y + start * dy);
        let scale = self.east(py);
        let bend = 0.5 * dy * (self.east[1] + py * self.east[2]);
        let (ju, jv) = (scale * dx + px * bend, v);
        let j2 = ju * ju + jv * jv;
        let t =
            if j2 > 0.0 { (start - (scale * px * ju + self.north * py * jv) / j2).clamp(0.0, 1.0) } else { start };
        let offset = if t >= 1.0 { [x + dx, y + dy] } else { [x + t * dx, y + t * dy] };
        let square = (self.east(offset[1]) * offset[0]).powi(2) + (self.north * offset[1]).powi(2);
        if square < best.square {
            *best = Nearest { square, offset };
        }
    }

    /// No point of the rectangle is nearer than this; a square, in the frame's metres.
    pub(super) fn least_square(&self, rect: &Rect) -> f64 {
        let apart = |low: f64, high: f64| low.max(-high).max(0.0);
        let (south, north) = (rect.low[1] - self.from[1], rect.high[1] - self.from[1]);
        let x = apart(rect.low[0] - self.from[0], rect.high[0] - self.from[0]);
        let y = apart(south, north);
        // The scale is concave in latitude, so that its least value is at an end.
        let scale = self.east(south).min(self.east(north));
        (scale * x).powi(2) + (self.north * y).powi(2)
    }
}

/// An upright rectangle in a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) low: Flat,
    pub(super) high: Flat,
}

impl Rect {
    /// Holds nothing.
    const NONE: Self = Self { low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };

    /// The rectangle around some points.
    pub(super) fn around<'a>(points: impl IntoIterator<Item = &'a Flat>) -> Self {
        points.into_iter().fold(Self::NONE, |r, p| Self {
            low: [r.low[0].min(p[0]), r.low[1].min(p[1])],
            high: [r.high[0].max(p[0]), r.high[1].max(p[1])],
        })
    }

    /// The rectangle around some rectangles.
    pub(super) fn of(rects: &[Self]) -> Self {
        Self::around(rects.iter().flat_map(|r| [&r.low, &r.high]))
    }
}
