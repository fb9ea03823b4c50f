//! Deleting a customer, a customer's history, a device's traces, and what is too old.

use super::customers::save;
use super::{CONFLICT_RETRIES, Records, StoredTrigger, damaged, decode, delete, keys};
use crate::engine::CustomerState;
use crate::model::{CustomerId, Decision, DeliveryState, DeviceId, Invalid, ServerTime};
use crate::store::{CommitError, Entry, Expect, Revision, Scan, StoreError, Table, Write};
use crate::wire::record::Logged;

/// What the keys of notes begin with: of customers who are being deleted,
const DELETIONS: &[u8] = b"deletion/";
/// of customers who withdrew consent,
const WITHDRAWALS: &[u8] = b"withdrawal/";
/// and of devices that were deleted.
const DEVICES: &[u8] = b"device/";
/// How many records are deleted in one commit, about.
const CHUNK: usize = 1_000;

/// What is to be erased after a change of a customer's record. A note of it is part of the commit of the change, and
/// stays until all is erased: so neither a crash nor a caller who goes away leaves anything behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasure {
    /// All that is known of a customer who is deleted: the record itself is gone already.
    Customer,
    /// What was derived from the positions of a customer who withdrew consent, besides the record itself: decisions,
    /// traces and triggers. A trigger that is still pending ends with that. Its budget stays used, for it may be on
    /// its way to the phone at that very moment.
    History,
    /// The traces of a device that was deleted.
    Device(DeviceId),
}

impl Erasure {
    /// The key of its note.
    pub(super) fn note(&self, customer: &CustomerId) -> Vec<u8> {
        let customer = customer.as_str().as_bytes();
        match self {
            Self::Customer => [DELETIONS, customer].concat(),
            Self::History => [WITHDRAWALS, customer].concat(),
            // No id holds a slash.
            Self::Device(device) => [DEVICES, customer, b"/", device.as_str().as_bytes()].concat(),
        }
    }

    /// Whom and what a note is about.
    fn parse(note: &[u8]) -> Result<(CustomerId, Self), Invalid> {
        let text = std::str::from_utf8(note).unwrap_or_default();
        let (kind, ids) = text.split_once('/').unwrap_or_default();
        let (customer, device) =
            ids.split_once('/').map_or((ids, None), |(customer, device)| (customer, Some(device)));
        let what = match (kind, device) {
            ("deletion", None) => Self::Customer,
            ("withdrawal", None) => Self::History,
            ("device", Some(device)) => Self::Device(DeviceId::parse("device", device)?),
            _ => return Err(Invalid::new("key", "is no note of an erasure")),
        };
        Ok((CustomerId::parse("customer", customer)?, what))
    }
}

impl Records {
    /// Deletes all that is known of a customer; returns whether there was one. The record goes first, so that
    /// nothing more is decided or delivered; the rest follows in bounded commits. A process that ends in between
    /// leaves a note of it, for [`Records::finish_erasures`].
    pub async fn delete_customer(&self, customer: &CustomerId) -> Result<bool, CommitError> {
        let key = customer.as_str().as_bytes();
        let mut tries = 0;
        while let Some(entry) = self.store.get(Table::Customers, key)? {
            let expect = Expect::Revision(entry.revision);
            let mut writes = vec![
                Write::Delete { table: Table::Customers, key: key.to_vec(), expect },
                note(customer, &Erasure::Customer),
                // It covers what other notes may be left for.
                delete(Table::Meta, Erasure::History.note(customer)),
            ];
            let devices = [DEVICES, key, b"/"].concat();
            let devices = self.store.scan(Table::Meta, &Scan { prefix: devices, limit: CHUNK, ..Scan::default() })?;
            writes.extend(devices.into_iter().map(|entry| delete(Table::Meta, entry.key)));
            tries += 1;
            match self.store.commit(writes).await {
                Ok(_) => {
                    self.erase(customer, &Erasure::Customer).await?;
                    return Ok(true);
                }
                Err(CommitError::Conflict { .. }) if tries < CONFLICT_RETRIES => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Replaces a customer that was read at a revision, and notes in the same commit what is to be erased after it;
    /// [`Records::erase`] is to be called then. A conflict: the customer was changed or deleted since.
    pub async fn save_and_note(
        &self,
        state: &CustomerState,
        expected: Revision,
        erasures: &[Erasure],
    ) -> Result<Revision, CommitError> {
        let mut writes = vec![save(state, Expect::Revision(expected))];
        writes.extend(erasures.iter().map(|what| note(&state.customer.id, what)));
        self.store.commit(writes).await
    }

    /// Erases what there is a note of, in bounded commits, and the note with the last of them. Does nothing without a
    /// note: so what comes into being after an erasure was finished is safe from another that began earlier.
    pub async fn erase(&self, customer: &CustomerId, what: &Erasure) -> Result<(), CommitError> {
        let key = what.note(customer);
        while let Some(note) = self.store.get(Table::Meta, &key)? {
            let (table, key, expect) = (Table::Meta, key.clone(), Expect::Revision(note.revision));
            let mut writes = match what {
                Erasure::Customer | Erasure::History => {
                    let mut writes = self.triggers_of(customer)?;
                    writes.extend(self.decisions_of(customer)?);
                    writes.extend(self.traces_of(keys::of_customer(customer))?);
                    writes
                }
                Erasure::Device(device) => self.traces_of(keys::of_device(customer, device))?,
            };
            let done = writes.is_empty();
            if done && matches!(what, Erasure::Customer | Erasure::History) {
                writes.push(delete(Table::Timers, customer.as_str().as_bytes().to_vec()));
            }
            writes.push(if done {
                Write::Delete { table, key, expect }
            } else {
                Write::Put { table, key, value: note.value, expect }
            });
            match self.store.commit(writes).await {
                // On a conflict somebody else got on with the same erasure.
                Ok(_) | Err(CommitError::Conflict { .. }) => {}
                Err(error @ CommitError::Store(_)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Finishes the erasures of which there are notes: those that an earlier process, or a call that failed, left
    /// unfinished.
    pub async fn finish_erasures(&self) -> Result<(), CommitError> {
        for prefix in [DELETIONS, WITHDRAWALS, DEVICES] {
            let mut scan = Scan { prefix: prefix.to_vec(), limit: CHUNK, ..Scan::default() };
            loop {
                let notes = self.store.scan(Table::Meta, &scan)?;
                let Some(last) = notes.last() else { break };
                scan.after = Some(last.key.clone());
                for Entry { key, .. } in notes {
                    let note = Erasure::parse(&key);
                    let (customer, what) = note.map_err(|why| damaged(Table::Meta, &key, why.to_string()))?;
                    self.erase(&customer, &what).await?;
                }
            }
        }
        Ok(())
    }

    /// Erases decisions that were made before a moment, and triggers that were made before it and have ended, the
    /// oldest first; returns how many. A call erases a bounded number: call again until it returns 0.
    pub async fn purge_history(&self, before: ServerTime) -> Result<usize, CommitError> {
        let mut writes = Vec::new();
        let mut erased = 0;
        for entry in self.first(Table::DecisionsByTime)? {
            if entry.key.as_slice() >= &keys::moment(before)[..] {
                break;
            }
            erased += 1;
            writes.push(delete(Table::Decisions, entry.key.get(keys::MOMENT_BYTES..).unwrap_or_default().to_vec()));
            writes.push(delete(Table::DecisionsByTime, entry.key));
        }
        let mut purged = None;
        for entry in self.first(Table::TriggerLog)? {
            let Logged { customer, trigger } = decode(Table::TriggerLog, &entry)?;
            if let Some((stored, revision)) = self.trigger(&customer, &trigger)? {
                if stored.trigger.created >= before || stored.state == DeliveryState::Pending {
                    break;
                }
                let (table, key) = (Table::Triggers, keys::owned(&customer, trigger.as_str()));
                writes.push(Write::Delete { table, key, expect: Expect::Revision(revision) });
            }
            // A pointer whose trigger is gone already counts as well: the caller must come again for what is behind it.
            erased += 1;
            purged = Some(entry.key.clone());
            writes.push(delete(Table::TriggerLog, entry.key));
        }
        writes.extend(purged.map(Self::note_purged));
        if !writes.is_empty() {
            self.store.commit(writes).await?;
        }
        Ok(erased)
    }

    fn decisions_of(&self, customer: &CustomerId) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for entry in self.of(Table::Decisions, customer)? {
            // Damage must not keep anybody from being deleted; then the index points nowhere, which reads pass over.
            if let Ok(decision) = decode::<Decision>(Table::Decisions, &entry) {
                let by_time = [&keys::moment(decision.decided)[..], &entry.key].concat();
                writes.push(delete(Table::DecisionsByTime, by_time));
            }
            writes.push(delete(Table::Decisions, entry.key));
        }
        Ok(writes)
    }

    fn triggers_of(&self, customer: &CustomerId) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for entry in self.of(Table::Triggers, customer)? {
            if let Ok(stored) = decode::<StoredTrigger>(Table::Triggers, &entry) {
                self.unlog(&stored, entry.revision, &mut writes)?;
            }
            writes.push(delete(Table::Triggers, entry.key));
        }
        Ok(writes)
    }

    fn traces_of(&self, prefix: Vec<u8>) -> Result<Vec<Write>, StoreError> {
        let traces = self.store.scan(Table::Traces, &Scan { prefix, limit: CHUNK, ..Scan::default() })?;
        Ok(traces.into_iter().map(|entry| delete(Table::Traces, entry.key)).collect())
    }

    fn of(&self, table: Table, customer: &CustomerId) -> Result<Vec<Entry>, StoreError> {
        self.store.scan(table, &Scan { prefix: keys::of_customer(customer), limit: CHUNK, ..Scan::default() })
    }

    fn first(&self, table: Table) -> Result<Vec<Entry>, StoreError> {
        self.store.scan(table, &Scan { limit: CHUNK, ..Scan::default() })
    }
}

/// Notes an erasure.
fn note(customer: &CustomerId, what: &Erasure) -> Write {
    Write::Put { table: Table::Meta, key: what.note(customer), value: Vec::new(), expect: Expect::Any }
}
