//! What the tests share: a real server process on a free port, with a data directory of its own.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod denver;
pub mod receiver;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// Connects to a server that has just started.
pub async fn connect(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect_timeout(Duration::from_secs(5)).connect().await.expect("the server answers")
}

/// A `doorstep serve` process, killed when dropped.
pub struct Server {
    /// Where it listens, `127.0.0.1:PORT`.
    pub address: String,
    child: Child,
    data: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts a server on an empty data directory that goes when it goes.
    pub fn start(args: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self::start_in(data.path(), args);
        server.data = Some(data);
        server
    }

    /// Starts a server on this data directory.
    pub fn start_in(data: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_doorstep"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            // The tests must give the same by day and by night.
            .env("DOORSTEP_QUIET_HOURS", "none")
            .arg(data)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("doorstep starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("doorstep says where it listens");
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        assert!(address.starts_with("127.0.0.1:"), "unexpected first line: {line:?}");
        Self { address, child, data: None }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end with SIGTERM.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill works");
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the child can be waited for")
    }

    /// Kills it with SIGKILL, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
