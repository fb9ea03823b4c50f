//! A fence prepared for measuring.

use super::chart::{Chart, Flat, Nearest};
use super::check::{check, line_string};
use super::draft::Draft;
use super::earth::{Bounds, Space, Spot};
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
    /// latitude the edges of a polygon may stray from the true line by 1 cm, or a millionth of the distance from
    /// the pole where that is more.
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
        let distance = match &self.0 {
            Kind::Circle { center, radius_m } => {
                if center.chord_m(spot) - radius_m > most_m {
                    return None;
                }
                on_edge(center.distance_m(spot) - radius_m)
            }
            Kind::Area(area) => {
                // The way along the ground is no shorter than the one to the box.
                area.parts.iter().fold(f64::INFINITY, |best, part| {
                    let to_box = part.space.distance_2(&spot.space).sqrt();
                    if to_box > best.min(most_m).max(0.0) { best } else { best.min(part.measure(spot)) }
                })
            }
        };
        (distance <= most_m).then_some(distance)
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
        let parts = prepared.into_iter().map(|p| p.part).collect();
        Self(Kind::Area(Arc::new(Area { parts, bounds, center })))
    }
}

impl Part {
    fn measure(&self, spot: &Spot) -> f64 {
        let frame = self.chart.frame(spot);
        let mut nearest = Nearest::NONE;
        for ring in &self.rings {
            ring.visit(&frame, &mut nearest);
        }
        let foot = [frame.from[0] + nearest.offset[0], frame.from[1] + nearest.offset[1]];
        // The foot is right to second order, so that its exact distance is nearly that of the true foot.
        let distance = on_edge(spot.distance_m(&Spot::new(self.chart.position(foot))));
        if self.holds(frame.from) { -distance } else { distance }
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
    for polygon in polygons {
        at_most("rings", polygon.rings.len(), RINGS_MAX)?;
    }
    let vertices: usize = polygons.iter().flat_map(|p| &p.rings).map(|r| r.points.len()).sum();
    if vertices > VERTICES_MAX {
        return Err(Invalid::new("", format!("has {vertices} points in all; at most {VERTICES_MAX} are allowed")));
    }
    Ok(())
}

fn on_edge(distance_m: f64) -> f64 {
    if distance_m.abs() <= ON_EDGE_M { 0.0 } else { distance_m }
}
