//! Reads the track of a walk from GPX or GeoJSON.
//!
//! GPX: the track points of all segments, else the route points, with their times where they have them.
//! GeoJSON: the first `LineString` or `MultiLineString`, with times from `properties.coordTimes`,
//! `properties.times` or `properties.coordinateProperties.times`: RFC 3339 text or Unix milliseconds, one for
//! each coordinate.

use anyhow::{Context, Result, bail, ensure};
use doorstep::model::{DeviceTime, Position};
use geojson::{Feature, GeoJson, GeometryValue};
use serde_json::Value;
use std::io::{self, Read};
use std::path::Path;

/// Most points of one track.
pub const POINTS_MAX: usize = 1_000_000;

/// Where a walk leads, as a file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// What the file calls it, if it does.
    pub name: Option<String>,
    /// At least two points. Either all have times, which never go back, or none has.
    pub points: Vec<TrackPoint>,
}

/// One point of a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackPoint {
    /// Where.
    pub position: Position,
    /// When, if the file says so.
    pub at: Option<DeviceTime>,
}

impl Track {
    /// Reads a `.gpx`, or else a GeoJSON file; either may be gzipped. An error names the file and, where it is
    /// known, the line.
    pub fn read(path: &Path) -> Result<Self> {
        let subject = || format!("cannot read track {}", path.display());
        let text = crate::formats::read_text(path).with_context(subject)?;
        let unpacked = path
            .extension()
            .filter(|ending| *ending == "gz")
            .map_or(path, |_| Path::new(path.file_stem().unwrap_or_default()));
        let is_gpx = unpacked.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gpx"));
        if is_gpx || text.trim_start().starts_with('<') { Self::parse_gpx(&text) } else { Self::parse_geojson(&text) }
            .with_context(subject)
    }

    /// Reads GPX 1.0 or 1.1.
    pub fn parse_gpx(text: &str) -> Result<Self> {
        let mut lines = Lines::new(text);
        let parsed = gpx::read(&mut lines);
        let gpx = match parsed {
            Ok(gpx) => gpx,
            Err(error) => return Err(error).with_context(|| format!("line {}", lines.line)),
        };
        let track = gpx.tracks.into_iter().find(|track| track.segments.iter().any(|part| !part.points.is_empty()));
        let (name, waypoints) = match track {
            Some(track) => (track.name, track.segments.into_iter().flat_map(|part| part.points).collect::<Vec<_>>()),
            None => match gpx.routes.into_iter().find(|route| !route.points.is_empty()) {
                Some(route) => (route.name, route.points),
                None => bail!("holds neither track points (<trkpt>) nor route points (<rtept>)"),
            },
        };
        let points = waypoints.into_iter().enumerate().map(|(index, waypoint)| {
            let point = waypoint.point();
            let at = waypoint.time.map(|time| anyhow::Ok(parse_time(&time.format()?)?)).transpose();
            Ok(TrackPoint {
                position: Position::new(point.y(), point.x()).with_context(|| format!("point {index}"))?,
                at: at.with_context(|| format!("point {index}"))?,
            })
        });
        Self { name, points: points.collect::<Result<_>>()? }.checked()
    }

    /// Reads a GeoJSON geometry, feature or feature collection.
    pub fn parse_geojson(text: &str) -> Result<Self> {
        let features = match text.parse::<GeoJson>()? {
            GeoJson::Geometry(geometry) => vec![Feature { geometry: Some(geometry), ..Feature::default() }],
            GeoJson::Feature(feature) => vec![feature],
            GeoJson::FeatureCollection(collection) => collection.features,
        };
        let Some((feature, coordinates)) =
            features.iter().find_map(|feature| Some((feature, line(&feature.geometry.as_ref()?.value)?)))
        else {
            bail!("holds no LineString; a walk needs one");
        };
        let times = times(feature)?;
        if let Some(times) = &times {
            ensure!(
                times.len() == coordinates.len(),
                "has {} times for {} coordinates; must have one for each",
                times.len(),
                coordinates.len()
            );
        }
        let points = coordinates.iter().enumerate().map(|(index, coordinate)| {
            let (Some(lon), Some(lat)) = (coordinate.first(), coordinate.get(1)) else {
                bail!("coordinate {index} is no [longitude, latitude]");
            };
            let position = Position::new(*lat, *lon).with_context(|| format!("coordinate {index}"))?;
            Ok(TrackPoint { position, at: times.as_ref().and_then(|times| times.get(index).copied()) })
        });
        let name = feature.property("name").and_then(Value::as_str).map(str::to_owned);
        Self { name, points: points.collect::<Result<_>>()? }.checked()
    }

    fn checked(self) -> Result<Self> {
        let count = self.points.len();
        ensure!((2..=POINTS_MAX).contains(&count), "has {count} points; must have 2 to {POINTS_MAX}");
        let timed = self.points.iter().filter(|point| point.at.is_some()).count();
        if timed != 0 && timed != count {
            let missing = self.points.iter().position(|point| point.at.is_none()).unwrap_or_default();
            bail!("point {missing} has no time, though others have; either all have one or none");
        }
        if let Some(index) = self.points.windows(2).position(|pair| matches!(pair, [a, b] if b.at < a.at)) {
            bail!("the time of point {} lies before that of the point ahead of it", index + 1);
        }
        Ok(self)
    }
}

/// Parses a moment: RFC 3339 with an offset.
pub fn parse_time(text: &str) -> Result<DeviceTime> {
    let moment: jiff::Timestamp =
        text.parse().with_context(|| format!("{text:?} is no time such as 2026-06-18T18:00:00Z"))?;
    Ok(DeviceTime(moment.as_millisecond()))
}

fn line(value: &GeometryValue) -> Option<Vec<&[f64]>> {
    match value {
        GeometryValue::LineString { coordinates } => {
            Some(coordinates.iter().map(geojson::Position::as_slice).collect())
        }
        GeometryValue::MultiLineString { coordinates } => {
            Some(coordinates.iter().flatten().map(geojson::Position::as_slice).collect())
        }
        GeometryValue::Point { .. }
        | GeometryValue::MultiPoint { .. }
        | GeometryValue::Polygon { .. }
        | GeometryValue::MultiPolygon { .. }
        | GeometryValue::GeometryCollection { .. } => None,
    }
}

fn times(feature: &Feature) -> Result<Option<Vec<DeviceTime>>> {
    let nested = feature.property("coordinateProperties").and_then(|value| value.get("times"));
    let Some(value) = feature.property("coordTimes").or_else(|| feature.property("times")).or(nested) else {
        return Ok(None);
    };
    // The times of a MultiLineString come in one list a line.
    let list = value.as_array().context("the times are no list")?;
    let flat = list.iter().flat_map(|entry| entry.as_array().map_or(std::slice::from_ref(entry), Vec::as_slice));
    let parsed = flat.enumerate().map(|(index, entry)| match entry {
        Value::String(text) => parse_time(text).with_context(|| format!("time {index}")),
        Value::Number(number) => number
            .as_i64()
            .map(DeviceTime)
            .with_context(|| format!("time {index} is no whole number of milliseconds")),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            bail!("time {index} is {entry}; must be RFC 3339 text or Unix milliseconds")
        }
    });
    parsed.collect::<Result<_>>().map(Some)
}

/// Hands out a text and knows the line of the last byte that it handed out: the parser reads no further ahead.
struct Lines<'a> {
    rest: &'a [u8],
    line: usize,
    ended: bool,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.as_bytes(), line: 1, ended: false }
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // No further than the line's end, so that a parser with a buffer stays near, too.
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |newline| newline + 1);
        let (part, rest) = self.rest.split_at(end.min(buffer.len()));
        self.line += usize::from(self.ended && !part.is_empty());
        self.ended = part.last().map_or(self.ended && !rest.is_empty(), |last| *last == b'\n');
        for (to, from) in buffer.iter_mut().zip(part) {
            *to = *from;
        }
        self.rest = rest;
        Ok(part.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpx(points: &str) -> String {
        format!(
            "<gpx version=\"1.1\" creator=\"test\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n<trk><name>Out</name><trkseg>\n{points}\n</trkseg></trk></gpx>"
        )
    }

    fn line(properties: &str) -> String {
        format!(
            r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"LineString","coordinates":[[-104.99,39.74],[-104.98,39.75,1600]]}}}}"#
        )
    }

    /// Positions and times.
    type Points<'a> = (&'a [(f64, f64)], &'a [i64]);

    fn check(parsed: Result<Track>, expected: Result<Points<'_>, &str>) {
        match (parsed, expected) {
            (Ok(track), Ok((positions, times))) => {
                let got: Vec<_> = track.points.iter().map(|p| (p.position.lat(), p.position.lon())).collect();
                assert_eq!(got, positions);
                let got: Vec<_> = track.points.iter().filter_map(|p| Some(p.at?.0)).collect();
                assert_eq!(got, times);
            }
            (Err(error), Err(part)) => {
                let shown = format!("{error:#}");
                assert!(shown.contains(part), "{shown:?} lacks {part:?}");
            }
            (got, expected) => panic!("got {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn gpx_is_read_and_its_faults_are_named_by_line() {
        let two = r#"<trkpt lat="39.74" lon="-104.99"><time>2026-06-18T18:00:00Z</time></trkpt>
<trkpt lat="39.75" lon="-104.98"><time>2026-06-18T12:00:05.5-06:00</time></trkpt>"#;
        let places: &[(f64, f64)] = &[(39.74, -104.99), (39.75, -104.98)];
        check(Track::parse_gpx(&gpx(two)), Ok((places, &[1_781_805_600_000, 1_781_805_605_500])));
        let untimed = r#"<trkpt lat="39.74" lon="-104.99"/><trkpt lat="39.75" lon="-104.98"/>"#;
        check(Track::parse_gpx(&gpx(untimed)), Ok((places, &[])));
        let route = r#"<gpx version="1.1" creator="t"><rte><rtept lat="39.74" lon="-104.99"/><rtept lat="39.75" lon="-104.98"/></rte></gpx>"#;
        check(Track::parse_gpx(route), Ok((places, &[])));
        for (points, part) in [
            ("", "neither track points"),
            (r#"<trkpt lat="39.74" lon="-104.99"/>"#, "has 1 points"),
            ("<trkpt lat=\"39.74\" lon=\"-104.99\"/>\n<trkpt lat=\"99\" lon=\"-104.98\"/>", "line 4"),
            ("<trkpt lat=\"39.74\" lon=\"-104.99\"/>\n\n<trkpt lat=\"39\"", "line 6"),
            (
                r#"<trkpt lat="1" lon="2"><time>2026-06-18T18:00:00Z</time></trkpt><trkpt lat="1" lon="2"/>"#,
                "point 1 has no time",
            ),
            (
                r#"<trkpt lat="1" lon="2"><time>2026-06-18T18:00:05Z</time></trkpt><trkpt lat="1" lon="2"><time>2026-06-18T18:00:00Z</time></trkpt>"#,
                "time of point 1 lies before",
            ),
        ] {
            check(Track::parse_gpx(&gpx(points)), Err(part));
        }
    }

    #[test]
    fn geojson_is_read_with_times_from_each_of_their_customary_places() {
        let places: &[(f64, f64)] = &[(39.74, -104.99), (39.75, -104.98)];
        let times: &[i64] = &[1_781_805_600_000, 1_781_805_605_500];
        let list = r#"["2026-06-18T18:00:00Z", 1781805605500]"#;
        check(Track::parse_geojson(&line("{}")), Ok((places, &[])));
        check(Track::parse_geojson(&line("null")), Ok((places, &[])));
        for properties in [
            format!(r#"{{"coordTimes":{list}}}"#),
            format!(r#"{{"times":{list}}}"#),
            format!(r#"{{"coordinateProperties":{{"times":{list}}}}}"#),
        ] {
            check(Track::parse_geojson(&line(&properties)), Ok((places, times)));
        }
        let collection = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":null,"geometry":null}},{}]}}"#,
            line("{}")
        );
        check(Track::parse_geojson(&collection), Ok((places, &[])));
        for (text, part) in [
            ("{\n\n\"type\":}", "line 3"),
            (r#"{"type":"Point","coordinates":[1,2]}"#, "no LineString"),
            (r#"{"type":"LineString","coordinates":[[1,2]]}"#, "has 1 points"),
            (r#"{"type":"LineString","coordinates":[[1,2],[2,91]]}"#, "coordinate 1: latitude is 91"),
            (&line(r#"{"times":[1]}"#), "1 times for 2 coordinates"),
            (&line(r#"{"times":["noon",2]}"#), "\"noon\" is no time"),
            (&line(r#"{"times":[2,1]}"#), "time of point 1 lies before"),
        ] {
            check(Track::parse_geojson(text), Err(part));
        }
    }
}
