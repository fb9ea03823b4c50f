//! Does the customer want to hear nothing at all?

use super::asking::{Asking, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "stopped";

/// Refuses where the customer stopped everything; has nothing to say otherwise. Not asked about transactional
/// campaigns.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    asking.customer.stopped.then(|| refuse(NAME, Reason::Stopped, "wants to hear nothing at all"))
}
