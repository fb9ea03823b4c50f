//! Which of the campaigns that qualify at once speaks?

use super::asking::{pass, refuse};
use super::{Hold, Occasion, Settle};
use crate::model::{Assessment, Campaign, Contest, Detail, Reason, ServerTime, TriggerId, Verdict, Waits};
use std::cmp::Ordering;
use std::sync::Arc;

const NAME: &str = "arbiter";

/// A campaign that passed every policy on an occasion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// The campaign.
    pub(super) campaign: &'a Arc<Campaign>,
    /// What it would speak about.
    pub(super) occasion: &'a Occasion<'a>,
    /// The occasion's index.
    pub(super) index: usize,
    /// The index of its assessment.
    pub(super) assessment: usize,
}

/// The candidate that speaks: a transactional one before the others, the highest priority, then the highest value, then the nearest region, then the first
/// id of campaign and region. Absent when there is none.
pub(super) fn winner<'c, 'a>(candidates: &'c [Candidate<'a>]) -> Option<&'c Candidate<'a>> {
    candidates.iter().min_by(|a, b| compare(a, b).0)
}

/// Until when the candidates wait for others, and how many may. None wait where one is transactional: that is told at
/// once, and outranks the others.
pub(super) fn settles(candidates: &[Candidate<'_>]) -> Option<Settle> {
    let settle = candidates.first()?.occasion.settle.filter(|settle| settle.room > 0)?;
    let urgent = candidates.iter().any(|candidate| candidate.campaign.transactional);
    (!urgent).then_some(settle)
}

/// Lets the best candidates wait, as many as may, and writes that into their assessments; the others are outranked.
pub(super) fn gather(
    mut candidates: Vec<Candidate<'_>>,
    settle: Settle,
    now: ServerTime,
    assessments: &mut [Assessment],
) -> Vec<Hold> {
    let mut rest = Vec::new();
    if candidates.len() > settle.room {
        candidates.select_nth_unstable_by(settle.room, |a, b| compare(a, b).0);
        rest = candidates.split_off(settle.room);
    }
    candidates.sort_unstable_by_key(|candidate| candidate.assessment);
    if let Some(best) = winner(&candidates) {
        for outranked in &rest {
            lose(outranked, best, assessments);
        }
    }
    let mut wait = |candidate: &Candidate<'_>| {
        if let Some(assessment) = assessments.get_mut(candidate.assessment) {
            assessment.policies.push(pass(NAME, Detail::Settles(settle.until - now)));
            assessment.verdict = Verdict::Held { until: settle.until };
        }
        Hold {
            campaign: candidate.campaign.id.clone(),
            occasion: candidate.index,
            assessment: candidate.assessment,
            until: settle.until,
            waits: Waits::Settle,
        }
    };
    candidates.iter().map(&mut wait).collect()
}

/// Writes the outcome into the candidates' assessments.
pub(super) fn announce(
    candidates: &[Candidate<'_>],
    best: &Candidate<'_>,
    trigger: &TriggerId,
    assessments: &mut [Assessment],
) {
    for candidate in candidates {
        if candidate.assessment != best.assessment {
            lose(candidate, best, assessments);
        } else if let Some(assessment) = assessments.get_mut(candidate.assessment) {
            assessment.policies.push(pass(NAME, Detail::Won(candidates.len() - 1)));
            assessment.verdict = Verdict::Qualified(trigger.clone());
        }
    }
}

/// Writes down that a candidate lost against the best.
fn lose(candidate: &Candidate<'_>, best: &Candidate<'_>, assessments: &mut [Assessment]) {
    let Some(assessment) = assessments.get_mut(candidate.assessment) else { return };
    let reason = Reason::Outranked { by: best.campaign.id.clone() };
    assessment.policies.push(refuse(NAME, reason.clone(), lost_by(candidate, best)));
    assessment.verdict = Verdict::Suppressed(reason);
}

/// What decides between two candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Criterion {
    Transactional,
    Priority,
    Value,
    Nearness,
    Id,
}

/// The order in which the better comes first, and what decided it.
fn compare(a: &Candidate<'_>, b: &Candidate<'_>) -> (Ordering, Criterion) {
    let by_id = || {
        let campaign = a.campaign.id.cmp(&b.campaign.id);
        campaign.then_with(|| a.occasion.region.id.cmp(&b.occasion.region.id)).then(a.index.cmp(&b.index))
    };
    let transactional = b.campaign.transactional.cmp(&a.campaign.transactional);
    let priority = b.campaign.priority.cmp(&a.campaign.priority);
    let value = b.campaign.value.total_cmp(&a.campaign.value);
    let nearness = a.occasion.nearness.0.total_cmp(&b.occasion.nearness.0);
    let criteria = [
        (transactional, Criterion::Transactional),
        (priority, Criterion::Priority),
        (value, Criterion::Value),
        (nearness, Criterion::Nearness),
    ];
    criteria.into_iter().find(|(order, _)| order.is_ne()).unwrap_or_else(|| (by_id(), Criterion::Id))
}

fn lost_by(candidate: &Candidate<'_>, best: &Candidate<'_>) -> Detail {
    let (own, other) = (candidate.campaign, best.campaign);
    let by = match compare(best, candidate).1 {
        Criterion::Transactional => Contest::Transactional,
        Criterion::Priority => Contest::Priority(own.priority, other.priority),
        Criterion::Value => Contest::Value(own.value, other.value),
        Criterion::Nearness => Contest::Nearness(candidate.occasion.nearness, best.occasion.nearness),
        Criterion::Id => Contest::Id,
    };
    Detail::Lost { by, to: other.id.clone() }
}
