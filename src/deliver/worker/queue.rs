//! The order in which a worker takes up what it knows of: what is due again first, then what is new, in the order
//! of commit.

use crate::model::ServerTime;
use std::collections::{BTreeMap, VecDeque};

/// One outbox entry and how often it failed so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job<E> {
    /// The entry.
    pub(super) entry: E,
    /// How often it failed, on record or not.
    pub(super) failed: u32,
}

/// Claimed entries that are not in flight.
#[derive(Debug)]
pub(super) struct Queue<E> {
    fresh: VecDeque<Job<E>>,
    waiting: BTreeMap<(ServerTime, u64), Job<E>>,
    /// Sets those apart that are due at the same time, the earlier one first.
    turn: u64,
}

impl<E> Queue<E> {
    /// An empty queue.
    pub(super) fn new() -> Self {
        Self { fresh: VecDeque::new(), waiting: BTreeMap::new(), turn: 0 }
    }

    /// Adds a job, after all that were added before.
    pub(super) fn add(&mut self, job: Job<E>) {
        self.fresh.push_back(job);
    }

    /// Puts a job aside until it is due.
    pub(super) fn wait(&mut self, job: Job<E>, due: ServerTime) {
        self.turn += 1;
        self.waiting.insert((due, self.turn), job);
    }

    /// Takes the next job that is due.
    pub(super) fn next(&mut self, now: ServerTime) -> Option<Job<E>> {
        match self.waiting.first_entry() {
            Some(first) if first.key().0 <= now => Some(first.remove()),
            Some(_) | None => self.fresh.pop_front(),
        }
    }

    /// When the first of those that wait is due.
    pub(super) fn due(&self) -> Option<ServerTime> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// How many have not been tried since they were claimed.
    pub(super) fn fresh(&self) -> usize {
        self.fresh.len()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_again_comes_before_what_is_new() {
        let mut queue = Queue::new();
        for entry in [1, 2] {
            queue.add(Job { entry, failed: 0 });
        }
        for (entry, due) in [(3, 30), (4, 20), (5, 20)] {
            queue.wait(Job { entry, failed: 1 }, ServerTime(due));
        }
        assert_eq!((queue.len(), queue.fresh(), queue.due()), (5, 2, Some(ServerTime(20))));
        let mut next = |now| queue.next(ServerTime(now)).map(|job| job.entry);
        let taken: Vec<_> = [19, 20, 20, 20, 29, 30, 30].into_iter().map(&mut next).collect();
        assert_eq!(taken, [Some(1), Some(4), Some(5), Some(2), None, Some(3), None]);
    }
}
