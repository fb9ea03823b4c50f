//! `doorstep topics`.

use super::connect::connect;
use super::output;
use anyhow::Context;
use clap::Subcommand;
use doorstep::files::read_topics;
use doorstep::model::Topic;
use doorstep::wire::v1::{self, topic_service_client::TopicServiceClient};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Topics {
    /// Add or replace the topics of a YAML file. The whole file is checked before the first one is sent.
    Apply {
        /// A YAML file with a list `topics`.
        #[arg(short, long)]
        file: PathBuf,
    },
    /// List topics, and whether customers have to opt in or out.
    List {
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Show a topic, as JSON.
    Show {
        /// The topic's id.
        topic: String,
    },
    /// Delete a topic: from then on it is opt-in, like all that nobody registered.
    Delete {
        /// The topic's id.
        topic: String,
    },
}

impl Topics {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        match self {
            Self::Apply { file } => apply(server, &file).await,
            Self::List { json } => list(server, json).await,
            Self::Show { topic } => {
                let request = v1::GetTopicRequest { name: output::full("topics", &topic) };
                let answer = TopicServiceClient::new(connect(server).await?).get_topic(request).await?;
                output::pretty("Topic", &answer.into_inner().topic.unwrap_or_default())
            }
            Self::Delete { topic } => {
                let request = v1::DeleteTopicRequest { name: output::full("topics", &topic) };
                TopicServiceClient::new(connect(server).await?).delete_topic(request).await?;
                output::line(&format!("topic {} deleted", output::id(&topic)));
                Ok(())
            }
        }
    }
}

async fn apply(server: &str, file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let topics = read_topics(&text).with_context(|| format!("in {shown}"))?;
    for (index, topic) in topics.iter().enumerate() {
        let checked = Topic::try_from(v1::Topic::from(topic)).map_err(|why| why.at("topics", index));
        checked.with_context(|| format!("in {shown}, nothing was applied"))?;
    }
    let mut client = TopicServiceClient::new(connect(server).await?);
    for topic in &topics {
        let request = v1::UpdateTopicRequest {
            topic: Some(topic.into()),
            update_mask: Some(prost_types::FieldMask { paths: vec!["*".to_owned()] }),
            allow_missing: true,
        };
        client.update_topic(request).await.with_context(|| format!("cannot apply topic {}", topic.id))?;
    }
    output::line(&format!("{} applied", output::count(topics.len(), "topic")));
    Ok(())
}

async fn list(server: &str, json: bool) -> anyhow::Result<()> {
    let mut client = TopicServiceClient::new(connect(server).await?);
    // There are at most 100.
    let page = Some(v1::Page { size: 1_000, ..Default::default() });
    let topics = client.list_topics(v1::ListTopicsRequest { page }).await?.into_inner().topics;
    if json {
        return topics.iter().try_for_each(|topic| output::json("Topic", topic));
    }
    let row = |topic: &v1::Topic| {
        let default = match topic.topic_default() {
            v1::TopicDefault::Unspecified | v1::TopicDefault::OptIn => "opt in",
            v1::TopicDefault::OptOut => "opt out",
        };
        [output::id(&topic.name).to_owned(), topic.display_name.clone(), default.to_owned()]
    };
    let rows: Vec<[String; 3]> = topics.iter().map(row).collect();
    output::list("topics", ["TOPIC", "NAME", "CUSTOMERS"], &rows);
    Ok(())
}
