//! Pages without a browser.

use super::*;
use crate::route::offset;
use doorstep::model::Circle;

const NASTY: &str = "<script>alert(1)</script>\"'&\u{0}";

fn here() -> Position {
    Position::new(39.74, -104.99).unwrap()
}

/// A phone with so many fixes, every tenth one set aside, and so many events; all its names are nasty.
fn panel(fixes: i64, events: i64) -> Panel {
    let position = |step: i64| offset(here(), step as f64, (step % 97) as f64);
    let raw = (0..fixes).map(|step| RawFix {
        at: DeviceTime(step * 1_000),
        position: position(step),
        accuracy: Metres(8.0),
        outcome: Some(if step % 10 == 9 { FixOutcome::Outlier } else { FixOutcome::Accepted }),
    });
    let event = |step: i64| Event {
        at: DeviceTime(step * 1_000),
        visit: Some(1),
        place: NASTY.to_owned(),
        what: NASTY.to_owned(),
        enters: step % 2 == 0,
        tone: Tone::Sent,
        details: vec![Detail { what: NASTY.to_owned(), why: NASTY.to_owned(), tone: Tone::HeldBack }],
        sentences: vec![NASTY.to_owned()],
        position: Some(position(step)),
    };
    Panel {
        title: NASTY.to_owned(),
        note: NASTY.to_owned(),
        regions: vec![Drawn {
            name: NASTY.to_owned(),
            fence: Fence::Circle(Circle::new(here(), Metres(50.0)).unwrap()),
            mark: Mark::Sent,
        }],
        raw: raw.collect(),
        track: (0..fixes).map(position).collect(),
        truth: (0..fixes).map(position).collect(),
        lanes: vec![Lane {
            name: NASTY.to_owned(),
            truth: vec![(DeviceTime(0), DeviceTime(5_000))],
            inside: Vec::new(),
        }],
        events: (0..events).map(event).collect(),
        ..Panel::default()
    }
}

fn page(panels: Vec<Panel>) -> String {
    let tile = Tile { value: NASTY.to_owned(), name: NASTY.to_owned(), tone: Tone::Plain };
    let page = Page { title: NASTY.to_owned(), lead: NASTY.to_owned(), tiles: vec![tile], panels, ..Page::default() };
    html::page(&page)
}

#[test]
fn every_text_is_escaped_and_nothing_is_loaded() {
    let html = page(vec![panel(100, 10)]);
    assert!(!html.contains("<script>alert"), "a name became code");
    assert!(!html.contains('\u{0}'));
    assert_eq!(html.matches("<script>").count(), 1, "the page's own script and no other");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\u{fffd}"));
    for from_outside in ["http:", "https:", "//cdn", "url(", "@import", "src=", "<iframe", "<object"] {
        assert!(!html.contains(from_outside), "{from_outside}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn the_same_input_gives_the_same_page() {
    assert_eq!(page(vec![panel(1_000, 50)]), page(vec![panel(1_000, 50)]));
}

#[test]
fn the_size_of_a_page_is_bounded() {
    let small = page(vec![panel(20_000, 500)]).len();
    let large = page(vec![panel(200_000, 50_000)]).len();
    assert!(large < 1_500_000, "{large} bytes");
    assert!(large < small * 2, "{small} and {large} bytes");
    assert!(page(vec![panel(10, 50_000)]).contains("and 49600 more"));
}

#[test]
fn times_say_their_zone() {
    let denver = jiff::tz::TimeZone::get("America/Denver").unwrap();
    assert!(page(vec![Panel { zone: denver, ..panel(10, 1) }]).contains("times in America/Denver"));
    assert!(page(vec![panel(10, 1)]).contains("times in UTC"));
}

#[test]
fn a_page_of_nothing_is_a_page() {
    let empty = Panel { title: "phone".to_owned(), ..Panel::default() };
    let html = page(vec![empty]);
    assert!(html.contains("Nothing happened") && !html.contains("<svg"), "{html}");
    assert!(page(Vec::new()).ends_with("</html>\n"));
    let one = Panel { raw: panel(1, 0).raw, ..Panel::default() };
    let html = page(vec![one]);
    assert!(html.contains("<svg") && !html.contains("NaN") && !html.contains("inf"), "{html}");
}
