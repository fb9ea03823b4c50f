//! What a polygon's rings must be: without crossings, with an area, the holes inside and apart.

use super::chart::{Chart, Flat};
use super::draft::{Draft, DraftRing};
use crate::model::Invalid;
use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
use geo::kernels::{Kernel, Orientation, RobustKernel};
use geo::line_intersection::{LineIntersection, line_intersection};
use geo::{Area as _, Coord, Line, LineString};
use rstar::{AABB, RTree, RTreeObject};

/// An area below this, in square metres, is none.
const AREA_MIN_M2: f64 = 0.01;

/// Checks the rings of one polygon; the first violation found is named.
pub(super) fn check(draft: &Draft) -> Result<(), Invalid> {
    for (index, ring) in draft.rings.iter().enumerate() {
        has_area(draft.chart, ring).map_err(|e| e.at("rings", index))?;
    }
    no_crossings(&draft.rings)?;
    holes_inside(&draft.rings)
}

/// The ring in the terms of `geo`.
pub(super) fn line_string(points: &[Flat]) -> LineString {
    points.iter().map(|p| (p[0], p[1])).collect()
}

fn has_area(chart: Chart, ring: &DraftRing) -> Result<(), Invalid> {
    let polygon = geo::Polygon::new(line_string(&ring.points), vec![]);
    let unit = ring.points.first().map_or(0.0, |p| chart.unit_m2(*p));
    if polygon.unsigned_area() * unit >= AREA_MIN_M2 {
        return Ok(());
    }
    // A figure of eight may have no area either, and is better called by its name.
    no_crossings(std::slice::from_ref(ring)).map_err(|e| Invalid::new("", e.problem))?;
    Err(Invalid::new("", format!("has no area; must bound at least {AREA_MIN_M2} square metres")))
}

/// One edge, or a piece of one, and where it belongs.
#[derive(Debug, Clone, Copy)]
struct Edge {
    line: Line,
    ring: usize,
    /// Which point of the draft ring it starts at.
    start: usize,
}

impl RTreeObject for Edge {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.line.start.into(), self.line.end.into())
    }
}

/// Finds two edges that cross or overlap: candidates from an R-tree, exact signs from robust predicates
/// (J. R. Shewchuk, 1997), by way of `geo`.
fn no_crossings(rings: &[DraftRing]) -> Result<(), Invalid> {
    let edges: Vec<Edge> = rings
        .iter()
        .enumerate()
        .flat_map(|(ring, r)| {
            let ends = r.points.iter().zip(r.points.iter().skip(1)).enumerate();
            ends.map(move |(start, (a, b))| Edge { line: Line::new(coord(*a), coord(*b)), ring, start })
        })
        .collect();
    let tree = RTree::bulk_load(edges.clone());
    let place = |e: &Edge| (e.ring, e.start);
    for one in &edges {
        let others = tree.locate_in_envelope_intersecting(&one.envelope());
        // The first in the order of the ring, whatever the order of the tree.
        let clash = others
            .filter(|other| place(other) > place(one))
            .filter_map(|other| clash(rings, one, other).map(|how| (place(other), other, how)))
            .min_by_key(|(at, _, _)| *at);
        if let Some((_, other, how)) = clash {
            return Err(refusal(rings, one, other, how));
        }
    }
    Ok(())
}

fn refusal(rings: &[DraftRing], one: &Edge, other: &Edge, how: &str) -> Invalid {
    let number = |e: &Edge| rings.get(e.ring).and_then(|r| r.edges.get(e.start)).copied().unwrap_or_default();
    let (a, b) = (number(one), number(other));
    let rule = "edges may touch but neither cross nor overlap (edge n runs from point n to the next)";
    let whose = if one.ring == other.ring { String::new() } else { format!(" of rings[{}]", one.ring) };
    Invalid::new(format!("rings[{}]", other.ring), format!("has edge {b}, which {how} edge {a}{whose}; {rule}"))
}

/// How two edges violate the rule, if they do.
fn clash(rings: &[DraftRing], one: &Edge, other: &Edge) -> Option<&'static str> {
    match line_intersection(one.line, other.line)? {
        LineIntersection::Collinear { .. } => Some("overlaps"),
        LineIntersection::SinglePoint { is_proper: true, .. } => Some("crosses"),
        LineIntersection::SinglePoint { is_proper: false, .. } => {
            (passes(rings, one, other) || passes(rings, other, one)).then_some("crosses")
        }
    }
}

/// Whether a ring passes, where an edge starts, from one side of another edge to its other side. Only touching
/// there is fine. An edge's end is the next one's start.
fn passes(rings: &[DraftRing], edge: &Edge, other: &Edge) -> bool {
    let at = edge.line.start;
    let (before, after) = (point_before(rings, edge), edge.line.end);
    if at == other.line.end {
        false
    } else if at == other.line.start {
        let ahead = point_before(rings, other);
        // Neighbours in the same ring share this point by right.
        ahead != at && before != at && separates(before, at, after, ahead, other.line.end)
    } else {
        is_on(other.line, at) && separates(before, at, after, other.line.start, other.line.end)
    }
}

/// Whether a point lies on an edge.
fn is_on(line: Line, at: Coord) -> bool {
    let within = |a: f64, b: f64, c: f64| (a.min(b)..=a.max(b)).contains(&c);
    RobustKernel::orient2d(line.start, line.end, at) == Orientation::Collinear
        && within(line.start.x, line.end.x, at.x)
        && within(line.start.y, line.end.y, at.y)
}

/// The point before the start of an edge in its ring.
fn point_before(rings: &[DraftRing], edge: &Edge) -> Coord {
    let points = rings.get(edge.ring).map_or(&[][..], |r| &r.points);
    // The last point is the first one again.
    let index = if edge.start == 0 { points.len().saturating_sub(2) } else { edge.start - 1 };
    points.get(index).map_or(edge.line.start, |p| coord(*p))
}

/// Whether the path `before`, `at`, `after` has `p` on one side and `q` on the other.
fn separates(before: Coord, at: Coord, after: Coord, p: Coord, q: Coord) -> bool {
    let left = |a: Coord, b: Coord| RobustKernel::orient2d(at, a, b) == Orientation::CounterClockwise;
    let on_path = |x: Coord| {
        [before, after].iter().any(|end| {
            RobustKernel::orient2d(at, *end, x) == Orientation::Collinear
                && RobustKernel::dot_product_sign(*end - at, x - at) == Orientation::CounterClockwise
        })
    };
    // Counter-clockwise from `after` to `before` is the path's left side.
    let is_left = |x: Coord| {
        if left(after, before) {
            left(after, x) && left(x, before)
        } else if left(before, after) {
            !(left(before, x) && left(x, after))
        } else {
            left(after, x)
        }
    };
    // What runs along the path overlaps it, which another pair of edges tells.
    !on_path(p) && !on_path(q) && is_left(p) != is_left(q)
}

/// Checks that each hole is inside the outer ring and outside the other holes. As rings don't cross, any point of
/// a ring that is not on the other ring tells for the whole ring.
fn holes_inside(rings: &[DraftRing]) -> Result<(), Invalid> {
    let lines: Vec<LineString> = rings.iter().map(|r| line_string(&r.points)).collect();
    let Some((outer, holes)) = lines.split_first() else { return Ok(()) };
    for (index, hole) in holes.iter().enumerate() {
        if side_of(outer, hole) == CoordPos::Outside {
            let problem = "is a hole that lies outside the outer ring, rings[0]; must lie inside it";
            return Err(Invalid::new(format!("rings[{}]", index + 1), problem));
        }
        for (other_index, other) in holes.iter().enumerate() {
            if other_index != index && side_of(other, hole) == CoordPos::Inside {
                let problem =
                    format!("is a hole that lies inside the hole rings[{}]; must be apart", other_index + 1);
                return Err(Invalid::new(format!("rings[{}]", index + 1), problem));
            }
        }
    }
    Ok(())
}

/// Where a ring is that does not cross another one.
fn side_of(ring: &LineString, other: &LineString) -> CoordPos {
    let middles = other.lines().map(|line| (line.start + line.end) / 2.0);
    other
        .coords()
        .copied()
        .chain(middles)
        .map(|at| coord_pos_relative_to_ring(at, ring))
        .find(|side| *side != CoordPos::OnBoundary)
        .unwrap_or(CoordPos::OnBoundary)
}

fn coord(p: Flat) -> Coord {
    Coord { x: p[0], y: p[1] }
}

#[cfg(test)]
mod tests {
    use crate::locate::Shape;
    use crate::locate::samples::{ring, square};
    use crate::model::place::{POLYGONS_MAX, RINGS_MAX};
    use crate::model::{Fence, Polygon, Ring};

    type Points = [(f64, f64)];

    const BOX: &Points = &[(0.0, 0.0), (8.0, 0.0), (8.0, 8.0), (0.0, 8.0), (0.0, 0.0)];

    /// Prepares a polygon whose unit is a thousandth of a degree, and compares the start of the refusal.
    fn check(rings: &[&Points], expected: &str) {
        for (lon, lat) in [(0.0, 0.0), (179.996, 50.0), (-180.0, -70.0)] {
            let small = |points: &&Points| {
                ring(&points.iter().map(|p| (lon + p.0 / 1e3, lat + p.1 / 1e3)).collect::<Vec<_>>())
            };
            let polygon = Polygon { rings: rings.iter().map(small).collect() };
            let found =
                Shape::prepare(&Fence::Polygon(polygon)).map_or_else(|e| e.to_string(), |_| "fine".to_owned());
            assert!(found.starts_with(expected), "{rings:?}\nat {lon},{lat} is {found:?}, not {expected:?}");
        }
    }

    #[test]
    fn a_ring_is_refused_for_what_is_wrong_with_it() {
        check(&[BOX], "fine");
        check(&[], "polygon.rings is empty");
        check(&[&[]], "polygon.rings[0].points is empty");
        check(&[&[(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)]], "polygon.rings[0].points has 3 points; must have at least 4");
        check(&[&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]], "polygon.rings[0].points[3] is ");
        check(&[&[(0.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)]], "polygon.rings[0].points has no area");
        check(
            &[&[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (0.0, 0.0)]],
            "polygon.rings[0] has edge 2, which overlaps edge 0;",
        );
        let speck: &Points = &[(0.0, 0.0), (1e-4, 0.0), (0.0, 1e-4), (0.0, 0.0)];
        check(&[speck], "polygon.rings[0] has no area; must bound at least 0.01 square metres");
    }

    #[test]
    fn crossings_are_named_and_touching_is_fine() {
        let bow_tie: &Points = &[(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0), (0.0, 0.0)];
        check(&[bow_tie], "polygon.rings[0] has edge 2, which crosses edge 0;");
        let spike: &Points = &[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (4.0, 6.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)];
        check(&[spike], "polygon.rings[0] has edge 3, which overlaps edge 2;");
        let knot: &Points = &[(0.0, 0.0), (2.0, 2.0), (4.0, 0.0), (4.0, 5.0), (2.0, 2.0), (0.0, 4.0), (0.0, 0.0)];
        check(&[knot], "fine");
        let through_vertex: &Points =
            &[(0.0, 0.0), (2.0, 2.0), (4.0, 4.0), (4.0, 1.0), (2.0, 2.0), (0.0, 4.0), (0.0, 0.0)];
        check(&[through_vertex], "polygon.rings[0] has edge 4, which crosses edge 1;");
        let through_edge: &Points =
            &[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 0.0), (1.0, -4.0), (0.0, -4.0), (0.0, 0.0)];
        check(&[through_edge], "polygon.rings[0] has edge 3, which crosses edge 0;");
        let touches_edge: &Points = &[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 0.0), (0.0, 4.0), (0.0, 0.0)];
        check(&[touches_edge], "fine");
    }

    #[test]
    fn holes_are_inside_and_apart() {
        let hole: &Points = &[(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0), (1.0, 1.0)];
        let inner: &Points = &[(1.5, 1.5), (2.5, 1.5), (2.0, 2.5), (1.5, 1.5)];
        let far: &Points = &[(9.0, 1.0), (10.0, 1.0), (10.0, 2.0), (9.0, 1.0)];
        let across: &Points = &[(7.0, 1.0), (9.0, 1.0), (9.0, 2.0), (7.0, 1.0)];
        let at_corner: &Points = &[(3.0, 3.0), (5.0, 4.0), (4.0, 5.0), (3.0, 3.0)];
        let from_wall: &Points = &[(0.0, 4.0), (2.0, 5.0), (2.0, 6.0), (0.0, 4.0)];
        let along_wall: &Points = &[(0.0, 4.0), (2.0, 5.0), (0.0, 6.0), (0.0, 4.0)];
        check(&[BOX, hole, at_corner], "fine");
        check(&[BOX, from_wall], "fine");
        check(&[BOX, far], "polygon.rings[1] is a hole that lies outside");
        check(&[BOX, hole, inner], "polygon.rings[2] is a hole that lies inside the hole rings[1]");
        check(&[BOX, inner, hole], "polygon.rings[1] is a hole that lies inside the hole rings[2]");
        check(&[BOX, across], "polygon.rings[1] has edge 0, which crosses edge 1 of rings[0];");
        check(&[BOX, along_wall], "polygon.rings[1] has edge 2, which overlaps edge 3 of rings[0];");
    }

    #[test]
    fn limits_and_the_globe() {
        let refusal = |fence: Fence| Shape::prepare(&fence).unwrap_err().to_string();
        let one = |points: &Points| Fence::Polygon(Polygon { rings: vec![ring(points)] });
        let many = |n: usize| vec![square(0.0, 0.0, 100.0); n];
        let rings = Polygon { rings: many(RINGS_MAX + 1).into_iter().flat_map(|p| p.rings).collect() };
        let points = Ring { points: many(1)[0].rings[0].points.iter().copied().cycle().take(10_001).collect() };
        let mut second_bad = many(2);
        second_bad[1].rings[0].points.pop();
        for (fence, expected) in [
            (
                Fence::MultiPolygon(many(POLYGONS_MAX + 1)),
                "multi_polygon.polygons has 65 entries; at most 64 are allowed",
            ),
            (Fence::MultiPolygon(vec![]), "multi_polygon.polygons is empty"),
            (Fence::MultiPolygon(second_bad), "multi_polygon.polygons[1].rings[0].points[3] is"),
            (
                Fence::MultiPolygon(vec![square(1.0, 0.0, 100.0), rings.clone()]),
                "multi_polygon.polygons[1].rings has 65 entries; at most 64 are allowed",
            ),
            (Fence::Polygon(rings), "polygon.rings has 65 entries; at most 64 are allowed"),
            (Fence::Polygon(Polygon { rings: vec![points] }), "polygon has 10001 points in all; at most 10000"),
            (one(&[(-90.0, 0.0), (0.0, -1.0), (91.0, 0.0), (0.0, 1.0), (-90.0, 0.0)]), "polygon.rings[0] spans 181°"),
            (one(&[(0.0, 60.0), (120.0, -1.0), (-120.0, 60.0), (0.0, 60.0)]), "polygon.rings[0] goes round a pole"),
        ] {
            let found = refusal(fence);
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
