//! Is the campaign paused?

use super::asking::{Asking, pass, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "paused";

/// Passes unless the campaign is paused.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    if asking.campaign.paused { refuse(NAME, Reason::Paused, "paused") } else { pass(NAME, "running") }
}
