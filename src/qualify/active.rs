//! Does the campaign run at this time?

use super::asking::{Asking, pass, refuse};
use crate::model::{Detail, PolicyStep, Reason};

const NAME: &str = "active-window";

/// No answer where the campaign always runs. Passes from the start of the campaign's window to before its end. A refusal before the start ends with it.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let (now, active) = (asking.now, asking.campaign.active);
    Some(match (active.start, active.end) {
        (None, None) => return None,
        (Some(start), _) if now < start => {
            let detail = Detail::Window { what: "begins in", span: start - now };
            refuse(NAME, Reason::NotActive { until: Some(start) }, detail)
        }
        (_, Some(end)) if now >= end => {
            refuse(NAME, Reason::NotActive { until: None }, Detail::Window { what: "ended", span: now - end })
        }
        (_, Some(end)) => pass(NAME, Detail::Window { what: "ends in", span: end - now }),
        (Some(_), None) => pass(NAME, "no end"),
    })
}
