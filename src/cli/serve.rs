//! `doorstep serve`.

use super::push::Delivery;
use super::{output, recover};
use anyhow::Context;
use doorstep::engine::Manners;
use doorstep::files::parse_span;
use doorstep::model::{DailySpan, Invalid, Millis, QuietHours};
use doorstep::presence::PresenceConfig;
use doorstep::service::{self, Clock, Fault, ServeConfig};
use doorstep::store::crash::{self, CrashAt};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The longest wait for others.
const SETTLE_MAX: Millis = Millis::from_mins(1);

/// Serves phones, marketers and testers on one port until SIGTERM or SIGINT, then drains.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// The directory that everything durable is kept in; created when it does not exist.
    #[arg(long, env = "DOORSTEP_DATA", value_name = "DIR")]
    data: PathBuf,

    /// The address to listen on. Port 0 takes a free one and says which.
    #[arg(
        long,
        env = "DOORSTEP_LISTEN",
        overrides_with = "listen",
        default_value = "127.0.0.1:7407",
        value_name = "ADDR"
    )]
    listen: SocketAddr,

    #[command(flatten)]
    delivery: Delivery,

    /// How long decisions, and triggers that have ended, are kept, in days.
    #[arg(long, env = "DOORSTEP_KEEP_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_650), value_name = "DAYS")]
    keep_days: u32,

    /// The hours in which customers who set none themselves hear nothing but transactional messages, on their own
    /// clock, such as 21:00-08:00; `none` for none.
    #[arg(long, env = "DOORSTEP_QUIET_HOURS", default_value = "21:00-08:00", value_parser = quiet_hours, value_name = "HOURS")]
    quiet_hours: QuietHours,

    /// How long a message that qualifies waits for others of the same customer, of which one is then chosen, such as
    /// 3s; 0s for not at all. Default: 3s; with --simulation-clock 0s, since that clock stands when the pings end.
    #[arg(long, env = "DOORSTEP_SETTLE", value_parser = settle, value_name = "SPAN")]
    settle: Option<Millis>,

    /// How long an app may take to confirm a message that it is shown, such as 10s, before it is withdrawn and another
    /// channel takes over.
    #[arg(long, env = "DOORSTEP_CONFIRM", default_value = "10s", value_parser = confirm, value_name = "SPAN")]
    confirm: Millis,

    /// How long to wait for streams and deliveries when asked to end, in seconds.
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    drain_s: u64,

    /// For testers' servers: let fixes of mock location apps count. Without it they are flagged, and have no effect.
    #[arg(long)]
    accept_mock_locations: bool,

    /// For testers only: die by SIGKILL at this point, at this pass of it.
    #[arg(long, env = doorstep::store::crash::VARIABLE, hide = true, value_name = "POINT[:PASS]")]
    crash_at: Option<CrashAt>,

    /// For simulations only: take the time from the pings instead of the system's clock.
    #[arg(long)]
    simulation_clock: bool,
}

/// Reads `21:00-08:00` or `none`.
fn quiet_hours(text: &str) -> Result<QuietHours, Invalid> {
    if text == "none" { Ok(QuietHours::None) } else { DailySpan::parse("", text).map(QuietHours::Daily) }
}

/// Reads a span of at most a minute.
fn settle(text: &str) -> Result<Millis, Invalid> {
    let span = parse_span("", text)?;
    if (Millis(0)..=SETTLE_MAX).contains(&span) {
        Ok(span)
    } else {
        Err(Invalid::new("", format!("is {span}; must be 0 s to {SETTLE_MAX}")))
    }
}

/// Reads a span of a second to five minutes.
fn confirm(text: &str) -> Result<Millis, Invalid> {
    let span = parse_span("", text)?;
    let range = Millis::from_secs(1)..=Millis::from_mins(5);
    if range.contains(&span) { Ok(span) } else { Err(Invalid::new("", format!("is {span}; must be 1 s to 5 min"))) }
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (routes, push) = (self.delivery.routes()?, self.delivery.limits());
        let manners = self.manners();
        if let Some(at) = self.crash_at {
            tracing::warn!(%at, "this server is told to die: for testers only");
            crash::arm(at);
        }
        let clock = if self.simulation_clock { Clock::pings() } else { Clock::System };
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let config = ServeConfig {
            data: self.data,
            listen: self.listen,
            clock,
            manners,
            history: Millis::from_days(self.keep_days.into()),
            presence: PresenceConfig { accept_mock: self.accept_mock_locations, ..PresenceConfig::default() },
            routes,
            push,
            confirm: self.confirm,
            drain: Duration::from_secs(self.drain_s),
        };
        if self.accept_mock_locations {
            tracing::warn!("fixes of mock location apps count: anybody can be anywhere");
        }
        let data = config.data.clone();
        let running = match service::start(config).await {
            Err(error) if recover::is_again() => return recover::unless_refused(error, &data, self.listen).await,
            started => started?,
        };
        if self.simulation_clock {
            tracing::warn!("time is taken from the pings: a simulation, not a service");
        }
        if !running.local_addr().ip().is_loopback() {
            tracing::warn!(listen = %running.local_addr(), "anybody who reaches this address can read and change everything");
        }
        let listen = running.local_addr();
        if recover::is_again() {
            // Whoever read the first line may have closed the pipe.
            tracing::info!(%listen, "serving again");
        } else {
            output::line(&format!("doorstep listening on {listen}"));
        }
        let fault = tokio::select! {
            _ = terminate.recv() => None,
            interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| None).context("cannot listen for SIGINT")?,
            fault = running.failed() => Some(fault),
        };
        tracing::info!("draining");
        let drained = running.drain().await;
        match (fault, drained) {
            (None, Ok(())) => {}
            (None, Err(error)) => return Err(error.into()),
            (Some(fault @ Fault::Store(_)), _) => return recover::wait(&fault, &data, listen).await,
            (Some(fault), Ok(())) => return Err(fault.into()),
            // The drain meets the cause.
            (Some(fault), Err(cause)) => return Err(anyhow::Error::from(cause).context(fault)),
        }
        tracing::info!("ended");
        Ok(())
    }

    fn manners(&self) -> Manners {
        let quiet_hours = match self.quiet_hours {
            QuietHours::None => None,
            QuietHours::Daily(hours) => Some(hours),
        };
        let usual = if self.simulation_clock { Millis(0) } else { Manners::usual().settle };
        Manners { quiet_hours, settle: self.settle.unwrap_or(usual) }
    }
}
