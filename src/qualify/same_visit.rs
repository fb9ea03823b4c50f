//! Has this visit set off this campaign before?

use super::asking::{Asking, pass, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "same-visit";

/// Passes unless the ledger holds the trigger that would be made. A trigger's id follows from customer, campaign,
/// region and visit, so comparing those is the same and costs no hash.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    if asking.past.visit_had(&asking.campaign.id) {
        refuse(NAME, Reason::SameVisit, "this visit had this message")
    } else {
        pass(NAME, "first of this visit")
    }
}
