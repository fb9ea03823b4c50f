//! Whatever is done to a backup: it is taken whole, or refused before anything is written.

use super::*;
use crate::store::{Entry, Expect, MemoryStore, Revision, SledStore, Store, Table, Write};
use std::collections::BTreeSet;
use std::path::Path;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn put(table: Table, key: &str, value: Vec<u8>) -> Write {
    Write::Put { table, key: key.into(), value, expect: Expect::Any }
}

/// Fills a store with records of all sizes; some are replaced and deleted again.
fn fill(store: &dyn Store) {
    for n in 0..300_usize {
        let writes = vec![
            put(Table::Customers, &format!("c{}", n % 70), vec![7; n * 31 % 9_000]),
            Write::Append { table: Table::Outbox, value: vec![1; n % 5] },
            Write::Delete { table: Table::Places, key: format!("p{}", n / 2).into(), expect: Expect::Any },
            put(Table::Places, &format!("p{n}"), Vec::new()),
        ];
        run(store.commit(writes)).unwrap();
    }
}

fn content(store: &dyn Store) -> BTreeSet<(Table, Vec<u8>, Vec<u8>, u64)> {
    let mut snapshot = store.snapshot().unwrap();
    let mut all = BTreeSet::new();
    loop {
        let part = snapshot.next().unwrap();
        if part.is_empty() {
            return all;
        }
        let flat = |(table, Entry { key, value, revision }): (Table, Entry)| (table, key, value, revision.0);
        all.extend(part.into_iter().map(flat));
    }
}

fn backup(store: &dyn Store) -> Vec<u8> {
    let mut snapshot = store.snapshot().unwrap();
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(snapshot.revision(), 5, &mut bytes);
    loop {
        let part = snapshot.next().unwrap();
        if part.is_empty() {
            writer.end(&mut bytes);
            return bytes;
        }
        for (table, entry) in part {
            writer.record(table, entry, &mut bytes);
        }
    }
}

fn restore(dir: &Path, bytes: &[u8]) -> Result<Summary, BackupError> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    SledStore::restore(dir, &file)
}

#[test]
fn a_store_comes_back_as_it_was_from_either_kind() {
    let dir = tempfile::tempdir().unwrap();
    let memory = MemoryStore::new();
    let sled = SledStore::open(dir.path().join("a")).unwrap();
    for (index, store) in [&memory as &dyn Store, &sled].into_iter().enumerate() {
        fill(store);
        let restored = dir.path().join(format!("restored{index}"));
        let summary = restore(&restored, &backup(store)).unwrap();
        assert_eq!((summary.header.revision, summary.header.time_ms), (Revision(300), 5));
        let again = SledStore::open(&restored).unwrap();
        assert_eq!(content(&again), content(store));
        assert_eq!(*again.watch().borrow(), Revision(300));
        run(again.commit(vec![put(Table::Meta, "on", vec![1])])).unwrap();
        drop(again);
        SledStore::open(&restored).unwrap();
        let full = restore(&restored, &backup(store)).unwrap_err().to_string();
        assert!(full.contains("is not empty; restore into a new directory"), "{full}");
    }
}

#[test]
fn a_backup_that_was_cut_or_altered_is_refused_before_anything_is_written() {
    let store = MemoryStore::new();
    fill(&store);
    let good = backup(&store);
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("restored");
    let refuse = |bytes: &[u8], how: &str| {
        let error = restore(&target, bytes).expect_err(how);
        assert!(!matches!(error, BackupError::Store(_) | BackupError::Read(_)), "{how}: {error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{how}");
    };
    for n in 0..200 {
        let at = good.len() * n / 200 + n % 7;
        refuse(&good[..at], &format!("cut at {at}"));
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (n % 8);
        refuse(&flipped, &format!("flipped at {at}"));
    }
    refuse(&[&good[..], b"x"].concat(), "something follows");
    refuse(&good[..good.len() - 1], "the last byte is missing");
    refuse(b"", "nothing");
    restore(&target, &good).unwrap();
}

#[test]
fn a_snapshot_shows_one_commit_however_many_follow() {
    let dir = tempfile::tempdir().unwrap();
    let sled = SledStore::open(dir.path()).unwrap();
    for store in [&MemoryStore::new() as &dyn Store, &sled] {
        fill(store);
        let before = content(store);
        let mut snapshot = store.snapshot().unwrap();
        let mut read = BTreeSet::new();
        for n in 0.. {
            let writes = vec![
                put(Table::Customers, &format!("c{}", n % 70), vec![9; n]),
                put(Table::Customers, &format!("new{n}"), vec![9]),
                Write::Delete { table: Table::Places, key: format!("p{}", 299 - n).into(), expect: Expect::Any },
                put(Table::Places, &format!("q{n}"), vec![9]),
            ];
            run(store.commit(writes)).unwrap();
            let part = snapshot.next().unwrap();
            if part.is_empty() {
                break;
            }
            read.extend(part.into_iter().map(|(table, entry)| (table, entry.key, entry.value, entry.revision.0)));
        }
        assert_eq!(snapshot.revision(), Revision(300));
        assert!(read == before);
        assert!(content(store) != before);
    }
}
