//! What a store on a disk must do besides: survive, refuse, and close.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use doorstep::store::{
    COMMIT_MAX_BYTES, Expect, Revision, Scan, SledStore, Store, StoreError, Table, VALUE_MAX_BYTES, Write,
};
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const CHILD: &str = "DOORSTEP_STORE_CHILD";
const FILLER: &str = "DOORSTEP_STORE_FILLER";

fn open(dir: &Path) -> Result<SledStore, StoreError> {
    SledStore::open(dir)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write::Put { table, key: key.to_vec(), value: value.to_vec(), expect: Expect::Any }
}

fn refusal(dir: &Path) -> String {
    open(dir).expect_err("must be refused").to_string()
}

#[test]
fn a_store_survives_reopening_and_its_revision_grows_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/store");
    let mut last = Revision(0);
    for n in 0..4_u8 {
        let store = open(&path).unwrap();
        assert_eq!(*store.watch().borrow(), last);
        for before in 0..n {
            assert_eq!(store.get(Table::Places, &[before]).unwrap().unwrap().value, [before; 9000]);
        }
        let revision = run(store.commit(vec![put(Table::Places, &[n], &[n; 9000])])).unwrap();
        assert_eq!(revision, Revision(last.0 + 1));
        last = revision;
    }
    let blobs = fs::read_dir(path.join("blobs")).unwrap().count();
    assert_eq!(blobs, 0, "no value may leave the log for a file that is not synced");
}

#[test]
fn a_closed_store_finishes_and_takes_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..200_u32)
        .map(|n| {
            let store = Arc::clone(&store);
            runtime.spawn(async move { (n, store.commit(vec![put(Table::Places, &n.to_be_bytes(), b"1")]).await) })
        })
        .collect();
    store.close().unwrap();
    store.close().unwrap();
    let late = run(store.commit(vec![put(Table::Places, b"late", b"1")]));
    assert_eq!(late.unwrap_err().to_string(), "the store is closed");
    for task in tasks {
        let (n, outcome) = runtime.block_on(task).unwrap();
        assert_eq!(store.get(Table::Places, &n.to_be_bytes()).unwrap().is_some(), outcome.is_ok(), "{n}");
    }
}

#[test]
fn a_directory_that_is_no_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    fs::write(path.join("notes.txt"), "mine").unwrap();
    assert!(refusal(path).ends_with(r#"holds no store, but "notes.txt"; name a directory that is empty or new"#));
    assert_eq!(fs::read_dir(path).unwrap().count(), 1);
    assert!(refusal(&path.join("notes.txt")).contains("is not a directory"));

    let other = path.join("other");
    ::sled::open(&other).unwrap().insert("k", "v").unwrap();
    assert!(refusal(&other).contains("is a sled database, but not a store of Doorstep"));

    let newer = path.join("newer");
    drop(open(&newer).unwrap());
    ::sled::open(&newer).unwrap().insert(b"\xffschema", &3_u32.to_be_bytes()).unwrap();
    assert!(refusal(&newer).contains("has schema version 3; this version of Doorstep reads 1 to 2"));
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    assert!(refusal(dir.path()).contains("is in use by another process"));
    run(store.commit(vec![put(Table::Places, b"a", b"1")])).unwrap();
    drop(store);
    assert!(open(dir.path()).unwrap().get(Table::Places, b"a").unwrap().is_some());
}

fn filled(path: &Path) {
    let store = open(path).unwrap();
    for n in 0..600_u32 {
        let value = vec![b'v'; 10 + (n as usize * 37) % 9000];
        run(store.commit(vec![put(Table::Customers, &(n % 100).to_be_bytes(), &value)])).unwrap();
    }
}

#[test]
fn lost_commits_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    filled(path);
    for file in fs::read_dir(path).unwrap().map(|file| file.unwrap().path()) {
        if file.is_file() && !file.ends_with("mark") {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(refusal(path).contains("lost commits 1 to 600, which had been durable"));
    fs::remove_file(path.join("mark")).unwrap();
    drop(open(path).unwrap());
}

/// One batch that fills many of sled's segments must neither hang nor be torn.
#[test]
fn the_largest_commit_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    // Keys and heads take room, too.
    let most = u32::try_from(COMMIT_MAX_BYTES / VALUE_MAX_BYTES).unwrap() - 1;
    let writes = |fill: u8| {
        (0..most).map(|n| put(Table::Regions, &n.to_be_bytes(), &vec![fill; VALUE_MAX_BYTES])).collect::<Vec<_>>()
    };
    run(store.commit(writes(1))).unwrap();
    run(store.commit(writes(2))).unwrap();
    drop(store);
    let store = open(dir.path()).unwrap();
    let found = store.scan(Table::Regions, &Scan { limit: 1000, ..Scan::default() }).unwrap();
    assert_eq!(found.len(), most as usize);
    assert!(found.iter().all(|entry| entry.value.len() == VALUE_MAX_BYTES && entry.value[0] == 2));
    assert_eq!(fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
}

/// The process that [`a_full_disk_breaks_the_store_and_loses_nothing`] limits. Alone it does nothing.
#[test]
fn child_that_fills_its_disk() {
    let Ok(dir) = std::env::var(FILLER) else { return };
    let store = open(Path::new(&dir)).unwrap();
    let key = |n: u32| n.to_be_bytes();
    let mut n = 0;
    let error = loop {
        match run(store.commit(vec![put(Table::Places, &key(n), &[7; 5000])])) {
            Ok(_) => n += 1,
            Err(error) => break error,
        }
    };
    assert!(error.to_string().starts_with("cannot write to the store: "), "{error}");
    let fault = store.fault().unwrap().to_string();
    assert_eq!(fault, error.to_string());
    let later = run(store.commit(vec![put(Table::Places, b"later", b"1")])).unwrap_err();
    assert_eq!(later.to_string(), fault, "a broken store stays broken");
    // sled may refuse to read from now on; what it does read must be right.
    let is_there = |n| store.get(Table::Places, &key(n)).map(|found| found.is_some());
    assert!(!matches!(is_there(n), Ok(true)), "what failed is not shown");
    assert!(!matches!(is_there(n - 1), Ok(false)), "what was acked is");
    assert_eq!(store.watch().borrow().0, u64::from(n));
    assert_eq!(store.close().unwrap_err().to_string(), fault);
    std::io::stdout().write_all(format!("\nkept {n}\n").as_bytes()).unwrap();
}

#[test]
#[cfg(unix)]
fn a_full_disk_breaks_the_store_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    // A limit on the size of files stands for the full disk: blocks of 512 bytes, 3 MiB in all.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 6144; exec \"$0\" --exact child_that_fills_its_disk --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(FILLER, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&limited.stdout);
    let kept = said.lines().find_map(|line| line.strip_prefix("kept ")).unwrap_or_else(|| {
        panic!("the child ended with {}: {said}{}", limited.status, String::from_utf8_lossy(&limited.stderr))
    });
    let kept: u32 = kept.parse().unwrap();
    let store = open(dir.path()).unwrap();
    for n in 0..kept {
        assert_eq!(store.get(Table::Places, &n.to_be_bytes()).unwrap().unwrap().value, [7; 5000]);
    }
    run(store.commit(vec![put(Table::Places, b"later", b"1")])).unwrap();
}

/// The process that [`a_killed_process_loses_nothing_that_it_acked`] kills. Alone it does nothing.
#[test]
fn child_that_commits_and_prints() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let store = Arc::new(open(Path::new(&dir)).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let start = store.watch().borrow().0;
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let store = Arc::clone(&store);
            runtime.spawn(async move {
                for round in 0.. {
                    let n = start * 1_000_000 + round * 8 + task;
                    let value = vec![b'x'; 20 + (n % 6000) as usize];
                    let writes = vec![
                        put(Table::Decisions, &n.to_be_bytes(), &value),
                        put(Table::Triggers, &n.to_be_bytes(), &n.to_be_bytes()),
                        put(Table::Customers, &(n % 50).to_be_bytes(), &value),
                        Write::Append { table: Table::TriggerLog, value: n.to_be_bytes().to_vec() },
                    ];
                    let revision = store.commit(writes).await.unwrap();
                    // One write a line, so that a kill tears at most the last one.
                    std::io::stdout().write_all(format!("\nacked {n} {}\n", revision.0).as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_acked() {
    let dir = tempfile::tempdir().unwrap();
    let mut acked = Vec::new();
    let mut last = Revision(0);
    for kill_after in [1, 40, 7, 333, 90, 1, 800, 150] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_commits_and_prints", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ack = |line: String| {
            let (n, revision) = line.strip_prefix("acked ")?.split_once(' ')?;
            Some((n.parse::<u64>().ok()?, revision.parse::<u64>().ok()?))
        };
        let mut heard = 0;
        while heard < kill_after {
            let line = lines.next().expect("the child commits until it is killed").unwrap();
            let Some(found) = ack(line) else { continue };
            acked.push(found);
            heard += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it acked before the kill and we had not read; the last line may be torn.
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        let whole = rest.len().saturating_sub(1);
        acked.extend(rest.into_iter().take(whole).filter_map(ack));

        let store = open(dir.path()).unwrap();
        let reached = *store.watch().borrow();
        assert!(reached > last);
        last = reached;
        for (n, revision) in &acked {
            let found =
                store.get(Table::Decisions, &n.to_be_bytes()).unwrap().unwrap_or_else(|| panic!("{n} is lost"));
            assert_eq!(found.value.len(), 20 + usize::try_from(n % 6000).unwrap());
            assert_eq!(found.revision.0, *revision);
        }
        whole_commits(&store);
    }
    assert!(acked.len() > 1400, "{} were acked", acked.len());
}

/// Each commit of the child left its three records, and the log has each once in the order of revisions.
fn whole_commits(store: &SledStore) {
    let mut scan = Scan { limit: 1000, ..Scan::default() };
    let mut logged = 0;
    loop {
        let entries = store.scan(Table::TriggerLog, &scan).unwrap();
        let Some(entry) = entries.last() else { break };
        scan.after = Some(entry.key.clone());
        logged += entries.len();
        for entry in entries {
            assert_eq!(entry.key[..8], entry.revision.0.to_be_bytes());
            let trigger = store.get(Table::Triggers, &entry.value).unwrap().unwrap();
            let decision = store.get(Table::Decisions, &entry.value).unwrap().unwrap();
            assert_eq!((trigger.revision, decision.revision), (entry.revision, entry.revision));
        }
    }
    assert_eq!(logged as u64, store.watch().borrow().0);
}
