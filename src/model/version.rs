//! Versions of the app, and ranges of languages.

use super::invalid::Invalid;
use std::cmp::Ordering;

/// The longest version in characters.
pub const VERSION_MAX: usize = 50;
const NUMBERS_MAX: usize = 5;
const RANGE_MAX: usize = 35;

/// A version such as `2.10`, `2.10.0-beta.1` or `2026.7.1.4021`, compared as Semantic Versioning 2.0.0 says in section
/// 11, but for 1 to 5 numbers instead of 3: those left out count as 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    text: String,
    numbers: [u64; NUMBERS_MAX],
    /// What follows the first hyphen, up to a plus.
    pre: Vec<Identifier>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    // In the order of precedence: numbers before words.
    Number(u64),
    Word(String),
}

impl Version {
    /// Parses 1 to 5 numbers set apart by dots; `-` and identifiers of a pre-release may follow, and `+` and a build,
    /// which does not count. At most 50 characters.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        Self::read(text).ok_or_else(|| {
            let shown: String = text.chars().take(VERSION_MAX).collect();
            Invalid::new(field, format!("is {shown:?}; must be a version such as 2.10.0 or 2.10.0-beta.1"))
        })
    }

    /// Which of the two is earlier.
    pub fn compare(&self, other: &Self) -> Ordering {
        // A version comes after its own pre-releases.
        let released = self.pre.is_empty().cmp(&other.pre.is_empty());
        self.numbers.cmp(&other.numbers).then(released).then_with(|| self.pre.cmp(&other.pre))
    }

    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > VERSION_MAX {
            return None;
        }
        let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
        let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
        let mut numbers = [0; NUMBERS_MAX];
        let mut slots = numbers.iter_mut();
        for part in core.split('.') {
            *slots.next()? = number(part)?;
        }
        let pre = pre.map_or(Some(Vec::new()), |pre| pre.split('.').map(identifier).collect())?;
        let built = build.is_none_or(|build| build.split('.').all(|part| identifier(part).is_some()));
        built.then(|| Self { text: text.to_owned(), numbers, pre })
    }
}

fn number(part: &str) -> Option<u64> {
    part.bytes().all(|c| c.is_ascii_digit()).then(|| part.parse().ok()).flatten()
}

fn identifier(part: &str) -> Option<Identifier> {
    let legal = !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    legal.then(|| number(part).map_or_else(|| Identifier::Word(part.to_owned()), Identifier::Number))
}

/// A basic language range (RFC 4647, section 2.1), such as `es`, `es-MX` or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageRange(String);

impl LanguageRange {
    /// Parses `*`, or subtags of 1 to 8 letters or digits, the first of letters alone; at most 35 characters.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphanumeric());
        let language = text.split('-').next().is_some_and(|first| first.bytes().all(|c| c.is_ascii_alphabetic()));
        if text == "*" || (text.len() <= RANGE_MAX && language && text.split('-').all(subtag)) {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(RANGE_MAX).collect();
        Err(Invalid::new(field, format!("is {shown:?}; must be a language range such as es, es-MX or *")))
    }

    /// Basic filtering (RFC 4647, section 3.3.1): whether the range is the tag, or begins it up to a hyphen, in either
    /// case.
    pub fn takes(&self, tag: &str) -> bool {
        let (range, tag) = (self.0.as_bytes(), tag.as_bytes());
        let begins = tag.get(..range.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(range));
        range == b"*" || (begins && matches!(tag.get(range.len()), None | Some(b'-')))
    }

    /// The range as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_count() {
        // Each is later than the one before; the last two are the same.
        let ascending = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1",
            "1.9.9",
            "1.10",
            "2.0.0.1",
            "2026.7.1.4021",
        ];
        let version = |text| Version::parse("app_version", text).unwrap();
        for pair in ascending.windows(2) {
            assert_eq!(version(pair[0]).compare(&version(pair[1])), Ordering::Less, "{pair:?}");
            assert_eq!(version(pair[1]).compare(&version(pair[0])), Ordering::Greater, "{pair:?}");
        }
        for (one, same) in [("2.4", "2.4.0"), ("2.4+7", "2.4+8"), ("02", "2")] {
            assert_eq!(version(one).compare(&version(same)), Ordering::Equal, "{one} {same}");
        }
        for bad in [
            "",
            "v2",
            "2.",
            "2..1",
            "1.2.3.4.5.6",
            "2-",
            "2-a..b",
            "2+",
            "2.4 (7)",
            "99999999999999999999",
            &"1".repeat(51),
        ] {
            assert!(Version::parse("app_version", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_filter_as_rfc_4647_says() {
        for (range, tag, takes) in [
            ("de-de", "de-DE", true),
            ("de-DE", "de-DE-1996", true),
            ("de-DE", "de-Deva", false),
            ("de-DE", "de-Latn-DE", false),
            ("es", "es", true),
            ("es-MX", "es", false),
            ("*", "en", true),
            ("e", "en", false),
        ] {
            assert_eq!(LanguageRange::parse("locale", range).unwrap().takes(tag), takes, "{range} {tag}");
        }
        for bad in ["", "-", "es-", "es_MX", "*-CH", "1a", "abcdefghi"] {
            assert!(LanguageRange::parse("locale", bad).is_err(), "{bad}");
        }
    }
}
