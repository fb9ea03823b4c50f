//! A story: three people walk down the same street on the same evening, and three different things happen.
//!
//! The server is the real one, as in the demo. Who the people are stands in `fixtures/story`; what became of each of
//! them, and why, is what the server says.

use crate::client::Client;
use crate::demo::{self, DemoArgs};
use crate::noise::Noise;
use crate::phone::Phone;
use crate::pings;
use crate::receiver::{Received, Receiver};
use crate::route::Route;
use crate::timeline::{Names, Printer, Tone, clock, tally};
use crate::track::Track;
use anyhow::{Context, Result, ensure};
use doorstep::files::{Defaults, Roster, Told, read_campaigns, read_customers, read_events, read_regions};
use doorstep::model::{
    Assessment, Campaign, Decision, DecisionId, Millis, Ping, Sequence, ServerTime, TransitionKind, Verdict,
};
use doorstep::wire::name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The widest line of prose.
const WIDTH: usize = 100;
/// Pings in one batch.
const BATCH: usize = 5;

#[derive(Debug, Deserialize)]
struct Script {
    title: String,
    lead: String,
    people: Vec<Person>,
}

#[derive(Debug, Deserialize)]
struct Person {
    customer: String,
    name: String,
    who: String,
}

/// What became of everybody. Its JSON form is a contract: fields may be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StorySummary {
    /// By customer.
    pub people: BTreeMap<String, Fate>,
}

/// What became of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// Titles of the messages that arrived, in their order.
    pub received: Vec<String>,
    /// How often a message waited for its hour.
    pub held: usize,
    /// Messages that were held back, by reason.
    pub held_back: BTreeMap<String, u64>,
}

/// One of the people on their way.
struct Walker<'s> {
    person: &'s Person,
    roster: &'s Roster,
    route: Route,
    phone: Phone,
}

/// Tells the story. Fails when a message that was sent did not arrive.
pub async fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<StorySummary> {
    let folder = demo::fixtures(args.fixtures.as_deref())?.join("story");
    let script = read(&folder, "story.json")?;
    let script: Script = serde_json::from_str(&script).context("story.json")?;
    let data =
        tempfile::Builder::new().prefix("doorstep-story-").tempdir().context("cannot make a data directory")?;
    let receiver = Receiver::start(demo::SECRET).await?;
    let server = demo::start(data.path(), &receiver.url()).await?;
    let client = Client::connect(&format!("http://{}", server.local_addr())).await?;
    let rosters = register(&client, &folder).await?;

    writeln!(out, "{}\n\n{}", script.title.to_uppercase(), wrapped(&script.lead, ""))?;
    let evening = walk(args, &folder, &script, &rosters, &client, &receiver).await?;
    let names = client.names().await?;
    let printer = Printer::for_stdout(names.time_zone());
    let told = Telling { names, received: receiver.received(), printer };
    let mut summary = StorySummary { people: BTreeMap::new() };
    for (walker, decisions, sentences) in &evening {
        told.tell(out, walker, decisions, sentences)?;
        summary.people.insert(walker.person.customer.clone(), told.fate(decisions));
    }
    drop((evening, client));
    server.drain().await.context("the server did not end well")?;
    writeln!(out, "\nThree people, one street, one evening. Nothing above was written by hand but who they are.")?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    }
    Ok(summary)
}

fn read(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Registers shops, campaigns, people, and what they did before.
async fn register(client: &Client, folder: &Path) -> Result<Vec<Roster>> {
    let (places, regions) =
        read_regions(&read(folder, "regions.geojson")?, &Defaults::default()).context("regions.geojson")?;
    client.upsert_regions(&places, &regions).await?;
    for campaign in read_campaigns(&read(folder, "campaigns.yaml")?).context("campaigns.yaml")? {
        client.upsert_campaign(&campaign).await?;
    }
    let rosters =
        read_customers(&read(folder, "customers.yaml")?, ServerTime::default()).context("customers.yaml")?;
    for Roster { customer, devices } in &rosters {
        client.upsert_customer(customer, devices).await?;
    }
    let events: Vec<Told> = read_events(&read(folder, "events.yaml")?).context("events.yaml")?;
    client.record_events(&events).await?;
    Ok(rosters)
}

type Evening<'s> = Vec<(Walker<'s>, Vec<Decision>, BTreeMap<DecisionId, Vec<String>>)>;

/// Lets everybody walk, ping by ping in the order of time, and gives what the server decided about each.
async fn walk<'s>(
    args: &DemoArgs,
    folder: &Path,
    script: &'s Script,
    rosters: &'s [Roster],
    client: &Client,
    receiver: &Receiver,
) -> Result<Evening<'s>> {
    let mut walkers = Vec::new();
    let mut line: Vec<(usize, Ping)> = Vec::new();
    for (index, person) in script.people.iter().enumerate() {
        let roster = rosters.iter().find(|roster| roster.customer.id.as_str() == person.customer);
        let roster =
            roster.with_context(|| format!("story.json has {}, whom customers.yaml lacks", person.customer))?;
        let device = roster.devices.first().with_context(|| format!("{} has no device", person.customer))?;
        let route = Route::new(&Track::read(&folder.join(format!("{}.gpx", person.customer)))?, 1.4, None)?;
        let mut noise = Noise::new(args.noise, args.seed + index as u64);
        let pings = pings::walk(&route, Millis::from_secs(args.every), &mut noise, &[], Sequence(1));
        line.extend(pings.into_iter().map(|ping| (index, ping)));
        let phone = Phone::new(client.channel(), name::device_name(&roster.customer.id, &device.id).as_str(), BATCH);
        walkers.push(Walker { person, roster, route, phone });
    }
    line.sort_by_key(|(index, ping)| (ping.observed, *index));
    for (index, ping) in &line {
        let Some(walker) = walkers.get_mut(*index) else { continue };
        walker.phone.take(ping).await?;
    }
    let mut evening = Vec::new();
    for mut walker in walkers {
        walker.phone.flush().await?;
        let id = &walker.roster.customer.id;
        let decisions = client.decisions(id, walker.route.start(), walker.route.end()).await?;
        let sentences = client.sentences(&decisions).await?;
        evening.push((walker, decisions, sentences));
    }
    let sent = evening.iter().map(|(_, decisions, _)| tally(decisions).sent.len()).sum();
    let received = receiver.wait_for(sent, demo::ARRIVE_WITHIN).await;
    ensure!(received.alerts.len() == sent, "{sent} messages were sent, and {} arrived", received.alerts.len());
    Ok(evening)
}

/// How it is told.
struct Telling {
    names: Names,
    received: Received,
    printer: Printer,
}

impl Telling {
    fn tell(
        &self,
        out: &mut dyn Write,
        walker: &Walker<'_>,
        decisions: &[Decision],
        sentences: &BTreeMap<DecisionId, Vec<String>>,
    ) -> Result<()> {
        let Person { name, who, .. } = walker.person;
        writeln!(out, "\n{}\n{}", name.to_uppercase(), wrapped(who, ""))?;
        for decision in decisions.iter().filter(|own| !own.assessments.is_empty()) {
            let at = clock(decision.decided.0, &self.printer.zone, "%H:%M:%S");
            writeln!(out, "  {at}  {}", self.happened(name, decision))?;
            let said = sentences.get(&decision.id).into_iter().flatten();
            for sentence in said.filter(|sentence| self.is_of_a_campaign(sentence)) {
                writeln!(out, "            {}", wrapped(sentence, "              "))?;
            }
            for (title, body) in decision.assessments.iter().filter_map(|own| self.message(own)) {
                let text = format!("            {name}'s phone: “{title}” — {body}");
                writeln!(out, "{}", self.printer.paint(Tone::Sent, &text))?;
            }
        }
        Ok(())
    }

    fn happened(&self, name: &str, decision: &Decision) -> String {
        let region = decision.assessments.first().map(|own| self.names.region(&own.region)).unwrap_or_default();
        match decision.transitions.iter().map(|own| own.kind).next() {
            Some(TransitionKind::Enter) => format!("{name} comes to {region}."),
            Some(TransitionKind::Dwell) => format!("{name} has stayed at {region} for a while."),
            Some(TransitionKind::Exit) => format!("{name} leaves {region}."),
            Some(TransitionKind::Approach) => format!("{name} comes near {region}."),
            Some(TransitionKind::Pass) => format!("{name} passes {region}."),
            None => format!("{name} is still at {region}, and what waited is asked about again."),
        }
    }

    /// Whether a sentence of the server's is about a campaign, and not about the phone.
    fn is_of_a_campaign(&self, sentence: &str) -> bool {
        let begins = |campaign: &Campaign| {
            sentence.strip_prefix(&campaign.display_name).is_some_and(|rest| rest.starts_with(':'))
        };
        self.names.campaigns.values().any(begins)
    }

    /// Title and body of the message that arrived, as the phone shows it.
    fn message(&self, assessment: &Assessment) -> Option<(String, String)> {
        let Verdict::Qualified(trigger) = &assessment.verdict else { return None };
        let message = self.received.alerts.get(trigger.as_str())?.body.pointer("/data/message")?;
        let text = |key| Some(message.get(key)?.as_str()?.to_owned());
        Some((text("title")?, text("body")?))
    }

    fn fate(&self, decisions: &[Decision]) -> Fate {
        let assessments = || decisions.iter().flat_map(|decision| &decision.assessments);
        let held_back = tally(decisions).held_back;
        Fate {
            received: assessments().filter_map(|own| self.message(own)).map(|(title, _)| title).collect(),
            held: assessments().filter(|own| matches!(own.verdict, Verdict::Held { .. })).count(),
            held_back: held_back.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        }
    }
}

/// A text in lines of at most [`WIDTH`], each but the first behind `margin`.
fn wrapped(text: &str, margin: &str) -> String {
    let mut lines = String::new();
    let mut width = margin.chars().count();
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if width + long + 1 > WIDTH {
            lines.push('\n');
            lines.push_str(margin);
            width = margin.chars().count();
        } else if !lines.is_empty() {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += long;
    }
    lines
}
