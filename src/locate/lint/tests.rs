//! What a marketer is told.

use super::super::samples::{at, square};
use super::*;
use crate::model::{
    BeaconExtent, BrandId, Circle, Extent, Fence, Millis, Place, PlaceId, Polygon, Proximity, Region, Uuid,
};
use std::sync::Arc;

/// A region of a place; the brand is the place's id up to the first dash.
pub(super) fn region(id: &str, place: &str, extent: Extent) -> (Arc<Place>, Arc<Region>) {
    let brand = place.split('-').next().unwrap();
    let place = Place {
        id: PlaceId::parse("id", place).unwrap(),
        display_name: place.into(),
        brand: BrandId::parse("brand", brand).unwrap(),
        time_zone: "UTC".into(),
        opening_hours: None,
        tags: vec![],
    };
    let region = Region {
        id: RegionId::parse("id", id).unwrap(),
        place: place.id.clone(),
        display_name: id.into(),
        extent,
        dwell: Millis::from_mins(5),
        tags: vec![],
    };
    (Arc::new(place), Arc::new(region))
}

pub(super) fn atlas(regions: &[(Arc<Place>, Arc<Region>)]) -> Atlas {
    let places: std::collections::BTreeMap<_, _> = regions.iter().map(|(p, _)| (p.id.clone(), p.clone())).collect();
    Atlas::build(places.into_values(), regions.iter().map(|(_, r)| r.clone())).unwrap()
}

/// A circle so many metres east of a corner in Denver.
fn circle(east_m: f64, radius_m: f64) -> Extent {
    let center = at(39.743, -104.989 + east_m / (111_320.0 * 39.743f64.to_radians().cos()));
    Extent::Fence(Fence::Circle(Circle::new(center, Metres(radius_m)).unwrap()))
}

fn block(east_m: f64, half_m: f64) -> Polygon {
    square(39.743, -104.989 + east_m / (111_320.0 * 39.743f64.to_radians().cos()), half_m)
}

fn area(polygon: Polygon) -> Extent {
    Extent::Fence(Fence::Polygon(polygon))
}

fn beacon(uuid: u128, minor: Option<u16>, proximity: Proximity) -> Extent {
    Extent::Beacon(BeaconExtent { uuid: Uuid(uuid), major: minor.map(|_| 1), minor, proximity, group: None })
}

fn check(regions: &[(&str, &str, Extent)], expected: &[&str]) {
    let all: Vec<_> = regions.iter().map(|(id, place, extent)| region(id, place, extent.clone())).collect();
    let atlas = atlas(&all);
    let findings = lint(&atlas);
    let said: Vec<_> = findings.iter().map(|f| format!("{} {f}", f.severity)).collect();
    assert_eq!(said, expected);
    let ids: Vec<_> = all.iter().map(|(_, r)| r.id.clone()).collect();
    assert_eq!(lint_regions(&atlas, &ids), findings, "registered together");
}

#[test]
fn good_regions_have_no_findings() {
    check(
        &[
            ("a", "roost-a", circle(0.0, 40.0)),
            ("b", "roost-b", circle(120.0, 25.0)),
            ("c", "kettle-c", circle(180.0, 24.0)),
            ("d", "kettle-d", area(block(400.0, 30.0))),
            ("tills", "roost-a", beacon(1, Some(1), Proximity::Immediate)),
            ("near", "roost-a", beacon(1, Some(1), Proximity::Near)),
            ("other", "roost-b", beacon(1, Some(2), Proximity::Far)),
            ("all", "roost-b", beacon(1, None, Proximity::Far)),
        ],
        &[],
    );
    // A shop in a mall, a store in a town.
    check(&[("mall", "mall", circle(0.0, 150.0)), ("shop", "roost-a", circle(60.0, 30.0))], &[]);
}

#[test]
fn small_and_large_fences() {
    check(
        &[
            ("door", "roost-a", circle(0.0, 10.0)),
            ("kiosk", "roost-b", area(block(200.0, 15.0))),
            ("shop", "roost-c", circle(400.0, 20.0)),
            ("town", "roost-d", circle(90_000.0, 4_000.0)),
        ],
        &[
            "warning door: a circle of 10 m is small on a street (GPS ±10 m): expect to miss 5 % of 60 s visits, 21 % \
             of walks through, and 57 false enters per 1,000 passers-by within 20 m; 25 m would miss less than 1 % of \
             the visits",
            "warning kiosk: a fence 30 m across at its widest is small among tall buildings (GPS ±20 m): expect to \
             miss 28 % of 60 s visits, 52 % of walks through, and 103 false enters per 1,000 passers-by within 20 m; \
             50 m across would miss 1 % of the visits",
            "note shop: a circle of 20 m is small among tall buildings (GPS ±20 m): expect to miss 7 % of 60 s \
             visits, 26 % of walks through, and 146 false enters per 1,000 passers-by within 20 m; 25 m would miss \
             1 % of the visits",
            "note town: 8.0 km across: an enter says that somebody is around, not that they are at a door",
        ],
    );
}

#[test]
fn holes() {
    let with_hole = |half_m| {
        let [mut outer, hole] = [block(0.0, 100.0), block(20.0, half_m)];
        outer.rings.extend(hole.rings);
        area(outer)
    };
    check(
        &[("plaza", "roost-a", with_hole(7.0))],
        &["note plaza: a hole 14 m across is narrower than GPS can tell: who is in it may count as inside"],
    );
    check(&[("plaza", "roost-a", with_hole(20.0))], &[]);
}

#[test]
fn fences_of_one_place_or_brand() {
    let share = |what: &str| format!("warning {what}: one visit enters both, and which store is named is chance");
    check(
        &[
            ("a", "roost-a", circle(0.0, 50.0)),
            ("b", "roost-b", circle(50.0, 50.0)),
            ("c", "roost-c", circle(125.0, 35.0)),
        ],
        &[
            &share("b: and a of the same brand share 39 % of the smaller one's ground"),
            "note c: and b of the same brand share 7 % of the smaller one's ground: one visit enters both, and which \
             store is named is chance",
        ],
    );
    check(
        &[("counter", "roost-a", area(block(10.0, 30.0))), ("store", "roost-a", circle(0.0, 90.0))],
        &["note counter: lies within store, of the same place, and fills 14 % of it: who enters it is in both"],
    );
    check(
        &[("a", "roost-a", circle(0.0, 30.0)), ("b", "roost-b", circle(10.0, 45.0))],
        &["warning a: lies within b, another place of the brand, and fills 44 % of it: who enters it is in both"],
    );
    check(
        &[("a", "roost-a", circle(0.0, 40.0)), ("b", "roost-a", area(block(0.0, 37.0)))],
        &[
            "note a: and b of the same place share 95 % of the smaller one's ground: one visit enters both; make them \
           one region, or draw them apart",
        ],
    );
}

#[test]
fn fences_of_other_brands() {
    check(
        &[("a", "roost-a", circle(0.0, 40.0)), ("b", "kettle-b", circle(85.0, 40.0))],
        &["note b: is 5 m from a of another brand, nearer than GPS can tell: who visits one may enter the other"],
    );
    check(
        &[("a", "roost-a", area(block(0.0, 40.0))), ("b", "kettle-b", area(block(79.9, 39.9)))],
        &["note b: touches a of another brand, nearer than GPS can tell: who visits one may enter the other"],
    );
    check(
        &[("a", "roost-a", circle(0.0, 40.0)), ("b", "kettle-b", circle(20.0, 40.0))],
        &["warning b: and a of another brand share 68 % of the smaller one's ground: who visits one enters both"],
    );
    check(
        &[("a", "roost-a", circle(0.0, 40.0)), ("b", "kettle-b", circle(60.0, 40.0))],
        &["note b: and a of another brand share 14 % of the smaller one's ground: who visits one enters both"],
    );
}

#[test]
fn beacons_that_two_places_listen_for() {
    let far = |minor| beacon(7, minor, Proximity::Far);
    check(
        &[
            ("a", "roost-a", far(Some(1))),
            ("b", "roost-b", far(Some(1))),
            ("c", "kettle-c", far(Some(1))),
            ("d", "kettle-c", far(Some(2))),
        ],
        &[
            "warning b: listens for the same beacons as a of another place, and as 1 more: who hears one is in all of \
             them; give each place a minor or major value of its own",
            "warning c: listens for the same beacons as a of another place, and as 1 more: who hears one is in all of \
             them; give each place a minor or major value of its own",
        ],
    );
}

#[test]
fn a_region_hears_of_its_neighbours_and_its_neighbours_of_it() {
    let all = [
        region("a", "roost-a", circle(0.0, 50.0)),
        region("b", "roost-b", circle(50.0, 50.0)),
        region("c", "roost-b", beacon(1, None, Proximity::Far)),
    ];
    let atlas = atlas(&all);
    let about = |id: &str| {
        let findings = lint_region(&atlas, &RegionId::parse("id", id).unwrap());
        findings.iter().map(|f| f.to_string().chars().take(8).collect()).collect::<Vec<String>>()
    };
    assert_eq!(about("a"), ["a: and b"]);
    assert_eq!(about("b"), ["b: and a"]);
    assert!(about("c").is_empty() && about("nowhere").is_empty());
}

#[test]
fn a_crowd_is_summed_up() {
    let ids: Vec<String> = (0..40).map(|i| format!("r{i:02}")).collect();
    let all: Vec<_> = ids.iter().map(|id| region(id, &format!("roost-{id}"), circle(0.0, 30.0))).collect();
    let findings = lint(&atlas(&all));
    let last: Vec<_> = findings.iter().filter(|f| f.region.as_str() == "r39").collect();
    assert_eq!(last.len(), 9);
    assert_eq!(last[8].kind, Kind::Crowded { others: 39 });
}
