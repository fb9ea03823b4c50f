//! The words of a line, and the quantities that they stand for.

use doorstep::model::{Invalid, Millis, Position};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The answer to a line that can't be read: what is wrong, and what would be right.
pub(super) type Read<T> = Result<T, String>;

/// The words of one line, taken from the left.
#[derive(Debug, Clone)]
pub(super) struct Words<'a>(std::iter::Peekable<std::str::SplitWhitespace<'a>>);

impl<'a> Words<'a> {
    /// The words of a text.
    pub(super) fn of(text: &'a str) -> Self {
        Self(text.split_whitespace().peekable())
    }

    /// The next word; `what` says what it should be.
    pub(super) fn take(&mut self, what: &str) -> Read<&'a str> {
        self.0.next().ok_or_else(|| format!("ends where {what} is due"))
    }

    /// The next word, if there is one.
    pub(super) fn any(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    /// The next word, which stays.
    pub(super) fn peek(&mut self) -> Option<&'a str> {
        self.0.peek().copied()
    }

    /// Takes the next word if it is this one.
    pub(super) fn take_if(&mut self, word: &str) -> bool {
        self.0.next_if_eq(&word).is_some()
    }

    /// Takes the next word, which must be this one.
    pub(super) fn expect(&mut self, word: &str) -> Read<()> {
        match self.0.next() {
            Some(found) if found == word => Ok(()),
            Some(found) => Err(format!("has {found:?} where {word:?} is due")),
            None => Err(format!("ends where {word:?} is due")),
        }
    }

    /// The rest, as it was but for its gaps.
    pub(super) fn rest(self) -> String {
        self.0.collect::<Vec<_>>().join(" ")
    }

    /// Checks that no word is left.
    pub(super) fn end(&mut self) -> Read<()> {
        self.0.next().map_or(Ok(()), |word| Err(format!("has {word:?} where it should end")))
    }

    /// Takes the rest, each a `key=value` or a bare word, which has no value.
    pub(super) fn settings(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.0.map(|word| word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value))))
    }
}

/// Names that stand for positions.
pub(super) type Spots = BTreeMap<String, Position>;

/// The value of a setting that must have one.
pub(super) fn value<'a>(key: &str, value: Option<&'a str>) -> Read<&'a str> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| format!("has {key} without a value; write {key}=…"))
}

/// The refusal of a setting that is not known here.
pub(super) fn unknown(key: &str, known: &str) -> String {
    format!("has {key:?}, which is not known here; known are {known}")
}

/// An id, by the parser of its kind.
pub(super) fn id<T>(field: &str, text: &str, parse: impl Fn(&str, &str) -> Result<T, Invalid>) -> Read<T> {
    parse(field, text).map_err(|why| why.to_string())
}

/// Ids set apart by commas.
pub(super) fn ids<T, C: FromIterator<T>>(
    field: &str,
    text: &str,
    parse: impl Fn(&str, &str) -> Result<T, Invalid>,
) -> Read<C> {
    text.split(',').map(|one| id(field, one, &parse)).collect()
}

/// A whole or broken number.
pub(super) fn number<T: std::str::FromStr>(field: &str, text: &str) -> Read<T> {
    text.parse().map_err(|_| format!("has {field} {text:?}; must be a number in its range"))
}

/// A number with its unit, such as `40m`.
pub(super) fn quantity(field: &str, text: &str, unit: &str) -> Read<f64> {
    let bare = text.strip_suffix(unit).ok_or_else(|| format!("has {field} {text:?}; must end in {unit}"))?;
    number(field, bare)
}

/// A span such as `90s`, `5m`, `4h`; also `hour`, `day` (24 hours) and `week`.
pub(super) fn span(field: &str, text: &str) -> Read<Millis> {
    match text {
        "hour" => Ok(Millis::from_hours(1)),
        "day" => Ok(Millis::from_days(1)),
        "week" => Ok(Millis::from_days(7)),
        text => doorstep::files::parse_span(field, text).map_err(|why| why.to_string()),
    }
}

/// `LAT,LON`, or the name of a spot.
pub(super) fn position(text: &str, spots: &Spots) -> Read<Position> {
    if let Some(spot) = spots.get(text) {
        return Ok(*spot);
    }
    let wrong = || format!("has {text:?}; must be LAT,LON such as 39.74296,-104.98905, or the name of a spot");
    let (lat, lon) = text.split_once(',').ok_or_else(wrong)?;
    let degrees = |text: &str| text.parse::<f64>().map_err(|_| wrong());
    Position::new(degrees(lat)?, degrees(lon)?).map_err(|why| why.to_string())
}

/// A day in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Day {
    /// The date.
    pub(super) date: Date,
    /// The zone whose clocks show the times of the day.
    pub(super) zone: TimeZone,
}

impl Day {
    /// Reads `2026-07-15` and `America/Denver`.
    pub(super) fn read(date: &str, zone: &str) -> Read<Self> {
        Ok(Self {
            date: date.parse().map_err(|_| format!("has the date {date:?}; must be such as 2026-07-15"))?,
            zone: TimeZone::get(zone)
                .map_err(|_| format!("has the zone {zone:?}; must be an IANA name such as America/Denver"))?,
        })
    }

    /// Milliseconds since the Unix epoch at a time of this day, or at a date and time: `12:00`, `12:00:30.5`,
    /// `2026-07-16T12:00`.
    pub(super) fn moment(&self, text: &str) -> Read<i64> {
        let wrong = || format!("has the time {text:?}; must be such as 12:04:10 or 2026-07-16T12:04");
        let when: DateTime = match text.parse::<Time>() {
            Ok(time) if !text.contains('T') => self.date.to_datetime(time),
            Ok(_) | Err(_) => text.parse().map_err(|_| wrong())?,
        };
        Ok(when.to_zoned_datetime(self.zone.clone()).map_err(|_| wrong())?.timestamp().as_millisecond())
    }

    /// The moment as the day's clocks show it, to the minute where that is exact, with the date when on another
    /// day: `16:00`, `16:00:05`, `2026-07-16 12:00`.
    pub(super) fn clock(&self, ms: i64) -> String {
        let Ok(moment) = jiff::Timestamp::from_millisecond(ms) else { return format!("{ms} ms") };
        let moment = moment.to_zoned_datetime(self.zone.clone());
        let date = if moment.date() == self.date { "" } else { "%Y-%m-%d " };
        let time = match (ms % 60_000, ms % 1_000) {
            (0, _) => "%H:%M",
            (_, 0) => "%H:%M:%S",
            (_, _) => "%H:%M:%S%.3f",
        };
        moment.strftime(&format!("{date}{time}")).to_string()
    }
}
