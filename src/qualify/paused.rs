//! Is the campaign paused?

use super::asking::{Asking, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "paused";

/// No answer unless the campaign is paused.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    asking.campaign.paused.then(|| refuse(NAME, Reason::Paused, "paused"))
}
