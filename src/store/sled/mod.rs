//! Records in a directory, by sled, an embedded ordered tree.
//!
//! All writes go through one committer thread ([`committer`]): it takes what waits in a bounded queue, applies it
//! as one batch, flushes, syncs the file, and wakes the waiters. sled's own flush asks Linux for
//! `sync_file_range`, which leaves the disk's cache and the file's size out; hence the sync.
//!
//! Until a batch is on the disk a veil hides it from reads: the records that it touches, as they were before.

mod committer;
pub(super) mod layout;
mod open;
mod restore;
mod rewrite;
pub(super) mod schema;
mod snapshot;

use super::backup::{BackupError, Summary};
use super::stage::{self, Spot, Staged, Stored};
use super::{CommitError, Entry, Pending, Revision, SCAN_MAX, Scan, Snapshot, Store, StoreError, Table, Write};
use committer::{Commit, Job};
use snapshot::{Readers, Reading};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, oneshot, watch};

/// How a [`SledStore`] is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SledConfig {
    /// Memory for the page cache in bytes, 1 MiB or more.
    pub cache_bytes: u64,
    /// How much may wait for the committer: keys and values of all commits under way, in KiB, each commit rounded
    /// up. Not less than the largest commit.
    pub queue_kib: u32,
    /// Whether to hold all records against their sum when the store is opened: it finds what sled's own checks let
    /// pass, and reads everything once.
    pub add_up: bool,
}

impl Default for SledConfig {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, queue_kib: QUEUE_MIN_KIB, add_up: true }
    }
}

/// Room for the largest commit, and as many small ones.
#[expect(clippy::cast_possible_truncation, reason = "65,536")]
const QUEUE_MIN_KIB: u32 = (super::COMMIT_MAX_BYTES / 1024) as u32;

/// A store in a directory.
///
/// One process can open a directory at a time. Dropping the store closes it.
#[derive(Debug)]
pub struct SledStore {
    shared: Arc<Shared>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    tree: ::sled::Db,
    /// What reads must show instead of what the tree holds: each record that the batch under way touches, as it
    /// was before. A read holds the lock throughout, so that no batch begins meanwhile.
    veil: RwLock<Staged>,
    /// Bounds what waits in `jobs`, in KiB.
    room: Arc<Semaphore>,
    /// Those who read a snapshot.
    readers: Readers,
    jobs: mpsc::Sender<Job>,
    durable: watch::Sender<Revision>,
    fault: OnceLock<StoreError>,
}

impl SledStore {
    /// Opens the store in a directory, which is created when it is missing.
    ///
    /// Fails with [`StoreError::Open`], and touches nothing, when another process has it open, when it holds
    /// something else than a store or one that a newer version wrote, and when it lost commits or is damaged.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(dir, &SledConfig::default())
    }

    /// Opens as [`SledStore::open`] does, run in a way of its own.
    pub fn open_with(dir: impl AsRef<Path>, config: &SledConfig) -> Result<Self, StoreError> {
        let opened = open::open(dir.as_ref(), config)?;
        let (jobs, queue) = mpsc::channel();
        let shared = Arc::new(Shared {
            tree: opened.tree,
            veil: RwLock::default(),
            room: Arc::new(Semaphore::new(config.queue_kib.max(QUEUE_MIN_KIB) as usize)),
            readers: Readers::default(),
            jobs,
            durable: watch::Sender::new(opened.revision),
            fault: OnceLock::new(),
        });
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || committer::run(&shared, &queue, opened.files, opened.sum)
            })
            .map_err(|error| open::refused(dir.as_ref(), format!("cannot start its committer thread: {error}")))?;
        Ok(Self { shared, committer: Mutex::new(Some(thread)) })
    }

    /// Makes a store in a new or empty directory from a backup, of which nothing is believed before all of it was read.
    pub fn restore(dir: impl AsRef<Path>, backup: &std::fs::File) -> Result<Summary, BackupError> {
        restore::restore(dir.as_ref(), backup)
    }

    /// Whether the disk under a directory takes what a store needs to be opened. Writes, syncs and removes a file.
    pub fn probe(dir: impl AsRef<Path>) -> Result<(), StoreError> {
        open::probe(dir.as_ref())
    }

    /// Finishes the commits under way, and takes no more: they fail with [`StoreError::Closed`]. Returns when
    /// everything is on the disk. Reads still work; the directory is free for others once the store is dropped.
    pub fn close(&self) -> Result<(), StoreError> {
        self.shared.room.close();
        let thread = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Fails only when the committer is gone, and then there is nothing to wait for.
            let _ = self.shared.jobs.send(Job::Close);
            if thread.join().is_err() {
                return Err(StoreError::Write("the committer thread panicked".to_owned()));
            }
        }
        self.fault().map_or(Ok(()), Err)
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}

impl Store for SledStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Entry>, StoreError> {
        let spot = stage::spot(table, key);
        let veil = self.shared.veil.read().unwrap_or_else(PoisonError::into_inner);
        let stored = match veil.get(&spot) {
            Some(before) => before.clone(),
            None => self.shared.read(&spot)?,
        };
        Ok(stored.map(|stored| stage::entry(&spot, stored)))
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
        let Some(bounds) = stage::bounds(table, scan) else { return Ok(Vec::new()) };
        let limit = scan.limit.min(SCAN_MAX);
        let veil = self.shared.veil.read().unwrap_or_else(PoisonError::into_inner);
        let veiled = veil.range(bounds.clone());
        let tree = &self.shared.tree;
        guarded(|| {
            let range = tree.range(bounds);
            if scan.backwards {
                merge(tree, range.rev(), veiled.rev(), Ordering::reverse, limit)
            } else {
                merge(tree, range, veiled, |order| order, limit)
            }
        })
        .unwrap_or_else(|problem| Err(StoreError::Read(problem)))
    }

    fn commit(&self, writes: Vec<Write>) -> Pending<Result<Revision, CommitError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let bytes = stage::weigh(&writes)?;
            let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).saturating_add(1).min(QUEUE_MIN_KIB);
            let room = Arc::clone(&shared.room).acquire_many_owned(kib).await.map_err(|_| StoreError::Closed)?;
            let (done, outcome) = oneshot::channel();
            shared.jobs.send(Job::Commit(Commit { writes, bytes, done, room })).map_err(|_| shared.gone())?;
            outcome.await.map_err(|_| shared.gone())?
        })
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(Reading::begin(&self.shared)))
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.shared.durable.subscribe()
    }

    fn fault(&self) -> Option<StoreError> {
        self.shared.fault.get().cloned()
    }
}

impl Shared {
    /// What the tree holds at a spot, durable or not.
    fn read(&self, spot: &Spot) -> Result<Option<Stored>, StoreError> {
        guarded(|| layout::read(&self.tree, spot)).unwrap_or_else(|problem| Err(StoreError::Read(problem)))
    }

    /// Why the committer does not answer.
    fn gone(&self) -> StoreError {
        self.fault.get().cloned().unwrap_or(StoreError::Closed)
    }
}

/// Runs a piece of sled. On damage that it did not expect sled panics; that must not take the caller along.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said =
            panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        format!("sled panicked: {}", said.unwrap_or("no message"))
    })
}

type Raw = ::sled::Result<(::sled::IVec, ::sled::IVec)>;

/// The tree's records in an order, where the veil has one its record instead.
fn merge<'a>(
    tree: &::sled::Tree,
    range: impl Iterator<Item = Raw>,
    veiled: impl Iterator<Item = (&'a Spot, &'a Option<Stored>)>,
    order: impl Fn(Ordering) -> Ordering,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let (mut range, mut veiled) = (range.peekable(), veiled.peekable());
    let mut found = Vec::new();
    while found.len() < limit {
        let next = match (range.peek(), veiled.peek()) {
            (Some(Ok((raw, _))), Some((spot, _))) => order(raw.as_ref().cmp(spot.as_slice())),
            (Some(_), _) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        if next != Ordering::Greater
            && let Some(raw) = range.next()
        {
            let (spot, head) = raw.map_err(|error| StoreError::Read(error.to_string()))?;
            if next == Ordering::Less {
                found.push(stage::entry(&spot, layout::decode(tree, &spot, &head)?));
            }
        }
        if next != Ordering::Less
            && let Some((spot, Some(before))) = veiled.next()
        {
            found.push(stage::entry(spot, before.clone()));
        }
    }
    Ok(found)
}
