//! What every store does alike: check a commit, stage it on the commits before it, and bound a scan.

use super::{
    COMMIT_MAX_BYTES, CommitError, Entry, Expect, KEY_MAX_BYTES, Revision, Scan, StoreError, Table, VALUE_MAX_BYTES,
    Write,
};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A record without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) revision: Revision,
    pub(super) value: Vec<u8>,
}

/// Where a record lives: the table's code, then the key.
pub(super) type Spot = Vec<u8>;

/// What the commits of one group make of the records that they touch; `None` for a deleted one.
pub(super) type Staged = BTreeMap<Spot, Option<Stored>>;

/// The table's first byte of a [`Spot`], which is stored and must never change. Below 0x80: the rest is for a
/// store's own records.
pub(super) fn code(table: Table) -> u8 {
    match table {
        Table::Meta => 1,
        Table::Places => 2,
        Table::Regions => 3,
        Table::Campaigns => 4,
        Table::Customers => 5,
        Table::Decisions => 6,
        Table::DecisionsByTime => 7,
        Table::Triggers => 8,
        Table::TriggerLog => 9,
        Table::Outbox => 10,
        Table::Traces => 11,
        Table::Timers => 12,
        Table::Journeys => 13,
        Table::CountLog => 20,
        Table::Counts => 21,
        Table::Topics => 30,
        Table::Zones => 31,
    }
}

/// Where a record lives.
pub(super) fn spot(table: Table, key: &[u8]) -> Spot {
    let mut spot = Vec::with_capacity(1 + key.len());
    spot.push(code(table));
    spot.extend_from_slice(key);
    spot
}

/// The record at a spot.
pub(super) fn entry(spot: &[u8], stored: Stored) -> Entry {
    Entry { key: spot.get(1..).unwrap_or_default().to_vec(), value: stored.value, revision: stored.revision }
}

/// The key that a store makes for an append.
pub(super) fn append_key(revision: Revision, index: u32) -> [u8; 12] {
    let mut key = [0; 12];
    let (high, low) = key.split_at_mut(8);
    high.copy_from_slice(&revision.0.to_be_bytes());
    low.copy_from_slice(&index.to_be_bytes());
    key
}

/// Checks the sizes of a commit; returns the bytes of its keys and values.
pub(super) fn weigh(writes: &[Write]) -> Result<usize, StoreError> {
    let mut total = 0;
    for write in writes {
        let (table, key, value): (Table, &[u8], &[u8]) = match write {
            Write::Put { table, key, value, .. } => (*table, key, value),
            Write::Delete { table, key, .. } => (*table, key, &[]),
            Write::Append { table, value } => (*table, &[0; 12], value),
        };
        if !(1..=KEY_MAX_BYTES).contains(&key.len()) {
            return Err(StoreError::Key { table, bytes: key.len() });
        }
        if value.len() > VALUE_MAX_BYTES {
            return Err(StoreError::TooLarge { table, key: key.escape_ascii().to_string(), bytes: value.len() });
        }
        total += key.len() + value.len();
    }
    if total > COMMIT_MAX_BYTES { Err(StoreError::CommitTooLarge { bytes: total }) } else { Ok(total) }
}

/// Stages one commit on the commits staged before it. On a conflict nothing is staged. `read` gives what the
/// store holds, for a spot that no commit staged before.
pub(super) fn stage<E>(
    staged: &mut Staged,
    revision: Revision,
    writes: Vec<Write>,
    mut read: impl FnMut(&Spot) -> Result<Option<Revision>, E>,
) -> Result<(), CommitError>
where
    CommitError: From<E>,
{
    for write in &writes {
        let (table, key, expect) = match write {
            Write::Put { table, key, expect, .. } | Write::Delete { table, key, expect } => (*table, key, *expect),
            Write::Append { .. } => continue,
        };
        let expected = match expect {
            Expect::Any => continue,
            Expect::Absent => None,
            Expect::Revision(revision) => Some(revision),
        };
        let spot = spot(table, key);
        let found = match staged.get(&spot) {
            Some(staged) => staged.as_ref().map(|stored| stored.revision),
            None => read(&spot)?,
        };
        if found != expected {
            return Err(CommitError::Conflict { table, key: key.clone() });
        }
    }
    for (index, write) in (0..).zip(writes) {
        match write {
            Write::Put { table, key, value, .. } => {
                staged.insert(spot(table, &key), Some(Stored { revision, value }));
            }
            Write::Delete { table, key, .. } => {
                staged.insert(spot(table, &key), None);
            }
            Write::Append { table, value } => {
                staged.insert(spot(table, &append_key(revision, index)), Some(Stored { revision, value }));
            }
        }
    }
    Ok(())
}

/// The spots that a scan covers; none when it can't cover any.
pub(super) fn bounds(table: Table, scan: &Scan) -> Option<(Bound<Spot>, Bound<Spot>)> {
    let first = spot(table, &scan.prefix);
    let end = successor(&first)?;
    let after = scan.after.as_ref().map(|key| spot(table, key));
    let (low, high) = match after {
        Some(after) if scan.backwards => {
            if after <= first {
                return None;
            }
            (Bound::Included(first), Bound::Excluded(after.min(end)))
        }
        Some(after) if after >= first => {
            if after >= end {
                return None;
            }
            (Bound::Excluded(after), Bound::Excluded(end))
        }
        Some(_) | None => (Bound::Included(first), Bound::Excluded(end)),
    };
    Some((low, high))
}

/// The least spot that is greater than every spot that begins with `prefix`.
fn successor(prefix: &[u8]) -> Option<Spot> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}
