//! The demo: a walk past five café doors against a real server, and the one alert that comes of it.
//!
//! The server is the real one, over real gRPC, with sled in a temporary directory; it takes its time from the pings,
//! so that half an hour passes in a moment. Alerts go to a webhook receiver in this process.

use crate::client::Client;
use crate::clock;
use crate::noise::{Noise, Surroundings};
use crate::phone::{Phone, PhoneReport};
use crate::pings;
use crate::receiver::{Received, Receiver};
use crate::report::{self, WalkStory};
use crate::route::Route;
use crate::summary::Summary;
use crate::timeline::{self, Printer, tally};
use crate::track::Track;
use anyhow::{Context, Result, bail, ensure};
use doorstep::deliver::Routes;
use doorstep::deliver::webhook::{Options, Secrets, Webhook};
use doorstep::deliver::worker::Limits;
use doorstep::engine::Manners;
use doorstep::files::{Defaults, Roster, read_campaigns, read_customers, read_regions};
use doorstep::model::{CustomerId, Decision, DecisionId, DeviceId, Millis, Ping, Sequence, ServerTime};
use doorstep::presence::PresenceConfig;
use doorstep::service::{self, Clock, Running, ServeConfig};
use doorstep::store::TraceEntry;
use doorstep::wire::name;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The signing secret of the demo's webhook; it protects nothing.
pub(crate) const SECRET: &str = "whsec_ZG9vcnN0ZXAtZGVtby1zZWNyZXQtb2YtMzItYnl0ZXM=";
/// How long the last alerts may take to arrive.
pub(crate) const ARRIVE_WITHIN: Duration = Duration::from_secs(10);
/// How long the server may take to end.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// Pings in one batch: a phone in a pocket reports twice a minute.
const BATCH: usize = 30;

/// How to run the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The seed of the GPS noise: the same seed gives the same walk.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Where the phone is, as far as its reception goes.
    #[arg(long, value_enum, default_value_t = Surroundings::Street)]
    pub noise: Surroundings,
    /// Who walks: a customer of the fixtures with a device.
    #[arg(long, default_value = "maya", value_name = "CUSTOMER")]
    pub customer: String,
    /// Seconds between two pings.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=600), value_name = "SECONDS")]
    pub every: i64,
    /// The walk: a file in the fixtures' `walks`, without its ending.
    #[arg(long, default_value = "sixteenth_street", value_name = "NAME")]
    pub walk: String,
    /// The folder of fixtures. Default: `fixtures` here, else that of the source tree.
    #[arg(long, value_name = "DIR")]
    pub fixtures: Option<PathBuf>,
    /// Write a page to look at: the map, the track, the timeline.
    #[arg(long, value_name = "HTML")]
    pub report: Option<PathBuf>,
    /// Three people on the same street on the same evening, and three different things happen.
    #[arg(long, conflicts_with_all = ["customer", "walk", "report"])]
    pub story: bool,
    /// End with one line of JSON.
    #[arg(long)]
    pub json: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            seed: 7,
            noise: Surroundings::Street,
            customer: "maya".to_owned(),
            every: 1,
            walk: "sixteenth_street".to_owned(),
            fixtures: None,
            report: None,
            story: false,
            json: false,
        }
    }
}

/// Runs the demo and prints what happened. Fails when the alerts that arrived are not those that were sent.
pub async fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<Summary> {
    let fixtures = fixtures(args.fixtures.as_deref())?;
    let folder =
        tempfile::Builder::new().prefix("doorstep-demo-").tempdir().context("cannot make a data directory")?;
    let receiver = Receiver::start(SECRET).await?;
    let server = start(folder.path(), &receiver.url()).await?;
    let client = Client::connect(&format!("http://{}", server.local_addr())).await?;
    let roster = register(&client, &fixtures, &args.customer).await?;

    let walk = Walk::read(&fixtures, args)?;
    writeln!(out, "{} with {}'s phone: {}", walk.name(args), args.customer, walk.introduction(args))?;
    writeln!(
        out,
        "A real server listens at {}, keeps its data in {} and sends alerts to {}\n",
        server.local_addr(),
        folder.path().display(),
        receiver.url()
    )?;
    let device = roster.devices.first().with_context(|| format!("customer {} has no device", args.customer))?;
    let walker = Walker { client: &client, receiver: &receiver, customer: &roster.customer.id, device: &device.id };
    let walked = walker.go(&walk, args.report.is_some()).await?;

    let decisions = walker.decisions(&walk).await?;
    receiver.wait_for(tally(&decisions).sent.len(), ARRIVE_WITHIN).await;
    let names = client.names().await?;
    let told = if args.report.is_some() { Some(walker.told(&walk, &decisions).await?) } else { None };
    drop(client);
    server.drain().await.context("the server did not end well")?;
    let received = receiver.received();

    let printer = Printer::for_stdout(names.time_zone());
    let arrived = |trigger: &doorstep::model::TriggerId| received.alerts.contains_key(trigger.as_str());
    printer.print(out, &timeline::rows(&decisions, &names, &printer.zone, Some(&arrived)))?;
    writeln!(out)?;
    let mut summary = Summary::count(&names, &walk.route, &walk.pings, &decisions, args.seed)?;
    summary.alerts_received = Some(received.alerts.len());
    summary.print(out, &printer)?;
    walked.print_refusals(out)?;
    match args.report.as_deref().zip(told) {
        Some((path, (traces, sentences))) => {
            let story = WalkStory {
                title: walk.name(args).to_owned(),
                lead: format!("{} A virtual phone, a real server.", walk.introduction(args)),
                device: format!("{}’s {}", args.customer, device.id),
                names: &names,
                zone: &printer.zone,
                route: &walk.route,
                pings: &walk.pings,
                decisions: &decisions,
                traces: &traces,
                sentences: &sentences,
                received: Some(&arrived),
                summary: &summary,
            };
            report::write(path, &report::walk_page(&story)?)?;
            writeln!(out, "\nA page to look at: {}", path.display())?;
        }
        None => writeln!(out, "\nTo see it on a map: simulator demo --report walk.html")?,
    }
    if args.json {
        writeln!(out, "{}", summary.json()?)?;
    }
    agree(&decisions, &received)?;
    Ok(summary)
}

/// Who walks, and who looks on.
struct Walker<'a> {
    client: &'a Client,
    receiver: &'a Receiver,
    customer: &'a CustomerId,
    device: &'a DeviceId,
}

type Sentences = BTreeMap<DecisionId, Vec<String>>;

struct Walk {
    track: Track,
    route: Route,
    pings: Vec<Ping>,
}

impl Walk {
    fn read(fixtures: &Path, args: &DemoArgs) -> Result<Self> {
        let walks = fixtures.join("walks");
        let track = Track::read(&walks.join(format!("{}.gpx", args.walk)))?;
        let heard = walks.join(format!("{}.sightings.csv", args.walk));
        let reports = if heard.exists() { crate::formats::read_sightings(&heard)? } else { Vec::new() };
        let route = Route::new(&track, 1.4, None)?;
        let mut noise = Noise::new(args.noise, args.seed);
        let pings = pings::walk(&route, Millis::from_secs(args.every), &mut noise, &reports, Sequence(1));
        Ok(Self { track, route, pings })
    }

    fn name<'a>(&'a self, args: &'a DemoArgs) -> &'a str {
        self.track.name.as_deref().unwrap_or(&args.walk)
    }

    fn introduction(&self, args: &DemoArgs) -> String {
        let every = if args.every == 1 { "one a second".to_owned() } else { format!("one each {} s", args.every) };
        format!(
            "{:.0} m in {}, {} pings, {every}; GPS noise {} ({}, seed {}).",
            self.route.length_m(),
            self.route.end() - self.route.start(),
            self.pings.len(),
            args.noise,
            args.noise.sigma(),
            args.seed
        )
    }
}

pub(crate) fn fixtures(given: Option<&Path>) -> Result<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let candidates = given.map_or_else(|| vec![PathBuf::from("fixtures"), built], |given| vec![given.to_owned()]);
    let found = candidates.iter().find(|folder| folder.join("denver/regions.geojson").is_file());
    found
        .cloned()
        .with_context(|| format!("no denver/regions.geojson in {candidates:?}; name the folder with --fixtures"))
}

pub(crate) async fn start(data: &Path, webhook: &str) -> Result<Running> {
    let secrets = Secrets::parse(SECRET).map_err(anyhow::Error::msg)?;
    // The receiver holds signatures against this machine's clock, whatever time it is on the walk.
    let real: doorstep::deliver::Clock = Arc::new(|| ServerTime(clock::now().0));
    let provider =
        Webhook::new(webhook, secrets, Options::for_operator(webhook), real).context("cannot set up the webhook")?;
    let config = ServeConfig {
        data: data.to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        clock: Clock::pings(),
        // The timeline tells a message where it is caused.
        manners: Manners { settle: Millis(0), ..Manners::usual() },
        history: Millis::from_days(1),
        presence: PresenceConfig::default(),
        routes: Routes::all(Arc::new(provider)),
        push: Limits::default(),
        confirm: Millis::from_secs(10),
        drain: DRAIN_WITHIN,
    };
    service::start(config).await.context("cannot start the server")
}

/// Registers the fixtures; returns the one who walks.
async fn register(client: &Client, fixtures: &Path, walker: &str) -> Result<Roster> {
    let read = |name: &str| {
        let path = fixtures.join("denver").join(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (places, regions) =
        read_regions(&read("regions.geojson")?, &Defaults::default()).context("regions.geojson")?;
    client.upsert_regions(&places, &regions).await?;
    for campaign in read_campaigns(&read("campaigns.yaml")?).context("campaigns.yaml")? {
        client.upsert_campaign(&campaign).await?;
    }
    let rosters = read_customers(&read("customers.yaml")?, ServerTime::default()).context("customers.yaml")?;
    for Roster { customer, devices } in &rosters {
        client.upsert_customer(customer, devices).await?;
    }
    let id = CustomerId::parse("--customer", walker)?;
    let known: Vec<String> = rosters.iter().map(|roster| roster.customer.id.to_string()).collect();
    let found = rosters.into_iter().find(|roster| roster.customer.id == id);
    found.with_context(|| format!("the fixtures have no customer {walker}; they have {}", known.join(", ")))
}

impl Walker<'_> {
    /// Reports all pings. Half an hour of the walk passes in a moment, and an alert is worth delivering for some
    /// minutes of the walk only: so whenever something happened, the phone waits for the alerts on their way.
    async fn go(&self, walk: &Walk, traced: bool) -> Result<PhoneReport> {
        let device = name::device_name(self.customer, self.device);
        let mut phone = Phone::new(self.client.channel(), device.as_str(), BATCH);
        let mut happened = 0;
        for (index, ping) in walk.pings.iter().enumerate() {
            phone.take(ping).await?;
            if index == 0 && traced {
                // The server's time comes from the pings: before the first there is none.
                phone.flush().await?;
                self.client.start_trace(&device, Millis::from_hours(24)).await?;
            }
            if phone.report().transitions.len() > happened {
                happened = phone.report().transitions.len();
                let sent = tally(&self.decisions(walk).await?).sent.len();
                self.receiver.wait_for(sent, ARRIVE_WITHIN).await;
            }
        }
        phone.finish().await
    }

    /// What the server traced, and what it says about its decisions.
    async fn told(&self, walk: &Walk, decisions: &[Decision]) -> Result<(Vec<TraceEntry>, Sentences)> {
        let device = name::device_name(self.customer, self.device);
        let traces = self.client.traces(&device, walk.route.start(), walk.route.end()).await?;
        Ok((traces, self.client.sentences(decisions).await?))
    }

    async fn decisions(&self, walk: &Walk) -> Result<Vec<Decision>> {
        self.client.decisions(self.customer, walk.route.start(), walk.route.end()).await
    }
}

/// Fails unless what arrived is what was sent.
fn agree(decisions: &[Decision], received: &Received) -> Result<()> {
    let sent: BTreeSet<String> = tally(decisions).sent.iter().map(ToString::to_string).collect();
    let arrived: BTreeSet<String> = received.alerts.keys().cloned().collect();
    if sent == arrived {
        ensure!(received.refused == 0, "{} requests to the webhook bore no good signature", received.refused);
        return Ok(());
    }
    let lost: Vec<&String> = sent.difference(&arrived).collect();
    let strange: Vec<&String> = arrived.difference(&sent).collect();
    bail!(
        "{} alerts were sent and {} received; sent and not received: {lost:?}; received and not sent: {strange:?}; refused for their signature: {}",
        sent.len(),
        arrived.len(),
        received.refused
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::Alert;
    use doorstep::model::{
        Assessment, CampaignId, DecisionId, DeviceTime, RegionId, TransitionKind, TriggerId, Verdict,
    };

    /// Triggers that were sent, alerts that arrived, and how many bore a bad signature.
    fn check(sent: &[&str], arrived: &[&str], refused: u64, expected: Result<(), &str>) {
        let assess = |trigger: &&str| Assessment {
            campaign: CampaignId::parse("c", "latte").unwrap(),
            region: RegionId::parse("r", "door").unwrap(),
            transition: TransitionKind::Enter,
            policies: Vec::new().into(),
            verdict: Verdict::Qualified(TriggerId::parse("t", trigger).unwrap()),
        };
        let decision = Decision {
            id: DecisionId::parse("d", "d1").unwrap(),
            customer: CustomerId::parse("c", "maya").unwrap(),
            device: DeviceId::parse("d", "phone-1").unwrap(),
            sequence: Sequence(1),
            observed: DeviceTime(0),
            decided: ServerTime(0),
            fix: None,
            regions: Vec::new(),
            transitions: Vec::new(),
            assessments: sent.iter().map(assess).collect(),
            left_out: 0,
        };
        let alert = |id: &&str| ((*id).to_owned(), Alert { index: 0, body: serde_json::Value::Null });
        let received = Received { alerts: arrived.iter().map(alert).collect(), repeats: 0, refused };
        match (agree(&[decision], &received), expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, expected) => panic!("got {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn the_demo_fails_loudly_unless_what_arrived_is_what_was_sent() {
        check(&[], &[], 0, Ok(()));
        check(&["t1", "t2"], &["t2", "t1"], 0, Ok(()));
        check(&["t1"], &[], 0, Err("1 alerts were sent and 0 received; sent and not received: [\"t1\"]"));
        check(&[], &["t1"], 0, Err("received and not sent: [\"t1\"]"));
        check(&["t1"], &["t2"], 0, Err("1 alerts were sent and 1 received"));
        check(&["t1"], &["t1"], 2, Err("2 requests to the webhook bore no good signature"));
    }
}
