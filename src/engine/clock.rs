//! How far a device's clock is behind, judged by its live pings.
//!
//! A ping's lag is the server's time at its arrival minus the time that it bears: the clock's error and the way
//! together. A phone that was offline lags, too, but its lag shrinks as it uploads, in no time. A phone whose clock is
//! wrong lags the same from ping to ping, for minutes. So a lag counts as the clock's error once three pings or more,
//! over two minutes or more of the server's time, had the same lag within a minute; the error is the smallest of
//! them. More than 12 hours are not believed. A clock that is ahead is not forgiven: its pings are refused beyond two
//! minutes, whatever it did before.

use crate::model::{DeviceTime, Millis, ServerTime};

/// Lags of one stretch are no further apart.
const APART_MAX: Millis = Millis::from_mins(1);
/// So long a stretch is believed, ...
const STRETCH_MIN: Millis = Millis::from_mins(2);
/// ... of so many pings.
const PINGS_MIN: u32 = 3;
/// A larger error is not believed.
const BEHIND_MAX: Millis = Millis::from_hours(12);
/// A smaller one is none: it is the way.
const BEHIND_MIN: Millis = Millis::from_mins(2);

/// The lag of a device's latest pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceClock {
    /// The smallest lag of the stretch.
    pub lag_min: Millis,
    /// The largest.
    pub lag_max: Millis,
    /// When the first ping of the stretch came.
    pub since: ServerTime,
    /// When the last one came.
    pub until: ServerTime,
    /// How many they are.
    pub pings: u32,
}

impl DeviceClock {
    /// Takes the times of a ping.
    pub(super) fn observe(&mut self, observed: DeviceTime, now: ServerTime) {
        let lag = Millis(now.0.saturating_sub(observed.0));
        let (low, high) = (self.lag_min.min(lag), self.lag_max.max(lag));
        if self.pings == 0 || high.0.saturating_sub(low.0) > APART_MAX.0 {
            *self = Self { lag_min: lag, lag_max: lag, since: now, until: now, pings: 1 };
        } else {
            *self = Self { lag_min: low, lag_max: high, until: now, pings: self.pings.saturating_add(1), ..*self };
        }
    }

    /// How far the clock is behind; 0 unless that is believed.
    pub(super) fn behind(&self) -> Millis {
        let believed = self.pings >= PINGS_MIN
            && self.until - self.since >= STRETCH_MIN
            && (BEHIND_MIN..=BEHIND_MAX).contains(&self.lag_min);
        if believed { self.lag_min } else { Millis(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pings of (server's second, lag in seconds) leave the clock so many seconds behind.
    fn check(pings: impl IntoIterator<Item = (i64, i64)>, behind: i64) {
        let mut clock = DeviceClock::default();
        for (now, lag) in pings {
            clock.observe(DeviceTime((now - lag) * 1_000), ServerTime(now * 1_000));
        }
        assert_eq!(clock.behind(), Millis::from_secs(behind));
    }

    #[test]
    fn a_lag_that_stays_is_the_clocks() {
        check([], 0);
        check((0..100).map(|n| (n * 5, 1 + n % 3)), 0);
        check((0..100).map(|n| (n * 5, 3 * 3_600 + n % 3)), 3 * 3_600);
        check((0..3).map(|n| (n * 5, 3 * 3_600)), 0);
        // A backlog in one go, and one that trickles in.
        check((0..1_000).map(|n| (n / 500, 7_200 - n * 5)), 0);
        check((0..1_000).map(|n| (n, 7_200 - n * 5)), 0);
        check((0..100).map(|n| (n * 5, 20 * 3_600)), 0);
        // The clock is set right.
        check((0..100).map(|n| (n * 5, if n < 50 { 10_800 } else { 0 })), 0);
    }
}
