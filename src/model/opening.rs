//! When a place is open, in the syntax of OpenStreetMap's `opening_hours`.

use super::hours::Shown;
use super::invalid::{Invalid, text};
use chrono::{DateTime, NaiveDateTime, TimeDelta};
use std::fmt;

/// The longest text in characters: that of a tag's value in OpenStreetMap.
const CHARACTERS_MAX: usize = 255;
/// What is further away than this is taken never to come.
const HORIZON: TimeDelta = TimeDelta::days(400);
/// Most changes that are looked through for an opening.
const CHANGES_MAX: usize = 64;

/// When a place is open, on its own clock. Holidays are not known: `PH` and `SH` never come. Sunrise and the like count
/// as fixed times of day. What is only perhaps open (`unknown`) counts as open.
#[derive(Clone)]
pub struct OpeningHours {
    text: String,
    hours: opening_hours::OpeningHours,
}

impl OpeningHours {
    /// Reads such as `Mo-Fr 07:00-19:00; Sa,Su 08:00-18:00` (OpenStreetMap wiki, `Key:opening_hours`), 1 to
    /// 255 characters. An error names `field`.
    pub fn parse(field: &str, wire: &str) -> Result<Self, Invalid> {
        let text = text(field, wire, 1, CHARACTERS_MAX)?;
        let hours = text.parse::<opening_hours::OpeningHours>().map_err(|error| {
            let at = column(&error.to_string()).map(|at| format!(" from character {at} on")).unwrap_or_default();
            let right = "must be opening hours as OpenStreetMap has them, such as Mo-Fr 07:00-19:00; Su off";
            Invalid::new(field, format!("is {text:?}, which does not read{at}; {right}"))
        })?;
        let context = hours.get_context().clone().approx_bound_interval_size(HORIZON);
        Ok(Self { hours: hours.with_context(context), text })
    }

    /// The text that it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the place is surely closed when its clock shows that.
    pub fn is_closed(&self, shown: Shown) -> bool {
        naive(shown).is_some_and(|at| self.hours.is_closed(at))
    }

    /// What the clock of a closed place shows when it opens next; nothing when it stays closed.
    pub fn next_opening(&self, shown: Shown) -> Option<Shown> {
        let mut at = naive(shown)?;
        for _ in 0..CHANGES_MAX {
            at = self.hours.next_change(at)?;
            if !self.hours.is_closed(at) {
                return Some(Shown(at.and_utc().timestamp_millis()));
            }
        }
        None
    }
}

/// Where a text stops to read, by the parser's own words, `--> 1:7`.
fn column(error: &str) -> Option<u32> {
    let (_, rest) = error.split_once("--> 1:")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn naive(shown: Shown) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_millis(shown.0).map(|at| at.naive_utc())
}

impl PartialEq for OpeningHours {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for OpeningHours {}

impl fmt::Debug for OpeningHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningHours({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds that a clock shows at a civil time.
    fn shown(text: &str) -> Shown {
        Shown(text.parse::<NaiveDateTime>().unwrap().and_utc().timestamp_millis())
    }

    #[test]
    fn a_place_is_closed_until_it_opens() {
        // 15 July 2026 is a Wednesday.
        for (hours, at, opens) in [
            ("Mo-Fr 07:00-19:00; Sa,Su 08:00-18:00", "2026-07-15T12:00:00", None),
            ("Mo-Fr 07:00-19:00; Sa,Su 08:00-18:00", "2026-07-15T06:59:59.999", Some("2026-07-15T07:00:00")),
            ("Mo-Fr 07:00-19:00; Sa,Su 08:00-18:00", "2026-07-17T19:00:00", Some("2026-07-18T08:00:00")),
            ("We off; Mo-Su 10:00-12:00,14:00-18:00; We off", "2026-07-15T11:00:00", Some("2026-07-16T10:00:00")),
            ("Fr,Sa 20:00-02:00", "2026-07-18T01:00:00", None),
            ("24/7", "2026-07-18T01:00:00", None),
            ("Mo-Fr 10:00-18:00 unknown", "2026-07-15T11:00:00", None),
            (
                "Jul 20-Aug 10 off; Mo-Su 09:00-17:00; Jul 20-Aug 10 off",
                "2026-07-19T17:00:00",
                Some("2026-08-11T09:00:00"),
            ),
        ] {
            let read = OpeningHours::parse("opening_hours", hours).unwrap();
            assert_eq!(read.is_closed(shown(at)), opens.is_some(), "{hours} {at}");
            if let Some(opens) = opens {
                assert_eq!(read.next_opening(shown(at)), Some(shown(opens)), "{hours} {at}");
            }
        }
        // What is rare, or far away, is found or given up in no time.
        for hours in
            ["Feb 29 Mo 00:00-00:01", "week 53 Mo 10:00-10:01", "2099 Jan 01 10:00-11:00", "Jan 01[+1000 days]"]
        {
            if let Ok(read) = OpeningHours::parse("opening_hours", hours) {
                read.next_opening(shown("2026-07-15T12:00:00"));
            }
        }
        let never = OpeningHours::parse("opening_hours", "off").unwrap();
        assert!(never.is_closed(Shown(0)) && never.next_opening(Shown(0)).is_none());
        let at_the_end = Shown(i64::MAX);
        assert!(!never.is_closed(at_the_end) && never.next_opening(at_the_end).is_none());
    }

    #[test]
    fn what_does_not_read_is_told() {
        for (text, at) in [
            ("", "has 0 characters"),
            ("from nine to five", "from character 3 on"),
            ("Mo-Fr 25:00-26:00 x", "from character 7 on"),
            ("Mo-Fr 09:00-18:00;;;(", "from character 19 on"),
        ] {
            let refusal = OpeningHours::parse("opening_hours", text).unwrap_err();
            assert_eq!(refusal.field, "opening_hours", "{text}");
            assert!(refusal.problem.contains(at), "{refusal}");
        }
    }
}
