//! What is written down while campaigns are asked.

use super::{Occasion, arbiter};
use crate::model::{Assessment, Campaign, PolicyStep, Steps, Verdict};
use std::sync::Arc;

/// How many answers a campaign is likely to get, the arbiter's included.
const STEPS_USUAL: usize = 8;

/// One assessment for each campaign; the answers about all of them in one buffer.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    answers: Vec<PolicyStep>,
    assessments: Vec<Assessment>,
}

impl Sheet {
    /// Makes room for so many more campaigns.
    pub(super) fn reserve(&mut self, campaigns: usize) {
        self.answers.reserve(campaigns * STEPS_USUAL);
        self.assessments.reserve(campaigns);
    }

    /// How many campaigns were written down: the index of the next one's assessment.
    pub(super) fn len(&self) -> usize {
        self.assessments.len()
    }

    /// Writes down the answers of `ask` about a campaign, and the verdict that `judge` finds in them. Where it finds
    /// none, the arbiter has the last word. Gives the verdict.
    pub(super) fn write(
        &mut self,
        campaign: &Campaign,
        occasion: &Occasion<'_>,
        ask: impl FnOnce(&mut Vec<PolicyStep>),
        judge: impl FnOnce(&[PolicyStep]) -> Option<Verdict>,
    ) -> Option<&Verdict> {
        let first = self.answers.len();
        ask(&mut self.answers);
        let verdict = judge(self.answers.get(first..).unwrap_or_default());
        let passed = verdict.is_none();
        if passed {
            self.answers.push(arbiter::UNDECIDED_STEP);
        }
        self.assessments.push(Assessment {
            campaign: campaign.id.clone(),
            region: occasion.region.id.clone(),
            transition: occasion.transition.kind,
            policies: Steps::later(first..self.answers.len()),
            verdict: verdict.unwrap_or(arbiter::UNDECIDED),
        });
        self.assessments.last().map(|assessment| &assessment.verdict).filter(|_| !passed)
    }

    /// Writes down the arbiter's word on a campaign that passed every policy.
    pub(super) fn decide(&mut self, index: usize, word: PolicyStep, verdict: Verdict) {
        let Some(assessment) = self.assessments.get_mut(index) else { return };
        assessment.verdict = verdict;
        let last = self.answers.get_mut(assessment.policies.range()).and_then(<[PolicyStep]>::last_mut);
        if let Some(last) = last {
            *last = word;
        }
    }

    /// Adds a word to those about a campaign that the arbiter has decided about.
    pub(super) fn add(&mut self, index: usize, word: PolicyStep) {
        let Some(assessment) = self.assessments.get_mut(index) else { return };
        let said = self.answers.get(assessment.policies.range()).unwrap_or_default().to_vec();
        // Others stand behind them, so that all of them move to the end.
        let first = self.answers.len();
        self.answers.extend(said);
        self.answers.push(word);
        assessment.policies = Steps::later(first..self.answers.len());
    }

    /// All assessments, in the order in which they were written.
    pub(super) fn finish(self) -> Vec<Assessment> {
        let Self { answers, mut assessments } = self;
        let answers = Arc::new(answers);
        for assessment in &mut assessments {
            assessment.policies.fill(&answers);
        }
        assessments
    }
}
