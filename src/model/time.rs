//! Two clocks that must not be mixed up: the device's, which may be off, and the server's.

use std::fmt;
use std::ops::{Add, Sub};

/// A span of time in milliseconds; may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// So many seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * 1_000)
    }

    /// So many minutes.
    pub const fn from_mins(minutes: i64) -> Self {
        Self::from_secs(minutes * 60)
    }

    /// So many hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_mins(hours * 60)
    }

    /// So many days of 24 hours.
    pub const fn from_days(days: i64) -> Self {
        Self::from_hours(days * 24)
    }

    /// The span to the nearest second, where it is as long as one: for people.
    #[must_use]
    pub const fn for_people(self) -> Self {
        if self.0.unsigned_abs() < 1_000 {
            self
        } else {
            Self((self.0.saturating_add(self.0.signum() * 500)) / 1_000 * 1_000)
        }
    }

    /// The span in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl fmt::Display for Millis {
    /// The two largest units: `4 h 30 min`, `45 s`, `250 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 5] =
            [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
        if self.0 < 0 {
            write!(f, "-")?;
        }
        let total = self.0.unsigned_abs().min(i64::MAX as u64).cast_signed();
        let Some(first) = UNITS.iter().position(|(size, _)| total >= *size) else { return write!(f, "0 s") };
        let (size, name) = UNITS[first];
        write!(f, "{} {name}", total / size)?;
        match UNITS.get(first + 1) {
            Some((smaller, name)) if total % size >= *smaller => write!(f, " {} {name}", total % size / smaller),
            Some(_) | None => Ok(()),
        }
    }
}

macro_rules! clock {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(
            /// Milliseconds since the Unix epoch.
            pub i64,
        );

        impl Add<Millis> for $name {
            type Output = Self;
            fn add(self, span: Millis) -> Self {
                Self(self.0.saturating_add(span.0))
            }
        }

        impl Sub<Millis> for $name {
            type Output = Self;
            fn sub(self, span: Millis) -> Self {
                Self(self.0.saturating_sub(span.0))
            }
        }

        impl Sub for $name {
            type Output = Millis;
            fn sub(self, earlier: Self) -> Millis {
                Millis(self.0.saturating_sub(earlier.0))
            }
        }
    };
}

clock! {
    /// A moment by a device's own clock, as a ping reports it.
    DeviceTime
}
clock! {
    /// A moment by the server's clock, as the shell passes it in.
    ServerTime
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_in_their_two_largest_units() {
        for (ms, text) in [
            (0, "0 s"),
            (250, "250 ms"),
            (45_000, "45 s"),
            (16_200_000, "4 h 30 min"),
            (86_400_000, "1 d"),
            (-60_000, "-1 min"),
        ] {
            assert_eq!(Millis(ms).to_string(), text);
        }
    }

    #[test]
    fn people_are_told_whole_seconds() {
        for (ms, told) in [(0, 0), (999, 999), (1_499, 1_000), (48_946, 49_000), (-1_500, -2_000), (-7, -7)] {
            assert_eq!(Millis(ms).for_people(), Millis(told));
        }
        assert_eq!(Millis(i64::MIN).for_people().0 / 1_000, i64::MIN / 1_000);
    }
}
