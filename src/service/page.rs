//! Pages of lists (AIP-158).
//!
//! A page token holds where the page before it ended and a fingerprint of the list and its filters, so that a
//! token is refused when it comes with another request than the one that it continues.

use crate::model::Invalid;
use crate::store::{Cursor, PAGE_BYTES};
use crate::wire::v1;
use prost::Message;
use std::fmt::Display;
use xxhash_rust::xxh3::xxh3_64;

const SIZE_DEFAULT: usize = 100;
const SIZE_MAX: usize = 1_000;
/// Hexadecimal digits of the fingerprint, with which every token begins.
const STAMP_DIGITS: usize = 16;
/// The longest token in bytes.
const TOKEN_MAX: usize = 1_024;

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// How many entries at most.
    pub(super) size: usize,
    /// Where the page before ended, as text; empty for the first page.
    after: String,
    stamp: String,
}

impl Wanted {
    /// Reads the `page` of a request to `list`; `filters` is the request without its page.
    pub(super) fn parse(page: Option<v1::Page>, list: &str, filters: &impl Message) -> Result<Self, Invalid> {
        let mut seen = list.as_bytes().to_vec();
        seen.push(0);
        seen.extend(filters.encode_to_vec());
        let stamp = format!("{:0STAMP_DIGITS$x}", xxh3_64(&seen));
        let page = page.unwrap_or_default();
        let size = match usize::try_from(page.size) {
            Ok(0) => SIZE_DEFAULT,
            Ok(size) => size.min(SIZE_MAX),
            Err(_) => {
                let problem = format!("is {}; must be 1 to {SIZE_MAX}, or 0 for {SIZE_DEFAULT}", page.size);
                return Err(Invalid::new("page.size", problem));
            }
        };
        let after = if page.token.is_empty() { String::new() } else { after(&page.token, &stamp)? };
        Ok(Self { size, after, stamp })
    }

    /// The id at which the page before ended.
    pub(super) fn after_id<T>(&self, parse: impl Fn(&str, &str) -> Result<T, Invalid>) -> Result<Option<T>, Invalid> {
        (!self.after.is_empty()).then(|| parse("page.token", &self.after)).transpose()
    }

    /// Where the page before ended in a list of records.
    pub(super) fn after_cursor(&self) -> Result<Option<Cursor>, Invalid> {
        self.after_id(Cursor::parse)
    }

    /// The token of the page that comes after an entry; empty at the list's end.
    pub(super) fn token(&self, last: Option<impl Display>) -> String {
        last.map(|last| format!("{}{last}", self.stamp)).unwrap_or_default()
    }

    /// The page of an ordered list of entries with their ids, of which those up to the page before are skipped
    /// already: the entries, and the token that continues the list. A page ends early when it has [`PAGE_BYTES`].
    pub(super) fn take<T: Message>(&self, mut entries: impl Iterator<Item = (impl Display, T)>) -> (Vec<T>, String) {
        let mut page = Vec::new();
        let (mut last, mut bytes) = (None, 0);
        while page.len() < self.size && bytes < PAGE_BYTES {
            let Some((id, entry)) = entries.next() else { break };
            bytes += entry.encoded_len();
            page.push(entry);
            last = Some(id);
        }
        let more = entries.next().is_some();
        (page, self.token(last.filter(|_| more)))
    }
}

fn after(token: &str, stamp: &str) -> Result<String, Invalid> {
    match token.split_at_checked(STAMP_DIGITS) {
        Some((own, after)) if own == stamp && !after.is_empty() && token.len() <= TOKEN_MAX => Ok(after.to_owned()),
        Some(_) | None => Err(Invalid::new(
            "page.token",
            "belongs to another list or other filters, or is no token; must be the next_page_token of the page \
             before, with all other fields as they were",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(brand: &str) -> v1::ListPlacesRequest {
        v1::ListPlacesRequest { brand: brand.into(), ..v1::ListPlacesRequest::default() }
    }

    #[expect(clippy::unnecessary_wraps, reason = "fields of messages are optional")]
    fn page(size: i32, token: &str) -> Option<v1::Page> {
        Some(v1::Page { size, token: token.into() })
    }

    #[test]
    fn pages_join_without_gap_or_repeat() {
        let names = ["a", "b", "c", "d", "e"];
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let wanted = Wanted::parse(page(2, &token), "places", &request("roost")).unwrap();
            let after = wanted.after_id(|_, id| Ok(id.to_owned())).unwrap();
            let rest = names.into_iter().filter(|name| after.as_ref().is_none_or(|after| *name > after.as_str()));
            let (part, next) = wanted.take(rest.map(|name| (name, name.to_owned())));
            seen.extend(part);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, names);
    }

    #[test]
    fn a_page_ends_early_when_it_is_large() {
        let wanted = Wanted::parse(page(1_000, ""), "places", &request("")).unwrap();
        let large = "x".repeat(PAGE_BYTES / 2);
        let entries = (0..9).map(|id| (id, large.clone()));
        let (part, token) = wanted.take(entries);
        assert_eq!(part.len(), 2);
        assert_eq!(Wanted::parse(page(1_000, &token), "places", &request("")).unwrap().after, "1");
        let (part, token) = wanted.take([(7, "x".repeat(3 * PAGE_BYTES))].into_iter());
        assert_eq!((part.len(), token.as_str()), (1, ""));
    }

    #[test]
    fn a_token_fits_its_own_request_only() {
        let wanted = Wanted::parse(None, "places", &request("roost")).unwrap();
        let token = wanted.token(Some("key"));
        assert_eq!(Wanted::parse(page(7, &token), "places", &request("roost")).unwrap().after, "key");
        for (list, brand, token) in
            [("places", "bean", token.as_str()), ("regions", "roost", &token), ("places", "roost", "xyz")]
        {
            let refusal = Wanted::parse(page(7, token), list, &request(brand)).unwrap_err();
            assert_eq!(refusal.field, "page.token");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        for (size, want) in [(0, Ok(100)), (7, Ok(7)), (5_000, Ok(1_000)), (-1, Err("page.size"))] {
            let got = Wanted::parse(page(size, ""), "places", &request(""));
            assert_eq!(got.as_ref().map(|wanted| wanted.size).map_err(|why| why.field.as_str()), want);
        }
    }
}
