//! When something is due for customers from whom no ping comes: a dwell in silence, pings that have waited long
//! enough for an earlier one.
//!
//! A customer has one alarm at most. It is durable, goes off no later than something is due, and may go off early:
//! then nothing happens, and it is set anew. So a phone that reports each second does not move it each second.

use super::clock::Clock;
use super::ingest::Ingest;
use crate::model::{CustomerId, Millis, ServerTime};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The longest sleep: the machine's clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How often a clock that the pings drive is looked at.
const PINGS_LOOK: Duration = Duration::from_millis(50);
/// When a tick that failed is tried again.
const RETRY: Millis = Millis::from_secs(30);

/// The alarms of all customers. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Timers {
    alarms: Arc<Mutex<Alarms>>,
    earlier: Arc<Notify>,
}

#[derive(Default)]
struct Alarms {
    by_customer: HashMap<CustomerId, ServerTime>,
    by_time: BTreeSet<(ServerTime, CustomerId)>,
}

impl Timers {
    /// The alarms as they were stored.
    pub(super) fn new(stored: impl IntoIterator<Item = (CustomerId, ServerTime)>) -> Self {
        let timers = Self::default();
        for (customer, at) in stored {
            timers.set(&customer, Some(at));
        }
        timers
    }

    /// Whether a customer's alarm goes off too late, or there is none, for something that is due at a moment.
    pub(super) fn misses(&self, customer: &CustomerId, due: ServerTime) -> bool {
        self.alarms().by_customer.get(customer).is_none_or(|at| due < *at)
    }

    /// Sets or removes a customer's alarm, once that is durable.
    pub(super) fn set(&self, customer: &CustomerId, at: Option<ServerTime>) {
        let mut alarms = self.alarms();
        let first = alarms.by_time.first().map(|(at, _)| *at);
        if let Some(before) = alarms.by_customer.remove(customer) {
            alarms.by_time.remove(&(before, customer.clone()));
        }
        if let Some(at) = at {
            alarms.by_customer.insert(customer.clone(), at);
            alarms.by_time.insert((at, customer.clone()));
            if first.is_none_or(|first| at < first) {
                self.earlier.notify_one();
            }
        }
    }

    /// The first alarm.
    pub(super) fn first(&self) -> Option<(ServerTime, CustomerId)> {
        self.alarms().by_time.first().cloned()
    }

    /// Waits until an alarm was set that goes off before all others.
    pub(super) async fn earlier(&self) {
        self.earlier.notified().await;
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the engine do what is due, customer by customer, until the server drains.
pub(super) async fn run(ingest: Ingest, timers: Timers, clock: Clock, mut draining: watch::Receiver<bool>) {
    loop {
        let now = clock.now();
        let sleep = match timers.first() {
            Some((at, customer)) if at <= now => {
                if let Err(error) = ingest.tick(&customer, now).await {
                    tracing::error!(%error, "cannot do what is due for a customer");
                    timers.set(&customer, Some(now + RETRY));
                }
                if *draining.borrow() {
                    return;
                }
                continue;
            }
            first => match (&clock, first) {
                (Clock::Pings(_), _) => PINGS_LOOK,
                (Clock::System, None) => SLEEP_MAX,
                (Clock::System, Some((at, _))) => Duration::from_millis((at - now).0.unsigned_abs()).min(SLEEP_MAX),
            },
        };
        tokio::select! {
            _ = draining.wait_for(|draining| *draining) => return,
            () = timers.earlier() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_has_one_alarm_and_the_earliest_comes_first() {
        let (ada, bob) = (CustomerId::parse("", "ada").unwrap(), CustomerId::parse("", "bob").unwrap());
        let timers = Timers::new([(ada.clone(), ServerTime(50)), (bob.clone(), ServerTime(70))]);
        assert_eq!(timers.first(), Some((ServerTime(50), ada.clone())));
        assert!(timers.misses(&ada, ServerTime(49)) && !timers.misses(&ada, ServerTime(50)));
        timers.set(&ada, Some(ServerTime(90)));
        assert_eq!(timers.first(), Some((ServerTime(70), bob.clone())));
        timers.set(&bob, None);
        assert_eq!(timers.first(), Some((ServerTime(90), ada)));
        assert!(timers.misses(&bob, ServerTime(1_000)));
    }
}
