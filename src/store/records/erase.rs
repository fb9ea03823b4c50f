//! Deleting a customer, a customer's history, and what is too old.

use super::{CONFLICT_RETRIES, Records, StoredTrigger, decode, delete, keys};
use crate::model::{CustomerId, Decision, DeliveryState, ServerTime};
use crate::store::{CommitError, Entry, Expect, Scan, StoreError, Table, Write};
use crate::wire::record::Logged;

/// What the keys of deletions under way begin with.
const DELETIONS: &[u8] = b"deletion/";
/// How many records are deleted in one commit, about.
const CHUNK: usize = 1_000;

impl Records {
    /// Deletes all that is known of a customer; returns whether there was one. The record goes first, so that
    /// nothing more is decided or delivered; the rest follows in bounded commits. A process that ends in between
    /// leaves a note of it, for [`Records::finish_deletions`].
    pub async fn delete_customer(&self, customer: &CustomerId) -> Result<bool, CommitError> {
        let key = customer.as_str().as_bytes();
        let mut tries = 0;
        while let Some(entry) = self.store.get(Table::Customers, key)? {
            let expect = Expect::Revision(entry.revision);
            let note = Self::deletion(customer);
            let writes = vec![
                Write::Delete { table: Table::Customers, key: key.to_vec(), expect },
                Write::Put { table: Table::Meta, key: note, value: Vec::new(), expect: Expect::Any },
            ];
            tries += 1;
            match self.store.commit(writes).await {
                Ok(_) => {
                    self.finish_deletion(customer).await?;
                    return Ok(true);
                }
                Err(CommitError::Conflict { .. }) if tries < CONFLICT_RETRIES => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Finishes the deletions that an earlier process left unfinished; to be called once when a store was opened.
    pub async fn finish_deletions(&self) -> Result<(), CommitError> {
        let scan = Scan { prefix: DELETIONS.to_vec(), limit: CHUNK, ..Scan::default() };
        loop {
            let notes = self.store.scan(Table::Meta, &scan)?;
            if notes.is_empty() {
                return Ok(());
            }
            for Entry { key, .. } in notes {
                let id = key.get(DELETIONS.len()..).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default();
                match CustomerId::parse("customer", id) {
                    Ok(customer) => self.finish_deletion(&customer).await?,
                    Err(why) => return Err(super::damaged(Table::Meta, &key, why.to_string()).into()),
                }
            }
        }
    }

    /// Erases a customer's decisions and traces: what was derived from positions, besides the state itself. A
    /// customer who withdraws consent is owed this.
    pub async fn erase_history(&self, customer: &CustomerId) -> Result<(), CommitError> {
        loop {
            let mut writes = self.decisions_of(customer)?;
            writes.extend(self.traces_of(customer)?);
            if writes.is_empty() {
                return Ok(());
            }
            self.store.commit(writes).await?;
        }
    }

    /// Erases decisions that were made before a moment, and triggers that were made before it and have ended, the
    /// oldest first; returns how many. A call erases a bounded number: call again until it returns 0.
    pub async fn purge_history(&self, before: ServerTime) -> Result<usize, CommitError> {
        let mut writes = Vec::new();
        for entry in self.first(Table::DecisionsByTime)? {
            if entry.key.as_slice() >= &keys::moment(before)[..] {
                break;
            }
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
            purged = Some(entry.key.clone());
            writes.push(delete(Table::TriggerLog, entry.key));
        }
        let erased = writes.len().div_ceil(2);
        writes.extend(purged.map(Self::note_purged));
        if !writes.is_empty() {
            self.store.commit(writes).await?;
        }
        Ok(erased)
    }

    /// The key of the note that a customer is being deleted.
    pub(super) fn deletion(customer: &CustomerId) -> Vec<u8> {
        [DELETIONS, customer.as_str().as_bytes()].concat()
    }

    async fn finish_deletion(&self, customer: &CustomerId) -> Result<(), CommitError> {
        loop {
            let mut writes = self.triggers_of(customer)?;
            writes.extend(self.decisions_of(customer)?);
            writes.extend(self.traces_of(customer)?);
            let done = writes.is_empty();
            if done {
                writes.push(delete(Table::Meta, Self::deletion(customer)));
            }
            self.store.commit(writes).await?;
            if done {
                return Ok(());
            }
        }
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

    fn traces_of(&self, customer: &CustomerId) -> Result<Vec<Write>, StoreError> {
        let traces = self.of(Table::Traces, customer)?;
        Ok(traces.into_iter().map(|entry| delete(Table::Traces, entry.key)).collect())
    }

    fn of(&self, table: Table, customer: &CustomerId) -> Result<Vec<Entry>, StoreError> {
        self.store.scan(table, &Scan { prefix: keys::of_customer(customer), limit: CHUNK, ..Scan::default() })
    }

    fn first(&self, table: Table) -> Result<Vec<Entry>, StoreError> {
        self.store.scan(table, &Scan { limit: CHUNK, ..Scan::default() })
    }
}
