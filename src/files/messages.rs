//! What a campaign of a file says.

use super::FileError;
use crate::model::{Button, ButtonId, Channel, Fallback, Invalid, Locale, Message, Translation};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    title: String,
    body: String,
    #[serde(default)]
    deep_link: Option<String>,
    #[serde(default)]
    data: BTreeMap<String, String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    buttons: Vec<ButtonEntry>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    translations: Vec<TranslationEntry>,
    #[serde(default)]
    fallback: Option<FallbackEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TranslationEntry {
    locale: String,
    title: String,
    body: String,
    #[serde(default)]
    deep_link: Option<String>,
    #[serde(default)]
    data: BTreeMap<String, String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    buttons: Vec<ButtonEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FallbackEntry {
    title: String,
    body: String,
    #[serde(default)]
    deep_link: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ButtonEntry {
    id: String,
    title: String,
    #[serde(default)]
    deep_link: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChannelEntry {
    Push,
    InApp,
}

impl From<ChannelEntry> for Channel {
    fn from(entry: ChannelEntry) -> Self {
        match entry {
            ChannelEntry::Push => Self::Push,
            ChannelEntry::InApp => Self::InApp,
        }
    }
}

/// Reads one message, as a campaign of a file has it.
pub fn read_message(text: &str) -> Result<Message, FileError> {
    Ok(message(serde_norway::from_str(text)?)?)
}

pub(super) fn message(entry: Text) -> Result<Message, Invalid> {
    let translations = entry.translations.into_iter().enumerate();
    let fallback = entry.fallback.map(|FallbackEntry { title, body, deep_link }| Fallback { title, body, deep_link });
    Ok(Message {
        title: entry.title,
        body: entry.body,
        deep_link: entry.deep_link,
        data: entry.data,
        image: entry.image,
        buttons: buttons(entry.buttons)?,
        locale: entry.locale.as_deref().map(|tag| Locale::parse("locale", tag)).transpose()?,
        translations: translations
            .map(|(index, entry)| translation(entry).map_err(|why| why.at("translations", index)))
            .collect::<Result<_, _>>()?,
        fallback,
    })
}

fn translation(entry: TranslationEntry) -> Result<Translation, Invalid> {
    Ok(Translation {
        locale: Locale::parse("locale", &entry.locale)?,
        title: entry.title,
        body: entry.body,
        deep_link: entry.deep_link,
        data: entry.data,
        image: entry.image,
        buttons: buttons(entry.buttons)?,
    })
}

fn buttons(entries: Vec<ButtonEntry>) -> Result<Vec<Button>, Invalid> {
    let entries = entries.into_iter().enumerate();
    entries
        .map(|(index, ButtonEntry { id, title, deep_link })| {
            let id = ButtonId::parse("id", &id).map_err(|why| why.at("buttons", index))?;
            Ok(Button { id, title, deep_link })
        })
        .collect()
}
