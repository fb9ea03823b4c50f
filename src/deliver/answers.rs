//! What providers' answers mean. Each provider keeps a table of its own, and `docs/delivery.md` shows them.

use super::Answer;
use super::outgoing::Reply;
use crate::model::{Millis, ServerTime};
use std::ops::RangeInclusive;
use std::time::UNIX_EPOCH;

/// What a status means for the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Delivered.
    Accepted,
    /// To be tried again: it is about this message or this device only.
    Retry,
    /// To be tried again: it is about everything that goes to this provider.
    Busy,
    /// Nobody is at this address any more: the address is dropped, unless the device registered it again since, and
    /// the trigger is given up.
    Gone,
    /// Given up.
    Refused,
    /// The provider does not know who we are: it is paused, an operator is told, and the trigger is tried again.
    Denied,
}

/// One line of a table of answers.
#[derive(Debug, Clone)]
pub struct Row {
    /// The status codes.
    pub codes: RangeInclusive<u16>,
    /// The provider's own word for what happened; any where absent.
    pub word: Option<&'static str>,
    /// What they mean.
    pub meaning: Meaning,
    /// Who says so.
    pub source: &'static str,
}

impl Row {
    /// The line for one code and one of the provider's words.
    pub const fn word(code: u16, word: &'static str, meaning: Meaning, source: &'static str) -> Self {
        Self { codes: code..=code, word: Some(word), meaning, source }
    }

    /// The line for all codes of a range.
    pub const fn codes(codes: RangeInclusive<u16>, meaning: Meaning, source: &'static str) -> Self {
        Self { codes, word: None, meaning, source }
    }
}

/// What a status means, with the provider's own word where there is one: the first line that holds both decides.
/// A status in no line is no end of a request, so the trigger is given up.
pub fn meaning(table: &[Row], status: u16, word: Option<&str>) -> Meaning {
    let fits = |row: &&Row| row.codes.contains(&status) && row.word.is_none_or(|wanted| word == Some(wanted));
    table.iter().find(fits).map_or(Meaning::Refused, |row| row.meaning)
}

/// The answer that a reply amounts to at this moment. `word` is the provider's own for what happened, and `patience`
/// how long it wants to be left alone when it does not say.
pub(super) fn answer(
    table: &[Row],
    reply: &Reply,
    word: Option<&str>,
    patience: Option<Millis>,
    now: ServerTime,
) -> Answer {
    let status = reply.status;
    let detail = word.map_or_else(|| format!("HTTP {status}"), |word| format!("HTTP {status}: {word}"));
    let after = || reply.retry_after.as_deref().and_then(|value| wait(value, now)).or(patience);
    match meaning(table, status.as_u16(), word) {
        Meaning::Accepted => Answer::Accepted { detail },
        Meaning::Retry => Answer::Retry { detail, after: after() },
        Meaning::Busy => Answer::Busy { detail, after: after() },
        Meaning::Gone => Answer::Gone { detail, since: None },
        Meaning::Refused => Answer::Refused { detail },
        Meaning::Denied => Answer::Denied { detail },
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
pub(super) mod tests {
    use super::*;
    use reqwest::StatusCode;

    /// Holds a table to what is expected of statuses and words.
    pub(crate) fn check(table: &[Row], expected: &[(u16, Option<&str>, Meaning)]) {
        for &(status, word, wanted) in expected {
            assert_eq!(meaning(table, status, word), wanted, "{status} {word:?}");
        }
        let all_named =
            table.iter().filter_map(|row| row.word).all(|word| expected.iter().any(|e| e.1 == Some(word)));
        assert!(all_named, "each word of the table is tried");
        shown(table);
    }

    /// The page for operators has the same table.
    fn shown(table: &[Row]) {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/delivery.md");
        let page = std::fs::read_to_string(page).unwrap();
        for row in table {
            let line = line(row);
            assert!(page.contains(&line), "docs/delivery.md lacks this line of a table of answers:\n{line}");
        }
    }

    fn line(row: &Row) -> String {
        let (first, last) = (row.codes.start(), row.codes.end());
        let codes = match (first, last) {
            (0, _) => "any other".to_owned(),
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first} to {last}"),
        };
        let word = row.word.map_or_else(String::new, |word| format!(" `{word}`"));
        let meaning = match row.meaning {
            Meaning::Accepted => "delivered",
            Meaning::Retry => "again later",
            Meaning::Busy => "again later, all of it",
            Meaning::Gone => "drop the address",
            Meaning::Refused => "give up",
            Meaning::Denied => "pause and alert",
        };
        format!("| {codes}{word} | {meaning} | {} |", row.source)
    }

    fn reply(status: u16, retry_after: Option<&str>) -> Reply {
        let status = StatusCode::from_u16(status).unwrap();
        Reply { status, retry_after: retry_after.map(Into::into), body: Vec::new() }
    }

    const TABLE: &[Row] = &[
        Row::word(400, "Sleepy", Meaning::Retry, ""),
        Row::codes(400..=499, Meaning::Refused, ""),
        Row::codes(503..=503, Meaning::Busy, ""),
    ];

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
    fn the_first_line_decides_and_only_what_comes_again_heeds_retry_after() {
        let ask = |status, word, after: Option<&str>| {
            answer(TABLE, &reply(status, after), word, Some(Millis(9)), ServerTime(0))
        };
        let after = Some(Millis(3_000));
        assert_eq!(
            ask(400, Some("Sleepy"), Some("3")),
            Answer::Retry { detail: "HTTP 400 Bad Request: Sleepy".into(), after }
        );
        assert_eq!(ask(400, None, Some("3")), Answer::Refused { detail: "HTTP 400 Bad Request".into() });
        let detail = || "HTTP 503 Service Unavailable".into();
        assert_eq!(ask(503, None, Some("3")), Answer::Busy { detail: detail(), after });
        assert_eq!(ask(503, None, None), Answer::Busy { detail: detail(), after: Some(Millis(9)) });
        assert_eq!(meaning(TABLE, 700, None), Meaning::Refused);
    }
}
