//! What is noted while one ping, or a stretch of silence, is decided.

use super::latch::Visit;
use crate::model::{DeviceId, DeviceTime, Millis, RegionId, RegionStep, Transition, TransitionKind, VisitId};

/// Transitions and region steps, as they come up.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    device: &'a DeviceId,
    pub(super) transitions: Vec<Transition>,
    pub(super) regions: Vec<RegionStep>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(device: &'a DeviceId) -> Self {
        Self { device, transitions: Vec::new(), regions: Vec::new() }
    }

    /// A visit that begins now: one of its own, or a further witness of one that goes on.
    pub(super) fn begin(&self, region: &RegionId, since: DeviceTime, shared: Option<(VisitId, DeviceTime)>) -> Visit {
        let (id, start) = shared.unwrap_or_else(|| (VisitId::derive(self.device, region, since), since));
        Visit { id, start, since, dwelt: false, settled: false }
    }

    pub(super) fn enter(&mut self, region: &RegionId, visit: &Visit, decided: DeviceTime) {
        self.push(TransitionKind::Enter, region, visit, visit.since, decided);
    }

    pub(super) fn dwell(&mut self, region: &RegionId, visit: &Visit, happened: DeviceTime, decided: DeviceTime) {
        self.push(TransitionKind::Dwell, region, visit, happened, decided);
    }

    pub(super) fn exit(&mut self, region: &RegionId, visit: &Visit, happened: DeviceTime, decided: DeviceTime) {
        self.push(TransitionKind::Exit, region, visit, happened, decided);
    }

    /// The transitions in the order in which they happened; of one moment, exits come before enters.
    pub(super) fn in_order(mut self) -> (Vec<Transition>, Vec<RegionStep>) {
        let rank = |kind| match kind {
            TransitionKind::Exit | TransitionKind::Pass => 0,
            TransitionKind::Approach => 1,
            TransitionKind::Enter => 2,
            TransitionKind::Dwell => 3,
        };
        if self.transitions.len() > 1 {
            self.transitions.sort_by(|a, b| {
                (a.happened, a.decided, rank(a.kind), &a.region).cmp(&(
                    b.happened,
                    b.decided,
                    rank(b.kind),
                    &b.region,
                ))
            });
        }
        (self.transitions, self.regions)
    }

    /// What has no visit: a crossing, or the start of one that may come.
    pub(super) fn without_visit(
        &mut self,
        kind: TransitionKind,
        region: &RegionId,
        happened: DeviceTime,
        decided: DeviceTime,
    ) {
        let visit = self.begin(region, happened, None);
        self.push(kind, region, &visit, happened, decided);
    }

    fn push(
        &mut self,
        kind: TransitionKind,
        region: &RegionId,
        visit: &Visit,
        happened: DeviceTime,
        decided: DeviceTime,
    ) {
        self.transitions.push(Transition {
            kind,
            region: region.clone(),
            visit: visit.id.clone(),
            visit_start: visit.start,
            happened,
            decided,
            belated: false,
        });
    }
}

/// A span of so many seconds.
pub(super) fn span(seconds: f64) -> Millis {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    Millis((seconds * 1_000.0) as i64)
}
