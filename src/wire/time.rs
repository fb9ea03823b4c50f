//! Timestamps and durations.
//!
//! The model counts milliseconds; what is finer is cut off towards the past.

use crate::model::{DeviceTime, Invalid, Millis, ServerTime};
use prost_types::{Duration, Timestamp};

/// 0001-01-01T00:00:00Z, the first moment of a valid Timestamp, in seconds since the epoch.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, the last second of a valid Timestamp, in seconds since the epoch.
const LAST_SECOND: i64 = 253_402_300_799;
/// The longest valid Duration, about 10,000 years, in seconds.
const LONGEST_SECONDS: i64 = 315_576_000_000;

/// A moment by the device's clock.
pub fn device_time(field: &str, wire: Timestamp) -> Result<DeviceTime, Invalid> {
    millis_since_epoch(field, wire).map(DeviceTime)
}

/// A moment by the server's clock.
pub fn server_time(field: &str, wire: Timestamp) -> Result<ServerTime, Invalid> {
    millis_since_epoch(field, wire).map(ServerTime)
}

/// A span of time, which may be negative.
pub fn millis(field: &str, wire: Duration) -> Result<Millis, Invalid> {
    let one_sign = (wire.seconds >= 0 && wire.nanos >= 0) || (wire.seconds <= 0 && wire.nanos <= 0);
    if !one_sign || wire.nanos.abs_diff(0) > 999_999_999 {
        let problem = "must be at most 999,999,999 either way, with the sign of the seconds";
        return Err(Invalid::new(format!("{field}.nanos"), format!("is {}; {problem}", wire.nanos)));
    }
    if wire.seconds.abs_diff(0) > LONGEST_SECONDS.unsigned_abs() {
        let problem = format!("is {}; must be -{LONGEST_SECONDS} to {LONGEST_SECONDS}", wire.seconds);
        return Err(Invalid::new(format!("{field}.seconds"), problem));
    }
    Ok(Millis(wire.seconds * 1_000 + i64::from(wire.nanos.div_euclid(1_000_000))))
}

/// A span of time within a closed range.
pub fn millis_within(field: &str, wire: Duration, least: Millis, most: Millis) -> Result<Millis, Invalid> {
    let span = millis(field, wire)?;
    if (least..=most).contains(&span) {
        Ok(span)
    } else {
        Err(Invalid::new(field, format!("is {span}; must be {least} to {most}")))
    }
}

impl From<DeviceTime> for Timestamp {
    fn from(time: DeviceTime) -> Self {
        timestamp(time.0)
    }
}

impl From<ServerTime> for Timestamp {
    fn from(time: ServerTime) -> Self {
        timestamp(time.0)
    }
}

impl From<Millis> for Duration {
    fn from(span: Millis) -> Self {
        Self { seconds: span.0 / 1_000, nanos: nanos(span.0 % 1_000) }
    }
}

fn millis_since_epoch(field: &str, wire: Timestamp) -> Result<i64, Invalid> {
    if !(0..=999_999_999).contains(&wire.nanos) {
        let problem = format!("is {}; must be 0 to 999,999,999", wire.nanos);
        return Err(Invalid::new(format!("{field}.nanos"), problem));
    }
    if !(FIRST_SECOND..=LAST_SECOND).contains(&wire.seconds) {
        let problem = format!(
            "is {}; must be {FIRST_SECOND} to {LAST_SECOND}, the years 1 to 9999, in seconds since 1970",
            wire.seconds
        );
        return Err(Invalid::new(format!("{field}.seconds"), problem));
    }
    Ok(wire.seconds * 1_000 + i64::from(wire.nanos / 1_000_000))
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp { seconds: ms.div_euclid(1_000), nanos: nanos(ms.rem_euclid(1_000)) }
}

/// Nanoseconds of a remainder of less than a second.
fn nanos(ms: i64) -> i32 {
    i32::try_from(ms * 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_out_of_range_names_its_part() {
        for (seconds, nanos, field) in [
            (0, -1, "t.nanos"),
            (0, 1_000_000_000, "t.nanos"),
            (i64::MAX, 0, "t.seconds"),
            (i64::MIN, 0, "t.seconds"),
        ] {
            assert_eq!(server_time("t", Timestamp { seconds, nanos }).unwrap_err().field, field);
        }
        assert_eq!(device_time("t", Timestamp { seconds: -1, nanos: 999_999_999 }).unwrap(), DeviceTime(-1));
    }

    #[test]
    fn a_span_has_one_sign_and_a_bound() {
        for (seconds, nanos, field) in [
            (1, -1, "d.nanos"),
            (-1, 1, "d.nanos"),
            (0, i32::MIN, "d.nanos"),
            (i64::MIN, 0, "d.seconds"),
            (i64::MAX, 0, "d.seconds"),
        ] {
            assert_eq!(millis("d", Duration { seconds, nanos }).unwrap_err().field, field);
        }
        assert_eq!(millis("d", Duration { seconds: -1, nanos: -500_000_000 }).unwrap(), Millis(-1_500));
        let refusal =
            millis_within("d", Duration { seconds: 0, nanos: 5 }, Millis::from_secs(1), Millis::from_days(31));
        assert_eq!(refusal.unwrap_err().to_string(), "d is 0 s; must be 1 s to 31 d");
    }
}
