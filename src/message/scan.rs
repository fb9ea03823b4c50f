//! What a template says, without running it: the names that it mentions, each with line and column, and whether every
//! tag and filter in it is one of those allowed.
//!
//! The parser of templates knows neither which names there are, nor what must stay bounded; so this looks first. What
//! passes here has no loop but over a list of the catalogue or the customer, none in another, and no more than
//! [`NESTED_MAX`] blocks in each other.

use super::filters;
use super::names::{self, Kind};

/// Most blocks in each other.
const NESTED_MAX: usize = 8;
/// Most digits of a number.
const DIGITS_MAX: usize = 15;
const TAGS: &str = "if, elsif, else, unless, case, when, for, break, continue and assign";

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Line, from 1.
    pub(super) line: usize,
    /// Column in characters, from 1.
    pub(super) column: usize,
    /// What is wrong, and what would be right.
    pub(super) problem: String,
}

/// A name in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// Its parts: `customer`, `traits`, `tier`.
    pub(super) path: Vec<String>,
    /// Where.
    pub(super) line: usize,
    /// Where in the line.
    pub(super) column: usize,
}

/// Whether a text is a template at all; otherwise it is printed as it is.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The names of the catalogue and the customer that a template mentions.
pub(super) fn scan(text: &str) -> Result<Vec<Mention>, Fault> {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control() && *c != '\n') {
        return Err(fault(text, at, format!("has the control character {c:?}")));
    }
    let mut scan = Scan { text, mentions: Vec::new(), open: Vec::new(), locals: Vec::new() };
    let mut at = 0;
    while let Some(begin) = text.get(at..).and_then(|rest| rest.find('{')).map(|found| at + found) {
        at = match text.get(begin..begin + 2) {
            Some("{{") => scan.inside(begin, "}}")?,
            Some("{%") => scan.inside(begin, "%}")?,
            Some(_) | None => begin + 1,
        };
    }
    match scan.open.pop() {
        Some((name, at)) => Err(fault(text, at, format!("{name} is not closed; end it with end{name}"))),
        None => Ok(scan.mentions),
    }
}

struct Scan<'t> {
    text: &'t str,
    mentions: Vec<Mention>,
    /// The blocks that are open, and where they began.
    open: Vec<(&'t str, usize)>,
    /// What assign and for have named.
    locals: Vec<String>,
}

/// A word of a tag or an expression.
#[derive(Debug, Clone, PartialEq)]
enum Word<'t> {
    /// A name, with what is indexed by literals.
    Name(Vec<String>),
    /// A text or a number.
    Literal,
    /// Anything else.
    Sign(&'t str),
}

impl<'t> Scan<'t> {
    /// Reads what stands between the braces at `begin`; gives where it ends.
    fn inside(&mut self, begin: usize, end: &str) -> Result<usize, Fault> {
        let mut words: Vec<(Word<'t>, usize)> = Vec::new();
        let mut at = begin + 2;
        if self.rest(at).starts_with('-') {
            at += 1;
        }
        loop {
            at += self.rest(at).len() - self.rest(at).trim_start().len();
            let rest = self.rest(at);
            let ends = rest.strip_prefix('-').filter(|rest| rest.starts_with(end)).map(|_| 3);
            if let Some(length) = ends.or(rest.starts_with(end).then_some(2)) {
                match end {
                    "}}" => self.output(begin, &words)?,
                    _ => self.tag(begin, &words)?,
                }
                return Ok(at + length);
            }
            let Some((word, length)) = self.word(at)? else {
                return Err(self.fault(begin, format!("is not closed; end it with {end}")));
            };
            words.push((word, at));
            at += length;
        }
    }

    fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    fn fault(&self, at: usize, problem: String) -> Fault {
        fault(self.text, at, problem)
    }

    /// The next word, and its length in bytes; none at the end.
    fn word(&self, at: usize) -> Result<Option<(Word<'t>, usize)>, Fault> {
        let rest = self.rest(at);
        let Some(first) = rest.chars().next() else { return Ok(None) };
        if first == '"' || first == '\'' {
            let Some(length) = rest.get(1..).and_then(|rest| rest.find(first)) else {
                return Err(self.fault(at, format!("the text is not closed; end it with {first}")));
            };
            return Ok(Some((Word::Literal, length + 2)));
        }
        if first.is_ascii_digit() || (matches!(first, '+' | '-') && rest.get(1..).is_some_and(begins_with_digit)) {
            let digits = rest.get(1..).unwrap_or_default();
            let length = 1 + digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
            if length > DIGITS_MAX {
                return Err(self.fault(at, format!("the number has more than {DIGITS_MAX} digits")));
            }
            return Ok(Some((Word::Literal, length)));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return self.name(at).map(Some);
        }
        let two = rest.get(..2).filter(|two| ["==", "!=", "<>", "<=", ">="].contains(two));
        let one = rest.get(..first.len_utf8()).unwrap_or_default();
        if two.is_none() && !"<>=,:|".contains(first) {
            return Err(self.fault(at, format!("{first:?} has no meaning here")));
        }
        let sign = two.unwrap_or(one);
        Ok(Some((Word::Sign(sign), sign.len())))
    }

    /// A name such as `customer.traits.tier` or `customer.traits["tier"]`.
    fn name(&self, begin: usize) -> Result<(Word<'t>, usize), Fault> {
        let mut path = Vec::new();
        let mut at = begin;
        loop {
            let part = identifier(self.rest(at));
            if part.is_empty() {
                return Err(self.fault(at, "must name something here".to_owned()));
            }
            path.push(part.to_owned());
            at += part.len();
            while let Some(rest) = self.rest(at).strip_prefix('[') {
                let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''));
                let inner = quote.and_then(|quote| rest.get(1..)?.split_once(quote));
                let Some((key, _)) = inner.filter(|(_, after)| after.starts_with(']')) else {
                    return Err(self.fault(at, "must hold a text in quotes, such as [\"tier\"]".to_owned()));
                };
                path.push(key.to_owned());
                at += key.len() + 4;
            }
            if self.rest(at).starts_with('.') {
                at += 1;
            } else {
                return Ok((Word::Name(path), at - begin));
            }
        }
    }

    /// `{{ value | filter: value, value | … }}`.
    fn output(&mut self, begin: usize, words: &[(Word<'t>, usize)]) -> Result<(), Fault> {
        if words.is_empty() {
            return Err(self.fault(begin, "is empty; must name what to print".to_owned()));
        }
        self.values(words, &[])
    }

    /// Takes the names among words, those of filters apart.
    fn values(&mut self, words: &[(Word<'t>, usize)], keywords: &[&str]) -> Result<(), Fault> {
        let mut piped = false;
        for (word, at) in words {
            let filter = std::mem::take(&mut piped);
            match word {
                Word::Sign("|") => piped = true,
                Word::Name(path) if filter => {
                    let name = path.join(".");
                    if !filters::is_known(&name) {
                        let problem = format!("there is no filter {name}; known are {}", filters::KNOWN.join(", "));
                        return Err(self.fault(*at, problem));
                    }
                }
                Word::Name(path) if path.len() == 1 && path.iter().all(|own| keywords.contains(&own.as_str())) => {}
                Word::Name(path) => self.mention(path, *at, false)?,
                Word::Literal | Word::Sign(_) => {}
            }
        }
        Ok(())
    }

    /// Takes a name that stands for a value, or for a list where `list` says so.
    fn mention(&mut self, path: &[String], at: usize, list: bool) -> Result<(), Fault> {
        let Some(first) = path.first() else { return Ok(()) };
        let literal = path.len() == 1 && ["true", "false", "nil", "null", "empty", "blank"].contains(&first.as_str());
        if literal || self.locals.contains(first) {
            return Ok(());
        }
        match names::kind(path).map_err(|problem| self.fault(at, problem))? {
            Kind::List | Kind::Text if !list => {}
            Kind::List => {}
            Kind::Text => {
                let problem = format!("{} is no list; lists are {}", path.join("."), names::LISTS);
                return Err(self.fault(at, problem));
            }
        }
        let (line, column) = place(self.text, at);
        self.mentions.push(Mention { path: path.to_vec(), line, column });
        Ok(())
    }

    fn tag(&mut self, begin: usize, words: &[(Word<'t>, usize)]) -> Result<(), Fault> {
        let Some(((Word::Name(name), at), rest)) = words.split_first().map(|((word, at), rest)| ((word, *at), rest))
        else {
            return Err(self.fault(begin, format!("must begin with a tag: {TAGS}")));
        };
        let name = name.join(".");
        let inside = |open: &[&str], scan: &Self| scan.open.last().is_some_and(|(own, _)| open.contains(own));
        match name.as_str() {
            "if" | "unless" | "case" => {
                self.enter(&name, at)?;
                self.values(rest, &["and", "or", "contains"])
            }
            "elsif" if inside(&["if"], self) => self.values(rest, &["and", "or", "contains"]),
            "when" if inside(&["case"], self) => self.values(rest, &["or"]),
            "else" if inside(&["if", "unless", "case", "for"], self) => Ok(()),
            "break" | "continue" if self.open.iter().any(|(own, _)| *own == "for") => Ok(()),
            "for" => self.loops(at, rest),
            "assign" => self.assign(at, rest),
            "elsif" | "when" | "else" | "break" | "continue" => {
                Err(self.fault(at, format!("{name} stands outside of its block")))
            }
            _ => match (name.strip_prefix("end"), self.open.pop()) {
                (Some(ended), Some((own, _))) if ended == own => Ok(()),
                (Some(_), Some((own, _))) => Err(self.fault(at, format!("{name} ends {own}; must be end{own}"))),
                (Some(_), None) => Err(self.fault(at, format!("{name} ends nothing"))),
                (None, _) => Err(self.fault(at, format!("there is no tag {name}; known are {TAGS}"))),
            },
        }
    }

    fn enter(&mut self, name: &str, at: usize) -> Result<(), Fault> {
        if self.open.len() == NESTED_MAX {
            return Err(self.fault(at, format!("stands in {NESTED_MAX} others; no more may nest")));
        }
        let rest = self.rest(at).get(..name.len()).unwrap_or_default();
        self.open.push((rest, at));
        Ok(())
    }

    /// `for tag in place.tags`: over a list that is bounded, and in no other loop, so that a template ends soon.
    fn loops(&mut self, at: usize, words: &[(Word<'t>, usize)]) -> Result<(), Fault> {
        if self.open.iter().any(|(own, _)| *own == "for") {
            return Err(self.fault(at, "a loop stands in another; loops may not nest".to_owned()));
        }
        self.enter("for", at)?;
        match words {
            [(Word::Name(local), own), (Word::Name(between), _), (Word::Name(list), place)]
                if local.len() == 1 && *between == ["in"] =>
            {
                self.mention(list, *place, true)?;
                self.name_local(local, *own)?;
                self.locals.push("forloop".to_owned());
                Ok(())
            }
            _ => Err(self.fault(at, "must be such as for tag in place.tags".to_owned())),
        }
    }

    /// `assign name = value | filter`.
    fn assign(&mut self, at: usize, words: &[(Word<'t>, usize)]) -> Result<(), Fault> {
        match words {
            [(Word::Name(local), own), (Word::Sign("="), _), value @ ..] if local.len() == 1 && !value.is_empty() => {
                self.values(value, &[])?;
                self.name_local(local, *own)
            }
            _ => Err(self.fault(at, "must be such as assign name = customer.traits.name".to_owned())),
        }
    }

    fn name_local(&mut self, local: &[String], at: usize) -> Result<(), Fault> {
        let name = local.concat();
        if names::ROOTS.contains(&name.as_str()) || name == "forloop" {
            return Err(self.fault(at, format!("{name} has a meaning already; take another name")));
        }
        self.locals.push(name);
        Ok(())
    }
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The letters, digits, `_` and `-` at the beginning; a hyphen that ends a tag is none of it.
fn identifier(text: &str) -> &str {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let length = text.find(|c: char| !legal(c)).unwrap_or(text.len());
    let name = text.get(..length).unwrap_or_default();
    let ends = text.get(length..).is_some_and(|rest| rest.starts_with("}}") || rest.starts_with("%}"));
    name.strip_suffix('-').filter(|_| ends).unwrap_or(name)
}

fn fault(text: &str, at: usize, problem: String) -> Fault {
    let (line, column) = place(text, at);
    Fault { line, column, problem }
}

/// Line and column of a byte, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
