//! Pages in a browser: Chromium, narrow and wide. Skipped, with a notice, where Chromium is not installed.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where something is amiss, and says so"
)]

use simulator::demo::{self, DemoArgs};
use simulator::score::{self, ScoreArgs};
use simulator::suite::Kind;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a page says about itself, from within.
const ASK: &str = r#"<script>
const errors = [];
addEventListener("error", (e) => errors.push(e.message));
addEventListener("securitypolicyviolation", (e) => errors.push("blocked " + e.blockedURI));
addEventListener("load", () => {
  const closed = [...document.querySelectorAll("details:not([open])")];
  const all = (s) => document.querySelectorAll(s).length;
  const shown = (s) => { const b = document.querySelector(s)?.getBoundingClientRect(); return b ? b.width * b.height : 0; };
  const map = shown(".map"), track = shown("path.track"), dots = shown(".dots");
  closed.forEach((d) => { d.open = true; });
  const wide = document.documentElement.scrollWidth;
  const beyond = [...document.querySelectorAll("body *:not(svg *)")].filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5);
  const event = document.querySelector(".event[data-m]"), spot = document.getElementById(event?.dataset.m);
  const focused = event?.querySelector("summary, [tabindex]");
  focused?.focus();
  const lit = spot?.classList.contains("on") ?? false;
  const raw = document.querySelector("input[data-layer=raw]");
  raw?.click();
  const hidden = raw !== null && getComputedStyle(document.querySelector(".map .raw")).display === "none";
  const view = document.querySelector(".map")?.getAttribute("viewBox");
  document.querySelector("[data-zoom]")?.click();
  const zoomed = document.querySelector(".map")?.getAttribute("viewBox") !== view;
  const named = [...document.querySelectorAll("svg[role=img]")].every((s) =>
    s.getAttribute("aria-labelledby").split(" ").every((id) => document.getElementById(id)?.textContent));
  parent.postMessage({ errors, wide, inner: innerWidth, beyond: beyond.map((e) => e.className || e.tagName).slice(0, 5),
    map, track, dots, regions: all(".region"), events: all(".event"),
    sent: all(".event.sent"), verdicts: all(".verdict q"), asides: all(".aside"), lanes: all(".lane .in"), tables: all("table"),
    panels: all(".panel"), focusable: document.activeElement === focused, lit, hidden, zoomed, named }, "*");
});
</script>"#;

fn chromium() -> Option<&'static str> {
    let runs = |name: &&str| {
        let quiet = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok_and(|status| status.success())
    };
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs);
    if found.is_none() {
        eprintln!("skipped: Chromium is not installed (apt-get install chromium)");
    }
    found
}

/// Opens a page in a frame of this width and returns what it says about itself.
fn ask(chromium: &str, page: &Path, width: u32) -> serde_json::Value {
    let folder = tempfile::tempdir().expect("a folder");
    let html = std::fs::read_to_string(page).expect("the page");
    let asking = folder.path().join("page.html");
    std::fs::write(
        &asking,
        html.replacen("<meta name=\"color-scheme\"", &format!("{ASK}<meta name=\"color-scheme\""), 1),
    )
    .expect("a copy of the page");
    // Chromium's own windows are never so narrow.
    let frame = format!(
        "<!doctype html><iframe src=\"page.html\" style=\"width:{width}px;height:900px;border:0\"></iframe><pre id=\"out\"></pre>\
         <script>addEventListener(\"message\", (e) => {{ document.getElementById(\"out\").textContent = JSON.stringify(e.data); }});</script>"
    );
    let outer = folder.path().join("frame.html");
    std::fs::write(&outer, frame).expect("a frame");
    let flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
                 --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=10000 --dump-dom";
    let run = Command::new("timeout")
        .args(["120", chromium])
        .args(flags.split_whitespace())
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--window-size={},1000", width.max(500) + 40))
        .arg(format!("file://{}", outer.display()))
        .output()
        .expect("Chromium starts");
    let (dom, log) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let console: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{console:#?}");
    let said = dom.split_once("<pre id=\"out\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let said = said.map(|(said, _)| said.replace("&quot;", "\"").replace("&amp;", "&")).unwrap_or_default();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: the page said {said:?}\n{log}"))
}

/// What holds of every page: it fits its window, works, and says what it is.
fn check(page: &Path, more: impl Fn(&serde_json::Value)) {
    let Some(chromium) = chromium() else { return };
    for width in [360, 768, 1_400] {
        let said = ask(chromium, page, width);
        assert_eq!(said["errors"], serde_json::json!([]), "at {width}");
        assert_eq!(said["inner"], width, "at {width}: {said}");
        assert!(said["wide"].as_u64() <= Some(u64::from(width)), "at {width} it is wider than its window: {said}");
        assert_eq!(said["beyond"], serde_json::json!([]), "at {width}: {said}");
        assert_eq!(said["named"], true, "at {width}: {said}");
        assert_eq!(said["focusable"], true, "at {width}: {said}");
        more(&said);
    }
}

fn at_least(said: &serde_json::Value, name: &str, least: f64) {
    assert!(said[name].as_f64().is_some_and(|value| value >= least), "{name} of {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("walk.html");
    let args = DemoArgs { report: Some(page.clone()), ..DemoArgs::default() };
    demo::run(&args, &mut Vec::new()).await.expect("the demo runs");
    check(&page, |said| {
        for (name, least) in [
            ("map", 50_000.0),
            ("track", 1_000.0),
            ("dots", 1_000.0),
            ("regions", 10.0),
            ("asides", 1.0),
            ("lanes", 8.0),
            ("events", 12.0),
            ("verdicts", 8.0),
        ] {
            at_least(said, name, least);
        }
        assert_eq!(said["sent"], 1, "{said}");
        for works in ["lit", "hidden", "zoomed"] {
            assert_eq!(said[works], true, "{works} of {said}");
        }
    });
}

#[test]
fn scores_are_seen_with_and_without_maps() {
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, tables, panels) in [(Kind::Drive, 1, 6), (Kind::Rooms, 1, 8)] {
        let page = folder.path().join(format!("{kind}.html"));
        let args = ScoreArgs { generate: vec![kind], report: Some(page.clone()), ..ScoreArgs::default() };
        score::run(&args, &mut Vec::new()).expect("a score");
        check(&page, |said| {
            assert_eq!((&said["tables"], &said["panels"]), (&tables.into(), &panels.into()), "{said}");
            at_least(said, "lanes", 20.0);
            at_least(said, "map", if kind == Kind::Rooms { 0.0 } else { 50_000.0 });
            at_least(said, "events", 40.0);
        });
    }
}
