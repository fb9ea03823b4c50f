//! One track a device: position, velocity, and the slowly changing error of its fixes.
//!
//! A Kalman filter. An axis has the state (position, velocity, bias); a fix measures position + bias + white noise.
//! Both axes share one covariance, because the accuracy of a fix is a circle. Velocity and bias are
//! Ornstein-Uhlenbeck processes (G. E. Uhlenbeck, L. S. Ornstein, 1930; for tracking: R. A. Singer, 1970): they fade
//! to nothing in their own time, so that a gap of minutes needs no special case, and fixes a second apart are not
//! taken for independent witnesses. The plane's origin is the estimate itself.

use super::config::PresenceConfig;
use super::plane::{Planar, Plane};
use crate::model::{DeviceTime, Fix, FixOutcome, Metres, Position};

/// Radius of 68 % over the standard deviation of an axis, for a round normal distribution: sqrt(-2 ln 0.32).
const RADIUS_68_SIGMAS: f64 = 1.515;
/// The variances never fall below these: a track that is too sure of itself follows no fix.
const POSITION_VARIANCE_MIN_M2: f64 = 0.01;
const OTHER_VARIANCE_MIN: f64 = 1e-6;
/// No variance counts above this, m²: a hundred times round the earth.
const VARIANCE_MAX_M2: f64 = 1e19;
/// Nothing that reports pings is faster, m/s.
const SPEED_MAX_MPS: f64 = 500.0;

/// Symmetric covariance of position, velocity and bias of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Covariance {
    /// Position, m².
    pub pp: f64,
    /// Position and velocity, m²/s.
    pub pv: f64,
    /// Position and bias, m².
    pub pb: f64,
    /// Velocity, m²/s².
    pub vv: f64,
    /// Velocity and bias, m²/s.
    pub vb: f64,
    /// Bias, m².
    pub bb: f64,
}

/// A fix that was set aside, waiting for others that agree with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// The latest of the fixes that agree.
    pub position: Position,
    /// Its accuracy radius.
    pub accuracy: Metres,
    /// When it was taken.
    pub at: DeviceTime,
    /// When the first of them was taken.
    pub since: DeviceTime,
    /// How many they are.
    pub fixes: u32,
}

/// The smoothed position of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// The time of the last accepted fix.
    pub at: DeviceTime,
    /// Where the device is.
    pub position: Position,
    /// How fast it moves, m/s.
    pub velocity: Planar,
    /// The slowly changing error of its fixes, m.
    pub bias: Planar,
    /// How certain these are.
    pub covariance: Covariance,
    /// Smoothed variance of a fix, an axis, m².
    pub fix_variance_m2: f64,
    /// How far the last accepted fix was from its prediction, standard deviations.
    pub surprise: f64,
    /// Fixes accepted lately, each fading: 1 = alone.
    pub support: f64,
    /// A fix that was set aside.
    pub held: Option<Held>,
}

/// What became of a fix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Taken {
    pub(super) outcome: FixOutcome,
    /// Standard deviations from the prediction; 0 where there was none.
    pub(super) surprise: f64,
}

impl Track {
    /// Begins a track.
    pub(super) fn seat(at: DeviceTime, fix: &Fix, config: &PresenceConfig) -> Self {
        let variance = fix_variance_m2(fix, config);
        let white = variance * config.white_share * config.white_share;
        Self {
            at,
            position: fix.position,
            velocity: Planar::default(),
            bias: Planar::default(),
            covariance: Covariance {
                pp: variance + white,
                pb: -variance,
                bb: variance,
                vv: config.walk_speed_mps * config.walk_speed_mps,
                ..Covariance::default()
            },
            fix_variance_m2: variance,
            surprise: 0.0,
            support: 1.0,
            held: None,
        }
    }

    /// Its uncertainty in metres, one standard deviation an axis.
    pub fn sigma_m(&self) -> f64 {
        self.covariance.pp.sqrt()
    }

    /// The uncertainty of the fixes that made it, in metres, one standard deviation an axis.
    pub fn fix_sigma_m(&self) -> f64 {
        self.fix_variance_m2.sqrt()
    }

    /// Whether the numbers can have come from this filter; a record from elsewhere may hold any bits.
    pub(super) fn is_sane(&self) -> bool {
        let Covariance { pp, pv, pb, vv, vb, bb } = self.covariance;
        let variances = [pp, vv, bb, self.fix_variance_m2].iter().all(|v| (0.0..=VARIANCE_MAX_M2).contains(v));
        let others = [pv, pb, vb, self.surprise, self.support].iter().all(|v| v.abs() <= VARIANCE_MAX_M2);
        let vectors = [self.velocity, self.bias].iter().all(|v| v.is_finite() && v.length() <= VARIANCE_MAX_M2);
        variances && others && vectors && pp > 0.0 && self.fix_variance_m2 > 0.0
    }

    /// Takes a fix. One that is late, or of too low an accuracy, must be set aside before.
    pub(super) fn observe(&mut self, at: DeviceTime, fix: &Fix, config: &PresenceConfig) -> Taken {
        let plane = Plane::at(self.position);
        let (mut next, moved) = self.predicted(at, fix, config);
        let innovation = plane.to(fix.position).plus(moved, -1.0).plus(next.bias, -1.0);
        let c = next.covariance;
        let own = fix_variance_m2(fix, config);
        let white = own * config.white_share * config.white_share + (own - next.fix_variance_m2).max(0.0);
        let variance = (c.pp + 2.0 * c.pb + c.bb + white).max(POSITION_VARIANCE_MIN_M2);
        let surprise = innovation.length() / variance.sqrt();
        if surprise > config.gate_sigmas {
            return Taken { outcome: self.set_aside(at, fix, config), surprise };
        }
        let moved = next.update(innovation, variance, moved);
        next.surprise = surprise;
        next.support += 1.0;
        next.held = None;
        next.position = plane.moved(moved);
        let there = Plane::at(next.position);
        next.velocity = plane.carried(next.velocity, &there);
        next.bias = plane.carried(next.bias, &there);
        *self = next;
        Taken { outcome: FixOutcome::Accepted, surprise }
    }

    /// The state at the time of a fix, before hearing it, and the way gone by then. Position and vectors are still
    /// those of the plane around the position before.
    fn predicted(&self, at: DeviceTime, fix: &Fix, config: &PresenceConfig) -> (Self, Planar) {
        let dt = (at - self.at).as_secs_f64().max(0.0);
        let tau = config.velocity_time_s;
        let fade = (-dt / tau).exp();
        // Metres for each m/s.
        let reach = tau * (1.0 - fade);
        let bias_fade = (-dt / config.bias_time_s).exp();
        let typical = config.walk_speed_mps + config.speed_gain * self.velocity.length();
        let typical = typical.min(config.typical_speed_max_mps);
        let q = 2.0 * typical * typical / tau;
        let blend = 1.0 - (-dt / config.accuracy_time_s).exp();
        // A geometric mean: reported accuracies scatter log-normally.
        let fix_variance_m2 =
            self.fix_variance_m2 * (fix_variance_m2(fix, config) / self.fix_variance_m2).powf(blend);
        let p = self.covariance;
        let fade2 = fade * fade;
        // White acceleration, integrated through the fading velocity.
        let q_vv = q * tau / 2.0 * (1.0 - fade2);
        let q_pv = q * reach * reach / 2.0;
        let q_pp = q * tau * tau * (dt - 2.0 * reach + tau / 2.0 * (1.0 - fade2));
        let wander = config.wander_speed_mps * (dt - config.wander_after_s).max(0.0);
        let pp = p.pp + 2.0 * reach * p.pv + reach * reach * p.vv + q_pp.max(0.0) + wander * wander;
        let covariance = Covariance {
            pp: pp.clamp(POSITION_VARIANCE_MIN_M2, VARIANCE_MAX_M2),
            pv: fade * (p.pv + reach * p.vv) + q_pv,
            pb: bias_fade * (p.pb + reach * p.vb),
            vv: fade2 * p.vv + q_vv,
            vb: fade * bias_fade * p.vb,
            bb: bias_fade * bias_fade * p.bb + (1.0 - bias_fade * bias_fade) * fix_variance_m2,
        };
        let next = Self {
            at,
            position: self.position,
            velocity: self.velocity.times(fade),
            bias: self.bias.times(bias_fade),
            covariance,
            fix_variance_m2,
            surprise: 0.0,
            support: self.support * (-dt / config.support_time_s).exp(),
            held: self.held,
        };
        (next, self.velocity.times(reach))
    }

    /// The Kalman update; returns the whole way gone, correction included.
    fn update(&mut self, innovation: Planar, variance: f64, moved: Planar) -> Planar {
        let c = self.covariance;
        let (gp, gv, gb) = (c.pp + c.pb, c.pv + c.vb, c.pb + c.bb);
        let (kp, kv, kb) = (gp / variance, gv / variance, gb / variance);
        self.velocity = self.velocity.plus(innovation, kv);
        let speed = self.velocity.length();
        if speed > SPEED_MAX_MPS {
            self.velocity = self.velocity.times(SPEED_MAX_MPS / speed);
        }
        self.bias = self.bias.plus(innovation, kb);
        self.covariance = Covariance {
            pp: (c.pp - kp * gp).max(POSITION_VARIANCE_MIN_M2),
            pv: c.pv - kp * gv,
            pb: c.pb - kp * gb,
            vv: (c.vv - kv * gv).max(OTHER_VARIANCE_MIN),
            vb: c.vb - kv * gb,
            bb: (c.bb - kb * gb).max(OTHER_VARIANCE_MIN),
        };
        moved.plus(innovation, kp)
    }

    /// Keeps a fix that is far from its prediction until enough others agree with it; then the track begins anew.
    fn set_aside(&mut self, at: DeviceTime, fix: &Fix, config: &PresenceConfig) -> FixOutcome {
        let fresh = Held { position: fix.position, accuracy: fix.accuracy, at, since: at, fixes: 1 };
        let held = match self.held {
            Some(held) if agrees(&held, at, fix, config) => {
                Held { since: held.since, fixes: held.fixes.saturating_add(1), ..fresh }
            }
            Some(_) | None => fresh,
        };
        let spread_s = (at - held.since).as_secs_f64();
        let two = held.fixes >= 2 && spread_s >= config.reseat_two_after_s;
        if held.fixes < config.reseat_fixes && !two {
            self.held = Some(held);
            return FixOutcome::Outlier;
        }
        let way_m = Plane::at(self.position).to(fix.position).length() - fix.accuracy.0 - 3.0 * self.sigma_m();
        let possible = way_m <= config.travel_speed_max_mps * (at - self.at).as_secs_f64();
        if possible || spread_s >= config.travel_hold_s {
            *self = Self::seat(at, fix, config);
            FixOutcome::Reseated
        } else {
            self.held = Some(held);
            FixOutcome::Implausible
        }
    }
}

/// Two fixes agree when a device can have gone from one to the other.
fn agrees(earlier: &Held, at: DeviceTime, fix: &Fix, config: &PresenceConfig) -> bool {
    let dt_s = (at - earlier.at).as_secs_f64().clamp(0.0, config.agree_within_s);
    let slack_m = earlier.accuracy.0 + fix.accuracy.0;
    Plane::at(earlier.position).to(fix.position).length() <= config.agree_speed_mps * dt_s + slack_m
}

fn fix_variance_m2(fix: &Fix, config: &PresenceConfig) -> f64 {
    let sigma = (fix.accuracy.0 / RADIUS_68_SIGMAS).max(config.fix_sigma_floor_m);
    sigma * sigma
}
