//! The real server, as a process of its own, that can be killed.

use crate::clock::Stopwatch;
use anyhow::{Context, Result, bail, ensure};
use doorstep::store::crash::{CrashAt, VARIABLE};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long a server may take until it listens.
const LISTEN_WITHIN: Duration = Duration::from_secs(30);
/// How long a server may take to end when it is asked to.
const END_WITHIN: Duration = Duration::from_secs(30);
/// SIGKILL.
const KILL: i32 = 9;

/// How servers are started.
#[derive(Debug, Clone)]
pub struct Starter {
    /// The `doorstep` binary.
    pub binary: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// The file with the webhook's secret.
    pub secret: PathBuf,
    /// Where every server listens.
    pub address: SocketAddr,
    /// Where its log goes.
    pub log: PathBuf,
}

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Starter {
    /// Starts a server that sends to a webhook, and dies where it is told to.
    pub fn spawn(&self, webhook: &str, crash_at: Option<CrashAt>) -> Result<Server> {
        let log =
            std::fs::File::options().create(true).append(true).open(&self.log).context("cannot open the log")?;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--data").arg(&self.data).arg("--listen").arg(self.address.to_string());
        command.args(["--webhook-url", webhook, "--webhook-secret-file"]).arg(&self.secret);
        command.args(["--simulation-clock", "--settle", "3s", "--quiet-hours", "none"]);
        command.env_remove(VARIABLE).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        if let Some(at) = crash_at {
            command.env(VARIABLE, at.to_string());
        }
        let child = command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?;
        Ok(Server { child })
    }
}

impl Server {
    /// Waits until it listens; returns how long that took.
    pub async fn listens(&mut self) -> Result<Duration> {
        let since = Stopwatch::start();
        let stdout = self.child.stdout.take().context("it is waited for already")?;
        let mut line = String::new();
        let reading = tokio::time::timeout(LISTEN_WITHIN, BufReader::new(stdout).read_line(&mut line)).await;
        let _ = reading.with_context(|| format!("the server does not listen after {LISTEN_WITHIN:?}"))?;
        ensure!(line.starts_with("doorstep listening on "), "the server did not start; its log says why");
        Ok(Duration::from_secs_f64(since.seconds()))
    }

    /// Kills it with SIGKILL, unless it has died by itself, and waits for its end.
    pub async fn kill(mut self) -> Result<()> {
        // Fails only where it has ended already, and the status tells how.
        let _ = self.child.start_kill();
        killed(self.child.wait().await.context("cannot wait for the server")?)
    }

    /// Waits until it has killed itself, at most `within`; whether it has. Then it must be killed.
    pub async fn dies(&mut self, within: Duration) -> Result<bool> {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(ended) => killed(ended.context("cannot wait for the server")?).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(mut self) -> Result<()> {
        let id = self.child.id().context("the server has ended by itself; its log says why")?;
        let asked =
            Command::new("kill").args(["-TERM", &id.to_string()]).status().await.context("cannot run kill")?;
        ensure!(asked.success(), "the server is gone; its log says why");
        let ended = tokio::time::timeout(END_WITHIN, self.child.wait()).await;
        let status = ended.context("the server does not end")?.context("cannot wait for the server")?;
        ensure!(status.success(), "the server ended badly: {status}; its log says why");
        Ok(())
    }
}

fn killed(status: ExitStatus) -> Result<()> {
    if status.signal() == Some(KILL) {
        return Ok(());
    }
    bail!("the server ended by itself before it was killed: {status}; its log says why")
}

/// A port that is free at this moment, for servers that follow each other.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?)
}

/// The `doorstep` binary: the one that was given, or the one that cargo builds from this source tree, in the way in which
/// this program was built.
pub fn binary(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    // target/PROFILE/simulator, or target/PROFILE/deps/TEST.
    let folder =
        own.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).context("this program lies nowhere")?;
    let binary = folder.join("doorstep");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    if source.is_file() {
        let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Both packages, so that dependencies keep the features that they were built with.
        cargo.args(["build", "--quiet", "-p", "doorstep", "-p", "simulator", "--bin", "doorstep", "--manifest-path"]);
        cargo.arg(&source).stdout(Stdio::null());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        if let Some(target) = folder.parent() {
            cargo.arg("--target-dir").arg(target);
        }
        let built = cargo.status().context("cannot run cargo; name the server with --server-binary")?;
        ensure!(built.success(), "cargo cannot build the server");
    }
    ensure!(binary.is_file(), "there is no {}; name the server with --server-binary", binary.display());
    Ok(binary)
}
