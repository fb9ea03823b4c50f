//! A provider that is as bad as providers are: it takes signed webhooks, writes down each arrival, and answers late,
//! wrongly, with garbage, with storms of 429, or hangs up.
//!
//! The last part of the path says in which life of the server a request was sent: `/alerts/12`. So a repeat is told
//! apart from a request that was under way when the server died.

use crate::faults::{Dice, Fault};
use anyhow::{Context, Result};
use hyper::header::{HeaderMap, HeaderName};
use serde_json::Value;
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// The largest body that is taken, in bytes.
const BODY_MAX_BYTES: usize = 256 * 1024;
/// The largest head, in bytes.
const HEAD_MAX_BYTES: u64 = 16 * 1024;
/// Most connections at once.
const CONNECTIONS_MAX: usize = 256;
/// Most arrivals that are kept.
const ARRIVALS_MAX: usize = 1_000_000;
/// The longest that a slow answer takes.
const SLOW: Duration = Duration::from_millis(1_500);

/// One signed request that came whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The `webhook-id`.
    pub id: String,
    /// Customer, campaign and region: what the message is about.
    pub about: [String; 3],
    /// The number at the end of the path.
    pub life: u32,
    /// Whether it was answered with a success.
    pub taken: bool,
}

/// A running provider. It stops when it is dropped.
pub struct Provider {
    address: SocketAddr,
    book: Arc<Book>,
    accepting: JoinHandle<()>,
}

struct Book {
    key: Webhook,
    dice: Dice,
    /// The longest that a good answer takes.
    latency: Duration,
    arrivals: Mutex<Vec<Arrival>>,
    count: watch::Sender<(u64, u64)>,
}

impl Provider {
    /// Listens at an address of this machine, port 0 for a free one. `secret` is a Standard Webhooks secret; answers
    /// take up to `latency`.
    pub async fn start(port: u16, secret: &str, dice: Dice, latency: Duration) -> Result<Self> {
        let key = Webhook::new(secret).context("the webhook secret is not base64 after whsec_")?;
        let book = Book { key, dice, latency, arrivals: Mutex::default(), count: watch::Sender::default() };
        let book = Arc::new(book);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("cannot listen for webhooks")?;
        let address = listener.local_addr().context("cannot listen for webhooks")?;
        Ok(Self { address, accepting: tokio::spawn(accept(listener, book.clone())), book })
    }

    /// Where to send the alerts of one life of a server.
    pub fn url(&self, life: u32) -> String {
        format!("http://{}/alerts/{life}", self.address)
    }

    /// All arrivals, in the order in which they came.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.book.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The faults so far, by name.
    pub fn faults(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.book.dice.counts()
    }

    /// How many arrived, and how many requests were refused, as they move on.
    pub fn watch(&self) -> watch::Receiver<(u64, u64)> {
        self.book.count.subscribe()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// How to run a provider by itself.
#[derive(Debug, Clone, clap::Args)]
pub struct ProviderArgs {
    /// The port to listen on, at 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// A file that holds the signing secret, as `doorstep serve --webhook-secret-file` takes it.
    #[arg(long, value_name = "FILE")]
    pub secret_file: PathBuf,
    /// Of a hundred requests, so many meet a fault: slow, wrong, garbage, a storm of 429, cut.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100), value_name = "PERCENT")]
    pub faults: u32,
    /// The seed of the faults.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// Runs a provider until it is interrupted, and prints what came.
pub async fn run(args: &ProviderArgs, out: &mut dyn Write) -> Result<()> {
    let subject = || format!("cannot read {}", args.secret_file.display());
    let secret = std::fs::read_to_string(&args.secret_file).with_context(subject)?;
    let dice = Dice::new(args.seed, args.faults);
    let provider = Provider::start(args.port, secret.trim(), dice, Duration::ZERO).await?;
    writeln!(out, "provider listening on {}", provider.url(1))?;
    let mut count = provider.watch();
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => { interrupted.context("cannot listen for SIGINT")?; break }
            _ = count.changed() => {
                let (arrived, refused) = *count.borrow_and_update();
                // Whoever closed standard error wants no progress.
                let _ = writeln!(std::io::stderr(), "{arrived} arrived, {refused} refused");
            }
        }
    }
    let arrivals = provider.arrivals();
    let ids: std::collections::BTreeSet<&str> = arrivals.iter().map(|arrival| arrival.id.as_str()).collect();
    let taken = arrivals.iter().filter(|arrival| arrival.taken).count();
    writeln!(
        out,
        "{} arrivals of {} alerts, {taken} taken; faults {:?}",
        arrivals.len(),
        ids.len(),
        provider.faults()
    )?;
    Ok(())
}

async fn accept(listener: TcpListener, book: Arc<Book>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let book = book.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            while let Some(true) = answer(&mut stream, &book).await {}
            drop(seat);
        });
    }
}

/// Answers one request; whether the connection goes on. None when it is over.
async fn answer(stream: &mut BufReader<TcpStream>, book: &Book) -> Option<bool> {
    let (path, headers) = head(stream).await?;
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = vec![0; Some(length).filter(|length| *length <= BODY_MAX_BYTES)?];
    stream.read_exact(&mut body).await.ok()?;
    let Some(mut arrival) = book.read(&path, &headers, &body) else {
        book.count.send_modify(|(_, refused)| *refused += 1);
        return say(stream, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    };
    let fault = book.dice.fault(crate::clock::now());
    arrival.taken = fault.is_none_or(Fault::succeeds);
    {
        let mut arrivals = book.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if arrivals.len() < ARRIVALS_MAX {
            arrivals.push(arrival);
        }
    }
    book.count.send_modify(|(arrived, _)| *arrived += 1);
    let slow = if fault == Some(Fault::Slow) { SLOW } else { book.latency };
    tokio::time::sleep(book.dice.pause(slow)).await;
    match fault {
        None | Some(Fault::Slow) => say(stream, "HTTP/1.1 204 No Content\r\n\r\n").await,
        Some(Fault::Wrong) => {
            let status = [500, 502, 503, 504].get(usize::try_from(book.dice.below(4)).ok()?).copied().unwrap_or(500);
            say(stream, &format!("HTTP/1.1 {status} Oh No\r\ncontent-length: 5\r\n\r\nsorry")).await
        }
        Some(Fault::Garbage) => say(stream, "\u{1}\u{2}%!PS-Adobe-3.0\r\n\r\n\0\0").await.map(|_| false),
        Some(Fault::Storm) => {
            say(stream, "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n").await
        }
        Some(Fault::CutBody) => {
            say(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly the begin").await.map(|_| false)
        }
        Some(Fault::CutHead) => say(stream, "HTTP/1.1 2").await.map(|_| false),
    }
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> Option<bool> {
    stream.write_all(text.as_bytes()).await.ok().map(|()| true)
}

/// Reads the head of a request: its path and its headers.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<(String, HeaderMap)> {
    let mut lines = stream.take(HEAD_MAX_BYTES);
    let (mut line, mut headers) = (String::new(), HeaderMap::new());
    lines.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    loop {
        line.clear();
        lines.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Some((path, headers)) };
        headers.insert(name.parse::<HeaderName>().ok()?, value.trim().parse().ok()?);
    }
}

impl Book {
    /// What a request says, if it is signed and complete.
    fn read(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Option<Arrival> {
        self.key.verify(body, headers).ok()?;
        let id = headers.get(HEADER_WEBHOOK_ID)?.to_str().ok()?.to_owned();
        let body: Value = serde_json::from_slice(body).ok()?;
        let data = body.get("data")?;
        let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let life = path.rsplit('/').next()?.parse().ok()?;
        Some(Arrival { id, about: [text("customer"), text("campaign"), text("region")], life, taken: false })
    }
}
