//! What an unclean end leaves behind: bytes that can be read, of which nobody knows whether they are on the disk.
//!
//! When a sync fails, Linux may take the pages for clean, keep their bytes in memory and forget to write them; the next
//! sync then succeeds and means nothing (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
//! 2020). So a failed sync is never repeated. The store is broken until it is opened again, and before that every byte
//! of the log is written anew, in place, and synced: then what can be read is on the disk, or the opening fails.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Says that the store was closed with everything on the disk.
const CLEAN: &str = "clean";
/// What is looked at at once: a page of the file system.
const PAGE_BYTES: usize = 4096;
/// What is read at once.
const CHUNK_BYTES: usize = 256 * PAGE_BYTES;

/// Notes that everything is on the disk.
pub(super) fn note_clean(dir: &Path) -> io::Result<()> {
    File::create(dir.join(CLEAN))?.sync_all()?;
    File::open(dir)?.sync_all()
}

/// Takes the note away, as from now on something may not be. The caller syncs the directory.
pub(super) fn note_in_use(dir: &Path) -> io::Result<()> {
    match std::fs::remove_file(dir.join(CLEAN)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes the log anew after an unclean end; how many bytes. Leaves it alone while another process has it.
pub(super) fn after_unclean_end(dir: &Path) -> io::Result<u64> {
    let path = dir.join("db");
    if !path.exists() || dir.join(CLEAN).exists() {
        return Ok(0);
    }
    let file = File::options().read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        // Whoever opens next says so.
        Err(TryLockError::WouldBlock) => return Ok(0),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let length = file.metadata()?.len();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < length {
        let read = file.read_at(&mut chunk, at)?;
        if read == 0 {
            break;
        }
        for (page, offset) in chunk.get(..read).unwrap_or_default().chunks(PAGE_BYTES).zip((at..).step_by(PAGE_BYTES))
        {
            // What was never written reads as zeros, and must not take room.
            if page.iter().any(|byte| *byte != 0) {
                file.write_all_at(page, offset)?;
            }
        }
        at += read as u64;
    }
    file.sync_all()?;
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_log_is_written_anew_as_it_was_and_holes_stay_holes() {
        let dir = tempfile::tempdir().unwrap();
        let db =
            File::options().read(true).write(true).create(true).truncate(true).open(dir.path().join("db")).unwrap();
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(3 * CHUNK_BYTES + 77).collect();
        db.write_all_at(&bytes, 9 * CHUNK_BYTES as u64).unwrap();
        let (before, blocks) = (std::fs::read(dir.path().join("db")).unwrap(), db.metadata().unwrap().blocks());
        assert_eq!(after_unclean_end(dir.path()).unwrap(), before.len() as u64);
        assert!(std::fs::read(dir.path().join("db")).unwrap() == before);
        assert!(db.metadata().unwrap().blocks() <= blocks + 8);
        db.lock().unwrap();
        assert_eq!(after_unclean_end(dir.path()).unwrap(), 0, "somebody has it");
        db.unlock().unwrap();
        note_clean(dir.path()).unwrap();
        assert_eq!(after_unclean_end(dir.path()).unwrap(), 0);
        note_in_use(dir.path()).unwrap();
        note_in_use(dir.path()).unwrap();
        assert!(after_unclean_end(dir.path()).unwrap() > 0);
    }
}
