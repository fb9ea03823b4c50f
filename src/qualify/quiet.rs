//! Are these the customer's quiet hours?

use super::asking::{Asking, pass, refuse};
use crate::model::{Detail, PolicyStep, Reason};

const NAME: &str = "quiet-hours";

/// No answer where the customer has none. Passes while the customer's clock shows a time outside of them. A refusal
/// ends with them.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let (quiet, local) = (asking.occasion.quiet?, asking.local);
    let detail = Detail::Shown(local.clock());
    Some(if quiet.contains(local.clock()) {
        refuse(NAME, Reason::QuietHours { until: local.end_of(quiet) }, detail)
    } else {
        pass(NAME, detail)
    })
}
