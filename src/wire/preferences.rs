//! What customers want to hear of: choices, and how they were changed.

use super::{choice, customer, each, ids, required, time, v1};
use crate::model::customer::TOPICS_MAX;
use crate::model::invalid::at_most;
use crate::model::preferences::SETTINGS_MAX;
use crate::model::{
    ByChannel, Channel, Choice, Invalid, Preference, PreferenceChange, PreferenceSetting, TopicChoices, TopicId,
};
use v1::preference_change::Change;
use v1::preference_setting::Setting;

/// Parses what a customer chose about topics: those opted in to on every channel, and all other choices.
pub(super) fn topics(opted_in: &[String], others: &[v1::TopicChoice]) -> Result<TopicChoices, Invalid> {
    let opted_in = ids("topics", opted_in, TOPICS_MAX, TopicId::parse)?;
    at_most("topic_choices", others.len(), TOPICS_MAX.saturating_sub(opted_in.len()))?;
    let mut choices: TopicChoices =
        opted_in.into_iter().map(|topic| (topic, ByChannel::all(Choice::OptIn))).collect();
    for (index, wire) in others.iter().enumerate() {
        let (topic, own) = other(wire, &choices).map_err(|why| why.at("topic_choices", index))?;
        choices.set(topic, own);
    }
    Ok(choices)
}

fn other(wire: &v1::TopicChoice, before: &TopicChoices) -> Result<(TopicId, ByChannel), Invalid> {
    let topic = TopicId::parse("topic", &wire.topic)?;
    let own = ByChannel { push: chosen("push", wire.push)?, in_app: chosen("in_app", wire.in_app)? };
    if !before.of(&topic).is_empty() {
        return Err(Invalid::new("topic", format!("repeats {topic}; each may come once, here or in topics")));
    }
    if own.is_empty() {
        return Err(Invalid::new("push", "and in_app are UNSPECIFIED; one of them must be OPT_IN or OPT_OUT"));
    }
    if own == ByChannel::all(Choice::OptIn) {
        return Err(Invalid::new(
            "push",
            format!("and in_app are OPT_IN; {topic} must then stand in topics instead"),
        ));
    }
    Ok((topic, own))
}

/// The topics that a customer opted in to on every channel.
pub(super) fn opted_in(choices: &TopicChoices) -> Vec<String> {
    let everywhere = choices.iter().filter(|(_, own)| **own == ByChannel::all(Choice::OptIn));
    everywhere.map(|(topic, _)| topic.to_string()).collect()
}

/// All other choices.
pub(super) fn other_choices(choices: &TopicChoices) -> Vec<v1::TopicChoice> {
    let others = choices.iter().filter(|(_, own)| **own != ByChannel::all(Choice::OptIn));
    others
        .map(|(topic, own)| v1::TopicChoice {
            topic: topic.to_string(),
            push: v1::Choice::from(own.push).into(),
            in_app: v1::Choice::from(own.in_app).into(),
        })
        .collect()
}

/// Parses the changes of a request.
pub fn settings(wire: Vec<v1::PreferenceSetting>) -> Result<Vec<PreferenceSetting>, Invalid> {
    if wire.is_empty() {
        return Err(Invalid::new("changes", format!("is empty; must have 1 to {SETTINGS_MAX} entries")));
    }
    at_most("changes", wire.len(), SETTINGS_MAX)?;
    each("changes", wire, |wire| match required("setting", wire.setting)? {
        Setting::Topic(wire) => of_topic(&wire).map_err(|why| why.under("topic")),
        Setting::Stopped(stopped) => Ok(PreferenceSetting::Stopped(stopped)),
    })
}

/// Parses where a change comes from: 0 to 100 characters.
pub fn source(wire: &str) -> Result<String, Invalid> {
    customer::source("source", wire)
}

fn of_topic(wire: &v1::TopicSetting) -> Result<PreferenceSetting, Invalid> {
    let known = "UNSPECIFIED, PUSH or IN_APP";
    Ok(PreferenceSetting::Topic {
        topic: TopicId::parse("topic", &wire.topic)?,
        channel: match choice("channel", wire.channel, known)? {
            v1::Channel::Unspecified => None,
            v1::Channel::Push => Some(Channel::Push),
            v1::Channel::InApp => Some(Channel::InApp),
        },
        choice: chosen("choice", wire.choice)?,
    })
}

fn chosen(field: &str, wire: i32) -> Result<Option<Choice>, Invalid> {
    Ok(match choice(field, wire, "UNSPECIFIED, OPT_IN or OPT_OUT")? {
        v1::Choice::Unspecified => None,
        v1::Choice::OptIn => Some(Choice::OptIn),
        v1::Choice::OptOut => Some(Choice::OptOut),
    })
}

impl From<Option<Choice>> for v1::Choice {
    fn from(choice: Option<Choice>) -> Self {
        match choice {
            None => Self::Unspecified,
            Some(Choice::OptIn) => Self::OptIn,
            Some(Choice::OptOut) => Self::OptOut,
        }
    }
}

impl From<Channel> for v1::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Push => Self::Push,
            Channel::InApp => Self::InApp,
        }
    }
}

impl TryFrom<v1::PreferenceChange> for PreferenceChange {
    type Error = Invalid;

    fn try_from(wire: v1::PreferenceChange) -> Result<Self, Invalid> {
        let at = time::server_time("change_time", required("change_time", wire.change_time)?)?;
        Ok(Self {
            at,
            source: customer::source("source", &wire.source)?,
            change: match required("change", wire.change)? {
                Change::Topic(wire) => Preference::Set(of_topic(&wire).map_err(|why| why.under("topic"))?),
                Change::Stopped(stopped) => Preference::Set(PreferenceSetting::Stopped(stopped)),
                Change::LocationConsent(wire) => {
                    Preference::Consent(customer::consent(&wire, at).map_err(|why| why.under("location_consent"))?)
                }
                Change::ConsentExpired(_) => Preference::ConsentExpired,
            },
        })
    }
}

impl From<&PreferenceSetting> for v1::PreferenceSetting {
    fn from(setting: &PreferenceSetting) -> Self {
        let setting = match setting {
            PreferenceSetting::Topic { topic, channel, choice } => {
                Setting::Topic(topic_setting(topic, *channel, *choice))
            }
            PreferenceSetting::Stopped(stopped) => Setting::Stopped(*stopped),
        };
        Self { setting: Some(setting) }
    }
}

impl From<&PreferenceChange> for v1::PreferenceChange {
    fn from(change: &PreferenceChange) -> Self {
        Self {
            change_time: Some(change.at.into()),
            source: change.source.clone(),
            change: Some(match &change.change {
                Preference::Set(PreferenceSetting::Topic { topic, channel, choice }) => {
                    Change::Topic(topic_setting(topic, *channel, *choice))
                }
                Preference::Set(PreferenceSetting::Stopped(stopped)) => Change::Stopped(*stopped),
                Preference::Consent(consent) => Change::LocationConsent(consent.into()),
                Preference::ConsentExpired => Change::ConsentExpired(true),
            }),
        }
    }
}

fn topic_setting(topic: &TopicId, channel: Option<Channel>, choice: Option<Choice>) -> v1::TopicSetting {
    v1::TopicSetting {
        topic: topic.to_string(),
        channel: channel.map_or(v1::Channel::Unspecified, v1::Channel::from).into(),
        choice: v1::Choice::from(choice).into(),
    }
}
