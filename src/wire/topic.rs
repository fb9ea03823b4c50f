//! Topics.

use super::place::display_name;
use super::{choice, name, v1};
use crate::model::{Invalid, Topic, TopicDefault};

impl TryFrom<v1::Topic> for Topic {
    type Error = Invalid;

    fn try_from(wire: v1::Topic) -> Result<Self, Invalid> {
        let id = name::topic("name", &wire.name)?;
        Ok(Self {
            display_name: display_name(&wire.display_name, id.as_str())?,
            default: match choice("topic_default", wire.topic_default, "UNSPECIFIED, OPT_IN or OPT_OUT")? {
                v1::TopicDefault::Unspecified | v1::TopicDefault::OptIn => TopicDefault::OptIn,
                v1::TopicDefault::OptOut => TopicDefault::OptOut,
            },
            id,
        })
    }
}

impl From<&Topic> for v1::Topic {
    fn from(topic: &Topic) -> Self {
        Self {
            name: name::topic_name(&topic.id),
            display_name: topic.display_name.clone(),
            topic_default: match topic.default {
                TopicDefault::OptIn => v1::TopicDefault::OptIn,
                TopicDefault::OptOut => v1::TopicDefault::OptOut,
            }
            .into(),
        }
    }
}
