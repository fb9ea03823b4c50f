//! A page to look at: one HTML file without anything outside of it, the same for the same input.
//!
//! A page has figures, tables, and a panel for each phone: a map of the regions with the raw and the filtered track
//! (projected onto the plane at its middle, without tiles), the visits over time, and a timeline of transitions and
//! verdicts with their reasons. Its size is bounded: long tracks are thinned out, long lists are cut and say so.

mod gather;
mod html;
mod lanes;
mod map;
mod plane;
mod timeline;
mod walk;

pub use gather::{Panels, Recorder};
pub use walk::{WalkStory, walk_page};

use crate::replay::Figures;
use crate::score::Table;
use crate::timeline::Tone;
use anyhow::{Context, Result};
use doorstep::model::{DeviceTime, Fence, FixOutcome, Metres, Position};
use jiff::tz::TimeZone;
use std::path::Path;

/// Most panels of one page.
pub const PANELS_MAX: usize = 24;
/// Most events of one panel.
pub const EVENTS_MAX: usize = 400;
/// Most regions on one map, and most lanes.
pub const REGIONS_MAX: usize = 300;

/// A page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// A sentence below the title.
    pub lead: String,
    /// The figures that matter most.
    pub tiles: Vec<Tile>,
    /// Figures with their goals.
    pub tables: Vec<Table>,
    /// A phone each.
    pub panels: Vec<Panel>,
    /// How many phones have no panel, since there are too many.
    pub left_out: usize,
}

/// A figure that stands out.
#[derive(Debug, Clone)]
pub struct Tile {
    /// The figure, written.
    pub value: String,
    /// What it counts.
    pub name: String,
    /// Whether it is good news.
    pub tone: Tone,
}

/// What happened to one phone.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Whose.
    pub title: String,
    /// What stands beside it.
    pub note: String,
    /// Whether the note is bad news.
    pub trouble: bool,
    /// Local time.
    pub zone: TimeZone,
    /// The regions to draw.
    pub regions: Vec<Drawn>,
    /// The fixes, by time.
    pub raw: Vec<RawFix>,
    /// The filtered track, by time.
    pub track: Vec<Position>,
    /// Where the phone truly was, by time.
    pub truth: Vec<Position>,
    /// When it was in which region.
    pub lanes: Vec<Lane>,
    /// What happened, by time.
    pub events: Vec<Event>,
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            title: String::new(),
            note: String::new(),
            trouble: false,
            zone: TimeZone::UTC,
            regions: Vec::new(),
            raw: Vec::new(),
            track: Vec::new(),
            truth: Vec::new(),
            lanes: Vec::new(),
            events: Vec::new(),
        }
    }
}

/// A fence to draw.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// What people call it.
    pub name: String,
    /// Its shape.
    pub fence: Fence,
    /// What happened in it.
    pub mark: Mark,
}

/// What happened in a region, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nothing.
    Untouched,
    /// The phone was inside.
    Visited,
    /// An alert was sent there.
    Sent,
    /// Something went wrong there.
    Trouble,
}

/// A fix as the phone reported it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawFix {
    /// When.
    pub at: DeviceTime,
    /// Where.
    pub position: Position,
    /// Its accuracy.
    pub accuracy: Metres,
    /// What became of it, where that is known.
    pub outcome: Option<FixOutcome>,
}

/// When a phone was in a region.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    /// The region.
    pub name: String,
    /// True visits: from when to when.
    pub truth: Vec<(DeviceTime, DeviceTime)>,
    /// From enter to exit, when they happened as far as the pings told; without an end where there was no exit.
    pub inside: Vec<(DeviceTime, Option<DeviceTime>)>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it was decided.
    pub at: DeviceTime,
    /// Which visit of the phone it belongs to, counted from 1.
    pub visit: Option<usize>,
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
    /// Whether it is an enter, for the map.
    pub enters: bool,
    /// How to show it.
    pub tone: Tone,
    /// Verdicts and their reasons.
    pub details: Vec<Detail>,
    /// What the engine saw, in sentences.
    pub sentences: Vec<String>,
    /// Where the phone was taken to be.
    pub position: Option<Position>,
}

/// One line about an event.
#[derive(Debug, Clone)]
pub struct Detail {
    /// What was decided.
    pub what: String,
    /// Why.
    pub why: String,
    /// How to show it.
    pub tone: Tone,
}

/// The page of scores.
pub fn score_page(tables: &[Table], panels: Panels) -> Page {
    let (panels, left_out) = panels.finish();
    let goals = tables.iter().flat_map(|table| &table.rows).filter_map(|row| row.met);
    let (met, all) = goals.fold((0, 0), |(met, all), one| (met + usize::from(one), all + 1));
    Page {
        title: "Presence, scored".to_owned(),
        lead: "Suites of pings with known visits, replayed and graded; below, the phones with which most went wrong."
            .to_owned(),
        tiles: vec![Tile {
            value: format!("{met} of {all}"),
            name: "goals reached".to_owned(),
            tone: if met == all { Tone::Sent } else { Tone::Trouble },
        }],
        tables: tables.to_vec(),
        panels,
        left_out,
    }
}

/// The page of a replay.
pub fn replay_page(figures: &Figures, panels: Panels) -> Page {
    let (panels, left_out) = panels.finish();
    let tile = |value: u64, name: &str| Tile { value: value.to_string(), name: name.to_owned(), tone: Tone::Plain };
    let mut tiles = vec![
        tile(figures.pings, "pings"),
        tile(figures.devices as u64, "phones"),
        tile(figures.regions as u64, "regions"),
        tile(figures.transitions, "transitions"),
    ];
    if figures.refused > 0 {
        tiles.push(Tile {
            tone: Tone::Trouble,
            ..tile(figures.refused, if figures.refused == 1 { "ping refused" } else { "pings refused" })
        });
    }
    Page {
        title: "A replay".to_owned(),
        lead: "Recorded pings, decided by the engine as the server would decide them.".to_owned(),
        tiles,
        tables: Vec::new(),
        panels,
        left_out,
    }
}

/// Writes a page.
pub fn write(path: &Path, page: &Page) -> Result<()> {
    std::fs::write(path, html::page(page)).with_context(|| format!("cannot write report {}", path.display()))
}

#[cfg(test)]
mod tests;
