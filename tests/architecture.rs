//! The walls of the house: the core stays pure, and each dependency stays in its room.
//!
//! The test reads the source: what a file's code names is what it can use.

mod source;

use source::{Named, names, root, rust_files};
use std::path::{Path, PathBuf};

/// The rooms of the core, in the order in which data flows: each may name those before it.
const CORE: [&str; 7] = ["model", "locate", "presence", "qualify", "report", "message", "engine"];

/// The rooms of the shell, which the core must not know.
const SHELL: [&str; 7] = ["wire", "store", "deliver", "service", "files", "cli", "simulator"];

/// What the core must not name, by the beginning of its path, and why.
const IMPURE: [(&str, &str); 24] = [
    ("std::time::Instant", "reads a clock; time is an argument"),
    ("std::time::SystemTime", "reads a clock; time is an argument"),
    ("time::Instant", "reads a clock; time is an argument"),
    ("time::SystemTime", "reads a clock; time is an argument"),
    ("std::fs", "does I/O"),
    ("std::io", "does I/O"),
    ("std::net", "does I/O"),
    ("std::os", "does I/O"),
    ("std::env", "depends on the machine"),
    ("std::process", "depends on the machine"),
    ("std::thread", "depends on scheduling"),
    ("std::sync::mpsc", "depends on scheduling"),
    ("async", "the core is not async"),
    ("await", "the core is not async"),
    ("tokio", "the core is not async"),
    ("tokio_stream", "the core is not async"),
    ("rand", "the core has no randomness"),
    ("tonic", "only wire knows protobuf"),
    ("prost", "only wire knows protobuf"),
    ("prost_types", "only wire knows protobuf"),
    ("sled", "only store knows sled"),
    ("reqwest", "only deliver knows HTTP to providers"),
    ("println", "does I/O"),
    ("eprintln", "does I/O"),
];

/// What only some rooms may name.
const WALLS: [(&str, &[&str]); 3] = [
    ("v1", &["src/wire", "src/service", "src/cli", "simulator"]),
    ("sled", &["src/store"]),
    ("reqwest", &["src/deliver"]),
];

/// The longest file, in lines.
const LINES_MAX: usize = 450;
/// Tables of data, which may be longer.
const TABLES: &[&str] = &[];

/// What is wrong with the length of a file; `file` is its path from the root.
fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LINES_MAX && !TABLES.contains(&file))
        .then(|| format!("{file}: has {lines} lines; at most {LINES_MAX} read in one sitting"))
}

/// What the code of one file breaks; `file` is its path from the root.
fn broken(file: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let room = file.strip_prefix("src/").map_or("", |rest| rest.split(['/', '.']).next().unwrap_or(""));
    let in_core = CORE.iter().position(|core| *core == room);
    for named in names(text) {
        let shown = named.path.join("::");
        let mut say = |why: &str| broken.push(format!("{file}:{}: {shown}: {why}", named.line));
        if let Some(why) = in_core.and_then(|own| impure(&named, own)) {
            say(&why);
        }
        for (crate_name, rooms) in WALLS {
            let inside =
                rooms.iter().any(|room| file == format!("{room}.rs") || file.starts_with(&format!("{room}/")));
            if !inside && names_crate(&named, crate_name) {
                say(&format!("only {} may name it", rooms.join(", ")));
            }
        }
    }
    broken
}

/// Why a room of the core must not name this.
fn impure(named: &Named, own: usize) -> Option<String> {
    let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
    let shown = path.join("::");
    let begins = |with: &str| shown == with || shown.starts_with(&format!("{with}::"));
    if let Some((_, why)) = IMPURE.iter().find(|(what, _)| begins(what)) {
        return Some((*why).to_owned());
    }
    if path.iter().any(|segment| ["HashMap", "HashSet", "RandomState"].contains(segment)) {
        return Some("iterates in an order that changes; take a BTreeMap".to_owned());
    }
    if path.len() > 1 && path.last() == Some(&"now") {
        return Some("reads a clock; time is an argument".to_owned());
    }
    // `crate::wire`, `super::super::wire` and, from elsewhere, `doorstep::wire`.
    let up = path.iter().take_while(|segment| ["crate", "super", "self", "doorstep"].contains(segment)).count();
    let room = path.get(up).filter(|_| up > 0)?;
    if SHELL.contains(room) {
        return Some(format!("{} is of the shell, which the core must not know", *room));
    }
    let later = path[0] == "crate" && CORE.iter().skip(own + 1).any(|later| later == room);
    later.then(|| format!("{} stands before {room}; data flows one way", CORE[own]))
}

/// Whether a path begins with a crate or, for the generated `v1`, goes through it. A lone word is a name of something
/// else.
fn names_crate(named: &Named, name: &str) -> bool {
    let places = if name == "v1" { named.path.len() } else { 1 };
    named.path.len() > 1 && named.path.iter().take(places).any(|segment| segment == name)
}

#[test]
fn the_walls_stand() {
    let files = [rust_files(&root().join("src")), rust_files(&root().join("simulator"))].concat();
    assert!(files.len() > 40, "only {} files were found", files.len());
    for room in CORE {
        let folder = root().join("src").join(room);
        assert!(
            folder.is_dir() || folder.with_extension("rs").is_file(),
            "src/{room} is gone; the core needs a new list"
        );
    }
    let is_test = |path: &Path| path.file_stem().is_some_and(|name| name == "tests") || path.ends_with("tests");
    let broken: Vec<String> = files
        .iter()
        .filter(|path| !path.ancestors().any(is_test))
        .flat_map(|path| {
            let file = path.strip_prefix(root()).unwrap_or(path).display().to_string();
            broken(&file, &std::fs::read_to_string(path).unwrap_or_default())
        })
        .collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_file_is_read_in_one_sitting() {
    let files: Vec<PathBuf> =
        ["src", "simulator", "tests", "benches"].iter().flat_map(|folder| rust_files(&root().join(folder))).collect();
    let long = |path: &PathBuf| {
        let file = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        too_long(&file, &std::fs::read_to_string(path).unwrap_or_default())
    };
    let long: Vec<String> = files.iter().filter_map(long).collect();
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
    assert!(too_long("src/a.rs", &"\n".repeat(LINES_MAX)).is_none());
    assert!(too_long("src/a.rs", &"\n".repeat(LINES_MAX + 1)).is_some());
}

#[test]
fn a_breach_is_found() {
    for (file, code, breach) in [
        ("src/model/time.rs", "use std::time::Instant;", "std::time::Instant: reads a clock"),
        (
            "src/model/time.rs",
            "use std::{fmt, time::{Duration, SystemTime}};",
            "std::time::SystemTime: reads a clock",
        ),
        ("src/model/time.rs", "use std::time;\nfn f() { time::Instant::now() }", "time::Instant::now: reads a clock"),
        ("src/model/time.rs", "fn f() { jiff::Timestamp::now() }", "jiff::Timestamp::now: reads a clock"),
        ("src/engine.rs", "use std::fs;", "std::fs: does I/O"),
        ("src/engine/mod.rs", "use std::io::*;", "std::io: does I/O"),
        ("src/engine/mod.rs", "fn f() { std :: net::lookup() }", "std::net::lookup: does I/O"),
        ("src/engine/mod.rs", "fn f() { std::thread::yield_now() }", "std::thread::yield_now: depends on scheduling"),
        ("src/presence/mod.rs", "async fn f() {}", "async: the core is not async"),
        ("src/presence/mod.rs", "use tokio::sync::Mutex;", "tokio::sync::Mutex: the core is not async"),
        ("src/presence/mod.rs", "fn f(s: tonic::Status) {}", "tonic::Status: only wire knows protobuf"),
        ("src/presence/mod.rs", "fn f() -> u8 { rand::random() }", "rand::random: the core has no randomness"),
        ("src/qualify/cap.rs", "use std::collections::{BTreeMap, HashMap};", "std::collections::HashMap: iterates"),
        ("src/qualify/cap.rs", "fn f(seen: &HashSet<u8>) {}", "HashSet: iterates"),
        ("src/qualify/cap.rs", "use crate::wire::v1;", "crate::wire::v1: wire is of the shell"),
        (
            "src/qualify/cap.rs",
            "use super::super::store::Store;",
            "super::super::store::Store: store is of the shell",
        ),
        ("src/qualify/cap.rs", "use crate::{model, files};", "crate::files: files is of the shell"),
        ("src/qualify/cap.rs", "use crate::engine::Engine;", "crate::engine::Engine: qualify stands before engine"),
        ("src/locate/mod.rs", "use crate::presence;", "crate::presence: locate stands before presence"),
        ("src/locate/mod.rs", "use sled::Db;", "sled::Db: only store knows sled"),
        ("src/deliver/outbox.rs", "use crate::wire::v1::Ping;", "only src/wire, src/service, src/cli, simulator"),
        ("src/service/mod.rs", "fn f(db: &sled::Db) {}", "sled::Db: only src/store may name it"),
        ("src/store/sled.rs", "use reqwest::Client;", "reqwest::Client: only src/deliver may name it"),
        ("simulator/src/main.rs", "use sled::Db;", "sled::Db: only src/store may name it"),
    ] {
        let found = broken(file, code);
        assert!(found.iter().any(|one| one.contains(breach)), "{file}: {code}\n  found: {found:#?}");
    }
    let second_line = broken("src/model/time.rs", "//! Time.\nuse std::fs;");
    assert_eq!(second_line, ["src/model/time.rs:2: std::fs: does I/O"]);
}

#[test]
fn what_keeps_to_its_room_is_let_be() {
    for (file, code) in [
        ("src/model/time.rs", "use std::{fmt, time::Duration};\nuse std::collections::BTreeMap;"),
        (
            "src/model/time.rs",
            "// use std::fs;\n/* tokio::spawn */ /// async\nconst A: &str = \"std::fs \\\" tokio::x\";",
        ),
        ("src/model/time.rs", "const A: &str = r#\"use \"std::fs\" \"#; const B: char = '\"';"),
        ("src/qualify/pace.rs", "impl Clock for Reading { type Instant = Nanos; fn now(&self) -> Nanos { self.0 } }"),
        ("src/qualify/cap.rs", "use super::Sent;\nuse crate::model::{Cap, files_max};"),
        ("src/engine/mod.rs", "use crate::{locate, model, presence, qualify};"),
        ("src/engine/mod.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; fn g() { if true {} } }"),
        ("src/engine/mod.rs", "#[cfg(test)]\nmod tests;\nfn f() {}"),
        ("src/service/mod.rs", "use crate::wire::v1;\nuse std::time::Instant;\nuse std::collections::HashMap;"),
        ("src/store/sled.rs", "use sled::Db;"),
        ("src/store/mod.rs", "let v1 = 1; let sled = v1;\nmod sled;"),
        ("src/service/server.rs", "use crate::store::sled::Sled;"),
        ("src/deliver/webhook.rs", "use reqwest::Client;"),
        ("simulator/src/client.rs", "use doorstep::wire::v1::Ping;"),
    ] {
        assert_eq!(broken(file, code), Vec::<String>::new(), "{file}: {code}");
    }
    let after = broken("src/model/a.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nuse std::fs;");
    assert_eq!(after.len(), 1, "what follows a test module counts");
}
