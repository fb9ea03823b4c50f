//! Hours and days of the week.

use super::{choice, each, v1};
use crate::model::hours::HOURS_MAX;
use crate::model::invalid::at_most;
use crate::model::{DailySpan, Invalid, OutsideHours, Weekdays, WeeklySpan};

/// A campaign's hours.
pub(super) fn weekly(wire: Vec<v1::WeeklyHours>) -> Result<Vec<WeeklySpan>, Invalid> {
    at_most("hours", wire.len(), HOURS_MAX)?;
    each("hours", wire, WeeklySpan::try_from)
}

/// What becomes of a message outside of hours; it is dropped where that is not said.
pub(super) fn outside(wire: i32) -> Result<OutsideHours, Invalid> {
    Ok(match choice("outside_hours", wire, "UNSPECIFIED, DROP or HOLD")? {
        v1::OutsideHours::Drop | v1::OutsideHours::Unspecified => OutsideHours::Drop,
        v1::OutsideHours::Hold => OutsideHours::Hold,
    })
}

impl From<OutsideHours> for v1::OutsideHours {
    fn from(outside: OutsideHours) -> Self {
        match outside {
            OutsideHours::Drop => Self::Drop,
            OutsideHours::Hold => Self::Hold,
        }
    }
}

impl TryFrom<v1::WeeklyHours> for WeeklySpan {
    type Error = Invalid;

    fn try_from(wire: v1::WeeklyHours) -> Result<Self, Invalid> {
        at_most("days", wire.days.len(), 7)?;
        let days = each("days", wire.days, weekday)?;
        Ok(Self { days: Weekdays::of(days), hours: DailySpan::new(&wire.start, &wire.end)? })
    }
}

impl From<&WeeklySpan> for v1::WeeklyHours {
    fn from(span: &WeeklySpan) -> Self {
        // The wire counts from Monday, 1.
        let days = if span.days == Weekdays::ALL {
            Vec::new()
        } else {
            span.days.days().map(|day| i32::from(day) + 1).collect()
        };
        Self { days, start: span.hours.start(), end: span.hours.end() }
    }
}

fn weekday(wire: i32) -> Result<u8, Invalid> {
    let known = "MONDAY to SUNDAY";
    Ok(match choice("", wire, known)? {
        v1::Weekday::Unspecified => return Err(super::unknown_choice("", "UNSPECIFIED", known)),
        v1::Weekday::Monday => 0,
        v1::Weekday::Tuesday => 1,
        v1::Weekday::Wednesday => 2,
        v1::Weekday::Thursday => 3,
        v1::Weekday::Friday => 4,
        v1::Weekday::Saturday => 5,
        v1::Weekday::Sunday => 6,
    })
}
