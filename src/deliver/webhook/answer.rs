//! What a receiver's answer means.

use crate::deliver::Answer;
use crate::model::{Millis, ServerTime};
use reqwest::StatusCode;
use std::ops::RangeInclusive;
use std::time::UNIX_EPOCH;

/// What a status means for the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Delivered.
    Accepted,
    /// To be tried again.
    Retry,
    /// Given up.
    Refused,
}

/// One line of the table of [`ANSWERS`].
#[derive(Debug, Clone)]
pub struct Row {
    /// The status codes.
    pub codes: RangeInclusive<u16>,
    /// What they mean.
    pub meaning: Meaning,
    /// Who says so.
    pub source: &'static str,
}

/// What each status code means; the first row that holds it decides. Beside these, a connection that can't be made
/// or breaks, and an answer that does not come in time, are to be tried again (Standard Webhooks 1.0.0, "Delivery
/// success and failure").
///
/// Standard Webhooks leaves it to the sender which failures to repeat. A client error other than those that name a
/// passing state would be answered in the same way again (RFC 9110, section 15.5), so it ends the trigger and its
/// budget is given back.
pub const ANSWERS: &[Row] = &[
    Row { codes: 200..=299, meaning: Meaning::Accepted, source: "Standard Webhooks: success" },
    Row {
        codes: 300..=399,
        meaning: Meaning::Refused,
        source: "Standard Webhooks: failure; redirects are not followed, the URL is to be corrected",
    },
    Row {
        codes: 408..=408,
        meaning: Meaning::Retry,
        source: "RFC 9110, 15.5.9: the client may repeat the request on a new connection",
    },
    Row {
        codes: 410..=410,
        meaning: Meaning::Refused,
        source: "Standard Webhooks: the receiver wants no more from this sender; RFC 9110, 15.5.11",
    },
    Row {
        codes: 429..=429,
        meaning: Meaning::Retry,
        source: "Standard Webhooks: slow down; RFC 6585, 4: may say when to try again",
    },
    Row { codes: 400..=499, meaning: Meaning::Refused, source: "RFC 9110, 15.5: the client seems to have erred" },
    Row {
        codes: 500..=599,
        meaning: Meaning::Retry,
        source: "Standard Webhooks: failure; RFC 9110, 15.6: the server has erred, the request seems valid",
    },
    Row { codes: 0..=u16::MAX, meaning: Meaning::Refused, source: "RFC 9110, 15: not the end of a request" },
];

/// What a status means.
pub fn meaning(status: u16) -> Meaning {
    ANSWERS.iter().find(|row| row.codes.contains(&status)).map_or(Meaning::Refused, |row| row.meaning)
}

/// The answer that a status and, where there is one, the field `Retry-After` amount to at this moment.
pub(super) fn answer(status: StatusCode, retry_after: Option<&str>, now: ServerTime) -> Answer {
    let detail = format!("HTTP {status}");
    match meaning(status.as_u16()) {
        Meaning::Accepted => Answer::Accepted { detail },
        Meaning::Retry => Answer::Retry { detail, after: retry_after.and_then(|value| wait(value, now)) },
        Meaning::Refused => Answer::Refused { detail },
    }
}

/// How long `Retry-After` asks to wait, 0 or more: a number of seconds, or a date in any of the three forms of HTTP
/// (RFC 9110, sections 10.2.3 and 5.6.7). Nothing when it is neither.
fn wait(value: &str, now: ServerTime) -> Option<Millis> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        // Too many digits to count are still a wish to be left alone.
        let seconds = value.parse::<i64>().unwrap_or(i64::MAX);
        return Some(Millis(seconds.saturating_mul(1_000)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    let date = ServerTime(i64::try_from(since.as_millis()).ok()?);
    Some((date - now).max(Millis(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_meaning() {
        for (status, expected) in [
            (101, Meaning::Refused),
            (200, Meaning::Accepted),
            (202, Meaning::Accepted),
            (204, Meaning::Accepted),
            (301, Meaning::Refused),
            (308, Meaning::Refused),
            (400, Meaning::Refused),
            (401, Meaning::Refused),
            (404, Meaning::Refused),
            (408, Meaning::Retry),
            (409, Meaning::Refused),
            (410, Meaning::Refused),
            (429, Meaning::Retry),
            (451, Meaning::Refused),
            (500, Meaning::Retry),
            (502, Meaning::Retry),
            (503, Meaning::Retry),
            (504, Meaning::Retry),
            (599, Meaning::Retry),
            (600, Meaning::Refused),
        ] {
            assert_eq!(meaning(status), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = ServerTime(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120_000)),
            (" 7 ", Some(7_000)),
            ("99999999999999999999", Some(i64::MAX)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10_000)),
            ("Sun Nov  6 08:49:47 1994", Some(10_000)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(wait(value, now), expected.map(Millis), "{value:?}");
        }
    }

    #[test]
    fn only_a_retry_heeds_retry_after() {
        let now = ServerTime(0);
        let after = |status| match answer(StatusCode::from_u16(status).unwrap(), Some("3"), now) {
            Answer::Retry { after, detail } => Some((after, detail)),
            Answer::Accepted { .. } | Answer::Refused { .. } => None,
        };
        assert_eq!(after(503), Some((Some(Millis(3_000)), "HTTP 503 Service Unavailable".into())));
        assert_eq!(after(301), None);
        assert_eq!(after(201), None);
    }
}
