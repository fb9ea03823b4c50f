//! What a customer wants to hear of, topic by topic and channel by channel.

use super::{World, id};
use crate::model::{ByChannel, Channel, Choice, Reason, TopicDefault};

/// The customer chose so about the topic at hand, whose default is that: what comes of it on push and in the app, and
/// what the topic policy finds.
fn check(choices: (Option<Choice>, Option<Choice>), default: TopicDefault, wants: [bool; 2], finds: &str) {
    let mut world = World::new();
    let topic = id!(TopicId, "offers");
    world.topic_default = default;
    world.customer.topics.set(topic.clone(), ByChannel { push: choices.0, in_app: choices.1 });
    let wanted = Channel::ALL.map(|channel| world.customer.wants(&topic, default, channel));
    assert_eq!(wanted, wants, "{choices:?}, {default:?}");
    let answer = world.ask();
    let step = answer.assessments[0].policies.iter().find(|step| step.policy == "topic").unwrap();
    assert_eq!((step.detail.to_string().as_str(), step.refusal.is_none()), (finds, wants != [false; 2]));
    assert!(step.refusal.as_ref().is_none_or(|reason| *reason == Reason::Topic));
}

#[test]
fn a_choice_counts_for_its_channel_and_else_the_topics_default() {
    use Choice::{OptIn as In, OptOut as Out};
    for (choices, default, wants, finds) in [
        ((None, None), TopicDefault::OptIn, [false, false], "not opted in to offers"),
        ((None, None), TopicDefault::OptOut, [true, true], "not opted out of offers"),
        ((Some(In), Some(In)), TopicDefault::OptIn, [true, true], "opted in to offers"),
        ((Some(Out), Some(Out)), TopicDefault::OptOut, [false, false], "opted out of offers"),
        ((Some(Out), Some(Out)), TopicDefault::OptIn, [false, false], "opted out of offers"),
        ((None, Some(In)), TopicDefault::OptIn, [false, true], "opted in to offers"),
        ((Some(Out), None), TopicDefault::OptIn, [false, false], "opted out of offers"),
        ((Some(Out), None), TopicDefault::OptOut, [false, true], "not opted out of offers"),
        ((Some(In), Some(Out)), TopicDefault::OptIn, [true, false], "opted in to offers"),
    ] {
        check(choices, default, wants, finds);
    }
}

#[test]
fn a_topic_that_nobody_registered_is_opt_in() {
    let book = super::super::CampaignBook::build([std::sync::Arc::new(super::campaign("latte"))]);
    let world = World::new();
    let listed: Vec<_> = book.listed(&world.region, &world.place, world.transition.kind).collect();
    assert_eq!(listed[0].topic_default, TopicDefault::OptIn);
}
