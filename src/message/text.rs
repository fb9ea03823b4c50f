//! One text of a message: plain, or a template.

use super::filters::LANGUAGE;
use super::scan::{Fault, Mention, is_template, scan};
use super::view::{Frame, Node, missing};
use liquid_core::runtime::RuntimeBuilder;
use liquid_core::{Renderable as _, Template, parser};

/// The most that a template prints, in bytes.
const OUTPUT_MAX: usize = 4_096;

/// One text of a message.
#[derive(Debug)]
pub(super) enum Text {
    /// Printed as it is.
    Plain(String),
    /// Run each time.
    Template {
        /// What is run.
        template: Template,
        /// The names in it.
        mentions: Vec<Mention>,
    },
}

impl Text {
    /// Parses a text.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if !is_template(text) {
            return Ok(Self::Plain(text.to_owned()));
        }
        let mentions = scan(text)?;
        let elements = parser::parse(text, &LANGUAGE).map_err(|error| {
            let said = error.to_string();
            let (line, column) = position(&said).unwrap_or((1, 1));
            Fault { line, column, problem: format!("does not parse: {}", gist(&said)) }
        })?;
        Ok(Self::Template { template: Template::new(elements), mentions })
    }

    /// The names in it.
    pub(super) fn mentions(&self) -> &[Mention] {
        match self {
            Self::Plain(_) => &[],
            Self::Template { mentions, .. } => mentions,
        }
    }

    /// Prints it, with the values of the names in it.
    pub(super) fn render(&self, values: &Node) -> Result<String, Fault> {
        let (template, mentions) = match self {
            Self::Plain(text) => return Ok(text.clone()),
            Self::Template { template, mentions } => (template, mentions),
        };
        let at = |name: &str| mentions.iter().find(|own| own.path.join(".") == name).or(mentions.first());
        let fault = |name: &str, problem| {
            let (line, column) = at(name).map_or((1, 1), |own| (own.line, own.column));
            Fault { line, column, problem }
        };
        let runtime = Frame { parent: RuntimeBuilder::new().build(), values };
        // A slice takes no more than there is room: so a template that prints on and on ends.
        let mut buffer = [0; OUTPUT_MAX];
        let mut room = &mut buffer[..];
        let ended = template.render_to(&mut room, &runtime);
        let left = room.len();
        let printed = String::from_utf8_lossy(buffer.get(..OUTPUT_MAX - left).unwrap_or_default());
        if let Some(name) = missing(&printed) {
            return Err(fault(name, format!("{name} is not known of this customer")));
        }
        match ended {
            Ok(()) => Ok(printed.into_owned()),
            Err(_) if left == 0 => Err(fault("", format!("prints more than {OUTPUT_MAX} bytes"))),
            Err(error) => Err(fault("", format!("fails: {}", gist(&error.to_string())))),
        }
    }
}

/// Line and column in what the parser says: ` --> 2:14`.
fn position(said: &str) -> Option<(usize, usize)> {
    let (_, after) = said.split_once("--> ")?;
    let (line, column) = after.lines().next()?.trim().split_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// The first line that says something, without the pictures around it.
fn gist(said: &str) -> String {
    let lines = || said.lines().map(str::trim);
    let pest = lines().find_map(|line| line.strip_prefix("= "));
    let first = pest.or_else(|| lines().find(|line| !line.is_empty())).unwrap_or_default();
    first.trim_start_matches("liquid: ").chars().take(120).collect()
}
