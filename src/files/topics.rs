//! Topics as YAML: a list under `topics`.

use super::FileError;
use crate::model::{Channel, Choice, Invalid, PreferenceSetting, Topic, TopicDefault, TopicId};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    topics: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    name: Option<String>,
    default: DefaultWord,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DefaultWord {
    OptIn,
    OptOut,
}

/// Reads topics. An error names line and column, or the topic by its index.
pub fn read_topics(text: &str) -> Result<Vec<Topic>, FileError> {
    let file: File = serde_norway::from_str(text)?;
    let topics = file.topics.into_iter().enumerate();
    Ok(topics.map(|(index, entry)| topic(entry).map_err(|why| why.at("topics", index))).collect::<Result<_, _>>()?)
}

/// Reads what a customer chose about a topic: `offers=in`, `news=out`, `news.push=out`, `news.in-app=in`, or
/// `deals=default` for no choice any more.
pub fn read_choice(text: &str) -> Result<PreferenceSetting, Invalid> {
    let wrong = || {
        let shown: String = text.chars().take(80).collect();
        Invalid::new("choice", format!("is {shown:?}; must be such as offers=in, news.push=out or deals=default"))
    };
    let (what, word) = text.split_once('=').ok_or_else(wrong)?;
    let choice = match word {
        "in" => Some(Choice::OptIn),
        "out" => Some(Choice::OptOut),
        "default" => None,
        _ => return Err(wrong()),
    };
    // An id may hold a dot, too.
    let ends = |channel: &Channel| Some((what.strip_suffix(channel.word())?.strip_suffix('.')?, Some(*channel)));
    let (topic, channel) = Channel::ALL.iter().find_map(ends).unwrap_or((what, None));
    Ok(PreferenceSetting::Topic { topic: TopicId::parse("topic", topic)?, channel, choice })
}

fn topic(entry: Entry) -> Result<Topic, Invalid> {
    Ok(Topic {
        display_name: entry.name.unwrap_or_else(|| entry.id.clone()),
        id: TopicId::parse("id", &entry.id)?,
        default: match entry.default {
            DefaultWord::OptIn => TopicDefault::OptIn,
            DefaultWord::OptOut => TopicDefault::OptOut,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads() {
        for (text, topic, channel, choice) in [
            ("offers=in", "offers", None, Some(Choice::OptIn)),
            ("news.push=out", "news", Some(Channel::Push), Some(Choice::OptOut)),
            ("a.b.in-app=default", "a.b", Some(Channel::InApp), None),
        ] {
            let topic = TopicId::parse("", topic).unwrap();
            assert_eq!(read_choice(text).unwrap(), PreferenceSetting::Topic { topic, channel, choice }, "{text}");
        }
        for text in ["offers", "offers=yes", "=in", ".push=in"] {
            assert!(read_choice(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_topic_reads_and_a_refusal_says_where() {
        let text = "topics:\n- { id: offers, default: opt_in }\n- { id: service, name: Notices, default: opt_out }\n";
        let topics = read_topics(text).unwrap();
        let read: Vec<_> =
            topics.iter().map(|own| (own.id.as_str(), own.display_name.as_str(), own.default)).collect();
        let wanted = [("offers", "offers", TopicDefault::OptIn), ("service", "Notices", TopicDefault::OptOut)];
        assert_eq!(read, wanted);
        let refusal = read_topics(&text.replace("id: service", "id: a b")).unwrap_err();
        assert!(refusal.to_string().starts_with("topics[1].id"), "{refusal}");
        assert!(read_topics(&text.replace("opt_out", "maybe")).is_err());
    }
}
