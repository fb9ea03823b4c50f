//! Does the customer want to hear of the campaign's topic, through any channel?

use super::asking::{Asking, pass, refuse};
use crate::model::{Channel, Detail, PolicyStep, Reason};

const NAME: &str = "topic";

/// Passes only where the customer wants to hear of the topic through some channel: as chosen, else as the topic's
/// default says.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    let topic = &asking.campaign.topic;
    let choices = asking.choices;
    let wants = |channel: &Channel| choices.wants(asking.topic_default, *channel);
    let wanted = Channel::ALL.iter().any(wants);
    // What decided: a choice, or the default.
    let chosen = Channel::ALL.iter().any(|channel| choices.on(*channel).is_some() && wants(channel) == wanted);
    let detail = Detail::Topic { wanted, chosen, topic: topic.clone() };
    if wanted { pass(NAME, detail) } else { refuse(NAME, Reason::Topic, detail) }
}
