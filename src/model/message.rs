//! What to say: texts in one or several languages, with what a tap on them opens.

use super::ids::ButtonId;
use super::invalid::{Invalid, text};
use std::collections::BTreeMap;

/// The longest heading that a phone is sent, in characters; what is longer is cut.
pub const TITLE_MAX: usize = 100;
/// The longest text that a phone is sent, in characters; what is longer is cut.
pub const BODY_MAX: usize = 500;
/// The longest title of a button, in characters; what is longer is cut.
pub const BUTTON_TITLE_MAX: usize = 30;
/// The longest link, in characters.
pub const LINK_MAX: usize = 500;
/// Most further values for the app.
pub const DATA_MAX: usize = 20;
/// The longest key of a further value, in characters.
pub const DATA_KEY_MAX: usize = 50;
/// The longest further value, in characters.
pub const DATA_VALUE_MAX: usize = 500;
/// Most buttons of one message.
pub const BUTTONS_MAX: usize = 3;
/// Most languages of one message besides that of the message itself.
pub const TRANSLATIONS_MAX: usize = 32;
/// The longest template, in characters.
pub const TEMPLATE_MAX: usize = 2_000;
const LOCALE_MAX: usize = 35;

/// What to say. Of a campaign, its texts are templates; of a trigger, what the phone shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// The heading.
    pub title: String,
    /// The text.
    pub body: String,
    /// What opens on a tap: an absolute URI.
    pub deep_link: Option<String>,
    /// Further values for the app; at most [`DATA_MAX`].
    pub data: BTreeMap<String, String>,
    /// A picture to show: an `https` URI.
    pub image: Option<String>,
    /// What else can be tapped; at most [`BUTTONS_MAX`].
    pub buttons: Vec<Button>,
    /// The language of all this; absent: it is not said.
    pub locale: Option<Locale>,
    /// The same in other languages, each once; at most [`TRANSLATIONS_MAX`]. Of a trigger: none.
    pub translations: Vec<Translation>,
    /// What to say where a template fails. Of a trigger: none.
    pub fallback: Option<Fallback>,
}

/// A message in another language. What is left out is as in the message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The language.
    pub locale: Locale,
    /// The heading.
    pub title: String,
    /// The text.
    pub body: String,
    /// What opens on a tap.
    pub deep_link: Option<String>,
    /// Further values, besides those of the message, or in their stead.
    pub data: BTreeMap<String, String>,
    /// A picture to show.
    pub image: Option<String>,
    /// The buttons in the stead of the message's.
    pub buttons: Vec<Button>,
}

/// A plain text, which can't fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The heading, 1 to [`TITLE_MAX`] characters.
    pub title: String,
    /// The text, 1 to [`BODY_MAX`] characters.
    pub body: String,
    /// What opens on a tap: an absolute URI.
    pub deep_link: Option<String>,
}

/// Something on a message to tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Its id, unique within the message: what a receipt names.
    pub id: ButtonId,
    /// What it says.
    pub title: String,
    /// What opens; absent: the app.
    pub deep_link: Option<String>,
}

/// A language tag (BCP 47), such as `es-MX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    /// Parses subtags of 1 to 8 letters or digits, the first of letters alone; at most 35 characters.
    pub fn parse(field: &str, tag: &str) -> Result<Self, Invalid> {
        let subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphanumeric());
        let language = tag.split('-').next().is_some_and(|first| first.bytes().all(|c| c.is_ascii_alphabetic()));
        if tag.len() <= LOCALE_MAX && language && tag.split('-').all(subtag) {
            return Ok(Self(tag.to_owned()));
        }
        let shown: String = tag.chars().take(LOCALE_MAX).collect();
        Err(Invalid::new(field, format!("is {shown:?}; must be a language tag such as es or es-MX")))
    }

    /// The tag as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which of the offered tags fits a wanted one: lookup (RFC 4647, section 3.4). The wanted one is shortened from its
/// end until a tag is the same, in either case; a single letter or digit goes with what follows it. Absent: none fits.
pub fn lookup<'a>(wanted: &str, offered: &(impl Iterator<Item = &'a Locale> + Clone)) -> Option<usize> {
    let mut range = wanted;
    loop {
        let same = offered.clone().position(|tag| tag.0.eq_ignore_ascii_case(range));
        if same.is_some() {
            return same;
        }
        range = range.rsplit_once('-')?.0;
        if let Some((before, last)) = range.rsplit_once('-')
            && last.len() == 1
        {
            range = before;
        }
    }
}

/// Checks a URI with a scheme (RFC 3986, sections 2 and 3).
pub fn absolute_uri(field: &str, uri: &str) -> Result<String, Invalid> {
    let uri = text(field, uri, 1, LINK_MAX)?;
    let well_formed = uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
            && !rest.is_empty()
            && legal_in_uri(rest.as_bytes())
    });
    if well_formed {
        return Ok(uri);
    }
    let shown: String = uri.chars().take(80).collect();
    Err(Invalid::new(field, format!("is {shown:?}; must be an absolute URI such as https://roost.example/latte")))
}

/// Checks the address of a picture: an absolute URI of the scheme `https`, with a host.
pub fn https_uri(field: &str, uri: &str) -> Result<String, Invalid> {
    let uri = absolute_uri(field, uri)?;
    let host = uri.split_at_checked(8).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("https://"));
    if host.is_some_and(|(_, host)| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')) {
        return Ok(uri);
    }
    let shown: String = uri.chars().take(80).collect();
    Err(Invalid::new(field, format!("is {shown:?}; must begin with https:// and a host")))
}

fn legal_in_uri(mut rest: &[u8]) -> bool {
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            [c, tail @ ..] if c.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(c) => tail,
            [_, ..] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_looked_up_as_rfc_4647_says() {
        let tags = |all: &[&str]| all.iter().map(|tag| Locale::parse("locale", tag).unwrap()).collect::<Vec<_>>();
        for (wanted, offered, found) in [
            // The example of section 3.4: zh-Hant-CN-x-private1-private2 is shortened to zh-Hant-CN, and so on.
            ("zh-Hant-CN-x-private1-private2", &["zh", "zh-Hant", "zh-Hant-CN"][..], Some(2)),
            ("zh-Hant-CN-x-private1-private2", &["zh-Hant-CN-x", "zh"], Some(1)),
            ("zh-Hant-CN-x-private1-private2", &["zh-Hant-CN-x-private1", "zh"], Some(0)),
            ("de-CH", &["fr", "de"], Some(1)),
            ("de", &["de-CH"], None),
            ("DE-ch", &["de-CH"], Some(0)),
            ("en-US", &["de", "fr"], None),
            ("", &["de"], None),
            ("x-a-b", &["x"], Some(0)),
        ] {
            assert_eq!(lookup(wanted, &tags(offered).iter()), found, "{wanted} in {offered:?}");
        }
        for bad in ["", "es_MX", "-", "es-", "1a", "abcdefghi", "*"] {
            assert!(Locale::parse("locale", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_are_absolute_and_pictures_https() {
        for (uri, link, picture) in [
            ("https://roost.example/latte.png", true, true),
            ("HTTPS://[::1]/a", true, true),
            ("http://roost.example/latte.png", true, false),
            ("https:roost.example", true, false),
            ("https:///a", true, false),
            ("roost://latte?size=large", true, false),
            ("roost", false, false),
            ("roost://a b", false, false),
            ("", false, false),
        ] {
            assert_eq!((absolute_uri("", uri).is_ok(), https_uri("", uri).is_ok()), (link, picture), "{uri}");
        }
    }
}
