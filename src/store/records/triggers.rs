//! Triggers with their delivery so far, and the log of them.

use super::{Cursor, LogCursor, PAGE_MAX, Page, Records, decode, delete, keys, put};
use crate::model::{Channel, CustomerId, DeliveryAttempt, DeliveryState, Receipts, ServerTime, Trigger, TriggerId};
use crate::store::{Expect, Revision, SCAN_MAX, Scan, StoreError, Table, Write};
use crate::wire::record::{Logged, Queued, Record};

/// Most attempts that a trigger's record lists.
pub(super) const ATTEMPTS_KEPT: usize = 16;

/// Under which name attempts in the app are recorded.
pub const IN_APP: &str = "in-app";
/// Where the key of the last entry of the log that was purged is kept.
const PURGED: &[u8] = b"log/purged";

/// A trigger with its delivery so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTrigger {
    /// The trigger.
    pub trigger: Trigger,
    /// Where its delivery stands.
    pub state: DeliveryState,
    /// The attempts, the oldest first, at most 16; later ones replace the last.
    pub attempts: Vec<DeliveryAttempt>,
    /// How many attempts there were.
    pub attempts_made: u32,
    /// What the app told of it.
    pub receipts: Receipts,
    /// When it was last offered to the app on its stream.
    pub offered: Option<ServerTime>,
    /// The commit that appended it to log and outbox; absent when it is the one that wrote this record.
    pub(crate) log_revision: Option<Revision>,
}

impl StoredTrigger {
    /// Notes the confirmation of what was offered in the app.
    pub(super) fn confirmed(&mut self, now: ServerTime) {
        if let (Some(Channel::InApp), Some(at)) = (self.trigger.channels.first(), self.offered) {
            let (provider, detail) = (IN_APP.to_owned(), "confirmed by the app".to_owned());
            self.attempted(DeliveryAttempt { at, provider, accepted: true, detail, latency: now - at });
        }
    }

    pub(super) fn attempted(&mut self, attempt: DeliveryAttempt) {
        self.attempts_made = self.attempts_made.saturating_add(1);
        self.attempts.truncate(ATTEMPTS_KEPT - 1);
        self.attempts.push(attempt);
    }
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The triggers in the order in which they became durable, each as it stands now, with the cursor that goes
    /// on after it.
    pub triggers: Vec<(StoredTrigger, LogCursor)>,
    /// Where to go on, even if all that was read is deleted by now; absent when nothing was read.
    pub next: Option<LogCursor>,
}

/// Where a cursor lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPlace {
    /// Going on from it leaves nothing out.
    Good,
    /// Triggers after it were purged, because they were too old.
    Purged,
    /// After the last durable commit: it was not given out here.
    Ahead,
}

impl Records {
    /// One trigger.
    pub fn get_trigger(&self, customer: &CustomerId, id: &TriggerId) -> Result<Option<StoredTrigger>, StoreError> {
        Ok(self.trigger(customer, id)?.map(|(stored, _)| stored))
    }

    /// A customer's triggers, by id.
    pub fn list_triggers(
        &self,
        customer: &CustomerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<StoredTrigger>, StoreError> {
        self.page(Table::Triggers, keys::of_customer(customer), after, limit)
    }

    /// The triggers that became durable after the cursor's, or from the first one kept. Going on from the last
    /// cursor gives every trigger once; when nothing is left, wait until [`Records::watch`] moves.
    pub fn read_log(&self, after: Option<&LogCursor>, limit: usize) -> Result<LogPage, StoreError> {
        let after = after.map(|cursor| cursor.key().to_vec());
        let scan = Scan { after, limit: limit.clamp(1, PAGE_MAX), ..Scan::default() };
        let entries = self.store.scan(Table::TriggerLog, &scan)?;
        let mut triggers = Vec::with_capacity(entries.len());
        for entry in &entries {
            let Logged { customer, trigger } = decode(Table::TriggerLog, entry)?;
            if let Some(stored) = self.get_trigger(&customer, &trigger)? {
                triggers.push((stored, LogCursor::at(&entry.key)));
            }
        }
        Ok(LogPage { triggers, next: entries.last().map(|entry| LogCursor::at(&entry.key)) })
    }

    /// Where a cursor lies in the log.
    pub fn find_in_log(&self, cursor: &LogCursor) -> Result<LogPlace, StoreError> {
        if cursor.revision() > *self.store.watch().borrow() {
            return Ok(LogPlace::Ahead);
        }
        let purged = self.store.get(Table::Meta, PURGED)?;
        Ok(match purged {
            Some(last) if cursor.key() < last.value.as_slice() => LogPlace::Purged,
            Some(_) | None => LogPlace::Good,
        })
    }

    /// Notes the key of the last entry of the log that is purged.
    pub(super) fn note_purged(key: Vec<u8>) -> Write {
        Write::Put { table: Table::Meta, key: PURGED.to_vec(), value: key, expect: Expect::Any }
    }

    pub(super) fn trigger(
        &self,
        customer: &CustomerId,
        id: &TriggerId,
    ) -> Result<Option<(StoredTrigger, Revision)>, StoreError> {
        self.get(Table::Triggers, &keys::owned(customer, id.as_str()))
    }

    /// Adds a trigger, to the log and to the outbox.
    pub(super) fn add_trigger(&self, trigger: Trigger, writes: &mut Vec<Write>) -> Result<(), StoreError> {
        let expect = match self.trigger(&trigger.customer, &trigger.id)? {
            None => Expect::Absent,
            Some((before, revision)) => match before.state {
                // The id says that this is the same message: one knock is enough.
                DeliveryState::Pending | DeliveryState::Delivered => return Ok(()),
                DeliveryState::Expired | DeliveryState::Refused => {
                    self.unlog(&before, revision, writes)?;
                    Expect::Revision(revision)
                }
            },
        };
        let (customer, id) = (trigger.customer.clone(), trigger.id.clone());
        let logged = Logged { customer: customer.clone(), trigger: id.clone() };
        let queued = Queued { customer: customer.clone(), trigger: id.clone(), attempts_made: 0, next_attempt: None };
        let state = DeliveryState::Pending;
        let (attempts, receipts) = (Vec::new(), Receipts::default());
        let stored =
            StoredTrigger { trigger, state, attempts, attempts_made: 0, receipts, offered: None, log_revision: None };
        writes.push(put(Table::Triggers, keys::owned(&customer, id.as_str()), &stored, expect));
        writes.push(Write::Append { table: Table::TriggerLog, value: logged.encode() });
        writes.push(Write::Append { table: Table::Outbox, value: queued.encode() });
        Ok(())
    }

    /// Takes a trigger, which was read at a revision, out of the log and the outbox.
    pub(super) fn unlog(
        &self,
        stored: &StoredTrigger,
        revision: Revision,
        writes: &mut Vec<Write>,
    ) -> Result<(), StoreError> {
        // Keys of appends begin with the commit's revision.
        let prefix = stored.log_revision.unwrap_or(revision).0.to_be_bytes().to_vec();
        let scan = Scan { prefix, limit: SCAN_MAX, ..Scan::default() };
        let Trigger { customer, id, .. } = &stored.trigger;
        let logged = Logged { customer: customer.clone(), trigger: id.clone() }.encode();
        for entry in self.store.scan(Table::TriggerLog, &scan)? {
            if entry.value == logged {
                writes.push(delete(Table::TriggerLog, entry.key));
            }
        }
        self.unqueue(stored, revision, writes)
    }

    /// Takes a trigger, which was read at a revision, out of the outbox.
    pub(super) fn unqueue(
        &self,
        stored: &StoredTrigger,
        revision: Revision,
        writes: &mut Vec<Write>,
    ) -> Result<(), StoreError> {
        let prefix = stored.log_revision.unwrap_or(revision).0.to_be_bytes().to_vec();
        for entry in self.store.scan(Table::Outbox, &Scan { prefix, limit: SCAN_MAX, ..Scan::default() })? {
            let queued: Queued = decode(Table::Outbox, &entry)?;
            if (queued.customer, queued.trigger) == (stored.trigger.customer.clone(), stored.trigger.id.clone()) {
                writes.push(delete(Table::Outbox, entry.key));
            }
        }
        Ok(())
    }
}
