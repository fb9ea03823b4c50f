//! Where the phone truly is at each moment of a walk.

use crate::track::Track;
use anyhow::{Result, ensure};
use doorstep::model::{DeviceTime, Millis, Position};

/// The mean radius of the earth in metres (IUGG).
const EARTH_M: f64 = 6_371_008.8;
/// The longest walk.
pub const DURATION_MAX: Millis = Millis::from_days(7);

/// A timed walk; between two points it goes straight, at an even pace.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// At least two; times never go back.
    points: Vec<Truth>,
}

/// Where the phone truly is at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// When, by the phone's clock.
    pub at: DeviceTime,
    /// Where.
    pub position: Position,
}

impl Route {
    /// Walks a track. With times, it keeps them, moved so that the walk begins at `start` when one is given. A
    /// track without times is walked at `pace_mps` metres per second, 0.1 to 100, from `start` or the epoch on.
    pub fn new(track: &Track, pace_mps: f64, start: Option<DeviceTime>) -> Result<Self> {
        ensure!((0.1..=100.0).contains(&pace_mps), "a pace of {pace_mps} m/s; must be 0.1 to 100 m/s");
        let first = track.points.first().and_then(|point| point.at).or(start).unwrap_or_default();
        let shift = start.map_or(Millis(0), |start| start - first);
        let mut points: Vec<Truth> = Vec::with_capacity(track.points.len());
        let mut walked = 0.0;
        for point in &track.points {
            walked += points.last().map_or(0.0, |last| distance_m(last.position, point.position));
            #[expect(clippy::cast_possible_truncation, reason = "at most half the earth's girth over 0.1 m/s")]
            let paced = || first + Millis((walked / pace_mps * 1_000.0).round() as i64);
            let at = point.at.unwrap_or_else(paced) + shift;
            points.push(Truth { at, position: point.position });
        }
        let route = Self { points };
        let takes = route.end() - route.start();
        ensure!(takes <= DURATION_MAX, "the walk takes {takes}; must take at most {DURATION_MAX}");
        Ok(route)
    }

    /// When the walk begins.
    pub fn start(&self) -> DeviceTime {
        self.points.first().map(|point| point.at).unwrap_or_default()
    }

    /// When the walk ends.
    pub fn end(&self) -> DeviceTime {
        self.points.last().map(|point| point.at).unwrap_or_default()
    }

    /// The length of the way in metres.
    pub fn length_m(&self) -> f64 {
        self.points
            .windows(2)
            .map(|pair| if let [a, b] = pair { distance_m(a.position, b.position) } else { 0.0 })
            .sum()
    }

    /// Where the phone is at `at`; before the start and after the end it stands there.
    pub fn at(&self, at: DeviceTime) -> Option<Position> {
        let next = self.points.partition_point(|point| point.at <= at);
        let Some(from) = next.checked_sub(1).and_then(|index| self.points.get(index)) else {
            return self.points.first().map(|point| point.position);
        };
        let Some(to) = self.points.get(next) else { return Some(from.position) };
        let share = (at - from.at).0 as f64 / ((to.at - from.at).0.max(1)) as f64;
        let lon_span = (to.position.lon() - from.position.lon() + 540.0).rem_euclid(360.0) - 180.0;
        Some(Position::wrapped(
            from.position.lat() + share * (to.position.lat() - from.position.lat()),
            from.position.lon() + share * lon_span,
        ))
    }

    /// One true position at the start, one every `every` after it, and one at the end.
    pub fn sample(&self, every: Millis) -> impl Iterator<Item = Truth> + '_ {
        let (start, end) = (self.start(), self.end());
        let step = every.0.max(1);
        let whole = (end - start).0 / step;
        let times = (0..=whole).map(move |index| start + Millis(index * step));
        let last = ((end - start).0 % step != 0).then_some(end);
        times.chain(last).filter_map(|at| Some(Truth { at, position: self.at(at)? }))
    }
}

/// The distance in metres along the great circle (haversine formula).
pub fn distance_m(a: Position, b: Position) -> f64 {
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let across =
        half(b.lat() - a.lat()) + a.lat().to_radians().cos() * b.lat().to_radians().cos() * half(b.lon() - a.lon());
    2.0 * EARTH_M * across.sqrt().min(1.0).asin()
}

/// The position so many metres east and north of another; good for distances of some kilometres.
pub fn offset(from: Position, east_m: f64, north_m: f64) -> Position {
    let lat = from.lat() + (north_m / EARTH_M).to_degrees();
    let shrink = from.lat().to_radians().cos().max(1e-6);
    Position::wrapped(lat, from.lon() + (east_m / EARTH_M / shrink).to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::TrackPoint;

    fn track(points: &[(f64, f64, Option<i64>)]) -> Track {
        let point = |(lat, lon, at): &(f64, f64, Option<i64>)| TrackPoint {
            position: Position::new(*lat, *lon).unwrap(),
            at: at.map(DeviceTime),
        };
        Track { name: None, points: points.iter().map(point).collect() }
    }

    #[test]
    fn distance_and_offset_agree() {
        let here = Position::new(39.74, -104.99).unwrap();
        let there = offset(here, 300.0, -400.0);
        assert!((distance_m(here, there) - 500.0).abs() < 0.1, "{}", distance_m(here, there));
        assert!((distance_m(Position::wrapped(0.0, 179.999), Position::wrapped(0.0, -179.999)) - 222.4).abs() < 0.1);
    }

    #[test]
    fn a_plain_line_is_walked_at_the_given_pace() {
        let here = Position::new(39.74, -104.99).unwrap();
        let there = offset(here, 0.0, 140.0);
        let route = Route::new(
            &track(&[(here.lat(), here.lon(), None), (there.lat(), there.lon(), None)]),
            1.4,
            Some(DeviceTime(5_000)),
        )
        .unwrap();
        assert_eq!((route.start(), route.end()), (DeviceTime(5_000), DeviceTime(105_000)));
        assert!((route.length_m() - 140.0).abs() < 0.01);
        let midway = route.at(DeviceTime(55_000)).unwrap();
        assert!((distance_m(here, midway) - 70.0).abs() < 0.1);
        assert_eq!(route.at(DeviceTime(0)), Some(here));
        assert_eq!(route.at(DeviceTime(1_000_000)), Some(there));
    }

    #[test]
    fn times_are_kept_stops_included_and_can_be_moved() {
        let stop = track(&[
            (1.0, 1.0, Some(0)),
            (1.001, 1.0, Some(10_000)),
            (1.001, 1.0, Some(70_000)),
            (1.0, 1.0, Some(75_500)),
        ]);
        let route = Route::new(&stop, 1.4, None).unwrap();
        assert_eq!(route.at(DeviceTime(40_000)), Some(Position::new(1.001, 1.0).unwrap()));
        let times: Vec<i64> = route.sample(Millis(30_000)).map(|truth| truth.at.0).collect();
        assert_eq!(times, [0, 30_000, 60_000, 75_500]);
        let moved = Route::new(&stop, 1.4, Some(DeviceTime(1_000_000))).unwrap();
        assert_eq!((moved.start().0, moved.end().0), (1_000_000, 1_075_500));
    }

    #[test]
    fn the_short_way_across_the_date_line_is_taken() {
        let route = Route::new(&track(&[(0.0, 179.0, Some(0)), (0.0, -179.0, Some(1_000))]), 1.4, None).unwrap();
        let midway = route.at(DeviceTime(500)).unwrap();
        assert!((midway.lon().abs() - 180.0).abs() < 1e-9, "{}", midway.lon());
    }

    #[test]
    fn an_absurd_pace_or_duration_is_refused() {
        let far = track(&[(0.0, 0.0, Some(0)), (0.0, 1.0, Some(8 * 86_400_000))]);
        assert!(Route::new(&far, 1.4, None).unwrap_err().to_string().contains("at most 7 d"));
        assert!(Route::new(&far, 0.0, None).unwrap_err().to_string().contains("0.1 to 100"));
    }
}
