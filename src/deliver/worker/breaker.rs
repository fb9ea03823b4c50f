//! When a lane may send: not while its provider is down, one at a time to see whether it is back, and then more and
//! more.
//!
//! A circuit breaker (Michael Nygard, "Release It!", 2007) with a linear ramp after it closes, so that what has
//! gathered meanwhile does not knock the provider over again.

use crate::deliver::backoff;
use crate::model::Millis;
use std::time::Duration;
use tokio::time::Instant;

/// Failures of the whole provider, with nothing taken between, that open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open at first, and at most.
const REST: Duration = Duration::from_secs(5);
const REST_MAX: Duration = Duration::from_secs(15);
/// How long it stays open at first, and at most, where credentials are not accepted: somebody has to do something.
const PAUSE: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);
/// The longest that a provider can make everything wait.
const ASKED_MAX: Duration = Duration::from_secs(15 * 60);

/// What an attempt says of the whole lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// The provider works.
    Works,
    /// It does not, or asks for a rest, perhaps for a time.
    Busy(Option<Millis>),
    /// It does not accept our credentials.
    Denied,
    /// Nothing: it was not asked.
    Nothing,
}

/// How a breaker changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It let attempts through, and does no more, for this long.
    Opened(Duration),
    /// The same, because of credentials.
    Paused(Duration),
    /// It lets attempts through again.
    Closed,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// One attempt is under way, to see.
    Probing,
}

/// The breaker of a lane.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    failures: u32,
    denials: u32,
    /// How many times in a row it opened without closing.
    opened: u32,
    /// Denials that open it.
    denials_max: u32,
    /// Since when it is closed again.
    closed: Option<Instant>,
    ramp: Duration,
}

impl Breaker {
    /// A closed breaker. After an outage, the ramp is how long it takes until everything is let through again.
    pub(super) fn new(denials_max: u32, ramp: Duration) -> Self {
        let (failures, denials, opened) = (0, 0, 0);
        Self { state: State::Closed, failures, denials, opened, denials_max: denials_max.max(1), closed: None, ramp }
    }

    /// What it lets through at this moment.
    pub(super) fn allows(&self, now: Instant) -> Allowed {
        match self.state {
            State::Closed => Allowed::Part(self.part(now)),
            State::Open { until } if now >= until => Allowed::Probe,
            State::Open { until } => Allowed::After(until),
            State::Probing => Allowed::Later,
        }
    }

    /// Notes that the attempt which it let through to see has begun.
    pub(super) fn probe(&mut self) {
        self.state = State::Probing;
    }

    /// Notes how an attempt ended; `probe` says whether it was the one to see. `random` spreads the waits.
    pub(super) fn landed(&mut self, signal: Signal, probe: bool, now: Instant, random: u64) -> Option<Turn> {
        match (self.state, probe) {
            (State::Closed, _) => self.heed(signal, now, random),
            (State::Probing, true) => match signal {
                Signal::Works => Some(self.close(now)),
                Signal::Busy(asked) => Some(self.open(asked, now, random)),
                Signal::Denied => Some(self.pause(now)),
                Signal::Nothing => {
                    self.state = State::Open { until: now };
                    None
                }
            },
            // It began before, and says nothing about now.
            (State::Open { .. } | State::Probing, _) => None,
        }
    }

    fn heed(&mut self, signal: Signal, now: Instant, random: u64) -> Option<Turn> {
        match signal {
            Signal::Works => {
                (self.failures, self.denials) = (0, 0);
                None
            }
            Signal::Busy(asked) => {
                self.failures = self.failures.saturating_add(1);
                (self.failures >= FAILURES || asked.is_some()).then(|| self.open(asked, now, random))
            }
            Signal::Denied => {
                self.denials = self.denials.saturating_add(1);
                (self.denials >= self.denials_max).then(|| self.pause(now))
            }
            Signal::Nothing => None,
        }
    }

    fn open(&mut self, asked: Option<Millis>, now: Instant, random: u64) -> Turn {
        let most = doubled(REST, self.opened, REST_MAX);
        self.opened = self.opened.saturating_add(1);
        // At least half of it: a provider that is down needs some rest.
        let wait = most / 2 + backoff::part(most / 2, random);
        let asked = asked.map_or(Duration::ZERO, |asked| Duration::from_millis(asked.0.max(0).unsigned_abs()));
        let wait = wait.max(asked.min(ASKED_MAX));
        self.state = State::Open { until: now + wait };
        Turn::Opened(wait)
    }

    fn pause(&mut self, now: Instant) -> Turn {
        let wait = doubled(PAUSE, self.opened, PAUSE_MAX);
        self.opened = self.opened.saturating_add(1);
        self.state = State::Open { until: now + wait };
        Turn::Paused(wait)
    }

    fn close(&mut self, now: Instant) -> Turn {
        (self.failures, self.denials, self.opened) = (0, 0, 0);
        (self.state, self.closed) = (State::Closed, Some(now));
        Turn::Closed
    }

    fn part(&self, now: Instant) -> f64 {
        let Some(closed) = self.closed.filter(|_| !self.ramp.is_zero()) else { return 1.0 };
        ((now - closed).as_secs_f64() / self.ramp.as_secs_f64()).clamp(0.01, 1.0)
    }
}

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Allowed {
    /// This part of what is usual: 0.01 to 1.
    Part(f64),
    /// One, to see.
    Probe,
    /// Nothing before this moment.
    After(Instant),
    /// Nothing before the attempt that is under way has ended.
    Later,
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(1 << times.min(10)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_probes_and_ramps() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(1, s(60)));
        for _ in 0..4 {
            assert_eq!(breaker.landed(Signal::Busy(None), false, start, 0), None);
        }
        assert_eq!(breaker.landed(Signal::Works, false, start, 0), None, "one that works sets the count back");
        let mut opened = None;
        for _ in 0..FAILURES {
            opened = breaker.landed(Signal::Busy(None), false, start, u64::MAX);
        }
        assert_eq!(opened, Some(Turn::Opened(s(5))));
        assert_eq!(breaker.landed(Signal::Works, false, start, 0), None, "a straggler closes nothing");
        assert_eq!(breaker.allows(start + s(4)), Allowed::After(start + s(5)));
        for (at, signal, random, turn) in [
            (5, Signal::Nothing, 0, None),
            (5, Signal::Busy(None), 0, Some(Turn::Opened(s(5)))),
            (10, Signal::Busy(Some(Millis(30_000))), 0, Some(Turn::Opened(s(30)))),
            (40, Signal::Busy(Some(Millis(i64::MAX))), 0, Some(Turn::Opened(s(900)))),
            (940, Signal::Busy(None), u64::MAX, Some(Turn::Opened(s(15)))),
            (955, Signal::Works, 0, Some(Turn::Closed)),
        ] {
            let now = start + s(at);
            assert_eq!(breaker.allows(now), Allowed::Probe, "after {at} s");
            breaker.probe();
            assert_eq!(breaker.allows(now), Allowed::Later);
            assert_eq!(breaker.landed(Signal::Works, false, now, 0), None);
            assert_eq!(breaker.landed(signal, true, now, random), turn, "after {at} s");
        }
        for (after, part) in [(0, 0.01), (15, 0.25), (30, 0.5), (60, 1.0), (600, 1.0)] {
            assert_eq!(breaker.allows(start + s(955 + after)), Allowed::Part(part), "{after} s after it closed");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_pause_it_for_longer_and_longer() {
        let (mut now, mut breaker) = (Instant::now(), Breaker::new(2, s(60)));
        assert_eq!(breaker.landed(Signal::Denied, false, now, 0), None);
        assert_eq!(breaker.landed(Signal::Denied, false, now, 0), Some(Turn::Paused(s(60))));
        for wait in [120, 240, 480, 900, 900] {
            let Allowed::After(until) = breaker.allows(now) else { panic!("it is paused") };
            now = until;
            breaker.probe();
            assert_eq!(breaker.landed(Signal::Denied, true, now, 0), Some(Turn::Paused(s(wait))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_asks_for_a_rest_gets_it_at_once() {
        let (now, mut breaker) = (Instant::now(), Breaker::new(1, s(60)));
        let asked = Signal::Busy(Some(Millis(20_000)));
        assert_eq!(breaker.landed(asked, false, now, 0), Some(Turn::Opened(s(20))));
    }
}
