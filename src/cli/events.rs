//! `doorstep events`.

use super::connect::connect;
use super::output;
use anyhow::{Context, bail};
use clap::Subcommand;
use doorstep::files::{Told, read_events};
use doorstep::wire::{event, v1};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use v1::event_service_client::EventServiceClient;

/// Most events of one call.
const BATCH: usize = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Record the events of a file, each once, however often it is sent: JSON with one object a line, or YAML with a
    /// list `events`. An event has customer, id, event, time and channel (web, email, till or app), and may have
    /// properties, value and currency.
    Record {
        /// The file; `-` reads standard input.
        file: PathBuf,
        /// Create customers that there are not yet, without consent, instead of refusing their events.
        #[arg(long)]
        allow_missing: bool,
    },
}

impl Events {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        match self {
            Self::Record { file, allow_missing } => record(server, &file, allow_missing).await,
        }
    }
}

async fn record(server: &str, file: &Path, allow_missing: bool) -> anyhow::Result<()> {
    let shown = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    read.with_context(|| format!("cannot read {shown}"))?;
    let told = read_events(&text).with_context(|| format!("in {shown}, nothing was recorded"))?;
    let mut client = EventServiceClient::new(connect(server).await?);
    let (mut recorded, mut repeated, mut refused) = (0, 0, Vec::new());
    for (batch, told) in told.chunks(BATCH).enumerate() {
        let events = told.iter().map(|Told { customer, event }| event::event_message(customer, event)).collect();
        let answer = client.record_events(v1::RecordEventsRequest { events, allow_missing }).await?.into_inner();
        recorded += answer.recorded_count;
        repeated += answer.repeated_count;
        let line = |refusal: &v1::EventRefusal| {
            let index = batch * BATCH + usize::try_from(refusal.index).unwrap_or_default();
            format!("events[{index}] ({}): {}", refusal.event_id, refusal.detail)
        };
        refused.extend(answer.refusals.iter().map(line));
    }
    let known = if repeated > 0 { format!(", {repeated} known already") } else { String::new() };
    output::line(&format!("{recorded} of {} recorded{known}", output::count(told.len(), "event")));
    if refused.is_empty() { Ok(()) } else { bail!("{} refused:\n  {}", refused.len(), output::few(&refused, 20)) }
}
