//! Records in memory, for tests, simulations and trials: they last until the store is dropped.

use super::stage::{self, Spot, Staged, Stored};
use super::{CommitError, Entry, Pending, Revision, SCAN_MAX, Scan, Snapshot, Store, StoreError, Table, Write};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A store that loses everything when it is dropped, and otherwise keeps the promises of [`Store`].
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    records: Mutex<BTreeMap<Spot, Stored>>,
    last: watch::Sender<Revision>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Shared {
    fn records(&self) -> MutexGuard<'_, BTreeMap<Spot, Stored>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, writes: Vec<Write>) -> Result<Revision, CommitError> {
        stage::weigh(&writes)?;
        let mut records = self.records();
        let revision = Revision(self.last.borrow().0 + 1);
        let mut staged = Staged::new();
        stage::stage(&mut staged, revision, writes, |spot| {
            Ok::<_, StoreError>(records.get(spot).map(|stored| stored.revision))
        })?;
        for (spot, stored) in staged {
            match stored {
                Some(stored) => records.insert(spot, stored),
                None => records.remove(&spot),
            };
        }
        // Under the lock, so that the numbers are sent in their order.
        self.last.send_replace(revision);
        Ok(revision)
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Entry>, StoreError> {
        let spot = stage::spot(table, key);
        Ok(self.shared.records().get(&spot).map(|stored| stage::entry(&spot, stored.clone())))
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
        let Some(bounds) = stage::bounds(table, scan) else { return Ok(Vec::new()) };
        let records = self.shared.records();
        let limit = scan.limit.min(SCAN_MAX);
        let range = records.range(bounds);
        let found = |(spot, stored): (&Spot, &Stored)| stage::entry(spot, stored.clone());
        Ok(if scan.backwards {
            range.rev().take(limit).map(found).collect()
        } else {
            range.take(limit).map(found).collect()
        })
    }

    fn commit(&self, writes: Vec<Write>) -> Pending<Result<Revision, CommitError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.commit(writes) })
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let records = self.shared.records();
        let table = |spot: &Spot| Table::ALL.into_iter().find(|table| spot.first() == Some(&stage::code(*table)));
        let all =
            records.iter().filter_map(|(spot, stored)| Some((table(spot)?, stage::entry(spot, stored.clone()))));
        let (revision, left) = (*self.shared.last.borrow(), all.collect());
        Ok(Box::new(Copied { revision, left }))
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.shared.last.subscribe()
    }

    fn fault(&self) -> Option<StoreError> {
        None
    }
}

/// A copy of everything.
struct Copied {
    revision: Revision,
    left: Vec<(Table, Entry)>,
}

impl Snapshot for Copied {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn next(&mut self) -> Result<Vec<(Table, Entry)>, StoreError> {
        Ok(std::mem::take(&mut self.left))
    }
}
