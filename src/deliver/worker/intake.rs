//! Reading the outbox: in the order of commit, once, without one brand or one provider that is behind holding up
//! what is committed after it.
//!
//! A brand's messages on a lane are a stream. Of each stream only so many are taken into memory; when one is full,
//! what follows of it is passed over, and read again from there when there is room.

use super::attempt::Desk;
use super::queue::{Brand, Job, Key};
use crate::deliver::backoff;
use crate::model::ServerTime;
use crate::store::{OutboxPart, StoreError};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// A brand's messages on a lane.
type Stream = (&'static str, Brand);

/// Where reading stands.
pub(super) struct Intake {
    /// The last key that was read.
    cursor: Option<Key>,
    /// Whether there may be entries after it.
    more: bool,
    /// Streams that are full: the key after which they were passed over.
    behind: BTreeMap<Stream, Key>,
    /// The reading of what was passed over.
    again: Option<Again>,
    reads_failed: u32,
    /// Until when the outbox is left alone after a failed read.
    pub(super) read_again: Option<ServerTime>,
}

struct Again {
    cursor: Key,
    /// Streams that stay behind.
    stuck: BTreeSet<Stream>,
}

/// What a reader needs to know of the lanes.
pub(super) trait Shelves {
    /// Whether there is room for one more of a stream.
    fn has_room(&self, lane: &'static str, brand: &Brand) -> bool;
    /// Whether there is room for a good many.
    fn has_much_room(&self, lane: &'static str, brand: &Brand) -> bool;
    /// Whether the entry is on a shelf or in flight.
    fn has(&self, lane: &'static str, key: &[u8]) -> bool;
    /// Takes a job.
    fn put(&mut self, job: Job, due: Option<ServerTime>);
}

impl Intake {
    pub(super) fn new() -> Self {
        Self { cursor: None, more: true, behind: BTreeMap::new(), again: None, reads_failed: 0, read_again: None }
    }

    /// Notes that something was committed.
    pub(super) fn wake(&mut self) {
        self.more = true;
    }

    /// Reads at most one batch; whether there may be more to read at once.
    pub(super) fn read(
        &mut self,
        desk: &Desk,
        shelves: &mut impl Shelves,
        batch: usize,
        now: ServerTime,
    ) -> Result<bool, StoreError> {
        if self.read_again.is_some_and(|due| now < due) {
            return Ok(false);
        }
        if self.more {
            let Some(part) = self.part(desk, self.cursor.clone().as_deref(), batch, now)? else { return Ok(false) };
            self.take_new(desk, shelves, part);
            return Ok(true);
        }
        if self.again.is_none() {
            self.again = self.look_back(shelves);
        }
        let Some(again) = &self.again else { return Ok(false) };
        let cursor = again.cursor.clone();
        let Some(part) = self.part(desk, Some(&cursor), batch, now)? else { return Ok(false) };
        self.take_again(desk, shelves, part);
        Ok(true)
    }

    fn take_new(&mut self, desk: &Desk, shelves: &mut impl Shelves, part: OutboxPart) {
        self.more = part.full;
        let mut before = self.cursor.take();
        for entry in part.entries {
            let (key, due) = (entry.key.clone(), entry.next_attempt);
            if let Some(job) = desk.place(entry) {
                let stream = (job.lane, job.brand.clone());
                match self.behind.entry(stream) {
                    // It waits its turn behind those that were passed over.
                    Entry::Occupied(_) => {}
                    Entry::Vacant(_) if shelves.has_room(job.lane, &job.brand) => shelves.put(job, due),
                    Entry::Vacant(full) => drop(full.insert(before.clone().unwrap_or_default())),
                }
            }
            before = Some(key);
        }
        self.cursor = part.last.or(before);
    }

    /// Begins to read what was passed over, where there is room for some of it.
    fn look_back(&self, shelves: &impl Shelves) -> Option<Again> {
        let has_room = |stream: &Stream| shelves.has_much_room(stream.0, &stream.1);
        let cursor = self.behind.iter().filter(|(stream, _)| has_room(stream)).map(|(_, after)| after).min()?.clone();
        let stuck = self.behind.keys().filter(|stream| !has_room(stream)).cloned().collect();
        Some(Again { cursor, stuck })
    }

    fn take_again(&mut self, desk: &Desk, shelves: &mut impl Shelves, part: OutboxPart) {
        let Some(mut again) = self.again.take() else { return };
        let end = self.cursor.clone().unwrap_or_default();
        let past = !part.full || part.last.as_ref().is_none_or(|last| *last >= end);
        for entry in part.entries {
            if entry.key > end {
                break;
            }
            let (key, due) = (entry.key.clone(), entry.next_attempt);
            let Some(job) = desk.place(entry) else { continue };
            let stream = (job.lane, job.brand.clone());
            let Some(after) = self.behind.get_mut(&stream) else { continue };
            if key <= *after || again.stuck.contains(&stream) {
                continue;
            }
            if !shelves.has_room(job.lane, &job.brand) {
                again.stuck.insert(stream);
                continue;
            }
            *after = key;
            if !shelves.has(job.lane, &job.entry.key) {
                shelves.put(job, due);
            }
        }
        if past {
            self.behind.retain(|stream, _| again.stuck.contains(stream));
        } else if self.behind.keys().any(|stream| !again.stuck.contains(stream)) {
            // Where all are full, reading on would find nothing to take.
            again.cursor = part.last.unwrap_or(again.cursor);
            self.again = Some(again);
        }
    }

    /// Reads a part. None after a failure that may pass; a store that is broken for good ends the work.
    fn part(
        &mut self,
        desk: &Desk,
        after: Option<&[u8]>,
        batch: usize,
        now: ServerTime,
    ) -> Result<Option<OutboxPart>, StoreError> {
        let part = match desk.records.outbox_part(after, batch) {
            Ok(part) => part,
            Err(error) => return self.read_later(desk, error, now).map(|()| None),
        };
        (self.reads_failed, self.read_again) = (0, None);
        for error in &part.damaged {
            tracing::error!(%error, "an entry of the outbox is passed over and stays there");
        }
        Ok(Some(part))
    }

    /// Leaves the outbox alone for a while after a failed read.
    fn read_later(&mut self, desk: &Desk, error: StoreError, now: ServerTime) -> Result<(), StoreError> {
        let broken = match &error {
            StoreError::Open { .. } | StoreError::Write(_) | StoreError::Closed => true,
            StoreError::Read(_)
            | StoreError::Damaged { .. }
            | StoreError::TooLarge { .. }
            | StoreError::Key { .. }
            | StoreError::CommitTooLarge { .. } => desk.records.fault().is_some(),
        };
        if broken {
            return Err(error);
        }
        self.reads_failed = self.reads_failed.saturating_add(1);
        let wait = backoff::wait(self.reads_failed, desk.random(b"outbox", self.reads_failed));
        tracing::error!(%error, wait_ms = wait.0, "cannot read the outbox; trying again");
        self.read_again = Some(now + wait);
        Ok(())
    }
}
