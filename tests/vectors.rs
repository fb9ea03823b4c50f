//! Point-in-polygon cases that others published: JTS's, turf's, and those of the `antimeridian` package. They are not
//! shipped; name a folder that holds them in `DOORSTEP_VECTORS`, and each case is compared. Skipped, with a notice,
//! where it is not set.
//!
//! The boundary rule: a fence's boundary belongs to it, that of its holes too. So a case on a boundary must give a
//! distance of exactly 0.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where something is amiss, and says so"
)]

use doorstep::locate::Shape;
use doorstep::model::{Fence, Polygon, Position, Ring};
use serde_json::Value;
use std::path::PathBuf;

type Points = Vec<[f64; 2]>;
/// Polygons, their rings, their points: longitude first.
type Area = Vec<Vec<Points>>;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("DOORSTEP_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: DOORSTEP_VECTORS names no folder of published cases");
    }
    folder
}

fn read(folder: &std::path::Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A fence of an area, its coordinates scaled; or why it is refused.
fn prepare(area: &Area, scale: f64) -> Result<Shape, String> {
    let ring = |points: &Points| Ring { points: points.iter().map(|point| position(*point, scale)).collect() };
    let polygon = |rings: &Vec<Points>| Polygon { rings: rings.iter().map(ring).collect() };
    Shape::prepare(&Fence::MultiPolygon(area.iter().map(polygon).collect())).map_err(|why| why.to_string())
}

fn position([x, y]: [f64; 2], scale: f64) -> Position {
    Position::wrapped(y * scale, x * scale)
}

/// -1 inside, 0 on the boundary, 1 outside.
fn side(shape: &Shape, point: [f64; 2], scale: f64) -> i8 {
    let distance = shape.signed_distance(position(point, scale)).0;
    assert!(!distance.is_nan());
    i8::from(distance > 0.0) - i8::from(distance < 0.0)
}

/// The numbers of well-known text, in the nesting of its brackets: as JSON.
fn well_known(text: &str) -> Value {
    let numbers = text.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let mut json = String::new();
    let mut depth = 0;
    for part in numbers.split_inclusive(['(', ')', ',']) {
        let (words, mark) = part.split_at(part.len() - 1);
        let pair: Vec<&str> = words.split_whitespace().collect();
        if !pair.is_empty() {
            json.extend(["[", &pair.join(","), "]"]);
        }
        depth += i32::from(mark == "(") - i32::from(mark == ")");
        json.push_str(match mark {
            "(" => "[",
            ")" => "]",
            _ => ",",
        });
    }
    assert_eq!(depth, 0, "{text}");
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{text}: {error} in {json}"))
}

fn area_of(text: &str) -> Area {
    let value = well_known(text);
    let value = if text.trim_start().starts_with("MULTI") { value } else { Value::Array(vec![value]) };
    serde_json::from_value(value).expect("an area")
}

/// The sides that a JTS case allows; none where it says nothing of a point's side.
fn allowed(op: &str, point_first: bool, pattern: &str, holds: bool) -> Option<&'static [i8]> {
    let (inside, boundary, outside): (&[i8], &[i8], &[i8]) = (&[-1], &[0], &[1]);
    match (op, point_first, holds) {
        ("intersects", _, true) | ("disjoint", _, false) | ("coveredby", true, true) | ("covers", false, true) => {
            Some(&[-1, 0])
        }
        ("intersects", _, false) | ("disjoint", _, true) | ("coveredby", true, false) | ("covers", false, false) => {
            Some(outside)
        }
        ("within", true, true) | ("contains", false, true) => Some(inside),
        ("within", true, false) | ("contains", false, false) => Some(&[0, 1]),
        ("touches", _, true) => Some(boundary),
        ("touches", _, false) => Some(&[-1, 1]),
        ("distance", ..) => Some(&[-1, 0]),
        ("relate", true, true) => Some(match pattern.get(..3) {
            Some("0FF") => inside,
            Some("F0F") => boundary,
            Some("FF0") => outside,
            _ => return None,
        }),
        _ => None,
    }
}

#[test]
fn the_cases_of_jts_agree() {
    let Some(folder) = folder() else { return };
    let mut reader = csv::Reader::from_path(folder.join("point_polygon_cases.csv")).expect("the cases");
    let (mut compared, mut refused) = (0, 0);
    for row in reader.records() {
        let row = row.expect("a row");
        let (op, pattern, one, other, expected) = (&row[3], &row[4], &row[5], &row[6], &row[7]);
        if one.contains("EMPTY") || other.contains("EMPTY") {
            continue;
        }
        let point_first = one.starts_with("POINT");
        let (point, area) = if point_first { (one, other) } else { (other, one) };
        let Some(sides) = allowed(op, point_first, pattern, expected != "false") else { continue };
        let point: [f64; 2] = serde_json::from_value(well_known(point)[0].clone()).expect("a point");
        // Planar, and up to some hundred units: a thousandth of a degree each, where the plane is flat enough.
        match prepare(&area_of(area), 1e-3) {
            Ok(shape) => {
                let side = side(&shape, point, 1e-3);
                assert!(sides.contains(&side), "{op} {one} {other} is {expected}, but the side is {side}");
                compared += 1;
            }
            Err(why) => {
                eprintln!("refused: {area}: {why}");
                refused += 1;
            }
        }
    }
    eprintln!("{compared} compared, {refused} of areas that are refused");
    assert!(compared > 100 && refused < 20, "{compared} compared, {refused} refused");
}

#[test]
fn the_cases_of_turf_agree() {
    let Some(folder) = folder() else { return };
    let cases: Value = serde_json::from_str(&read(&folder, "turf_boolean_point_in_polygon.json")).expect("the cases");
    let tests = cases["tests"].as_array().expect("tests");
    let mut wrong = Vec::new();
    for case in tests {
        let name = case["geom"].as_str().expect("a name");
        let area = match &cases["polygons"][name] {
            Value::Null => cases["multipolygons"][name].clone(),
            polygon => Value::Array(vec![polygon.clone()]),
        };
        let area: Area = serde_json::from_value(area).expect("an area");
        // Planar where it does not fit on the globe.
        let large = area.iter().flatten().flatten().any(|point| point[0].abs() > 90.0 || point[1].abs() > 80.0);
        let scale = if large || name.starts_with("poly") && !name.contains("hole") { 1e-3 } else { 1.0 };
        let point: [f64; 2] = serde_json::from_value(case["point"].clone()).expect("a point");
        let agrees = |side: i8| match &case["expected"] {
            Value::Bool(within) => (side <= 0) == *within,
            boundary => boundary == "boundary" && side == 0,
        };
        match prepare(&area, scale) {
            Ok(shape) if agrees(side(&shape, point, scale)) => {}
            Ok(_) => wrong.push(case.to_string()),
            Err(why) => wrong.push(format!("{name} is refused: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong: {wrong:#?}", wrong.len(), tests.len());
}

/// By counting the edges to the east, in the plane of longitudes and latitudes.
fn planar(area: &Area, [x, y]: [f64; 2]) -> bool {
    let edges = area.iter().flatten().flat_map(|ring| ring.windows(2));
    edges.fold(false, |inside, edge| {
        let ([x1, y1], [x2, y2]) = (edge[0], edge[1]);
        inside != ((y1 > y) != (y2 > y) && x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    })
}

fn geometry(text: &str) -> Option<Area> {
    let value: Value = serde_json::from_str(text).ok()?;
    let coordinates = value["coordinates"].clone();
    let area = match value["type"].as_str()? {
        "Polygon" => Value::Array(vec![coordinates]),
        "MultiPolygon" => coordinates,
        _ => return None,
    };
    serde_json::from_value(area).ok()
}

/// Where the published answer leaves out one of two holes.
const LEAVES_OUT_A_HOLE: &str = "issues-171.json";

#[test]
fn areas_across_the_antimeridian_agree() {
    let Some(folder) = folder() else { return };
    let folder = folder.join("antimeridian/tests/data");
    let mut names: Vec<_> = std::fs::read_dir(folder.join("input"))
        .expect("`antimeridian.tar.gz`, unpacked there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    let (mut compared, mut wrong) = (0, Vec::new());
    for name in &names {
        let output = folder.join("output/flat").join(name);
        let (Some(input), Ok(output)) =
            (geometry(&read(&folder.join("input"), name)), std::fs::read_to_string(&output))
        else {
            continue;
        };
        let Some(output) = geometry(&output) else { continue };
        let shape = match prepare(&input, 1.0) {
            Ok(shape) => shape,
            Err(why) => {
                eprintln!("{name} is refused: {why}");
                continue;
            }
        };
        let differs = |point: [f64; 2]| {
            let distance = shape.signed_distance(position(point, 1.0)).0;
            // At an edge the ways of the two part by rounding.
            distance.abs() > 1.0 && (distance < 0.0) != planar(&output, point)
        };
        let grid = (-179..180).flat_map(|x| (-89..90).map(move |y| [f64::from(x) + 0.37, f64::from(y) + 0.41]));
        let bad: Vec<_> = grid.filter(|point| differs(*point)).collect();
        if name == LEAVES_OUT_A_HOLE {
            let in_hole = |point: &[f64; 2]| planar(&vec![vec![input[0][1].clone()]], *point);
            assert!(bad.len() == 2 && bad.iter().all(in_hole), "{name}: {bad:?}");
        } else if let Some(first) = bad.first() {
            wrong.push(format!("{name}: {} points, such as {first:?}", bad.len()));
        }
        compared += 1;
    }
    eprintln!("{compared} of {} areas compared", names.len());
    assert!(wrong.is_empty() && compared >= 15, "of {compared}: {wrong:#?}");
}
