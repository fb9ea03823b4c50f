//! Reading a backup, and believing nothing of it that is not proved.

use super::{BackupError, FORMAT_VERSION, HEADER_BYTES, MAGIC, RECORD, RECORD_HEAD_BYTES, Summary, TRAILER};
use crate::store::sled::layout::Sum;
use crate::store::sled::schema::SCHEMA_VERSION;
use crate::store::stage::{self, Stored};
use crate::store::{Entry, KEY_MAX_BYTES, Revision, Table, VALUE_MAX_BYTES};
use ring::digest::{Context, SHA256};
use std::io::{ErrorKind, Read};
use xxhash_rust::xxh3::xxh3_64;

/// What a backup says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The commit as of which it holds the records.
    pub revision: Revision,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: i64,
}

/// Reads records. What it has given out is whole; whether it is all, only the end tells.
pub struct Reader<R> {
    from: R,
    header: Header,
    hash: Context,
    records: u64,
    sum: Sum,
    end: Option<Summary>,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub fn begin(from: R) -> Result<Self, BackupError> {
        let header = Header { revision: Revision(0), time_ms: 0 };
        let mut reader =
            Self { from, header, hash: Context::new(&SHA256), records: 0, sum: Sum::default(), end: None };
        let mut magic = [0; 16];
        reader.exactly(&mut magic)?;
        if magic != *MAGIC {
            return Err(BackupError::Unknown("it begins in another way".to_owned()));
        }
        let mut fixed = [0; HEADER_BYTES];
        reader.exactly(&mut fixed)?;
        let (format, schema) = (u32_at(&fixed, 0), u32_at(&fixed, 4));
        reader.check(&[&magic[..], &fixed].concat())?;
        if format != FORMAT_VERSION {
            return Err(BackupError::Unknown(format!("its format is {format}; must be {FORMAT_VERSION}")));
        }
        // Backups began with this schema. A later one leads older records on here.
        if schema != SCHEMA_VERSION {
            return Err(BackupError::Unknown(format!("its schema version is {schema}; must be {SCHEMA_VERSION}")));
        }
        let time_ms = i64::from_be_bytes(u64_at(&fixed, 16).to_be_bytes());
        reader.header = Header { revision: Revision(u64_at(&fixed, 8)), time_ms };
        Ok(reader)
    }

    /// What the backup says of itself.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The next record; none at a good end.
    pub fn next_record(&mut self) -> Result<Option<(Table, Entry)>, BackupError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let mut kind = [0];
        self.exactly(&mut kind)?;
        match kind {
            [RECORD] => self.record().map(Some),
            [TRAILER] => self.trailer().map(|()| None),
            _ => Err(self.damaged("there is neither a record nor the end")),
        }
    }

    /// What the backup holds; absent before its end.
    pub fn end(&self) -> Option<Summary> {
        self.end
    }

    fn record(&mut self) -> Result<(Table, Entry), BackupError> {
        let mut fixed = [0; RECORD_HEAD_BYTES];
        self.exactly(&mut fixed)?;
        let [code, high, low, ..] = fixed;
        let (key_bytes, value_bytes) = (usize::from(u16::from_be_bytes([high, low])), u32_at(&fixed, 3) as usize);
        let key_bytes_fit = (1..=KEY_MAX_BYTES).contains(&key_bytes);
        if !key_bytes_fit || value_bytes > VALUE_MAX_BYTES {
            return Err(self.damaged("a record is larger than any can be"));
        }
        let mut key = vec![0; key_bytes];
        self.exactly(&mut key)?;
        let mut value = vec![0; value_bytes];
        self.exactly(&mut value)?;
        self.check(&[&[RECORD][..], &fixed, &key, &value].concat())?;
        let table = Table::ALL.into_iter().find(|table| stage::code(*table) == code);
        let table = table.ok_or_else(|| BackupError::Unknown(format!("it has a table {code}")))?;
        let revision = Revision(u64_at(&fixed, 7));
        self.records += 1;
        self.sum.add(&stage::spot(table, &key), &Stored { revision, value: value.clone() });
        Ok((table, Entry { key, value, revision }))
    }

    fn trailer(&mut self) -> Result<(), BackupError> {
        let mut fixed = [0; 24];
        self.exactly(&mut fixed)?;
        self.hash.update(&[TRAILER]);
        self.hash.update(&fixed);
        let hash = self.hash.clone().finish();
        let mut sha256 = [0; 32];
        self.exactly(&mut sha256)?;
        if sha256 != hash.as_ref() {
            return Err(self.damaged("its SHA-256 is another"));
        }
        if u64_at(&fixed, 0) != self.records || fixed.get(8..) != Some(&self.sum.to_bytes()[..]) {
            return Err(self.damaged("its records do not add up"));
        }
        let mut more = [0];
        if self.from.read(&mut more)? > 0 {
            return Err(self.damaged("something follows its end"));
        }
        self.end = Some(Summary { header: self.header, records: self.records, sha256 });
        Ok(())
    }

    /// Holds a part against the check that follows it.
    fn check(&mut self, part: &[u8]) -> Result<(), BackupError> {
        let mut check = [0; 8];
        self.exactly(&mut check)?;
        if u64::from_be_bytes(check) != xxh3_64(part) {
            return Err(self.damaged("a check does not fit"));
        }
        self.hash.update(part);
        self.hash.update(&check);
        Ok(())
    }

    fn exactly(&mut self, into: &mut [u8]) -> Result<(), BackupError> {
        self.from.read_exact(into).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => BackupError::CutOff { records: self.records },
            _ => error.into(),
        })
    }

    fn damaged(&self, problem: &'static str) -> BackupError {
        BackupError::Damaged { records: self.records, problem }
    }
}

/// Reads a backup to its end.
pub fn verify(from: impl Read) -> Result<Summary, BackupError> {
    let mut reader = Reader::begin(from)?;
    while reader.next_record()?.is_some() {}
    let cut_off = BackupError::CutOff { records: reader.records };
    reader.end().ok_or(cut_off)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u32::from_be_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u64::from_be_bytes)
}
