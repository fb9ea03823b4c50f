//! `doorstep triggers`.

use super::connect::connect;
use super::output;
use clap::Subcommand;
use doorstep::wire::v1::{self, decision_service_client::DecisionServiceClient};
use tokio_stream::StreamExt;

#[derive(Debug, Subcommand)]
pub(super) enum Triggers {
    /// Show each trigger as it becomes durable, until interrupted.
    Watch {
        /// Resume after this cursor, as the last line showed it. Without one, from the first trigger kept.
        #[arg(long, default_value = "")]
        cursor: String,
        /// Only triggers of this campaign.
        #[arg(long)]
        campaign: Option<String>,
        #[command(flatten)]
        zone: output::Zone,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
}

impl Triggers {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        let Self::Watch { cursor, campaign, zone, json } = self;
        let campaign = campaign.map(|id| output::full("campaigns", &id)).unwrap_or_default();
        let mut client = DecisionServiceClient::new(connect(server).await?);
        let mut triggers = client.watch_triggers(v1::WatchTriggersRequest { cursor, campaign }).await?.into_inner();
        while let Some(answer) = triggers.next().await.transpose()? {
            if json {
                output::json("WatchTriggersResponse", &answer)?;
                continue;
            }
            let trigger = answer.trigger.unwrap_or_default();
            output::line(&format!(
                "{}  {}  {}  {}  {}  cursor {}",
                zone.moment(trigger.create_time.as_ref()),
                output::state(trigger.state()),
                output::id(&trigger.campaign),
                output::id(&trigger.region),
                trigger.name,
                answer.cursor,
            ));
        }
        Ok(())
    }
}
