//! Panels of replays.

use super::{Detail, Drawn, Event, Lane, Mark, PANELS_MAX, Panel, REGIONS_MAX, RawFix};
use crate::grade::{Judged, Judgement};
use crate::score::Scored;
use crate::suite::{Expected, Kind, Suite, Visit, owner};
use crate::timeline::{Tone, happened};
use doorstep::engine::{Catalogue, Outcome};
use doorstep::locate::{Atlas, Site};
use doorstep::model::{
    Decision, DeviceId, DeviceTime, Extent, Fence, Metres, Millis, Position, RegionId, Transition, TransitionKind,
    VisitId,
};
use std::collections::{BTreeMap, BTreeSet};

/// So near to the track a region is drawn though nothing happened in it.
const NEARBY: Metres = Metres(400.0);
/// So many spots of the track are looked around at.
const LOOKS: usize = 100;

/// What a replay did, phone by phone.
#[derive(Debug, Default)]
pub struct Recorder {
    phones: BTreeMap<DeviceId, Recorded>,
}

/// What was recorded of one phone.
#[derive(Debug, Default)]
struct Recorded {
    raw: Vec<RawFix>,
    track: Vec<Position>,
    transitions: Vec<(Transition, Option<Position>)>,
}

impl Recorder {
    /// Records what became of a ping.
    pub fn record(&mut self, outcome: &Outcome) {
        let Decision { device, observed, fix: step, .. } = &outcome.decision;
        if !self.phones.contains_key(device) {
            self.phones.insert(device.clone(), Recorded::default());
        }
        let Some(phone) = self.phones.get_mut(device) else { return };
        phone.raw.extend(outcome.fix.map(|position| RawFix {
            at: *observed,
            position,
            accuracy: step.map_or(Metres(0.0), |step| step.accuracy),
            outcome: step.map(|step| step.outcome),
        }));
        phone.track.extend(outcome.track.filter(|now| phone.track.last() != Some(now)));
        let position = outcome.track.or(outcome.fix);
        phone.transitions.extend(outcome.decision.transitions.iter().map(|what| (what.clone(), position)));
    }
}

/// Panels of phones, the worst first, and never more than a page shows.
#[derive(Debug, Default)]
pub struct Panels {
    /// Faults, transitions, and the panel.
    kept: Vec<(usize, usize, Panel)>,
    seen: usize,
}

impl Panels {
    /// Adds the phones of a suite that was scored.
    pub fn add_suite(&mut self, suite: &Suite, scored: &Scored, recorder: Recorder) {
        for (device, recorded) in recorder.phones {
            let judged: Vec<&Judged> = scored.graded.enters.iter().filter(|one| one.device == device).collect();
            let missed: Vec<&Visit> = scored.graded.missed.iter().filter(|one| one.device == device).collect();
            let faults = judged.iter().filter(|one| one.judgement.is_fault()).count() + missed.len();
            let own =
                |transition: &Transition| suite.kind == Kind::Rooms || owner(&transition.region) == device.as_str();
            let transitions = recorded.transitions.iter().filter(|(what, _)| own(what)).count();
            self.add(faults, transitions, || of_suite(suite, &device, recorded, &judged, &missed));
        }
    }

    /// Adds the phones of a replay.
    pub fn add_replay(&mut self, catalogue: &Catalogue, recorder: Recorder) {
        for (device, recorded) in recorder.phones {
            let transitions = recorded.transitions.len();
            self.add(0, transitions, || of_replay(&catalogue.atlas, &device, recorded));
        }
    }

    fn add(&mut self, faults: usize, transitions: usize, make: impl FnOnce() -> Panel) {
        self.seen += 1;
        let full = self.kept.len() >= PANELS_MAX;
        let worst = (faults, transitions);
        if full && self.kept.last().is_some_and(|(faults, transitions, _)| (*faults, *transitions) >= worst) {
            return;
        }
        self.kept.push((faults, transitions, make()));
        self.kept.sort_by_key(|(faults, transitions, _)| std::cmp::Reverse((*faults, *transitions)));
        self.kept.truncate(PANELS_MAX);
    }

    /// The panels, and how many phones have none.
    pub fn finish(self) -> (Vec<Panel>, usize) {
        let left_out = self.seen - self.kept.len();
        (self.kept.into_iter().map(|(_, _, panel)| panel).collect(), left_out)
    }
}

fn of_suite(suite: &Suite, device: &DeviceId, recorded: Recorded, judged: &[&Judged], missed: &[&Visit]) -> Panel {
    let rooms = suite.kind == Kind::Rooms;
    let own: Vec<(Transition, Option<Position>)> = recorded
        .transitions
        .into_iter()
        .filter(|(what, _)| rooms || owner(&what.region) == device.as_str())
        .collect();
    let name = |region: &RegionId| short(region);
    let mut events = events(&own, &name);
    for (event, (transition, _)) in events.iter_mut().zip(&own) {
        let judgement = judged.iter().find(|one| one.at == transition.decided && one.region == transition.region);
        if let Some(judged) = judgement.filter(|_| transition.kind == TransitionKind::Enter) {
            event.details.push(detail(judged.judgement));
            event.tone = if judged.judgement.is_fault() { Tone::Trouble } else { event.tone };
        }
    }
    events.extend(missed.iter().map(|visit| miss(visit, suite)));
    events.sort_by_key(|event| event.at);
    let truth = true_visits(suite, device);
    let trouble: BTreeSet<&RegionId> = judged
        .iter()
        .filter(|one| one.judgement.is_fault())
        .map(|one| &one.region)
        .chain(missed.iter().map(|one| &one.region))
        .collect();
    let entered: BTreeSet<&RegionId> = own.iter().map(|(what, _)| &what.region).collect();
    let fences = suite.fences.iter().filter(|fence| owner(&fence.id) == device.as_str());
    let regions = fences.map(|fence| Drawn {
        name: name(&fence.id),
        fence: Fence::Circle(fence.circle),
        mark: mark(trouble.contains(&fence.id), entered.contains(&fence.id)),
    });
    let faults: Vec<String> = [
        (judged.iter().filter(|one| one.judgement == Judgement::False).count(), "false"),
        (judged.iter().filter(|one| one.judgement == Judgement::Flap).count(), "again in the same visit"),
        (missed.len(), "missed"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let fixes = recorded.raw.len();
    let note = if faults.is_empty() { "all right".to_owned() } else { faults.join(", ") };
    Panel {
        title: format!("{device} of {}", suite.name),
        note: if fixes > 0 { format!("{note} · {fixes} fixes") } else { note },
        trouble: !faults.is_empty(),
        regions: regions.take(REGIONS_MAX).collect(),
        raw: by_time(recorded.raw),
        track: recorded.track,
        truth: suite
            .paths
            .get(device)
            .map(|path| path.iter().map(|truth| truth.position).collect())
            .unwrap_or_default(),
        lanes: lanes(&own, truth, &name),
        events,
        ..Panel::default()
    }
}

fn of_replay(atlas: &Atlas, device: &DeviceId, recorded: Recorded) -> Panel {
    let name = |region: &RegionId| {
        atlas.site(region).map_or_else(|| region.to_string(), |site| site.region.display_name.clone())
    };
    let around: Vec<Position> =
        recorded.track.iter().copied().chain(recorded.raw.iter().map(|fix| fix.position)).collect();
    let touched: BTreeMap<&RegionId, Mark> =
        recorded.transitions.iter().map(|(what, _)| (&what.region, Mark::Visited)).collect();
    Panel {
        title: device.to_string(),
        note: format!("{} fixes, {} transitions", recorded.raw.len(), recorded.transitions.len()),
        regions: nearby(atlas, &around, &touched),
        lanes: lanes(&recorded.transitions, BTreeMap::new(), &name),
        events: events(&recorded.transitions, &name),
        raw: by_time(recorded.raw),
        track: recorded.track,
        ..Panel::default()
    }
}

/// The fences that are marked, and others near these positions.
pub(super) fn nearby(atlas: &Atlas, around: &[Position], marks: &BTreeMap<&RegionId, Mark>) -> Vec<Drawn> {
    let step = around.len().div_ceil(LOOKS).max(1);
    let near = around.iter().step_by(step).flat_map(|position| atlas.near(*position, NEARBY));
    let mut ids: BTreeSet<&RegionId> = near.map(|near| &near.site.region.id).collect();
    ids.extend(marks.keys().copied());
    let drawn = ids.into_iter().filter_map(|id| {
        let site: &Site = atlas.site(id)?;
        let Extent::Fence(fence) = &site.region.extent else { return None };
        let mark = marks.get(id).copied().unwrap_or(Mark::Untouched);
        Some(Drawn { name: site.region.display_name.clone(), fence: fence.clone(), mark })
    });
    let mut drawn: Vec<Drawn> = drawn.collect();
    drawn.sort_by_key(|region| std::cmp::Reverse(region.mark));
    drawn.truncate(REGIONS_MAX);
    // What matters is drawn last, on top.
    drawn.reverse();
    drawn
}

/// Transitions as events, their visits numbered in the order of the enters.
pub(super) fn events(
    transitions: &[(Transition, Option<Position>)],
    name: &dyn Fn(&RegionId) -> String,
) -> Vec<Event> {
    let mut visits: BTreeMap<&VisitId, usize> = BTreeMap::new();
    let events = transitions.iter().map(|(transition, position)| {
        let next = visits.len() + 1;
        Event {
            at: transition.decided,
            visit: Some(*visits.entry(&transition.visit).or_insert(next)),
            place: name(&transition.region),
            what: happened(transition),
            enters: transition.kind == TransitionKind::Enter,
            tone: Tone::Plain,
            details: Vec::new(),
            sentences: Vec::new(),
            position: *position,
        }
    });
    events.collect()
}

/// A lane for each region that was entered or should have been, by the first moment in it.
pub(super) fn lanes(
    transitions: &[(Transition, Option<Position>)],
    truth: BTreeMap<RegionId, Vec<(DeviceTime, DeviceTime)>>,
    name: &dyn Fn(&RegionId) -> String,
) -> Vec<Lane> {
    let mut lanes: BTreeMap<RegionId, Lane> = truth
        .into_iter()
        .map(|(region, truth)| (region.clone(), Lane { name: name(&region), truth, inside: Vec::new() }))
        .collect();
    for (transition, _) in transitions {
        let enters = transition.kind == TransitionKind::Enter;
        if !enters && transition.kind != TransitionKind::Exit {
            continue;
        }
        let lane = lanes
            .entry(transition.region.clone())
            .or_insert_with(|| Lane { name: name(&transition.region), ..Lane::default() });
        if enters {
            lane.inside.push((transition.happened, None));
        } else if let Some((_, end)) = lane.inside.last_mut().filter(|(_, end)| end.is_none()) {
            *end = Some(transition.happened);
        }
    }
    let mut lanes: Vec<Lane> = lanes.into_values().collect();
    let first = |lane: &Lane| {
        let truth = lane.truth.iter().map(|(from, _)| *from);
        truth.chain(lane.inside.iter().map(|(from, _)| *from)).min()
    };
    lanes.sort_by_key(first);
    lanes
}

/// What a fence is called among those of its device: its number, or the id's part after the colon.
fn short(region: &RegionId) -> String {
    let own = region.as_str().rsplit_once(':').map_or(region.as_str(), |(_, own)| own);
    if own.bytes().all(|c| c.is_ascii_digit()) { format!("fence {own}") } else { own.to_owned() }
}

/// Fixes by time: those that came late belong between the others.
fn by_time(mut raw: Vec<RawFix>) -> Vec<RawFix> {
    raw.sort_by_key(|fix| fix.at);
    raw
}

fn true_visits(suite: &Suite, device: &DeviceId) -> BTreeMap<RegionId, Vec<(DeviceTime, DeviceTime)>> {
    let mut truth: BTreeMap<RegionId, Vec<(DeviceTime, DeviceTime)>> = BTreeMap::new();
    for visit in suite.visits.iter().filter(|visit| visit.device == *device) {
        truth.entry(visit.region.clone()).or_default().push((visit.start, visit.end));
    }
    for fence in suite.fences.iter().filter(|fence| owner(&fence.id) == device.as_str()) {
        if let Some(Expected::Stay { from, to }) = fence.expected {
            truth.entry(fence.id.clone()).or_default().push((from, to));
        }
    }
    truth
}

fn mark(trouble: bool, entered: bool) -> Mark {
    match (trouble, entered) {
        (true, _) => Mark::Trouble,
        (false, true) => Mark::Visited,
        (false, false) => Mark::Untouched,
    }
}

fn detail(judgement: Judgement) -> Detail {
    let (what, tone) = match judgement {
        Judgement::Right { delay_ms } if delay_ms >= 0 => {
            (format!("right, {} after the visit began", Millis(delay_ms)), Tone::HeldBack)
        }
        Judgement::Right { delay_ms } => {
            (format!("right, {} before the visit began", Millis(-delay_ms)), Tone::HeldBack)
        }
        Judgement::NearMiss => ("a near miss: right at the edge".to_owned(), Tone::HeldBack),
        Judgement::Flap => ("one more enter in the same visit".to_owned(), Tone::Trouble),
        Judgement::False => ("false: the phone was elsewhere".to_owned(), Tone::Trouble),
    };
    Detail { what, why: String::new(), tone }
}

fn miss(visit: &Visit, suite: &Suite) -> Event {
    let deep = visit.depth.map(|depth| format!(", {depth} deep")).unwrap_or_default();
    // Where it should have been noticed: in the middle of the visit.
    let middle = DeviceTime(visit.start.0.midpoint(visit.end.0));
    let path = suite.paths.get(&visit.device);
    let position = path.and_then(|path| path.get(path.partition_point(|truth| truth.at < middle)));
    Event {
        at: visit.start,
        visit: None,
        place: short(&visit.region),
        what: format!("missed: inside for {}{deep}", visit.end - visit.start),
        enters: false,
        tone: Tone::Trouble,
        details: Vec::new(),
        sentences: Vec::new(),
        position: position.map(|truth| truth.position),
    }
}
