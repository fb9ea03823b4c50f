//! Generated choices, answers about consent, and how they were changed.

use super::arbitrary::{name, server_time, topic_id};
use crate::model::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

pub(crate) fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![Just(Choice::OptIn), Just(Choice::OptOut)]
}

pub(crate) fn topics() -> impl Strategy<Value = TopicChoices> {
    let by_channel = (of(choice()), of(choice())).prop_map(|(push, in_app)| ByChannel { push, in_app });
    vec((topic_id(), by_channel), 0..5).prop_map(|all| all.into_iter().collect())
}

pub(crate) fn topic() -> impl Strategy<Value = Topic> {
    let default = prop_oneof![Just(TopicDefault::OptIn), Just(TopicDefault::OptOut)];
    (topic_id(), name(), default).prop_map(|(id, display_name, default)| Topic { id, display_name, default })
}

pub(crate) fn consent() -> impl Strategy<Value = LocationConsent> {
    let expires = of(0..1_000_000_000_i64);
    (any::<bool>(), server_time(), "\\PC{0,20}", "\\PC{0,20}", expires).prop_map(
        |(granted, answered, source, purpose, expires)| LocationConsent {
            granted,
            answered,
            source,
            purpose,
            expires: expires.map(|after| answered + Millis(after)),
        },
    )
}

pub(crate) fn setting() -> impl Strategy<Value = PreferenceSetting> {
    let channel = of(prop_oneof![Just(Channel::Push), Just(Channel::InApp)]);
    prop_oneof![
        (topic_id(), channel, of(choice())).prop_map(|(topic, channel, choice)| PreferenceSetting::Topic {
            topic,
            channel,
            choice
        }),
        any::<bool>().prop_map(PreferenceSetting::Stopped),
    ]
}

/// How consent and preferences were changed, and whether a consent has lapsed.
pub(crate) fn changed() -> impl Strategy<Value = (Vec<PreferenceChange>, bool)> {
    let change = prop_oneof![
        setting().prop_map(Preference::Set),
        consent().prop_map(Preference::Consent),
        Just(Preference::ConsentExpired),
    ];
    let change = (server_time(), "\\PC{0,20}", change).prop_map(|(at, source, change)| PreferenceChange {
        at,
        source,
        change,
    });
    (vec(change, 0..5), any::<bool>())
}
