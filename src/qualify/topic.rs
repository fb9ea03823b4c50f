//! Has the customer opted in to the campaign's topic?

use super::asking::{Asking, pass, refuse};
use crate::model::{Detail, PolicyStep, Reason};

const NAME: &str = "topic";

/// Passes only where the customer opted in to the topic.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    let topic = asking.campaign.topic.clone();
    let wanted = asking.customer.topics.contains(&topic);
    let detail = Detail::Topic { wanted, topic };
    if wanted { pass(NAME, detail) } else { refuse(NAME, Reason::Topic, detail) }
}
