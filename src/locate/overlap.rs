//! Do two fences share ground?

use super::chart::{Chart, Flat};
use super::check::line_string;
use super::draft::Draft;
use super::earth::Spot;
use super::shape::Shape;
use crate::model::{Fence, Polygon};
use geo::{Intersects as _, LineString};

/// Whether two fences share a point; touching counts. Exact where one of them is a circle, within the accuracy of
/// [`Shape::signed_distance`]. Two polygons share ground where a corner of one lies in the other, or their edges cross;
/// where one of two reaches beyond 88° of latitude and the other does not, edges that cross without a corner inside go
/// unseen.
pub(super) fn overlap((shape, fence): (&Shape, &Fence), (other, other_fence): (&Shape, &Fence)) -> bool {
    match (shape.circle(), other.circle()) {
        (Some((center, radius_m)), _) => other.measure(&center, radius_m).is_some(),
        (None, Some((center, radius_m))) => shape.measure(&center, radius_m).is_some(),
        (None, None) => {
            let corner_in = |shape: &Shape, fence: &Fence| {
                let mut points = polygons(fence).iter().flat_map(|own| &own.rings).flat_map(|ring| &ring.points);
                points.any(|point| shape.measure(&Spot::new(*point), 0.0).is_some())
            };
            corner_in(other, fence) || corner_in(shape, other_fence) || cross(fence, other_fence)
        }
    }
}

fn polygons(fence: &Fence) -> &[Polygon] {
    match fence {
        Fence::Circle(_) => &[],
        Fence::Polygon(polygon) => std::slice::from_ref(polygon),
        Fence::MultiPolygon(polygons) => polygons,
    }
}

/// Whether edges of two fences cross.
fn cross(one: &Fence, other: &Fence) -> bool {
    // Every fence was drafted when it was prepared.
    let drafts = |fence| polygons(fence).iter().filter_map(|polygon| Draft::new(polygon).ok()).collect::<Vec<_>>();
    let others = drafts(other);
    drafts(one).iter().any(|own| others.iter().any(|other| drafts_cross(own, other)))
}

fn drafts_cross(one: &Draft, other: &Draft) -> bool {
    let turned = match (one.chart, other.chart) {
        // The same meridian may be a turn apart.
        (Chart::Graticule { middle }, Chart::Graticule { middle: own }) => 360.0 * ((middle - own) / 360.0).round(),
        (Chart::Polar { pole }, Chart::Polar { pole: own }) if (pole - own).abs() < 1.0 => 0.0,
        (Chart::Polar { .. }, _) | (Chart::Graticule { .. }, Chart::Polar { .. }) => return false,
    };
    let lines = |draft: &Draft, by: f64| -> Vec<LineString> {
        let moved = |ring: &[Flat]| ring.iter().map(|[x, y]| [x + by, *y]).collect::<Vec<_>>();
        draft.rings.iter().map(|ring| line_string(&moved(&ring.points))).collect()
    };
    let others = lines(other, turned);
    lines(one, 0.0).iter().any(|line| others.iter().any(|other| line.intersects(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::{at, ring, square};
    use crate::model::{Circle, Metres};

    fn check(one: &Fence, other: &Fence, shares: bool) {
        let (a, b) = (Shape::prepare(one).unwrap(), Shape::prepare(other).unwrap());
        assert_eq!(overlap((&a, one), (&b, other)), shares, "{one:?} and {other:?}");
        assert_eq!(overlap((&b, other), (&a, one)), shares, "the other way round");
    }

    fn polygon(points: &[(f64, f64)]) -> Fence {
        Fence::Polygon(Polygon { rings: vec![ring(points)] })
    }

    fn circle(lat: f64, lon: f64, radius_m: f64) -> Fence {
        Fence::Circle(Circle::new(at(lat, lon), Metres(radius_m)).unwrap())
    }

    #[test]
    fn fences_share_ground_or_do_not() {
        // A degree of longitude has some 111.3 km here, a thousandth 111 m.
        check(&circle(0.0, 0.0, 60.0), &circle(0.0, 0.001, 60.0), true);
        check(&circle(0.0, 0.0, 50.0), &circle(0.0, 0.001, 50.0), false);
        let block = Fence::Polygon(square(0.0, 0.0, 50.0));
        check(&block, &circle(0.0, 0.001, 70.0), true);
        check(&block, &circle(0.0, 0.001, 50.0), false);
        check(&block, &circle(0.0, 0.0, 10.0), true);
        check(&block, &Fence::Polygon(square(0.0, 0.0009, 60.0)), true);
        check(&block, &Fence::Polygon(square(0.0, 0.001, 50.0)), false);
        // A cross: no corner of one is in the other.
        let wide = polygon(&[(-0.01, -0.001), (0.01, -0.001), (0.01, 0.001), (-0.01, 0.001), (-0.01, -0.001)]);
        let tall = polygon(&[(-0.001, -0.01), (0.001, -0.01), (0.001, 0.01), (-0.001, 0.01), (-0.001, -0.01)]);
        check(&wide, &tall, true);
        let far = polygon(&[(0.011, -0.01), (0.012, -0.01), (0.012, 0.01), (0.011, 0.01), (0.011, -0.01)]);
        check(&wide, &far, false);
        // In the hole of another.
        let outer = ring(&[(-0.01, -0.01), (0.01, -0.01), (0.01, 0.01), (-0.01, 0.01), (-0.01, -0.01)]);
        let hole = ring(&[(-0.005, -0.005), (0.005, -0.005), (0.005, 0.005), (-0.005, 0.005), (-0.005, -0.005)]);
        let court = Fence::Polygon(Polygon { rings: vec![outer, hole] });
        check(&court, &block, false);
        check(&court, &circle(0.0, 0.0, 600.0), true);
        // Across the antimeridian, where no corner is inside either.
        let east =
            polygon(&[(179.99, -0.001), (-179.99, -0.001), (-179.99, 0.001), (179.99, 0.001), (179.99, -0.001)]);
        let slim =
            polygon(&[(-179.999, -0.01), (-179.998, -0.01), (-179.998, 0.01), (-179.999, 0.01), (-179.999, -0.01)]);
        check(&east, &slim, true);
        check(&Fence::MultiPolygon(vec![square(10.0, 10.0, 50.0), square(0.0, 0.0, 50.0)]), &tall, true);
    }
}
