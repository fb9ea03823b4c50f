//! The worker over records in memory, in tokio's paused time: the tests take no time and always the same course.

mod lanes;
mod offers;

use super::*;
use crate::deliver::compose::tests::{device, trigger};
use crate::deliver::webhook::tests as hook;
use crate::deliver::{Answer, Answering, DETAIL_MAX_CHARS, Parcel, Provider};
use crate::engine::{CustomerState, DeviceState};
use crate::model::{BrandId, Customer, DeliveryState, LocationConsent, Platform, ServerTime, TopicId, Trigger};
use crate::qualify::Sent;
use crate::store::{CommitError, Entry, MemoryStore, Outcomes, Pending, Scan, Store, StoredTrigger, Table, Write};
use std::sync::Mutex;
use tokio::time::Instant;

/// A store in memory that fails when told to.
#[derive(Clone, Default)]
struct Shaky {
    store: MemoryStore,
    /// Commits that end in a conflict before one succeeds.
    conflicts: Arc<Mutex<usize>>,
    /// Whether commits fail for good.
    broken: Arc<Mutex<bool>>,
    /// Scans of the outbox that fail before one succeeds.
    unread: Arc<Mutex<usize>>,
}

impl Store for Shaky {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Entry>, StoreError> {
        self.store.get(table, key)
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
        let mut unread = self.unread.lock().unwrap();
        if table == Table::Outbox && *unread > 0 {
            *unread -= 1;
            return Err(StoreError::Read("a bad sector".into()));
        }
        self.store.scan(table, scan)
    }

    fn commit(&self, writes: Vec<Write>) -> Pending<Result<Revision, CommitError>> {
        let mut conflicts = self.conflicts.lock().unwrap();
        if *self.broken.lock().unwrap() {
            return Box::pin(async { Err(StoreError::Write("no space left".into()).into()) });
        }
        if *conflicts > 0 {
            *conflicts -= 1;
            return Box::pin(async { Err(CommitError::Conflict { table: Table::Triggers, key: Vec::new() }) });
        }
        self.store.commit(writes)
    }

    fn snapshot(&self) -> Result<Box<dyn crate::store::Snapshot>, StoreError> {
        self.store.snapshot()
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.store.watch()
    }

    fn fault(&self) -> Option<StoreError> {
        self.store.fault()
    }
}

/// The records and the triggers that were added to them; they outlive workers.
#[derive(Clone)]
struct Kept {
    records: Records,
    added: Arc<Mutex<Vec<Trigger>>>,
}

impl Kept {
    fn new(store: Shaky) -> Self {
        Self { records: Records::new(Arc::new(store)), added: Arc::default() }
    }

    /// Commits a trigger as the service does: with its customer, whose budget it takes. A customer called `gone`
    /// has no device any more, and one called `withdrawn` no consent. In `kettle.3`, `kettle` is the brand; `order`
    /// speaks of what was asked for, and `web` to a browser.
    async fn add(&self, trigger: Trigger) {
        let mut state = CustomerState::new(Customer::new(trigger.customer.clone()));
        let granted = trigger.customer.as_str() != "withdrawn";
        state.customer.consent = Some(LocationConsent::answered(granted, trigger.created));
        state.customer.topics.opt_in(TopicId::parse("t", "offers").unwrap());
        if trigger.customer.as_str() != "gone" {
            let mut device = device();
            if trigger.customer.as_str().starts_with("web.") {
                device.platform = Platform::Web;
            }
            state.devices.insert(device.id.clone(), DeviceState::new(device));
        }
        let brand = trigger.customer.as_str().split_once('.').map_or("roost", |(brand, _)| brand);
        state.ledger.sends.push(Sent {
            at: trigger.created,
            trigger: trigger.id.clone(),
            campaign: trigger.campaign.clone(),
            topic: TopicId::parse("t", "offers").unwrap(),
            region: trigger.transition.region.clone(),
            place: trigger.place.clone(),
            brand: BrandId::parse("b", brand).unwrap(),
            visit: trigger.transition.visit.clone(),
            pace: None,
            transactional: brand == "order",
        });
        let revision = self.records.create_customer(&state).await.unwrap();
        let outcomes = Outcomes { triggers: vec![trigger.clone()], ..Outcomes::default() };
        self.records.commit_outcomes(&state, revision, outcomes).await.unwrap();
        self.added.lock().unwrap().push(trigger);
    }

    /// The triggers as they stand, in the order in which they were added. Holds each to what a state implies for
    /// outbox and budget.
    fn triggers(&self) -> Vec<StoredTrigger> {
        let outbox = self.records.outbox(None, 1_000).unwrap();
        let stand = |added: &Trigger| {
            let stored = self.records.get_trigger(&added.customer, &added.id).unwrap().unwrap();
            let pending = stored.state == DeliveryState::Pending;
            assert_eq!(outbox.iter().filter(|entry| entry.trigger == added.id).count(), usize::from(pending));
            let (state, _) = self.records.load_customer(&added.customer).unwrap().unwrap();
            let takes = pending || stored.state == DeliveryState::Delivered;
            assert_eq!(state.ledger.sends.len(), usize::from(takes), "budget of {}", added.customer);
            stored
        };
        self.added.lock().unwrap().iter().map(stand).collect()
    }

    fn states(&self) -> Vec<DeliveryState> {
        self.triggers().into_iter().map(|stored| stored.state).collect()
    }
}

type Script = dyn Fn(&Parcel, usize) -> (Duration, Answer) + Send + Sync;

/// A provider that takes the scripted time for the scripted answer, given the parcel and how often it came before.
struct Scripted {
    script: Box<Script>,
    calls: Mutex<Vec<(String, ServerTime, String)>>,
    clock: Clock,
}

impl Scripted {
    /// Customer, time and trigger id of every call so far.
    fn calls(&self) -> Vec<(String, ServerTime, String)> {
        self.calls.lock().unwrap().clone()
    }

    fn customers(&self) -> Vec<String> {
        self.calls().into_iter().map(|(customer, _, _)| customer).collect()
    }
}

impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        let (customer, id) = (parcel.customer.to_string(), parcel.id.to_string());
        let before = self.calls().iter().filter(|call| call.2 == id).count();
        self.calls.lock().unwrap().push((customer, (self.clock)(), id));
        let (time, answer) = (self.script)(parcel, before);
        Box::pin(async move {
            sleep(time).await;
            answer
        })
    }
}

struct Bench {
    store: Shaky,
    kept: Kept,
    provider: Arc<Scripted>,
    clock: Clock,
    stop: watch::Sender<bool>,
}

impl Bench {
    fn new(script: impl Fn(&Parcel, usize) -> (Duration, Answer) + Send + Sync + 'static) -> Self {
        let start = Instant::now();
        let passed = move || i64::try_from(start.elapsed().as_millis()).unwrap();
        let clock: Clock = Arc::new(move || ServerTime(1_000_000 + passed()));
        let calls = Mutex::default();
        let provider = Arc::new(Scripted { script: Box::new(script), calls, clock: Arc::clone(&clock) });
        let store = Shaky::default();
        let kept = Kept::new(store.clone());
        Self { store, kept, provider, clock, stop: watch::Sender::new(false) }
    }

    async fn add(&self, customers: &[&str]) {
        for customer in customers {
            self.kept.add(trigger(customer, (self.clock)())).await;
        }
    }

    fn start(&self, limits: Limits) -> tokio::task::JoinHandle<Result<Drained, WorkerError>> {
        tokio::spawn(self.worker(Arc::clone(&self.provider), limits).run(self.stop.subscribe()))
    }

    fn worker(&self, routes: impl Into<Routes>, limits: Limits) -> Worker {
        Worker::new(self.kept.records.clone(), routes, Arc::clone(&self.clock), 7, limits)
    }
}

fn accept() -> Answer {
    Answer::Accepted { detail: "fine".into() }
}

fn fail(after: Option<i64>) -> Answer {
    Answer::Retry { detail: "busy".into(), after: after.map(Millis) }
}

const NO_TIME: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn triggers_are_delivered_in_the_order_of_commit_as_they_come() {
    let bench = Bench::new(|_, _| (NO_TIME, accept()));
    bench.add(&["a", "b", "c"]).await;
    let worker = bench.start(Limits { in_flight: 1, batch: 2, ..Limits::default() });
    sleep(Duration::from_secs(1)).await;
    bench.add(&["d"]).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.provider.customers(), ["a", "b", "c", "d"]);
    assert_eq!(bench.provider.calls()[3].1, ServerTime(1_001_000), "woken by the commit");
    assert_eq!(bench.kept.states(), [DeliveryState::Delivered; 4]);
    let attempt = &bench.kept.triggers()[3].attempts[0];
    assert_eq!((attempt.at, attempt.accepted, attempt.detail.as_str()), (ServerTime(1_001_000), true, "fine"));
    assert_eq!((attempt.provider.as_str(), attempt.latency), ("scripted", Millis(0)));
    bench.stop.send_replace(true);
    assert_eq!(worker.await.unwrap().unwrap(), Drained { cut_off: 0 });
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_expiry_ends_the_trigger_without_a_call() {
    let bench = Bench::new(|_, _| (NO_TIME, fail(None)));
    bench.add(&["a"]).await;
    let _worker = bench.start(Limits::default());
    sleep(MINUTE + Duration::from_secs(1)).await;
    let calls = bench.provider.calls();
    let waits: Vec<i64> = calls.windows(2).map(|pair| (pair[1].1 - pair[0].1).0).collect();
    for (wait, most) in waits.iter().zip([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]) {
        assert!((0..=most + 1).contains(wait), "{waits:?}");
    }
    assert!(waits.iter().any(|wait| *wait > 2_000) && waits.len() >= 4, "{waits:?}");
    let record = &bench.kept.triggers()[0];
    assert_eq!((record.state, record.attempts.len()), (DeliveryState::Expired, calls.len()));
    assert!(record.attempts.iter().all(|attempt| !attempt.accepted && attempt.detail == "busy"));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_and_one_beyond_the_end_ends_it_there() {
    let bench = Bench::new(|parcel, before| match (parcel.customer.as_str(), before) {
        ("patient", 0) => (NO_TIME, fail(Some(20_000))),
        ("late", _) => (NO_TIME, fail(Some(3_600_000))),
        _ => (NO_TIME, accept()),
    });
    bench.add(&["patient", "late"]).await;
    let _worker = bench.start(Limits::default());
    sleep(Duration::from_millis(59_999)).await;
    let calls = bench.provider.calls();
    assert_eq!(bench.provider.customers(), ["patient", "late", "patient"]);
    let wait = calls[2].1 - calls[0].1;
    assert!((20_000..=21_001).contains(&wait.0), "{wait}");
    assert_eq!(bench.kept.states(), [DeliveryState::Delivered, DeliveryState::Pending]);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(bench.kept.states()[1], DeliveryState::Expired);
}

#[tokio::test(start_paused = true)]
async fn what_is_expired_gone_or_refused_ends_at_once() {
    let bench = Bench::new(|parcel, _| match parcel.customer.as_str() {
        "refused" => (NO_TIME, Answer::Refused { detail: "☕".repeat(300) }),
        _ => (NO_TIME, accept()),
    });
    bench.kept.add(trigger("expired", (bench.clock)() - Millis::from_mins(1))).await;
    bench.add(&["gone", "refused", "withdrawn"]).await;
    let _worker = bench.start(Limits::default());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.provider.customers(), ["refused"]);
    let records = bench.kept.triggers();
    let refused = DeliveryState::Refused;
    assert_eq!(bench.kept.states(), [DeliveryState::Expired, refused, refused, refused]);
    assert!(records[0].attempts.is_empty());
    assert_eq!(records[1].attempts[0].detail, "the device was removed");
    assert_eq!(records[2].attempts[0].detail.chars().count(), DETAIL_MAX_CHARS);
    assert_eq!(records[3].attempts[0].detail, "consent withdrawn");
}

#[tokio::test(start_paused = true)]
async fn slow_ones_do_not_block_the_others_and_never_are_more_in_flight_than_allowed() {
    let bench = Bench::new(|parcel, _| {
        let slow = parcel.customer.as_str().starts_with("slow");
        (if slow { Duration::from_secs(9) } else { Duration::from_millis(10) }, accept())
    });
    bench.add(&["slow-1", "a", "slow-2", "b", "c", "d", "e"]).await;
    let _worker = bench.start(Limits { in_flight: 3, batch: 1, ..Limits::default() });
    sleep(Duration::from_millis(5)).await;
    assert_eq!(bench.provider.customers().len(), 3, "no more than are allowed");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.provider.customers().len(), 7);
    let pending = bench.kept.states().iter().filter(|state| **state == DeliveryState::Pending).count();
    assert_eq!(pending, 2, "only the slow ones remain");
}

#[tokio::test(start_paused = true)]
async fn no_more_are_claimed_than_allowed_and_the_rest_follows() {
    let bench = Bench::new(|_, before| (NO_TIME, if before == 0 { fail(Some(10_000)) } else { accept() }));
    bench.add(&["a", "b", "c", "d", "e"]).await;
    let _worker = bench.start(Limits { claimed: 2, ..Limits::default() });
    sleep(Duration::from_secs(9)).await;
    assert_eq!(bench.provider.customers(), ["a", "b"]);
    sleep(MINUTE / 2 + Duration::from_secs(10)).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Delivered; 5]);
}

#[tokio::test(start_paused = true)]
async fn the_drain_lets_attempts_end_and_the_next_worker_repeats_what_was_cut_off() {
    let bench = Bench::new(|parcel, before| match (parcel.customer.as_str(), before) {
        ("stuck", 0) => (MINUTE / 3, accept()),
        _ => (Duration::from_secs(5), accept()),
    });
    bench.add(&["stuck", "a", "b"]).await;
    let worker = bench.start(Limits { in_flight: 2, ..Limits::default() });
    sleep(Duration::from_secs(1)).await;
    bench.stop.send_replace(true);
    assert_eq!(worker.await.unwrap().unwrap(), Drained { cut_off: 1 });
    assert_eq!((bench.clock)(), ServerTime(1_011_000), "the deadline is 10 s after the stop");
    let states = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Pending];
    assert_eq!(bench.kept.states(), states);
    bench.stop.send_replace(false);
    let _worker = bench.start(Limits::default());
    sleep(Duration::from_secs(6)).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Delivered; 3]);
    let calls = bench.provider.calls();
    assert_eq!(bench.provider.customers(), ["stuck", "a", "stuck", "b"]);
    assert_eq!(calls[0].2, calls[2].2, "the same id");
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_an_endless_attempt_are_tried_again() {
    let bench = Bench::new(|parcel, before| match (parcel.customer.as_str(), before) {
        ("panics", 0) => panic!("on purpose"),
        ("hangs", 0) => (MINUTE * 60, accept()),
        _ => (NO_TIME, accept()),
    });
    bench.add(&["panics", "hangs"]).await;
    let _worker = bench.start(Limits { attempt: Millis::from_secs(20), ..Limits::default() });
    sleep(MINUTE / 2).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Delivered; 2]);
    assert_eq!(bench.kept.triggers()[1].attempts[0].detail, "no end within 20 s");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_written_anew_without_another_call_and_a_broken_store_ends_the_work() {
    let bench = Bench::new(|_, _| (NO_TIME, accept()));
    bench.add(&["a"]).await;
    *bench.store.conflicts.lock().unwrap() = 50;
    let worker = bench.start(Limits::default());
    sleep(Duration::from_secs(1)).await;
    assert_eq!((bench.provider.calls().len(), bench.kept.states()), (1, vec![DeliveryState::Delivered]));
    bench.store.conflicts.lock().unwrap().clone_from(&0);
    bench.add(&["b"]).await;
    *bench.store.broken.lock().unwrap() = true;
    let error = worker.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "cannot work on the outbox");
    assert_eq!(bench.kept.states()[1], DeliveryState::Pending, "nothing is lost");
}

#[tokio::test(start_paused = true)]
async fn damage_in_the_outbox_holds_up_nobody_and_stays() {
    for batch in [1, 256] {
        let bench = Bench::new(|_, _| (NO_TIME, accept()));
        bench.add(&["a"]).await;
        let value = b"\x0a\xff".to_vec();
        bench.store.commit(vec![Write::Append { table: Table::Outbox, value: value.clone() }]).await.unwrap();
        bench.add(&["b"]).await;
        let worker = bench.start(Limits { batch, ..Limits::default() });
        sleep(Duration::from_secs(1)).await;
        bench.add(&["c"]).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(bench.provider.customers(), ["a", "b", "c"]);
        let left = bench.store.scan(Table::Outbox, &Scan { limit: 9, ..Scan::default() }).unwrap();
        assert_eq!(left.into_iter().map(|entry| entry.value).collect::<Vec<_>>(), [value]);
        bench.stop.send_replace(true);
        worker.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_is_tried_again() {
    let bench = Bench::new(|_, _| (NO_TIME, accept()));
    bench.add(&["a"]).await;
    *bench.store.unread.lock().unwrap() = 4;
    let _worker = bench.start(Limits::default());
    sleep(Duration::from_secs(30)).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Delivered]);
}

#[tokio::test]
async fn a_webhook_that_fails_once_gets_the_same_id_and_body_again() {
    let replies = vec![hook::reply("500 Oops", ""), hook::reply("200 OK", "")];
    let receiver = hook::Receiver::start(replies).await;
    let (kept, stop) = (Kept::new(Shaky::default()), watch::Sender::new(false));
    kept.add(trigger("ann", hook::clock()())).await;
    let mut commits = kept.records.watch();
    let provider = Arc::new(hook::webhook(&receiver.url));
    let worker = Worker::new(kept.records.clone(), provider, hook::clock(), 7, Limits::default());
    let worker = tokio::spawn(worker.run(stop.subscribe()));
    while kept.states() != [DeliveryState::Delivered] {
        timeout(Duration::from_secs(5), commits.changed()).await.unwrap().unwrap();
    }
    let seen = receiver.seen();
    assert_eq!((seen.len(), &seen[0].body), (2, &seen[1].body));
    assert_eq!(seen[0].headers["webhook-id"], seen[1].headers["webhook-id"]);
    let details: Vec<_> = kept.triggers()[0].attempts.iter().map(|attempt| attempt.detail.clone()).collect();
    assert_eq!(details, ["HTTP 500 Internal Server Error", "HTTP 200 OK"]);
    stop.send_replace(true);
    worker.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_next_worker_keeps_to_the_wait_that_was_asked_for() {
    let bench = Bench::new(|parcel, before| match (parcel.customer.as_str(), before) {
        ("later", 0) => (NO_TIME, fail(Some(30_000))),
        _ => (NO_TIME, accept()),
    });
    bench.add(&["later"]).await;
    let worker = bench.start(Limits::default());
    sleep(Duration::from_secs(1)).await;
    bench.stop.send_replace(true);
    worker.await.unwrap().unwrap();
    bench.stop.send_replace(false);
    bench.add(&["now"]).await;
    let _worker = bench.start(Limits { batch: 1, ..Limits::default() });
    sleep(Duration::from_secs(28)).await;
    assert_eq!(bench.provider.customers(), ["later", "now"], "one that waits holds up nobody behind it");
    sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.provider.customers(), ["later", "now", "later"]);
}
