//! The page of a walk.

use super::gather::{events, lanes, nearby};
use super::{Detail, Mark, Page, Panel, RawFix, Tile};
use crate::route::Route;
use crate::summary::Summary;
use crate::timeline::{Names, Tone, nothing_to_say, verdicts};
use anyhow::Result;
use doorstep::model::{
    Decision, DecisionId, FixOutcome, Millis, Ping, Position, RegionId, Sequence, TriggerId, Verdict,
};
use doorstep::store::TraceEntry;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// A walk, as the phone and the server know it.
pub struct WalkStory<'a> {
    /// What the walk is called.
    pub title: String,
    /// A sentence about it.
    pub lead: String,
    /// Who walked.
    pub device: String,
    /// What the ids mean.
    pub names: &'a Names,
    /// Local time.
    pub zone: &'a TimeZone,
    /// Where the phone truly was.
    pub route: &'a Route,
    /// What it reported.
    pub pings: &'a [Ping],
    /// What the server decided.
    pub decisions: &'a [Decision],
    /// What the server traced, as far as it did.
    pub traces: &'a [TraceEntry],
    /// What it says about its decisions.
    pub sentences: &'a BTreeMap<DecisionId, Vec<String>>,
    /// Whether an alert was seen to arrive; absent where nobody looks.
    pub received: Option<&'a dyn Fn(&TriggerId) -> bool>,
    /// What the walk came to.
    pub summary: &'a Summary,
}

/// The page of a walk.
pub fn walk_page(story: &WalkStory<'_>) -> Result<Page> {
    Ok(Page {
        title: story.title.clone(),
        lead: story.lead.clone(),
        tiles: tiles(story.summary),
        tables: Vec::new(),
        panels: vec![panel(story)?],
        left_out: 0,
    })
}

fn tiles(summary: &Summary) -> Vec<Tile> {
    let tile = |value: u64, name: &str, tone| Tile { value: value.to_string(), name: name.to_owned(), tone };
    let mut tiles = vec![
        tile(summary.pings as u64, "pings", Tone::Plain),
        tile(summary.doors_passed as u64, "doors passed", Tone::Plain),
        tile(summary.alerts_naive as u64, "alerts of a naive trigger", Tone::Plain),
        tile(
            summary.alerts_sent as u64,
            if summary.alerts_sent == 1 { "alert sent" } else { "alerts sent" },
            Tone::Sent,
        ),
    ];
    if let Some(received) = summary.alerts_received {
        let tone = if received == summary.alerts_sent { Tone::Sent } else { Tone::Trouble };
        tiles.push(tile(received as u64, if received == 1 { "alert received" } else { "alerts received" }, tone));
    }
    tiles.push(tile(summary.held_back.values().sum(), "held back", Tone::HeldBack));
    tiles
}

fn panel(story: &WalkStory<'_>) -> Result<Panel> {
    let atlas = story.names.atlas()?;
    let traced: BTreeMap<Sequence, &TraceEntry> =
        story.traces.iter().map(|entry| (entry.decision.sequence, entry)).collect();
    let mut outcomes: BTreeMap<Sequence, FixOutcome> = BTreeMap::new();
    let decisions = story.decisions.iter().chain(story.traces.iter().map(|entry| &entry.decision));
    outcomes.extend(decisions.filter_map(|decision| Some((decision.sequence, decision.fix?.outcome))));
    let raw = story.pings.iter().filter_map(|ping| {
        let fix = ping.fix?;
        let outcome = outcomes.get(&ping.sequence).copied();
        Some(RawFix { at: ping.observed, position: fix.position, accuracy: fix.accuracy, outcome })
    });
    let raw: Vec<RawFix> = raw.collect();
    let mut track: Vec<Position> = story.pings.iter().filter_map(|ping| traced.get(&ping.sequence)?.track).collect();
    track.dedup();

    let fixes: BTreeMap<Sequence, Position> =
        story.pings.iter().filter_map(|ping| Some((ping.sequence, ping.fix?.position))).collect();
    let position = |sequence: &Sequence| {
        traced.get(sequence).and_then(|entry| entry.track).or_else(|| fixes.get(sequence).copied())
    };
    let transitions: Vec<_> = story
        .decisions
        .iter()
        .flat_map(|decision| decision.transitions.iter().map(move |what| (decision, what)))
        .map(|(decision, what)| (what.clone(), position(&decision.sequence)))
        .collect();
    let name = |region: &RegionId| story.names.region(region);
    let mut events = events(&transitions, &name);
    let mut marks: BTreeMap<&RegionId, Mark> = BTreeMap::new();
    let mut slots = events.iter_mut();
    for decision in story.decisions {
        for (index, transition) in decision.transitions.iter().enumerate() {
            let Some(event) = slots.next() else { break };
            let rows = verdicts(decision, transition, story.names, story.zone, story.received);
            event.details = rows
                .into_iter()
                .map(|row| Detail { what: row.what.trim().to_owned(), why: row.why, tone: row.tone })
                .collect();
            let silent = nothing_to_say(transition.kind);
            if event.details.is_empty() && !silent.is_empty() {
                event.details.push(Detail { what: silent.to_owned(), why: String::new(), tone: Tone::HeldBack });
            }
            let sent = event.details.iter().map(|detail| detail.tone).find(|tone| *tone != Tone::HeldBack);
            event.tone = sent.unwrap_or(Tone::Plain);
            if index == 0 {
                event.sentences = story.sentences.get(&decision.id).cloned().unwrap_or_default();
            }
            let mark = marks.entry(&transition.region).or_insert(Mark::Visited);
            let qualified = decision.assessments.iter().any(|assessed| {
                assessed.region == transition.region && matches!(assessed.verdict, Verdict::Qualified(_))
            });
            *mark = if qualified { Mark::Sent } else { *mark };
        }
    }
    // What had waited is told without a transition.
    for assessed in story.decisions.iter().flat_map(|decision| &decision.assessments) {
        if matches!(assessed.verdict, Verdict::Qualified(_)) {
            marks.insert(&assessed.region, Mark::Sent);
        }
    }
    let truth: Vec<Position> = story.route.sample(Millis::from_secs(1)).map(|truth| truth.position).collect();
    let note = if track.is_empty() {
        format!("{} fixes; the filtered track is not shown, since the server did not trace this phone", raw.len())
    } else {
        format!("{} fixes, GPS noise with seed {}", raw.len(), story.summary.seed)
    };
    let lanes = lanes(&transitions, BTreeMap::new(), &name);
    let regions = nearby(&atlas, &truth, &marks);
    let (title, zone) = (story.device.clone(), story.zone.clone());
    Ok(Panel { title, note, trouble: false, zone, regions, raw, track, truth, lanes, events })
}
