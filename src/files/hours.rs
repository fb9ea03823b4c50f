//! Hours as they stand in files: `{ days: [mon, tue], from: 09:00, until: 18:00 }`.

use crate::model::{DailySpan, Invalid, OutsideHours, Weekdays, WeeklySpan};
use serde::Deserialize;

/// One range of hours on some days.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    #[serde(default)]
    days: Vec<Day>,
    from: String,
    until: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// What becomes of a message outside of hours.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outside {
    #[default]
    Drop,
    Hold,
}

impl From<Outside> for OutsideHours {
    fn from(outside: Outside) -> Self {
        match outside {
            Outside::Drop => Self::Drop,
            Outside::Hold => Self::Hold,
        }
    }
}

/// A campaign's hours.
pub(super) fn weekly(entries: &[Entry]) -> Result<Vec<WeeklySpan>, Invalid> {
    let one = |(index, entry): (usize, &Entry)| {
        let days = Weekdays::of(entry.days.iter().map(|day| *day as u8));
        Ok(WeeklySpan { days, hours: span(&entry.from, &entry.until).map_err(|why| why.at("hours", index))? })
    };
    entries.iter().enumerate().map(one).collect()
}

/// Hours with the names of their ends in a file.
pub(super) fn span(from: &str, until: &str) -> Result<DailySpan, Invalid> {
    DailySpan::new(from, until)
        .map_err(|why| Invalid { field: if why.field == "start" { "from" } else { "until" }.to_owned(), ..why })
}
