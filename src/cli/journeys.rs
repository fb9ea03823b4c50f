//! `doorstep journeys`.

use super::connect::connect;
use super::output;
use anyhow::Context;
use clap::Subcommand;
use doorstep::files::read_journeys;
use doorstep::model::Journey;
use doorstep::wire::v1::{self, journey_service_client::JourneyServiceClient};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Journeys {
    /// Add or replace the journeys of a YAML file. The whole file is checked before the first one is sent.
    Apply {
        /// A YAML file with a list `journeys`.
        #[arg(short, long)]
        file: PathBuf,
    },
    /// List journeys.
    List {
        /// Only those with this brand.
        #[arg(long, default_value = "")]
        brand: String,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Show all of a journey, as JSON.
    Show {
        /// The journey's id.
        journey: String,
    },
    /// Delete a journey that no campaign names.
    Delete {
        /// The journey's id.
        journey: String,
    },
}

impl Journeys {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        match self {
            Self::Apply { file } => apply(server, &file).await,
            Self::List { brand, json } => list(server, brand, json).await,
            Self::Show { journey } => {
                let request = v1::GetJourneyRequest { name: output::full("journeys", &journey) };
                let answer = JourneyServiceClient::new(connect(server).await?).get_journey(request).await?;
                output::pretty("Journey", &answer.into_inner().journey.unwrap_or_default())
            }
            Self::Delete { journey } => {
                let request = v1::DeleteJourneyRequest { name: output::full("journeys", &journey) };
                JourneyServiceClient::new(connect(server).await?).delete_journey(request).await?;
                output::line(&format!("journey {} deleted", output::id(&journey)));
                Ok(())
            }
        }
    }
}

async fn apply(server: &str, file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let journeys = read_journeys(&text).with_context(|| format!("in {shown}"))?;
    for (index, journey) in journeys.iter().enumerate() {
        let checked = Journey::try_from(v1::Journey::from(journey)).map_err(|why| why.at("journeys", index));
        checked.with_context(|| format!("in {shown}, nothing was applied"))?;
    }
    let mut client = JourneyServiceClient::new(connect(server).await?);
    for journey in &journeys {
        let request = v1::UpdateJourneyRequest {
            journey: Some(journey.into()),
            update_mask: Some(prost_types::FieldMask { paths: vec!["*".to_owned()] }),
            allow_missing: true,
        };
        client.update_journey(request).await.with_context(|| format!("cannot apply journey {}", journey.id))?;
    }
    output::line(&format!("{} applied", output::count(journeys.len(), "journey")));
    Ok(())
}

async fn list(server: &str, brand: String, json: bool) -> anyhow::Result<()> {
    let mut client = JourneyServiceClient::new(connect(server).await?);
    let mut rows = Vec::new();
    let mut token = String::new();
    loop {
        let page = Some(v1::Page { size: 1_000, token });
        let answer = client.list_journeys(v1::ListJourneysRequest { page, brand: brand.clone() }).await?.into_inner();
        for journey in &answer.journeys {
            if json {
                output::json("Journey", journey)?;
            }
            let stages: Vec<&str> = journey.stages.iter().map(|stage| stage.stage.as_str()).collect();
            rows.push([output::id(&journey.name).to_owned(), journey.brand.clone(), stages.join(" > ")]);
        }
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    if !json {
        output::list("journeys", ["JOURNEY", "BRAND", "STAGES"], &rows);
    }
    Ok(())
}
