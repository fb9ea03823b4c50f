//! Puts pings back in order before presence sees them.
//!
//! A phone numbers its pings, so a gap shows. A ping whose number is the next one passes at once. One past a gap
//! waits, in the device's record, until the gap fills, its wait ends, or too many wait; so within the window,
//! shuffled, batched and delayed pings decide the same as the same pings in order. A ping of a gap that was given up
//! passes when it comes: it is news of the past.
//!
//! Deciding again from an earlier state instead would cost a copy of the state for each ping, and could not take
//! back what was sent.

use crate::model::{Millis, Ping, ServerTime};

/// How long a ping waits for an earlier one, by the server's clock.
pub const WAIT_MAX: Millis = Millis::from_secs(30);
/// How many pings of a device wait at most.
pub const WAITING_MAX: usize = 64;

/// The pings of a device that wait for earlier ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Order {
    /// The number whose turn is next; absent before the first ping.
    pub next: Option<u64>,
    /// By number, each with the time at which it came; at most [`WAITING_MAX`].
    pub waiting: Vec<Waiting>,
}

/// A ping that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The ping.
    pub ping: Ping,
    /// When it came.
    pub received: ServerTime,
}

impl Order {
    /// Whether it is the ping's turn. If not, it waits.
    pub(super) fn admit(&mut self, ping: &Ping, now: ServerTime) -> bool {
        let number = ping.sequence.0;
        let next = *self.next.get_or_insert(number);
        if number <= next {
            self.next = Some(next.max(number.saturating_add(1)));
            return true;
        }
        let at = self.waiting.partition_point(|waiting| waiting.ping.sequence.0 < number);
        self.waiting.insert(at, Waiting { ping: ping.clone(), received: now });
        false
    }

    /// A number that was refused leaves no gap.
    pub(super) fn skip(&mut self, number: u64) {
        if self.next == Some(number) {
            self.next = Some(number.saturating_add(1));
        }
    }

    /// Passes over a ping, and over all that wait.
    pub(super) fn pass(&mut self, number: u64) {
        let waiting = self.waiting.drain(..).map(|waiting| waiting.ping.sequence.0);
        let last = waiting.fold(number, u64::max);
        self.next = Some(self.next.unwrap_or_default().max(last.saturating_add(1)));
    }

    /// The next ping whose turn has come, if any.
    pub(super) fn release(&mut self, now: ServerTime) -> Option<Ping> {
        let first = self.waiting.first()?.ping.sequence.0;
        let turn = self.next.is_none_or(|next| first <= next);
        let overdue = self.due().is_some_and(|due| now >= due);
        if !turn && !overdue && self.waiting.len() <= WAITING_MAX {
            return None;
        }
        let first = self.waiting.remove(0);
        self.next = Some(first.ping.sequence.0.saturating_add(1));
        Some(first.ping)
    }

    /// When the first wait ends.
    pub(super) fn due(&self) -> Option<ServerTime> {
        self.waiting.iter().map(|waiting| waiting.received).min().map(|received| received + WAIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AppState, DeviceTime, Sequence};

    /// Arrivals (second, number) pass in the order `passed`; a timer looks every second up to `until`.
    fn check(arrivals: &[(i64, u64)], until: i64, passed: &[u64]) {
        let mut order = Order::default();
        let mut out = Vec::new();
        for second in 0..=until {
            let now = ServerTime(second * 1_000);
            for (_, number) in arrivals.iter().filter(|(at, _)| *at == second) {
                let ping = Ping {
                    sequence: Sequence(*number),
                    observed: DeviceTime(0),
                    fix: None,
                    sightings: vec![],
                    app: AppState::Unknown,
                };
                if order.admit(&ping, now) {
                    out.push(*number);
                }
                while let Some(ping) = order.release(now) {
                    out.push(ping.sequence.0);
                }
            }
            while let Some(ping) = order.release(now) {
                out.push(ping.sequence.0);
            }
        }
        assert_eq!(out, passed, "{arrivals:?}");
    }

    #[test]
    fn pings_pass_in_order() {
        check(&[(0, 1), (1, 2), (2, 3)], 2, &[1, 2, 3]);
        check(&[(0, 1), (1, 4), (2, 3), (3, 2)], 3, &[1, 2, 3, 4]);
        check(&[(0, 7), (1, 8)], 1, &[7, 8]);
        check(&[(0, 1), (1, 3)], 30, &[1]);
        check(&[(0, 1), (1, 3), (5, 4)], 31, &[1, 3, 4]);
        check(&[(0, 1), (1, 3), (40, 2)], 40, &[1, 3, 2]);
        let crowd: Vec<_> = std::iter::once((0, 1)).chain((0..65).map(|n| (1, 3 + n))).collect();
        let passed: Vec<_> = std::iter::once(1).chain(3..68).collect();
        check(&crowd, 1, &passed);
    }
}
