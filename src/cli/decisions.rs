//! `doorstep decisions` and `doorstep explain`.

use super::connect::connect;
use super::output;
use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use doorstep::wire::v1::{self, decision_service_client::DecisionServiceClient};
use tonic::transport::Channel;

#[derive(Debug, Subcommand)]
pub(super) enum Decisions {
    /// List decisions, the newest first.
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
}

/// Explains decisions, step by step: the one of a given name, or the latest of a customer.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// A decision by its name, `customers/CUSTOMER/decisions/DECISION`, as `decisions list` shows it.
    #[arg(conflicts_with_all = ["customer", "region"])]
    decision: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// How many decisions at most.
    #[arg(long, default_value_t = 5, value_name = "N")]
    limit: usize,
    /// One line of JSON for each.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Filter {
    /// Only this customer's.
    #[arg(long)]
    customer: Option<String>,
    /// Only those that assessed this campaign.
    #[arg(long)]
    campaign: Option<String>,
    /// Only those with a transition of this region.
    #[arg(long)]
    region: Option<String>,
    /// Only those with this verdict.
    #[arg(long)]
    verdict: Option<Verdict>,
    /// Only those at or after this moment, such as 2026-07-15T12:00:00-06:00.
    #[arg(long, value_name = "MOMENT")]
    since: Option<jiff::Timestamp>,
    /// Only those before this moment.
    #[arg(long, value_name = "MOMENT")]
    until: Option<jiff::Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Verdict {
    /// A message was sent on its way.
    Qualified,
    /// A message was held back.
    Suppressed,
}

impl Filter {
    fn request(&self, size: usize, token: String) -> v1::ListDecisionsRequest {
        let named = |collection: &str, id: &Option<String>| {
            id.as_ref().map(|id| format!("{collection}/{}", output::id(id))).unwrap_or_default()
        };
        let moment = |time: jiff::Timestamp| prost_types::Timestamp {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        };
        v1::ListDecisionsRequest {
            parent: format!("customers/{}", self.customer.as_deref().map_or("-", output::id)),
            page: Some(v1::Page { size: i32::try_from(size.clamp(1, 1_000)).unwrap_or(1_000), token }),
            campaign: named("campaigns", &self.campaign),
            region: named("regions", &self.region),
            verdict: match self.verdict {
                Some(Verdict::Qualified) => v1::Verdict::Qualified,
                Some(Verdict::Suppressed) => v1::Verdict::Suppressed,
                None => v1::Verdict::Unspecified,
            }
            .into(),
            start_time: self.since.map(moment),
            end_time: self.until.map(moment),
        }
    }

    async fn list(
        &self,
        client: &mut DecisionServiceClient<Channel>,
        limit: usize,
    ) -> anyhow::Result<Vec<v1::Decision>> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let answer = client.list_decisions(self.request(limit - all.len(), token)).await?.into_inner();
            all.extend(answer.decisions);
            token = answer.next_page_token;
            if token.is_empty() || all.len() >= limit {
                all.truncate(limit);
                return Ok(all);
            }
        }
    }
}

impl Decisions {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        let Self::List { filter, limit, json } = self;
        let mut client = DecisionServiceClient::new(connect(server).await?);
        let decisions = filter.list(&mut client, limit.max(1)).await?;
        if json {
            return decisions.iter().try_for_each(|decision| output::json("Decision", decision));
        }
        let rows: Vec<_> = decisions.iter().map(row).collect();
        output::table(["TIME", "WHAT HAPPENED", "WHAT WAS SAID", "DECISION"], &rows);
        Ok(())
    }
}

fn row(decision: &v1::Decision) -> [String; 4] {
    let happened: Vec<String> = decision
        .transitions
        .iter()
        .map(|transition| format!("{} {}", output::kind(transition.kind()), output::id(&transition.region)))
        .collect();
    let said: Vec<String> = decision
        .assessments
        .iter()
        .map(|assessment| {
            let campaign = output::id(&assessment.campaign);
            match assessment.suppression.as_ref() {
                None => format!("sent {campaign}"),
                Some(suppression) => format!("no {campaign}: {}", output::reason(suppression.reason())),
            }
        })
        .collect();
    let nothing = || "-".to_owned();
    [
        output::moment(decision.decide_time.as_ref()),
        if happened.is_empty() { nothing() } else { happened.join(", ") },
        if said.is_empty() { nothing() } else { said.join(", ") },
        decision.name.clone(),
    ]
}

impl Explain {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        let mut client = DecisionServiceClient::new(connect(server).await?);
        let names = match &self.decision {
            Some(name) => vec![name.clone()],
            None if self.filter.customer.is_none() => {
                bail!("name a decision, as `doorstep decisions list` shows them, or give --customer")
            }
            None => {
                let decisions = self.filter.list(&mut client, self.limit.max(1)).await?;
                decisions.into_iter().map(|decision| decision.name).collect()
            }
        };
        if names.is_empty() {
            output::line(
                "Nothing is recorded: no ping of this customer caused such a transition. \
                 Was the phone there, did it report, and did it enter? `doorstep trace start` records every ping.",
            );
        }
        for name in names {
            let explained = client
                .explain_decision(v1::ExplainDecisionRequest { name: name.clone() })
                .await
                .with_context(|| format!("cannot explain {name}"))?
                .into_inner();
            if self.json {
                output::json("ExplainDecisionResponse", &explained)?;
                continue;
            }
            output::line(&name);
            for sentence in &explained.sentences {
                output::line(&format!("  {sentence}"));
            }
        }
        Ok(())
    }
}
