//! The way to one provider: what goes that way, how much of it at a time, and whether any of it may go.

use super::breaker::{Allowed, Breaker, Signal, Turn};
use super::queue::{Job, Queue};
use crate::model::{Millis, ServerTime};
use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::Instant;

/// How each lane stands, by its name.
pub type Standings = BTreeMap<&'static str, Standing>;

/// How a lane stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It lets everything through, or more and more of it.
    Working,
    /// Its provider is down or wants a rest.
    Resting {
        /// What it answered last.
        detail: String,
    },
    /// Its provider does not accept our credentials. An operator has to see to it.
    Paused {
        /// What it answered last.
        detail: String,
    },
}

/// How much goes a lane at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    /// Attempts at the same time.
    pub(super) in_flight: usize,
    /// Attempts a second.
    pub(super) per_second: NonZeroU32,
    /// How long it takes after an outage until that much goes again.
    pub(super) ramp: Duration,
}

/// One lane.
pub(super) struct Lane {
    pub(super) queue: Queue,
    breaker: Breaker,
    width: Width,
    limiter: RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Reading>>,
    /// The limiter's clock, and where tokio's stood when it was set.
    clock: (FakeRelativeClock, Instant),
    /// Until when the rate is used up.
    spent: Option<Instant>,
    in_flight: usize,
    /// Expired ones whose end is being recorded.
    ending: usize,
}

type Reading = <FakeRelativeClock as governor::clock::Clock>::Instant;

/// What a lane starts.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) job: Job,
    pub(super) kind: Kind,
}

/// Why it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To be delivered.
    Usual,
    /// To be delivered, and to see whether the provider is back.
    Probe,
    /// To be ended, having expired.
    Expired,
}

impl Lane {
    /// An empty lane of a provider that may deny so many in a row before it is paused.
    pub(super) fn new(denials: u32, width: Width, now: Instant) -> Self {
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(Quota::per_second(width.per_second), clock.clone());
        let breaker = Breaker::new(denials, width.ramp);
        let (queue, clock) = (Queue::default(), (clock, now));
        Self { queue, breaker, width, limiter, clock, spent: None, in_flight: 0, ending: 0 }
    }

    /// How many jobs there are, in flight or not.
    pub(super) fn load(&self) -> usize {
        self.queue.len() + self.in_flight
    }

    /// Takes the next job that may be started at this moment.
    pub(super) fn start(&mut self, now: ServerTime, instant: Instant) -> Option<Start> {
        if self.ending < self.width.in_flight
            && let Some(job) = self.queue.take_expired(now)
        {
            self.ending += 1;
            return Some(Start { job, kind: Kind::Expired });
        }
        self.queue.release(now);
        let (kind, part) = match self.breaker.allows(instant) {
            Allowed::Part(part) if self.in_flight < self.room(part) => (Kind::Usual, part),
            Allowed::Probe => (Kind::Probe, 1.0),
            Allowed::Part(_) | Allowed::After(_) | Allowed::Later => return None,
        };
        if !self.queue.is_ready() || !self.within_rate(part, instant) {
            return None;
        }
        let job = self.queue.take()?;
        self.in_flight += 1;
        if kind == Kind::Probe {
            self.breaker.probe();
        }
        Some(Start { job, kind })
    }

    /// Notes how a start ended, and says how the lane changed by that.
    pub(super) fn landed(&mut self, kind: Kind, signal: Signal, instant: Instant, random: u64) -> Option<Turn> {
        match kind {
            Kind::Expired => {
                self.ending = self.ending.saturating_sub(1);
                None
            }
            Kind::Usual | Kind::Probe => {
                self.in_flight = self.in_flight.saturating_sub(1);
                self.breaker.landed(signal, kind == Kind::Probe, instant, random)
            }
        }
    }

    /// How long until something may be started that may not now; nothing where only the end of an attempt, or another
    /// job, can change that.
    pub(super) fn nap(&self, now: ServerTime, instant: Instant) -> Option<Duration> {
        let until = |moment: ServerTime| Duration::from_millis((moment - now).max(Millis(0)).0.unsigned_abs());
        let end = self.queue.end().filter(|_| self.ending < self.width.in_flight).map(until);
        let due = self.queue.due().map(until);
        let start = match self.breaker.allows(instant) {
            Allowed::After(moment) => (self.queue.len() > 0).then(|| moment - instant),
            Allowed::Probe => self.next(due, instant),
            Allowed::Part(part) if self.in_flight < self.room(part) => self.next(due, instant),
            // The ramp makes room, too.
            Allowed::Part(part) if part < 1.0 && self.queue.is_ready() => Some(self.width.ramp / 100),
            Allowed::Part(_) | Allowed::Later => None,
        };
        [end, start].into_iter().flatten().min()
    }

    /// How long until the next job may be started as far as jobs and rate go.
    fn next(&self, due: Option<Duration>, instant: Instant) -> Option<Duration> {
        if self.queue.is_ready() { self.spent.map(|until| until - instant) } else { due }
    }

    /// How many may be in flight while a part of what is usual is let through.
    fn room(&self, part: f64) -> usize {
        let room = (self.width.in_flight as f64 * part).ceil();
        // At least 1 and at most what is usual.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a usize")]
        let room = room as usize;
        room.clamp(1, self.width.in_flight)
    }

    /// Takes one attempt of the rate, if it leaves one; while a part of what is usual is let through, each counts for
    /// more.
    fn within_rate(&mut self, part: f64, instant: Instant) -> bool {
        if self.spent.is_some_and(|until| instant < until) {
            return false;
        }
        let (clock, read) = &mut self.clock;
        clock.advance(instant - *read);
        *read = instant;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 100")]
        let count = (1.0 / part).ceil() as u32;
        let count = NonZeroU32::new(count.min(self.width.per_second.get())).unwrap_or(NonZeroU32::MIN);
        // More than fit at once are never asked for.
        let Ok(Err(refused)) = self.limiter.check_n(count) else {
            self.spent = None;
            return true;
        };
        let wait = refused.wait_time_from(governor::clock::Clock::now(&self.clock.0));
        self.spent = Some(instant + wait.max(Duration::from_millis(1)));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CustomerId, TriggerId};
    use crate::store::OutboxEntry;

    const START: ServerTime = ServerTime(1_000_000);

    fn lane(in_flight: usize, per_second: u32, jobs: u32) -> Lane {
        let width =
            Width { in_flight, per_second: NonZeroU32::new(per_second).unwrap(), ramp: Duration::from_secs(60) };
        let mut lane = Lane::new(1, width, Instant::now());
        for n in 0..jobs {
            let entry = OutboxEntry {
                key: n.to_be_bytes().to_vec(),
                customer: CustomerId::parse("c", "ann").unwrap(),
                trigger: TriggerId::parse("t", "t1").unwrap(),
                attempts_made: 0,
                next_attempt: None,
            };
            let expires = START + Millis::from_mins(60);
            let job = Job { entry, failed: 0, lane: "apns", brand: None, urgent: false, priority: 50, expires };
            lane.queue.add(job, None);
        }
        lane
    }

    /// Runs a lane for some seconds of which each attempt takes a tenth, and counts what is started in each.
    fn run(lane: &mut Lane, from: Instant, seconds: u64, signal: Signal) -> Vec<usize> {
        let mut counts = Vec::new();
        for second in 0..seconds {
            let mut count = 0;
            for tenth in 0..10 {
                let passed = Duration::from_millis(1_000 * second + 100 * tenth);
                let now = START + Millis(i64::try_from(passed.as_millis()).unwrap());
                let mut kinds = Vec::new();
                while let Some(start) = lane.start(now, from + passed) {
                    kinds.push(start.kind);
                }
                count += kinds.len();
                for kind in kinds {
                    lane.landed(kind, signal, from + passed, 0);
                }
            }
            counts.push(count);
        }
        counts
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_and_the_width_are_kept() {
        let counts = run(&mut lane(1_000, 20, 500), Instant::now(), 10, Signal::Works);
        assert!((200..=220).contains(&counts.iter().sum::<usize>()), "{counts:?}");
        assert!(counts[1..].iter().all(|count| (19..=21).contains(count)), "{counts:?}");
        let counts = run(&mut lane(3, 10_000, 500), Instant::now(), 5, Signal::Works);
        assert_eq!(counts, [30; 5], "no more than three at a time");
        let mut idle = lane(8, 5, 0);
        assert_eq!(idle.nap(START, Instant::now()), None);
        assert!(idle.start(START, Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_outage_more_and_more_goes() {
        let (mut lane, start) = (lane(100, 100, 50_000), Instant::now());
        let counts = run(&mut lane, start, 10, Signal::Busy(None));
        assert_eq!(counts[0], 5 + 95, "those in flight say nothing more");
        assert!(counts[1..].iter().sum::<usize>() <= 3, "then it is asked now and then: {counts:?}");
        let counts = run(&mut lane, start + Duration::from_secs(100), 80, Signal::Works);
        let in_ten = |from: usize| counts[from..from + 10].iter().sum::<usize>();
        let tens: Vec<_> = (0..8).map(|ten| in_ten(10 * ten)).collect();
        assert!(tens[0] < 220 && tens[..6].is_sorted(), "{tens:?}");
        assert!((400..700).contains(&tens[3]) && tens[7] >= 990, "{tens:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_expires_is_ended_while_the_lane_is_closed() {
        let (mut lane, start) = (lane(2, 100, 5), Instant::now());
        let first = lane.start(START, start).unwrap();
        lane.landed(first.kind, Signal::Denied, start, 0);
        assert!(lane.start(START, start).is_none());
        assert_eq!(lane.nap(START, start), Some(Duration::from_secs(60)), "until it may be asked again");
        let late = START + Millis::from_mins(60);
        let kinds: Vec<_> = std::iter::from_fn(|| lane.start(late, start)).map(|start| start.kind).collect();
        assert_eq!(kinds, [Kind::Expired; 2], "no more at a time than attempts");
        lane.landed(Kind::Expired, Signal::Nothing, start, 0);
        assert_eq!(lane.start(late, start).map(|start| start.kind), Some(Kind::Expired));
    }
}
