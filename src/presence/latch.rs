//! One asymmetric latch a region: easy in, hard out, in event time.
//!
//! A visit begins when the track is deep enough inside for what it is, and ends when it is clearly outside, beyond
//! a buffer, for a while. What is deep enough depends on the track: the errors of a dense one are correlated, so
//! that it has many chances to wander in, and it needs a depth in proportion to its uncertainty; a fix that comes
//! alone must decide alone, and needs little when it is precise and more with its variance.

use super::config::PresenceConfig;
use super::track::Track;
use crate::model::{DeviceTime, Millis, Presence, VisitId};

/// One stay of a device in a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// Its id. A fence and the beacon that marks its place share it.
    pub id: VisitId,
    /// When it began: in this region, or in the one that it shares its id with.
    pub start: DeviceTime,
    /// When this region was entered. Dwell counts from here.
    pub since: DeviceTime,
    /// Whether it counted as a dwell already.
    pub dwelt: bool,
    /// Whether the last evidence was clearly inside and slow, so that silence counts as staying.
    pub settled: bool,
}

/// The debounced presence in one region.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Latch {
    /// Not in the region.
    #[default]
    Outside,
    /// Probably in the region; the evidence is too weak to say so at once.
    Entering {
        /// Since when.
        since: DeviceTime,
    },
    /// In the region.
    Inside {
        /// The stay.
        visit: Visit,
    },
    /// Seems to have left the region; counts as inside.
    Leaving {
        /// The stay.
        visit: Visit,
        /// Since when.
        since: DeviceTime,
        /// Since when it is far enough out for the shorter hold.
        clear_since: Option<DeviceTime>,
    },
}

/// What a latch made of evidence.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// A visit began.
    Enter(Visit),
    /// A visit ended, at that time.
    Exit(Visit, DeviceTime),
}

/// What a track says about one fence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) track: &'a Track,
    /// To the edge, negative inside.
    pub(super) distance_m: f64,
    /// How fast that distance shrinks; negative when it grows.
    pub(super) closing_mps: f64,
    /// A beacon of the place is heard: there is no leaving.
    pub(super) kept: bool,
}

impl Latch {
    /// The presence that it stands for.
    pub fn presence(&self) -> Presence {
        match self {
            Self::Outside | Self::Entering { .. } => Presence::Outside,
            Self::Inside { .. } | Self::Leaving { .. } => Presence::Inside,
        }
    }

    /// The stay, while there is one.
    pub fn visit(&self) -> Option<&Visit> {
        match self {
            Self::Outside | Self::Entering { .. } => None,
            Self::Inside { visit } | Self::Leaving { visit, .. } => Some(visit),
        }
    }

    /// Ends the stay, if there is one.
    pub(super) fn close(&mut self) -> Option<Visit> {
        match std::mem::take(self) {
            Self::Outside | Self::Entering { .. } => None,
            Self::Inside { visit } | Self::Leaving { visit, .. } => Some(visit),
        }
    }

    /// Takes the evidence of a track. `begin` makes the visit that begins at a time.
    pub(super) fn observe(
        &mut self,
        evidence: &Evidence<'_>,
        config: &PresenceConfig,
        begin: impl FnOnce(DeviceTime) -> Visit,
    ) -> Option<Change> {
        let at = evidence.track.at;
        let (next, change) = match std::mem::take(self) {
            Self::Outside => outside(None, evidence, config, begin),
            Self::Entering { since } => outside(Some(since), evidence, config, begin),
            Self::Inside { visit } => inside(visit, at, None, evidence, config),
            Self::Leaving { visit, since, clear_since } => inside(visit, since, clear_since, evidence, config),
        };
        *self = next;
        change
    }

    /// Takes plain evidence, in or out, which must hold for a while to count.
    pub(super) fn hold(
        &mut self,
        within: bool,
        at: DeviceTime,
        (enter_s, exit_s): (f64, f64),
        begin: impl FnOnce(DeviceTime) -> Visit,
    ) -> Option<Change> {
        let (next, change) = match (std::mem::take(self), within) {
            (Self::Outside, true) if enter_s <= 0.0 => entered(begin(at)),
            (Self::Outside, true) => (Self::Entering { since: at }, None),
            (Self::Entering { since }, true) if held(since, at, enter_s) => entered(begin(since)),
            (Self::Entering { since }, true) => (Self::Entering { since }, None),
            (Self::Outside | Self::Entering { .. }, false) => (Self::Outside, None),
            (Self::Inside { visit } | Self::Leaving { visit, .. }, true) => (Self::Inside { visit }, None),
            (Self::Leaving { visit, since, .. }, false) if held(since, at, exit_s) => {
                (Self::Outside, Some(Change::Exit(visit, since)))
            }
            (Self::Inside { visit }, false) => (Self::Leaving { visit, since: at, clear_since: None }, None),
            (leaving @ Self::Leaving { .. }, false) => (leaving, None),
        };
        *self = next;
        change
    }

    /// The stay, for a note on it.
    pub(super) fn visit_mut(&mut self) -> Option<&mut Visit> {
        match self {
            Self::Outside | Self::Entering { .. } => None,
            Self::Inside { visit } | Self::Leaving { visit, .. } => Some(visit),
        }
    }
}

impl Visit {
    /// When it ended that ended by silence: with the last ping, but not before it dwelt.
    pub(super) fn ended(&self, latest: DeviceTime, dwell: Option<Millis>) -> DeviceTime {
        let dwelt = dwell.filter(|_| self.dwelt).map_or(latest, |dwell| self.since + dwell);
        latest.max(dwelt)
    }

    /// Notes the dwell if the device has been inside for that long by `at`, for the first time; returns when it was.
    pub(super) fn dwell(&mut self, dwell: Millis, at: DeviceTime) -> Option<DeviceTime> {
        let due = self.since + dwell;
        let first = !self.dwelt && at >= due;
        self.dwelt |= first;
        first.then_some(due)
    }
}

fn entered(visit: Visit) -> (Latch, Option<Change>) {
    (Latch::Inside { visit: visit.clone() }, Some(Change::Enter(visit)))
}

fn held(since: DeviceTime, at: DeviceTime, hold_s: f64) -> bool {
    (at - since).as_secs_f64() >= hold_s
}

/// 0 for a fix alone, 1 for a dense track.
fn density(track: &Track, config: &PresenceConfig) -> f64 {
    ((track.support - 1.0) / (config.dense_support - 1.0)).clamp(0.0, 1.0)
}

/// How deep a track must be to enter, metres.
pub(super) fn depth_needed_m(track: &Track, config: &PresenceConfig) -> f64 {
    let sigma_m = track.sigma_m().max(config.enter_sigma_floor_m);
    let alone_m = config.alone_sigmas * sigma_m + config.alone_per_m * sigma_m * sigma_m;
    let dense_m = config.dense_sigmas * sigma_m;
    alone_m + (dense_m - alone_m) * density(track, config)
}

fn outside(
    since: Option<DeviceTime>,
    evidence: &Evidence<'_>,
    config: &PresenceConfig,
    begin: impl FnOnce(DeviceTime) -> Visit,
) -> (Latch, Option<Change>) {
    let track = evidence.track;
    let blend = density(track, config);
    let look_ahead_s = config.alone_look_ahead_s + (config.dense_look_ahead_s - config.alone_look_ahead_s) * blend;
    let ahead_m = (evidence.closing_mps * look_ahead_s).clamp(-config.look_ahead_max_m, config.look_ahead_max_m);
    if ahead_m - evidence.distance_m < depth_needed_m(track, config) {
        return (Latch::Outside, None);
    }
    let since = since.unwrap_or(track.at);
    let surprising = track.surprise > config.surprise_sigmas;
    let precise = track.fix_sigma_m() <= config.coarse_sigma_m || track.support >= config.dense_support;
    if !surprising && (precise || held(since, track.at, config.coarse_hold_s)) {
        entered(begin(since))
    } else {
        (Latch::Entering { since }, None)
    }
}

fn inside(
    visit: Visit,
    since: DeviceTime,
    clear_since: Option<DeviceTime>,
    evidence: &Evidence<'_>,
    config: &PresenceConfig,
) -> (Latch, Option<Change>) {
    let at = evidence.track.at;
    let out_sigmas = (evidence.distance_m - config.exit_buffer_m) / evidence.track.sigma_m();
    if out_sigmas < config.exit_sigmas || evidence.kept {
        return (Latch::Inside { visit }, None);
    }
    let clear = out_sigmas >= config.exit_clear_sigmas;
    let clear_since = clear.then(|| clear_since.unwrap_or(at));
    let clear_long = clear_since.is_some_and(|since| held(since, at, config.exit_clear_hold_s));
    if clear_long || held(since, at, config.exit_hold_s) {
        (Latch::Outside, Some(Change::Exit(visit, since)))
    } else {
        (Latch::Leaving { visit, since, clear_since }, None)
    }
}
