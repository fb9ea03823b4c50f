//! Scenarios: a day told in prose, played through the core, and compared with what it should lead to.
//!
//! ```text
//! text ─▶ script: words, setting, campaign, legs ─▶ stage ─▶ prose ─▶ the same, or a report
//! ```
//!
//! The format is described in `fixtures/README.md`.

mod campaign;
mod channel;
mod legs;
mod measure;
mod prose;
mod script;
mod setting;
mod stage;
mod words;

use script::{Act, Script};
use stage::Followed;
use std::path::{Path, PathBuf};

/// The widest line that is written.
const WIDTH: usize = 118;

/// The folder `fixtures`.
pub(super) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Plays a scenario file. The error is a report: file, line, what was expected and what came.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let (name, text) = open(path)?;
    judge(&name, &text)
}

/// Plays a scenario file and writes what came where something else was expected.
pub(super) fn update(path: &Path) -> Result<(), String> {
    let (name, text) = open(path)?;
    let written = rewrite(&name, &text)?;
    if written == text {
        return Ok(());
    }
    std::fs::write(path, written).map_err(|why| format!("cannot write {name}: {why}"))
}

/// Plays the text of a scenario; `name` is for the report.
pub(super) fn judge(name: &str, text: &str) -> Result<(), String> {
    let (script, followed) = play(name, text)?;
    let reports: Vec<String> = differing(&script, &followed)
        .map(|(act, came)| {
            let line = act.lines.start;
            let said = text.lines().nth(line).map_or("", |line| script::parts(line).0.trim());
            let expected = act.expected.as_deref().map_or("(nothing is written)".to_owned(), prose::sentence);
            format!(
                "{name}:{}: {said}\n  expected: {expected}\n  got:      {}",
                line + 1,
                prose::sentence(&came.concat())
            )
        })
        .collect();
    if reports.is_empty() { Ok(()) } else { Err(reports.join("\n")) }
}

/// The text with what came in place of what was expected; lines that were right stay as they are.
pub(super) fn rewrite(name: &str, text: &str) -> Result<String, String> {
    let (script, followed) = play(name, text)?;
    let mut lines: Vec<Option<String>> = text.lines().map(|line| Some(line.to_owned())).collect();
    for (act, came) in differing(&script, &followed) {
        for (number, line) in lines.iter_mut().enumerate().filter(|(number, _)| act.lines.contains(number)) {
            *line = line.take().filter(|_| number == act.lines.start).map(|line| expecting(&line, came));
        }
    }
    let mut written: String = lines.into_iter().flatten().map(|line| line + "\n").collect();
    if !text.ends_with('\n') {
        written.pop();
    }
    Ok(written)
}

fn open(path: &Path) -> Result<(String, String), String> {
    let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string();
    let text = std::fs::read_to_string(path).map_err(|why| format!("cannot read {shown}: {why}"))?;
    Ok((shown, text))
}

fn play(name: &str, text: &str) -> Result<(Script, Vec<Followed>), String> {
    let script = script::read(text).map_err(|why| format!("{name}:{why}"))?;
    if script.acts.is_empty() {
        return Err(format!("{name}: nothing happens; write a line such as at 12:00 ping phone-1 39.74,-104.99 ±8"));
    }
    let followed = stage::play(&script).map_err(|why| format!("{name}: {why}"))?;
    Ok((script, followed))
}

/// The acts from which something else followed than was expected. An act that only sets something (`withdraw`,
/// `grant`) may leave its expectation out.
fn differing<'a>(script: &'a Script, followed: &'a [Followed]) -> impl Iterator<Item = (&'a Act, &'a Followed)> {
    script.acts.iter().zip(followed).filter(|(act, came)| match (&act.expected, &act.deed) {
        (Some(expected), _) => *expected != came.concat(),
        (
            None,
            script::Deed::Consent(..)
            | script::Deed::Prefer(..)
            | script::Deed::Event(..)
            | script::Deed::Trait(..)
            | script::Deed::Stream(..),
        ) => !came.is_empty(),
        (
            None,
            script::Deed::Reports(_) | script::Deed::Refund(..) | script::Deed::Wait | script::Deed::Report(_),
        ) => true,
    })
}

/// The line with what came: behind it, or on lines of their own where that is too much for one.
fn expecting(line: &str, came: &Followed) -> String {
    let (head, expected, comment) = script::parts(line);
    let comment = if comment.is_empty() { String::new() } else { format!("  {comment}") };
    let gap = if expected.is_some() { head.to_owned() } else { format!("{}  ", head.trim_end()) };
    let one = format!("{gap}-> {}{comment}", prose::sentence(&came.concat()));
    if came.len() <= 1 && one.chars().count() <= WIDTH {
        return one;
    }
    let groups = came.iter().map(|group| wrapped(group));
    format!("{}{comment}{}", head.trim_end(), groups.collect::<String>())
}

/// One ping's outcomes on lines of their own; what goes beyond the first is set in further.
fn wrapped(group: &[String]) -> String {
    let (mut lines, mut line) = (String::new(), String::from("    -> "));
    let mut begun = false;
    for outcome in group {
        if begun && line.chars().count() + 2 + outcome.chars().count() > WIDTH {
            lines = format!("{lines}\n{line}");
            (line, begun) = (String::from("    ->   "), false);
        }
        line = format!("{line}{}{outcome}", if begun { ", " } else { "" });
        begun = true;
    }
    format!("{lines}\n{line}")
}
