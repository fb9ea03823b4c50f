//! The timeline of a panel.

use super::html::{escape, moment};
use super::{EVENTS_MAX, Event, Panel};
use crate::timeline::{Tone, clock};
use std::fmt::Write as _;

/// The timeline as a list; a sentence where nothing happened.
pub(super) fn timeline(panel: &Panel, id: usize) -> String {
    if panel.events.is_empty() {
        return r#"<p class="none">Nothing happened: the phone came into no region and left none.</p>"#.to_owned();
    }
    let mut html = r#"<ol class="timeline">"#.to_owned();
    let mut day = String::new();
    for (index, event) in panel.events.iter().enumerate().take(EVENTS_MAX) {
        let today = clock(event.at.0, &panel.zone, "%A, %-d %B %Y");
        if today != day {
            let _ = write!(html, r#"<li class="day">{today}</li>"#);
            day = today;
        }
        let _ = write!(
            html,
            r#"<li class="event{}" data-m="m{id}-{index}">{}</li>"#,
            class(event.tone),
            told(event, panel)
        );
    }
    html.push_str("</ol>");
    if panel.events.len() > EVENTS_MAX {
        let _ = write!(html, r#"<p class="more">and {} more</p>"#, panel.events.len() - EVENTS_MAX);
    }
    html
}

fn told(event: &Event, panel: &Panel) -> String {
    let visit = match event.visit {
        Some(visit) if event.enters => format!(r#"<span class="no">{visit}</span>"#),
        Some(visit) => format!(r#"<span class="no out">{visit}</span>"#),
        None => r#"<span class="no blank"></span>"#.to_owned(),
    };
    let head = format!(
        r#"<time datetime="{}">{}</time>{visit}<span><span class="where">{}</span> <span class="what">{}</span></span>"#,
        clock(event.at.0, &panel.zone, "%FT%T%:z"),
        moment(event.at, &panel.zone),
        escape(&event.place),
        escape(&event.what)
    );
    if event.details.is_empty() && event.sentences.is_empty() {
        return format!(r#"<div class="head" tabindex="0">{head}</div>"#);
    }
    let mut html = format!(r#"<details open><summary class="head">{head}</summary>"#);
    if !event.details.is_empty() {
        html.push_str("<ul>");
        for detail in &event.details {
            let why = if detail.why.is_empty() { String::new() } else { format!(" <q>{}</q>", escape(&detail.why)) };
            let _ = write!(html, r#"<li class="verdict{}">{}{why}</li>"#, class(detail.tone), escape(&detail.what));
        }
        html.push_str("</ul>");
    }
    if !event.sentences.is_empty() {
        html.push_str(r#"<details class="explain"><summary>explained by the server</summary>"#);
        for sentence in &event.sentences {
            let _ = write!(html, "<p>{}</p>", escape(sentence));
        }
        html.push_str("</details>");
    }
    html + "</details>"
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Sent => " sent",
        Tone::HeldBack => " held",
        Tone::Trouble => " trouble",
    }
}
