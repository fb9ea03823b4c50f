//! The version of the layout, from the first one on, and what leads from one to the next.
//!
//! | Version | What is new |
//! |---|---|
//! | 1 | records, the revision, the version |
//! | 2 | the sum of all records, by which a missing, stale or altered one is found |
//!
//! A newer version is refused, an older one is led on in one batch, so that a crash leaves the one or the other.

use super::super::{Revision, StoreError};
use super::layout::{self, Sum};
use super::open::refused;
use std::path::Path;

/// The layout of tables and records that this version writes.
pub(in crate::store) const SCHEMA_VERSION: u32 = 2;

/// What a store says of itself.
pub(super) struct Stands {
    pub(super) revision: Revision,
    pub(super) sum: Sum,
}

/// The revision of the last commit.
pub(super) fn revision(dir: &Path, tree: &::sled::Db) -> Result<Revision, StoreError> {
    let stored = tree.get(layout::REVISION).map_err(|error| refused(dir, format!("cannot be read: {error}")))?;
    Ok(Revision(number(stored.as_deref()).unwrap_or(0)))
}

/// Reads the version, and leads an older one on to the present one; makes an empty tree a store. With `add_up`, holds the
/// records against their sum.
pub(super) fn check(dir: &Path, tree: &::sled::Db, revision: Revision, add_up: bool) -> Result<Stands, StoreError> {
    let read = |error: ::sled::Error| refused(dir, format!("cannot be read: {error}"));
    let bytes = |key: &[u8]| tree.get(key).map_err(read);
    let Some(version) = bytes(layout::SCHEMA)? else {
        if tree.first().map_err(read)?.is_some() || tree.tree_names().len() != 1 {
            return Err(refused(dir, "is a sled database, but not a store of Doorstep; name another directory"));
        }
        let sum = Sum::default();
        write(tree, sum).map_err(read)?;
        return Ok(Stands { revision, sum });
    };
    match number(Some(&version)).and_then(|version| u32::try_from(version).ok()) {
        Some(SCHEMA_VERSION) => {
            let stored = bytes(layout::SUM)?;
            let sum = stored.as_deref().and_then(Sum::from_bytes);
            let sum = sum.ok_or_else(|| refused(dir, "is damaged: its sum is missing; restore it from a backup"))?;
            if add_up && sum_of(dir, tree)? != sum {
                return Err(refused(
                    dir,
                    "is damaged: its records are not those that were committed; restore it from a backup",
                ));
            }
            Ok(Stands { revision, sum })
        }
        Some(1) => {
            let sum = sum_of(dir, tree)?;
            write(tree, sum).map_err(read)?;
            tracing::info!(from = 1, to = SCHEMA_VERSION, "the store was led on to the present schema");
            Ok(Stands { revision, sum })
        }
        other => {
            let version = other.map_or_else(|| "that cannot be read".to_owned(), |version| version.to_string());
            let problem = format!(
                "has schema version {version}; this version of Doorstep reads 1 to {SCHEMA_VERSION}, so use a newer one"
            );
            Err(refused(dir, problem))
        }
    }
}

/// The sum of what the tree holds, all of which must read.
fn sum_of(dir: &Path, tree: &::sled::Db) -> Result<Sum, StoreError> {
    layout::add_up(tree).map_err(|error| refused(dir, format!("is damaged ({error}); restore it from a backup")))
}

/// Writes version and sum, in one batch.
pub(super) fn write(tree: &::sled::Db, sum: Sum) -> ::sled::Result<()> {
    let mut batch = ::sled::Batch::default();
    batch.insert(layout::SUM, &sum.to_bytes());
    batch.insert(layout::SCHEMA, &SCHEMA_VERSION.to_be_bytes());
    tree.apply_batch(batch)?;
    tree.flush().map(drop)
}

/// A big-endian number of at most 8 bytes.
fn number(bytes: Option<&[u8]>) -> Option<u64> {
    let bytes = bytes.filter(|bytes| bytes.len() <= 8)?;
    Some(bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte)))
}
