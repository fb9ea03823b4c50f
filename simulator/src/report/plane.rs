//! The plane of a map, and lines with fewer points.

use doorstep::model::Position;

/// Metres in a degree of latitude, on a sphere of the earth's mean radius.
const DEGREE_M: f64 = 111_195.08;
/// The width of a map in its own units.
pub(super) const WIDTH: f64 = 1_000.0;
/// The smallest piece of the earth on a map, in metres.
const LEAST_M: f64 = 120.0;
/// Height over width: from a letter box to a little more than a square.
const ASPECT: (f64, f64) = (0.42, 1.1);

/// Points of a line that are looked at together.
const PIECE: usize = 256;

/// A point of a map: right and down, in its own units.
pub(super) type Point = (f64, f64);

/// From the earth to a map: an equirectangular projection, true to scale at its middle, north up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plane {
    middle: Position,
    /// Units in a metre.
    pub(super) scale: f64,
    /// The height of the map.
    pub(super) height: f64,
}

impl Plane {
    /// The plane that shows all of the boxes' corners; none where there is nothing to show.
    pub(super) fn around(corners: &[Position]) -> Option<Self> {
        let first = *corners.first()?;
        let flat = Self { middle: first, scale: 1.0, height: 0.0 };
        let (mut least, mut most) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for corner in corners {
            let (east, north) = flat.metres(*corner);
            least = (least.0.min(east), least.1.min(north));
            most = (most.0.max(east), most.1.max(north));
        }
        let (wide, high) = ((most.0 - least.0).max(LEAST_M) * 1.1, (most.1 - least.1).max(LEAST_M) * 1.1);
        let wide = wide.max(high / ASPECT.1);
        let high = high.max(wide * ASPECT.0);
        let (east, north) = (least.0.midpoint(most.0), least.1.midpoint(most.1));
        let shrink = first.lat().to_radians().cos().max(1e-6);
        let middle = Position::wrapped(first.lat() + north / DEGREE_M, first.lon() + east / DEGREE_M / shrink);
        Some(Self { middle, scale: WIDTH / wide, height: (WIDTH * high / wide).round() })
    }

    /// East and north of the middle, in metres.
    fn metres(&self, position: Position) -> (f64, f64) {
        let lon = (position.lon() - self.middle.lon() + 540.0).rem_euclid(360.0) - 180.0;
        let shrink = self.middle.lat().to_radians().cos().max(1e-6);
        (lon * shrink * DEGREE_M, (position.lat() - self.middle.lat()) * DEGREE_M)
    }

    /// Where a position is on the map.
    pub(super) fn point(&self, position: Position) -> Point {
        let (east, north) = self.metres(position);
        (WIDTH / 2.0 + east * self.scale, self.height / 2.0 - north * self.scale)
    }

    /// Whether a point is on the map.
    pub(super) fn holds(&self, (x, y): Point) -> bool {
        (0.0..=WIDTH).contains(&x) && (0.0..=self.height).contains(&y)
    }

    /// The point of the map that is nearest, a little in from its rim.
    pub(super) fn nearest(&self, (x, y): Point) -> Point {
        (x.clamp(8.0, WIDTH - 8.0), y.clamp(8.0, self.height - 8.0))
    }
}

/// A line with at most so many points, 2 at least, that strays from the old one by about `within`, more where that
/// many points do not do: D. Douglas and T. Peucker, Algorithms for the reduction of the number of points required to
/// represent a digitized line, Cartographica 10 (1973), piece by piece, since a whole zigzag takes it the square of
/// its length.
pub(super) fn thinned(line: &[Point], mut within: f64, most: usize) -> Vec<Point> {
    let mut line = line.to_vec();
    loop {
        let mut thin: Vec<Point> = Vec::with_capacity(line.len());
        for begin in (0..line.len().max(1)).step_by(PIECE) {
            // Pieces share their ends.
            let piece = line.get(begin..line.len().min(begin + PIECE + 1)).unwrap_or_default();
            thin.extend(simplified(piece, within).into_iter().skip(usize::from(begin > 0)));
        }
        if thin.len() <= most.max(2) {
            return thin;
        }
        (line, within) = (thin, within * 2.0);
    }
}

fn simplified(line: &[Point], within: f64) -> Vec<Point> {
    let Some(last) = line.len().checked_sub(1) else { return Vec::new() };
    let mut kept = vec![false; line.len()];
    let mut open = vec![(0, last)];
    for end in [0, last] {
        if let Some(kept) = kept.get_mut(end) {
            *kept = true;
        }
    }
    while let Some((from, to)) = open.pop() {
        let (Some(a), Some(b)) = (line.get(from), line.get(to)) else { continue };
        let between = line.get(from + 1..to).unwrap_or_default().iter().zip(from + 1..);
        let farthest = between.map(|(point, index)| (off(*point, *a, *b), index)).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, index)) = farthest.filter(|(distance, _)| *distance > within) {
            if let Some(kept) = kept.get_mut(index) {
                *kept = true;
            }
            open.extend([(from, index), (index, to)]);
        }
    }
    line.iter().zip(kept).filter(|(_, kept)| *kept).map(|(point, _)| *point).collect()
}

/// How far a point is from a segment.
fn off(point: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let share = if length == 0.0 { 0.0 } else { ((point.0 - a.0) * dx + (point.1 - a.1) * dy) / length };
    let share = share.clamp(0.0, 1.0);
    (point.0 - a.0 - share * dx).hypot(point.1 - a.1 - share * dy)
}

/// Dots that are apart: one in each square of the given side, and at most so many.
pub(super) fn apart(dots: &[Point], side: f64, most: usize) -> Vec<Point> {
    let mut taken = std::collections::BTreeSet::new();
    #[expect(clippy::cast_possible_truncation, reason = "saturates far off the map")]
    let square = |value: f64| (value / side).floor() as i64;
    let apart: Vec<Point> = dots.iter().copied().filter(|(x, y)| taken.insert((square(*x), square(*y)))).collect();
    if apart.len() > most { self::apart(&apart, side * 1.5, most) } else { apart }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn north_is_up_and_all_is_on_the_map_across_180_degrees_too() {
        for lon in [-104.99, 179.9999, -180.0, 0.0] {
            let corners = [(39.74, 0.0), (39.75, 0.01), (39.745, -0.012)];
            let corners = corners.map(|(lat, east)| Position::wrapped(lat, lon + east));
            let plane = Plane::around(&corners).unwrap();
            let points = corners.map(|corner| plane.point(corner));
            assert!(points.iter().all(|point| plane.holds(*point)), "{lon}: {points:?}");
            assert!(points[1].1 < points[0].1 && points[1].0 > points[0].0, "{lon}: {points:?}");
        }
        assert_eq!(Plane::around(&[]), None);
    }

    #[test]
    fn a_thinned_line_keeps_its_ends_and_its_corners() {
        let line: Vec<Point> = (0..=200)
            .map(|step| if step <= 100 { (f64::from(step), 0.0) } else { (100.0, f64::from(step - 100)) })
            .collect();
        assert_eq!(thinned(&line, 0.5, 100), [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)]);
        let noise: Vec<Point> = (0..5_000).map(|step| (f64::from(step), f64::from(step * 7_919 % 101))).collect();
        assert!(thinned(&noise, 0.1, 300).len() <= 300);
        assert!(apart(&noise, 1.0, 300).len() <= 300);
        assert_eq!(thinned(&[], 1.0, 10), []);
    }
}
