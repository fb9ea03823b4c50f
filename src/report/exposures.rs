//! To which message, or ghost, an event is attributed: of each campaign the latest one before it, within the time that
//! the campaign gives.

use super::counts::ArmCounts;
use super::day_of;
use super::note::Note;
use crate::model::campaign::WINDOW_MAX;
use crate::model::measure::{Arm, Measure};
use crate::model::{CampaignId, Event, Millis, ServerTime, TriggerId, VisitId};
use std::collections::{BTreeMap, BTreeSet};

/// Most exposures that are kept of one customer: as many as the ledger holds sends.
pub const EXPOSURES_MAX: usize = 256;
/// Of most campaigns it is kept how a customer fared; the one that was longest ago makes room.
pub const SUBJECTS_MAX: usize = 256;
/// For how long an exposure is kept: the longest time that a campaign gives, and as much again for events that come late.
const KEPT: Millis = Millis(2 * WINDOW_MAX.0);

/// What a customer was sent, and what they were not, for later events. Derived from positions, so it goes with the
/// consent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exposures {
    /// By time, the oldest first; at most [`EXPOSURES_MAX`].
    pub recent: Vec<Exposure>,
    /// How the customer fared with each campaign; at most [`SUBJECTS_MAX`].
    pub subjects: BTreeMap<CampaignId, Subject>,
}

/// A message, or the ghost of one that was held out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// When it qualified.
    pub at: ServerTime,
    /// The trigger; of a ghost, the one that would have been.
    pub trigger: TriggerId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The visit.
    pub visit: VisitId,
    /// The variant, and whether it is a ghost.
    pub arm: Arm,
    /// Whether a conversion was attributed to it.
    pub converted: bool,
}

/// How a customer fared with one campaign, in one arm of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The arm.
    pub arm: Arm,
    /// How many exposures there were.
    pub exposed: u32,
    /// How many of them have a conversion.
    pub converted: u32,
    /// How many conversions there were.
    pub conversions: u32,
    /// When the last exposure was.
    pub last: ServerTime,
}

impl Exposures {
    /// Keeps an exposure, and gives what it adds to the report: nothing where its trigger is known already, since a
    /// trigger that ended undelivered may come again.
    pub fn expose(&mut self, exposure: Exposure) -> Option<Note> {
        if self.recent.iter().any(|own| own.trigger == exposure.trigger) {
            return None;
        }
        let Exposure { at, campaign, arm, .. } = exposure.clone();
        let own = self.subjects.entry(campaign.clone()).or_default();
        if own.arm != arm {
            // Holdout, variants or salt have changed since.
            *own = Subject { arm: arm.clone(), ..Subject::default() };
        }
        let counts = ArmCounts {
            exposed: 1,
            customers: u64::from(own.exposed == 0),
            // (n + 1)² - n²
            exposed_squares: 2 * u64::from(own.exposed) + 1,
            exposed_by_converted: u64::from(own.converted),
            ..ArmCounts::default()
        };
        own.exposed = own.exposed.saturating_add(1);
        own.last = own.last.max(at);
        if self.subjects.len() > SUBJECTS_MAX {
            let stalest = self.subjects.iter().filter(|(other, _)| **other != campaign);
            let stalest = stalest.min_by_key(|(_, own)| own.last).map(|(campaign, _)| campaign.clone());
            stalest.map(|campaign| self.subjects.remove(&campaign));
        }
        self.recent.retain(|earlier| earlier.at > at - KEPT);
        if self.recent.len() >= EXPOSURES_MAX {
            self.recent.remove(0);
        }
        let position = self.recent.partition_point(|earlier| earlier.at <= at);
        self.recent.insert(position, exposure);
        Some(Note::arm(campaign, day_of(at), arm, counts))
    }

    /// Attributes an event that was not attributed before, and gives what it adds to the reports. `measure` is what each
    /// campaign is measured by; absent: there is no such campaign any more.
    pub fn attribute<'m>(
        &mut self,
        event: &Event,
        measure: impl Fn(&CampaignId) -> Option<&'m Measure>,
    ) -> Vec<Note> {
        let campaigns: BTreeSet<CampaignId> = self.recent.iter().map(|own| own.campaign.clone()).collect();
        let mut notes = Vec::new();
        for campaign in &campaigns {
            let Some(measure) = measure(campaign) else { continue };
            let reached = |own: &&mut Exposure| own.campaign == *campaign && measure.counts(event, event.at - own.at);
            // The latest that the event can come from: the last touch.
            let Some(exposure) = self.recent.iter_mut().rev().find(reached) else { continue };
            let first = !exposure.converted;
            exposure.converted = true;
            let mut counts = ArmCounts { conversions: 1, converted: first.into(), ..ArmCounts::default() };
            if let Some(worth) = event.worth {
                counts.add_worth(worth);
            }
            // Another arm, or none: the customer has moved on to another since, or is forgotten.
            let mut stranger = Subject { exposed: 1, ..Subject::default() };
            let own = self.subjects.get_mut(campaign).filter(|own| own.arm == exposure.arm);
            own.unwrap_or(&mut stranger).convert(first, &mut counts);
            notes.push(Note::arm(campaign.clone(), day_of(exposure.at), exposure.arm.clone(), counts));
        }
        notes
    }
}

impl Subject {
    fn convert(&mut self, first_of_exposure: bool, counts: &mut ArmCounts) {
        counts.buyers = u64::from(self.conversions == 0);
        counts.repeat_buyers = u64::from(self.conversions == 1);
        self.conversions = self.conversions.saturating_add(1);
        if first_of_exposure {
            // (x + 1)² - x²
            counts.converted_squares = 2 * u64::from(self.converted) + 1;
            counts.exposed_by_converted = self.exposed.into();
            self.converted = self.converted.saturating_add(1);
        }
    }
}
