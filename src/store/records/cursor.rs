//! Where a list goes on.

use crate::model::Invalid;
use crate::store::Revision;
use std::fmt;

/// The longest text of a cursor: twice the longest key.
const TEXT_MAX: usize = 2 * super::super::KEY_MAX_BYTES;

/// A place in a list, as text that means nothing to who holds it: right after one entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// Parses a text that was once given out; an error names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let malformed = || Invalid::new(field, "is not a token that was given out; leave it empty to start anew");
        if text.is_empty() || text.len() > TEXT_MAX || text.len() % 2 == 1 {
            return Err(malformed());
        }
        let nibble = |digit: &u8| char::from(*digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
        let byte = |pair: &[u8]| match pair {
            [high, low] => u8::try_from(nibble(high)? << 4 | nibble(low)?).ok(),
            _ => None,
        };
        text.as_bytes().chunks(2).map(byte).collect::<Option<_>>().map(Self).ok_or_else(malformed)
    }

    pub(super) fn at(key: &[u8]) -> Self {
        Self(key.to_vec())
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How a [`LogCursor`]'s text begins. No other token begins so: all others begin with a hexadecimal digit.
const LOG_STAMP: char = 't';
/// The bytes of a key of an append: the commit's revision, and the index in it.
const APPEND_BYTES: usize = 12;

/// A place in the log of triggers: right after one of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogCursor(Cursor);

impl LogCursor {
    /// Parses a text that was once given out; an error names `field`. Only the log knows whether it was: see
    /// [`Records::find_in_log`](super::Records::find_in_log).
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let cursor = text.strip_prefix(LOG_STAMP).and_then(|rest| Cursor::parse(field, rest).ok());
        cursor.filter(|cursor| cursor.0.len() == APPEND_BYTES).map(Self).ok_or_else(|| {
            let problem = "is no cursor of a trigger; must be that of the last trigger seen, or empty to start anew";
            Invalid::new(field, problem)
        })
    }

    pub(super) fn at(key: &[u8]) -> Self {
        Self(Cursor::at(key))
    }

    pub(super) fn key(&self) -> &[u8] {
        self.0.key()
    }

    /// The commit that appended the trigger.
    pub(super) fn revision(&self) -> Revision {
        let revision = self.0.0.first_chunk().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes));
        Revision(revision)
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LOG_STAMP}{}", self.0)
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries. There may be fewer than were asked for, or none, and more to come all the same.
    pub items: Vec<T>,
    /// Where the list goes on; absent at its end.
    pub next: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        for key in [&b"maya\0door"[..], b"\0", b"\xff\x01"] {
            let cursor = Cursor::at(key);
            assert_eq!(Cursor::parse("token", &cursor.to_string()), Ok(cursor));
        }
        let cursor = LogCursor::at(&[0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3]);
        assert_eq!((cursor.to_string().as_str(), cursor.revision()), ("t000000000000010200000003", Revision(0x102)));
        assert_eq!(LogCursor::parse("cursor", &cursor.to_string()), Ok(cursor));
        for bad in ["", "t", "000000000000010200000003", "t0000000000000102000003", "t00000000000001020000000300"] {
            let refusal = LogCursor::parse("cursor", bad).unwrap_err();
            assert_eq!(refusal.field, "cursor", "{bad}");
        }
        for bad in ["", "0", "0g", "FF", "+1", "é", "00 1", &"00".repeat(TEXT_MAX)] {
            let refusal = Cursor::parse("page.token", bad).unwrap_err();
            assert_eq!(refusal.field, "page.token", "{bad}");
        }
    }
}
