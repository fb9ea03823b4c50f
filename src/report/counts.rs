//! The figures of a campaign on one day. All of them are sums, so that they may be added up in any order.

use super::note::{Note, What};
use crate::model::measure::Arm;
use crate::model::{CampaignId, Currency, Money};
use std::collections::BTreeMap;

/// Most arms of a campaign that one day counts apart; those beyond count as if they had no variant.
pub const ARMS_MAX: usize = 64;
/// Most currencies of one arm and day; what comes in others is counted, without its worth.
pub const CURRENCIES_MAX: usize = 20;
/// Most reasons that one day counts apart; the others count under one name.
pub const REASONS_MAX: usize = 100;

const OTHER_REASONS: &str = "other";

/// The figures of one campaign on one day of UTC: that of the assessment, of the trigger or of the ghost. What happens
/// later to a trigger, and the conversions that follow, count on the trigger's day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayCounts {
    /// Visits on which the campaign was asked.
    pub visits: u64,
    /// Why nothing was sent, by the reason's label; at most [`REASONS_MAX`].
    pub held_back: BTreeMap<String, u64>,
    /// By arm, at most [`ARMS_MAX`].
    pub arms: BTreeMap<Arm, ArmCounts>,
}

/// The figures of one arm. An exposure is a trigger or, of those held out, a ghost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArmCounts {
    /// Exposures.
    pub exposed: u64,
    /// Customers with a first exposure.
    pub customers: u64,
    /// Triggers that a provider took.
    pub delivered: u64,
    /// Triggers that were opened.
    pub opened: u64,
    /// Exposures with a conversion.
    pub converted: u64,
    /// Conversions: events.
    pub conversions: u64,
    /// Customers with a first conversion.
    pub buyers: u64,
    /// Customers with a second conversion.
    pub repeat_buyers: u64,
    /// Over customers, the sum of the squares of their exposures,
    pub exposed_squares: u64,
    /// of the squares of those of them that have a conversion,
    pub converted_squares: u64,
    /// and of the products of the two.
    pub exposed_by_converted: u64,
    /// What the conversions were worth, in millionths; at most [`CURRENCIES_MAX`].
    pub worth: BTreeMap<Currency, i64>,
    /// Conversions whose worth is not in there, for it came in too many currencies.
    pub worth_left_out: u64,
}

impl ArmCounts {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        for (own, other) in [
            (&mut self.exposed, other.exposed),
            (&mut self.customers, other.customers),
            (&mut self.delivered, other.delivered),
            (&mut self.opened, other.opened),
            (&mut self.converted, other.converted),
            (&mut self.conversions, other.conversions),
            (&mut self.buyers, other.buyers),
            (&mut self.repeat_buyers, other.repeat_buyers),
            (&mut self.exposed_squares, other.exposed_squares),
            (&mut self.converted_squares, other.converted_squares),
            (&mut self.exposed_by_converted, other.exposed_by_converted),
            (&mut self.worth_left_out, other.worth_left_out),
        ] {
            *own = own.saturating_add(other);
        }
        for (currency, micros) in &other.worth {
            self.add_worth(Money { micros: *micros, currency: *currency });
        }
    }

    /// Adds what a conversion was worth.
    pub(super) fn add_worth(&mut self, worth: Money) {
        if self.worth.len() >= CURRENCIES_MAX && !self.worth.contains_key(&worth.currency) {
            self.worth_left_out = self.worth_left_out.saturating_add(1);
            return;
        }
        let sum = self.worth.entry(worth.currency).or_default();
        *sum = sum.saturating_add(worth.micros);
    }
}

impl DayCounts {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.visits = self.visits.saturating_add(other.visits);
        for (reason, count) in &other.held_back {
            self.hold_back(reason, *count);
        }
        for (arm, counts) in &other.arms {
            self.arm(arm).add(counts);
        }
    }

    fn hold_back(&mut self, reason: &str, count: u64) {
        // One place is kept for the others.
        let room = self.held_back.contains_key(reason) || self.held_back.len() + 1 < REASONS_MAX;
        let sum = self.held_back.entry(if room { reason } else { OTHER_REASONS }.to_owned()).or_default();
        *sum = sum.saturating_add(count);
    }

    /// The counts of an arm.
    fn arm(&mut self, arm: &Arm) -> &mut ArmCounts {
        // Two places are kept for those without a variant.
        let room = self.arms.contains_key(arm) || self.arms.len() + 2 < ARMS_MAX;
        let variant = arm.variant.clone().filter(|_| room);
        self.arms.entry(Arm { variant, held_out: arm.held_out }).or_default()
    }
}

/// What one commit, or several, add to the figures of campaigns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// By campaign and day.
    pub days: BTreeMap<(CampaignId, i32), DayCounts>,
}

impl Tally {
    /// Takes notes.
    pub fn of<'n>(notes: impl IntoIterator<Item = &'n Note>) -> Self {
        let mut tally = Self::default();
        for Note { campaign, day, what } in notes {
            let counts = tally.days.entry((campaign.clone(), *day)).or_default();
            match what {
                What::Assessed { visit, held_back } => {
                    counts.visits = counts.visits.saturating_add(u64::from(*visit));
                    if let Some(reason) = held_back {
                        counts.hold_back(reason, 1);
                    }
                }
                What::Arm(own) => counts.arm(&own.0).add(&own.1),
            }
        }
        tally
    }

    /// Adds others.
    pub fn add(&mut self, other: Self) {
        for (key, counts) in other.days {
            self.days.entry(key).or_default().add(&counts);
        }
    }
}
