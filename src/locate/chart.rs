//! Flat coordinates that a polygon is kept in, and how long things in them really are.

use super::earth::{POLAR_CURVATURE_M, Spot, Station, metres_per_degree};
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

    /// Prepares for measuring from a spot to what lies within a rectangle.
    pub(super) fn frame(self, station: &Station, rect: &Rect) -> Frame {
        let (lat, lon) = (station.spot.position.lat(), station.spot.position.lon());
        match self {
            Self::Graticule { middle } => {
                let turns = ((middle - lon) / 360.0).round();
                let scale = station.scale();
                let from = [lon + 360.0 * turns, lat];
                let east = [scale.east, scale.slope, scale.curve];
                let frame = Frame { from, north: scale.north, east, least_east: 0.0 };
                // The scale is concave in latitude, so that its least value is at an end.
                let ends = [rect.low[1], rect.high[1]].map(|y| frame.east(y - lat));
                Frame { least_east: ends[0].min(ends[1]), ..frame }
            }
            Self::Polar { .. } => {
                Frame { from: self.flat(lon, lat), north: 1.0, east: [1.0, 0.0, 0.0], least_east: 1.0 }
            }
        }
    }

    /// The way along the ground to a point, given relative to the station's, in metres.
    pub(super) fn distance_m(self, station: &Station, from: Flat, [x, y]: Flat) -> f64 {
        let near = match self {
            Self::Graticule { .. } => station.scale().distance_m([x, y]),
            Self::Polar { .. } => None,
        };
        near.unwrap_or_else(|| station.spot.distance_m(&Spot::new(self.position([from[0] + x, from[1] + y]))))
    }

    /// Square metres per unit of area around a point.
    pub(super) fn unit_m2(self, at: Flat) -> f64 {
        let [x, y] = self.unit_m(at);
        x * y
    }

    /// Metres per unit of x and of y around a point.
    pub(super) fn unit_m(self, [_, y]: Flat) -> [f64; 2] {
        match self {
            Self::Graticule { .. } => metres_per_degree(y).into(),
            Self::Polar { .. } => [1.0, 1.0],
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
    /// The least that `east` gets anywhere in the rectangle.
    least_east: f64,
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
        let scale = self.east(0.0);
        let (run, rise) = (scale * dx, self.north * dy);
        let start = foot(0.0, scale * x * run + self.north * y * rise, run * run + rise * rise);
        // ... then one Gauss-Newton step on the true metric, whose scale changes along the edge.
        let (foot_x, foot_y) = (x + start * dx, y + start * dy);
        let scale = self.east(foot_y);
        let bend = 0.5 * dy * (self.east[1] + foot_y * self.east[2]);
        let run = scale * dx + foot_x * bend;
        let end = foot(start, scale * foot_x * run + self.north * foot_y * rise, run * run + rise * rise);
        let offset = if end >= 1.0 { [x + dx, y + dy] } else { [x + end * dx, y + end * dy] };
        let square = (self.east(offset[1]) * offset[0]).powi(2) + (self.north * offset[1]).powi(2);
        if square < best.square {
            *best = Nearest { square, offset };
        }
    }

    /// A point relative to the spot, in metres under the least scale: nothing in the rectangle is nearer than that.
    pub(super) fn least_offset(&self, point: Flat) -> Flat {
        [self.least_east * (point[0] - self.from[0]), self.north * (point[1] - self.from[1])]
    }

    /// No point of the rectangle is nearer than this; a square, in the frame's metres.
    pub(super) fn least_square(&self, rect: &Rect) -> f64 {
        let [x, y] = self.from;
        self.least(rect.low[0] - x, rect.high[0] - x, rect.low[1] - y, rect.high[1] - y)
    }

    /// The same, of a rectangle relative to the spot.
    fn least(&self, west: f64, east: f64, south: f64, north: f64) -> f64 {
        let (x, y) = (west.max(-east).max(0.0), south.max(-north).max(0.0));
        (self.least_east * x).powi(2) + (self.north * y).powi(2)
    }
}

/// One step along an edge, 0 to 1, to where the slope of the squared distance is 0.
fn foot(from: f64, slope: f64, curvature: f64) -> f64 {
    if curvature > 0.0 { (from - slope / curvature).clamp(0.0, 1.0) } else { from }
}

/// Square of the distance from the origin to the edge between two offsets.
#[inline]
pub(super) fn edge_square(a: Flat, b: Flat) -> f64 {
    let (run, rise) = (b[0] - a[0], b[1] - a[1]);
    let along = -(a[0] * run + a[1] * rise) / (run * run + rise * rise);
    // Unlike `clamp`, this makes 0 of what is not a number, and is one instruction each.
    let along = if along > 0.0 { along } else { 0.0 };
    let along = if along < 1.0 { along } else { 1.0 };
    let (x, y) = (a[0] + along * run, a[1] + along * rise);
    x * x + y * y
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::at;

    #[test]
    fn a_point_comes_back_from_its_chart() {
        for chart in [Chart::Polar { pole: 1.0 }, Chart::Polar { pole: -1.0 }, Chart::Graticule { middle: 170.0 }] {
            let pole = if let Chart::Polar { pole } = chart { pole } else { 1.0 };
            for (lat, lon) in [(89.5, 10.0), (88.1, -179.0), (85.0, 90.0), (89.999_999, -90.0)] {
                let back = chart.position(chart.flat(lon, lat * pole));
                let apart = Spot::new(back).chord_m(&Spot::new(at(lat * pole, lon)));
                assert!(apart < 1e-6, "{chart:?} {lat} {lon}: {apart} m");
            }
        }
    }

    #[test]
    fn a_frame_measures_the_nearest_point_of_an_edge() {
        // Far enough for the scale along a parallel to change by more than 1 %.
        for (lat, lon, a, b) in [
            (60.0, 10.0, [9.9, 60.1], [10.3, 60.05]),
            (87.0, 179.9, [181.0, 87.05], [184.0, 86.9]),
            (-45.0, -179.9, [179.0, -45.1], [179.5, -44.9]),
        ] {
            let (spot, rect) = (Spot::new(at(lat, lon)), Rect::around(&[a, b]));
            let frame = Chart::Graticule { middle: a[0] }.frame(&Station::new(spot), &rect);
            let mut best = Nearest::NONE;
            frame.visit(a, b, &mut best);
            let along = |i: i32| {
                let t = f64::from(i) / 10_000.0;
                spot.chord_m(&Spot::new(Position::wrapped(a[1] + t * (b[1] - a[1]), a[0] + t * (b[0] - a[0]))))
            };
            let truth = (0..=10_000).map(along).fold(f64::INFINITY, f64::min);
            let found = best.square.sqrt();
            assert!((found / truth - 1.0).abs() < 5e-5, "{found} and {truth} m from {lat},{lon}");
            let least = edge_square(frame.least_offset(a), frame.least_offset(b));
            assert!(frame.least_square(&rect) <= least && least <= best.square && least > 0.8 * best.square);
        }
    }
}
