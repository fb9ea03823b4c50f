//! What every store must do. Each check runs on a fresh store of each kind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use doorstep::store::{
    CommitError, Entry, Expect, KEY_MAX_BYTES, MemoryStore, Revision, Scan, SledStore, Store, StoreError, Table,
    VALUE_MAX_BYTES, Write,
};
use proptest::prelude::*;
use std::sync::Arc;

type Shared = Arc<dyn Store>;

fn check<F: Future<Output = ()>>(store: Shared, run: impl FnOnce(Shared) -> F) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(run(store));
}

fn sled(dir: &tempfile::TempDir) -> Shared {
    Arc::new(SledStore::open(dir.path()).unwrap())
}

macro_rules! contract {
    ($($check:ident)*) => {
        mod memory {
            $(#[test] fn $check() { super::check(super::Arc::new(super::MemoryStore::new()), super::$check); })*
        }
        mod sled {
            $(#[test] fn $check() {
                let dir = tempfile::tempdir().unwrap();
                super::check(super::sled(&dir), super::$check);
            })*
        }
    };
}

contract! {
    a_record_can_be_put_replaced_and_deleted
    a_commit_is_whole
    an_expectation_guards_a_record
    of_two_writes_to_a_record_the_later_counts
    appends_are_in_the_order_of_commit
    scans_cover_a_prefix_in_either_direction
    tables_do_not_leak_into_each_other
    the_watch_moves_with_the_commits
    many_tasks_count_without_loss
    reads_see_whole_commits_only
    what_is_too_large_is_refused
    values_of_all_sizes_survive
}

fn put(table: Table, key: &[u8], value: &[u8], expect: Expect) -> Write {
    Write::Put { table, key: key.to_vec(), value: value.to_vec(), expect }
}

fn delete(table: Table, key: &[u8], expect: Expect) -> Write {
    Write::Delete { table, key: key.to_vec(), expect }
}

fn all(limit: usize) -> Scan {
    Scan { limit, ..Scan::default() }
}

fn values(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| String::from_utf8(entry.value.clone()).unwrap()).collect()
}

/// The whole content of a store, tables and revisions included.
fn content(store: &dyn Store) -> Vec<(Table, Entry)> {
    let scan = all(usize::MAX);
    Table::ALL
        .into_iter()
        .flat_map(|table| store.scan(table, &scan).unwrap().into_iter().map(move |entry| (table, entry)))
        .collect()
}

async fn a_record_can_be_put_replaced_and_deleted(store: Shared) {
    assert_eq!(store.get(Table::Places, b"a").unwrap(), None);
    let first = store.commit(vec![put(Table::Places, b"a", b"1", Expect::Any)]).await.unwrap();
    let entry = Entry { key: b"a".to_vec(), value: b"1".to_vec(), revision: first };
    assert_eq!(store.get(Table::Places, b"a").unwrap(), Some(entry));
    let second = store.commit(vec![put(Table::Places, b"a", b"2", Expect::Any)]).await.unwrap();
    assert!(second > first);
    let found = store.get(Table::Places, b"a").unwrap().unwrap();
    assert_eq!((found.value, found.revision), (b"2".to_vec(), second));
    store.commit(vec![delete(Table::Places, b"a", Expect::Any)]).await.unwrap();
    assert_eq!(store.get(Table::Places, b"a").unwrap(), None);
    store.commit(vec![delete(Table::Places, b"a", Expect::Any)]).await.unwrap();
    assert!(store.fault().is_none());
}

async fn a_commit_is_whole(store: Shared) {
    store.commit(vec![put(Table::Places, b"old", b"1", Expect::Any)]).await.unwrap();
    let before = content(&*store);
    let conflict = store
        .commit(vec![
            put(Table::Places, b"new", b"2", Expect::Any),
            delete(Table::Places, b"old", Expect::Any),
            Write::Append { table: Table::Outbox, value: b"3".to_vec() },
            put(Table::Regions, b"r", b"4", Expect::Revision(Revision(1))),
        ])
        .await;
    assert!(matches!(conflict, Err(CommitError::Conflict { table: Table::Regions, key }) if key == b"r"));
    assert_eq!(content(&*store), before);
    let revision = store
        .commit(vec![
            put(Table::Places, b"new", b"2", Expect::Any),
            delete(Table::Places, b"old", Expect::Any),
            Write::Append { table: Table::Outbox, value: b"3".to_vec() },
        ])
        .await
        .unwrap();
    let found: Vec<_> = content(&*store).into_iter().map(|(table, entry)| (table, entry.value)).collect();
    assert_eq!(found, [(Table::Places, b"2".to_vec()), (Table::Outbox, b"3".to_vec())]);
    assert!(content(&*store).iter().all(|(_, entry)| entry.revision == revision));
}

async fn an_expectation_guards_a_record(store: Shared) {
    let first = store.commit(vec![put(Table::Customers, b"c", b"1", Expect::Absent)]).await.unwrap();
    let other = Revision(first.0 + 1000);
    for expect in [Expect::Absent, Expect::Revision(other), Expect::Revision(Revision(0))] {
        for write in [put(Table::Customers, b"c", b"x", expect), delete(Table::Customers, b"c", expect)] {
            assert!(matches!(store.commit(vec![write]).await, Err(CommitError::Conflict { .. })), "{expect:?}");
        }
    }
    assert_eq!(store.get(Table::Customers, b"c").unwrap().unwrap().value, b"1");
    let second = store.commit(vec![put(Table::Customers, b"c", b"2", Expect::Revision(first))]).await.unwrap();
    let stale = store.commit(vec![put(Table::Customers, b"c", b"x", Expect::Revision(first))]).await;
    assert!(matches!(stale, Err(CommitError::Conflict { .. })));
    store.commit(vec![delete(Table::Customers, b"c", Expect::Revision(second))]).await.unwrap();
    store.commit(vec![delete(Table::Customers, b"c", Expect::Absent)]).await.unwrap();
    let gone = store.commit(vec![put(Table::Customers, b"c", b"x", Expect::Revision(second))]).await;
    assert!(matches!(gone, Err(CommitError::Conflict { .. })));
}

async fn of_two_writes_to_a_record_the_later_counts(store: Shared) {
    let writes = vec![
        put(Table::Places, b"a", b"1", Expect::Absent),
        put(Table::Places, b"a", b"2", Expect::Absent),
        put(Table::Places, b"b", b"1", Expect::Absent),
        delete(Table::Places, b"b", Expect::Absent),
        delete(Table::Places, b"c", Expect::Absent),
        put(Table::Places, b"c", b"2", Expect::Absent),
    ];
    store.commit(writes).await.unwrap();
    assert_eq!(values(&store.scan(Table::Places, &all(10)).unwrap()), ["2", "2"]);
}

async fn appends_are_in_the_order_of_commit(store: Shared) {
    let append = |text: &str| Write::Append { table: Table::TriggerLog, value: text.as_bytes().to_vec() };
    let first = store.commit(vec![append("a"), append("b")]).await.unwrap();
    let second = store.commit(vec![put(Table::Places, b"p", b"1", Expect::Any), append("c")]).await.unwrap();
    let log = store.scan(Table::TriggerLog, &all(10)).unwrap();
    assert_eq!(values(&log), ["a", "b", "c"]);
    let key = |revision: Revision, index: u32| [&revision.0.to_be_bytes()[..], &index.to_be_bytes()[..]].concat();
    let keys: Vec<_> = log.into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, [key(first, 0), key(first, 1), key(second, 1)]);
}

async fn scans_cover_a_prefix_in_either_direction(store: Shared) {
    let keys: [&[u8]; 8] = [b"a", b"a\0", b"a\0b", b"ab", b"b", b"b\xff", b"b\xff\xff", b"c"];
    store.commit(keys.iter().map(|key| put(Table::Traces, key, b"v", Expect::Any)).collect()).await.unwrap();
    let scan = |prefix: &[u8], after: Option<&[u8]>, backwards, limit| {
        let scan = Scan { prefix: prefix.to_vec(), after: after.map(<[u8]>::to_vec), backwards, limit };
        store.scan(Table::Traces, &scan).unwrap().into_iter().map(|entry| entry.key).collect::<Vec<_>>()
    };
    let mut prefixes: Vec<&[u8]> = keys.to_vec();
    prefixes.extend([&b""[..], b"b\xff\xff\xff", b"d", b"\xff", b"\0"]);
    for prefix in &prefixes {
        for after in prefixes.iter().map(|key| Some(*key)).chain([None]) {
            for (limit, backwards) in [(0, false), (1, false), (9, false), (0, true), (2, true), (9, true)] {
                let wanted = |key: &&&[u8]| {
                    let beyond = after.is_none_or(|after| if backwards { **key < after } else { **key > after });
                    key.starts_with(prefix) && beyond
                };
                let mut expected: Vec<Vec<u8>> = keys.iter().filter(wanted).map(|key| key.to_vec()).collect();
                if backwards {
                    expected.reverse();
                }
                expected.truncate(limit);
                assert_eq!(scan(prefix, after, backwards, limit), expected, "{prefix:?} {after:?} {backwards}");
            }
        }
    }
}

async fn tables_do_not_leak_into_each_other(store: Shared) {
    let keys: [&[u8]; 4] = [b"\0", b"k", b"\xff", b"\xff\xff\xff"];
    for table in Table::ALL {
        let name = format!("{table:?}");
        store
            .commit(keys.iter().map(|key| put(table, key, name.as_bytes(), Expect::Absent)).collect())
            .await
            .unwrap();
    }
    for table in Table::ALL {
        for backwards in [false, true] {
            let found = store.scan(table, &Scan { backwards, ..all(100) }).unwrap();
            assert_eq!(
                values(&found),
                [format!("{table:?}"), format!("{table:?}"), format!("{table:?}"), format!("{table:?}")]
            );
        }
        store.commit(keys.iter().map(|key| delete(table, key, Expect::Any)).collect()).await.unwrap();
        assert!(store.scan(table, &all(100)).unwrap().is_empty());
    }
    assert!(content(&*store).is_empty());
}

async fn the_watch_moves_with_the_commits(store: Shared) {
    let mut watch = store.watch();
    let start = *watch.borrow_and_update();
    let waiting = tokio::spawn(async move {
        watch.changed().await.unwrap();
        *watch.borrow_and_update()
    });
    let revision = store.commit(vec![put(Table::Places, b"a", b"1", Expect::Any)]).await.unwrap();
    assert!(revision > start);
    assert_eq!(waiting.await.unwrap(), revision);
    assert_eq!(*store.watch().borrow(), revision);
    let conflict = store.commit(vec![delete(Table::Places, b"a", Expect::Absent)]).await;
    assert!(conflict.is_err());
    assert_eq!(*store.watch().borrow(), revision, "a conflict is no commit");
}

async fn many_tasks_count_without_loss(store: Shared) {
    const TASKS: u64 = 64;
    const ROUNDS: u64 = 5;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    loop {
                        let found = store.get(Table::Customers, b"n").unwrap();
                        let (n, expect) = found.map_or((0, Expect::Absent), |found| {
                            let n = u64::from_be_bytes(found.value.try_into().unwrap());
                            (n, Expect::Revision(found.revision))
                        });
                        let count = put(Table::Customers, b"n", &(n + 1).to_be_bytes(), expect);
                        let log = Write::Append { table: Table::TriggerLog, value: n.to_be_bytes().to_vec() };
                        match store.commit(vec![count, log]).await {
                            Ok(_) => break,
                            Err(CommitError::Conflict { .. }) => {}
                            Err(CommitError::Store(error)) => panic!("{error}"),
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let log = store.scan(Table::TriggerLog, &all(1000)).unwrap();
    let counted: Vec<u64> = log.into_iter().map(|e| u64::from_be_bytes(e.value.try_into().unwrap())).collect();
    assert_eq!(counted, (0..TASKS * ROUNDS).collect::<Vec<_>>());
}

/// A commit moves a token from one record to another; a scan in the middle of it must find it once.
async fn reads_see_whole_commits_only(store: Shared) {
    let key = |n: u32| (n % 40).to_be_bytes();
    store.commit(vec![put(Table::Traces, &key(0), b"token", Expect::Any)]).await.unwrap();
    let mover = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for n in 0..200 {
                let moved = vec![
                    delete(Table::Traces, &key(n * 7), Expect::Any),
                    put(Table::Traces, &key((n + 1) * 7), b"token", Expect::Absent),
                ];
                store.commit(moved).await.unwrap();
            }
        }
    });
    let mut backwards = false;
    while !mover.is_finished() {
        let durable = *store.watch().borrow();
        let found = store.scan(Table::Traces, &Scan { backwards, ..all(100) }).unwrap();
        assert_eq!(values(&found), ["token"]);
        assert!(found[0].revision >= durable, "reads are not behind the watch");
        assert!(found[0].revision <= Revision(store.watch().borrow().0 + 1));
        backwards = !backwards;
        tokio::task::yield_now().await;
    }
    mover.await.unwrap();
}

async fn what_is_too_large_is_refused(store: Shared) {
    let value = vec![0; VALUE_MAX_BYTES + 1];
    let key = vec![b'k'; KEY_MAX_BYTES + 1];
    let good = put(Table::Places, b"good", b"1", Expect::Any);
    let commit = |bad| store.commit(vec![good.clone(), bad]);
    let large = commit(put(Table::Places, b"a", &value, Expect::Any)).await.unwrap_err();
    assert!(matches!(large, CommitError::Store(StoreError::TooLarge { bytes, .. }) if bytes == VALUE_MAX_BYTES + 1));
    let large = commit(Write::Append { table: Table::Outbox, value }).await.unwrap_err();
    assert!(matches!(large, CommitError::Store(StoreError::TooLarge { .. })));
    for key in [&key[..], b""] {
        let long = commit(put(Table::Places, key, b"1", Expect::Any)).await.unwrap_err();
        assert!(matches!(long, CommitError::Store(StoreError::Key { .. })));
        assert!(store.get(Table::Places, key).unwrap().is_none());
    }
    let many = (0..65).map(|n: u32| put(Table::Places, &n.to_be_bytes(), &vec![0; VALUE_MAX_BYTES], Expect::Any));
    let heavy = store.commit(many.collect()).await.unwrap_err();
    assert!(matches!(heavy, CommitError::Store(StoreError::CommitTooLarge { .. })));
    assert!(content(&*store).is_empty());
    assert!(store.fault().is_none(), "a refusal breaks nothing");
    store.commit(vec![put(Table::Places, &key[1..], &vec![0; VALUE_MAX_BYTES], Expect::Any)]).await.unwrap();
}

async fn values_of_all_sizes_survive(store: Shared) {
    let value = |bytes: usize| (0..=u8::MAX).cycle().take(bytes).collect::<Vec<u8>>();
    let sizes = [0, 1, 4095, 4096, 4097, 100_000, VALUE_MAX_BYTES];
    let write = |shift: usize| {
        (0..40_u32)
            .map(|n| {
                put(Table::Regions, &n.to_be_bytes(), &value(sizes[(n as usize + shift) % sizes.len()]), Expect::Any)
            })
            .collect()
    };
    for shift in 0..3 {
        store.commit(write(shift)).await.unwrap();
        let found = store.scan(Table::Regions, &all(100)).unwrap();
        assert_eq!(found.len(), 40);
        for (n, entry) in found.iter().enumerate() {
            assert_eq!(entry.value, value(sizes[(n + shift) % sizes.len()]));
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Write>),
    Scan(Table, Scan),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let table = || prop::sample::select(vec![Table::Places, Table::Regions, Table::TriggerLog]);
    let key = || prop::collection::vec(prop::sample::select(vec![0, 1, b'a', 0xff]), 1..4);
    let value = || prop_oneof![4 => 0..20_usize, 1 => 4000..9000_usize].prop_map(|bytes| vec![b'v'; bytes]);
    let expect = || {
        prop_oneof![
            4 => Just(Expect::Any),
            1 => Just(Expect::Absent),
            1 => (0..30_u64).prop_map(|n| Expect::Revision(Revision(n))),
        ]
    };
    let write = prop_oneof![
        4 => (table(), key(), value(), expect()).prop_map(|(table, key, value, expect)| Write::Put { table, key, value, expect }),
        2 => (table(), key(), expect()).prop_map(|(table, key, expect)| Write::Delete { table, key, expect }),
        1 => (table(), value()).prop_map(|(table, value)| Write::Append { table, value }),
    ];
    let scan = (
        prop::collection::vec(prop::sample::select(vec![0, b'a', 0xff]), 0..2),
        prop::option::of(key()),
        any::<bool>(),
        0..20_usize,
    )
        .prop_map(|(prefix, after, backwards, limit)| Scan { prefix, after, backwards, limit });
    let step = prop_oneof![
        6 => prop::collection::vec(write, 0..6).prop_map(Step::Commit),
        3 => (table(), scan).prop_map(|(table, scan)| Step::Scan(table, scan)),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sled_and_memory_agree(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let memory = MemoryStore::new();
        let mut durable = sled(&dir);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for step in steps {
            match step {
                Step::Commit(writes) => {
                    let expected = runtime.block_on(memory.commit(writes.clone()));
                    let found = runtime.block_on(durable.commit(writes));
                    prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
                }
                Step::Scan(table, scan) => {
                    prop_assert_eq!(durable.scan(table, &scan).unwrap(), memory.scan(table, &scan).unwrap());
                }
                Step::Reopen => {
                    drop(durable);
                    durable = sled(&dir);
                }
            }
        }
        prop_assert_eq!(content(&*durable), content(&memory));
    }
}
