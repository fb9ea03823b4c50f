//! The outbox worker: claims what is durable, has it delivered, and records what became of it.
//!
//! One task claims batches in the order of commit and starts attempts, each of them a task, so that a slow one
//! holds up nobody but itself. It sleeps until a commit, the next due time or the end of an attempt. What it keeps
//! in memory is only where it stands: after a crash the outbox holds everything that has no end on record, and the
//! next worker takes it up again under the same ids.

mod attempt;
mod queue;
#[cfg(test)]
mod tests;

use self::attempt::{Desk, Landing};
use self::queue::{Job, Queue};
use super::{Clock, Provider, backoff};
use crate::model::{Millis, ServerTime};
use crate::store::{OutboxEntry, PAGE_MAX, Records, Revision, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{sleep, timeout};

/// The longest sleep: the wall clock may be set meanwhile.
const SLEEP_MAX: Millis = Millis::from_mins(1);

/// How much a worker takes upon itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attempts at the same time, 1 or more. Default: 64.
    pub in_flight: usize,
    /// Entries that are claimed at once, 1 to 1,000. Default: 256.
    pub batch: usize,
    /// Entries that are claimed and not ended, 1 or more: beyond it, new ones stay in the outbox. Default: 65,536.
    pub claimed: usize,
    /// How long a provider may take over one attempt. Default: 30 s.
    pub attempt: Millis,
    /// How long attempts in flight may take to end after the stop. Default: 10 s.
    pub drain: Millis,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 64,
            batch: 256,
            claimed: 65_536,
            attempt: Millis::from_secs(30),
            drain: Millis::from_secs(10),
        }
    }
}

/// Delivers the triggers of one outbox through one provider. No two workers may run on an outbox at a time: each
/// would deliver everything.
pub struct Worker {
    desk: Arc<Desk>,
    limits: Limits,
}

/// How a worker came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Attempts that were cut off at the deadline. Their triggers remain in the outbox.
    pub cut_off: usize,
}

/// Why a worker gave up.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The outbox can't be read, or takes no more records.
    #[error("cannot work on the outbox")]
    Outbox(#[source] StoreError),
}

impl Worker {
    /// A worker; it begins when it [`run`](Self::run)s. `seed` makes the jitter of its waits differ from others'.
    pub fn new(records: Records, provider: Arc<dyn Provider>, clock: Clock, seed: u64, limits: Limits) -> Self {
        let patience = duration(limits.attempt);
        let limits = Limits {
            in_flight: limits.in_flight.max(1),
            batch: limits.batch.clamp(1, PAGE_MAX),
            claimed: limits.claimed.max(1),
            ..limits
        };
        Self { desk: Arc::new(Desk { records, provider, clock, seed, patience }), limits }
    }

    /// Works until `stop` becomes true or its sender is gone; then lets the attempts in flight end, within the
    /// deadline. Whatever is not recorded by then remains in the outbox and is delivered by the next worker, with
    /// the same id. An entry that does not decode is logged and left in place; a read that fails is tried again.
    /// Fails when the store takes no more commits, after the same drain.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<Drained, WorkerError> {
        let mut round = Round::new(self.desk, self.limits);
        let worked = round.work(&mut stop).await;
        let drained = round.drain().await;
        worked.and(drained).map_err(WorkerError::Outbox)?;
        Ok(Drained { cut_off: round.cut_off })
    }
}

/// Where a running worker stands.
struct Round {
    desk: Arc<Desk>,
    limits: Limits,
    queue: Queue<OutboxEntry>,
    flights: JoinSet<Landing>,
    /// The jobs in flight, in case one panics.
    jobs: HashMap<Id, Job<OutboxEntry>>,
    commits: watch::Receiver<Revision>,
    /// The last key that was claimed.
    cursor: Option<Vec<u8>>,
    /// Whether there may be entries after it.
    more: bool,
    /// Reads of the outbox that failed in a row.
    reads_failed: u32,
    /// Until when the outbox is left alone after a failed read.
    read_again: Option<ServerTime>,
    cut_off: usize,
}

impl Round {
    fn new(desk: Arc<Desk>, limits: Limits) -> Self {
        let commits = desk.records.watch();
        Self {
            desk,
            limits,
            queue: Queue::new(),
            flights: JoinSet::new(),
            jobs: HashMap::new(),
            commits,
            cursor: None,
            more: true,
            reads_failed: 0,
            read_again: None,
            cut_off: 0,
        }
    }

    async fn work(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), StoreError> {
        loop {
            self.start()?;
            let has_room = self.has_room();
            let nap = self.nap();
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                Some(end) = self.flights.join_next_with_id() => self.land(end)?,
                commit = self.commits.changed(), if has_room => match commit {
                    Ok(()) => self.more = true,
                    Err(_) => return Err(StoreError::Closed),
                },
                () = sleep(nap.unwrap_or_default()), if has_room && nap.is_some() => {}
            }
            // All that have ended make room before the next are started.
            while let Some(end) = self.flights.try_join_next_with_id() {
                self.land(end)?;
            }
        }
    }

    /// Starts as many attempts as there is room and work for.
    fn start(&mut self) -> Result<(), StoreError> {
        while self.has_room() {
            let claimed = self.claim()?;
            let Some(job) = self.queue.next((self.desk.clock)()) else {
                match claimed {
                    0 => return Ok(()),
                    // All of them wait: there may be others behind them that don't.
                    _ => continue,
                }
            };
            let (desk, flying) = (Arc::clone(&self.desk), job.clone());
            let flight = self.flights.spawn(async move { desk.attempt(flying).await });
            self.jobs.insert(flight.id(), job);
        }
        Ok(())
    }

    /// Claims the next batch when the last one has been started; returns how many entries came.
    fn claim(&mut self) -> Result<usize, StoreError> {
        let claimed = self.queue.len() + self.flights.len();
        let batch = self.limits.batch.min(self.limits.claimed.saturating_sub(claimed));
        if !self.more || self.queue.fresh() > 0 || batch == 0 {
            return Ok(0);
        }
        if self.read_again.is_some_and(|due| (self.desk.clock)() < due) {
            return Ok(0);
        }
        // Commits from here on wake the worker again.
        self.commits.mark_unchanged();
        let part = match self.desk.records.outbox_part(self.cursor.as_deref(), batch) {
            Ok(part) => part,
            Err(error) => return self.read_later(error).map(|()| 0),
        };
        (self.reads_failed, self.read_again) = (0, None);
        self.more = part.full;
        self.cursor = part.last.or_else(|| self.cursor.take());
        for error in &part.damaged {
            tracing::error!(%error, "an entry of the outbox is passed over and stays there");
        }
        let claimed = part.entries.len() + part.damaged.len();
        for entry in part.entries {
            let (failed, next_attempt) = (entry.attempts_made, entry.next_attempt);
            let job = Job { entry, failed };
            match next_attempt {
                Some(due) => self.queue.wait(job, due),
                None => self.queue.add(job),
            }
        }
        Ok(claimed)
    }

    /// Leaves the outbox alone for a while after a failed read. A store that is broken for good ends the work.
    fn read_later(&mut self, error: StoreError) -> Result<(), StoreError> {
        let broken = match &error {
            StoreError::Open { .. } | StoreError::Write(_) | StoreError::Closed => true,
            StoreError::Read(_)
            | StoreError::Damaged { .. }
            | StoreError::TooLarge { .. }
            | StoreError::Key { .. }
            | StoreError::CommitTooLarge { .. } => self.desk.records.fault().is_some(),
        };
        if broken {
            return Err(error);
        }
        self.reads_failed = self.reads_failed.saturating_add(1);
        let seed = self.desk.seed.wrapping_add(self.reads_failed.into());
        let wait = backoff::wait(self.reads_failed, xxhash_rust::xxh3::xxh3_64_with_seed(b"outbox", seed));
        tracing::error!(%error, wait_ms = wait.0, "cannot read the outbox; trying again");
        self.read_again = Some((self.desk.clock)() + wait);
        Ok(())
    }

    fn land(&mut self, end: Result<(Id, Landing), JoinError>) -> Result<(), StoreError> {
        let landing = match end {
            Ok((id, landing)) => {
                self.jobs.remove(&id);
                landing
            }
            Err(error) => match self.jobs.remove(&error.id()) {
                Some(job) if error.is_panic() => {
                    tracing::error!(trigger = %job.entry.trigger, "a provider panicked; trying again");
                    self.desk.set_aside(job)
                }
                Some(_) | None => return Ok(()),
            },
        };
        match landing {
            Landing::Ended => {}
            Landing::Again { job, due } => self.queue.wait(job, due),
            Landing::Broken(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the attempts in flight, up to the deadline.
    async fn drain(&mut self) -> Result<(), StoreError> {
        let limit = duration(self.limits.drain);
        let landing = async {
            let mut broken = Ok(());
            while let Some(end) = self.flights.join_next_with_id().await {
                broken = broken.and(self.land(end));
            }
            broken
        };
        let ended = timeout(limit, landing).await;
        self.cut_off = self.flights.len();
        self.flights.shutdown().await;
        ended.unwrap_or(Ok(()))
    }

    fn has_room(&self) -> bool {
        self.flights.len() < self.limits.in_flight
    }

    /// How long until the first of those that wait is due, or the outbox is read again.
    fn nap(&self) -> Option<Duration> {
        let due = self.queue.due().into_iter().chain(self.read_again).min()?;
        Some(duration((due - (self.desk.clock)()).min(SLEEP_MAX)))
    }
}

fn duration(span: Millis) -> Duration {
    Duration::from_millis(span.0.max(0).unsigned_abs())
}
