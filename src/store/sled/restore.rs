//! A store from a backup.

use super::super::backup::{self, BackupError, Reader, Summary};
use super::super::stage::{self, Stored};
use super::super::{Revision, StoreError};
use super::layout::Sum;
use super::open::refused;
use super::{SledConfig, guarded, layout, open, schema};
use std::fs::{self, File};
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::Path;

/// Bytes that are written in one batch.
const BATCH_BYTES: usize = 4 << 20;

/// Makes a store in a new or empty directory from a backup, which is read twice: nothing is written before all of it has
/// been found good. The store appears under its name when it is complete and on the disk.
pub(super) fn restore(dir: &Path, file: &File) -> Result<Summary, BackupError> {
    let io = |doing: &'static str| move |error: io::Error| open::refused_by_disk(dir, doing, &error);
    let mut reading = BufReader::with_capacity(1 << 20, file);
    let summary = backup::verify(&mut reading)?;
    reading.seek(SeekFrom::Start(0))?;
    let is_free =
        !dir.exists() || (dir.is_dir() && fs::read_dir(dir).map_err(io("list the directory"))?.next().is_none());
    if !is_free {
        return Err(refused(dir, "is not empty; restore into a new directory").into());
    }
    let mut partial = dir.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    if partial.exists() {
        // Left by an attempt that was cut off: it never was a store.
        fs::remove_dir_all(partial).map_err(io("remove what an earlier attempt left"))?;
    }
    fs::create_dir_all(partial).map_err(io("create the directory"))?;
    let filled = guarded(|| fill(partial, Reader::begin(reading)?, summary.header.revision));
    filled.unwrap_or_else(|panic| Err(open::broken(dir, &panic).into()))?;
    fs::rename(partial, dir).map_err(io("name the directory"))?;
    open::sync_tree(dir).map_err(io("sync the directory"))?;
    Ok(summary)
}

fn fill(dir: &Path, mut reader: Reader<BufReader<&File>>, revision: Revision) -> Result<(), BackupError> {
    let sled = |error: ::sled::Error| StoreError::Write(error.to_string());
    let tree = open::open_sled(dir, &SledConfig::default())?;
    let (mut batch, mut bytes, mut sum) = (::sled::Batch::default(), 0, Sum::default());
    while let Some((table, entry)) = reader.next_record()? {
        let spot = stage::spot(table, &entry.key);
        let stored = Stored { revision: entry.revision, value: entry.value };
        sum.add(&spot, &stored);
        bytes += spot.len() + stored.value.len();
        layout::replace(&mut batch, &spot, None, Some(&stored));
        if bytes > BATCH_BYTES {
            tree.apply_batch(std::mem::take(&mut batch)).map_err(sled)?;
            bytes = 0;
        }
    }
    batch.insert(layout::REVISION, &revision.0.to_be_bytes());
    tree.apply_batch(batch).map_err(sled)?;
    // Last: without it the directory is no store.
    schema::write(&tree, sum).map_err(sled)?;
    drop(tree);
    open::sync_tree(dir).map_err(|error| open::refused_by_disk(dir, "sync the directory", &error))?;
    Ok(())
}
