//! Repairs of GeoJSON that change no area: what is left is refused by the checks of [`locate`](crate::locate).
//!
//! | Found | Made of it | Safe, because |
//! |---|---|---|
//! | a ring whose last point is not the first one | the first point is added | that is how every reader would draw it |
//! | a point given twice in a row | one of them | the edge between them has no length |
//! | a spike: out to a point and back by the same way | nothing of it | it bounds no area |
//! | a longitude beyond ±180° by less than a turn | the same meridian within ±180° | RFC 7946, section 3.1.9 |
//!
//! A ring that crosses itself, has no area, lies outside its polygon, or has too many points is for its author to mend:
//! there is more than one way.

use super::FileError;
use serde_json::Value;

/// Repairs the polygons and points of a `FeatureCollection`. Returns its text, and a sentence for each repair that
/// names the feature, such as `features[2] (hall) ring 0 was not closed: its first point was added at the end`; the
/// text is as it was where there is nothing to repair. What is no GeoJSON fails.
pub fn repair_regions(text: &str) -> Result<(String, Vec<String>), FileError> {
    let unread = |error: serde_json::Error| FileError::GeoJson(error.to_string());
    let mut collection: Value = serde_json::from_str(text).map_err(unread)?;
    let mut said = Vec::new();
    let features = collection.get_mut("features").and_then(Value::as_array_mut);
    for (index, feature) in features.into_iter().flatten().enumerate() {
        let id = match feature.get("id") {
            Some(Value::String(id)) => format!(" ({id})"),
            Some(Value::Number(id)) => format!(" ({id})"),
            Some(_) | None => String::new(),
        };
        let mut say = |what: String| said.push(format!("features[{index}]{id} {what}"));
        let Some(geometry) = feature.get_mut("geometry") else { continue };
        let kind = geometry.get("type").and_then(Value::as_str).map(str::to_owned);
        let Some(coordinates) = geometry.get_mut("coordinates") else { continue };
        match kind.as_deref() {
            Some("Point") => {
                if wrap(coordinates) > 0 {
                    say("had a longitude beyond 180°: the same meridian was written within it".to_owned());
                }
            }
            Some("Polygon") => rings(coordinates, "", &mut say),
            Some("MultiPolygon") => {
                for (number, polygon) in coordinates.as_array_mut().into_iter().flatten().enumerate() {
                    rings(polygon, &format!("polygon {number}, "), &mut say);
                }
            }
            Some(_) | None => {}
        }
    }
    let text = if said.is_empty() { text.to_owned() } else { collection.to_string() };
    Ok((text, said))
}

fn rings(polygon: &mut Value, of: &str, say: &mut impl FnMut(String)) {
    for (number, ring) in polygon.as_array_mut().into_iter().flatten().enumerate() {
        let Some(points) = ring.as_array_mut() else { continue };
        let wrapped: usize = points.iter_mut().map(wrap).sum();
        if wrapped > 0 {
            let many = count(wrapped, "longitude");
            say(format!("{of}ring {number} had {many} beyond 180°: the same meridians were written within it"));
        }
        let before = points.len();
        points.dedup();
        if points.len() < before {
            let many = count(before - points.len(), "point");
            say(format!("{of}ring {number} repeated {many} in a row: dropped"));
        }
        if points.len() >= 3 && points.first() != points.last() {
            points.extend(points.first().cloned());
            say(format!("{of}ring {number} was not closed: its first point was added at the end"));
        }
        let spikes = drop_spikes(points);
        if spikes > 0 {
            say(format!("{of}ring {number} had {}, out and back by the same way: dropped", count(spikes, "spike")));
        }
    }
}

/// Drops the points of a closed ring at which it turns back to the point before; returns how many.
fn drop_spikes(points: &mut Vec<Value>) -> usize {
    if points.len() < 2 || points.first() != points.last() {
        return 0;
    }
    points.pop();
    let mut dropped = 0;
    let mut kept: Vec<Value> = Vec::with_capacity(points.len());
    for point in points.drain(..) {
        match kept.len().checked_sub(2).and_then(|before| kept.get(before)) {
            Some(before) if *before == point => {
                // The tip goes; the point before it stands already.
                kept.pop();
                dropped += 1;
            }
            Some(_) | None => kept.push(point),
        }
    }
    // Across the seam, where the last point is before the first one.
    while kept.len() >= 3 {
        if kept.get(kept.len() - 2) == kept.first() {
            // The last point is the tip, and the one before it the first point again.
            kept.truncate(kept.len() - 2);
        } else if kept.get(1) == kept.last() {
            // The first point is the tip, and the last one the second again.
            kept.remove(0);
            kept.pop();
        } else {
            break;
        }
        dropped += 1;
    }
    kept.extend(kept.first().cloned());
    *points = kept;
    dropped
}

/// Brings a position's longitude back within ±180°; how many it changed.
fn wrap(position: &mut Value) -> usize {
    let Some(longitude) = position.get_mut(0) else { return 0 };
    let Some(beyond) = longitude.as_f64().filter(|lon| lon.abs() > 180.0 && lon.abs() < 540.0) else { return 0 };
    *longitude = Value::from(beyond - 360.0_f64.copysign(beyond));
    1
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repairs a feature of one geometry; gives its coordinates without blanks, and what was said.
    fn check(kind: &str, coordinates: &str, expected: &str, said: &[&str]) {
        let text = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","id":"hall","properties":{{}},"geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}]}}"#
        );
        let (repaired, all) = repair_regions(&text).unwrap();
        let value: Value = serde_json::from_str(&repaired).unwrap();
        let got = &value["features"][0]["geometry"]["coordinates"];
        assert_eq!(got, &serde_json::from_str::<Value>(expected).unwrap(), "{coordinates}");
        let said: Vec<String> = said.iter().map(|what| format!("features[0] (hall) {what}")).collect();
        assert_eq!(all, said, "{coordinates}");
        assert_eq!(repair_regions(&repaired).unwrap(), (repaired, Vec::new()), "what is repaired needs no repair");
    }

    #[test]
    fn what_bounds_the_same_area_is_repaired_and_said() {
        let fine = "[[[0,0],[4,0],[4,4],[0,4],[0,0]]]";
        check("Polygon", fine, fine, &[]);
        let closed = "ring 0 was not closed: its first point was added at the end";
        check("Polygon", "[[[0,0],[4,0],[4,4],[0,4]]]", fine, &[closed]);
        check(
            "Polygon",
            "[[[0,0],[0,0],[4,0],[4,4],[4,4],[0,4],[0,0]]]",
            fine,
            &["ring 0 repeated 2 points in a row: dropped"],
        );
        let spike = "ring 0 had 1 spike, out and back by the same way: dropped";
        check("Polygon", "[[[0,0],[4,0],[4,4],[4,9],[4,4],[0,4],[0,0]]]", fine, &[spike]);
        check("Polygon", "[[[0,0],[4,0],[4,4],[0,4],[0,0],[-3,-3],[0,0]]]", fine, &[spike]);
        check(
            "Polygon",
            "[[[-3,-3],[0,0],[4,0],[4,4],[0,4],[0,0],[-3,-3]]]",
            "[[[0,0],[4,0],[4,4],[0,4],[0,0]]]",
            &[spike],
        );
        let long = "ring 0 had 2 spikes, out and back by the same way: dropped";
        check("Polygon", "[[[0,0],[4,0],[4,4],[4,6],[4,9],[4,6],[4,4],[0,4],[0,0]]]", fine, &[long]);
        check(
            "Polygon",
            "[[[179,0],[181,0],[181,1],[179,0]]]",
            "[[[179,0],[-179.0,0],[-179.0,1],[179,0]]]",
            &["ring 0 had 2 longitudes beyond 180°: the same meridians were written within it"],
        );
        check(
            "MultiPolygon",
            "[[[[0,0],[1,0],[1,1]]]]",
            "[[[[0,0],[1,0],[1,1],[0,0]]]]",
            &[&format!("polygon 0, {closed}")],
        );
        check(
            "Point",
            "[-190.5,3]",
            "[169.5,3]",
            &["had a longitude beyond 180°: the same meridian was written within it"],
        );
    }

    #[test]
    fn what_has_two_ways_is_left_for_its_author() {
        for left in [
            "[[[0,0],[2,2],[2,0],[0,2],[0,0]]]",
            "[[[0,0],[1,0]]]",
            "[[]]",
            "[]",
            "[[[900,0],[4,0],[4,4],[900,0]]]",
            "7",
        ] {
            check("Polygon", left, left, &[]);
        }
        // A ring that is all spike has no area, which the checks say.
        check("Polygon", "[[[0,0],[1,0],[0,0]]]", "[[[0,0],[1,0],[0,0]]]", &[]);
        assert!(repair_regions("no json").is_err());
    }
}
