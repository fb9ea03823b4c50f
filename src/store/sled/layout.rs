//! How a record lies in sled's tree.
//!
//! Under its spot lies the head: the revision (8 bytes, big-endian), the number of further parts (2 bytes), and the
//! first part of the value. Further parts lie under 0x80, the spot, and their number. So no value in the tree is
//! larger than a part, and no page grows so large that sled would put it into a file of its own, which it does
//! not sync: a leaf has about 20 values, and the limit is a quarter of sled's segment of 512 KiB.

use super::super::stage::{self, Spot, Stored};
use super::super::{Revision, StoreError, Table, VALUE_MAX_BYTES};
use sled::{Batch, Tree};
use xxhash_rust::xxh3::Xxh3;

/// The largest part of a value in bytes.
const PART_BYTES: usize = 4096;
const PARTS_CODE: u8 = 0x80;
const HEAD_BYTES: usize = 10;

const _: () = assert!(VALUE_MAX_BYTES / PART_BYTES <= 1 + u16::MAX as usize);

/// Where the schema version lies: 4 bytes, big-endian.
pub(super) const SCHEMA: &[u8] = b"\xffschema";
/// Where the revision of the last commit lies: 8 bytes, big-endian.
pub(super) const REVISION: &[u8] = b"\xffrevision";
/// Where the sum of all records lies: 16 bytes, big-endian.
pub(super) const SUM: &[u8] = b"\xffsum";

/// The sum of the digests of all records, each of its spot, revision and value: whatever is missing, stale or altered
/// makes it another. Adding and taking away are all that a commit needs.
///
/// XXH3-128 (xxHash specification) finds accidents; it is no guard against forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct Sum(u128);

impl Sum {
    /// Adds a record.
    pub(in crate::store) fn add(&mut self, spot: &[u8], stored: &Stored) {
        self.0 = self.0.wrapping_add(digest(spot, stored));
    }

    /// Takes a record away.
    pub(in crate::store) fn take(&mut self, spot: &[u8], stored: &Stored) {
        self.0 = self.0.wrapping_sub(digest(spot, stored));
    }

    pub(in crate::store) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(in crate::store) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(u128::from_be_bytes(bytes.try_into().ok()?)))
    }
}

fn digest(spot: &[u8], stored: &Stored) -> u128 {
    let mut digest = Xxh3::new();
    digest.update(&(spot.len() as u64).to_be_bytes());
    digest.update(spot);
    digest.update(&stored.revision.0.to_be_bytes());
    digest.update(&stored.value);
    digest.digest128()
}

/// The sum of what the tree holds.
pub(super) fn add_up(tree: &Tree) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    for entry in tree.range::<&[u8], _>(..&[PARTS_CODE][..]) {
        let (spot, head) = entry.map_err(|error| StoreError::Read(error.to_string()))?;
        sum.add(&spot, &decode(tree, &spot, &head)?);
    }
    Ok(sum)
}

/// How many parts a value has besides the first.
#[expect(clippy::cast_possible_truncation, reason = "at most 65,535, as asserted above")]
fn further_parts(value: &[u8]) -> u16 {
    value.len().div_ceil(PART_BYTES).saturating_sub(1) as u16
}

fn part_spot(spot: &[u8], part: u16) -> Spot {
    let mut key = Vec::with_capacity(spot.len() + 3);
    key.push(PARTS_CODE);
    key.extend_from_slice(spot);
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// Replaces a record by another, either of which may be absent.
pub(super) fn replace(batch: &mut Batch, spot: &Spot, before: Option<&Stored>, after: Option<&Stored>) {
    let mut kept = 0;
    if let Some(after) = after {
        kept = further_parts(&after.value);
        let mut parts = after.value.chunks(PART_BYTES);
        let mut head = Vec::with_capacity(HEAD_BYTES + after.value.len().min(PART_BYTES));
        head.extend_from_slice(&after.revision.0.to_be_bytes());
        head.extend_from_slice(&kept.to_be_bytes());
        head.extend_from_slice(parts.next().unwrap_or_default());
        batch.insert(spot.as_slice(), head);
        for (number, part) in (1..=kept).zip(parts) {
            batch.insert(part_spot(spot, number), part);
        }
    } else if before.is_some() {
        batch.remove(spot.as_slice());
    }
    let old = before.map_or(0, |before| further_parts(&before.value));
    for number in (kept..old).map(|number| number + 1) {
        batch.remove(part_spot(spot, number));
    }
}

/// Reads a record.
pub(super) fn read(tree: &Tree, spot: &Spot) -> Result<Option<Stored>, StoreError> {
    let head = tree.get(spot).map_err(|error| StoreError::Read(error.to_string()))?;
    head.map(|head| decode(tree, spot, &head)).transpose()
}

/// Reads the rest of a record.
pub(super) fn decode(tree: &Tree, spot: &[u8], head: &[u8]) -> Result<Stored, StoreError> {
    let (Some((revision, &[high, low])), Some(first)) =
        (head.first_chunk::<HEAD_BYTES>().and_then(|fixed| fixed.split_first_chunk::<8>()), head.get(HEAD_BYTES..))
    else {
        return Err(damaged(spot, "its head is too short"));
    };
    let parts = u16::from_be_bytes([high, low]);
    let mut value = first.to_vec();
    for number in 1..=parts {
        let part = tree.get(part_spot(spot, number)).map_err(|error| StoreError::Read(error.to_string()))?;
        value.extend_from_slice(&part.ok_or_else(|| damaged(spot, "a part of it is missing"))?);
    }
    if further_parts(&value) != parts {
        return Err(damaged(spot, "its parts do not add up"));
    }
    Ok(Stored { revision: Revision(u64::from_be_bytes(*revision)), value })
}

fn damaged(spot: &[u8], problem: &str) -> StoreError {
    let (code, key) = spot.split_first().map_or((0, spot), |(code, key)| (*code, key));
    let table = Table::ALL.into_iter().find(|table| stage::code(*table) == code).unwrap_or(Table::Meta);
    StoreError::Damaged { table, key: key.escape_ascii().to_string(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: usize) -> Stored {
        Stored { revision: Revision(7), value: (0..=u8::MAX).cycle().take(bytes).collect() }
    }

    #[test]
    fn a_record_of_any_size_replaces_one_of_any_other_and_leaves_nothing_behind() {
        let db = ::sled::Config::new().temporary(true).open().unwrap();
        let spot = stage::spot(Table::Regions, b"r");
        let sizes = [None, Some(0), Some(1), Some(4096), Some(4097), Some(8192), Some(VALUE_MAX_BYTES)];
        for (before, after) in sizes.iter().flat_map(|a| sizes.iter().map(move |b| (a.map(value), b.map(value)))) {
            let mut batch = Batch::default();
            replace(&mut batch, &spot, None, before.as_ref());
            db.apply_batch(batch).unwrap();
            let mut batch = Batch::default();
            replace(&mut batch, &spot, before.as_ref(), after.as_ref());
            db.apply_batch(batch).unwrap();
            assert_eq!(read(&db, &spot).unwrap(), after);
            let records = after.as_ref().map_or(0, |after| 1 + usize::from(further_parts(&after.value)));
            assert_eq!(db.len(), records);
            db.clear().unwrap();
        }
    }

    #[test]
    fn a_damaged_record_is_named() {
        let db = ::sled::Config::new().temporary(true).open().unwrap();
        let spot = stage::spot(Table::Regions, b"r\xff");
        for head in [&b"short"[..], b"\0\0\0\0\0\0\0\x01\0\x01part", b"\0\0\0\0\0\0\0\x01\xff\xff"] {
            db.insert(&spot, head).unwrap();
            let error = read(&db, &spot).unwrap_err().to_string();
            assert!(error.starts_with(r"record r\xff of Regions is damaged: "), "{error}");
        }
    }
}
