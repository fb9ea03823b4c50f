//! Walks any track against any server, at any speed.

use crate::client::Client;
use crate::clock::{self, Stopwatch};
use crate::noise::{Noise, Surroundings};
use crate::phone::{Phone, PhoneReport};
use crate::pings;
use crate::report::{self, WalkStory};
use crate::route::Route;
use crate::summary::Summary;
use crate::timeline::{self, Printer};
use crate::track::{Track, parse_time};
use anyhow::{Context, Result, ensure};
use doorstep::model::{DeviceTime, Millis, Ping, Sequence};
use doorstep::wire::name;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A trace lasts so much longer than the walk, for a phone that comes late.
const TRACED_LONGER: Millis = Millis::from_mins(10);

/// What to walk, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct WalkArgs {
    /// The track: GPX, or a GeoJSON `LineString`; either may be gzipped.
    pub track: PathBuf,
    /// The server.
    #[arg(long, env = "DOORSTEP_SERVER", default_value = "http://127.0.0.1:7407", value_name = "URL")]
    pub server: String,
    /// The device that walks; it must be registered.
    #[arg(long, value_name = "customers/CUSTOMER/devices/DEVICE")]
    pub device: String,
    /// How many times faster than life; 0 is as fast as the server acks.
    #[arg(long, default_value_t = 1.0, value_name = "TIMES")]
    pub speed: f64,
    /// When the walk begins, by the phone's clock: `now` (so moved that it ends when the walk is over, and no ping
    /// lies ahead of the server's clock), `track` (the file's own times), or a time such as 2026-06-18T18:00:00Z.
    #[arg(long, default_value = "now", value_name = "WHEN")]
    pub start: Start,
    /// The pace on a track without times, in metres per second.
    #[arg(long, default_value_t = 1.4, value_name = "M/S")]
    pub pace_mps: f64,
    /// Seconds between two pings.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=600), value_name = "SECONDS")]
    pub every: i64,
    /// Pings in one batch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000), value_name = "PINGS")]
    pub batch: u64,
    /// Where the phone is, as far as its reception goes.
    #[arg(long, value_enum, default_value_t = Surroundings::Street)]
    pub noise: Surroundings,
    /// The seed of the GPS noise: the same seed gives the same walk.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Beacons heard on the way, by the track's own times: CSV as `replay` takes it.
    #[arg(long, value_name = "CSV")]
    pub sightings: Option<PathBuf>,
    /// Write a page to look at. For it the server traces the device while it walks: it keeps the positions, and
    /// erases them a day later.
    #[arg(long, value_name = "HTML")]
    pub report: Option<PathBuf>,
    /// End with one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// When a walk begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// So that it ends when it is over.
    Now,
    /// When the file says.
    Track,
    /// At a time.
    At(DeviceTime),
}

impl FromStr for Start {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "now" => Ok(Self::Now),
            "track" => Ok(Self::Track),
            time => parse_time(time).map(Self::At).context("must be `now`, `track`, or a time"),
        }
    }
}

/// Walks, shows the progress on standard error, and prints what happened.
pub async fn run(args: &WalkArgs, out: &mut dyn Write) -> Result<Summary> {
    ensure!(args.speed >= 0.0 && args.speed.is_finite(), "--speed is {}; must be 0 or more", args.speed);
    let (customer, _) = name::device("--device", &args.device)?;
    let (route, shift) = route(args)?;
    let mut reports = match &args.sightings {
        Some(path) => crate::formats::read_sightings(path)?,
        None => Vec::new(),
    };
    for report in &mut reports {
        report.observed = report.observed + shift;
    }
    reports.sort_by_key(|report| report.observed);

    let client = Client::connect(&args.server).await?;
    let first = Sequence(client.last_kept(&args.device).await? + 1);
    let mut noise = Noise::new(args.noise, args.seed);
    let pings = pings::walk(&route, Millis::from_secs(args.every), &mut noise, &reports, first);
    writeln!(
        out,
        "{}: {:.0} m in {}, {} pings from number {} on, one each {} s; GPS noise {} ({}, seed {})\n",
        args.track.display(),
        route.length_m(),
        route.end() - route.start(),
        pings.len(),
        first.0,
        args.every,
        args.noise,
        args.noise.sigma(),
        args.seed
    )?;
    let walked = go(&client, args, &route, &pings).await?;

    let names = client.names().await?;
    let decisions = client.decisions(&customer, route.start(), route.end()).await?;
    let printer = Printer::for_stdout(names.time_zone());
    let rows = timeline::rows(&decisions, &names, &printer.zone, None);
    printer.print(out, &rows)?;
    writeln!(out)?;
    let summary = Summary::count(&names, &route, &pings, &decisions, args.seed)?;
    summary.print(out, &printer)?;
    walked.print_refusals(out)?;
    if summary.held_back.contains_key("stale") && args.start == Start::Now {
        writeln!(
            out,
            "\nAt speed {} the walk lies behind the server's clock, and messages go stale. For a walk as in life, start the server with --simulation-clock, and walk with --start track.",
            args.speed
        )?;
    }
    if let Some(path) = &args.report {
        let name = args.track.file_stem().unwrap_or_default().to_string_lossy().replace('_', " ");
        let story = WalkStory {
            title: format!("A walk: {name}"),
            lead: format!(
                "{:.0} m in {}, a ping each {} s, GPS noise {} ({}, seed {}).",
                route.length_m(),
                route.end() - route.start(),
                args.every,
                args.noise,
                args.noise.sigma(),
                args.seed
            ),
            device: args.device.clone(),
            names: &names,
            zone: &printer.zone,
            route: &route,
            pings: &pings,
            decisions: &decisions,
            traces: &client.traces(&args.device, route.start(), route.end()).await?,
            sentences: &client.sentences(&decisions).await?,
            received: None,
            summary: &summary,
        };
        report::write(path, &report::walk_page(&story)?)?;
        writeln!(out, "\nA page to look at: {}", path.display())?;
    }
    if args.json {
        writeln!(out, "{}", summary.json()?)?;
    }
    Ok(summary)
}

/// The route, and how much later it is than the file says.
fn route(args: &WalkArgs) -> Result<(Route, Millis)> {
    let track = Track::read(&args.track)?;
    let own = Route::new(&track, args.pace_mps, None)?;
    let takes = own.end() - own.start();
    let start = match args.start {
        Start::Track => return Ok((own, Millis(0))),
        Start::At(time) => time,
        Start::Now => {
            // At `speed`, the phone's clock runs ahead of the server's; so the walk begins that much earlier.
            let lasts = if args.speed > 0.0 { takes.as_secs_f64() * 1_000.0 / args.speed } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            let lasts = Millis(lasts.min(1e15) as i64);
            clock::now() + lasts - takes.max(lasts)
        }
    };
    let shift = start - own.start();
    Ok((Route::new(&track, args.pace_mps, Some(start))?, shift))
}

async fn go(client: &Client, args: &WalkArgs, route: &Route, pings: &[Ping]) -> Result<PhoneReport> {
    let batch = usize::try_from(args.batch).unwrap_or(1);
    let mut phone = Phone::new(client.channel(), args.device.as_str(), batch);
    let mut progress = Progress::new();
    let stopwatch = Stopwatch::start();
    for (index, ping) in pings.iter().enumerate() {
        if args.speed > 0.0 {
            let due = (ping.observed - route.start()).as_secs_f64() / args.speed;
            tokio::time::sleep(Duration::from_secs_f64((due - stopwatch.seconds()).max(0.0))).await;
        }
        phone.take(ping).await?;
        if index == 0 && args.report.is_some() {
            // A server whose time comes from the pings has none before the first.
            phone.flush().await?;
            client.start_trace(&args.device, route.end() + TRACED_LONGER - route.start()).await?;
        }
        progress.show(index + 1, pings.len(), phone.report());
    }
    let report = phone.finish().await?;
    progress.end();
    if args.report.is_some() {
        client.stop_trace(&args.device).await?;
    }
    Ok(report)
}

/// Shows how far a walk has come: one line that is written over on a terminal, a line each tenth elsewhere.
struct Progress {
    live: bool,
    shown: Option<usize>,
}

impl Progress {
    fn new() -> Self {
        Self { live: std::io::stderr().is_terminal(), shown: None }
    }

    fn show(&mut self, done: usize, of: usize, report: &PhoneReport) {
        let percent = done * 100 / of.max(1);
        let step = if self.live { percent } else { percent / 10 };
        if self.shown == Some(step) {
            return;
        }
        self.shown = Some(step);
        let (kept, transitions) = (report.kept, report.transitions.len());
        let (before, after) = if self.live { ("\r", "") } else { ("", "\n") };
        // Whoever closed standard error wants no progress.
        let _ = write!(
            std::io::stderr(),
            "{before}{percent:>3} %  {kept} of {of} pings acked, {transitions} transitions, {} reconnects{after}",
            report.reconnects + report.drains
        );
    }

    fn end(&self) {
        let _ = if self.live { writeln!(std::io::stderr()) } else { Ok(()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_now_the_tracks_or_a_time() {
        assert_eq!("now".parse::<Start>().unwrap(), Start::Now);
        assert_eq!("track".parse::<Start>().unwrap(), Start::Track);
        assert_eq!("1970-01-01T00:00:05Z".parse::<Start>().unwrap(), Start::At(DeviceTime(5_000)));
        assert!("noon".parse::<Start>().is_err());
    }

    #[test]
    fn a_walk_never_runs_ahead_of_the_servers_clock() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(br#"{"type":"Feature","properties":{"times":[0,600000]},"geometry":{"type":"LineString","coordinates":[[0,0],[0,0.01]]}}"#).unwrap();
        for (speed, lead_s) in [("1", 600), ("60", 10), ("0", 0), ("0.5", 600)] {
            let line = ["walk", file.path().to_str().unwrap(), "--device", "customers/a/devices/b", "--speed", speed];
            let args = <Parsed as clap::Parser>::parse_from(line).walk;
            let now = clock::now();
            let (route, shift) = route(&args).unwrap();
            let lead = (route.end() - now).as_secs_f64();
            assert!((lead - f64::from(lead_s)).abs() < 5.0, "at speed {speed} it ends in {lead} s");
            assert_eq!(route.start() - shift, DeviceTime(0));
        }
    }

    #[derive(clap::Parser)]
    struct Parsed {
        #[command(flatten)]
        walk: WalkArgs,
    }
}
