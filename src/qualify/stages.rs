//! At which stage of each journey a customer is, and what moves the customer on.

use super::asking::{Asking, pass, refuse};
use super::audience::{Person, Scene};
use crate::model::{
    BrandId, Customer, Detail, Journey, JourneyId, JourneyStep, PolicyStep, Reason, ServerTime, Stage, StageId,
    TriggerId, Whereabouts,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const NAME: &str = "journey-stage";

/// The journeys by id. Immutable: built once for each change of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct JourneyBook {
    journeys: BTreeMap<JourneyId, Arc<Journey>>,
}

/// At which stage of each journey a customer is. A journey that is not there has not begun.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stages {
    /// By journey; those that are no more go when the customer moves on next.
    pub journeys: BTreeMap<JourneyId, AtStage>,
}

/// The stage of a journey at which a customer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtStage {
    /// The stage.
    pub stage: StageId,
    /// When what brought the customer here happened.
    pub since: ServerTime,
    /// Whether positions had a part in it, so that it goes with the consent.
    pub located: bool,
    /// The message that brought the customer here; absent: a rule did.
    pub sent: Option<Sending>,
}

/// A message that brought a customer to a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The trigger.
    pub trigger: TriggerId,
    /// The stage before.
    pub from: StageId,
    /// When what brought the customer there happened.
    pub since: ServerTime,
    /// Whether positions had a part in that.
    pub located: bool,
}

/// What a customer did that may move journeys on.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// Who.
    pub customer: &'a Customer,
    /// What else is known of the customer.
    pub person: Person<'a>,
    /// The customer's time zone; absent: that of each device.
    pub zone: Option<&'a str>,
    /// The brand of the place where it was, and that of the journeys that it moves; absent: it was no visit, and moves
    /// any journey.
    pub brand: Option<&'a BrandId>,
    /// When it happened.
    pub at: ServerTime,
    /// The server's time.
    pub now: ServerTime,
}

/// No answer where the campaign is for all stages. Passes at the stage that it asks for.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let step = asking.campaign.journey.as_ref()?;
    let at = asking.occasion.person.stages.of(&step.journey).cloned();
    let there = at.as_ref() == Some(&step.stage);
    let (journey, wanted) = (step.journey.clone(), step.stage.clone());
    let detail = Detail::Stage(Box::new(Whereabouts { journey, wanted, at }));
    Some(if there { pass(NAME, detail) } else { refuse(NAME, Reason::JourneyStage, detail) })
}

impl JourneyBook {
    /// A book of these journeys. Of several with one id, the last counts.
    pub fn build(journeys: impl IntoIterator<Item = Arc<Journey>>) -> Self {
        Self { journeys: journeys.into_iter().map(|journey| (journey.id.clone(), journey)).collect() }
    }

    /// Moves a customer on in every journey whose rules say so: to the next stage as long as its rule holds, and back
    /// to the first one, at most once, where the journey has a rule for that. Gives the stages after it.
    pub fn advance(&self, stages: &Stages, deed: &Deed<'_>) -> Stages {
        let mut after = Stages { journeys: stages.journeys.clone() };
        after.journeys.retain(|id, at| self.journeys.get(id).is_some_and(|own| own.position(&at.stage).is_some()));
        let of_brand = |journey: &&Arc<Journey>| deed.brand.is_none_or(|brand| *brand == journey.brand);
        for journey in self.journeys.values().filter(of_brand) {
            let restarts = restarts(journey, &after, deed);
            let mut next = if restarts { journey.stages.first() } else { onward(journey, &after, deed) };
            while let Some(stage) = next {
                let before = after.journeys.get(&journey.id);
                let at = AtStage {
                    stage: stage.id.clone(),
                    since: before.map_or(deed.at, |before| deed.at.max(before.since)),
                    located: deed.brand.is_some() || before.is_some_and(|before| before.located),
                    sent: None,
                };
                after.journeys.insert(journey.id.clone(), at);
                // Who begins anew goes on with what they do next.
                next = onward(journey, &after, deed).filter(|_| !restarts);
            }
        }
        after
    }

    /// Moves a customer on because of a message, where its campaign says so and the customer is at the stage that it
    /// asks for.
    pub fn advance_by(&self, stages: &mut Stages, step: &JourneyStep, trigger: &TriggerId, now: ServerTime) {
        let next = self.journeys.get(&step.journey).and_then(|journey| journey.after(&step.stage));
        let at = stages.journeys.get_mut(&step.journey).filter(|at| at.stage == step.stage && step.advances);
        let (Some(next), Some(at)) = (next, at) else { return };
        let AtStage { since, located, .. } = *at;
        let sent = Sending { trigger: trigger.clone(), from: step.stage.clone(), since, located };
        // A message is about a visit.
        *at = AtStage { stage: next.id.clone(), since: now.max(since), located: true, sent: Some(sent) };
    }
}

/// Whether a customer goes back to the first stage.
fn restarts(journey: &Journey, stages: &Stages, deed: &Deed<'_>) -> bool {
    let begun = stages.of(&journey.id).is_some();
    begun && journey.restart.as_ref().is_some_and(|rule| scene(journey, stages, deed).fails(rule).is_none())
}

/// The stage to which a customer comes next; absent: the customer stays.
fn onward<'j>(journey: &'j Journey, stages: &Stages, deed: &Deed<'_>) -> Option<&'j Stage> {
    let at = stages.of(&journey.id).and_then(|stage| journey.position(stage));
    let from = at.map_or(0, |position| position + 1);
    let to = if journey.skips { journey.stages.len() } else { (from + 1).min(journey.stages.len()) };
    let scene = scene(journey, stages, deed);
    journey.stages.get(from..to)?.iter().rev().find(|stage| scene.fails(&stage.enter).is_none())
}

fn scene<'a>(journey: &'a Journey, stages: &'a Stages, deed: &Deed<'a>) -> Scene<'a> {
    Scene {
        customer: deed.customer,
        person: Person { stages, ..deed.person },
        zone: deed.zone,
        brand: &journey.brand,
        stage_since: stages.journeys.get(&journey.id).map(|at| at.since),
        now: deed.now,
    }
}

impl Stages {
    /// No journey has begun.
    pub const NONE: Self = Self { journeys: BTreeMap::new() };

    /// The stage of a journey; absent: it has not begun.
    pub fn of(&self, journey: &JourneyId) -> Option<&StageId> {
        self.journeys.get(journey).map(|at| &at.stage)
    }

    /// Takes back what a message did that ended undelivered: who has not moved on since is where they were before.
    pub fn take_back(&mut self, trigger: &TriggerId) {
        for at in self.journeys.values_mut() {
            if let Some(Sending { from, since, located, .. }) = at.sent.take_if(|sent| sent.trigger == *trigger) {
                *at = AtStage { stage: from, since, located, sent: None };
            }
        }
    }

    /// Forgets the stages to which positions led.
    pub fn forget_positions(&mut self) {
        self.journeys.retain(|_, at| !at.located);
    }
}
