//! Durable records behind one small trait.
//!
//! A store is a few ordered tables of small values. One commit writes to several of them at once, whole or not
//! at all, and may expect that a record still has the revision that was read: a conflict means reload and
//! decide again. That is little enough for an embedded tree as well as for a replicated log.

use std::future::Future;
use std::pin::Pin;
use thiserror::Error;
use tokio::sync::watch;

/// The largest value in bytes.
pub const VALUE_MAX_BYTES: usize = 256 * 1024;

/// Numbers the commits of a store: grows by one with each, never repeats, survives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// A table of records, ordered by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// The schema version and the like.
    Meta,
    /// Places by id.
    Places,
    /// Regions by id.
    Regions,
    /// Campaigns by id.
    Campaigns,
    /// Customers by id: each one record with devices, presence and ledger.
    Customers,
    /// Decisions by customer and id.
    Decisions,
    /// Keys of [`Table::Decisions`] by time of decision.
    DecisionsByTime,
    /// Triggers by customer and id, with their delivery so far.
    Triggers,
    /// Keys of [`Table::Triggers`] in the order of commit; appended to.
    TriggerLog,
    /// What remains to be delivered, in the order of commit; appended to.
    Outbox,
    /// Pings of devices under trace, by customer, device and sequence number.
    Traces,
}

/// One stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// The commit that wrote it.
    pub revision: Revision,
}

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// No record.
    Absent,
    /// A record that this commit wrote.
    Revision(Revision),
}

/// One change of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Adds or replaces a record.
    Put {
        /// Where.
        table: Table,
        /// Its key.
        key: Vec<u8>,
        /// Its new value, at most [`VALUE_MAX_BYTES`].
        value: Vec<u8>,
        /// What must be there before.
        expect: Expect,
    },
    /// Removes a record, if there is one.
    Delete {
        /// Where.
        table: Table,
        /// Its key.
        key: Vec<u8>,
        /// What must be there before.
        expect: Expect,
    },
    /// Adds a record under a key that the store makes: the commit's revision and the write's index in it, both
    /// big-endian (12 bytes), so that keys are in the order of commit.
    Append {
        /// Where.
        table: Table,
        /// Its value.
        value: Vec<u8>,
    },
}

/// Which keys of a table to read: all that begin with `prefix` and lie after `after`, in the given order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// What the keys begin with; empty for all.
    pub prefix: Vec<u8>,
    /// The last key that is not wanted any more, in the order of the scan.
    pub after: Option<Vec<u8>>,
    /// Whether to go from the last key to the first.
    pub backwards: bool,
    /// How many records at most.
    pub limit: usize,
}

/// A boxed future, so that a store can be a trait object.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Durable records.
///
/// Every implementation must pass `tests/store_contract.rs`.
pub trait Store: Send + Sync + 'static {
    /// Reads one record, as the last commit left it.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Entry>, StoreError>;

    /// Reads several records.
    fn scan(&self, table: Table, scan: &Scan) -> Result<Vec<Entry>, StoreError>;

    /// Writes all of `writes`, or none of them. On `Ok` the commit survives power loss. Commits take effect in
    /// the order of their revisions.
    fn commit(&self, writes: Vec<Write>) -> Pending<Result<Revision, CommitError>>;

    /// The last durable commit, as it moves on.
    fn watch(&self) -> watch::Receiver<Revision>;
}

/// Why a commit did not take place.
#[derive(Debug, Error)]
pub enum CommitError {
    /// A record was not as expected: reload it and decide again.
    #[error("record {key:?} of {table:?} was changed by another commit")]
    Conflict {
        /// The record's table.
        table: Table,
        /// The record's key.
        key: Vec<u8>,
    },
    /// The store is broken.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a store.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// The directory can't be opened as a store.
    #[error("cannot open the store in {path}: {problem}")]
    Open {
        /// The data directory.
        path: String,
        /// What was wrong, and what would be right.
        problem: String,
    },
    /// A read failed.
    #[error("cannot read from the store: {0}")]
    Read(String),
    /// A write or a sync failed. The store takes no further commits until it is opened again.
    #[error("cannot write to the store: {0}")]
    Write(String),
    /// A record does not decode.
    #[error("record {key} of {table:?} is damaged: {problem}")]
    Damaged {
        /// The record's table.
        table: Table,
        /// The record's key, escaped.
        key: String,
        /// What does not decode.
        problem: String,
    },
    /// A value is larger than [`VALUE_MAX_BYTES`].
    #[error("record {key} of {table:?} has {bytes} bytes; at most {VALUE_MAX_BYTES} are allowed")]
    TooLarge {
        /// The record's table.
        table: Table,
        /// The record's key, escaped.
        key: String,
        /// Its size.
        bytes: usize,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
