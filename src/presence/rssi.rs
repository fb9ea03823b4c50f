//! The strength of one beacon, smoothed, and what it says about distance.

use super::config::PresenceConfig;
use crate::model::{DeviceTime, Proximity};

/// Nothing is received below this, dBm.
const RSSI_MIN_DBM: f64 = -127.0;

/// One beacon as one device hears it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// Smoothed strength, dBm.
    pub dbm: f64,
    /// The measured power at 1 m that the beacon last claimed, dBm.
    pub measured_power_dbm: i8,
    /// When it was last heard.
    pub heard: DeviceTime,
}

impl Signal {
    /// The first reading.
    pub(super) fn first(rssi_dbm: i8, measured_power_dbm: i8, heard: DeviceTime) -> Self {
        Self { dbm: f64::from(rssi_dbm), measured_power_dbm, heard }
    }

    /// Takes a reading: a first-order filter in time, so that a reading a second and one in ten seconds forget
    /// equally fast; several readings of one instant share its weight. An older reading changes nothing.
    pub(super) fn observe(
        &mut self,
        rssi_dbm: i8,
        measured_power_dbm: i8,
        heard: DeviceTime,
        config: &PresenceConfig,
    ) {
        if heard < self.heard {
            return;
        }
        let dt_s = (heard - self.heard).as_secs_f64().max(config.rssi_gap_least_s);
        let weight = 1.0 - (-dt_s / config.rssi_time_s).exp();
        self.dbm += (f64::from(rssi_dbm) - self.dbm) * weight;
        self.measured_power_dbm = measured_power_dbm;
        self.heard = heard;
    }

    /// Its strength at a moment up to which the device listened: silence is evidence, so it fades.
    pub(super) fn faded_dbm(&self, at: DeviceTime, config: &PresenceConfig) -> f64 {
        let silent_s = ((at - self.heard).as_secs_f64() - config.rssi_grace_s).max(0.0);
        (self.dbm - silent_s * config.rssi_fade_db_per_s).max(RSSI_MIN_DBM)
    }

    /// Whether it is gone at a moment up to which the device listened.
    pub(super) fn is_silent(&self, at: DeviceTime, config: &PresenceConfig) -> bool {
        (at - self.heard).as_secs_f64() >= config.rssi_silence_s
    }

    /// Whether the numbers can have come from this filter; a record from elsewhere may hold any bits.
    pub(super) fn is_sane(&self) -> bool {
        (f64::from(i8::MIN)..=f64::from(i8::MAX)).contains(&self.dbm)
    }
}

/// The proximity by path loss: measured power at 1 m minus strength.
///
/// By the log-distance model (T. S. Rappaport, "Wireless Communications", 2002, section 4.9.1) with the exponent 2
/// of free space, the distance is 10^(loss / 20) metres. Walls and bodies only add loss, so a beacon that seems near
/// is near. Going back out takes a margin more: `before` is the proximity so far.
pub fn proximity(loss_db: f64, before: Option<Proximity>, config: &PresenceConfig) -> Proximity {
    let within = |limit| loss_margin_db(loss_db, limit, before.is_some_and(|p| p <= limit), config) >= 0.0;
    if within(Proximity::Immediate) {
        Proximity::Immediate
    } else if within(Proximity::Near) {
        Proximity::Near
    } else {
        Proximity::Far
    }
}

/// By how much a path loss stays below the limit of a proximity, dB; negative beyond it. `inside`: the proximity
/// was reached before.
pub(super) fn loss_margin_db(loss_db: f64, limit: Proximity, inside: bool, config: &PresenceConfig) -> f64 {
    let limit_db = match limit {
        Proximity::Immediate => config.immediate_loss_db,
        Proximity::Near => config.near_loss_db,
        Proximity::Far => f64::from(u8::MAX),
    };
    limit_db - loss_db + if inside { config.proximity_margin_db } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings (seconds, dBm) leave the strength at `dbm`, within 0.1 dB.
    fn check(readings: &[(i64, i8)], dbm: f64) {
        let config = PresenceConfig::default();
        let mut signal: Option<Signal> = None;
        for &(s, rssi) in readings {
            let at = DeviceTime(s * 1_000);
            match &mut signal {
                Some(signal) => signal.observe(rssi, -59, at, &config),
                None => signal = Some(Signal::first(rssi, -59, at)),
            }
        }
        let got = signal.unwrap().dbm;
        assert!((got - dbm).abs() < 0.1, "{readings:?}: {got}");
    }

    #[test]
    fn smoothing_goes_by_time_and_never_sticks() {
        check(&[(0, -70)], -70.0);
        check(&[(0, -70), (5, -60)], -63.7);
        check(&[(0, -70), (60, -60)], -60.0);
        check(&[(0, -70), (5, -60), (1, -90)], -63.7);
        let creeping: Vec<_> = (0..100).map(|s| (s, if s == 0 { -70 } else { -69 })).collect();
        check(&creeping, -69.0);
    }

    #[test]
    fn silence_fades_and_ends() {
        let config = PresenceConfig::default();
        let signal = Signal::first(-60, -59, DeviceTime(0));
        for (s, dbm) in [(0, -60.0), (5, -60.0), (15, -70.0), (1_000, -127.0)] {
            assert!((signal.faded_dbm(DeviceTime(s * 1_000), &config) - dbm).abs() < 1e-9, "{s}");
        }
        assert!(!signal.is_silent(DeviceTime(44_999), &config) && signal.is_silent(DeviceTime(45_000), &config));
    }

    #[test]
    fn proximity_needs_a_margin_to_go_back() {
        let config = PresenceConfig::default();
        let mut before = None;
        for (loss, expected) in [
            (30.0, Proximity::Far),
            (12.0, Proximity::Near),
            (15.9, Proximity::Near),
            (16.1, Proximity::Far),
            (12.1, Proximity::Far),
            (-6.0, Proximity::Immediate),
            (-2.1, Proximity::Immediate),
            (-1.9, Proximity::Near),
        ] {
            let now = proximity(loss, before, &config);
            assert_eq!(now, expected, "{loss} dB after {before:?}");
            before = Some(now);
        }
    }
}
