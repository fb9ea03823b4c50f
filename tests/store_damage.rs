//! What a store says of files that are torn, altered, old, or of an earlier version: never anything but what was
//! committed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use doorstep::store::{Entry, Expect, Revision, Scan, SledStore, Store, StoreError, Table, Write};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;

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

fn filled(path: &Path) {
    let store = open(path).unwrap();
    for n in 0..600_u32 {
        let value = vec![b'v'; 10 + (n as usize * 37) % 9000];
        run(store.commit(vec![put(Table::Customers, &(n % 100).to_be_bytes(), &value)])).unwrap();
    }
}

/// Whatever is broken in the files: no panic, and nothing that was durable is missing without a word.
#[test]
fn damage_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    filled(&whole);
    let bytes = fs::metadata(whole.join("db")).unwrap().len();
    let mut refusals = 0;
    for n in 0..24_u64 {
        let path = dir.path().join(format!("damaged{n}"));
        fs::create_dir_all(path.join("blobs")).unwrap();
        for file in fs::read_dir(&whole).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file()) {
            fs::copy(&file, path.join(file.file_name().unwrap())).unwrap();
        }
        let mut db = OpenOptions::new().write(true).open(path.join("db")).unwrap();
        let at = bytes * n / 24 + 1000;
        if n % 4 == 3 {
            db.set_len(at).unwrap();
        } else {
            db.seek(SeekFrom::Start(at)).unwrap();
            db.write_all(&[0x5a; 3000]).unwrap();
        }
        drop(db);
        match open(&path) {
            Err(error) => {
                refusals += 1;
                println!("{n}: {error}");
            }
            Ok(store) => match store.scan(Table::Customers, &Scan { limit: 1000, ..Scan::default() }) {
                Ok(found) => {
                    let revisions: BTreeSet<_> = found.iter().map(|entry| entry.revision.0).collect();
                    assert_eq!(revisions, (501..=600).collect(), "{n}: each of the last 100 commits wrote one");
                }
                Err(error) => println!("{n}: {error}"),
            },
        }
    }
    assert!(refusals > 0);
}

/// Single bits, in every file: what is read is what was committed, or the opening says that it is not.
#[test]
fn a_flipped_bit_is_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    filled(&whole);
    let good = records(&open(&whole).unwrap());
    let (mut opened, mut refused) = (0, 0);
    for n in 0..60_usize {
        let path = dir.path().join(format!("flipped{n}"));
        copied(&whole, &path);
        let files: Vec<_> =
            fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).filter(|f| f.is_file()).collect();
        // Every third one in another file than the log.
        let file = files.iter().filter(|file| file.ends_with("db") == (n % 3 != 0)).nth(n / 3 % 2).or(files.first());
        let mut bytes = fs::read(file.unwrap()).unwrap();
        let at = n * 7_919_777 % bytes.len().max(1);
        let Some(byte) = bytes.get_mut(at) else { continue };
        *byte ^= 1 << (n % 8);
        fs::write(file.unwrap(), bytes).unwrap();
        match open(&path) {
            Ok(store) => {
                assert!(records(&store) == good, "{n}: {} is served altered", file.unwrap().display());
                opened += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains("cannot open the store"), "{n}: {error}");
                refused += 1;
            }
        }
    }
    println!("of 60 flipped bits {refused} were refused, and {opened} did no harm");
    assert!(refused > 0 && opened > 0);
}

/// The log of some time ago under the mark of today, and the same for sled's own snapshot of its page table.
#[test]
fn an_old_snapshot_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("store"), dir.path().join("old"));
    filled(&path);
    copied(&path, &old);
    let before = *open(&path).unwrap().watch().borrow();
    run(open(&path).unwrap().commit(vec![put(Table::Places, b"later", b"1")])).unwrap();
    let good = records(&open(&path).unwrap());

    let mixed = dir.path().join("mixed");
    copied(&old, &mixed);
    fs::copy(path.join("mark"), mixed.join("mark")).unwrap();
    let lost = format!("lost commits {0} to {0}, which had been durable", before.0 + 1);
    assert!(refusal(&mixed).contains(&lost));

    let mixed = dir.path().join("old_table");
    copied(&path, &mixed);
    let is_table = |file: &Path| file.file_name().unwrap().to_string_lossy().starts_with("snap.");
    let files = |of: &Path| {
        fs::read_dir(of).unwrap().map(|file| file.unwrap().path()).filter(|file| is_table(file)).collect::<Vec<_>>()
    };
    for file in files(&mixed) {
        fs::remove_file(file).unwrap();
    }
    for file in files(&old) {
        fs::copy(&file, mixed.join(file.file_name().unwrap())).unwrap();
    }
    match open(&mixed) {
        Ok(store) => assert!(records(&store) == good),
        Err(error) => println!("{error}"),
    }
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("blobs")).unwrap();
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

fn records(store: &SledStore) -> Vec<(Table, Entry)> {
    let mut snapshot = store.snapshot().unwrap();
    let mut all = Vec::new();
    loop {
        let part = snapshot.next().unwrap();
        if part.is_empty() {
            return all;
        }
        all.extend(part);
    }
}

/// A store as the first version wrote it, byte for byte: heads and parts, the revision, the version, and no sum.
fn of_schema_1(path: &Path) {
    let tree = ::sled::open(path).unwrap();
    let head =
        |revision: u64, parts: u16, value: &[u8]| [&revision.to_be_bytes()[..], &parts.to_be_bytes(), value].concat();
    tree.insert(b"\x02place", head(1, 0, b"short")).unwrap();
    tree.insert(b"\x05customer", head(2, 2, &[1; 4096])).unwrap();
    tree.insert(b"\x80\x05customer\0\x01", &[2; 4096][..]).unwrap();
    tree.insert(b"\x80\x05customer\0\x02", &[3; 10][..]).unwrap();
    tree.insert(b"\xffrevision", &2_u64.to_be_bytes()).unwrap();
    tree.insert(b"\xffschema", &1_u32.to_be_bytes()).unwrap();
    tree.flush().unwrap();
}

#[test]
fn an_older_schema_is_led_on_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    of_schema_1(&path);
    let value = [&[1; 4096][..], &[2; 4096], &[3; 10]].concat();
    for opening in 0..2_u64 {
        let store = open(&path).unwrap();
        assert_eq!(store.watch().borrow().0, 2 + opening);
        let customer = store.get(Table::Customers, b"customer").unwrap().unwrap();
        assert_eq!((customer.value, customer.revision), (value.clone(), Revision(2)));
        assert_eq!(store.get(Table::Places, b"place").unwrap().unwrap().value, b"short");
        run(store.commit(vec![put(Table::Places, b"later", b"1")])).unwrap();
    }
    let tree = ::sled::open(&path).unwrap();
    assert_eq!(tree.get(b"\xffschema").unwrap().unwrap(), 2_u32.to_be_bytes());
    // What sled itself takes for good, but nobody committed.
    tree.insert(b"\x02place", &b"\0\0\0\0\0\0\0\x01\0\0other"[..]).unwrap();
    tree.flush().unwrap();
    drop(tree);
    assert!(
        refusal(&path)
            .contains("is damaged: its records are not those that were committed; restore it from a backup")
    );
}
