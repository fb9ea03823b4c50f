//! Which of the campaigns that qualify at once speaks?

use super::asking::{pass, refuse};
use super::sheet::Sheet;
use super::{Hold, Occasion, Settle, holdout};
use crate::model::{
    Arm, Campaign, Contest, Detail, PolicyStep, Reason, ServerTime, TopicDefault, TriggerId, Verdict, Waits,
};
use std::cmp::Ordering;
use std::sync::Arc;

const NAME: &str = "arbiter";

/// A campaign that passed every policy on an occasion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// The campaign.
    pub(super) campaign: &'a Arc<Campaign>,
    /// What holds for customers who did not choose about its topic.
    pub(super) topic_default: TopicDefault,
    /// What it would speak about.
    pub(super) occasion: &'a Occasion<'a>,
    /// The occasion's index.
    pub(super) index: usize,
    /// The index of its assessment.
    pub(super) assessment: usize,
}

/// Stands where the arbiter's word on a campaign will.
pub(super) const UNDECIDED_STEP: PolicyStep = PolicyStep { policy: NAME, refusal: None, detail: Detail::Won(0) };

/// Stands where the verdict on a campaign that passed will, until the arbiter has spoken.
pub(super) const UNDECIDED: Verdict = Verdict::Held { until: ServerTime(0) };

/// The candidate that speaks: a transactional one before the others, the highest priority, then the highest value,
/// then the nearest region, then the first id of campaign and region. Absent when there is none.
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
    sheet: &mut Sheet,
) -> Vec<Hold> {
    let mut rest = Vec::new();
    if candidates.len() > settle.room {
        candidates.select_nth_unstable_by(settle.room, |a, b| compare(a, b).0);
        rest = candidates.split_off(settle.room);
    }
    candidates.sort_unstable_by_key(|candidate| candidate.assessment);
    if let Some(best) = winner(&candidates) {
        for outranked in &rest {
            lose(outranked, best, sheet);
        }
    }
    let mut wait = |candidate: &Candidate<'_>| {
        let word = pass(NAME, Detail::Settles(settle.until - now));
        sheet.decide(candidate.assessment, word, Verdict::Held { until: settle.until });
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

/// Writes down what comes of the candidates.
pub(super) fn announce(
    candidates: &[Candidate<'_>],
    best: &Candidate<'_>,
    trigger: &TriggerId,
    arm: &Arm,
    sheet: &mut Sheet,
) {
    for candidate in candidates.iter().filter(|candidate| candidate.assessment != best.assessment) {
        lose(candidate, best, sheet);
    }
    let word = pass(NAME, Detail::Won(candidates.len() - 1));
    if arm.held_out {
        sheet.decide(best.assessment, word, Verdict::Suppressed(Reason::Holdout));
        sheet.add(best.assessment, holdout::step(best.campaign));
    } else {
        sheet.decide(best.assessment, word, Verdict::Qualified(trigger.clone()));
    }
}

/// Writes down that a candidate lost against the best.
fn lose(candidate: &Candidate<'_>, best: &Candidate<'_>, sheet: &mut Sheet) {
    let reason = Reason::Outranked { by: best.campaign.id.clone() };
    let word = refuse(NAME, reason.clone(), Detail::Lost(contest(candidate, best)));
    sheet.decide(candidate.assessment, word, Verdict::Suppressed(reason));
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
    let differs = |order: Ordering, by| order.is_ne().then_some((order, by));
    differs(b.campaign.transactional.cmp(&a.campaign.transactional), Criterion::Transactional)
        .or_else(|| differs(b.campaign.priority.cmp(&a.campaign.priority), Criterion::Priority))
        .or_else(|| differs(b.campaign.value.total_cmp(&a.campaign.value), Criterion::Value))
        .or_else(|| differs(a.occasion.nearness.0.total_cmp(&b.occasion.nearness.0), Criterion::Nearness))
        .unwrap_or_else(|| (by_id(), Criterion::Id))
}

/// What decided against a candidate, and the figures of both.
fn contest(candidate: &Candidate<'_>, best: &Candidate<'_>) -> Contest {
    let (own, other) = (candidate.campaign, best.campaign);
    match compare(best, candidate).1 {
        Criterion::Transactional => Contest::Transactional,
        Criterion::Priority => Contest::Priority(own.priority, other.priority),
        Criterion::Value => Contest::Value(own.value, other.value),
        Criterion::Nearness => Contest::Nearness(candidate.occasion.nearness, best.occasion.nearness),
        Criterion::Id => Contest::Id,
    }
}
