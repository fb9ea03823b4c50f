//! Does the campaign's pace leave room for one more?
//!
//! The generic cell rate algorithm (GCRA, ITU-T I.371, annex A), as the crate `governor` has it, made a pure
//! function: the limiter's clock reads zero when it is built and `now` when it is asked, and its state store is one
//! number in the customer's ledger. So that number, the theoretical arrival time, counts from the Unix epoch.

use super::asking::{Asking, pass, refuse};
use crate::model::campaign::{LIMIT_MAX, WINDOW_MAX};
use crate::model::{Detail, Millis, Pace, PolicyStep, Reason, ServerTime};
use governor::clock::Clock;
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{NotUntil, Quota, RateLimiter};
use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

const NAME: &str = "pace";
const NANOS_PER_MILLI: u64 = 1_000_000;
/// Moments from the year 2262 on count as this one, so that adding a pace to it can't overflow.
const NANOS_MAX: u64 = u64::MAX / 2;

/// No answer where the campaign has no pace. Passes where GCRA conforms. Only a dry run: the pace is charged when the campaign has won.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let pace = asking.campaign.pace?;
    Some(match check(pace, asking.past.arrival(&asking.campaign.id), asking.now).0 {
        Ok(state) => {
            let left = state.remaining_burst_capacity();
            pass(NAME, Detail::PaceLeft { left, burst: pace.burst, refill: pace.refill })
        }
        Err(refused) => {
            let until = time(refused.earliest_possible().as_u64());
            refuse(NAME, Reason::Pace { until }, Detail::PaceUsed(until - asking.now))
        }
    })
}

/// The theoretical arrival time after a message that passed.
pub(super) fn take(pace: Pace, arrival: u64, now: ServerTime) -> u64 {
    check(pace, arrival, now).1
}

/// The theoretical arrival time after a message that passed at `at`, as [`take`] gives it, but without asking whether
/// it passes: when messages are charged anew, the campaign's pace may have been changed since.
pub(super) fn charge(arrival: u64, refill: Millis, at: ServerTime) -> u64 {
    arrival.max(nanos(at)).saturating_add(interval(refill))
}

/// A moment in nanoseconds since the Unix epoch; 0 for any before it.
pub(super) fn nanos(moment: ServerTime) -> u64 {
    u64::try_from(moment.0).unwrap_or(0).saturating_mul(NANOS_PER_MILLI).min(NANOS_MAX)
}

/// The first whole millisecond at or after a moment in nanoseconds since the Unix epoch.
pub(super) fn time(nanos: u64) -> ServerTime {
    ServerTime(i64::try_from(nanos.div_ceil(NANOS_PER_MILLI)).unwrap_or(i64::MAX))
}

type Answer = Result<StateSnapshot, NotUntil<Nanos>>;

/// GCRA's answer, and the theoretical arrival time that follows from it.
fn check(pace: Pace, arrival: u64, now: ServerTime) -> (Answer, u64) {
    let burst = NonZeroU32::new(pace.burst.min(LIMIT_MAX)).unwrap_or(NonZeroU32::MIN);
    // Never absent: the interval is above zero.
    let quota = Quota::with_period(Duration::from_nanos(interval(pace.refill)))
        .unwrap_or(Quota::per_hour(NonZeroU32::MIN))
        .allow_burst(burst);
    let (state, clock) = (Stored(Cell::new(arrival)), Reading(Cell::new(0)));
    let limiter = RateLimiter::<_, _, _, StateInformationMiddleware>::new(quota, state, clock);
    limiter.clock().0.set(nanos(now));
    let answer = limiter.check();
    (answer, limiter.into_state_store().0.get())
}

fn interval(refill: Millis) -> u64 {
    u64::try_from(refill.0.clamp(1, WINDOW_MAX.0)).unwrap_or(1).saturating_mul(NANOS_PER_MILLI)
}

/// The limiter's clock, in nanoseconds.
#[derive(Debug, Clone)]
struct Reading(Cell<u64>);

impl Clock for Reading {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}

/// The limiter's state: the theoretical arrival time in nanoseconds; 0: none.
#[derive(Debug)]
struct Stored(Cell<u64>);

impl StateStore for Stored {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let arrival = Some(self.0.get()).filter(|arrival| *arrival > 0).map(Nanos::from);
        let (answer, next) = decide(arrival)?;
        self.0.set(next.into());
        Ok(answer)
    }
}
