//! A bad line: a TCP proxy that stalls, trickles and cuts connections, drawn from a seed.

use crate::faults::Dice;
use anyhow::{Context, Result};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Most connections at once.
const CONNECTIONS_MAX: usize = 1_024;
/// The longest stall.
const STALL: Duration = Duration::from_millis(800);
/// A cut comes after at most so many bytes.
const CUT_WITHIN_BYTES: u64 = 6 * 1024;

/// How to run a proxy by itself.
#[derive(Debug, Clone, clap::Args)]
pub struct ProxyArgs {
    /// Where the connections go.
    #[arg(long, value_name = "ADDR")]
    pub to: SocketAddr,
    /// The port to listen on, at 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Of a hundred connections, so many meet a fault: stalled, trickling, cut.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=100), value_name = "PERCENT")]
    pub faults: u32,
    /// The seed of the faults.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// A running proxy. It stops when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    cuts: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Passes connections on to an address; of a hundred, so many meet a fault.
    pub async fn start(port: u16, to: SocketAddr, seed: u64, percent: u32) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("cannot listen for the proxy")?;
        let address = listener.local_addr().context("cannot listen for the proxy")?;
        let cuts = Arc::<AtomicU64>::default();
        let line = Line { to, dice: Arc::new(Dice::new(seed, percent)), percent, cuts: cuts.clone() };
        Ok(Self { address, cuts, accepting: tokio::spawn(accept(listener, line)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Runs a proxy until it is interrupted.
pub async fn run(args: &ProxyArgs, out: &mut dyn Write) -> Result<()> {
    let proxy = Proxy::start(args.port, args.to, args.seed, args.faults).await?;
    writeln!(out, "proxy listening on {}, to {}", proxy.address(), args.to)?;
    tokio::signal::ctrl_c().await.context("cannot listen for SIGINT")?;
    writeln!(out, "{} connections cut", proxy.cuts())?;
    Ok(())
}

#[derive(Clone)]
struct Line {
    to: SocketAddr,
    dice: Arc<Dice>,
    percent: u32,
    cuts: Arc<AtomicU64>,
}

async fn accept(listener: TcpListener, line: Line) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let line = line.clone();
        tokio::spawn(async move {
            line.carry(stream).await;
            drop(seat);
        });
    }
}

impl Line {
    /// Carries a connection until either side, or a fault, ends it.
    async fn carry(&self, near: TcpStream) {
        let Ok(far) = TcpStream::connect(self.to).await else { return };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let bad = self.dice.below(100) < u64::from(self.percent);
        let (stalls, cuts) = (bad && self.dice.below(2) == 0, bad && self.dice.below(3) > 0);
        let cut = || if cuts { self.dice.below(CUT_WITHIN_BYTES) } else { u64::MAX };
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        // Whichever direction ends first takes the other along, in the middle of whatever it was saying.
        let was_cut = tokio::select! {
            cut = self.pump(near_in, far_out, stalls, cut()) => cut,
            cut = self.pump(far_in, near_out, stalls, cut()) => cut,
        };
        if was_cut {
            self.cuts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Passes on what comes, up to so many bytes; whether that was the end.
    async fn pump(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, stalls: bool, mut left: u64) -> bool {
        let mut buffer = vec![0; 4096];
        while let Ok(read) = from.read(&mut buffer).await {
            if stalls && self.dice.below(4) == 0 {
                tokio::time::sleep(self.dice.pause(STALL)).await;
            }
            let passed = usize::try_from(left).unwrap_or(usize::MAX).min(read);
            let Some(part) = buffer.get(..passed).filter(|part| !part.is_empty()) else { return left == 0 };
            if to.write_all(part).await.is_err() {
                return false;
            }
            left -= passed as u64;
            if left == 0 {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends 20,000 bytes through a proxy to a server that counts; how many came.
    async fn check(seed: u64, percent: u32) -> (usize, u64) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to = listener.local_addr().unwrap();
        let counting = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all).await;
            all.len()
        });
        let proxy = Proxy::start(0, to, seed, percent).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let _ = stream.write_all(&vec![7; 20_000]).await;
        let _ = stream.shutdown().await;
        (counting.await.unwrap(), proxy.cuts())
    }

    #[tokio::test]
    async fn a_good_line_carries_all_and_a_bad_one_is_cut() {
        assert_eq!(check(1, 0).await, (20_000, 0));
        let mut cut = 0;
        for seed in 1..=6 {
            let (came, cuts) = check(seed, 100).await;
            assert_eq!(came < 20_000, cuts == 1, "seed {seed}: {came} {cuts}");
            cut += cuts;
        }
        assert!((1..6).contains(&cut), "some stall, and some are cut: {cut}");
    }
}
