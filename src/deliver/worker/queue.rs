//! The order in which a lane takes up what it knows of.
//!
//! What customers asked for goes before what they did not, brands take turns, and of a brand the highest priority
//! goes first, then what was committed first. So a brand with many messages holds up its own, and nobody else's.

use crate::model::{BrandId, ServerTime};
use crate::store::OutboxEntry;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// After so many in a row that customers asked for, one of the others goes, so that these can't hold up all others.
const URGENT_IN_ROW: u32 = 7;

/// The key of an outbox entry.
pub(super) type Key = Vec<u8>;
/// The brand that a message speaks for, if it is known.
pub(super) type Brand = Option<BrandId>;

/// One outbox entry, how often it failed so far, and what decides about its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) entry: OutboxEntry,
    /// How often it failed, on record or not.
    pub(super) failed: u32,
    /// The lane that it takes.
    pub(super) lane: &'static str,
    pub(super) brand: Brand,
    /// Whether it is something that the customer asked for.
    pub(super) urgent: bool,
    pub(super) priority: u8,
    /// When its trigger expires.
    pub(super) expires: ServerTime,
}

/// Claimed entries of a lane that are not in flight.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: BTreeMap<Key, (Job, Option<ServerTime>)>,
    urgent: Turns,
    usual: Turns,
    urgent_in_row: u32,
    waiting: BTreeSet<(ServerTime, Key)>,
    ends: BTreeSet<(ServerTime, Key)>,
    of_brand: BTreeMap<Brand, usize>,
}

/// Brands that take turns, each with its own in the order in which they go.
#[derive(Debug, Default)]
struct Turns {
    of: BTreeMap<Brand, BTreeSet<(Reverse<u8>, Key)>>,
    order: VecDeque<Brand>,
}

impl Turns {
    fn add(&mut self, job: &Job) {
        let own = self.of.entry(job.brand.clone()).or_default();
        if own.is_empty() {
            self.order.push_back(job.brand.clone());
        }
        own.insert((Reverse(job.priority), job.entry.key.clone()));
    }

    fn take(&mut self) -> Option<Key> {
        let brand = self.order.pop_front()?;
        let own = self.of.get_mut(&brand)?;
        let first = own.pop_first();
        if own.is_empty() {
            self.of.remove(&brand);
        } else {
            self.order.push_back(brand);
        }
        first.map(|(_, key)| key)
    }

    fn remove(&mut self, job: &Job) {
        let Some(own) = self.of.get_mut(&job.brand) else { return };
        own.remove(&(Reverse(job.priority), job.entry.key.clone()));
        if own.is_empty() {
            self.of.remove(&job.brand);
            self.order.retain(|brand| *brand != job.brand);
        }
    }
}

impl Queue {
    /// Adds a job, to be taken up when it is due, or at once. A second one for the same entry changes nothing.
    pub(super) fn add(&mut self, job: Job, due: Option<ServerTime>) {
        let key = job.entry.key.clone();
        if self.jobs.contains_key(&key) {
            return;
        }
        match due {
            Some(due) => drop(self.waiting.insert((due, key.clone()))),
            None => self.turns(job.urgent).add(&job),
        }
        self.ends.insert((job.expires, key.clone()));
        *self.of_brand.entry(job.brand.clone()).or_default() += 1;
        self.jobs.insert(key, (job, due));
    }

    /// Lets those that are due take part.
    pub(super) fn release(&mut self, now: ServerTime) {
        while let Some((_, key)) = self.waiting.first().filter(|(due, _)| *due <= now).cloned() {
            self.waiting.pop_first();
            let Some((job, due)) = self.jobs.get_mut(&key) else { continue };
            *due = None;
            let job = job.clone();
            self.turns(job.urgent).add(&job);
        }
    }

    /// Takes the job whose turn it is.
    pub(super) fn take(&mut self) -> Option<Job> {
        let yields = self.urgent_in_row >= URGENT_IN_ROW && !self.usual.order.is_empty();
        let urgent = if yields { None } else { self.urgent.take() };
        self.urgent_in_row = if urgent.is_some() { self.urgent_in_row.saturating_add(1) } else { 0 };
        let key = urgent.or_else(|| self.usual.take())?;
        self.forget(&key)
    }

    /// Takes a job whose trigger has expired.
    pub(super) fn take_expired(&mut self, now: ServerTime) -> Option<Job> {
        let (_, key) = self.ends.first().filter(|(end, _)| *end <= now).cloned()?;
        let (job, due) = self.jobs.get(&key).cloned()?;
        match due {
            Some(due) => drop(self.waiting.remove(&(due, key.clone()))),
            None => self.turns(job.urgent).remove(&job),
        }
        self.forget(&key)
    }

    /// Whether there is one that could be taken up now.
    pub(super) fn is_ready(&self) -> bool {
        !self.urgent.order.is_empty() || !self.usual.order.is_empty()
    }

    /// When the first of those that wait is due.
    pub(super) fn due(&self) -> Option<ServerTime> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// When the first of all expires.
    pub(super) fn end(&self) -> Option<ServerTime> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// How many there are of a brand.
    pub(super) fn len_of(&self, brand: &Brand) -> usize {
        self.of_brand.get(brand).copied().unwrap_or_default()
    }

    /// Whether the entry is among them.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.jobs.contains_key(key)
    }

    fn forget(&mut self, key: &[u8]) -> Option<Job> {
        let (job, _) = self.jobs.remove(key)?;
        self.ends.remove(&(job.expires, job.entry.key.clone()));
        if let Some(count) = self.of_brand.get_mut(&job.brand) {
            *count -= 1;
            if *count == 0 {
                self.of_brand.remove(&job.brand);
            }
        }
        Some(job)
    }

    fn turns(&mut self, urgent: bool) -> &mut Turns {
        if urgent { &mut self.urgent } else { &mut self.usual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CustomerId, TriggerId};

    fn job(key: u8, brand: &str, urgent: bool, priority: u8) -> Job {
        let entry = OutboxEntry {
            key: vec![key],
            customer: CustomerId::parse("c", "ann").unwrap(),
            trigger: TriggerId::parse("t", "t1").unwrap(),
            attempts_made: 0,
            next_attempt: None,
        };
        let brand = Some(BrandId::parse("b", brand).unwrap());
        Job { entry, failed: 0, lane: "log", brand, urgent, priority, expires: ServerTime(1_000 + i64::from(key)) }
    }

    fn order(queue: &mut Queue) -> Vec<u8> {
        std::iter::from_fn(|| queue.take()).map(|job| job.entry.key[0]).collect()
    }

    #[test]
    fn brands_take_turns_and_within_one_priority_then_commit_decide() {
        let mut queue = Queue::default();
        for key in 1..=5 {
            queue.add(job(key, "loud", false, if key == 4 { 90 } else { 50 }), None);
        }
        queue.add(job(6, "quiet", false, 10), None);
        queue.add(job(7, "third", false, 10), None);
        queue.add(job(8, "quiet", false, 10), None);
        assert_eq!((queue.len(), queue.len_of(&job(0, "loud", false, 0).brand)), (8, 5));
        assert_eq!(order(&mut queue), [4, 6, 7, 1, 8, 2, 3, 5]);
        assert_eq!((queue.len(), queue.is_ready(), queue.end()), (0, false, None));
    }

    #[test]
    fn what_was_asked_for_goes_first_but_not_for_ever() {
        let mut queue = Queue::default();
        for key in 1..=3 {
            queue.add(job(key, "offers", false, 100), None);
        }
        for key in 11..=20 {
            queue.add(job(key, "orders", true, 0), None);
        }
        assert_eq!(order(&mut queue), [11, 12, 13, 14, 15, 16, 17, 1, 18, 19, 20, 2, 3]);
    }

    #[test]
    fn what_is_due_again_takes_its_old_place() {
        let mut queue = Queue::default();
        queue.add(job(3, "roost", false, 50), None);
        for (key, due) in [(1, 30), (2, 20), (4, 20)] {
            queue.add(job(key, "roost", false, 50), Some(ServerTime(due)));
        }
        queue.add(job(2, "roost", false, 50), None);
        assert_eq!((queue.len(), queue.due(), queue.has(&[2])), (4, Some(ServerTime(20)), true));
        queue.release(ServerTime(19));
        assert_eq!(queue.due(), Some(ServerTime(20)));
        queue.release(ServerTime(20));
        assert_eq!(order(&mut queue), [2, 3, 4]);
        queue.release(ServerTime(30));
        assert_eq!(order(&mut queue), [1]);
    }

    #[test]
    fn what_expires_leaves_wherever_it_is() {
        let mut queue = Queue::default();
        queue.add(job(1, "roost", false, 50), None);
        queue.add(job(2, "kettle", true, 50), Some(ServerTime(9_000)));
        queue.add(job(3, "roost", false, 50), None);
        assert_eq!(queue.end(), Some(ServerTime(1_001)));
        assert_eq!(queue.take_expired(ServerTime(1_000)), None);
        let mut taken = Vec::new();
        while let Some(job) = queue.take_expired(ServerTime(1_002)) {
            taken.push(job.entry.key[0]);
        }
        assert_eq!((taken, queue.due()), (vec![1, 2], None));
        assert_eq!(order(&mut queue), [3]);
    }
}
