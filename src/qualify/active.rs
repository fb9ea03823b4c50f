//! Does the campaign run at this time?

use super::asking::{Asking, pass, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "active-window";

/// Passes from the start of the campaign's window to before its end. A refusal before the start ends with it.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    let (now, active) = (asking.now, asking.campaign.active);
    match (active.start, active.end) {
        (Some(start), _) if now < start => {
            refuse(NAME, Reason::NotActive { until: Some(start) }, format!("begins in {}", start - now))
        }
        (_, Some(end)) if now >= end => {
            refuse(NAME, Reason::NotActive { until: None }, format!("ended {} ago", now - end))
        }
        (_, Some(end)) => pass(NAME, format!("ends in {}", end - now)),
        (_, None) => pass(NAME, "no end"),
    }
}
