//! Is it one of the campaign's days and hours?

use super::asking::{Asking, pass, refuse};
use crate::model::{Detail, PolicyStep, Reason};

const NAME: &str = "hours";

/// No answer where the campaign speaks at all hours. Passes while the customer's clock shows one of them. A refusal
/// ends when it does.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let (hours, local) = (&asking.campaign.hours, asking.local);
    if hours.is_empty() {
        return None;
    }
    let detail = Detail::Shown(local.clock());
    Some(if hours.iter().any(|span| span.contains(local.clock())) {
        pass(NAME, detail)
    } else {
        refuse(NAME, Reason::OutsideHours { until: local.next_within(hours) }, detail)
    })
}
