//! How journeys fit the campaigns and rules that name them.

use super::catalogue::Shelf;
use crate::model::journey::JOURNEYS_MAX;
use crate::model::{Campaign, Condition, Invalid, Journey, JourneyId, Rule, StageId};
use crate::wire::name;

impl Shelf {
    /// Checks that the stages that a campaign asks for exist, and that there is one after the one that it advances. The
    /// field is a path within the campaign.
    pub(super) fn check_stages_of(&self, campaign: &Campaign) -> Result<(), Invalid> {
        if let Some(step) = &campaign.journey {
            self.check_stage(&step.journey, &step.stage).map_err(|why| why.under("journey_stage"))?;
            let last = self.journeys.get(&step.journey).is_none_or(|journey| journey.after(&step.stage).is_none());
            if step.advances && last {
                let problem = format!("is set, but {} is the last stage of its journey", step.stage);
                return Err(Invalid::new("advances_to_next", problem));
            }
        }
        campaign.audience.iter().try_for_each(|rule| self.check_rule(rule).map_err(|why| why.under("audience")))
    }

    /// Checks that a journey fits in: there are not too many, the stages that its rules name exist, and those that
    /// others name are still there. The field is a path within the journey.
    pub(super) fn check_journey(&self, journey: &Journey) -> Result<(), Invalid> {
        if !self.journeys.contains_key(&journey.id) && self.journeys.len() >= JOURNEYS_MAX {
            return Err(Invalid::new(
                "name",
                format!("is new, but there are {JOURNEYS_MAX} journeys; delete one first"),
            ));
        }
        let mut after = self.clone();
        after.journeys.insert(journey.id.clone(), std::sync::Arc::new(journey.clone()));
        for (index, stage) in journey.stages.iter().enumerate() {
            after.check_rule(&stage.enter).map_err(|why| why.under("enter").at("stages", index))?;
        }
        journey.restart.iter().try_for_each(|rule| after.check_rule(rule).map_err(|why| why.under("restart")))?;
        for campaign in self.campaigns.values().filter(|campaign| names(campaign, &journey.id)) {
            after.check_stages_of(campaign).map_err(|why| {
                Invalid::new("stages", format!("must fit {}, whose {why}", name::campaign_name(&campaign.id)))
            })?;
        }
        for other in self.journeys.values().filter(|other| other.id != journey.id) {
            rules(other).try_for_each(|rule| after.check_rule(rule)).map_err(|why| {
                Invalid::new("stages", format!("must fit {}, whose {why}", name::journey_name(&other.id)))
            })?;
        }
        Ok(())
    }

    /// The name of a campaign or of another journey that names a journey; absent: it may go.
    pub(super) fn user_of(&self, journey: &JourneyId) -> Option<String> {
        let campaign = self.campaigns.values().find(|campaign| names(campaign, journey));
        let other = || {
            let others = self.journeys.values().filter(|other| other.id != *journey);
            others.into_iter().find(|other| rules(other).any(|rule| asks(rule, journey)))
        };
        campaign
            .map(|campaign| name::campaign_name(&campaign.id))
            .or_else(|| other().map(|other| name::journey_name(&other.id)))
    }

    fn check_stage(&self, journey: &JourneyId, stage: &StageId) -> Result<(), Invalid> {
        match self.journeys.get(journey) {
            None => Err(Invalid::new("journey", format!("is {}, which does not exist", name::journey_name(journey)))),
            Some(known) if known.position(stage).is_none() => {
                let problem = format!("is {stage}, which {} does not have", name::journey_name(journey));
                Err(Invalid::new("stage", problem))
            }
            Some(_) => Ok(()),
        }
    }

    fn check_rule(&self, rule: &Rule) -> Result<(), Invalid> {
        let mut found = Ok(());
        rule.each(&mut |condition| {
            if let Condition::Stage { journey, stages } = condition
                && found.is_ok()
            {
                found = stages.iter().try_for_each(|stage| self.check_stage(journey, stage));
            }
        });
        found
    }
}

fn rules(journey: &Journey) -> impl Iterator<Item = &Rule> {
    journey.stages.iter().map(|stage| &stage.enter).chain(&journey.restart)
}

fn names(campaign: &Campaign, journey: &JourneyId) -> bool {
    campaign.journey.as_ref().is_some_and(|step| step.journey == *journey)
        || campaign.audience.as_ref().is_some_and(|rule| asks(rule, journey))
}

fn asks(rule: &Rule, journey: &JourneyId) -> bool {
    let mut asks = false;
    rule.each(&mut |condition| {
        asks |= matches!(condition, Condition::Stage { journey: asked, .. } if asked == journey);
    });
    asks
}
