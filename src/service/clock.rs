//! Where time comes from: the only place that reads a clock.

use crate::model::{DeviceTime, ServerTime};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the server's time comes from. Clones share it.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// The pings: the latest time that any of them bears, in milliseconds since the epoch. For simulations, in
    /// which an hour passes in a second.
    Pings(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that the pings drive; it stands at the epoch until the first one comes.
    pub fn pings() -> Self {
        Self::Pings(Arc::default())
    }

    /// The server's time.
    pub fn now(&self) -> ServerTime {
        match self {
            Self::System => ServerTime(machine_ms()),
            Self::Pings(latest) => ServerTime(latest.load(Ordering::Acquire)),
        }
    }

    /// The server's time at which a ping, or an event of another channel, is decided. A clock that the pings drive moves on to this one, and
    /// never back.
    pub fn now_at(&self, observed: DeviceTime) -> ServerTime {
        match self {
            Self::System => self.now(),
            Self::Pings(latest) => {
                let before = latest.fetch_max(observed.0, Ordering::AcqRel);
                ServerTime(before.max(observed.0))
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn machine_ms() -> i64 {
    // A clock before 1970 is not set; it counts as 1970.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_move_the_clock_on_and_never_back() {
        let clock = Clock::pings();
        let twin = clock.clone();
        for (observed, now) in [(1_000, 1_000), (500, 1_000), (2_000, 2_000)] {
            assert_eq!(clock.now_at(DeviceTime(observed)), ServerTime(now));
            assert_eq!(twin.now(), ServerTime(now));
        }
    }

    #[test]
    fn the_machine_is_past_2025() {
        assert!(Clock::System.now_at(DeviceTime(0)) > ServerTime(1_735_689_600_000));
    }
}
