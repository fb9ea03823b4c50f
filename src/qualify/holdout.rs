//! Is the customer one of those who get nothing, so that it shows what the campaign does?
//!
//! Asked last, of the winner alone: whoever is held out wins, and loses, as others do. The ledger counts the ghost of the
//! message as a message, and journeys move on by it; otherwise those held out would qualify ever again, and the two groups
//! would not be alike.

use super::asking::refuse;
use crate::model::{Campaign, Detail, PolicyStep, Reason};

/// The answer to who is held out.
pub(super) fn step(campaign: &Campaign) -> PolicyStep {
    refuse("holdout", Reason::Holdout, Detail::HeldOut(campaign.measure.holdout))
}
