//! Hours of a day and days of a week, as a clock on the wall shows them.

use super::invalid::Invalid;
use std::fmt;

/// Most entries of a campaign's hours.
pub const HOURS_MAX: usize = 21;
/// Minutes of a day.
const DAY: u16 = 1_440;
/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A range of hours, the same each day: from its start to before its end, over midnight where the end is not later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailySpan {
    from: u16,
    until: u16,
}

/// Days of the week; never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays(u8);

/// A range of hours on some days of the week. What goes over midnight belongs to the day on which it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeeklySpan {
    /// The days on which it starts.
    pub days: Weekdays,
    /// The hours.
    pub hours: DailySpan,
}

/// What a wall clock shows: milliseconds since 1970-01-01T00:00 on that clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown(pub i64);

impl DailySpan {
    /// From `start` to before `end`, both as `HH:MM`, 00:00 to 23:59; the end may be 24:00. Fails, naming `start` or
    /// `end`, where one does not read or the two are the same.
    pub fn new(start: &str, end: &str) -> Result<Self, Invalid> {
        let from = minute(start).filter(|minute| *minute < DAY);
        let from = from.ok_or_else(|| Invalid::new("start", wrong(start, "00:00 to 23:59")))?;
        let until = minute(end).ok_or_else(|| Invalid::new("end", wrong(end, "00:00 to 24:00")))?;
        if from == until {
            return Err(Invalid::new("end", format!("is {end:?}, the same as the start; must be another time")));
        }
        Ok(Self { from, until })
    }

    /// Reads `21:00-08:00`; an error names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let parts = text.split_once('-').and_then(|(start, end)| Self::new(start.trim(), end.trim()).ok());
        let problem = || format!("is {text:?}; must be two different times of day such as 21:00-08:00");
        parts.ok_or_else(|| Invalid::new(field, problem()))
    }

    /// When it starts, `HH:MM`.
    pub fn start(self) -> String {
        clock(self.from)
    }

    /// When it ends, `HH:MM`.
    pub fn end(self) -> String {
        clock(self.until)
    }

    /// Whether a clock shows a time within it.
    pub fn contains(self, shown: Shown) -> bool {
        let minute = shown.minute();
        if self.from < self.until {
            (self.from..self.until).contains(&minute)
        } else {
            minute >= self.from || minute < self.until
        }
    }

    /// The first end of it after what a clock shows.
    pub fn next_end(self, shown: Shown) -> Shown {
        let today = Shown(shown.day() * DAY_MS + i64::from(self.until) * 60_000);
        if today > shown { today } else { Shown(today.0 + DAY_MS) }
    }
}

impl fmt::Display for DailySpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start(), self.end())
    }
}

impl Weekdays {
    /// Every day.
    pub const ALL: Self = Self(0x7f);

    /// These days, 0 for Monday to 6 for Sunday; every day where there are none.
    pub fn of(days: impl IntoIterator<Item = u8>) -> Self {
        let bits = days.into_iter().filter(|day| *day < 7).fold(0, |bits, day| bits | 1 << day);
        if bits == 0 { Self::ALL } else { Self(bits) }
    }

    /// Whether a day is one of them, 0 for Monday to 6 for Sunday.
    pub fn has(self, day: u8) -> bool {
        day < 7 && self.0 & (1 << day) != 0
    }

    /// The days, 0 for Monday to 6 for Sunday.
    pub fn days(self) -> impl Iterator<Item = u8> {
        (0..7).filter(move |day| self.has(*day))
    }
}

impl fmt::Display for Weekdays {
    /// `Mon-Fri`, `Mon, Sun` or `daily`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("daily");
        }
        let short = |day: u8| NAMES.get(usize::from(day)).and_then(|name| name.get(..3)).unwrap_or_default();
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for day in self.days() {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == day => *last = day,
                Some(_) | None => runs.push((day, day)),
            }
        }
        let run = |(first, last): (u8, u8)| match last - first {
            0 => short(first).to_owned(),
            1 => format!("{}, {}", short(first), short(last)),
            _ => format!("{}-{}", short(first), short(last)),
        };
        f.write_str(&runs.into_iter().map(run).collect::<Vec<_>>().join(", "))
    }
}

impl WeeklySpan {
    /// Whether a clock shows a time within it.
    pub fn contains(&self, shown: Shown) -> bool {
        // After midnight it is that of the day before.
        let over = self.hours.from >= self.hours.until && shown.minute() < self.hours.until;
        let day = if over { (shown.weekday() + 6) % 7 } else { shown.weekday() };
        self.hours.contains(shown) && self.days.has(day)
    }

    /// The start on the `n`th day after the one that a clock shows, if there is one.
    pub fn start_on(&self, shown: Shown, n: i64) -> Option<Shown> {
        let start = Shown((shown.day() + n) * DAY_MS + i64::from(self.hours.from) * 60_000);
        self.days.has(start.weekday()).then_some(start)
    }
}

impl Shown {
    /// Minutes since midnight.
    pub fn minute(self) -> u16 {
        u16::try_from(self.0.rem_euclid(DAY_MS) / 60_000).unwrap_or_default()
    }

    /// 0 for Monday to 6 for Sunday.
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.day() + 3).rem_euclid(7)).unwrap_or_default()
    }

    /// Days since 1970-01-01.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }
}

impl fmt::Display for Shown {
    /// `Friday 21:30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = NAMES.get(usize::from(self.weekday())).copied().unwrap_or_default();
        write!(f, "{day} {}", clock(self.minute()))
    }
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Minutes of `HH:MM`, up to 24:00.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two =
        |part: &str| (part.len() == 2 && part.bytes().all(|c| c.is_ascii_digit())).then(|| part.parse().ok())?;
    let (hours, minutes): (u16, u16) = (two(hours)?, two(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= DAY).then_some(hours * 60 + minutes)
}

fn wrong(text: &str, range: &str) -> String {
    let shown: String = text.chars().take(20).collect();
    format!("is {shown:?}; must be a time of day as HH:MM, {range}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_and_written() {
        for (start, end, good) in [
            ("09:00", "18:00", true),
            ("21:00", "08:00", true),
            ("00:00", "24:00", true),
            ("24:00", "08:00", false),
            ("9:00", "18:00", false),
            ("09:60", "18:00", false),
            ("09:00", "24:01", false),
            ("09:00", "09:00", false),
            ("+9:00", "18:00", false),
            ("", "", false),
        ] {
            let span = DailySpan::new(start, end);
            assert_eq!(span.is_ok(), good, "{start} {end}");
            if let Ok(span) = span {
                assert_eq!(DailySpan::parse("hours", &span.to_string()), Ok(span));
            }
        }
    }

    #[test]
    fn what_goes_over_midnight_belongs_to_the_day_before() {
        // 1970-01-02 was a Friday.
        let friday = WeeklySpan { days: Weekdays::of([4]), hours: DailySpan::new("21:00", "02:00").unwrap() };
        for (day, hour, within) in [(1, 21, true), (1, 1, false), (2, 1, true), (2, 2, false), (2, 21, false)] {
            let shown = Shown(day * DAY_MS + hour * 3_600_000);
            assert_eq!(friday.contains(shown), within, "{shown}");
        }
        assert_eq!(Shown(DAY_MS + 77_400_000).to_string(), "Friday 21:30");
        assert_eq!(friday.days.to_string(), "Fri");
        assert_eq!(Weekdays::of([6, 0, 1, 2, 4, 5]).to_string(), "Mon-Wed, Fri-Sun");
        assert_eq!(Weekdays::of([0, 1, 3]).to_string(), "Mon, Tue, Thu");
    }
}
