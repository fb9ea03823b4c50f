//! Measures of fences, each at a bounded cost and the same every time.

use super::super::atlas::Site;
use super::super::chart::{Chart, Flat, Rect};
use super::super::earth::Spot;
use super::super::shape::Shape;
use crate::model::{Extent, Fence, Metres};
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Most distances that one inscribed circle takes.
const CELLS_MAX: usize = 400;
/// Most cells along one side of a polygon at first.
const SPLITS_MAX: u32 = 8;
/// An inscribed circle is right within this share, or this many metres if they are more.
const PRECISION: f64 = 0.03;
const PRECISION_M: f64 = 0.5;
/// Cells are taken for this much larger than they are: what is flat here is round outside.
const CELL_SLACK: f64 = 1.01;
/// Points along a side of the grid that an overlap is counted on; fewer for each of several polygons.
const GRID: u32 = 24;
/// Most vertices of a fence that a gap is measured from; further ones are skipped evenly.
const GAP_VERTICES_MAX: usize = 1_024;

/// The radius of the largest circle that fits in a fence, within 3 % or half a metre; less exact for a fence of very
/// many scattered polygons, and then too small.
///
/// A quadtree of cells, the one that can hold the deepest point first, as `polylabel` has it (Mapbox, 2016; after
/// D. Garcia-Castellanos and U. Lombardo, "Poles of inaccessibility", 2007).
pub(super) fn inscribed(shape: &Shape) -> Metres {
    if let Some((_, radius_m)) = shape.circle() {
        return Metres(radius_m);
    }
    let depth = |spot: &Spot| -shape.measure(spot, f64::INFINITY).unwrap_or(f64::INFINITY);
    let mut best = depth(&Spot::new(shape.center())).max(0.0);
    let mut cells: BinaryHeap<Cell> = BinaryHeap::new();
    let mut looked = 0;
    let mut look = |chart: Chart, middle: Flat, half: Flat, best: &mut f64| {
        looked += 1;
        let own = depth(&Spot::new(chart.position(middle)));
        *best = best.max(own);
        let [x, y] = chart.unit_m(middle);
        let most = own + CELL_SLACK * (half[0] * x).hypot(half[1] * y);
        (looked <= CELLS_MAX).then_some(Cell { chart, middle, half, most })
    };
    for (chart, rect) in shape.plots() {
        cells.extend(grid(chart, &rect).filter_map(|(middle, half)| look(chart, middle, half, &mut best)));
    }
    while let Some(Cell { chart, middle, half, most }) = cells.pop() {
        if most - best <= PRECISION_M.max(PRECISION * best) {
            break;
        }
        let half = half.map(|h| 0.5 * h);
        for (right, up) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
            let middle = [middle[0] + right * half[0], middle[1] + up * half[1]];
            cells.extend(look(chart, middle, half, &mut best));
        }
    }
    Metres(best)
}

/// The ground of a fence, to be compared with others.
pub(super) struct Ground<'a> {
    shape: &'a Shape,
    /// Spots in it, each with the area that it stands for in m²; made when they are needed.
    spots: OnceCell<Vec<(Spot, f64)>>,
}

impl<'a> Ground<'a> {
    /// The ground of a fence.
    pub(super) fn new(shape: &'a Shape) -> Self {
        Self { shape, spots: OnceCell::new() }
    }

    /// The share of it that lies in another fence, 0 to 1: exact for two circles, else counted on a grid, so within
    /// a few hundredths.
    pub(super) fn share_within(&self, other: &Shape) -> f64 {
        if let (Some((a, r)), Some((b, s))) = (self.shape.circle(), other.circle()) {
            return (lens_m2(a.distance_m(&b), r, s) / self.shape.area_m2()).clamp(0.0, 1.0);
        }
        let spots = self.spots.get_or_init(|| spots(self.shape));
        let all: f64 = spots.iter().map(|(_, m2)| m2).sum();
        let both: f64 = spots.iter().filter(|(spot, _)| other.measure(spot, 0.0).is_some()).map(|(_, m2)| m2).sum();
        if all > 0.0 { (both / all).clamp(0.0, 1.0) } else { 0.0 }
    }
}

fn spots(shape: &Shape) -> Vec<(Spot, f64)> {
    let plots = shape.plots();
    let side = match plots.len() {
        0 | 1 => GRID,
        2..=4 => GRID / 2,
        _ => GRID / 4,
    };
    let mut spots = Vec::new();
    for (chart, rect) in plots {
        let step = [0, 1].map(|axis| (rect.high[axis] - rect.low[axis]) / f64::from(side));
        // The plots may differ in size.
        let weight = chart.unit_m2(middle_of(&rect)) * step[0] * step[1];
        for (column, row) in (0..side).flat_map(|column| (0..side).map(move |row| (column, row))) {
            let at = [(0, column), (1, row)].map(|(axis, i)| rect.low[axis] + (f64::from(i) + 0.5) * step[axis]);
            let spot = Spot::new(chart.position(at));
            if shape.measure(&spot, 0.0).is_some() {
                spots.push((spot, weight));
            }
        }
    }
    spots
}

/// How far apart the edges of two fences are, 0 or less when they meet, unless it is more than `most_m`.
///
/// Two polygons that do not meet are nearest at a vertex of one of them. When edges cross without a vertex inside
/// the other fence, the gap comes out above 0: look at the overlap first.
pub(super) fn gap_m(one: &Site, other: &Site, most_m: f64) -> Option<f64> {
    let (a, b) = (one.shape()?, other.shape()?);
    match (a.circle(), b.circle()) {
        (Some((spot, radius_m)), _) => b.measure(&spot, most_m + radius_m).map(|d| d - radius_m),
        (None, Some((spot, radius_m))) => a.measure(&spot, most_m + radius_m).map(|d| d - radius_m),
        (None, None) => {
            let from = |site: &Site, shape: &Shape| {
                vertices(site).into_iter().filter_map(|spot| shape.measure(&spot, most_m)).reduce(f64::min)
            };
            let gaps = [from(one, b), from(other, a)];
            gaps.into_iter().flatten().reduce(f64::min)
        }
    }
}

/// The spots around which a fence lies, with the reach in metres that holds all of it.
pub(super) fn reaches(shape: &Shape) -> Vec<(Spot, f64)> {
    let around = |(chart, rect): (Chart, Rect)| {
        let middle = middle_of(&rect);
        let spot = Spot::new(chart.position(middle));
        let corners = [rect.low, rect.high, [rect.low[0], rect.high[1]], [rect.high[0], rect.low[1]]];
        let reach = corners.map(|corner| spot.distance_m(&Spot::new(chart.position(corner))));
        (spot, CELL_SLACK * reach.into_iter().fold(0.0, f64::max))
    };
    match shape.circle() {
        Some(circle) => vec![circle],
        None => shape.plots().into_iter().map(around).collect(),
    }
}

fn vertices(site: &Site) -> Vec<Spot> {
    let polygons = match &site.region.extent {
        Extent::Fence(Fence::Polygon(polygon)) => std::slice::from_ref(polygon),
        Extent::Fence(Fence::MultiPolygon(polygons)) => polygons,
        Extent::Fence(Fence::Circle(_)) | Extent::Beacon(_) => &[],
    };
    let points: Vec<_> = polygons.iter().flat_map(|p| &p.rings).flat_map(|r| &r.points).collect();
    let stride = points.len().div_ceil(GAP_VERTICES_MAX).max(1);
    points.into_iter().step_by(stride).map(|point| Spot::new(*point)).collect()
}

/// The area that two circles share on a plane; on the ground it is as good as that up to 100 km.
fn lens_m2(apart: f64, r: f64, s: f64) -> f64 {
    if apart >= r + s {
        return 0.0;
    }
    let small = r.min(s);
    if apart <= (r - s).abs() {
        return std::f64::consts::PI * small * small;
    }
    let half_angle = |r: f64, s: f64| ((apart * apart + r * r - s * s) / (2.0 * apart * r)).clamp(-1.0, 1.0).acos();
    let segment = |r: f64, half: f64| r * r * (half - half.sin() * half.cos());
    segment(r, half_angle(r, s)) + segment(s, half_angle(s, r))
}

/// Cells, about as wide as they are high, that fill a rectangle: their middles and half their sides.
fn grid(chart: Chart, rect: &Rect) -> impl Iterator<Item = (Flat, Flat)> {
    let sides = [0, 1].map(|axis| rect.high[axis] - rect.low[axis]);
    let unit = chart.unit_m(middle_of(rect));
    let metres = [sides[0] * unit[0], sides[1] * unit[1]];
    let least = metres[0].min(metres[1]).max(f64::MIN_POSITIVE);
    let count = metres.map(|m| (1..SPLITS_MAX).find(|n| m / least < f64::from(*n) + 0.5).unwrap_or(SPLITS_MAX));
    let half = [0, 1].map(|axis| 0.5 * sides[axis] / f64::from(count[axis]));
    let [columns, rows] = count;
    let low = rect.low;
    (0..columns).flat_map(move |column| {
        (0..rows).map(move |row| {
            let at = |axis: usize, i: u32| low[axis] + (2.0 * f64::from(i) + 1.0) * half[axis];
            ([at(0, column), at(1, row)], half)
        })
    })
}

fn middle_of(rect: &Rect) -> Flat {
    [0, 1].map(|axis| f64::midpoint(rect.low[axis], rect.high[axis]))
}

/// A cell of the quadtree, ordered by how deep a point in it can be.
struct Cell {
    chart: Chart,
    middle: Flat,
    half: Flat,
    most: f64,
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> Ordering {
        self.most.total_cmp(&other.most)
    }
}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cell {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::{at, ring, square};
    use crate::model::{Circle, Polygon};

    fn shape(fence: &Fence) -> Shape {
        Shape::prepare(fence).unwrap()
    }

    fn circle(lat: f64, lon: f64, radius_m: f64) -> Shape {
        shape(&Fence::Circle(Circle::new(at(lat, lon), Metres(radius_m)).unwrap()))
    }

    fn upright(lat: f64, lon: f64, half_m: f64) -> Shape {
        shape(&Fence::Polygon(square(lat, lon, half_m)))
    }

    #[test]
    fn the_largest_circle_fits_in() {
        // A square, one across ±180°, a bar of 20 by 400 m, an L of two bars whose corner is wider, the cap of a pole.
        let m = 1.0 / 111_320.0;
        let polygon = |points: &[(f64, f64)]| shape(&Fence::Polygon(Polygon { rings: vec![ring(points)] }));
        let in_metres =
            |points: &[(f64, f64)]| polygon(&points.iter().map(|(x, y)| (x * m, y * m)).collect::<Vec<_>>());
        let bar = in_metres(&[(0.0, 0.0), (400.0, 0.0), (400.0, 20.0), (0.0, 20.0), (0.0, 0.0)]);
        let l = [(0.0, 0.0), (200.0, 0.0), (200.0, 40.0), (40.0, 40.0), (40.0, 200.0), (0.0, 200.0), (0.0, 0.0)];
        let cap = polygon(&[(0.0, 89.99), (90.0, 89.99), (180.0, 89.99), (-90.0, 89.99), (0.0, 89.99)]);
        let scattered = Fence::MultiPolygon(vec![square(10.0, 10.0, 30.0), square(-40.0, 100.0, 55.0)]);
        for (name, shape, expected) in [
            ("circle", circle(40.0, 10.0, 33.0), 33.0),
            ("square", upright(40.0, 10.0, 50.0), 50.0),
            ("antimeridian", upright(60.0, 180.0, 500.0), 500.0),
            ("bar", bar, 10.0),
            ("l", in_metres(&l), 23.4),
            // Its edges follow the parallel.
            ("cap", cap, 1_117.0),
            ("scattered", shape(&scattered), 55.0),
        ] {
            let found = inscribed(&shape).0;
            assert!((found / expected - 1.0).abs() < 0.07, "{name}: {found} for {expected} m");
        }
    }

    #[test]
    fn shares_of_areas() {
        let far = |east_m: f64| at(0.0, east_m / 111_320.0).lon();
        for (name, one, other, expected) in [
            ("apart", circle(0.0, 0.0, 50.0), circle(0.0, far(101.0), 50.0), 0.0),
            ("same", circle(0.0, 0.0, 50.0), circle(0.0, 0.0, 50.0), 1.0),
            ("inside", circle(0.0, 0.0, 20.0), circle(0.0, far(20.0), 50.0), 1.0),
            ("outside", circle(0.0, 0.0, 50.0), circle(0.0, far(20.0), 25.0), 0.25),
            // Two equal circles, each through the middle of the other: (4π - 3√3) / 6π.
            ("vesica", circle(0.0, 0.0, 50.0), circle(0.0, far(50.0), 50.0), 0.391),
            ("half", upright(0.0, 0.0, 50.0), upright(0.0, far(50.0), 50.0), 0.5),
            ("round in square", circle(0.0, 0.0, 50.0), upright(0.0, 0.0, 50.0), 1.0),
            ("square in round", upright(0.0, 0.0, 50.0), circle(0.0, 0.0, 50.0), 0.785),
            ("pole", circle(90.0, 0.0, 50.0), circle(90.0, 0.0, 25.0), 0.25),
        ] {
            let found = Ground::new(&one).share_within(&other);
            assert!((found - expected).abs() < 0.03, "{name}: {found} for {expected}");
        }
    }
}
