//! A fence prepared for measuring.

use super::chart::{Chart, Flat, Nearest, Rect};
use super::check::{check, line_string};
use super::draft::Draft;
use super::earth::{Bounds, Space, Spot, Station};
use super::outline::Outline;
use crate::model::invalid::at_most;
use crate::model::place::{POLYGONS_MAX, RINGS_MAX, VERTICES_MAX};
use crate::model::{Circle, Fence, Invalid, Metres, Polygon, Position};
use geo::{Area as _, Centroid as _};
use std::sync::Arc;

/// So near to an edge is on it, in metres: rounding moves a position by less.
const ON_EDGE_M: f64 = 1e-6;

/// A fence prepared for measuring. A clone is cheap and shares what is large.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Circle { center: Spot, radius_m: f64 },
    Area(Arc<Area>),
}

#[derive(Debug, PartialEq)]
struct Area {
    parts: Box<[Part]>,
    bounds: Bounds,
    center: Position,
    ground_m2: f64,
}

/// One polygon.
#[derive(Debug, PartialEq)]
struct Part {
    chart: Chart,
    /// The outer ring first.
    rings: Box<[Outline]>,
    space: Space,
}

impl Shape {
    /// Prepares a fence.
    ///
    /// Edges are straight in longitude and latitude (RFC 7946, section 3.1.1), and one of more than 180° of
    /// longitude goes the short way, across ±180°. A ring that goes round a pole bounds the side that holds it. A
    /// point that repeats the one before it is dropped.
    ///
    /// Refused, by the path of the field: a radius out of range; more polygons, rings or points than
    /// [`model::place`](crate::model::place) allows; a ring of fewer than 4 points, not closed, without area,
    /// 180° wide or more, or with edges that cross or overlap; rings of one polygon that cross or overlap; a hole
    /// outside the outer ring or inside another hole; a ring near a pole that reaches the equator. Rings may touch
    /// themselves and each other in points. Polygons of one fence may overlap: the fence is their union.
    pub fn prepare(fence: &Fence) -> Result<Self, Invalid> {
        match fence {
            Fence::Circle(Circle { center, radius }) => {
                Circle::new(*center, *radius).map_err(|e| e.under("circle"))?;
                Ok(Self(Kind::Circle { center: Spot::new(*center), radius_m: radius.0 }))
            }
            Fence::Polygon(polygon) => {
                let prepared = within_limits(std::slice::from_ref(polygon)).and_then(|()| prepare(polygon));
                Ok(Self::area(vec![prepared.map_err(|e| e.under("polygon"))?]))
            }
            Fence::MultiPolygon(polygons) => {
                let each = |(index, polygon)| prepare(polygon).map_err(|e| e.at("polygons", index));
                let prepared = within_limits(polygons).and_then(|()| polygons.iter().enumerate().map(each).collect());
                Ok(Self::area(prepared.map_err(|e| e.under("multi_polygon"))?))
            }
        }
    }

    /// Distance to the nearest edge in metres, negative inside, the holes being outside. The boundary belongs to
    /// the area: on it, and within a micrometre of it, the distance is 0. Inside several polygons of one fence,
    /// the distance is that to the edge of the one that reaches furthest.
    ///
    /// Accuracy: within a few kilometres of the edge better than 1e-5 of the distance, at any latitude, for the
    /// lon/lat edges of polygons and for circles alike; up to 100 km still better than 0.1 %. Above 88° of
    /// latitude the edges of a polygon may stray from the true line by 1 cm, or 1e-7 of the distance from the
    /// pole where that is more; and a polygon that reaches from there further than some 500 km from the pole may
    /// have the wrong one of two edges taken for the nearest when they are almost equally far.
    pub fn signed_distance(&self, position: Position) -> Metres {
        Metres(self.measure(&Spot::new(position), f64::INFINITY).unwrap_or(f64::INFINITY))
    }

    /// The range of latitude and longitude that holds the fence.
    pub fn bounds(&self) -> Bounds {
        match &self.0 {
            Kind::Circle { center, radius_m } => Bounds::of_circle(center.position, *radius_m),
            Kind::Area(area) => area.bounds,
        }
    }

    /// The centre of a circle; else the centroid of the largest polygon, which may lie outside of it.
    pub fn center(&self) -> Position {
        match &self.0 {
            Kind::Circle { center, .. } => center.position,
            Kind::Area(area) => area.center,
        }
    }

    /// The signed distance in metres, unless it is more than `most_m`.
    pub(super) fn measure(&self, spot: &Spot, most_m: f64) -> Option<f64> {
        self.measure_from(&Station::new(*spot), most_m)
    }

    /// The same, where more than one fence is measured from one spot.
    pub(super) fn measure_from(&self, station: &Station, most_m: f64) -> Option<f64> {
        let spot = &station.spot;
        let distance = match &self.0 {
            Kind::Circle { center, radius_m } => {
                let chord = center.chord_m(spot);
                if chord - radius_m > most_m {
                    return None;
                }
                on_edge(center.distance_over_m(spot, chord) - radius_m)
            }
            Kind::Area(area) => {
                // The way along the ground is no shorter than the one to the box.
                area.parts.iter().fold(f64::INFINITY, |best, part| {
                    let most = best.min(most_m).max(0.0);
                    if part.space.distance_2(&spot.space) > most * most {
                        best
                    } else {
                        best.min(part.measure(station))
                    }
                })
            }
        };
        (distance <= most_m).then_some(distance)
    }

    /// Area in square metres. Where polygons of one fence overlap, it counts for each.
    pub(super) fn area_m2(&self) -> f64 {
        match &self.0 {
            Kind::Circle { radius_m, .. } => std::f64::consts::PI * radius_m * radius_m,
            Kind::Area(area) => area.ground_m2,
        }
    }

    /// The centre and the radius of a circle in metres; absent for polygons.
    pub(super) fn circle(&self) -> Option<(Spot, f64)> {
        match &self.0 {
            Kind::Circle { center, radius_m } => Some((*center, *radius_m)),
            Kind::Area(_) => None,
        }
    }

    /// Flat rectangles that hold the fence: one for the circle, or one for each polygon in its chart.
    pub(super) fn plots(&self) -> Vec<(Chart, Rect)> {
        match &self.0 {
            Kind::Circle { center, radius_m } => vec![plot_of_circle(center.position, *radius_m)],
            Kind::Area(area) => {
                area.parts.iter().filter_map(|part| Some((part.chart, *part.rings.first()?.rect()))).collect()
            }
        }
    }

    /// Boxes in space, at most 64, that hold the fence.
    pub(super) fn spaces(&self) -> impl Iterator<Item = Space> {
        let (circle, parts) = match &self.0 {
            Kind::Circle { center, radius_m } => (Some(center.around(*radius_m)), &[][..]),
            Kind::Area(area) => (None, &area.parts[..]),
        };
        circle.into_iter().chain(parts.iter().map(|part| part.space))
    }

    fn area(prepared: Vec<Prepared>) -> Self {
        let bounds = prepared.iter().map(|p| p.bounds).reduce(Bounds::merge);
        let largest = prepared.iter().max_by(|a, b| a.area_m2.total_cmp(&b.area_m2));
        let center = largest.map_or(Position::wrapped(0.0, 0.0), |p| p.center);
        let bounds = bounds.unwrap_or(Bounds { south: 0.0, west: 0.0, north: 0.0, east: 0.0 });
        let ground_m2 = prepared.iter().map(|p| p.area_m2).sum();
        let parts = prepared.into_iter().map(|p| p.part).collect();
        Self(Kind::Area(Arc::new(Area { parts, bounds, center, ground_m2 })))
    }
}

impl Part {
    fn measure(&self, station: &Station) -> f64 {
        let Some(outer) = self.rings.first() else { return f64::INFINITY };
        let frame = self.chart.frame(station, outer.rect());
        let mut nearest = Nearest::NONE;
        for ring in &self.rings {
            ring.visit(&frame, &mut nearest);
        }
        // The foot is right to second order, so that its exact distance is nearly that of the true foot.
        let distance = on_edge(self.chart.distance_m(station, frame.from, nearest.offset));
        if distance > 0.0 && self.holds(frame.from) { -distance } else { distance }
    }

    /// Even-odd rule over all the rings.
    fn holds(&self, spot: Flat) -> bool {
        self.rings.first().is_some_and(|outer| outer.spans(spot))
            && self.rings.iter().fold(false, |odd, ring| odd ^ (ring.spans(spot) && ring.is_odd(spot)))
    }
}

/// A polygon that has passed all checks.
struct Prepared {
    part: Part,
    bounds: Bounds,
    area_m2: f64,
    center: Position,
}

fn prepare(polygon: &Polygon) -> Result<Prepared, Invalid> {
    at_most("rings", polygon.rings.len(), RINGS_MAX)?;
    let draft = Draft::new(polygon)?;
    check(&draft)?;
    let mut lines = draft.rings.iter().map(|r| line_string(&r.points));
    let flat = geo::Polygon::new(lines.next().unwrap_or(geo::LineString::new(vec![])), lines.collect());
    let middle = flat.centroid().map_or([0.0, 0.0], |c| [c.x(), c.y()]);
    Ok(Prepared {
        bounds: draft.bounds,
        area_m2: flat.unsigned_area() * draft.chart.unit_m2(middle),
        center: draft.chart.position(middle),
        part: Part {
            chart: draft.chart,
            space: draft.bounds.space(),
            rings: draft.rings.into_iter().map(|r| Outline::new(r.points)).collect(),
        },
    })
}

fn within_limits(polygons: &[Polygon]) -> Result<(), Invalid> {
    if polygons.is_empty() {
        return Err(Invalid::new("polygons", "is empty; must have at least one polygon"));
    }
    at_most("polygons", polygons.len(), POLYGONS_MAX)?;
    let vertices: usize = polygons.iter().flat_map(|p| &p.rings).map(|r| r.points.len()).sum();
    if vertices > VERTICES_MAX {
        return Err(Invalid::new("", format!("has {vertices} points in all; at most {VERTICES_MAX} are allowed")));
    }
    Ok(())
}

fn plot_of_circle(center: Position, radius_m: f64) -> (Chart, Rect) {
    let bounds = Bounds::of_circle(center, radius_m);
    if bounds.south > -90.0 && bounds.north < 90.0 {
        let corners = [[bounds.west, bounds.south], [bounds.east, bounds.north]];
        return (Chart::Graticule { middle: f64::midpoint(bounds.west, bounds.east) }, Rect::around(&corners));
    }
    let chart = Chart::Polar { pole: center.lat().signum() };
    let [x, y] = chart.flat(center.lon(), center.lat());
    let reach = 1.01 * radius_m;
    (chart, Rect::around(&[[x - reach, y - reach], [x + reach, y + reach]]))
}

fn on_edge(distance_m: f64) -> f64 {
    if distance_m.abs() <= ON_EDGE_M { 0.0 } else { distance_m }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::{at, ring, square};
    use std::cmp::Ordering::{Equal, Greater, Less};

    fn polygon(rings: &[&[(f64, f64)]]) -> Polygon {
        Polygon { rings: rings.iter().map(|points| ring(points)).collect() }
    }

    /// Compares the side of the edge that a position (longitude, latitude) is on; less is inside.
    fn check(fence: &Fence, cases: &[((f64, f64), std::cmp::Ordering)]) {
        let shape = Shape::prepare(fence).unwrap();
        for ((lon, lat), expected) in cases {
            let distance = shape.signed_distance(Position::wrapped(*lat, *lon)).0;
            assert_eq!(distance.total_cmp(&0.0), *expected, "{distance} m at {lon},{lat} of {fence:?}");
        }
    }

    #[test]
    fn the_boundary_belongs_to_the_area_and_holes_do_not() {
        let outer = &[(0.0, 0.0), (0.3, 0.1), (0.4, 0.4), (0.2, 0.2), (0.0, 0.4), (0.0, 0.0)][..];
        let hole = &[(0.1, 0.1), (0.2, 0.1), (0.1, 0.2), (0.1, 0.1)][..];
        let sides = [
            ((0.05, 0.15), Less),
            ((0.3, 0.2), Less),
            ((0.12, 0.12), Greater),
            ((0.2, 0.3), Greater),
            ((0.2, 0.05), Greater),
            ((-0.1, 0.2), Greater),
            // Vertices and edges, of the hole too; level with vertices, where a careless ray counts twice or never.
            ((0.0, 0.0), Equal),
            ((0.2, 0.2), Equal),
            ((0.3, 0.1), Equal),
            ((0.0, 0.2), Equal),
            ((0.15, 0.05), Equal),
            ((0.1, 0.3), Equal),
            ((0.15, 0.1), Equal),
            ((0.15, 0.15), Equal),
            ((0.1, 0.05), Less),
            ((0.1, 0.25), Less),
            ((0.2, 0.19), Less),
            ((0.2, 0.45), Greater),
        ];
        check(&Fence::Polygon(polygon(&[outer, hole])), &sides);
        let reversed = |points: &[(f64, f64)]| points.iter().rev().copied().collect::<Vec<_>>();
        check(&Fence::Polygon(polygon(&[&reversed(outer), &reversed(hole)])), &sides);
    }

    #[test]
    fn several_polygons_are_their_union() {
        let [a, b, c] = [(0.0, 0.0), (0.0, 0.009), (40.0, 100.0)].map(|(lat, lon)| square(lat, lon, 600.0));
        let fence = Fence::MultiPolygon(vec![a, b, c]);
        check(&fence, &[((0.0, 0.0), Less), ((0.0045, 0.0), Less), ((100.0, 40.0), Less), ((50.0, 20.0), Greater)]);
    }

    #[test]
    fn poles_and_the_antimeridian_are_places_like_any_other() {
        let split = polygon(&[&[(170.0, 40.0), (-170.0, 40.0), (-170.0, 50.0), (170.0, 50.0), (170.0, 40.0)]]);
        let on_line =
            [((180.0, 45.0), Less), ((-180.0, 45.0), Less), ((175.0, 40.0), Equal), ((160.0, 45.0), Greater)];
        check(&Fence::Polygon(split), &on_line);
        for pole in [1.0, -1.0] {
            let cap =
                [(0.0, 89.5), (90.0, 89.5), (180.0, 89.5), (-90.0, 89.5), (0.0, 89.5)].map(|(x, y)| (x, y * pole));
            let hole = [(0.0, 89.9), (120.0, 89.9), (-120.0, 89.9), (0.0, 89.9)].map(|(x, y)| (x, y * pole));
            let sides = [((45.0, 89.51), Less), ((45.0, 89.49), Greater), ((179.99, 89.7), Less)];
            let sides = sides.map(|((x, y), side)| ((x, y * pole), side));
            check(&Fence::Polygon(polygon(&[&cap])), &sides);
            check(&Fence::Polygon(polygon(&[&cap, &hole])), &sides);
            check(&Fence::Polygon(polygon(&[&cap])), &[((77.0, 90.0 * pole), Less)]);
            check(&Fence::Polygon(polygon(&[&cap, &hole])), &[((77.0, 90.0 * pole), Greater)]);
        }
        // A wedge that ends in the pole itself, given once by each of two longitudes.
        let wedge = polygon(&[&[(0.0, 89.0), (60.0, 89.0), (60.0, 90.0), (0.0, 90.0), (0.0, 89.0)]]);
        check(&Fence::Polygon(wedge), &[((30.0, 89.5), Less), ((-30.0, 89.5), Greater), ((200.0, 90.0), Equal)]);
    }

    #[test]
    fn distances_are_metres() {
        // A minute of arc along the meridian at 45° and along the equator, from the WGS 84 radii of curvature.
        let (north, east) = (1_852.25, 1_855.32);
        let minute = 1.0 / 60.0;
        let band = |lat: f64| Shape::prepare(&Fence::Polygon(square(lat, 0.0, 20_000.0))).unwrap();
        let half = 20_000.0 / 111_000.0;
        for (shape, lat, lon, expected) in [
            (band(45.0), 45.0 + half + minute, 0.0, north),
            (band(45.0), 45.0 + half - minute, 0.0, -north),
            (band(0.0), 0.0, 20_000.0 / 111_320.0 + minute, east),
            (band(0.0), 0.0, 20_000.0 / 111_320.0 - minute, -east),
        ] {
            let found = shape.signed_distance(at(lat, lon)).0;
            assert!((found / expected - 1.0).abs() < 1e-4, "{found} for {expected} m");
        }
        let circle = Circle::new(at(0.0, -180.0), Metres(1_000.0)).unwrap();
        let circle = Shape::prepare(&Fence::Circle(circle)).unwrap();
        assert!((circle.signed_distance(at(0.0, 180.0 - minute)).0 - (east - 1_000.0)).abs() < 0.01);
        assert!((circle.signed_distance(at(0.0, 180.0)).0 + 1_000.0).abs() < 1e-6);
        assert!(circle.signed_distance(at(0.0, 0.0)).0 > 2.0e7);
    }

    #[test]
    fn bounds_and_centres() {
        let shape =
            Shape::prepare(&Fence::MultiPolygon(vec![square(10.0, 179.99, 5_000.0), square(10.0, -179.9, 900.0)]));
        let shape = shape.unwrap();
        let (bounds, center) = (shape.bounds(), shape.center());
        assert!(bounds.west < 179.99 && bounds.east > 180.1 && bounds.east < 180.2, "{bounds:?}");
        assert!((center.lat() - 10.0).abs() < 1e-6 && (center.lon() - 179.99).abs() < 1e-6, "{center:?}");
        let refusal = Shape::prepare(&Fence::Circle(Circle { center: at(0.0, 0.0), radius: Metres(f64::NAN) }));
        assert_eq!(refusal.unwrap_err().field, "circle.radius_m");
    }
}
