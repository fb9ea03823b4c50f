//! Phones that stay: at an edge, and in pockets.

use super::{BackgroundGrade, Events, Grade, Graded, Judged, Judgement, StanderGrade};
use crate::suite::{Expected, Suite, SuiteFence, Visit, owner};
use doorstep::model::{DeviceId, DeviceTime};

/// An enter so long before a stay still belongs to it.
const EARLY_MS: i64 = 600_000;

pub(super) fn stander(suite: &Suite, events: &Events<'_>) -> Graded {
    let mut enters = Vec::new();
    let mut grade = StanderGrade { devices: suite.fences.len() as u64, enters: 0, worst: 0 };
    for fence in &suite.fences {
        let of_fence = events.enters(owner(&fence.id), &fence.id);
        grade.enters += of_fence.len() as u64;
        grade.worst = grade.worst.max(of_fence.len() as u64);
        enters.extend(of_fence.iter().enumerate().filter_map(|(index, at)| {
            // Nobody can tell on which side of its edge the phone lies: one enter is as right as none.
            judged(fence, *at, if index == 0 { Judgement::NearMiss } else { Judgement::Flap })
        }));
    }
    Graded { grade: Grade::Stander(grade), enters, missed: Vec::new() }
}

pub(super) fn background(suite: &Suite, events: &Events<'_>) -> Graded {
    let (mut enters, mut missed) = (Vec::new(), Vec::new());
    let mut grade =
        BackgroundGrade { phantom_fences: 0, phantom_enters: 0, stays: 0, stays_seen: 0, enters_at_stays: 0 };
    for fence in &suite.fences {
        let of_fence = events.enters(owner(&fence.id), &fence.id);
        let Some(Expected::Stay { from, to }) = fence.expected else {
            grade.phantom_fences += 1;
            grade.phantom_enters += of_fence.len() as u64;
            enters.extend(of_fence.iter().filter_map(|at| judged(fence, *at, Judgement::False)));
            continue;
        };
        grade.stays += 1;
        grade.enters_at_stays += of_fence.len() as u64;
        let in_time = |at: &i64| (from.0 - EARLY_MS..=to.0).contains(at);
        if of_fence.iter().any(in_time) {
            grade.stays_seen += 1;
        } else if let Ok(device) = DeviceId::parse("device", owner(&fence.id)) {
            missed.push(Visit { device, region: fence.id.clone(), start: from, end: to, depth: None });
        }
        let first = of_fence.iter().position(in_time);
        enters.extend(of_fence.iter().enumerate().filter_map(|(index, at)| {
            let right = Judgement::Right { delay_ms: at - from.0 };
            // The phone may have come by at other times, too; who knows.
            judged(fence, *at, if Some(index) == first { right } else { Judgement::NearMiss })
        }));
    }
    Graded { grade: Grade::Background(grade), enters, missed }
}

fn judged(fence: &SuiteFence, at: i64, judgement: Judgement) -> Option<Judged> {
    let device = DeviceId::parse("device", owner(&fence.id)).ok()?;
    Some(Judged { device, region: fence.id.clone(), at: DeviceTime(at), judgement })
}
