//! By which channel does the message reach the customer?

use super::asking::{Asking, pass, refuse};
use crate::model::{ByChannel, Campaign, Channel, Detail, PolicyStep, Reason, TopicDefault};

const NAME: &str = "channel";

/// No answer where the campaign may go by push, and the customer wants that: it always reaches them. Nor where the
/// customer wants nothing of the topic at all, of which the policy on topics speaks. Passes where a channel is left.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let Asking { campaign, choices, topic_default, occasion, .. } = *asking;
    let wants = |channel: &Channel| choices.wants(topic_default, *channel);
    let pushed = campaign.channels.contains(&Channel::Push) && wants(&Channel::Push);
    if pushed || !Channel::ALL.iter().any(wants) {
        return None;
    }
    let by = route(campaign, choices, topic_default, occasion.in_app).first().copied();
    let wanted = campaign.channels.iter().any(wants);
    let detail = Detail::Channel { by, wanted };
    Some(if by.is_some() { pass(NAME, detail) } else { refuse(NAME, Reason::NoChannel, detail) })
}

/// The channels that a message is to try, in their order: those of the campaign that the customer wants to hear of the
/// topic by, from the first one by which the customer can be reached now. `in_app`: whether the app is in front, with
/// a stream open. Empty: none is left.
pub(super) fn route(
    campaign: &Campaign,
    choices: ByChannel,
    topic_default: TopicDefault,
    in_app: bool,
) -> Vec<Channel> {
    let open = |channel: &Channel| match channel {
        Channel::Push => true,
        Channel::InApp => in_app,
    };
    let wanted = campaign.channels.iter().filter(|own| choices.wants(topic_default, **own));
    wanted.skip_while(|own| !open(own)).copied().collect()
}
