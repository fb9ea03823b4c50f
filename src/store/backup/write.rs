//! Writing a backup, piece by piece.

use super::{FORMAT_VERSION, MAGIC, RECORD, TRAILER};
use crate::store::sled::layout::Sum;
use crate::store::sled::schema::SCHEMA_VERSION;
use crate::store::stage::{self, Stored};
use crate::store::{Entry, Revision, Table};
use ring::digest::{Context, SHA256};
use xxhash_rust::xxh3::xxh3_64;

/// Makes the bytes of a backup.
pub struct Writer {
    hash: Context,
    records: u64,
    sum: Sum,
}

impl Writer {
    /// Begins a backup of the records as a commit left them, made at a time in milliseconds since 1970; appends the
    /// header to `out`.
    pub fn begin(revision: Revision, time_ms: i64, out: &mut Vec<u8>) -> Self {
        let mut writer = Self { hash: Context::new(&SHA256), records: 0, sum: Sum::default() };
        let from = out.len();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        out.extend_from_slice(&SCHEMA_VERSION.to_be_bytes());
        out.extend_from_slice(&revision.0.to_be_bytes());
        out.extend_from_slice(&time_ms.to_be_bytes());
        writer.check(out, from);
        writer
    }

    /// Appends a record to `out`.
    pub fn record(&mut self, table: Table, entry: Entry, out: &mut Vec<u8>) {
        let from = out.len();
        let Entry { key, value, revision } = entry;
        out.extend_from_slice(&[RECORD, stage::code(table)]);
        // The store takes no larger ones.
        out.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&revision.0.to_be_bytes());
        out.extend_from_slice(&key);
        out.extend_from_slice(&value);
        self.check(out, from);
        self.records += 1;
        self.sum.add(&stage::spot(table, &key), &Stored { revision, value });
    }

    /// Appends the trailer to `out`.
    pub fn end(mut self, out: &mut Vec<u8>) {
        let from = out.len();
        out.push(TRAILER);
        out.extend_from_slice(&self.records.to_be_bytes());
        out.extend_from_slice(&self.sum.to_bytes());
        self.hash.update(out.get(from..).unwrap_or_default());
        out.extend_from_slice(self.hash.finish().as_ref());
    }

    /// Appends the check of what was appended since `from`, and hashes both.
    fn check(&mut self, out: &mut Vec<u8>, from: usize) {
        let check = xxh3_64(out.get(from..).unwrap_or_default());
        out.extend_from_slice(&check.to_be_bytes());
        self.hash.update(out.get(from..).unwrap_or_default());
    }
}
