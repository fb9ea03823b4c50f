//! One constant-velocity Kalman filter a device, in a tangent plane around its first fix.

use crate::model::{DeviceTime, Fix, FixOutcome, Metres, Position};

const METRES_PER_DEGREE: f64 = 111_195.08;
const ACCELERATION_NOISE: f64 = 0.15;
const GATE_SIGMA: f64 = 5.0;

/// The smoothed position of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// The tangent plane's origin.
    pub anchor: Position,
    /// Time of the last accepted fix.
    pub at: DeviceTime,
    /// East and north in metres from the anchor.
    pub east_north_m: [f64; 2],
    /// Velocity east and north in metres per second.
    pub velocity_mps: [f64; 2],
    /// Variance of position, covariance, variance of velocity, the same for both axes.
    pub variance: [f64; 3],
    /// Fixes set aside in a row.
    pub aside: u32,
}

impl Track {
    fn begin(at: DeviceTime, fix: &Fix) -> Self {
        let sigma = axis_sigma(fix);
        Self {
            anchor: fix.position,
            at,
            east_north_m: [0.0; 2],
            velocity_mps: [0.0; 2],
            variance: [sigma * sigma, 0.0, 4.0],
            aside: 0,
        }
    }

    /// Where the track is.
    pub fn position(&self) -> Position {
        let lat = self.anchor.lat() + self.east_north_m[1] / METRES_PER_DEGREE;
        let lon =
            self.anchor.lon() + self.east_north_m[0] / (METRES_PER_DEGREE * self.anchor.lat().to_radians().cos());
        Position::wrapped(lat, lon)
    }

    /// Its uncertainty, one standard deviation an axis.
    pub fn sigma(&self) -> Metres {
        Metres(self.variance[0].sqrt())
    }
}

fn axis_sigma(fix: &Fix) -> f64 {
    (fix.accuracy.0 / 1.515).max(2.0)
}

/// Takes a fix into the track; returns what became of it, and its surprise in standard deviations.
pub fn update(track: &mut Option<Track>, at: DeviceTime, fix: &Fix) -> (FixOutcome, f64) {
    let Some(own) = track else {
        *track = Some(Track::begin(at, fix));
        return (FixOutcome::Accepted, 0.0);
    };
    let dt = (at - own.at).as_secs_f64().max(0.001);
    let fade = (-dt / 30.0).exp();
    let [p, c, v] = own.variance;
    let q = ACCELERATION_NOISE * ACCELERATION_NOISE * dt;
    let predicted = [
        p + 2.0 * dt * fade * c + dt * dt * v + q * dt * dt / 3.0,
        fade * c + dt * fade * v + q * dt / 2.0,
        fade * fade * v + q,
    ];
    let noise = axis_sigma(fix).powi(2) * (1.0 + 5.0 / dt);
    let scale = METRES_PER_DEGREE * own.anchor.lat().to_radians().cos();
    let dlon = (fix.position.lon() - own.anchor.lon() + 540.0).rem_euclid(360.0) - 180.0;
    let measured = [dlon * scale, (fix.position.lat() - own.anchor.lat()) * METRES_PER_DEGREE];
    let expected = [0, 1].map(|axis| own.east_north_m[axis] + own.velocity_mps[axis] * dt);
    let innovation = [0, 1].map(|axis| measured[axis] - expected[axis]);
    let surprise = (innovation[0].hypot(innovation[1])) / (predicted[0] + noise).sqrt();
    if surprise > GATE_SIGMA {
        own.aside += 1;
        if own.aside < 3 {
            return (FixOutcome::Outlier, surprise);
        }
        *track = Some(Track::begin(at, fix));
        return (FixOutcome::Reseated, surprise);
    }
    let gain = [predicted[0] / (predicted[0] + noise), predicted[1] / (predicted[0] + noise)];
    for axis in [0, 1] {
        own.east_north_m[axis] = expected[axis] + gain[0] * innovation[axis];
        own.velocity_mps[axis] = own.velocity_mps[axis] * fade + gain[1] * innovation[axis];
    }
    own.variance =
        [predicted[0] * (1.0 - gain[0]), predicted[1] * (1.0 - gain[0]), predicted[2] - gain[1] * predicted[1]];
    own.at = at;
    own.aside = 0;
    (FixOutcome::Accepted, surprise)
}
