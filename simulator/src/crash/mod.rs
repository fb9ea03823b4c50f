//! The crash tester: walks of many customers against the real server, which is killed again and again with SIGKILL, at
//! random times and at named points; at the end, what was acked is compared with what arrived.
//!
//! After each kill the tester looks into a copy of the store: every ping that was acked must be in it, and its outbox
//! says what was under way, which is all that may be sent again. Each life of the server has a webhook of its own, so
//! that it is known which life sent what. What should arrive is what the core makes of the same pings undisturbed.

mod crowd;
mod server;
mod street;
mod verdict;

pub use verdict::Verdict;

use self::crowd::{Acked, Crowd, forgotten};
use self::server::{Server, Starter};
use self::street::Street;
use crate::client::Client;
use crate::clock::Stopwatch;
use crate::faults::Dice;
use crate::provider::Provider;
use crate::proxy::Proxy;
use anyhow::{Context, Result, ensure};
use doorstep::store::crash::{CrashAt, Point};
use doorstep::store::{PAGE_MAX, Records, SledStore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};

/// The signing secret; it protects nothing.
const SECRET: &str = "whsec_ZG9vcnN0ZXAtY3Jhc2gtc2VjcmV0LW9mLTMyLWJ5dGU=";
/// The longest that a server lives until it is killed at a random time.
const LIFE: Duration = Duration::from_millis(1_500);
/// How long a server may take to come to a named point, until it is killed without.
const POINT_WITHIN: Duration = Duration::from_secs(4);
/// The latest pass of a point at which a server dies.
const PASS_MAX: u32 = 12;
/// The least time of a step, so that the street does not fill with alerts faster than servers die.
const STEP: Duration = Duration::from_millis(30);
/// The longest that a good answer of the provider takes.
const LATENCY: Duration = Duration::from_millis(60);
/// How long the last alerts may take to arrive.
const ARRIVE_WITHIN: Duration = Duration::from_secs(120);
/// How long is listened for such as come too often.
const LISTEN_ON: Duration = Duration::from_millis(700);
/// Percent of requests, and of connections, that meet a fault where faults are asked for.
const FAULTS: u32 = 25;

/// How to run the crash tester.
#[derive(Debug, Clone, clap::Args)]
pub struct CrashArgs {
    /// How often the server is killed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub kills: u32,
    /// The seed of walks, kills and faults.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// How many customers walk.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub walkers: u32,
    /// Let the provider answer slowly, wrongly, with garbage and storms of 429, and hang up in mid-answer.
    #[arg(long)]
    pub provider_faults: bool,
    /// Put a line between phones and server that stalls and cuts.
    #[arg(long)]
    pub network_faults: bool,
    /// The server to test. Default: `doorstep`, built from this source tree as this program was.
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,
    /// Keep data and the servers' log in this folder, which must not exist. Default: a temporary one.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// End with one line of JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What a run came to, with how it came to it.
#[derive(Debug, Clone, Serialize)]
pub struct CrashReport {
    /// The counts.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Kills by where the server was: at a named point, or `random`.
    pub kills_at: BTreeMap<&'static str, u32>,
    /// Answers of the provider that were faults, by kind.
    pub provider_faults: BTreeMap<&'static str, u64>,
    /// Connections of phones that were cut.
    pub connections_cut: u64,
    /// The longest that a server took until it listened again, in milliseconds.
    pub restart_ms_max: u64,
    /// The seed.
    pub seed: u64,
    /// How long it all took, in seconds.
    pub seconds: u64,
}

/// Runs the tester and prints what came of it. Fails when anything was lost, doubled, or came under another id.
pub async fn run(args: &CrashArgs, out: &mut dyn Write) -> Result<CrashReport> {
    let stopwatch = Stopwatch::start();
    let binary = server::binary(args.server_binary.as_deref())?;
    let temporary = tempfile::Builder::new().prefix("doorstep-crash-").tempdir().context("cannot make a folder")?;
    let folder = match &args.keep {
        Some(folder) => {
            std::fs::create_dir(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            folder.as_path()
        }
        None => temporary.path(),
    };
    let mut bench = Bench::set_up(args, binary, folder).await?;
    let outcome = bench.kill_and_walk(args).await;
    let (steps, expected) = match outcome {
        Ok(found) => found,
        Err(error) => {
            let log = std::fs::read_to_string(&bench.starter.log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
            return Err(error.context(format!("the end of the servers' log:\n{last}\n")));
        }
    };
    let mut verdict = Verdict::count(&expected, &bench.provider.arrivals(), &bench.under_way);
    verdict.kills = bench.kills_at.values().sum();
    verdict.acked_pings = steps * u64::from(args.walkers);
    verdict.forgotten_pings = bench.forgotten;
    verdict.pending = bench.under_way.values().last().map_or(0, BTreeSet::len);
    let report = CrashReport {
        verdict,
        kills_at: bench.kills_at.clone(),
        provider_faults: bench.provider.faults(),
        connections_cut: bench.proxy.as_ref().map_or(0, Proxy::cuts),
        restart_ms_max: u64::try_from(bench.restart_max.as_millis()).unwrap_or(u64::MAX),
        seed: args.seed,
        seconds: u64::try_from(stopwatch.millis().0 / 1_000).unwrap_or_default(),
    };
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        report.print(out)?;
    }
    ensure!(report.verdict.is_good(), "the server did not keep its promises");
    Ok(report)
}

impl CrashReport {
    fn print(&self, out: &mut dyn Write) -> Result<()> {
        let v = &self.verdict;
        let mut line = |what: &str, count: u64, note: &str| {
            writeln!(out, "{}", format!("{what:<26}{count:>9}   {note}").trim_end())
        };
        line("kills", v.kills.into(), "")?;
        for (at, count) in &self.kills_at {
            line(&format!("  {at}"), (*count).into(), "")?;
        }
        line("pings acked", v.acked_pings, "")?;
        line("  forgotten", v.forgotten_pings, "acked, and not in the store after a kill")?;
        line("alerts acked", v.acked as u64, "caused by these pings when nothing disturbs")?;
        line("  delivered", v.delivered as u64, "")?;
        line("  lost", v.lost as u64, "")?;
        line("  doubled", v.doubled as u64, "sent again though they were not under way at a kill")?;
        line("  under another id", v.resent_other_id as u64, "")?;
        line("  resent", v.resent as u64, "under way at a kill, under the same id")?;
        line("  retried", v.retried as u64, "after a failure of the provider, under the same id")?;
        line("  pending", v.pending as u64, "in the outbox at the end")?;
        for (fault, count) in &self.provider_faults {
            line(&format!("provider fault {fault}"), *count, "")?;
        }
        line("connections cut", self.connections_cut, "")?;
        line("longest restart", self.restart_ms_max, "ms until a killed server listened again")?;
        writeln!(out, "seed {}, {} s", self.seed, self.seconds)?;
        Ok(())
    }
}

/// Everything around the server.
struct Bench {
    street: Street,
    starter: Starter,
    provider: Provider,
    proxy: Option<Proxy>,
    folder: PathBuf,
    acked: Acked,
    life: u32,
    kills_at: BTreeMap<&'static str, u32>,
    under_way: BTreeMap<u32, BTreeSet<String>>,
    forgotten: u64,
    restart_max: Duration,
}

impl Bench {
    async fn set_up(args: &CrashArgs, binary: PathBuf, folder: &Path) -> Result<Self> {
        let secret = folder.join("secret");
        std::fs::write(&secret, SECRET).context("cannot write the secret")?;
        let percent = if args.provider_faults { FAULTS } else { 0 };
        let provider = Provider::start(0, SECRET, Dice::new(args.seed, percent), LATENCY).await?;
        let (data, log) = (folder.join("data"), folder.join("server.log"));
        let starter = Starter { binary, data, secret, address: server::free_address()?, log };
        let proxy =
            if args.network_faults { Some(Proxy::start(0, starter.address, args.seed, FAULTS).await?) } else { None };
        Ok(Self {
            street: Street::new(args.walkers, args.seed)?,
            starter,
            provider,
            proxy,
            folder: folder.to_owned(),
            acked: Acked::default(),
            life: 0,
            kills_at: BTreeMap::new(),
            under_way: BTreeMap::new(),
            forgotten: 0,
            restart_max: Duration::ZERO,
        })
    }

    fn lines(&self) -> Result<Vec<Channel>> {
        let address = self.proxy.as_ref().map_or(self.starter.address, Proxy::address);
        // A cut ends the walks of some, not of all.
        let lines = if self.proxy.is_some() { 8 } else { 1 };
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let endpoint = endpoint.connect_timeout(Duration::from_secs(2)).tcp_nodelay(true);
        Ok((0..lines).map(|_| endpoint.connect_lazy()).collect())
    }

    /// The whole run: so many lives that end with a kill, one that may finish, and one that must find nothing to do.
    async fn kill_and_walk(&mut self, args: &CrashArgs) -> Result<(u64, street::Expected)> {
        let mut first = self.begin(None)?;
        first.listens().await?;
        let client = Client::connect(&format!("http://{}", self.starter.address)).await?;
        self.street.register(&client).await?;
        drop(client);
        first.end().await?;
        self.inspect()?;

        let (stop, stopping) = watch::channel(false);
        let mut crowd = Crowd::new(self.street.walkers(), &self.lines()?, self.acked.clone());
        let walking = tokio::spawn(async move {
            loop {
                let pause = tokio::time::sleep(STEP);
                crowd.step().await?;
                if *stopping.borrow() {
                    return anyhow::Ok(crowd);
                }
                pause.await;
            }
        });
        let mut random = Pcg64::seed_from_u64(args.seed);
        let mut progress = Progress { live: std::io::stderr().is_terminal(), of: args.kills };
        for kill in 0..args.kills {
            ensure!(!walking.is_finished(), "the walk has ended: {:?}", walking.await.map(Result::err));
            self.kill_one(kill, &mut random).await?;
            progress.show(kill + 1, self.provider.arrivals().len());
        }
        progress.end();

        let mut server = self.begin(None)?;
        server.listens().await?;
        stop.send_replace(true);
        let crowd = walking.await.context("the walk broke")??;
        ensure!(crowd.refusals().is_empty(), "pings were refused: {:?}", crowd.refusals().first());
        let expected = self.street.expected(crowd.steps)?;
        self.await_arrivals(&expected, crowd.steps).await?;
        server.end().await?;
        self.inspect()?;

        // Whoever starts once more finds everything done.
        let mut server = self.begin(None)?;
        server.listens().await?;
        tokio::time::sleep(LISTEN_ON).await;
        server.end().await?;
        self.inspect()?;
        Ok((crowd.steps, expected))
    }

    fn begin(&mut self, crash_at: Option<CrashAt>) -> Result<Server> {
        self.life += 1;
        self.starter.spawn(&self.provider.url(self.life), crash_at)
    }

    /// One life that ends with a kill: every second one at a named point, the others at a random time, from before the
    /// server listens on.
    async fn kill_one(&mut self, kill: u32, random: &mut Pcg64) -> Result<()> {
        let after = LIFE.mul_f64(random.random::<f64>());
        let pass = random.random_range(1..=PASS_MAX);
        let point = Point::ALL.get((kill / 2) as usize % Point::ALL.len()).copied().filter(|_| kill % 2 == 1);
        let pass = if point == Some(Point::AfterOpen) { 1 } else { pass };
        let since = Stopwatch::start();
        let mut server = self.begin(point.map(|point| CrashAt { point, pass }))?;
        let mut at = "random";
        if let Some(point) = point {
            if server.dies(POINT_WITHIN).await? {
                at = point.name();
            }
        } else {
            let listening = tokio::time::timeout(after, server.listens()).await;
            if let Ok(listens) = listening {
                self.restart_max = self.restart_max.max(listens?);
            }
            tokio::time::sleep(after.saturating_sub(Duration::from_secs_f64(since.seconds()))).await;
        }
        server.kill().await?;
        *self.kills_at.entry(at).or_default() += 1;
        self.inspect()
    }

    /// Looks into a copy of what the server left: what was acked must be there, and the outbox says what was under way.
    fn inspect(&mut self) -> Result<()> {
        let copy = self.folder.join("copy");
        copy_folder(&self.starter.data, &copy)?;
        let outbox = {
            let store = Arc::new(SledStore::open(&copy).context("the store that a killed server left")?);
            let records = Records::new(store.clone());
            self.forgotten += forgotten(&records, &self.acked)?;
            let mut outbox = BTreeSet::new();
            let mut after: Option<Vec<u8>> = None;
            loop {
                let part = records.outbox(after.as_deref(), PAGE_MAX)?;
                let Some(last) = part.last() else { break };
                after = Some(last.key.clone());
                outbox.extend(part.into_iter().map(|entry| entry.trigger.to_string()));
            }
            outbox
        };
        self.under_way.insert(self.life, outbox);
        std::fs::remove_dir_all(&copy).context("cannot remove the copy")
    }

    /// Lets time pass until everything has arrived, or for too long.
    async fn await_arrivals(&self, expected: &street::Expected, steps: u64) -> Result<()> {
        let mut clock = self.street.clock().context("there is nobody to tell the time")?;
        // The others' time is as late as their last step.
        let skipped = usize::try_from(steps)?;
        let line = Endpoint::from_shared(format!("http://{}", self.starter.address))?.connect_lazy();
        let mut phone = crate::phone::Phone::new(line, clock.name(), 1);
        let mut ping = clock.nth(skipped).context("there is no time")?;
        let stopwatch = Stopwatch::start();
        let again = self.under_way.get(&(self.life - 1)).cloned().unwrap_or_default();
        let mut idle = None;
        while stopwatch.seconds() < ARRIVE_WITHIN.as_secs_f64() {
            phone.take(&ping).await?;
            phone.flush().await?;
            tokio::time::sleep(STEP).await;
            ping = clock.nth(1).context("there is no time")?;
            let arrivals = self.provider.arrivals();
            let taken = |since: u32| -> BTreeSet<&str> {
                arrivals.iter().filter(|a| a.taken && a.life >= since).map(|a| a.id.as_str()).collect()
            };
            // What was under way at the last kill is sent again, even if it was taken.
            let (ever, now) = (taken(0), taken(self.life));
            let arrived = |id: &String| (if again.contains(id) { &now } else { &ever }).contains(id.as_str());
            if expected.keys().all(arrived) {
                let since = *idle.get_or_insert_with(Stopwatch::start);
                if since.seconds() > LISTEN_ON.as_secs_f64() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let subject = || format!("cannot copy {}", from.display());
    std::fs::create_dir_all(to).with_context(subject)?;
    if !from.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(from).with_context(subject)? {
        let entry = entry.with_context(subject)?;
        let target = to.join(entry.file_name());
        if entry.file_type().with_context(subject)?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).with_context(subject)?;
        }
    }
    Ok(())
}

/// Shows how far the run has come: a line that is written over on a terminal, a line each tenth elsewhere.
struct Progress {
    live: bool,
    of: u32,
}

impl Progress {
    fn show(&mut self, kills: u32, arrivals: usize) {
        let (before, after) = if self.live { ("\r", "") } else { ("", "\n") };
        if self.live || kills.is_multiple_of(self.of.div_ceil(10)) || kills == self.of {
            // Whoever closed standard error wants no progress.
            let _ = write!(std::io::stderr(), "{before}{kills} of {} kills, {arrivals} arrivals{after}", self.of);
        }
    }

    fn end(&self) {
        let _ = if self.live { writeln!(std::io::stderr()) } else { Ok(()) };
    }
}
