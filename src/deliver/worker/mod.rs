//! The outbox worker: claims what is durable, has it delivered, and records what became of it.
//!
//! One task reads the outbox in the order of commit (`intake`), puts each entry on the lane of its provider
//! (`lane`), and starts attempts, each of them a task, so that a slow one holds up nobody but itself. A lane has a
//! width, a rate and a breaker (`breaker`), and brands take turns on it (`queue`); no lane holds up another. The
//! worker sleeps until a commit, the next due time or the end of an attempt. What it keeps in memory is only where it
//! stands: after a crash the outbox holds everything that has no end on record, and the next worker takes it up again
//! under the same ids.

mod attempt;
mod breaker;
mod intake;
mod lane;
mod lanes;
mod offer;
mod queue;
#[cfg(test)]
mod tests;

use self::attempt::{Desk, Landed, Landing};
use self::breaker::Signal;
use self::intake::{Intake, Shelves as _};
use self::lane::{Kind, Start, Width};
pub use self::lane::{Standing, Standings};
use self::lanes::Lanes;
use self::queue::Job;
use super::{Apps, Clock, Routes};
use crate::model::Millis;
use crate::store::{PAGE_MAX, Records, Revision, StoreError};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

/// The longest sleep: the wall clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// How much a worker takes upon itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attempts at the same time on a lane, 1 or more. Default: 64.
    pub in_flight: usize,
    /// Attempts a second on a lane, 1 or more. Default: 1,000.
    pub per_second: u32,
    /// How long it takes after an outage until that much goes again. Default: 1 min.
    pub ramp: Millis,
    /// Entries that are read at once, 1 to 1,000. Default: 64.
    pub batch: usize,
    /// Entries of a lane that are claimed and not ended, 1 or more; of one brand at most a quarter of it, where that
    /// is 64 or more: beyond it, new ones stay in the outbox. Default: 65,536.
    pub claimed: usize,
    /// How long a provider may take over one attempt. Default: 30 s.
    pub attempt: Millis,
    /// How long an app may take to confirm what it was offered, before that is withdrawn. Default: 10 s.
    pub confirm: Millis,
    /// How long attempts in flight may take to end after the stop. Default: 10 s.
    pub drain: Millis,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 64,
            per_second: 1_000,
            ramp: Millis::from_mins(1),
            batch: 64,
            claimed: 65_536,
            attempt: Millis::from_secs(30),
            confirm: Millis::from_secs(10),
            drain: Millis::from_secs(10),
        }
    }
}

/// Delivers the triggers of one outbox. No two workers may run on an outbox at a time: each would deliver everything.
pub struct Worker {
    desk: Arc<Desk>,
    limits: Limits,
    standings: watch::Sender<Standings>,
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
    pub fn new(records: Records, routes: impl Into<Routes>, clock: Clock, seed: u64, limits: Limits) -> Self {
        let patience = duration(limits.attempt);
        let limits = Limits {
            in_flight: limits.in_flight.max(1),
            batch: limits.batch.clamp(1, PAGE_MAX),
            claimed: limits.claimed.max(1),
            ..limits
        };
        let (routes, apps, confirm) = (routes.into(), Apps::default(), limits.confirm);
        let desk = Arc::new(Desk { records, routes, apps, confirm, clock, seed, patience });
        Self { desk, limits, standings: watch::Sender::default() }
    }

    /// The same, with these apps to speak to.
    #[must_use]
    pub fn with_apps(self, apps: Apps) -> Self {
        let Desk { records, routes, clock, seed, patience, confirm, .. } = &*self.desk;
        let (records, routes, clock) = (records.clone(), routes.clone(), Arc::clone(clock));
        let (seed, patience, confirm) = (*seed, *patience, *confirm);
        Self { desk: Arc::new(Desk { records, routes, apps, confirm, clock, seed, patience }), ..self }
    }

    /// How the lanes stand that were used so far, as it changes. Ends with the worker.
    pub fn standing(&self) -> watch::Receiver<Standings> {
        self.standings.subscribe()
    }

    /// Works until `stop` becomes true or its sender is gone; then lets the attempts in flight end, within the
    /// deadline. Whatever is not recorded by then remains in the outbox and is delivered by the next worker, with
    /// the same id. An entry that does not decode is logged and left in place; a read that fails is tried again.
    /// Fails when the store takes no more commits, after the same drain.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<Drained, WorkerError> {
        let mut round = Round::new(self);
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
    intake: Intake,
    lanes: Lanes,
    flights: JoinSet<Landed>,
    /// The jobs in flight, in case one panics.
    jobs: HashMap<Id, (Job, Kind)>,
    commits: watch::Receiver<Revision>,
    cut_off: usize,
}

impl Round {
    fn new(worker: Worker) -> Self {
        let Worker { desk, limits, standings } = worker;
        let commits = desk.records.watch();
        let width = Width {
            in_flight: limits.in_flight,
            per_second: NonZeroU32::new(limits.per_second).unwrap_or(NonZeroU32::MIN),
            ramp: duration(limits.ramp),
        };
        Self {
            lanes: Lanes::new(desk.routes.clone(), width, limits.claimed, standings),
            desk,
            limits,
            intake: Intake::new(),
            flights: JoinSet::new(),
            jobs: HashMap::new(),
            commits,
            cut_off: 0,
        }
    }

    async fn work(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), StoreError> {
        loop {
            if self.commits.has_changed().map_err(|_| StoreError::Closed)? {
                // Commits from here on wake the worker again.
                self.commits.mark_unchanged();
                self.intake.wake();
            }
            let now = (self.desk.clock)();
            let reading = self.intake.read(&self.desk, &mut self.lanes, self.limits.batch, now)?;
            self.start();
            let nap = self.nap();
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                Some(end) = self.flights.join_next_with_id() => self.land(end)?,
                commit = self.commits.changed() => match commit {
                    Ok(()) => self.intake.wake(),
                    Err(_) => return Err(StoreError::Closed),
                },
                () = yield_now(), if reading => {}
                () = sleep(nap.unwrap_or_default()), if nap.is_some() => {}
            }
            // All that have ended make room before the next are started.
            while let Some(end) = self.flights.try_join_next_with_id() {
                self.land(end)?;
            }
        }
    }

    /// Starts as many attempts as there is room and work for.
    fn start(&mut self) {
        while let Some(Start { job, kind }) = self.lanes.start((self.desk.clock)(), Instant::now()) {
            let (desk, flying) = (Arc::clone(&self.desk), job.clone());
            let flight = self.flights.spawn(async move { desk.attempt(flying).await });
            self.jobs.insert(flight.id(), (job, kind));
        }
    }

    fn land(&mut self, end: Result<(Id, Landed), JoinError>) -> Result<(), StoreError> {
        let id = end.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some((job, kind)) = self.jobs.remove(&id) else { return Ok(()) };
        let (lane, key, trigger) = (job.lane, job.entry.key.clone(), job.entry.trigger.clone());
        let Landed { landing, signal, detail } = match end {
            Ok((_, landed)) => landed,
            Err(error) if error.is_panic() => {
                tracing::error!(%trigger, "a provider panicked; trying again");
                Landed { landing: self.desk.set_aside(job), signal: Signal::Nothing, detail: String::new() }
            }
            Err(_) => return Ok(()),
        };
        let random = self.desk.random(trigger.as_str().as_bytes(), u32::MAX);
        self.lanes.landed(lane, &key, kind, (signal, &detail), random);
        match landing {
            Landing::Ended => {}
            Landing::Again { job, due } => self.lanes.put(*job, due),
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

    /// How long until a lane may start something, or the outbox is read again.
    fn nap(&self) -> Option<Duration> {
        let now = (self.desk.clock)();
        let read = self.intake.read_again.map(|due| duration(due - now));
        let nap = self.lanes.nap(now, Instant::now()).into_iter().chain(read).min()?;
        Some(nap.min(SLEEP_MAX))
    }
}

fn duration(span: Millis) -> Duration {
    Duration::from_millis(span.0.max(0).unsigned_abs())
}
