//! The map of a panel, as SVG.

use super::html::{escape, moment};
use super::plane::{Plane, Point, WIDTH, apart, thinned};
use super::{Drawn, Mark, Panel, RawFix};
use crate::timeline::Tone;
use doorstep::model::{Circle, Fence, FixOutcome, Polygon, Position};
use std::fmt::Write as _;

/// Most points of a line, and most dots, on one map.
const POINTS_MAX: usize = 3_000;
/// Most fixes that are marked as set aside.
const ASIDE_MAX: usize = 120;
/// How wide a letter of a region's name is.
const LETTER: f64 = 8.6;
/// Lines stray from the truth by at most so many units.
const WITHIN: f64 = 0.25;

/// The map; empty where there is nothing on it. `id` makes ids on the page unique.
pub(super) fn map(panel: &Panel, id: usize) -> String {
    let Some(plane) = plane(panel) else { return String::new() };
    let mut svg = String::new();
    let height = plane.height;
    let _ = write!(
        svg,
        r#"<svg class="map" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="mt{id} md{id}" data-w="{WIDTH}" data-h="{height}"><title id="mt{id}">Map of {title}</title><desc id="md{id}">{desc}</desc>"#,
        title = escape(&panel.title),
        desc = escape(&description(panel))
    );
    svg.push_str(r#"<g class="regions">"#);
    for region in &panel.regions {
        svg.push_str(&outline(&plane, region));
    }
    svg.push_str("</g>");
    let line = |positions: &mut dyn Iterator<Item = Position>| {
        let points: Vec<Point> = positions.map(|position| plane.point(position)).collect();
        path(&thinned(&points, WITHIN, POINTS_MAX))
    };
    let _ = write!(svg, r#"<path class="truth" d="{}"/>"#, line(&mut panel.truth.iter().copied()));
    let kept = panel.raw.iter().filter(|fix| !aside(fix));
    let dots: Vec<Point> =
        kept.clone().map(|fix| plane.point(fix.position)).filter(|dot| plane.holds(*dot)).collect();
    let _ = write!(
        svg,
        r#"<g class="raw"><path class="rawline" d="{}"/><path class="dots" d="{}"/></g>"#,
        line(&mut kept.map(|fix| fix.position)),
        dotted(&apart(&dots, 1.5, POINTS_MAX))
    );
    let _ = write!(svg, r#"<path class="track" d="{}"/>"#, line(&mut panel.track.iter().copied()));
    svg.push_str(&set_aside(&plane, panel));
    svg.push_str(&labels(&plane, panel));
    svg.push_str(&markers(&plane, panel, id));
    svg.push_str(&scale_bar(&plane));
    svg.push_str("</svg>");
    svg
}

/// Whether a fix is drawn as one that was set aside.
pub(super) fn aside(fix: &RawFix) -> bool {
    match fix.outcome {
        Some(FixOutcome::Outlier | FixOutcome::Inaccurate | FixOutcome::Mock | FixOutcome::Implausible) => true,
        // A late fix was as good as any, only its turn had passed.
        Some(FixOutcome::Accepted | FixOutcome::Late | FixOutcome::Reseated) | None => false,
    }
}

/// What became of a fix that was set aside, in words.
fn fate(outcome: Option<FixOutcome>) -> &'static str {
    match outcome {
        Some(FixOutcome::Outlier) => "an outlier: far from where the track expected it",
        Some(FixOutcome::Inaccurate) => "too inaccurate to decide anything",
        Some(FixOutcome::Mock) => "from a mock location provider",
        Some(FixOutcome::Implausible) => "nothing travels there in that time",
        Some(FixOutcome::Late) => "late: a later ping was decided already",
        Some(FixOutcome::Reseated) => "the track began anew here",
        Some(FixOutcome::Accepted) | None => "taken",
    }
}

/// The piece of the earth that holds what happened; fixes that were set aside may lie beyond it.
fn plane(panel: &Panel) -> Option<Plane> {
    let kept = panel.raw.iter().filter(|fix| !aside(fix)).map(|fix| fix.position);
    let mut corners: Vec<Position> = match (panel.track.is_empty(), panel.truth.is_empty()) {
        (true, true) => kept.collect(),
        (false, _) | (true, false) => panel.track.iter().chain(&panel.truth).copied().collect(),
    };
    if corners.is_empty() {
        corners = panel.raw.iter().map(|fix| fix.position).collect();
    }
    if corners.is_empty() {
        return None;
    }
    let touched = panel.regions.iter().filter(|region| region.mark != Mark::Untouched);
    corners.extend(touched.flat_map(|region| rim(&region.fence)));
    Plane::around(&corners)
}

/// Points that hold a fence between them.
fn rim(fence: &Fence) -> Vec<Position> {
    let outer = |polygon: &Polygon| polygon.rings.first().map(|ring| ring.points.clone()).unwrap_or_default();
    match fence {
        Fence::Circle(Circle { center, radius }) => [(-1.0, -1.0), (1.0, 1.0)]
            .map(|(east, north)| crate::route::offset(*center, east * radius.0, north * radius.0))
            .into(),
        Fence::Polygon(polygon) => outer(polygon),
        Fence::MultiPolygon(polygons) => polygons.iter().flat_map(outer).collect(),
    }
}

fn outline(plane: &Plane, region: &Drawn) -> String {
    let class = match region.mark {
        Mark::Untouched => "region",
        Mark::Visited => "region visited",
        Mark::Sent => "region sent",
        Mark::Trouble => "region trouble",
    };
    let title = escape(&region.name);
    let area = |polygons: &[Polygon]| {
        let rings = polygons.iter().flat_map(|polygon| &polygon.rings);
        let rings = rings.map(|ring| {
            let points: Vec<Point> = ring.points.iter().map(|point| plane.point(*point)).collect();
            path(&thinned(&points, WITHIN, POINTS_MAX / 10)) + "Z"
        });
        let d: String = rings.collect();
        format!(r#"<path class="{class}" d="{d}"><title>{title}</title></path>"#)
    };
    match &region.fence {
        Fence::Circle(Circle { center, radius }) => {
            let ((x, y), r) = (plane.point(*center), radius.0 * plane.scale);
            if x + r < 0.0 || x - r > WIDTH || y + r < 0.0 || y - r > plane.height {
                return String::new();
            }
            format!(r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{r:.1}"><title>{title}</title></circle>"#)
        }
        Fence::Polygon(polygon) => area(std::slice::from_ref(polygon)),
        Fence::MultiPolygon(polygons) => area(polygons),
    }
}

/// Fixes that were set aside, each with its reason, those beyond the rim at the rim; a thin line leads from where the
/// phone was taken to be.
fn set_aside(plane: &Plane, panel: &Panel) -> String {
    let mut svg = r#"<g class="asides">"#.to_owned();
    let mut from: Option<Point> = None;
    let mut shown = 0;
    for fix in &panel.raw {
        let point = plane.point(fix.position);
        if !aside(fix) {
            from = Some(point);
            continue;
        }
        if shown == ASIDE_MAX {
            break;
        }
        shown += 1;
        let (x, y) = plane.nearest(point);
        let beyond = if plane.holds(point) { "" } else { ", beyond this map" };
        if let Some((a, b)) = from {
            let _ = write!(svg, r#"<path class="leap" d="M{a:.1} {b:.1}L{x:.1} {y:.1}"/>"#);
        }
        let _ = write!(
            svg,
            r#"<path class="aside" d="M{x:.1} {y:.1}h0"><title>{}, ±{}: {}{beyond}</title></path>"#,
            moment(fix.at, &panel.zone),
            fix.accuracy,
            fate(fix.outcome)
        );
    }
    svg + "</g>"
}

/// The names of the regions in which something happened, where they find room.
fn labels(plane: &Plane, panel: &Panel) -> String {
    let mut svg = r#"<g class="labels">"#.to_owned();
    let pins = panel.events.iter().filter(|event| event.enters).filter_map(|event| event.position);
    let pin = |(x, y): Point| (x - 16.0, y - 16.0, x + 16.0, y + 16.0);
    let mut taken: Vec<(f64, f64, f64, f64)> = pins.map(|position| pin(plane.point(position))).collect();
    let mut touched: Vec<&Drawn> = panel.regions.iter().filter(|region| region.mark != Mark::Untouched).collect();
    touched.sort_by_key(|region| std::cmp::Reverse(region.mark));
    for region in touched {
        let points: Vec<Point> = rim(&region.fence).into_iter().map(|point| plane.point(point)).collect();
        let least = points.iter().fold((f64::MAX, f64::MAX), |a, p| (a.0.min(p.0), a.1.min(p.1)));
        let most = points.iter().fold((f64::MIN, f64::MIN), |a, p| (a.0.max(p.0), a.1.max(p.1)));
        let (x, y) = (least.0.midpoint(most.0), least.1.midpoint(most.1));
        let (wide, high) = (region.name.chars().count() as f64 * LETTER + 6.0, LETTER * 2.2);
        let spots = [
            (most.0 + wide / 2.0 + 4.0, y),
            (least.0 - wide / 2.0 - 4.0, y),
            (x, most.1 + LETTER * 1.4),
            (x, least.1 - LETTER * 1.4),
        ];
        let place = spots.into_iter().find_map(|(x, y)| {
            let own = (x - wide / 2.0, y - high / 2.0, x + wide / 2.0, y + high / 2.0);
            let fits = own.0 > 0.0 && own.1 > 0.0 && own.2 < WIDTH && own.3 < plane.height;
            let free = taken.iter().all(|(a, b, c, d)| own.0 > *c || own.2 < *a || own.1 > *d || own.3 < *b);
            (fits && free).then_some((x, y, own))
        });
        if let Some((x, y, own)) = place {
            taken.push(own);
            let _ = write!(svg, r#"<text x="{x:.0}" y="{:.0}">{}</text>"#, y + 4.0, escape(&region.name));
        }
    }
    svg + "</g>"
}

/// Where things happened: enters with the number of their visit, the rest as rings.
fn markers(plane: &Plane, panel: &Panel, id: usize) -> String {
    let mut svg = r#"<g class="markers">"#.to_owned();
    let events = panel.events.iter().enumerate().take(super::EVENTS_MAX);
    // Enters lie on top.
    let (enters, others): (Vec<_>, Vec<_>) = events.partition(|(_, event)| event.enters);
    for (index, event) in others.into_iter().chain(enters) {
        let Some(position) = event.position else { continue };
        let (x, y) = plane.nearest(plane.point(position));
        let tone = match event.tone {
            Tone::Plain | Tone::HeldBack => "",
            Tone::Sent => " sent",
            Tone::Trouble => " trouble",
        };
        let title = format!("{} {}: {}", moment(event.at, &panel.zone), event.place, event.what);
        let title = escape(&title);
        let _ = match (event.enters, event.visit) {
            (true, Some(visit)) => write!(
                svg,
                r#"<g class="pin{tone}" id="m{id}-{index}"><path class="disc" d="M{x:.1} {y:.1}h0"/><text x="{x:.1}" y="{y:.1}" dy=".35em">{visit}</text><title>{title}</title></g>"#
            ),
            (true, None) | (false, _) => write!(
                svg,
                r#"<g class="ring{tone}" id="m{id}-{index}"><path class="rim" d="M{x:.1} {y:.1}h0"/><path class="hole" d="M{x:.1} {y:.1}h0"/><title>{title}</title></g>"#
            ),
        };
    }
    svg + "</g>"
}

fn scale_bar(plane: &Plane) -> String {
    let most = WIDTH * 0.22 / plane.scale;
    let power = 10f64.powf(most.log10().floor());
    let metres = [5.0, 2.0, 1.0].into_iter().map(|step| step * power).find(|step| *step <= most).unwrap_or(power);
    let (wide, y) = (metres * plane.scale, plane.height - 16.0);
    let shown = if metres >= 1_000.0 { format!("{} km", metres / 1_000.0) } else { format!("{metres} m") };
    format!(
        r#"<g class="scale" aria-hidden="true"><path d="M16 {a:.0}v6h{wide:.1}v-6"/><text x="{x:.1}" y="{b:.0}">{shown}</text></g>"#,
        a = y - 6.0,
        b = y - 8.0,
        x = 20.0
    )
}

fn description(panel: &Panel) -> String {
    let visited = panel.regions.iter().filter(|region| region.mark != Mark::Untouched).count();
    let set_aside = panel.raw.iter().filter(|fix| aside(fix)).count();
    format!(
        "{} fixes, {set_aside} of them set aside; {} regions, something happened in {visited} of them. The timeline below tells the same in words.",
        panel.raw.len(),
        panel.regions.len()
    )
}

fn path(points: &[Point]) -> String {
    let mut d = String::with_capacity(points.len() * 12);
    for (index, (x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" });
    }
    d
}

/// Points as lines of no length: with round ends they are dots of the line's width.
fn dotted(points: &[Point]) -> String {
    let mut d = String::with_capacity(points.len() * 14);
    for (x, y) in points {
        let _ = write!(d, "M{x:.1} {y:.1}h0");
    }
    d
}
