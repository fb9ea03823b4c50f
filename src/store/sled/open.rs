//! Opening a directory: whether it holds a store, whether the store is whole, and the files to sync.

use super::super::crash::{self, Point};
use super::super::{Revision, StoreError};
use super::layout::Sum;
use super::{SledConfig, guarded, rewrite, schema};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const CACHE_MIN_BYTES: u64 = 1 << 20;
const MARK: &str = "mark";
/// Written and removed to see whether the disk takes anything.
const PROBE: &str = ".probe";
/// What must fit on the disk when a store is opened: a segment of sled's log and what belongs to it.
const PROBE_BYTES: usize = 1 << 20;
/// sled's own threads let go of the lock a little after the store is dropped, and a process that is being replaced
/// a little before it ends. So the lock is tried for about a second.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// A store that was found good.
pub(super) struct Opened {
    pub(super) tree: ::sled::Db,
    pub(super) revision: Revision,
    pub(super) sum: Sum,
    pub(super) files: Files,
}

/// The files that the committer writes to, apart from sled.
pub(super) struct Files {
    dir: PathBuf,
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

    /// Notes that everything is on the disk. Without the note the next opening takes longer, no more.
    pub(super) fn close(&self) {
        if let Err(error) = rewrite::note_clean(&self.dir) {
            tracing::warn!(%error, "cannot note that the store was closed");
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

/// Why a directory can't be opened, for as long as it is as it is.
pub(super) fn refused(dir: &Path, problem: impl Into<String>) -> StoreError {
    StoreError::Open { path: dir.display().to_string(), problem: problem.into(), passes: false }
}

/// Why a directory can't be opened at present: the disk is at fault, and may be well again.
pub(super) fn refused_by_disk(dir: &Path, doing: &str, error: &io::Error) -> StoreError {
    let problem = if is_full(error) {
        format!("cannot {doing}: {error}; make room on the disk: at least {} KiB are needed", PROBE_BYTES / 1024)
    } else {
        format!("cannot {doing}: {error}")
    };
    StoreError::Open { path: dir.display().to_string(), problem, passes: true }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// Whether the disk under a directory takes what a store needs to be opened: writes, syncs and removes a file.
pub(super) fn probe(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(PROBE);
    let probing = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0x5a; PROBE_BYTES])?;
        file.sync_all()
    });
    let removed = if path.exists() { fs::remove_file(&path) } else { Ok(()) };
    probing.and(removed).map_err(|error| refused_by_disk(dir, "write to the directory", &error))
}

/// Opens a directory, or says why not.
pub(super) fn open(dir: &Path, config: &SledConfig) -> Result<Opened, StoreError> {
    let io = |doing: &'static str| move |error: io::Error| refused_by_disk(dir, doing, &error);
    if dir.exists() && !dir.is_dir() {
        return Err(refused(dir, "is not a directory; name one that holds a store, or a new one"));
    }
    fs::create_dir_all(dir).map_err(io("create the directory"))?;
    if let Some(other) = stranger(dir).map_err(io("list the directory"))? {
        let problem = format!("holds no store, but {other:?}; name a directory that is empty or new");
        return Err(refused(dir, problem));
    }
    probe(dir)?;
    rewrite::after_unclean_end(dir).map_err(io("write the log anew after an unclean end"))?;
    let tree = open_sled(dir, config)?;
    let db = File::options().write(true).open(dir.join("db")).map_err(io("open db"))?;
    let mark = File::options().read(true).write(true).create(true).truncate(false).open(dir.join(MARK));
    let mut files = Files { dir: dir.to_owned(), db, mark: mark.map_err(io("open mark"))? };
    let schema::Stands { revision, sum } =
        guarded(|| check(dir, &tree, &mut files, config.add_up)).unwrap_or_else(|panic| Err(broken(dir, &panic)))?;
    rewrite::note_in_use(dir).map_err(io("note that the store is in use"))?;
    // From here on the committer syncs db alone, so everything else is put on the disk now.
    files.sync().and_then(|()| sync_tree(dir)).map_err(io("sync the directory"))?;
    crash::pass(Point::AfterOpen);
    Ok(Opened { tree, revision, sum, files })
}

/// What sled said when it gave up: the disk's fault, or damage.
pub(super) fn broken(dir: &Path, said: &str) -> StoreError {
    let of_disk =
        ["StorageFull", "No space left", "QuotaExceeded", "ReadOnlyFilesystem", "FileTooLarge", "os error 5"];
    if of_disk.iter().any(|words| said.contains(words)) {
        let problem = format!("cannot be opened on this disk ({said}); make room, or see to the disk");
        return StoreError::Open { path: dir.display().to_string(), problem, passes: true };
    }
    refused(dir, format!("is damaged or not a store ({said}); restore it from a backup"))
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
    let ours = ["conf", "blobs", MARK, PROBE, "lost+found"];
    Ok(names.into_iter().find(|name| !store && !ours.contains(&name.as_str())))
}

pub(super) fn open_sled(dir: &Path, config: &SledConfig) -> Result<::sled::Db, StoreError> {
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
            Ok(Err(::sled::Error::Io(error))) => Err(broken(dir, &format!("{error} ({:?})", error.kind()))),
            Ok(Err(error)) => Err(broken(dir, &error.to_string())),
            Err(panic) => Err(broken(dir, &panic)),
        };
    }
}

/// Checks that the tree is a store of a version that this one reads, and that nothing is missing at its end.
fn check(dir: &Path, tree: &::sled::Db, files: &mut Files, add_up: bool) -> Result<schema::Stands, StoreError> {
    let marked = files.marked().map_err(|error| refused_by_disk(dir, "read its mark", &error))?;
    let revision = schema::revision(dir, tree)?;
    if revision < marked {
        let (first, last) = (revision.0 + 1, marked.0);
        let problem = format!(
            "lost commits {first} to {last}, which had been durable; restore it from a backup, or delete its \
             file {MARK:?} to go on without them"
        );
        return Err(refused(dir, problem));
    }
    schema::check(dir, tree, revision, add_up)
}

/// Syncs a directory's files, the directory, its subdirectories, and its own entry.
pub(super) fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(dir)?.sync_all()?;
    match fs::canonicalize(dir)?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
