//! What a server does whose store broke while it ran: it stays at its address, not ready, until the disk takes something
//! again, and then begins anew as a new process image, so that nothing of the broken store, in memory or in sled's
//! threads, lives on. What was acked is on the disk, and what was not is judged by the opening.

use anyhow::Context;
use doorstep::service::{Fault, ServeError, stand_in};
use doorstep::store::{SledStore, StoreError};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Says that the process began anew.
const AGAIN: &str = "DOORSTEP_BEGAN_ANEW";
/// How often the disk is tried.
const EVERY: Duration = Duration::from_secs(1);

/// Whether this process began anew after its store broke.
pub(super) fn is_again() -> bool {
    std::env::var_os(AGAIN).is_some()
}

/// After a start that failed: waits, where the cause may pass.
pub(super) async fn unless_refused(error: ServeError, data: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    match &error {
        ServeError::Store(StoreError::Open { passes: true, .. }) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the store cannot be opened");
            until_it_passes(data, listen).await
        }
        _ => Err(error.into()),
    }
}

/// After a fault: waits.
pub(super) async fn wait(fault: &Fault, data: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    tracing::error!(%fault, "not serving until the disk is well again");
    until_it_passes(data, listen).await
}

async fn until_it_passes(data: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let directory = data.to_owned();
    let passes = async move {
        loop {
            // First a pause: an opening that fails although the disk takes the probe must not go round and round.
            tokio::time::sleep(EVERY).await;
            let directory = directory.clone();
            match tokio::task::spawn_blocking(move || SledStore::probe(directory)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::warn!(%error, "not serving"),
                Err(error) => tracing::error!(%error, "cannot try the disk"),
            }
        }
    };
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        stood = stand_in(listen, passes) => stood?,
        _ = terminate.recv() => return Ok(()),
        interrupted = tokio::signal::ctrl_c() => return interrupted.context("cannot listen for SIGINT"),
    }
    let problem = begin_anew(listen).map_or_else(|error| error, |never| match never {});
    Err(problem)
}

/// Replaces this process by a new one of the same arguments, at the same address.
fn begin_anew(listen: SocketAddr) -> Result<Infallible, anyhow::Error> {
    tracing::info!("beginning anew");
    let own = std::env::current_exe().context("cannot tell which program this is; start it again")?;
    let mut command = Command::new(own);
    command.args(std::env::args_os().skip(1)).arg("--listen").arg(listen.to_string()).env(AGAIN, "1");
    Err(anyhow::Error::from(command.exec()).context("cannot begin anew; start it again"))
}
