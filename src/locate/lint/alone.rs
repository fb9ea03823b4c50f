//! What a region shows by itself.

use super::super::atlas::Site;
use super::super::shape::Shape;
use super::measure::inscribed;
use super::noise::{Expectation, Surroundings};
use super::{Kind, Severity};
use crate::model::{Extent, Fence, Metres, Polygon};

/// Above this across, an enter says little.
const LARGE_M: f64 = 2_000.0;
/// A hole narrower than this is narrower than GPS can tell: the accuracy on a street, to both sides.
const HOLE_M: f64 = 20.0;
/// A fence is small when so many visits, ...
const STREET_MISSED_VISITS: f64 = 0.02;
/// ... or walks through are missed on a street, ...
const STREET_MISSED_WALKS: f64 = 0.10;
/// ... or so many visits among tall buildings. Fewer ...
const CANYON_MISSED_VISITS: f64 = 0.20;
/// ... down to here are worth a note.
const CANYON_NOTED_VISITS: f64 = 0.05;
/// What a better radius misses among tall buildings.
const BETTER_MISSED_VISITS: f64 = 0.02;
/// Better radiuses are multiples of this.
const BETTER_STEP_M: f64 = 5.0;

pub(super) fn findings(site: &Site) -> Vec<(Severity, Kind)> {
    let Some(shape) = site.shape() else { return Vec::new() };
    let inscribed = inscribed(shape);
    let across = Metres(2.0 * inscribed.0);
    let large = (across.0 > LARGE_M).then_some((Severity::Note, Kind::TooLarge { across }));
    let holes = narrow_holes(site).map(|across| (Severity::Note, Kind::NarrowHole { across }));
    small(inscribed, shape.circle().is_some()).into_iter().chain(large).chain(holes).collect()
}

fn small(inscribed: Metres, is_circle: bool) -> Option<(Severity, Kind)> {
    let expect = |surroundings| Expectation::new(inscribed, surroundings);
    let (street, canyon) = (expect(Surroundings::Street), expect(Surroundings::Canyon));
    let bad_on_street = street.missed_visits >= STREET_MISSED_VISITS || street.missed_walks >= STREET_MISSED_WALKS;
    let (severity, expectation) = if bad_on_street {
        (Severity::Warning, street)
    } else if canyon.missed_visits >= CANYON_MISSED_VISITS {
        (Severity::Warning, canyon)
    } else if canyon.missed_visits >= CANYON_NOTED_VISITS {
        (Severity::Note, canyon)
    } else {
        return None;
    };
    let better = better_radius();
    let better_missed_visits = Expectation::new(better, expectation.surroundings).missed_visits;
    Some((severity, Kind::TooSmall { inscribed, is_circle, expectation, better, better_missed_visits }))
}

/// The least radius that does even among tall buildings.
fn better_radius() -> Metres {
    let radiuses = (1..100).map(|step| Metres(BETTER_STEP_M * f64::from(step)));
    let does =
        |radius: &Metres| Expectation::new(*radius, Surroundings::Canyon).missed_visits <= BETTER_MISSED_VISITS;
    radiuses.into_iter().find(does).unwrap_or_default()
}

/// How wide the narrow holes of a fence are.
fn narrow_holes(site: &Site) -> impl Iterator<Item = Metres> {
    let polygons = match &site.region.extent {
        Extent::Fence(Fence::Polygon(polygon)) => std::slice::from_ref(polygon),
        Extent::Fence(Fence::MultiPolygon(polygons)) => polygons,
        Extent::Fence(Fence::Circle(_)) | Extent::Beacon(_) => &[],
    };
    polygons.iter().flat_map(|polygon| polygon.rings.iter().skip(1)).filter_map(|hole| {
        // A ring that bounds a hole bounds an area as well.
        let shape = Shape::prepare(&Fence::Polygon(Polygon { rings: vec![hole.clone()] })).ok()?;
        let across = Metres(2.0 * inscribed(&shape).0);
        (across.0 < HOLE_M).then_some(across)
    })
}
