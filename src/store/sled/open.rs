//! Opening a directory: whether it holds a store, whether the store is whole, and the files to sync.

use super::super::{Revision, StoreError};
use super::{SledConfig, guarded, layout};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

/// The layout of tables and records that this version writes.
const SCHEMA_VERSION: u32 = 1;
const CACHE_MIN_BYTES: u64 = 1 << 20;
const MARK: &str = "mark";
/// sled's own threads let go of the lock a little after the store is dropped, and a process that is being replaced
/// a little before it ends. So the lock is tried for about a second.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// A store that was found good.
pub(super) struct Opened {
    pub(super) tree: ::sled::Db,
    pub(super) revision: Revision,
    pub(super) files: Files,
}

/// The files that the committer writes to, apart from sled.
pub(super) struct Files {
    db: File,
    /// Says up to which commit the store has been durable: sled takes a damaged log for the end of the log, and
    /// without a second witness the loss of all that followed would go unseen.
    mark: File,
}

impl Files {
    /// Puts on the disk what sled has written. Its size changes, so the sync covers the metadata that reads need.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.db.sync_data()
    }

    /// Notes that the store is durable up to a revision. An older mark is still true, so it needs no sync, and
    /// a failure does no harm.
    pub(super) fn mark(&mut self, revision: Revision) {
        let mut bytes = [0; 16];
        let (number, check) = bytes.split_at_mut(8);
        number.copy_from_slice(&revision.0.to_be_bytes());
        check.copy_from_slice(&(!revision.0).to_be_bytes());
        if let Err(error) = self.mark.seek(SeekFrom::Start(0)).and_then(|_| self.mark.write_all(&bytes)) {
            tracing::warn!(%error, "cannot note the last durable commit");
        }
    }

    /// The marked revision; 0 where there is no mark, or a torn one.
    fn marked(&mut self) -> io::Result<Revision> {
        let mut bytes = Vec::new();
        self.mark.seek(SeekFrom::Start(0))?;
        (&mut self.mark).take(16).read_to_end(&mut bytes)?;
        let marked = bytes.split_first_chunk::<8>().and_then(|(number, rest)| {
            let number = u64::from_be_bytes(*number);
            (rest == (!number).to_be_bytes()).then_some(Revision(number))
        });
        Ok(marked.unwrap_or_default())
    }
}

/// Why a directory can't be opened.
pub(super) fn refused(dir: &Path, problem: impl Into<String>) -> StoreError {
    StoreError::Open { path: dir.display().to_string(), problem: problem.into() }
}

/// Opens a directory, or says why not.
pub(super) fn open(dir: &Path, config: &SledConfig) -> Result<Opened, StoreError> {
    let io = |doing: &'static str| move |error: io::Error| refused(dir, format!("cannot {doing}: {error}"));
    if dir.exists() && !dir.is_dir() {
        return Err(refused(dir, "is not a directory; name one that holds a store, or a new one"));
    }
    fs::create_dir_all(dir).map_err(io("create the directory"))?;
    if let Some(other) = stranger(dir).map_err(io("list the directory"))? {
        let problem = format!("holds no store, but {other:?}; name a directory that is empty or new");
        return Err(refused(dir, problem));
    }
    let tree = open_sled(dir, config)?;
    let db = File::options().write(true).open(dir.join("db")).map_err(io("open db"))?;
    let mark = File::options().read(true).write(true).create(true).truncate(false).open(dir.join(MARK));
    let mut files = Files { db, mark: mark.map_err(io("open mark"))? };
    let revision = guarded(|| check(dir, &tree, &mut files))
        .unwrap_or_else(|panic| Err(refused(dir, format!("is damaged ({panic}); restore it from an export"))))?;
    // From here on the committer syncs db alone, so everything else is put on the disk now.
    files.sync().and_then(|()| sync_tree(dir)).map_err(io("sync the directory"))?;
    Ok(Opened { tree, revision, files })
}

/// A file in the directory that shows that it belongs to somebody else.
fn stranger(dir: &Path) -> io::Result<Option<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let store = names.iter().any(|name| name == "db");
    // `conf` and `blobs` alone are left when a process ends between creating them and creating `db`.
    let ours = ["conf", "blobs", MARK, "lost+found"];
    Ok(names.into_iter().find(|name| !store && !ours.contains(&name.as_str())))
}

fn open_sled(dir: &Path, config: &SledConfig) -> Result<::sled::Db, StoreError> {
    let sled = ::sled::Config::new()
        .path(dir)
        .cache_capacity(config.cache_bytes.max(CACHE_MIN_BYTES))
        .use_compression(false)
        // The committer flushes; a second flusher would only get in its way.
        .flush_every_ms(None);
    let mut tries = 0;
    loop {
        tries += 1;
        return match guarded(|| sled.open()) {
            Ok(Ok(db)) => Ok(db),
            Ok(Err(::sled::Error::Io(error))) if error.to_string().contains("could not acquire lock") => {
                if tries < LOCK_TRIES {
                    std::thread::sleep(LOCK_PAUSE);
                    continue;
                }
                Err(refused(dir, "is in use by another process; stop that one first, or name another directory"))
            }
            Ok(Err(error)) => {
                Err(refused(dir, format!("is damaged or not a store ({error}); restore it from an export")))
            }
            Err(panic) => Err(refused(dir, format!("is damaged ({panic}); restore it from an export"))),
        };
    }
}

/// Checks that the tree is a store of a version that this one reads, and that nothing is missing at its end; makes
/// an empty tree a store.
fn check(dir: &Path, tree: &::sled::Db, files: &mut Files) -> Result<Revision, StoreError> {
    let read = |error: ::sled::Error| refused(dir, format!("cannot be read: {error}"));
    let marked = files.marked().map_err(|error| refused(dir, format!("has an unreadable mark: {error}")))?;
    let number = |bytes: Option<::sled::IVec>| {
        let bytes = bytes.filter(|bytes| bytes.len() <= 8)?;
        Some(bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte)))
    };
    let revision = Revision(number(tree.get(layout::REVISION).map_err(read)?).unwrap_or(0));
    if revision < marked {
        let (first, last) = (revision.0 + 1, marked.0);
        let problem = format!(
            "lost commits {first} to {last}, which had been durable; restore it from an export, or delete its \
             file {MARK:?} to go on without them"
        );
        return Err(refused(dir, problem));
    }
    match number(tree.get(layout::SCHEMA).map_err(read)?) {
        Some(version) if version == u64::from(SCHEMA_VERSION) => Ok(revision),
        Some(version) => Err(refused(
            dir,
            format!(
                "has schema version {version}; this version of Doorstep reads {SCHEMA_VERSION}, so use a newer one"
            ),
        )),
        None if tree.first().map_err(read)?.is_none() && tree.tree_names().len() == 1 => {
            tree.insert(layout::SCHEMA, &SCHEMA_VERSION.to_be_bytes()).map_err(read)?;
            tree.flush().map_err(read)?;
            Ok(revision)
        }
        None => Err(refused(dir, "is a sled database, but not a store of Doorstep; name another directory")),
    }
}

/// Syncs a directory's files, the directory, its subdirectories, and its own entry.
fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(dir)?.sync_all()?;
    match fs::canonicalize(dir)?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
