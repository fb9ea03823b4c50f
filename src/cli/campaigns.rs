//! `doorstep campaigns`.

use super::connect::connect;
use super::output;
use anyhow::Context;
use clap::Subcommand;
use doorstep::files::read_campaigns;
use doorstep::wire::v1::{self, campaign_service_client::CampaignServiceClient};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum Campaigns {
    /// Add or replace the campaigns of a YAML file. The whole file is checked before the first one is sent.
    Apply {
        /// A YAML file with a list `campaigns`.
        #[arg(short, long)]
        file: PathBuf,
    },
    /// List campaigns.
    List {
        /// Only those on this topic.
        #[arg(long, default_value = "")]
        topic: String,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Stop a campaign from qualifying anybody.
    Pause {
        /// The campaign's id.
        campaign: String,
    },
    /// Let a paused campaign run again.
    Resume {
        /// The campaign's id.
        campaign: String,
    },
    /// Delete a campaign. What it caused before is still delivered.
    Delete {
        /// The campaign's id.
        campaign: String,
    },
}

impl Campaigns {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        match self {
            Self::Apply { file } => {
                let text =
                    std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let campaigns = read_campaigns(&text).with_context(|| format!("in {}", file.display()))?;
                let mut client = CampaignServiceClient::new(connect(server).await?);
                for campaign in &campaigns {
                    let request = v1::UpdateCampaignRequest {
                        campaign: Some(campaign.into()),
                        update_mask: Some(prost_types::FieldMask { paths: vec!["*".to_owned()] }),
                        allow_missing: true,
                    };
                    client
                        .update_campaign(request)
                        .await
                        .with_context(|| format!("cannot apply campaign {}", campaign.id))?;
                }
                output::line(&format!("{} campaigns applied", campaigns.len()));
                Ok(())
            }
            Self::List { topic, json } => {
                let campaigns = list(server, topic).await?;
                if json {
                    return campaigns.iter().try_for_each(|campaign| output::json("Campaign", campaign));
                }
                let row = |campaign: &v1::Campaign| {
                    [
                        output::id(&campaign.name).to_owned(),
                        output::kind(campaign.transition()),
                        campaign.topic.clone(),
                        campaign.priority.unwrap_or_default().to_string(),
                        if campaign.paused { "paused" } else { "running" }.to_owned(),
                        campaign.message.as_ref().map(|message| message.title.clone()).unwrap_or_default(),
                    ]
                };
                let rows: Vec<_> = campaigns.iter().map(row).collect();
                output::table(["CAMPAIGN", "ON", "TOPIC", "PRIORITY", "STATE", "MESSAGE"], &rows);
                Ok(())
            }
            Self::Pause { campaign } => pause(server, &campaign, true).await,
            Self::Resume { campaign } => pause(server, &campaign, false).await,
            Self::Delete { campaign } => {
                let request = v1::DeleteCampaignRequest { name: format!("campaigns/{campaign}") };
                CampaignServiceClient::new(connect(server).await?).delete_campaign(request).await?;
                output::line(&format!("campaign {campaign} deleted"));
                Ok(())
            }
        }
    }
}

async fn list(server: &str, topic: String) -> anyhow::Result<Vec<v1::Campaign>> {
    let mut client = CampaignServiceClient::new(connect(server).await?);
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = Some(v1::Page { size: 1_000, token });
        let answer =
            client.list_campaigns(v1::ListCampaignsRequest { page, topic: topic.clone() }).await?.into_inner();
        all.extend(answer.campaigns);
        token = answer.next_page_token;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

async fn pause(server: &str, campaign: &str, paused: bool) -> anyhow::Result<()> {
    let request = v1::UpdateCampaignRequest {
        campaign: Some(v1::Campaign { name: format!("campaigns/{campaign}"), paused, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["paused".to_owned()] }),
        allow_missing: false,
    };
    CampaignServiceClient::new(connect(server).await?).update_campaign(request).await?;
    output::line(&format!("campaign {campaign} is {}", if paused { "paused" } else { "running" }));
    Ok(())
}
