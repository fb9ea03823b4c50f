//! From a ring of positions to a ring in a chart: unwrapping at ±180°, and the choice of the chart.

use super::chart::{Chart, Flat};
use super::earth::Bounds;
use crate::model::{Invalid, Polygon, Position, Ring};
use std::cmp::Ordering;

/// Beyond this latitude a polygon is kept in a polar chart.
const POLAR_FROM_DEG: f64 = 88.0;
/// Edges are cut in pieces that stray at most so far from the true line in a polar chart, ...
const STRAY_M: f64 = 0.01;
/// ... or by this share of the distance from the pole.
const STRAY_SHARE: f64 = 1e-7;
/// About the most pieces of one polygon in a polar chart, besides one for each edge; of more, each edge gets a
/// share and strays more.
const PIECES_MAX: f64 = 16_384.0;

/// A ring whose longitudes run on beyond ±180° instead of jumping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unwrapped {
    /// Longitude and latitude in degrees; the last point is the first, a whole number of turns on.
    points: Vec<Flat>,
    /// Which of the ring's edges starts at the point; the edges of repeated points are gone.
    edges: Vec<usize>,
    /// Whether the ring goes round a pole.
    round_pole: bool,
}

impl Unwrapped {
    /// Unwraps a ring, the first point within half a turn of a longitude, and drops repeated points.
    pub(super) fn new(ring: &Ring, near_lon: f64) -> Result<Self, Invalid> {
        let all = &ring.points;
        let (Some(first), Some(last)) = (all.first(), all.last()) else {
            return Err(Invalid::new("points", "is empty; must have at least 4 points, the last one as the first"));
        };
        if all.len() < 4 {
            let problem = format!("has {} points; must have at least 4, the last one as the first", all.len());
            return Err(Invalid::new("points", problem));
        }
        if !is_same(*first, *last) {
            let problem = format!("is {}; must be the first point again, {}", show(*last), show(*first));
            return Err(Invalid::new(format!("points[{}]", all.len() - 1), problem));
        }
        let start_turns = ((near_lon - first.lon()) / 360.0).round();
        let mut unwrapped = Self { points: Vec::with_capacity(all.len()), edges: Vec::new(), round_pole: false };
        let (mut turns, mut before) = (start_turns, first.lon());
        for (index, point) in all.iter().enumerate() {
            // More than half a turn: it goes the short way, across ±180°.
            let step = point.lon() - before;
            turns += if step > 180.0 { -1.0 } else { f64::from(u8::from(step < -180.0)) };
            before = point.lon();
            let flat = [before + 360.0 * turns, point.lat()];
            if unwrapped.points.last() != Some(&flat) {
                unwrapped.points.push(flat);
                unwrapped.edges.push(index);
            } else if let Some(edge) = unwrapped.edges.last_mut() {
                *edge = index;
            }
        }
        let ends = (unwrapped.points.first().copied(), unwrapped.points.last().copied());
        unwrapped.round_pole = ends.0 != ends.1;
        if unwrapped.points.len() < 4 {
            return Err(Invalid::new("points", "has no area; must have at least 3 different points"));
        }
        unwrapped.edges.pop();
        Ok(unwrapped)
    }

    /// The range of the ring, unwrapped.
    pub(super) fn range(&self) -> Bounds {
        let none = Bounds { south: 90.0, west: f64::INFINITY, north: -90.0, east: f64::NEG_INFINITY };
        self.points.iter().fold(none, |b, [lon, lat]| Bounds {
            south: b.south.min(*lat),
            west: b.west.min(*lon),
            north: b.north.max(*lat),
            east: b.east.max(*lon),
        })
    }

    /// The ring in a chart, with a share of the pieces that it should have.
    fn drawn(&self, chart: Chart, share: f64) -> DraftRing {
        let mut drawn = DraftRing { points: Vec::with_capacity(self.points.len()), edges: Vec::new() };
        let mut add = |point: Flat, edge: Option<usize>| {
            if drawn.points.last() != Some(&point) {
                drawn.points.push(point);
                drawn.edges.extend(edge);
            } else if let (Some(last), Some(edge)) = (drawn.edges.last_mut(), edge) {
                // At the pole itself, where all longitudes are one point.
                *last = edge;
            }
        };
        let ends = self.points.iter().zip(self.points.iter().skip(1));
        for ((a, b), edge) in ends.zip(&self.edges) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to PIECES_MAX")]
            let pieces = (pieces(chart, *a, *b) * share).ceil() as u32;
            for piece in 0..pieces {
                let t = f64::from(piece) / f64::from(pieces);
                add(chart.flat(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])), Some(*edge));
            }
        }
        // Once round the pole ends where it began, but for rounding.
        if let Some(first) = self.points.first() {
            add(chart.flat(first[0], first[1]), None);
        }
        drawn.edges.truncate(drawn.points.len().saturating_sub(1));
        drawn
    }

    /// How many pieces the ring has in a chart.
    fn pieces(&self, chart: Chart) -> f64 {
        let ends = self.points.iter().zip(self.points.iter().skip(1));
        ends.map(|(a, b)| pieces(chart, *a, *b)).sum()
    }
}

/// A ring in a chart that is still to be checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DraftRing {
    /// The points; the last one is the first, and no two neighbours are the same.
    pub(super) points: Vec<Flat>,
    /// Which of the ring's edges it is that starts at the point.
    pub(super) edges: Vec<usize>,
}

/// A polygon in its chart that is still to be checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) chart: Chart,
    pub(super) bounds: Bounds,
    /// The outer ring first.
    pub(super) rings: Vec<DraftRing>,
}

impl Draft {
    /// Chooses the chart of a polygon and draws its rings.
    pub(super) fn new(polygon: &Polygon) -> Result<Self, Invalid> {
        let Some((outer, holes)) = polygon.rings.split_first() else {
            return Err(Invalid::new("rings", "is empty; must have an outer ring"));
        };
        let outer = Unwrapped::new(outer, 0.0).map_err(|e| e.at("rings", 0))?;
        let range = outer.range();
        let (chart, bounds) = choose(&outer, range)?;
        let middle = f64::midpoint(range.west, range.east);
        let mut unwrapped = vec![outer];
        for (index, hole) in holes.iter().enumerate() {
            unwrapped.push(Unwrapped::new(hole, middle).map_err(|e| e.at("rings", index + 1))?);
        }
        let goes_round = |ring: &Unwrapped| ring.round_pole;
        if let (Some(hole), Some(false)) = (unwrapped.iter().rposition(goes_round), unwrapped.first().map(goes_round))
        {
            let problem = "goes round a pole; must lie inside the outer ring, which does not";
            return Err(Invalid::new(format!("rings[{hole}]"), problem));
        }
        let pieces: f64 = unwrapped.iter().map(|ring| ring.pieces(chart)).sum();
        let share = (PIECES_MAX / pieces).min(1.0);
        let rings = unwrapped.iter().map(|ring| ring.drawn(chart, share)).collect();
        Ok(Self { chart, bounds, rings })
    }
}

/// The chart for an outer ring, and the range of what it bounds.
fn choose(outer: &Unwrapped, range: Bounds) -> Result<(Chart, Bounds), Invalid> {
    let width = range.east - range.west;
    if !outer.round_pole && range.north <= POLAR_FROM_DEG && range.south >= -POLAR_FROM_DEG {
        if width >= 180.0 {
            let problem = format!("spans {width:.0}° of longitude; must span less than 180°");
            return Err(Invalid::new("rings[0]", problem));
        }
        let middle = f64::midpoint(range.west, range.east);
        return Ok((Chart::Graticule { middle }, range.normal()));
    }
    if range.south <= 0.0 && range.north >= 0.0 {
        let problem =
            "goes round a pole or comes within 2° of it, and reaches the equator; must stay on one side of it";
        return Err(Invalid::new("rings[0]", problem));
    }
    let pole = if range.north > 0.0 { 1.0 } else { -1.0 };
    let mut bounds = range.normal();
    if outer.round_pole {
        (bounds.west, bounds.east) = (-180.0, 180.0);
        if pole > 0.0 { bounds.north = 90.0 } else { bounds.south = -90.0 }
    }
    Ok((Chart::Polar { pole }, bounds))
}

/// How many straight pieces should stand for an edge in a chart: a whole number, 1 or more.
fn pieces(chart: Chart, a: Flat, b: Flat) -> f64 {
    match chart {
        Chart::Graticule { .. } => 1.0,
        Chart::Polar { .. } => {
            let turn = (b[0] - a[0]).to_radians().abs();
            let from_pole = |p: Flat| chart.flat(0.0, p[1])[1].abs();
            let (ra, rb) = (from_pole(a), from_pole(b));
            let r = ra.max(rb);
            // A curve strays from its chord by at most an eighth of its second derivative.
            let stray = (2.0 * (ra - rb).abs() + r * turn) * turn / 8.0;
            (stray / STRAY_M.max(STRAY_SHARE * r)).sqrt().ceil().max(1.0)
        }
    }
}

/// Whether two positions are one; both signs of 180° are one meridian.
fn is_same(a: Position, b: Position) -> bool {
    let key = |p: Position| [p.lat(), if p.lon() <= -180.0 { 180.0 } else { p.lon() }];
    key(a).partial_cmp(&key(b)) == Some(Ordering::Equal)
}

fn show(p: Position) -> String {
    format!("{},{}", p.lat(), p.lon())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::ring;

    fn draft(points: &[(f64, f64)]) -> Draft {
        Draft::new(&Polygon { rings: vec![ring(points)] }).unwrap()
    }

    #[test]
    fn longitudes_run_on_across_the_antimeridian() {
        for (points, expected) in [
            (vec![(179.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (179.0, 0.0)], vec![179.0, 181.0, 181.0, 179.0]),
            (vec![(-179.0, 0.0), (179.0, 0.0), (179.0, 1.0), (-179.0, 0.0)], vec![-179.0, -181.0, -181.0, -179.0]),
            (vec![(180.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (-180.0, 0.0)], vec![-180.0, -179.0, -179.0, -180.0]),
        ] {
            let draft = draft(&points);
            let lons: Vec<f64> = draft.rings[0].points.iter().map(|p| p[0]).collect();
            assert_eq!(lons, expected);
            assert!((-180.0..=180.0).contains(&draft.bounds.west) && draft.bounds.east > draft.bounds.west);
        }
    }

    #[test]
    fn repeated_points_are_dropped_and_edges_keep_their_numbers() {
        let draft = draft(&[(0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)]);
        assert_eq!(draft.rings[0].points, [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]);
        assert_eq!(draft.rings[0].edges, [1, 3, 4]);
    }

    #[test]
    fn a_ring_round_a_pole_closes_in_its_chart() {
        for pole in [1.0, -1.0] {
            let draft = draft(&[(0.0, 89.0 * pole), (120.0, 89.5 * pole), (-120.0, 89.0 * pole), (0.0, 89.0 * pole)]);
            assert_eq!(draft.chart, Chart::Polar { pole });
            assert_eq!((draft.bounds.west, draft.bounds.east), (-180.0, 180.0));
            assert!((pole * if pole > 0.0 { draft.bounds.north } else { draft.bounds.south } - 90.0).abs() < 1e-12);
            let ring = &draft.rings[0];
            assert_eq!(ring.points.first(), ring.points.last());
            assert_eq!(ring.points.len(), ring.edges.len() + 1);
            assert!(ring.points.len() > 1_000 && ring.edges.is_sorted() && ring.edges.last() == Some(&2));
        }
    }

    #[test]
    fn pieces_are_bounded() {
        let zigzag = |i: u32| (f64::from(i % 2) * 170.0, 88.5 + f64::from(i) * 1e-4);
        let mut points: Vec<_> = (0..5_000).map(zigzag).collect();
        points.extend([(-90.0, 88.9), (0.0, 88.5)]);
        let pieces = draft(&points).rings[0].points.len();
        assert!(pieces < 5_010 + 16_384, "{pieces}");
    }
}
