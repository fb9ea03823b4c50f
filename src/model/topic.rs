//! What messages are about, and what each customer wants to hear of.

use super::channel::Channel;
use super::ids::TopicId;
use std::collections::BTreeMap;

/// Most topics in the catalogue: a customer has room to choose about each of them.
pub const TOPICS_MAX: usize = 100;

/// What messages are about, as the catalogue lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its id.
    pub id: TopicId,
    /// What people call it.
    pub display_name: String,
    /// What holds for customers who did not choose.
    pub default: TopicDefault,
}

/// What holds for customers who did not choose about a topic. One that nobody registered is opt-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TopicDefault {
    /// They hear nothing of it: whoever wants to has to opt in.
    #[default]
    OptIn,
    /// They hear of it: whoever does not want to has to opt out.
    OptOut,
}

/// What a customer chose about a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// To hear of it.
    OptIn,
    /// To hear nothing of it.
    OptOut,
}

/// What a customer chose about one topic, channel by channel. Absent: nothing, and the topic's default holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByChannel {
    /// For push.
    pub push: Option<Choice>,
    /// For messages in the app.
    pub in_app: Option<Choice>,
}

impl ByChannel {
    /// The same on every channel.
    pub fn all(choice: Choice) -> Self {
        Self { push: Some(choice), in_app: Some(choice) }
    }

    /// What was chosen for a channel.
    pub fn on(&self, channel: Channel) -> Option<Choice> {
        match channel {
            Channel::Push => self.push,
            Channel::InApp => self.in_app,
        }
    }

    /// Whether a message through a channel is wanted: as chosen, else as the topic's default says.
    pub fn wants(&self, default: TopicDefault, channel: Channel) -> bool {
        match (self.on(channel), default) {
            (Some(Choice::OptIn), _) | (None, TopicDefault::OptOut) => true,
            (Some(Choice::OptOut), _) | (None, TopicDefault::OptIn) => false,
        }
    }

    /// Chooses for a channel.
    pub fn set(&mut self, channel: Channel, choice: Option<Choice>) {
        match channel {
            Channel::Push => self.push = choice,
            Channel::InApp => self.in_app = choice,
        }
    }

    /// Whether nothing was chosen.
    pub fn is_empty(&self) -> bool {
        self.push.is_none() && self.in_app.is_none()
    }
}

/// What a customer chose about topics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicChoices {
    by_topic: BTreeMap<TopicId, ByChannel>,
}

impl TopicChoices {
    /// Opts in to a topic on every channel.
    pub fn opt_in(&mut self, topic: TopicId) {
        self.set(topic, ByChannel::all(Choice::OptIn));
    }

    /// Chooses about a topic, whatever was chosen before; nothing chosen leaves nothing behind.
    pub fn set(&mut self, topic: TopicId, choices: ByChannel) {
        if choices.is_empty() {
            self.by_topic.remove(&topic);
        } else {
            self.by_topic.insert(topic, choices);
        }
    }

    /// What was chosen about a topic.
    pub fn of(&self, topic: &TopicId) -> ByChannel {
        self.by_topic.get(topic).copied().unwrap_or_default()
    }

    /// All topics about which something was chosen, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicId, &ByChannel)> {
        self.by_topic.iter()
    }

    /// About how many topics something was chosen.
    pub fn len(&self) -> usize {
        self.by_topic.len()
    }

    /// Whether nothing was chosen.
    pub fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }
}

impl FromIterator<(TopicId, ByChannel)> for TopicChoices {
    fn from_iter<I: IntoIterator<Item = (TopicId, ByChannel)>>(all: I) -> Self {
        let mut choices = Self::default();
        for (topic, own) in all {
            choices.set(topic, own);
        }
        choices
    }
}
