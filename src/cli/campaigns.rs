//! `doorstep campaigns`.

use super::connect::connect;
use super::output;
use super::regions;
use anyhow::{Context, bail};
use clap::Subcommand;
use doorstep::files::read_campaigns;
use doorstep::model::{Calendar, Campaign, CapScope, CapWindow, Invalid};
use doorstep::wire::v1::{self, campaign_service_client::CampaignServiceClient};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Campaigns {
    /// Add or replace the campaigns of a YAML file. The whole file, and that its regions exist, is checked before the
    /// first one is sent.
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
    /// Show all of a campaign, as JSON.
    Show {
        /// The campaign's id.
        campaign: String,
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
    /// Print a campaign's message as a customer would get it. Nothing is sent.
    Preview {
        /// The campaign's id.
        campaign: String,
        /// Take the campaign from this YAML file instead of the server; it is not stored.
        #[arg(short, long)]
        file: Option<PathBuf>,
        /// To whom. Without one, to somebody made up, of whom everything is known.
        #[arg(long)]
        customer: Option<String>,
        /// Where. Without it, in the first region to which the campaign applies.
        #[arg(long)]
        region: Option<String>,
        /// In which language, such as es-MX. Without it, in that of the customer's first device.
        #[arg(long, default_value = "")]
        locale: String,
        /// Which of the campaign's variants. Without it, the one that the customer gets.
        #[arg(long, default_value = "")]
        variant: String,
        /// The message as JSON.
        #[arg(long)]
        json: bool,
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
            Self::Apply { file } => apply(server, &file).await,
            Self::List { topic, json } => {
                let campaigns = list(server, topic).await?;
                if json {
                    return campaigns.iter().try_for_each(|campaign| output::json("Campaign", campaign));
                }
                let rows = campaigns.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
                let heading = ["CAMPAIGN", "STATE", "ON", "WHERE", "TOPIC", "PRIORITY", "LIMITS", "MESSAGE"];
                output::list("campaigns", heading, &rows);
                Ok(())
            }
            Self::Show { campaign } => {
                let request = v1::GetCampaignRequest { name: output::full("campaigns", &campaign) };
                let mut client = CampaignServiceClient::new(connect(server).await?);
                let answer = client.get_campaign(request).await?.into_inner();
                output::pretty("Campaign", &answer.campaign.unwrap_or_default())
            }
            Self::Pause { campaign } => pause(server, &campaign, true).await,
            Self::Resume { campaign } => pause(server, &campaign, false).await,
            Self::Preview { campaign, file, customer, region, locale, variant, json } => {
                let full = |kind: &str, id: Option<String>| id.map(|id| output::full(kind, &id)).unwrap_or_default();
                let request = v1::PreviewMessageRequest {
                    campaign: Some(super::preview::campaign(&campaign, file.as_deref())?),
                    customer: full("customers", customer),
                    region: full("regions", region),
                    locale,
                    time: None,
                    variant,
                };
                super::preview::run(server, request, json).await
            }
            Self::Delete { campaign } => {
                let request = v1::DeleteCampaignRequest { name: output::full("campaigns", &campaign) };
                CampaignServiceClient::new(connect(server).await?).delete_campaign(request).await?;
                output::line(&format!("campaign {} deleted", output::id(&campaign)));
                Ok(())
            }
        }
    }
}

/// Checks all of the file, then sends its campaigns one by one.
async fn apply(server: &str, file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let campaigns = read_campaigns(&text).with_context(|| format!("in {shown}"))?;
    let mut bad: Vec<Invalid> = repeated(&campaigns);
    for (index, campaign) in campaigns.iter().enumerate() {
        bad.extend(Campaign::try_from(v1::Campaign::from(campaign)).err().map(|why| why.at("campaigns", index)));
    }
    complain_of(file, &bad)?;
    let mut client = regions::client(server).await?;
    let known = regions::regions(&mut client, &regions::Filter::default()).await?;
    let known: BTreeSet<&str> = known.iter().map(|region| output::id(&region.name)).collect();
    for (index, campaign) in campaigns.iter().enumerate() {
        let missing = campaign.regions.regions.iter().filter(|region| !known.contains(region.as_str()));
        let problem = |region| format!("names {region}; there is no such region on the server");
        bad.extend(missing.map(|region| Invalid::new("regions", problem(region)).at("campaigns", index)));
    }
    complain_of(file, &bad)?;
    let mut client = CampaignServiceClient::new(connect(server).await?);
    let mut applied: Vec<String> = Vec::new();
    for campaign in &campaigns {
        let request = v1::UpdateCampaignRequest {
            campaign: Some(campaign.into()),
            update_mask: Some(prost_types::FieldMask { paths: vec!["*".to_owned()] }),
            allow_missing: true,
        };
        client.update_campaign(request).await.with_context(|| {
            let before = if applied.is_empty() { "none".to_owned() } else { applied.join(", ") };
            format!("cannot apply campaign {} (applied before it: {before})", campaign.id)
        })?;
        applied.push(campaign.id.to_string());
    }
    output::line(&format!("{} applied", output::count(applied.len(), "campaign")));
    Ok(())
}

/// The campaigns whose id came before in the file.
fn repeated(campaigns: &[Campaign]) -> Vec<Invalid> {
    let mut seen = BTreeSet::new();
    let again = campaigns.iter().enumerate().filter(|(_, campaign)| !seen.insert(&campaign.id));
    let problem = |campaign: &Campaign| format!("is {}, which came before; each may come once", campaign.id);
    again.map(|(index, campaign)| Invalid::new("id", problem(campaign)).at("campaigns", index)).collect()
}

fn complain_of(file: &Path, bad: &[Invalid]) -> anyhow::Result<()> {
    if bad.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = bad.iter().map(ToString::to_string).collect();
    bail!("in {}, nothing was applied: {}", file.display(), all.join("; "))
}

fn row(campaign: v1::Campaign) -> Result<[String; 8], Invalid> {
    let campaign = Campaign::try_from(campaign)?;
    Ok([
        campaign.id.to_string(),
        if campaign.paused { "paused" } else { "running" }.to_owned(),
        output::kind(v1::TransitionKind::from(campaign.on)),
        places(&campaign),
        campaign.topic.to_string(),
        campaign.priority.to_string(),
        limits(&campaign),
        campaign.message.title,
    ])
}

/// Where it applies: `brand roost, tag cafe`.
fn places(campaign: &Campaign) -> String {
    let of = &campaign.regions;
    let brands = of.brands.iter().map(|brand| format!("brand {brand}"));
    let tags = of.tags.iter().map(|tag| format!("tag {tag}"));
    let regions = of.regions.iter().map(|region| format!("region {region}"));
    output::few(&brands.chain(tags).chain(regions).collect::<Vec<_>>(), 3)
}

/// What holds it back: `quiet 4 h for the brand, 1 in 1 d for the customer`.
fn limits(campaign: &Campaign) -> String {
    let quiet = &campaign.cooldown;
    let quiet_visit = quiet.visit;
    let quiet = [("region", quiet.region), ("place", quiet.place), ("brand", quiet.brand)];
    let quiet = quiet.into_iter().filter_map(|(what, span)| Some(format!("quiet {} for the {what}", span?)));
    let caps = campaign.caps.iter().map(|cap| {
        let scope = match cap.scope {
            CapScope::Customer => "customer",
            CapScope::Brand => "brand",
            CapScope::Topic => "topic",
            CapScope::Place => "place",
            CapScope::Campaign => "campaign",
        };
        match cap.window {
            CapWindow::Rolling(window) => format!("{} in {window} for the {scope}", cap.limit),
            CapWindow::Calendar(Calendar::Day) => format!("{} each day for the {scope}", cap.limit),
            CapWindow::Calendar(Calendar::Week) => format!("{} each week for the {scope}", cap.limit),
        }
    });
    let audience = campaign.audience.is_some().then(|| "its audience alone".to_owned());
    let visit = quiet_visit.then(|| "one message a visit".to_owned());
    let hours = campaign.hours.iter().map(|span| format!("{} {}", span.days, span.hours));
    let gap = campaign.min_gap.map(|gap| format!("{gap} after any other"));
    let free = campaign.transactional.then(|| "transactional".to_owned());
    let all: Vec<String> =
        free.into_iter().chain(hours).chain(quiet).chain(visit).chain(gap).chain(caps).chain(audience).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
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
        campaign: Some(v1::Campaign { name: output::full("campaigns", campaign), paused, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["paused".to_owned()] }),
        allow_missing: false,
    };
    CampaignServiceClient::new(connect(server).await?).update_campaign(request).await?;
    output::line(&format!("campaign {} is {}", output::id(campaign), if paused { "paused" } else { "running" }));
    Ok(())
}
