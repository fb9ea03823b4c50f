//! What to say: templates of campaigns, messages of triggers.

use super::{choice, each, unknown_choice, v1};
use crate::message::is_template;
use crate::model::invalid::{at_most, text};
use crate::model::message::{
    BODY_MAX, BUTTON_TITLE_MAX, BUTTONS_MAX, DATA_KEY_MAX, DATA_MAX, DATA_VALUE_MAX, TEMPLATE_MAX, TITLE_MAX,
    TRANSLATIONS_MAX, absolute_uri, https_uri,
};
use crate::model::{Button, ButtonId, Channel, Fallback, Invalid, Locale, Message, Translation};
use std::collections::BTreeMap;

impl TryFrom<v1::Message> for Message {
    type Error = Invalid;

    fn try_from(wire: v1::Message) -> Result<Self, Invalid> {
        at_most("translations", wire.translations.len(), TRANSLATIONS_MAX)?;
        let locale = (!wire.locale.is_empty()).then(|| Locale::parse("locale", &wire.locale)).transpose()?;
        let translations: Vec<Translation> = each("translations", wire.translations, Translation::try_from)?;
        let mut seen: Vec<&Locale> = locale.iter().collect();
        for (index, Translation { locale, .. }) in translations.iter().enumerate() {
            if seen.iter().any(|own| own.as_str().eq_ignore_ascii_case(locale.as_str())) {
                let problem = format!("is {}, which came before; each language may come once", locale.as_str());
                return Err(Invalid::new("locale", problem).at("translations", index));
            }
            seen.push(locale);
        }
        Ok(Self {
            title: shown("title", &wire.title, TITLE_MAX)?,
            body: shown("body", &wire.body, BODY_MAX)?,
            deep_link: link("deep_link", &wire.deep_link, absolute_uri)?,
            data: data(wire.data)?,
            image: link("image", &wire.image, https_uri)?,
            buttons: buttons(wire.buttons)?,
            locale,
            fallback: wire.fallback.map(Fallback::try_from).transpose().map_err(|why| why.under("fallback"))?,
            translations,
        })
    }
}

impl From<&Message> for v1::Message {
    fn from(message: &Message) -> Self {
        Self {
            title: message.title.clone(),
            body: message.body.clone(),
            deep_link: message.deep_link.clone().unwrap_or_default(),
            data: message.data.clone().into_iter().collect(),
            image: message.image.clone().unwrap_or_default(),
            buttons: message.buttons.iter().map(Into::into).collect(),
            locale: message.locale.as_ref().map(|locale| locale.as_str().to_owned()).unwrap_or_default(),
            translations: message.translations.iter().map(Into::into).collect(),
            fallback: message.fallback.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::MessageTranslation> for Translation {
    type Error = Invalid;

    fn try_from(wire: v1::MessageTranslation) -> Result<Self, Invalid> {
        Ok(Self {
            locale: Locale::parse("locale", &wire.locale)?,
            title: shown("title", &wire.title, TITLE_MAX)?,
            body: shown("body", &wire.body, BODY_MAX)?,
            deep_link: link("deep_link", &wire.deep_link, absolute_uri)?,
            data: data(wire.data)?,
            image: link("image", &wire.image, https_uri)?,
            buttons: buttons(wire.buttons)?,
        })
    }
}

impl From<&Translation> for v1::MessageTranslation {
    fn from(translation: &Translation) -> Self {
        Self {
            locale: translation.locale.as_str().to_owned(),
            title: translation.title.clone(),
            body: translation.body.clone(),
            deep_link: translation.deep_link.clone().unwrap_or_default(),
            data: translation.data.clone().into_iter().collect(),
            image: translation.image.clone().unwrap_or_default(),
            buttons: translation.buttons.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::MessageFallback> for Fallback {
    type Error = Invalid;

    fn try_from(wire: v1::MessageFallback) -> Result<Self, Invalid> {
        let plain = |field: &str, own: &str, most| {
            if is_template(own) {
                return Err(Invalid::new(field, "is a template; must be a plain text, which can't fail"));
            }
            text(field, own, 1, most)
        };
        let opens = (!wire.deep_link.is_empty()).then(|| absolute_uri("deep_link", &wire.deep_link));
        Ok(Self {
            title: plain("title", &wire.title, TITLE_MAX)?,
            body: plain("body", &wire.body, BODY_MAX)?,
            deep_link: opens.transpose()?,
        })
    }
}

impl From<&Fallback> for v1::MessageFallback {
    fn from(fallback: &Fallback) -> Self {
        Self {
            title: fallback.title.clone(),
            body: fallback.body.clone(),
            deep_link: fallback.deep_link.clone().unwrap_or_default(),
        }
    }
}

impl From<&Button> for v1::Button {
    fn from(button: &Button) -> Self {
        Self {
            id: button.id.to_string(),
            title: button.title.clone(),
            deep_link: button.deep_link.clone().unwrap_or_default(),
        }
    }
}

fn buttons(wire: Vec<v1::Button>) -> Result<Vec<Button>, Invalid> {
    at_most("buttons", wire.len(), BUTTONS_MAX)?;
    let buttons: Vec<Button> = each("buttons", wire, |wire| {
        Ok(Button {
            id: ButtonId::parse("id", &wire.id)?,
            title: shown("title", &wire.title, BUTTON_TITLE_MAX)?,
            deep_link: link("deep_link", &wire.deep_link, absolute_uri)?,
        })
    })?;
    for (index, Button { id, .. }) in buttons.iter().enumerate() {
        if buttons.iter().take(index).any(|before| before.id == *id) {
            let problem = format!("is {id}, which came before; each may come once");
            return Err(Invalid::new("id", problem).at("buttons", index));
        }
    }
    Ok(buttons)
}

/// A text for people, or a template of one, which is cut where it prints more.
fn shown(field: &str, own: &str, most: usize) -> Result<String, Invalid> {
    text(field, own, 1, if is_template(own) { TEMPLATE_MAX } else { most })
}

/// A link, or a template of one, which can be checked only when it is printed. Absent where it is empty.
fn link(field: &str, own: &str, check: fn(&str, &str) -> Result<String, Invalid>) -> Result<Option<String>, Invalid> {
    if own.is_empty() {
        return Ok(None);
    }
    if is_template(own) { text(field, own, 1, TEMPLATE_MAX) } else { check(field, own) }.map(Some)
}

fn data(wire: impl IntoIterator<Item = (String, String)>) -> Result<BTreeMap<String, String>, Invalid> {
    let data: BTreeMap<String, String> = wire.into_iter().collect();
    at_most("data", data.len(), DATA_MAX)?;
    for (key, value) in &data {
        let shown: String = key.chars().take(DATA_KEY_MAX).collect();
        text("", key, 1, DATA_KEY_MAX)
            .map_err(|why| Invalid::new(format!("data[{shown:?}]"), format!("as a key {}", why.problem)))?;
        let most = if is_template(value) { TEMPLATE_MAX } else { DATA_VALUE_MAX };
        text(&format!("data[{shown:?}]"), value, 0, most)?;
    }
    Ok(data)
}

/// A list of channels, each once.
pub(super) fn channels(field: &str, wire: Vec<i32>) -> Result<Vec<Channel>, Invalid> {
    at_most(field, wire.len(), Channel::ALL.len())?;
    let mut channels = Vec::with_capacity(wire.len());
    for (index, own) in wire.into_iter().enumerate() {
        let channel = channel("", own).map_err(|why| why.at(field, index))?;
        if channels.contains(&channel) {
            let problem = format!("is {}, which came before; each may come once", channel.word());
            return Err(Invalid::new("", problem).at(field, index));
        }
        channels.push(channel);
    }
    Ok(channels)
}

fn channel(field: &str, wire: i32) -> Result<Channel, Invalid> {
    let known = "PUSH or IN_APP";
    match choice(field, wire, known)? {
        v1::Channel::Unspecified => Err(unknown_choice(field, "UNSPECIFIED", known)),
        v1::Channel::Push => Ok(Channel::Push),
        v1::Channel::InApp => Ok(Channel::InApp),
    }
}
