//! Has the customer opted in to the campaign's topic?

use super::asking::{Asking, pass, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "topic";

/// Passes only where the customer opted in to the topic.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    let topic = &asking.campaign.topic;
    if asking.customer.topics.contains(topic) {
        pass(NAME, ["opted in to ", topic.as_str()].concat())
    } else {
        refuse(NAME, Reason::Topic, format!("not opted in to {topic}"))
    }
}
