//! Was any message at all sent too recently?

use super::asking::Asking;
use super::cooldown;
use crate::model::{PolicyStep, Reason};

/// No answer where the campaign asks for no gap. Passes once it has gone by, to the millisecond, since the latest
/// message of any campaign, transactional ones included: two messages in a row are two, whatever they say.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let (asked, last) = (asking.campaign.min_gap?, asking.past.last_of_any());
    Some(cooldown::one(asking, "gap", asked, last, |until| Reason::Gap { until }))
}
