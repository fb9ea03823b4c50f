//! How a customer's consent and preferences came to be what they are.

use super::channel::Channel;
use super::customer::{Customer, LocationConsent};
use super::ids::TopicId;
use super::time::ServerTime;
use super::topic::{ByChannel, Choice};
use std::collections::BTreeSet;

/// Most changes that are kept of one customer; of more, the latest are.
pub const CHANGES_MAX: usize = 100;
/// Most settings of one request.
pub const SETTINGS_MAX: usize = 100;

/// One change of what a customer agreed to, or wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceChange {
    /// When.
    pub at: ServerTime,
    /// Where it came from, such as `app-settings`.
    pub source: String,
    /// What became of it.
    pub change: Preference,
}

/// What a change led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preference {
    /// What a customer wants to hear of.
    Set(PreferenceSetting),
    /// A new answer about consent.
    Consent(LocationConsent),
    /// The consent expired.
    ConsentExpired,
}

/// One thing that a customer can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreferenceSetting {
    /// A choice about a topic.
    Topic {
        /// The topic.
        topic: TopicId,
        /// The channel; absent: every channel.
        channel: Option<Channel>,
        /// The choice; absent: none any more, and the topic's default holds.
        choice: Option<Choice>,
    },
    /// Whether the customer wants to hear nothing at all.
    Stopped(bool),
}

impl Customer {
    /// Sets what the customer wants to hear of. Setting the same twice changes nothing more.
    pub fn set(&mut self, setting: &PreferenceSetting) {
        match setting {
            PreferenceSetting::Topic { topic, channel, choice } => {
                let mut choices = self.topics.of(topic);
                for own in Channel::ALL.into_iter().filter(|own| channel.is_none_or(|channel| channel == *own)) {
                    choices.set(own, *choice);
                }
                self.topics.set(topic.clone(), choices);
            }
            PreferenceSetting::Stopped(stopped) => self.stopped = *stopped,
        }
    }
}

/// What was changed between two states of a customer: consent, then the stop, then topics by id.
pub fn changes(before: &Customer, after: &Customer, at: ServerTime, source: &str) -> Vec<PreferenceChange> {
    let consent = after.consent.as_ref().filter(|answer| before.consent.as_ref() != Some(*answer));
    let stopped = (before.stopped != after.stopped).then_some(PreferenceSetting::Stopped(after.stopped));
    let topics: BTreeSet<&TopicId> =
        before.topics.iter().chain(after.topics.iter()).map(|(topic, _)| topic).collect();
    let chosen = topics.into_iter().flat_map(|topic| chosen(topic, before.topics.of(topic), after.topics.of(topic)));
    let settings = stopped.into_iter().chain(chosen).map(Preference::Set);
    let all = consent.cloned().map(Preference::Consent).into_iter().chain(settings);
    all.map(|change| PreferenceChange { at, source: source.to_owned(), change }).collect()
}

/// What was changed about one topic: once where it became the same on every channel.
fn chosen(topic: &TopicId, before: ByChannel, after: ByChannel) -> Vec<PreferenceSetting> {
    let setting = |channel, choice| PreferenceSetting::Topic { topic: topic.clone(), channel, choice };
    if before == after {
        return Vec::new();
    }
    if after.push == after.in_app {
        return vec![setting(None, after.push)];
    }
    let changed = Channel::ALL.into_iter().filter(|channel| before.on(*channel) != after.on(*channel));
    changed.map(|channel| setting(Some(channel), after.on(channel))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CustomerId;

    fn topic(id: &str) -> TopicId {
        TopicId::parse("", id).unwrap()
    }

    fn about(id: &str, channel: Option<Channel>, choice: Option<Choice>) -> PreferenceSetting {
        PreferenceSetting::Topic { topic: topic(id), channel, choice }
    }

    /// What is left to tell of these settings, made one after the other.
    fn check(settings: &[PreferenceSetting], told: &[PreferenceSetting]) {
        let before = Customer::new(CustomerId::parse("", "ada").unwrap());
        let mut after = before.clone();
        for setting in settings {
            after.set(setting);
        }
        let found = changes(&before, &after, ServerTime(7), "app");
        assert!(found.iter().all(|change| change.at == ServerTime(7) && change.source == "app"));
        let wanted: Vec<Preference> = told.iter().cloned().map(Preference::Set).collect();
        assert_eq!(found.into_iter().map(|change| change.change).collect::<Vec<_>>(), wanted, "{settings:?}");
        let mut again = after.clone();
        for setting in told {
            again.set(setting);
        }
        assert_eq!(again, after, "setting it again changes nothing");
    }

    #[test]
    fn settings_add_up_and_are_told_as_they_stand() {
        use Channel::{InApp, Push};
        use Choice::{OptIn, OptOut};
        use PreferenceSetting::Stopped;
        check(&[], &[]);
        check(&[about("news", None, Some(OptIn))], &[about("news", None, Some(OptIn))]);
        check(
            &[about("news", Some(Push), Some(OptIn)), about("news", Some(InApp), Some(OptIn))],
            &[about("news", None, Some(OptIn))],
        );
        check(
            &[about("news", None, Some(OptIn)), about("news", Some(Push), Some(OptOut))],
            &[about("news", Some(Push), Some(OptOut)), about("news", Some(InApp), Some(OptIn))],
        );
        check(&[about("news", None, Some(OptOut)), about("news", None, None)], &[]);
        check(&[Stopped(true), Stopped(false)], &[]);
        check(
            &[about("b", None, Some(OptOut)), Stopped(true), about("a", Some(Push), Some(OptOut))],
            &[Stopped(true), about("a", Some(Push), Some(OptOut)), about("b", None, Some(OptOut))],
        );
    }
}
