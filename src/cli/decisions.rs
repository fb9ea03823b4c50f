//! `doorstep decisions` and `doorstep explain`.

use super::connect::connect;
use super::customers;
use super::output;
use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use doorstep::wire::v1::{self, decision_service_client::DecisionServiceClient};
use tonic::transport::Channel;
use v1::customer_service_client::CustomerServiceClient;

/// Most names of one kind in a row.
const NAMES_MAX: usize = 3;
/// Most sentences of one decision, besides the evidence.
const SENTENCES_MAX: usize = 20;

#[derive(Debug, Subcommand)]
pub(super) enum Decisions {
    /// List decisions, the newest first.
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        #[command(flatten)]
        zone: output::Zone,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
}

/// Explains decisions, step by step: the one of a given name, or the latest of a customer. Times are those of the
/// place at hand; the last sentence names its time zone.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// A decision by its name, `customers/CUSTOMER/decisions/DECISION`, as `decisions list` shows it.
    #[arg(conflicts_with_all = ["customer", "campaign", "region", "verdict", "since", "until", "limit"])]
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
    /// A message qualified, to be delivered.
    Qualified,
    /// A message was held back.
    Suppressed,
    /// A message waits, or waited.
    Held,
}

impl Filter {
    fn request(&self, size: usize, token: String) -> v1::ListDecisionsRequest {
        let named = |collection: &str, id: &Option<String>| {
            id.as_ref().map(|id| output::full(collection, id)).unwrap_or_default()
        };
        let moment = |time: jiff::Timestamp| prost_types::Timestamp {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        };
        v1::ListDecisionsRequest {
            parent: output::full("customers", self.customer.as_deref().unwrap_or("-")),
            page: Some(v1::Page { size: i32::try_from(size.clamp(1, 1_000)).unwrap_or(1_000), token }),
            campaign: named("campaigns", &self.campaign),
            region: named("regions", &self.region),
            verdict: match self.verdict {
                Some(Verdict::Qualified) => v1::Verdict::Qualified,
                Some(Verdict::Suppressed) => v1::Verdict::Suppressed,
                Some(Verdict::Held) => v1::Verdict::Held,
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
        let Self::List { filter, limit, zone, json } = self;
        let mut client = DecisionServiceClient::new(connect(server).await?);
        let decisions = filter.list(&mut client, limit.max(1)).await?;
        if json {
            return decisions.iter().try_for_each(|decision| output::json("Decision", decision));
        }
        let rows: Vec<_> = decisions.iter().map(|decision| row(decision, &zone)).collect();
        output::list("decisions", [&zone.heading("TIME"), "WHAT HAPPENED", "WHAT WAS SAID", "DECISION"], &rows);
        Ok(())
    }
}

fn row(decision: &v1::Decision, zone: &output::Zone) -> [String; 4] {
    let mut happened = Groups::default();
    for transition in &decision.transitions {
        happened.add(output::kind(transition.kind()), output::id(&transition.region));
    }
    let (mut qualified, mut suppressed) = (Groups::default(), Groups::default());
    for assessment in &decision.assessments {
        let campaign = output::id(&assessment.campaign);
        match &assessment.suppression {
            None if assessment.verdict() == v1::Verdict::Held => suppressed.add("held".to_owned(), campaign),
            None => qualified.add("qualified".to_owned(), campaign),
            Some(suppression) => suppressed.add(format!("{}:", output::reason(suppression.reason())), campaign),
        }
    }
    let said: Vec<String> =
        [qualified.tell(), suppressed.tell()].into_iter().filter(|part| !part.is_empty()).collect();
    let or_nothing = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    [
        zone.moment(decision.decide_time.as_ref()),
        or_nothing(happened.tell()),
        or_nothing(said.join("; ")),
        decision.name.clone(),
    ]
}

/// Names under labels, each once, both in the order in which they came.
#[derive(Default)]
struct Groups(Vec<(String, Vec<String>)>);

impl Groups {
    fn add(&mut self, label: String, name: &str) {
        if let Some((_, names)) = self.0.iter_mut().find(|(known, _)| *known == label) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        } else {
            self.0.push((label, vec![name.to_owned()]));
        }
    }

    /// `enter a, b, c and 2 more; exit d`.
    fn tell(&self) -> String {
        let parts = self.0.iter().map(|(label, names)| format!("{label} {}", output::few(names, NAMES_MAX)));
        parts.collect::<Vec<_>>().join("; ")
    }
}

impl Explain {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        let channel = connect(server).await?;
        let mut client = DecisionServiceClient::new(channel.clone());
        let names = match (&self.decision, &self.filter.customer) {
            (Some(name), _) => vec![full(name)],
            (None, None) => bail!("name a decision, as `doorstep decisions list` shows them, or give --customer"),
            (None, Some(customer)) => {
                if let Some(why) = silence(channel, customer).await? {
                    self.note(&why);
                    return Ok(());
                }
                let decisions = self.filter.list(&mut client, self.limit.max(1)).await?;
                decisions.into_iter().map(|decision| decision.name).collect()
            }
        };
        if names.is_empty() {
            self.note(
                "Nothing is recorded: no ping of this customer caused such a transition. \
                 Was the phone there, did it report, and did it enter? `doorstep trace start` records every ping.",
            );
        }
        for name in names {
            let request = v1::ExplainDecisionRequest { name: name.clone() };
            let explained = client.explain_decision(request).await;
            let explained = explained.with_context(|| format!("cannot explain {name}"))?.into_inner();
            if self.json {
                output::json("ExplainDecisionResponse", &explained)?;
            } else {
                tell(&name, &explained.sentences);
            }
        }
        Ok(())
    }

    /// Says to people, not to programs, why there is nothing to say.
    fn note(&self, text: &str) {
        if !self.json {
            output::line(text);
        }
    }
}

/// Why nothing can be recorded of a customer, where that is so. An error when there is no such customer.
async fn silence(channel: Channel, customer: &str) -> anyhow::Result<Option<String>> {
    let mut client = CustomerServiceClient::new(channel);
    let known = customers::get(&mut client, customer).await?;
    let id = output::id(&known.name);
    if known.location_consent.as_ref().is_some_and(customers::expired) {
        return Ok(Some(format!("the consent of {id} to location messaging has expired, so nothing is processed.")));
    }
    if !known.location_consent.as_ref().is_some_and(|consent| consent.granted) {
        return Ok(Some(format!("{id} has not granted consent for location messaging, so nothing is processed.")));
    }
    let devices = customers::devices(&mut client, &known.name).await?;
    Ok(devices.is_empty().then(|| format!("{id} has no device, so nothing is reported.")))
}

/// The full name of a decision that is given as `CUSTOMER/DECISION` or in full.
fn full(decision: &str) -> String {
    match decision.split_once('/') {
        Some((customer, id)) if !id.contains('/') => format!("customers/{customer}/decisions/{id}"),
        _ => decision.to_owned(),
    }
}

/// The first sentences and the last, which is the evidence.
fn tell(name: &str, sentences: &[String]) {
    output::line(name);
    let Some((evidence, told)) = sentences.split_last() else { return };
    for sentence in told.iter().take(SENTENCES_MAX) {
        output::line(&format!("  {sentence}"));
    }
    if told.len() > SENTENCES_MAX {
        output::line(&format!("  … and {} more; --json shows all.", told.len() - SENTENCES_MAX));
    }
    output::line(&format!("  {evidence}"));
}
