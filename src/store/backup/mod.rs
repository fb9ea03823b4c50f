//! Everything that a store holds, as one file.
//!
//! All numbers are big-endian.
//!
//! | Part | Bytes |
//! |---|---|
//! | header | `DOORSTEP BACKUP\n`; format version (4); schema version (4); revision (8); time in ms since 1970 (8); check (8) |
//! | each record | `R` (1); table (1); length of the key (2) and of the value (4); revision (8); key; value; check (8) |
//! | trailer | `E` (1); number of records (8); their sum (16); SHA-256 of all before it (32) |
//!
//! A check is the XXH3-64 of the part before it (xxHash specification). Nothing may follow the trailer, which a file that
//! was cut off does not have. The sum is the one that the store keeps of its records. The file holds what customers are
//! known by, and is not encrypted: it is to be kept as the data directory is.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Header, Reader, verify};
pub use write::Writer;

use super::StoreError;
use thiserror::Error;

/// How a backup begins.
const MAGIC: &[u8; 16] = b"DOORSTEP BACKUP\n";
/// The version of the format.
const FORMAT_VERSION: u32 = 1;
const RECORD: u8 = b'R';
const TRAILER: u8 = b'E';
/// The header without its magic and its check.
const HEADER_BYTES: usize = 24;
/// What is fixed of a record, without its first byte and its check.
const RECORD_HEAD_BYTES: usize = 15;

/// What a whole backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// What it says of itself.
    pub header: Header,
    /// How many records it holds.
    pub records: u64,
    /// The SHA-256 that its trailer has.
    pub sha256: [u8; 32],
}

/// Why a backup is not taken.
#[derive(Debug, Error)]
pub enum BackupError {
    /// It can't be read.
    #[error("cannot read the backup")]
    Read(#[from] std::io::Error),
    /// It is no backup, or of a version that this one does not read.
    #[error("the file is no backup that this version of Doorstep reads: {0}")]
    Unknown(String),
    /// It ends too early.
    #[error("the backup is cut off after {records} records; take another one")]
    CutOff {
        /// The records before its end.
        records: u64,
    },
    /// It is not what was written.
    #[error("the backup is damaged after {records} records: {problem}; take another one")]
    Damaged {
        /// The records before the damage.
        records: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// The store into which it is restored can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
