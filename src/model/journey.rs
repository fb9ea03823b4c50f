//! The way of a customer with a brand, in stages.

use super::ids::{BrandId, JourneyId, StageId};
use super::rule::Rule;

/// Most journeys.
pub const JOURNEYS_MAX: usize = 50;
/// Most stages of one journey.
pub const STAGES_MAX: usize = 12;

/// The way of a customer with a brand, in stages: browsed, visited, bought, came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Journey {
    /// Its id.
    pub id: JourneyId,
    /// What people call it.
    pub display_name: String,
    /// The brand.
    pub brand: BrandId,
    /// The stages in their order; 1 to [`STAGES_MAX`], each id once.
    pub stages: Vec<Stage>,
    /// Whether a customer may come to a stage without having been at those between.
    pub skips: bool,
    /// When a customer goes back to the first stage; absent: never.
    pub restart: Option<Rule>,
}

impl Journey {
    /// Where a stage stands, from 0.
    pub fn position(&self, stage: &StageId) -> Option<usize> {
        self.stages.iter().position(|own| own.id == *stage)
    }

    /// The stage after another one.
    pub fn after(&self, stage: &StageId) -> Option<&Stage> {
        self.position(stage).and_then(|position| self.stages.get(position + 1))
    }
}

/// One stage of a journey.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its id, unique within the journey.
    pub id: StageId,
    /// What people call it.
    pub display_name: String,
    /// What brings a customer here.
    pub enter: Rule,
}

/// What a campaign asks of a journey, and does to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyStep {
    /// The journey.
    pub journey: JourneyId,
    /// The stage at which the customer must be.
    pub stage: StageId,
    /// Whether the message brings the customer to the next stage.
    pub advances: bool,
}
