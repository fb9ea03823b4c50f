//! Distances on the WGS 84 ellipsoid, and boxes around what lies on it.

use crate::model::Position;
use geo::{Distance as _, Geodesic, Point};
use rstar::AABB;
use std::cell::OnceCell;

/// Equatorial radius of WGS 84 in metres.
const EQUATORIAL_M: f64 = 6_378_137.0;
/// First eccentricity squared of WGS 84, f (2 - f) with f = 1 / 298.257223563.
const ECCENTRICITY2: f64 = 6.694_379_990_141_317e-3;
/// Radius of curvature at the poles in metres, a² / b.
pub(super) const POLAR_CURVATURE_M: f64 = 6_399_593.625_758;
/// The mean radius in metres, good enough for the small difference between a chord and its arc.
const MEAN_M: f64 = 6_371_008.8;
/// Up to this chord the arc comes from a series; beyond it, from Karney's geodesic.
const SERIES_MAX_M: f64 = 100_000.0;
/// Up to so many degrees of longitude and of latitude the series of the chord is good: its next terms are below 1e-8.
const SERIES_MAX_DEG: [f64; 2] = [0.5, 0.05];
/// Boxes are this much larger than what they hold, against rounding.
const SLACK_M: f64 = 1e-3;

/// A box in space, in metres from the earth's centre. A chord is never longer than its arc, so a box that is
/// widened by a distance along the ground holds all that is so near: at any latitude and any longitude.
pub(super) type Space = AABB<[f64; 3]>;

/// A position that is ready for measuring.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub(super) position: Position,
    /// Earth-centred, earth-fixed coordinates in metres, on the ellipsoid's surface.
    pub(super) space: [f64; 3],
}

impl Spot {
    pub(super) fn new(position: Position) -> Self {
        let (sin_lon, cos_lon) = position.lon().to_radians().sin_cos();
        let (r, z) = meridian(position.lat());
        Self { position, space: [r * cos_lon, r * sin_lon, z] }
    }

    /// The straight line through the earth, in metres.
    pub(super) fn chord_m(&self, other: &Self) -> f64 {
        self.space.iter().zip(&other.space).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// The way along the ground, in metres: within 2e-7 of the truth up to 100 km, from the arc over the chord on
    /// the mean sphere; beyond, the geodesic of C. F. F. Karney, "Algorithms for geodesics", 2013.
    pub(super) fn distance_m(&self, other: &Self) -> f64 {
        self.distance_over_m(other, self.chord_m(other))
    }

    /// The same, where the chord is known.
    pub(super) fn distance_over_m(&self, other: &Self, chord: f64) -> f64 {
        if chord < SERIES_MAX_M {
            return arc_m(chord);
        }
        let point = |p: Position| Point::new(p.lon(), p.lat());
        Geodesic.distance(point(self.position), point(other.position))
    }

    /// A box around all that is within a distance.
    pub(super) fn around(&self, distance_m: f64) -> Space {
        let reach = distance_m.max(0.0) + SLACK_M;
        AABB::from_corners(self.space.map(|v| v - reach), self.space.map(|v| v + reach))
    }
}

/// A spot from which more than one thing is measured: what depends on its latitude only is computed once, if at all.
#[derive(Debug, Clone)]
pub(super) struct Station {
    pub(super) spot: Spot,
    scale: OnceCell<Scale>,
}

impl Station {
    pub(super) fn new(spot: Spot) -> Self {
        Self { spot, scale: OnceCell::new() }
    }

    /// How long things are around the spot.
    pub(super) fn scale(&self) -> &Scale {
        self.scale.get_or_init(|| Scale::at(self.spot.position.lat()))
    }
}

/// How long things are around a latitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// Metres per degree of longitude.
    pub(super) east: f64,
    /// Metres per degree of latitude.
    pub(super) north: f64,
    /// How much `east` grows per degree to the north.
    pub(super) slope: f64,
    /// Half of how much `slope` grows per degree to the north, nearly.
    pub(super) curve: f64,
    /// How much `north` grows per degree to the north.
    north_slope: f64,
}

impl Scale {
    fn at(lat: f64) -> Self {
        let (east, north) = metres_per_degree(lat);
        let (sin, cos) = lat.to_radians().sin_cos();
        let degree = 1f64.to_radians();
        Self {
            east,
            north,
            // The derivative of N cos φ is -M sin φ, here per degree.
            slope: -sin * north * degree,
            curve: -0.5 * east * degree * degree,
            // That of M is 3 M e² sin φ cos φ / (1 - e² sin² φ).
            north_slope: 3.0 * ECCENTRICITY2 * sin * cos / (1.0 - ECCENTRICITY2 * sin * sin) * north * degree,
        }
    }

    /// The way along the ground to what is so many degrees east and north, in metres, without trigonometry: the
    /// series of the chord, with an error below 1e-8 of it. Absent where the series is too short.
    pub(super) fn distance_m(&self, [x, y]: [f64; 2]) -> Option<f64> {
        if x.abs() > SERIES_MAX_DEG[0] || y.abs() > SERIES_MAX_DEG[1] {
            return None;
        }
        let squared = |degrees: f64| degrees.to_radians().powi(2);
        let rise = (self.north + 0.5 * self.north_slope * y) * y;
        // Two parallels of radii r and s, a meridian's chord and an angle λ apart: 4 r s sin²(λ/2) and that chord.
        let far = self.east + y * (self.slope + y * self.curve);
        let run2 = self.east * far * x * x * (1.0 - squared(x) / 12.0);
        Some(arc_m((run2.max(0.0) + rise * rise * (1.0 - squared(y) / 12.0)).sqrt()))
    }
}

/// The arc over a chord on the mean sphere, by the series of 2 R asin(c / 2R).
fn arc_m(chord: f64) -> f64 {
    let u2 = (chord / (2.0 * MEAN_M)).powi(2);
    chord * (1.0 + u2 * (1.0 / 6.0 + u2 * (3.0 / 40.0)))
}

/// Metres per degree of longitude and of latitude at a latitude, from the radii of curvature in the prime vertical
/// and in the meridian (J. P. Snyder, "Map Projections: A Working Manual", 1987, equations 4-18 to 4-20).
pub(super) fn metres_per_degree(lat: f64) -> (f64, f64) {
    let (sin, cos) = lat.to_radians().sin_cos();
    let w2 = 1.0 - ECCENTRICITY2 * sin * sin;
    let prime_vertical = EQUATORIAL_M / w2.sqrt();
    let meridional = prime_vertical * (1.0 - ECCENTRICITY2) / w2;
    ((prime_vertical * cos).to_radians(), meridional.to_radians())
}

/// Distance from the earth's axis and from the equator's plane, in metres.
fn meridian(lat: f64) -> (f64, f64) {
    let (sin, cos) = lat.to_radians().sin_cos();
    let prime_vertical = EQUATORIAL_M / (1.0 - ECCENTRICITY2 * sin * sin).sqrt();
    // The cosine of a right angle in radians is not quite 0.
    let cos = if lat.abs() >= 90.0 { 0.0 } else { cos };
    (prime_vertical * cos, prime_vertical * (1.0 - ECCENTRICITY2) * sin)
}

/// A range of latitudes and longitudes in degrees, the bounds included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The southernmost latitude, -90 to 90.
    pub south: f64,
    /// The westernmost longitude, -180 to 180.
    pub west: f64,
    /// The northernmost latitude, -90 to 90.
    pub north: f64,
    /// The easternmost longitude: `west` to `west + 360`, so above 180 when the range crosses ±180°.
    pub east: f64,
}

impl Bounds {
    /// The range around a circle, exact on the mean sphere and widened by 1 %.
    pub(super) fn of_circle(center: Position, radius_m: f64) -> Self {
        let angle = 1.01 * radius_m / MEAN_M;
        let (south, north) = (center.lat() - angle.to_degrees(), center.lat() + angle.to_degrees());
        if north >= 90.0 || south <= -90.0 {
            return Self { south: south.max(-90.0), west: -180.0, north: north.min(90.0), east: 180.0 };
        }
        let half = (angle.sin() / center.lat().to_radians().cos()).clamp(-1.0, 1.0).asin().to_degrees();
        Self { south, west: center.lon() - half, north, east: center.lon() + half }.normal()
    }

    /// The same range with `west` within -180 to 180, and no more than once round.
    pub(super) fn normal(self) -> Self {
        if self.east - self.west >= 360.0 {
            return Self { west: -180.0, east: 180.0, ..self };
        }
        let turns = if (-180.0..=180.0).contains(&self.west) { 0.0 } else { ((self.west + 180.0) / 360.0).floor() };
        Self { west: self.west - 360.0 * turns, east: self.east - 360.0 * turns, ..self }
    }

    /// The range of both; the shorter way round.
    #[must_use]
    pub(super) fn merge(self, other: Self) -> Self {
        let joined = |shift: f64| Self {
            south: self.south.min(other.south),
            west: self.west.min(other.west + shift),
            north: self.north.max(other.north),
            east: self.east.max(other.east + shift),
        };
        [joined(0.0), joined(360.0), joined(-360.0)]
            .into_iter()
            .min_by(|a, b| (a.east - a.west).total_cmp(&(b.east - b.west)))
            .map_or(self, Self::normal)
    }

    /// The smallest upright box in space around this part of the ellipsoid.
    pub(super) fn space(&self) -> Space {
        let ((r_south, z_south), (r_north, z_north)) = (meridian(self.south), meridian(self.north));
        let widest = if self.south <= 0.0 && self.north >= 0.0 { EQUATORIAL_M } else { r_south.max(r_north) };
        let radius = (r_south.min(r_north), widest);
        let x = product(radius, cosines(self.west, self.east));
        let y = product(radius, cosines(self.west - 90.0, self.east - 90.0));
        AABB::from_corners(
            [x.0 - SLACK_M, y.0 - SLACK_M, z_south - SLACK_M],
            [x.1 + SLACK_M, y.1 + SLACK_M, z_north + SLACK_M],
        )
    }
}

/// The range of the cosine over a range of degrees.
fn cosines(from: f64, to: f64) -> (f64, f64) {
    let (a, b) = (from.to_radians().cos(), to.to_radians().cos());
    let holds = |angle: f64| ((from - angle) / 360.0).ceil() * 360.0 + angle <= to;
    (if holds(180.0) { -1.0 } else { a.min(b) }, if holds(0.0) { 1.0 } else { a.max(b) })
}

/// The range of the product of a range of radii, none below 0, and another range.
fn product(radius: (f64, f64), factor: (f64, f64)) -> (f64, f64) {
    let low = factor.0 * if factor.0 < 0.0 { radius.1 } else { radius.0 };
    let high = factor.1 * if factor.1 > 0.0 { radius.1 } else { radius.0 };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::samples::at;
    use geo::Destination as _;
    use rstar::Envelope as _;

    #[test]
    fn published_geodesics_come_out_exactly() {
        // From the test set for geodesics of C. F. F. Karney (doi 10.5281/zenodo.32156), whose first longitude is 0.
        for (lat, far_lat, far_lon, metres) in [
            (0.003_311_913_742, 0.001_762_385_472_585_824, 32.846_794_581_272_844, 3_656_488.447_219_1),
            (20.423_135_394_589, -21.179_388_017_798_69, 179.757_116_934_570_4, 19_917_969.342_367_2),
            (2.514_600_234_503, 2.506_446_532_968_658, 0.001_966_955_359_661_03, 927.764_797_2),
            (11.898_997_917_427, 11.899_065_303_345_823, 0.000_257_501_685_735_042, 29.026_512_1),
            (7.226_780_878_364, -56.519_157_293_106_27, 33.742_869_850_536_53, 7_709_737.061_964_7),
        ] {
            let found = Spot::new(at(lat, 0.0)).distance_m(&Spot::new(at(far_lat, far_lon)));
            assert!((found - metres).abs() < 1e-6 + 2e-7 * metres.min(1e5), "{found} for {metres} m");
        }
    }

    #[test]
    fn the_series_follows_the_geodesic_in_every_direction() {
        for lat in [-90.0, -60.0, 0.0, 45.0, 89.9] {
            for azimuth in [0.0, 45.0, 90.0, 200.0] {
                for metres in [1.0, 1e3, 2e4, 99_000.0] {
                    let end = Geodesic.destination(Point::new(179.9, lat), azimuth, metres);
                    let end = Spot::new(Position::wrapped(end.y(), end.x()));
                    let found = Spot::new(at(lat, 179.9)).distance_m(&end);
                    assert!((found - metres).abs() < 1e-6 + 2e-7 * metres, "{found} for {metres} m at {lat}");
                }
            }
        }
    }

    #[test]
    fn nearby_the_scale_measures_what_spots_measure() {
        for lat in [-87.9, -60.0, -0.01, 0.0, 39.74, 80.0, 87.9] {
            let station = Station::new(Spot::new(at(lat, 179.99)));
            for step in 0..=40_i32 {
                let (u, v) = (f64::from(step % 7) / 3.0 - 1.0, f64::from(step % 11) / 5.0 - 1.0);
                for size in [1e-4, 1e-2, 1.0] {
                    let by = [size * u * SERIES_MAX_DEG[0], size * v * SERIES_MAX_DEG[1]];
                    let truth = station.spot.distance_m(&Spot::new(Position::wrapped(lat + by[1], 179.99 + by[0])));
                    let found = station.scale().distance_m(by).unwrap();
                    assert!(
                        (found - truth).abs() < 1e-8 * truth + 5e-9,
                        "{found} and {truth} m by {by:?} from {lat}"
                    );
                }
            }
            let [east, north] = SERIES_MAX_DEG.map(|most| 1.001 * most);
            assert!([[east, 0.0], [0.0, -north]].map(|by| station.scale().distance_m(by)) == [None, None]);
        }
    }

    #[test]
    fn a_box_in_space_holds_its_bounds() {
        for (south, west, north, east) in [
            (-10.0, -5.0, 20.0, 5.0),
            (40.0, 170.0, 50.0, 190.0),
            (-90.0, -180.0, -80.0, 180.0),
            (80.0, 80.0, 90.0, 100.0),
            (-1.0, 250.0, 1.0, 290.0),
        ] {
            let space = Bounds { south, west, north, east }.space();
            for step in 0..=400 {
                let (u, v) = (f64::from(step % 20) / 20.0, f64::from(step / 20) / 20.0);
                let inside = Position::wrapped(south + u * (north - south), west + v * (east - west));
                assert!(space.contains_point(&Spot::new(inside).space), "{inside:?}");
            }
            let opposite = Position::wrapped(f64::midpoint(south, north), f64::midpoint(west, east) + 180.0);
            assert!(east - west >= 360.0 || !space.contains_point(&Spot::new(opposite).space), "{opposite:?}");
        }
    }

    #[test]
    fn bounds_go_the_short_way() {
        let b = |west, east| Bounds { south: 0.0, west, north: 1.0, east };
        for (one, other, expected) in [
            (b(170.0, 175.0), b(-178.0, -170.0), b(170.0, 190.0)),
            (b(-178.0, -170.0), b(170.0, 175.0), b(170.0, 190.0)),
            (b(10.0, 20.0), b(15.0, 30.0), b(10.0, 30.0)),
            (b(-180.0, 180.0), b(170.0, 190.0), b(-180.0, 180.0)),
        ] {
            assert_eq!(one.merge(other), expected);
        }
        assert_eq!(b(190.0, 200.0).normal(), b(-170.0, -160.0));
        let circle = Bounds::of_circle(at(60.0, 180.0), 1_000.0);
        assert!(circle.west < 180.0 && circle.east > 180.0 && circle.east - circle.west < 0.04, "{circle:?}");
        assert_eq!(Bounds::of_circle(at(-89.999, 0.0), 1_000.0).south.to_bits(), (-90.0f64).to_bits());
    }
}
