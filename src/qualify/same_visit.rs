//! Has this visit set off this campaign before?

use super::asking::{Asking, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "same-visit";

/// No answer unless the ledger holds a message of this campaign for this visit. A visit is of one device to one region,
/// except that a fence and a beacon which mark the same place share it: then the campaign speaks once.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let had = asking.past.visit_had(&asking.campaign.id);
    had.then(|| refuse(NAME, Reason::SameVisit, "this visit had this message"))
}
