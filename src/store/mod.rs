//! Durable records behind one small trait.
//!
//! A store is a few ordered tables of small values. One commit writes to several of them at once, whole or not
//! at all, and may expect that a record still has the revision that was read: a conflict means reload and
//! decide again. That is little enough for an embedded tree as well as for a replicated log.
//!
//! - [`Store`] is the trait, and what it promises; `tests/store_contract.rs` holds every implementation to it.
//! - [`SledStore`] keeps the records in a directory, through one committer thread.
//! - [`backup`] is everything that a store holds, as one file.
//! - [`crash`] names the points at which a tester has the process killed.
//! - [`MemoryStore`] keeps them until it is dropped.
//! - [`Records`] is what the rest of the house sees of it: places, customers, triggers.

pub mod backup;
pub mod crash;
mod memory;
mod records;
mod sled;
mod stage;

pub use self::memory::MemoryStore;
pub use self::records::{
    CatalogueChange, Checked, Claim, Cursor, DecisionFilter, Erasure, Gone, IN_APP, LogCursor, LogPage, LogPlace,
    OutboxEntry, OutboxPart, Outcomes, PAGE_BYTES, PAGE_MAX, Page, Records, StoredCatalogue, StoredTrigger, Timer,
    TraceEntry,
};
pub use self::sled::{SledConfig, SledStore};

use std::future::Future;
use std::pin::Pin;
use thiserror::Error;
use tokio::sync::watch;

/// The largest value in bytes.
pub const VALUE_MAX_BYTES: usize = 8 * 1024 * 1024;
/// The longest key in bytes.
pub const KEY_MAX_BYTES: usize = 300;
/// The largest commit: bytes of all its keys and values together.
pub const COMMIT_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most records that one scan returns, whatever its limit.
pub const SCAN_MAX: usize = 10_000;

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
    /// When something is due for a customer from whom no ping comes, by customer.
    Timers,
    /// Journeys by id.
    Journeys,
    /// What commits add to the figures of campaigns, in the order of commit; appended to, and folded into
    /// [`Table::Counts`].
    CountLog,
    /// The figures of campaigns, by campaign and day.
    Counts,
    /// Topics by id.
    Topics,
    /// Zones by id.
    Zones,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 17] = [
        Self::Meta,
        Self::Places,
        Self::Regions,
        Self::Campaigns,
        Self::Customers,
        Self::Decisions,
        Self::DecisionsByTime,
        Self::Triggers,
        Self::TriggerLog,
        Self::Outbox,
        Self::Traces,
        Self::Timers,
        Self::Journeys,
        Self::CountLog,
        Self::Counts,
        Self::Topics,
        Self::Zones,
    ];
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
    /// How many records at most; more than [`SCAN_MAX`] count as [`SCAN_MAX`].
    pub limit: usize,
}

/// A boxed future, so that a store can be a trait object.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// All records as one commit left them, read piece by piece while others commit.
pub trait Snapshot: Send {
    /// The commit.
    fn revision(&self) -> Revision;

    /// The next few records, in an order that does not matter; none at the end. Fails when more was committed since the
    /// snapshot began than it can hold: then another must be begun.
    fn next(&mut self) -> Result<Vec<(Table, Entry)>, StoreError>;
}

/// Durable records.
///
/// What a read shows is durable: each `get` and each `scan` sees the state after one commit, whole, and that
/// commit survives power loss. So whatever leaves the process because of a read rests on solid ground.
///
/// Every implementation must pass `tests/store_contract.rs`.
pub trait Store: Send + Sync + 'static {
    /// Reads one record.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Entry>, StoreError>;

    /// Reads several records, as one commit left them all.
    fn scan(&self, table: Table, scan: &Scan) -> Result<Vec<Entry>, StoreError>;

    /// Writes all of `writes`, or none of them. On `Ok` the commit survives power loss, and reads show it.
    ///
    /// Commits take effect in the order of their revisions. Expectations are checked against the state before
    /// the commit; of two writes to one key the later counts. A commit waits while more than a bounded amount
    /// is under way. It begins when the future is first polled; dropping the future later leaves open whether
    /// it takes place.
    fn commit(&self, writes: Vec<Write>) -> Pending<Result<Revision, CommitError>>;

    /// All records as the last durable commit left them.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;

    /// The last durable commit, as it moves on.
    fn watch(&self) -> watch::Receiver<Revision>;

    /// What broke the store, if anything did: it then takes no further commits until it is opened again. Reads may
    /// fail from then on, and still show nothing but what is durable.
    fn fault(&self) -> Option<StoreError>;
}

/// Why a commit did not take place.
#[derive(Debug, Error)]
pub enum CommitError {
    /// A record was not as expected: reload it and decide again.
    #[error("record {} of {table:?} was changed by another commit", key.escape_ascii())]
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
        /// Whether the same store can be opened once the cause is gone, such as a disk that is full.
        passes: bool,
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
    /// A key is empty or longer than [`KEY_MAX_BYTES`].
    #[error("a key of {table:?} has {bytes} bytes; must have 1 to {KEY_MAX_BYTES}")]
    Key {
        /// The record's table.
        table: Table,
        /// The key's length.
        bytes: usize,
    },
    /// A commit is larger than [`COMMIT_MAX_BYTES`].
    #[error("a commit has {bytes} bytes; at most {COMMIT_MAX_BYTES} are allowed")]
    CommitTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
