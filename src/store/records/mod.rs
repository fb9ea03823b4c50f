//! The records of Doorstep, typed: the only thing that service and deliver use of the store.
//!
//! | File | Holds |
//! |---|---|
//! | `catalogue` | places, regions, campaigns, journeys, topics and zones |
//! | `customers` | customers, and what a batch of pings did to one, in one commit |
//! | `decisions` | decisions, by customer and by time |
//! | `triggers` | triggers, and the log of them in the order of commit |
//! | `receipts` | what the app tells of messages |
//! | `offers` | how a trigger goes from one channel to the next |
//! | `outbox` | what remains to be delivered, and the end of a delivery |
//! | `counts` | the figures of campaigns, and the log that they are folded from |
//! | `timers` | when something is due for a customer |
//! | `traces` | pings of devices under trace |
//! | `check` | whether every record is good |
//! | `erase` | deleting a customer, and what is too old |
//!
//! What a read returns is durable, as [`Store`] promises.

mod catalogue;
mod check;
mod counts;
mod cursor;
mod customers;
mod decisions;
mod erase;
mod keys;
mod offers;
mod outbox;
mod receipts;
#[cfg(test)]
mod tests;
mod timers;
mod traces;
mod triggers;

pub use catalogue::{CatalogueChange, StoredCatalogue};
pub use check::Checked;
pub use cursor::{Cursor, LogCursor, Page};
pub use customers::Outcomes;
pub use decisions::DecisionFilter;
pub use erase::Erasure;
pub use outbox::{Claim, Gone, OutboxEntry, OutboxPart};
pub use timers::Timer;
pub use traces::TraceEntry;
pub use triggers::{IN_APP, LogPage, LogPlace, StoredTrigger};

use super::{Entry, Expect, Revision, Scan, Snapshot, Store, StoreError, Table, Write};
use crate::wire::record::Record;
use std::sync::Arc;
use tokio::sync::watch;

/// Most entries of one page.
pub const PAGE_MAX: usize = 1_000;
/// A page takes no further entry once it has this many bytes of records: gRPC clients take messages of up to 4 MiB,
/// and a record has at most 1 MiB.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// How often a change is decided again after another commit came in between.
const CONFLICT_RETRIES: usize = 64;

/// The records in a store. Cloning it is cheap, and gives the same records.
#[derive(Clone)]
pub struct Records {
    store: Arc<dyn Store>,
}

impl Records {
    /// The records in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The last durable commit, as it moves on.
    pub fn watch(&self) -> watch::Receiver<Revision> {
        self.store.watch()
    }

    /// Everything as the last durable commit left it.
    pub fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.store.snapshot()
    }

    /// What broke the store, if anything did: nothing can be written any more.
    pub fn fault(&self) -> Option<StoreError> {
        self.store.fault()
    }

    fn get<R: Record>(&self, table: Table, key: &[u8]) -> Result<Option<(R, Revision)>, StoreError> {
        let entry = self.store.get(table, key)?;
        entry.map(|entry| Ok((decode(table, &entry)?, entry.revision))).transpose()
    }

    /// A page of a table, in the order of keys, and where it goes on.
    fn page<R: Record>(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<R>, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let after = after.map(|cursor| cursor.key().to_vec());
        // One more shows whether there is a next page.
        let mut entries = self.store.scan(table, &Scan { prefix, after, backwards: false, limit: limit + 1 })?;
        let mut bytes = 0;
        let fitting = entries.iter().take(limit).take_while(|entry| {
            let fits = bytes < PAGE_BYTES;
            bytes += entry.value.len();
            fits
        });
        let fitting = fitting.count();
        let more = entries.len() > fitting;
        entries.truncate(fitting);
        let next = entries.last().filter(|_| more).map(|entry| Cursor::at(&entry.key));
        let items = entries.iter().map(|entry| decode(table, entry)).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }
}

fn decode<R: Record>(table: Table, entry: &Entry) -> Result<R, StoreError> {
    R::decode(&entry.value).map_err(|problem| damaged(table, &entry.key, problem))
}

fn damaged(table: Table, key: &[u8], problem: impl Into<String>) -> StoreError {
    StoreError::Damaged { table, key: key.escape_ascii().to_string(), problem: problem.into() }
}

fn put(table: Table, key: Vec<u8>, record: &impl Record, expect: Expect) -> Write {
    Write::Put { table, key, value: record.encode(), expect }
}

fn delete(table: Table, key: Vec<u8>) -> Write {
    Write::Delete { table, key, expect: Expect::Any }
}
