//! The linter's noise model against the presence room: what is expected of a fence comes about on simulated walks.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, reason = "a test fails by panicking")]

use doorstep::files::{Defaults, read_regions};
use doorstep::locate::Atlas;
use doorstep::locate::lint::{Expectation, Surroundings, false_enter, lint};
use doorstep::model::{
    AppState, BrandId, Circle, DeviceId, DeviceTime, Extent, Fence, Fix, Metres, Millis, Ping, Place, PlaceId,
    Position, Region, RegionId, Sequence, TransitionKind,
};
use doorstep::presence::{DevicePresence, PresenceConfig, observe};
use std::sync::Arc;

const RUNS: u32 = 250;
const WALK_MPS: f64 = 1.3;
/// How far away the walks begin and end.
const AWAY_M: f64 = 120.0;
/// Metres of a degree of latitude, and of longitude at the equator, nearly.
const DEGREE_M: f64 = 111_195.0;

/// Uniform and normal numbers with a seed: an xorshift (G. Marsaglia, 2003), and the Box-Muller transform.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A walk along a line that passes the middle of the fence at a distance, perhaps with a stop at the nearest point.
#[derive(Clone, Copy, Debug)]
struct Walk {
    aside_m: f64,
    stop_s: f64,
}

impl Walk {
    /// Metres east and north of the middle.
    fn at(self, t: f64) -> (f64, f64) {
        let there = AWAY_M / WALK_MPS;
        let along = if t < there { t - there } else { (t - there - self.stop_s).max(0.0) };
        (WALK_MPS * along, self.aside_m)
    }

    fn ends_s(self) -> f64 {
        2.0 * AWAY_M / WALK_MPS + self.stop_s
    }
}

fn circle(radius_m: f64) -> Atlas {
    let (place, region) = circle_region(radius_m);
    Atlas::build([place], [region]).unwrap()
}

fn circle_region(radius_m: f64) -> (Arc<Place>, Arc<Region>) {
    let place = Place {
        id: PlaceId::parse("id", "p").unwrap(),
        display_name: "p".into(),
        brand: BrandId::parse("brand", "b").unwrap(),
        time_zone: "UTC".into(),
        opening_hours: None,
        tags: vec![],
    };
    let center = Position::new(0.0, 0.0).unwrap();
    let region = Region {
        id: RegionId::parse("id", "r").unwrap(),
        place: place.id.clone(),
        display_name: "r".into(),
        extent: Extent::Fence(Fence::Circle(Circle::new(center, Metres(radius_m)).unwrap())),
        dwell: Millis::from_mins(5),
        tags: vec![],
    };
    (Arc::new(place), Arc::new(region))
}

/// Whether one walk enters, with a fix every so many seconds whose error is a Gauss-Markov process of 30 s.
fn enters(atlas: &Atlas, walk: Walk, surroundings: Surroundings, every_s: f64, dice: &mut Dice) -> bool {
    let sigma = surroundings.accuracy().0 / 1.5096;
    let kept = (-every_s / 30.0f64).exp();
    let fresh = sigma * (1.0 - kept * kept).sqrt();
    let mut error = [sigma * dice.normal(), sigma * dice.normal()];
    let (device, config, mut state) =
        (DeviceId::parse("id", "d").unwrap(), PresenceConfig::default(), DevicePresence::default());
    let (mut t, mut sequence) = (every_s * dice.uniform(), 0);
    while t < walk.ends_s() {
        let (east, north) = walk.at(t);
        sequence += 1;
        let position = Position::wrapped((north + error[1]) / DEGREE_M, (east + error[0]) / DEGREE_M);
        let fix = Fix { position, accuracy: surroundings.accuracy(), speed_mps: None, course_deg: None, mock: false };
        let ping = Ping {
            sequence: Sequence(sequence),
            observed: DeviceTime(1_800_000_000_000 + (1_000.0 * t) as i64),
            fix: Some(fix),
            sightings: vec![],
            app: AppState::default(),
        };
        let seen = observe(&config, atlas, &device, &mut state, &ping, None);
        if seen.transitions.iter().any(|transition| transition.kind == TransitionKind::Enter) {
            return true;
        }
        error = error.map(|e| kept * e + fresh * dice.normal());
        t += every_s;
    }
    false
}

/// What comes about and was not expected: not within a factor of 2.5, nor within 6 in 100.
fn check(
    what: &str,
    radius_m: f64,
    surroundings: Surroundings,
    walk: Walk,
    missed: bool,
    expected: f64,
) -> Vec<String> {
    let (atlas, mut dice) = (circle(radius_m), Dice(7));
    let mut strays = Vec::new();
    // The filter lags too much for a fix now and then to see a small fence: that is beyond the model.
    let most_s = if radius_m < 20.0 { 5.0 } else { 15.0 };
    for every_s in [1.0, 5.0, 15.0].into_iter().filter(|every_s| *every_s <= most_s) {
        let count = (0..RUNS).filter(|_| enters(&atlas, walk, surroundings, every_s, &mut dice) != missed).count();
        let found = count as f64 / f64::from(RUNS);
        let near = found < 2.5 * expected && expected < 2.5 * found;
        if !near && (found - expected).abs() >= 0.06 {
            strays.push(format!(
                "{what}, {radius_m} m, {surroundings}, a fix every {every_s} s: {found:.3}, expected {expected:.3}"
            ));
        }
    }
    strays
}

#[test]
fn what_is_expected_comes_about() {
    let mut strays = Vec::new();
    for surroundings in Surroundings::ALL {
        for radius_m in [10.0, 15.0, 20.0, 30.0, 40.0] {
            let expected = Expectation::new(Metres(radius_m), surroundings);
            let through = Walk { aside_m: 0.0, stop_s: 0.0 };
            let stay = Walk { stop_s: 60.0, ..through };
            strays.extend(check("visit", radius_m, surroundings, stay, true, expected.missed_visits));
            if radius_m >= 15.0 {
                strays.extend(check("walk through", radius_m, surroundings, through, true, expected.missed_walks));
            }
        }
        for outside_m in [5.0, 10.0, 20.0] {
            let pass = Walk { aside_m: 40.0 + outside_m, stop_s: 0.0 };
            let expected = false_enter(Metres(40.0), surroundings, Metres(outside_m));
            strays.extend(check("passer-by", 40.0, surroundings, pass, false, expected));
        }
    }
    assert!(strays.is_empty(), "{strays:#?}");
}

/// The model's numbers are the latch's own; change them together.
#[test]
fn the_model_speaks_of_this_latch() {
    let config = PresenceConfig::default();
    let numbers = [config.dense_sigmas, config.enter_sigma_floor_m, config.dense_look_ahead_s];
    assert_eq!(numbers.map(f64::to_bits), [0.82f64, 5.0, 2.5].map(f64::to_bits));
}

#[test]
fn the_regions_of_the_demo_are_good() {
    let text = std::fs::read_to_string("fixtures/denver/regions.geojson").unwrap();
    let (places, regions) = read_regions(&text, &Defaults::default()).unwrap();
    let atlas = Atlas::build(places.into_iter().map(Arc::new), regions.into_iter().map(Arc::new)).unwrap();
    assert_eq!(atlas.len(), 20);
    assert_eq!(lint(&atlas), []);
}

/// As slow as it gets: 10,000 fences that all meet each other, and are still compared with few.
#[test]
fn a_pile_of_fences_is_bounded() {
    let (place, one) = circle_region(50.0);
    let regions = (0..10_000).map(|i| {
        let id = RegionId::parse("id", &format!("r{i}")).unwrap();
        Arc::new(Region { id, ..Region::clone(&one) })
    });
    let atlas = Atlas::build([place], regions).unwrap();
    let findings = lint(&atlas);
    assert!(findings.len() <= 9 * 10_000, "{} findings", findings.len());
}
