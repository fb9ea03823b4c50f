//! A campaign's message, parsed: its texts in each language.

use super::scan::Fault;
use super::text::Text;
use super::view::Node;
use super::{Rendered, Scene, Speechless, names};
use crate::model::message::{BODY_MAX, BUTTON_TITLE_MAX, DATA_VALUE_MAX, TITLE_MAX, absolute_uri, https_uri, lookup};
use crate::model::{Button, ButtonId, Fallback, Invalid, Locale, Message, Translation, invalid};
use std::collections::BTreeMap;

/// The longest reason that is kept, in characters.
const WHY_MAX: usize = 200;

/// A campaign's message, parsed.
#[derive(Debug)]
pub(super) struct Wording {
    /// The message itself, then its translations; those that do not parse say where.
    languages: Vec<Language>,
    fallback: Option<Fallback>,
}

/// The message in one language.
#[derive(Debug)]
struct Language {
    locale: Option<Locale>,
    texts: Result<Texts, Invalid>,
}

#[derive(Debug)]
struct Texts {
    title: Field,
    body: Field,
    deep_link: Option<Field>,
    image: Option<Field>,
    data: BTreeMap<String, Field>,
    buttons: Vec<(ButtonId, Field, Option<Field>)>,
}

/// A text, and the path of its field.
#[derive(Debug)]
struct Field {
    path: String,
    text: Text,
}

impl Wording {
    /// Parses the message in a field. What does not parse fails when it is to be printed.
    pub(super) fn parse(path: &str, message: &Message) -> Self {
        let own = Translation {
            locale: message.locale.clone().unwrap_or_else(|| UNSAID.clone()),
            title: message.title.clone(),
            body: message.body.clone(),
            deep_link: message.deep_link.clone(),
            data: message.data.clone(),
            image: message.image.clone(),
            buttons: message.buttons.clone(),
        };
        let itself = Language { locale: message.locale.clone(), texts: Texts::parse(path, &own, &own) };
        let others = message.translations.iter().enumerate().map(|(index, translation)| Language {
            locale: Some(translation.locale.clone()),
            texts: Texts::parse(&format!("{path}.translations[{index}]"), translation, &own),
        });
        Self { languages: std::iter::once(itself).chain(others).collect(), fallback: message.fallback.clone() }
    }

    /// What it says.
    pub(super) fn render(&self, scene: &Scene<'_>) -> Result<Rendered, Speechless> {
        let values = |path: &[String]| names::value(path, scene);
        let chosen = self.choose(scene.locale);
        let why = match self.print(chosen, &values) {
            Ok(message) => return Ok(Rendered { message, fell_back: None }),
            Err(why) => why.to_string().chars().take(WHY_MAX).collect::<String>(),
        };
        if chosen != 0
            && let Ok(message) = self.print(0, &values)
        {
            return Ok(Rendered { message, fell_back: Some(why) });
        }
        let Some(Fallback { title, body, deep_link }) = self.fallback.clone() else { return Err(Speechless { why }) };
        let message = Message { title, body, deep_link, ..Message::default() };
        Ok(Rendered { message, fell_back: Some(why) })
    }

    /// The language for a wanted one; the message itself where none fits.
    fn choose(&self, wanted: &str) -> usize {
        let said = |language: &Language| language.locale.is_some();
        let offered = self.languages.iter().enumerate().filter(|(_, own)| said(own));
        let tags = offered.clone().filter_map(|(_, own)| own.locale.as_ref());
        let found = lookup(wanted, &tags);
        found.and_then(|nth| offered.clone().nth(nth)).map_or(0, |(index, _)| index)
    }

    /// How many languages there are, that of the message itself included.
    pub(super) fn languages(&self) -> usize {
        self.languages.len()
    }

    /// Which language speaks to a wanted one, for a sample.
    pub(super) fn chosen(&self, wanted: &str) -> usize {
        self.choose(wanted)
    }

    /// Whether there is a text that can't fail.
    pub(super) fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    /// Prints one language with the values that names stand for.
    pub(super) fn print(
        &self,
        language: usize,
        value: &dyn Fn(&[String]) -> Option<liquid_core::Value>,
    ) -> Result<Message, Invalid> {
        let nothing = || Invalid::new("message", "has no such language");
        let Language { locale, texts } = self.languages.get(language).ok_or_else(nothing)?;
        let message = texts.as_ref().map_err(Clone::clone)?.print(value)?;
        Ok(Message { locale: locale.clone(), ..message })
    }
}

/// Stands where a message does not say its language; never shown.
static UNSAID: std::sync::LazyLock<Locale> =
    std::sync::LazyLock::new(|| Locale::parse("locale", "und").unwrap_or_else(|_| unreachable!("a language tag")));

impl Texts {
    /// Parses a translation; what it leaves out is as in the message itself.
    fn parse(path: &str, own: &Translation, itself: &Translation) -> Result<Self, Invalid> {
        let field = |name: String, text: &str| Field::parse(format!("{path}.{name}"), text);
        let either = |name: &str, own: &Option<String>, other: &Option<String>| {
            own.as_ref().or(other.as_ref()).map(|text| field(name.to_owned(), text)).transpose()
        };
        let data = itself.data.iter().chain(&own.data).collect::<BTreeMap<_, _>>();
        let buttons = if own.buttons.is_empty() { &itself.buttons } else { &own.buttons };
        Ok(Self {
            title: field("title".to_owned(), &own.title)?,
            body: field("body".to_owned(), &own.body)?,
            deep_link: either("deep_link", &own.deep_link, &itself.deep_link)?,
            image: either("image", &own.image, &itself.image)?,
            data: data
                .into_iter()
                .map(|(key, text)| Ok((key.clone(), field(format!("data[{key:?}]"), text)?)))
                .collect::<Result<_, Invalid>>()?,
            buttons: buttons
                .iter()
                .enumerate()
                .map(|(n, Button { id, title, deep_link })| {
                    let link = deep_link.as_ref().map(|link| field(format!("buttons[{n}].deep_link"), link));
                    Ok((id.clone(), field(format!("buttons[{n}].title"), title)?, link.transpose()?))
                })
                .collect::<Result<_, Invalid>>()?,
        })
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let links = self.deep_link.iter().chain(&self.image).chain(self.data.values());
        let buttons = self.buttons.iter().flat_map(|(_, title, link)| std::iter::once(title).chain(link));
        [&self.title, &self.body].into_iter().chain(links).chain(buttons)
    }

    fn print(&self, value: &dyn Fn(&[String]) -> Option<liquid_core::Value>) -> Result<Message, Invalid> {
        let mut values = Node::root();
        for mention in self.fields().flat_map(|field| field.text.mentions()) {
            values.put(&mention.path, value(&mention.path));
        }
        let values = &values;
        let link = |field: &Option<Field>, check: fn(&str, &str) -> Result<String, Invalid>| match field {
            Some(field) => {
                let printed = field.print(values)?;
                let printed = printed.trim();
                (!printed.is_empty()).then(|| check(&field.path, printed)).transpose()
            }
            None => Ok(None),
        };
        Ok(Message {
            title: self.title.shown(values, TITLE_MAX)?,
            body: self.body.shown(values, BODY_MAX)?,
            deep_link: link(&self.deep_link, absolute_uri)?,
            image: link(&self.image, https_uri)?,
            data: self
                .data
                .iter()
                .map(|(key, field)| {
                    Ok((key.clone(), invalid::text(&field.path, &field.print(values)?, 0, DATA_VALUE_MAX)?))
                })
                .collect::<Result<_, Invalid>>()?,
            buttons: self
                .buttons
                .iter()
                .map(|(id, title, opens)| {
                    let title = title.shown(values, BUTTON_TITLE_MAX)?;
                    Ok(Button { id: id.clone(), title, deep_link: link(opens, absolute_uri)? })
                })
                .collect::<Result<_, Invalid>>()?,
            ..Message::default()
        })
    }
}

impl Field {
    fn parse(path: String, text: &str) -> Result<Self, Invalid> {
        match Text::parse(text) {
            Ok(text) => Ok(Self { path, text }),
            Err(fault) => Err(at(&path, &fault)),
        }
    }

    fn print(&self, values: &Node) -> Result<String, Invalid> {
        self.text.render(values).map_err(|fault| at(&self.path, &fault))
    }

    /// Prints a text for people: not blank, and cut where it is too long, as phones do.
    fn shown(&self, values: &Node, most: usize) -> Result<String, Invalid> {
        let printed = self.print(values)?;
        let printed = printed.trim();
        if printed.is_empty() {
            return Err(Invalid::new(&self.path, "prints nothing; must print at least one character"));
        }
        if printed.chars().count() <= most {
            return Ok(printed.to_owned());
        }
        let kept: String = printed.chars().take(most - 1).collect();
        Ok(format!("{}…", kept.trim_end()))
    }
}

fn at(path: &str, Fault { line, column, problem }: &Fault) -> Invalid {
    Invalid::new(path, format!("at line {line}, column {column}: {problem}"))
}
