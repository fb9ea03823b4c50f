//! The walkers' phones, all at once, step by step.

use super::street::Walker;
use crate::clock::Stopwatch;
use crate::phone::Phone;
use anyhow::{Context, Result};
use doorstep::model::{CustomerId, Ping};
use doorstep::store::Records;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// How long a phone tries to report one ping, in seconds.
const PATIENCE_S: f64 = 120.0;

/// The highest number that was acked, by customer.
pub type Acked = Arc<Mutex<BTreeMap<CustomerId, u64>>>;

/// Everybody on the street.
pub struct Crowd {
    walking: Vec<(Walker, Phone)>,
    acked: Acked,
    /// Steps that all have made.
    pub steps: u64,
}

impl Crowd {
    /// A crowd whose phones share a line to the server.
    pub fn new(walkers: Vec<Walker>, line: &[Channel], acked: Acked) -> Self {
        let lines = line.iter().cycle();
        let phone = |(walker, line): (Walker, &Channel)| {
            let phone = Phone::new(line.clone(), walker.name(), 1);
            (walker, phone)
        };
        Self { walking: walkers.into_iter().zip(lines).map(phone).collect(), acked, steps: 0 }
    }

    /// Everybody makes a step, reports it, and waits for the ack, however often the server dies meanwhile.
    pub async fn step(&mut self) -> Result<()> {
        let mut set = JoinSet::new();
        for (mut walker, mut phone) in self.walking.drain(..) {
            let acked = self.acked.clone();
            set.spawn(async move {
                let ping = walker.next().context("the walk is over")?;
                report(&mut phone, &ping).await?;
                let mut acked = acked.lock().unwrap_or_else(PoisonError::into_inner);
                acked.insert(walker.customer.clone(), ping.sequence.0);
                drop(acked);
                anyhow::Ok((walker, phone))
            });
        }
        while let Some(done) = set.join_next().await {
            self.walking.push(done.context("a phone broke")??);
        }
        self.steps += 1;
        Ok(())
    }

    /// Pings that the server refused.
    pub fn refusals(&self) -> Vec<(u64, String)> {
        self.walking.iter().flat_map(|(_, phone)| phone.report().refusals.clone()).collect()
    }
}

/// Has a phone report a ping. It gives up after a while, and is asked again: a server is dead for longer here than any
/// should be.
async fn report(phone: &mut Phone, ping: &Ping) -> Result<()> {
    let since = Stopwatch::start();
    let mut reported = phone.take(ping).await;
    while let Err(error) = reported {
        if since.seconds() > PATIENCE_S {
            return Err(error);
        }
        reported = phone.flush().await;
    }
    Ok(())
}

/// How many acked pings a store does not hold, and how many it should.
pub fn forgotten(records: &Records, acked: &Acked) -> Result<u64> {
    let acked = acked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut forgotten = 0;
    for (customer, sequence) in acked {
        let (state, _) = records.load_customer(&customer)?.with_context(|| format!("customer {customer} is lost"))?;
        let kept = state.devices.values().map(|own| own.kept.highest().0).max().unwrap_or_default();
        forgotten += sequence.saturating_sub(kept);
    }
    Ok(forgotten)
}
