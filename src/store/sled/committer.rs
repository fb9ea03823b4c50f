//! The one thread that writes.

use super::super::crash::{self, Point};
use super::super::stage::{self, Spot, Staged};
use super::super::{CommitError, Revision, StoreError, Write};
use super::layout::{self, Sum};
use super::open::Files;
use super::{Shared, guarded};
use std::collections::btree_map::Entry;
use std::sync::{PoisonError, mpsc};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A batch takes no further commit once it has this many bytes.
const GROUP_BYTES: usize = 8 << 20;

/// What the committer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// To commit.
    Commit(Commit),
    /// To finish what waits, and end.
    Close,
}

/// A commit that somebody waits for.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) writes: Vec<Write>,
    /// Keys and values of `writes`.
    pub(super) bytes: usize,
    pub(super) done: oneshot::Sender<Result<Revision, CommitError>>,
    /// Its share of the queue.
    pub(super) room: OwnedSemaphorePermit,
}

/// Commits group after group until it is told to end. `sum` is that of all records.
pub(super) fn run(shared: &Shared, queue: &mpsc::Receiver<Job>, mut files: Files, mut sum: Sum) {
    let mut open = true;
    while open {
        let mut group = Vec::new();
        let mut bytes = 0;
        let mut next = queue.recv().ok();
        while let Some(job) = next {
            match job {
                Job::Commit(commit) => {
                    bytes += commit.bytes;
                    group.push(commit);
                }
                Job::Close => open = false,
            }
            // What was sent before the end is finished, however much it is.
            next = if bytes < GROUP_BYTES || !open { queue.try_recv().ok() } else { None };
        }
        open &= !group.is_empty();
        commit(shared, &mut files, &mut sum, group);
    }
    if shared.fault.get().is_none() {
        files.close();
    }
}

fn commit(shared: &Shared, files: &mut Files, sum: &mut Sum, group: Vec<Commit>) {
    if !group.is_empty() {
        crash::pass(Point::BeforeCommit);
    }
    let mut revision = *shared.durable.borrow();
    let mut staged = Staged::new();
    let mut before = Staged::new();
    let mut waiters = Vec::with_capacity(group.len());
    for Commit { writes, done, room, .. } in group {
        let next = Revision(revision.0 + 1);
        match stage_one(shared, next, writes, &mut staged, &mut before) {
            Ok(()) => {
                revision = next;
                waiters.push((next, done, room));
            }
            Err(error) => {
                // A waiter that has gone away needs no answer, here and below.
                let _ = done.send(Err(error));
            }
        }
    }
    if waiters.is_empty() {
        return;
    }
    match write(shared, files, sum, revision, &staged, before) {
        Ok(()) => {
            for (revision, done, _room) in waiters {
                let _ = done.send(Ok(revision));
            }
            files.mark(revision);
        }
        Err(error) => {
            tracing::error!(%error, "the store takes no further commits");
            let error = shared.fault.get_or_init(|| error);
            for (_, done, _room) in waiters {
                let _ = done.send(Err(error.clone().into()));
            }
        }
    }
}

/// Stages one commit of a group, and notes in `before` what it touches as it was before the group.
fn stage_one(
    shared: &Shared,
    revision: Revision,
    writes: Vec<Write>,
    staged: &mut Staged,
    before: &mut Staged,
) -> Result<(), CommitError> {
    if let Some(fault) = shared.fault.get() {
        return Err(fault.clone().into());
    }
    for (index, write) in (0..).zip(&writes) {
        let spot = match write {
            Write::Put { table, key, .. } | Write::Delete { table, key, .. } => stage::spot(*table, key),
            Write::Append { table, .. } => stage::spot(*table, &stage::append_key(revision, index)),
        };
        if let Entry::Vacant(vacant) = before.entry(spot) {
            let stored = shared.read(vacant.key())?;
            vacant.insert(stored);
        }
    }
    stage::stage(staged, revision, writes, |spot: &Spot| {
        Ok::<_, StoreError>(before.get(spot).and_then(Option::as_ref).map(|stored| stored.revision))
    })
}

/// Writes a group behind the veil, and lifts the veil once the group is on the disk. After a failure the veil
/// stays: what the tree holds may not survive.
fn write(
    shared: &Shared,
    files: &mut Files,
    sum: &mut Sum,
    revision: Revision,
    staged: &Staged,
    before: Staged,
) -> Result<(), StoreError> {
    let mut batch = ::sled::Batch::default();
    let mut sum_after = *sum;
    for (spot, after) in staged {
        let before = before.get(spot).and_then(Option::as_ref);
        if let Some(before) = before {
            sum_after.take(spot, before);
        }
        if let Some(after) = after {
            sum_after.add(spot, after);
        }
        layout::replace(&mut batch, spot, before, after.as_ref());
    }
    batch.insert(layout::REVISION, &revision.0.to_be_bytes());
    batch.insert(layout::SUM, &sum_after.to_bytes());
    {
        let mut veil = shared.veil.write().unwrap_or_else(PoisonError::into_inner);
        shared.readers.keep(&before);
        *veil = before;
    }
    guarded(|| {
        shared.tree.apply_batch(batch)?;
        shared.tree.flush()
    })
    .map_err(StoreError::Write)?
    .map_err(|error| StoreError::Write(error.to_string()))?;
    crash::pass(Point::BeforeSync);
    files.sync().map_err(|error| StoreError::Write(format!("cannot sync: {error}")))?;
    crash::pass(Point::AfterCommit);
    *sum = sum_after;
    let mut veil = shared.veil.write().unwrap_or_else(PoisonError::into_inner);
    // Told under the lock, so that a snapshot knows its revision.
    shared.durable.send_replace(revision);
    // Taken out under the lock, dropped after it.
    let lifted = std::mem::take(&mut *veil);
    drop(veil);
    drop(lifted);
    Ok(())
}
