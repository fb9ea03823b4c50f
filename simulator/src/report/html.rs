//! The page around the panels.

use super::{Page, Panel, lanes, map, timeline};
use crate::score::Table;
use crate::timeline::{Tone, clock};
use doorstep::model::DeviceTime;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page: HTML with all that it needs inside, and a policy that lets nothing else in.
pub(super) fn page(page: &Page) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title} · Doorstep</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{lead}</p>\n</header>\n<main>\n",
        title = escape(&page.title),
        lead = escape(&page.lead)
    );
    if !page.tiles.is_empty() {
        html.push_str("<dl class=\"tiles\">\n");
        for tile in &page.tiles {
            let tone = match tile.tone {
                Tone::Plain => "",
                Tone::Sent => " class=\"sent\"",
                Tone::HeldBack => " class=\"held\"",
                Tone::Trouble => " class=\"trouble\"",
            };
            let _ =
                writeln!(html, "<div{tone}><dt>{}</dt><dd>{}</dd></div>", escape(&tile.name), escape(&tile.value));
        }
        html.push_str("</dl>\n");
    }
    if !page.tables.is_empty() {
        html.push_str("<section class=\"tables\" aria-label=\"Figures\">\n");
        page.tables.iter().for_each(|one| html.push_str(&table(one)));
        html.push_str("</section>\n");
    }
    let alone = page.panels.len() == 1;
    for (id, panel) in page.panels.iter().enumerate() {
        html.push_str(&wrapped(panel, id, alone));
    }
    if page.left_out > 0 {
        let _ = writeln!(html, "<p class=\"more\">{} more phones are not shown.</p>", page.left_out);
    }
    let _ = write!(
        html,
        "</main>\n<footer>Made by Doorstep’s simulator. The page is one file and loads nothing else.</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    );
    html
}

/// A text as HTML: also within attributes in double quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Neither HTML nor a reader can do anything with them.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A time of day.
pub(super) fn moment(at: DeviceTime, zone: &TimeZone) -> String {
    clock(at.0, zone, "%H:%M:%S")
}

fn table(table: &Table) -> String {
    let mut html = format!(
        "<figure><figcaption><b>{}</b> <span>{}</span></figcaption><table{}><thead><tr><th></th>",
        escape(&table.title),
        escape(&table.note),
        if table.columns.len() > 2 { " class=\"many\"" } else { "" }
    );
    for column in &table.columns {
        let _ = write!(html, "<th scope=\"col\">{column}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        let (class, mark) = match row.met {
            Some(true) => (" class=\"met\"", "<span class=\"mark\" title=\"reached\">✓</span>"),
            Some(false) => (" class=\"missed\"", "<span class=\"mark\" title=\"missed\">✗</span>"),
            None => ("", ""),
        };
        let _ = write!(html, "<tr{class}><th scope=\"row\">{}{mark}</th>", escape(row.name));
        for cell in &row.cells {
            let _ = write!(html, "<td>{}</td>", escape(cell));
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table></figure>\n"
}

fn wrapped(panel: &Panel, id: usize, alone: bool) -> String {
    let (title, note) = (escape(&panel.title), escape(&panel.note));
    let trouble = if panel.trouble { " trouble" } else { "" };
    let head = format!("<h2>{title}</h2> <span class=\"note{trouble}\">{note}</span>");
    if alone {
        return format!(
            "<section class=\"panel\"><div class=\"panelhead\">{head}</div>{}</section>\n",
            body(panel, id)
        );
    }
    let open = if id == 0 { " open" } else { "" };
    format!(
        "<details class=\"panel\"{open}><summary class=\"panelhead\">{head}</summary>{}</details>\n",
        body(panel, id)
    )
}

fn body(panel: &Panel, id: usize) -> String {
    let map = map::map(panel, id);
    let mut html = String::new();
    if !map.is_empty() {
        let layer = |name: &str, label: &str| {
            format!(
                "<label class=\"key {name}\"><input type=\"checkbox\" checked data-layer=\"{name}\"><i></i>{label}</label>"
            )
        };
        let mut keys = String::new();
        if !panel.truth.is_empty() {
            keys.push_str(&layer("truth", "true path"));
        }
        keys.push_str(&layer("raw", "raw fixes"));
        if !panel.track.is_empty() {
            keys.push_str(&layer("track", "filtered track"));
        }
        if panel.raw.iter().any(map::aside) {
            keys.push_str(&layer("asides", "set aside"));
        }
        let _ = write!(
            html,
            "<div class=\"mapbox\"><div class=\"keys\">{keys}<span class=\"zoom\" hidden><button type=\"button\" data-zoom=\"1.6\" aria-label=\"Zoom in\">+</button><button type=\"button\" data-zoom=\"0.625\" aria-label=\"Zoom out\">−</button><button type=\"button\" data-zoom=\"0\" aria-label=\"Show all\">⤢</button></span></div>{map}</div>"
        );
    }
    let lanes = lanes::lanes(panel);
    if !lanes.is_empty() {
        let truth = panel.lanes.iter().any(|lane| !lane.truth.is_empty());
        let key = if truth {
            " <small><i class=\"in\"></i> as decided <i class=\"true\"></i> as it truly was</small>"
        } else {
            " <small><i class=\"in\"></i> as decided</small>"
        };
        let _ = write!(html, "<div class=\"visits\"><h3>Visits{key}</h3>{lanes}</div>");
    }
    let left = if html.is_empty() { String::new() } else { format!("<div class=\"left\">{html}</div>") };
    let both = if map.is_empty() { "" } else { " both" };
    let story = timeline::timeline(panel, id);
    let zone = escape(panel.zone.iana_name().unwrap_or("UTC"));
    format!(
        "<div class=\"body{both}\">{left}<div class=\"story\"><h3>Timeline <small class=\"zone\">times in {zone}</small></h3>{story}</div></div>"
    )
}
