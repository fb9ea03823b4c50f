//! What happened that a report counts, as it leaves the engine: small, since a transition may be put to hundreds of
//! campaigns.

use super::counts::ArmCounts;
use super::day_of;
use crate::model::measure::Arm;
use crate::model::{Assessment, CampaignId, ServerTime, Trigger, Verdict};

/// One thing that the report of a campaign counts. It names no customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The campaign.
    pub campaign: CampaignId,
    /// The day of UTC on which it counts.
    pub day: i32,
    /// What.
    pub what: What,
}

/// What a note counts.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The campaign was asked about a transition.
    Assessed {
        /// Whether for the first time, so that it counts as a visit.
        visit: bool,
        /// Why nothing is sent: the reason's label.
        held_back: Option<&'static str>,
    },
    /// Something to add to the figures of an arm.
    Arm(Box<(Arm, ArmCounts)>),
}

impl Note {
    /// What the assessments of one decision add.
    pub fn assessed(assessments: &[Assessment], now: ServerTime) -> impl Iterator<Item = Self> {
        let day = day_of(now);
        assessments.iter().filter_map(move |own| {
            // What had waited was counted as a visit when it began to.
            let visit = own.policies.first().is_none_or(|step| step.policy != "held");
            let held_back = match &own.verdict {
                Verdict::Suppressed(reason) => Some(reason.label()),
                Verdict::Qualified(_) | Verdict::Held { .. } => None,
            };
            let what = What::Assessed { visit, held_back };
            (visit || held_back.is_some()).then(|| Self { campaign: own.campaign.clone(), day, what })
        })
    }

    /// A provider took a trigger. To be counted once a trigger.
    pub fn delivered(trigger: &Trigger) -> Self {
        Self::of(trigger, ArmCounts { delivered: 1, ..ArmCounts::default() })
    }

    /// The app reported that a trigger was opened. To be counted once a trigger.
    pub fn opened(trigger: &Trigger) -> Self {
        Self::of(trigger, ArmCounts { opened: 1, ..ArmCounts::default() })
    }

    fn of(trigger: &Trigger, counts: ArmCounts) -> Self {
        // Who is held out has no trigger.
        let arm = Arm { variant: trigger.variant.clone(), held_out: false };
        Self::arm(trigger.campaign.clone(), day_of(trigger.created), arm, counts)
    }

    pub(super) fn arm(campaign: CampaignId, day: i32, arm: Arm, counts: ArmCounts) -> Self {
        Self { campaign, day, what: What::Arm(Box::new((arm, counts))) }
    }
}
