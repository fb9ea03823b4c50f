//! Journeys.

use super::place::display_name;
use super::{name, required, rule, v1};
use crate::model::invalid::at_most;
use crate::model::journey::STAGES_MAX;
use crate::model::{BrandId, Invalid, Journey, JourneyStep, Stage, StageId};

impl TryFrom<v1::Journey> for Journey {
    type Error = Invalid;

    fn try_from(wire: v1::Journey) -> Result<Self, Invalid> {
        let id = name::journey("name", &wire.name)?;
        if wire.stages.is_empty() {
            return Err(Invalid::new("stages", format!("is empty; must have 1 to {STAGES_MAX} stages")));
        }
        at_most("stages", wire.stages.len(), STAGES_MAX)?;
        let stages = super::each("stages", wire.stages, stage)?;
        for (index, stage) in stages.iter().enumerate() {
            if stages.iter().take(index).any(|earlier| earlier.id == stage.id) {
                let problem = format!("repeats {}; each may come once", stage.id);
                return Err(Invalid::new("stage", problem).at("stages", index));
            }
        }
        Ok(Self {
            display_name: display_name(&wire.display_name, id.as_str())?,
            brand: BrandId::parse("brand", &wire.brand)?,
            stages,
            skips: wire.allow_skips,
            restart: wire.restart.map(rule::of_journey).transpose().map_err(|why| why.under("restart"))?,
            id,
        })
    }
}

impl From<&Journey> for v1::Journey {
    fn from(journey: &Journey) -> Self {
        let stage = |stage: &Stage| v1::Stage {
            stage: stage.id.to_string(),
            display_name: stage.display_name.clone(),
            enter: Some((&stage.enter).into()),
        };
        Self {
            name: name::journey_name(&journey.id),
            display_name: journey.display_name.clone(),
            brand: journey.brand.to_string(),
            stages: journey.stages.iter().map(stage).collect(),
            allow_skips: journey.skips,
            restart: journey.restart.as_ref().map(Into::into),
        }
    }
}

fn stage(wire: v1::Stage) -> Result<Stage, Invalid> {
    let id = StageId::parse("stage", &wire.stage)?;
    Ok(Stage {
        display_name: display_name(&wire.display_name, id.as_str())?,
        enter: required("enter", wire.enter)
            .and_then(|wire| rule::of_journey(wire).map_err(|why| why.under("enter")))?,
        id,
    })
}

/// Parses what a campaign asks of a journey, and does to it.
pub(super) fn step(wire: Option<v1::JourneyStage>, advances: bool) -> Result<Option<JourneyStep>, Invalid> {
    match wire {
        None if advances => Err(Invalid::new("advances_to_next", "is set; needs journey_stage")),
        None => Ok(None),
        Some(wire) => {
            let journey = name::journey("journey", &wire.journey).map_err(|why| why.under("journey_stage"))?;
            let stage = StageId::parse("stage", &wire.stage).map_err(|why| why.under("journey_stage"))?;
            Ok(Some(JourneyStep { journey, stage, advances }))
        }
    }
}

/// The stage that a campaign asks for, as it is sent out.
pub(super) fn stage_message(step: &JourneyStep) -> v1::JourneyStage {
    v1::JourneyStage { journey: name::journey_name(&step.journey), stage: step.stage.to_string() }
}
