//! Source text as the paths that its code names: `use std::{fs, io::Read}` names `std::fs` and `std::io::Read`.
//!
//! No parser of Rust, and none is needed: comments, texts and test modules go, what is left is cut in tokens, and
//! the tokens are joined at `::`.

use std::path::{Path, PathBuf};

/// A path that code names, or a lone word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The line, from 1.
    pub(super) line: usize,
    /// The segments; one for a lone word.
    pub(super) path: Vec<String>,
}

/// The root of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, by name; none where there is no such folder.
pub(super) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All that the code names, test modules left out.
pub(super) fn names(text: &str) -> Vec<Named> {
    let tokens = without_tests(tokens(&bare(text)));
    let mut names = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = path(&tokens, at, &[], &mut names).max(at + 1);
    }
    names
}

type Token = (usize, String);

/// Reads one path, with what stands in its braces, and returns where it ends.
fn path(tokens: &[Token], mut at: usize, parent: &[String], names: &mut Vec<Named>) -> usize {
    let word = |at: usize| tokens.get(at).filter(|(_, token)| is_word(token));
    let is = |at: usize, what: &str| tokens.get(at).is_some_and(|(_, token)| token == what);
    let mut path = parent.to_vec();
    let Some((line, _)) = tokens.get(at) else { return at };
    while let Some((_, segment)) = word(at) {
        path.push(segment.clone());
        at += 1;
        if !is(at, "::") {
            names.push(Named { line: *line, path });
            return at;
        }
        at += 1;
    }
    if is(at, "{") && path.len() > parent.len() {
        at += 1;
        while at < tokens.len() && !is(at, "}") {
            at = if is(at, "{") { at + 1 } else { self::path(tokens, at, &path, names).max(at + 1) };
        }
        return at + 1;
    }
    // `std::fs::*`, `Vec::<u8>`: what was read so far is a path.
    if path.len() > parent.len() {
        names.push(Named { line: *line, path });
    }
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The text without comments, and with nothing in its strings; lines stay where they are.
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let open = hashes + 2;
            rest[open..].find(&end).map_or(rest.len(), |at| open + at + end.len())
        } else if first == '"' {
            string_end(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with("'\\\"'") {
            4
        } else {
            bare.push(first);
            rest = &rest[first.len_utf8()..];
            // The `r` of `for"` is no raw string, so a word goes over as a whole.
            if first.is_alphanumeric() || first == '_' {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                bare.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            continue;
        };
        let (gone, left) = rest.split_at(skipped);
        bare.push(' ');
        bare.extend(gone.chars().filter(|c| *c == '\n'));
        rest = left;
    }
    bare
}

/// How many hashes a raw string that begins here has.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?;
    let quoted = hashes.trim_start_matches('#');
    quoted.starts_with('"').then_some(hashes.len() - quoted.len())
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let end = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push((number + 1, rest[..end].to_owned()));
            rest = rest[end..].trim_start();
        }
    }
    tokens
}

/// The tokens without `#[cfg(test)] mod … { … }`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    const TEST: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut depth: Option<usize> = None;
    for token in tokens {
        match (depth, token.1.as_str()) {
            (None, _) => {
                kept.push(token);
                let begins = kept.len().checked_sub(TEST.len());
                if let Some(at) = begins.filter(|at| kept[*at..].iter().map(|(_, t)| t.as_str()).eq(TEST)) {
                    kept.truncate(at);
                    depth = Some(0);
                }
            }
            // `mod tests;`: in a file of its own.
            (Some(0), ";") | (Some(1), "}") => depth = None,
            (Some(inside), "{") => depth = Some(inside + 1),
            (Some(inside), "}") => depth = Some(inside - 1),
            (Some(_), _) => {}
        }
    }
    kept
}
