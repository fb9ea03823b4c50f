//! The channel in the app: offered, then confirmed or withdrawn, and never beside a push.

use super::*;
use crate::deliver::{Connection, Notice};
use crate::model::Channel::{self, InApp, Push};
use crate::model::{DeviceTime, Receipt, ReceiptKind};

const SECOND: Duration = Duration::from_secs(1);

/// A worker that speaks in apps, too.
struct Shop {
    bench: Bench,
    apps: Apps,
}

impl Shop {
    fn new(script: impl Fn(&Parcel, usize) -> (Duration, Answer) + Send + Sync + 'static) -> Self {
        Self { bench: Bench::new(script), apps: Apps::default() }
    }

    async fn add(&self, customer: &str, channels: &[Channel]) -> Trigger {
        let trigger = Trigger { channels: channels.to_vec(), ..trigger(customer, (self.bench.clock)()) };
        self.bench.kept.add(trigger.clone()).await;
        trigger
    }

    fn start(&self) -> tokio::task::JoinHandle<Result<Drained, WorkerError>> {
        let (records, provider) = (self.bench.kept.records.clone(), Arc::clone(&self.bench.provider));
        let worker = Worker::new(records, provider, Arc::clone(&self.bench.clock), 7, Limits::default());
        tokio::spawn(worker.with_apps(self.apps.clone()).run(self.bench.stop.subscribe()))
    }

    fn connect(&self, trigger: &Trigger) -> Connection {
        self.apps.connect(&trigger.customer, &trigger.device)
    }

    /// The app confirms, as the service takes it.
    async fn confirm(&self, trigger: &Trigger) {
        let Trigger { id, customer, device, .. } = trigger;
        let receipt = Receipt { trigger: id.clone(), kind: ReceiptKind::Received, at: DeviceTime(0) };
        let now = (self.bench.clock)();
        self.bench.kept.records.report_receipts(customer, device, &[receipt], now).await.unwrap();
        self.apps.confirm(customer, device, id);
    }

    /// Checks where each trigger stands, and by what its attempts were: `in-app no`, `scripted yes`.
    fn check(&self, states: &[DeliveryState], attempts: &[&[&str]]) {
        let triggers = self.bench.kept.triggers();
        assert_eq!(triggers.iter().map(|own| own.state).collect::<Vec<_>>(), states);
        let told = |own: &StoredTrigger| {
            let word = |accepted| if accepted { "yes" } else { "no" };
            own.attempts.iter().map(|own| format!("{} {}", own.provider, word(own.accepted))).collect::<Vec<_>>()
        };
        assert_eq!(triggers.iter().map(told).collect::<Vec<_>>(), attempts);
    }
}

/// The next notice, as `offer` or `withdraw`, and after how many milliseconds it came.
async fn told(connection: &mut Connection) -> (&'static str, u128) {
    let begun = Instant::now();
    let word = match connection.next().await.unwrap() {
        Notice::Offer(_) => "offer",
        Notice::Withdraw(_) => "withdraw",
    };
    (word, begun.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn what_the_app_confirms_is_not_pushed() {
    let shop = Shop::new(|_, _| (NO_TIME, accept()));
    let trigger = shop.add("ann", &[InApp, Push]).await;
    let mut app = shop.connect(&trigger);
    let _worker = shop.start();
    assert_eq!(told(&mut app).await, ("offer", 0));
    shop.check(&[DeliveryState::Pending], &[&[]]);
    sleep(9 * SECOND).await;
    shop.confirm(&trigger).await;
    sleep(MINUTE).await;
    assert_eq!(shop.bench.provider.customers(), Vec::<String>::new());
    shop.check(&[DeliveryState::Delivered], &[&["in-app yes"]]);
    let stored = &shop.bench.kept.triggers()[0];
    let attempt = &stored.attempts[0];
    assert_eq!((attempt.at, attempt.latency), (stored.offered.unwrap(), Millis(9_000)));
}

#[tokio::test(start_paused = true)]
async fn what_it_does_not_confirm_is_withdrawn_before_the_push() {
    let shop = Shop::new(|_, _| (NO_TIME, accept()));
    let trigger = shop.add("ann", &[InApp, Push]).await;
    let mut app = shop.connect(&trigger);
    let _worker = shop.start();
    assert_eq!(told(&mut app).await, ("offer", 0));
    assert_eq!(told(&mut app).await, ("withdraw", 10_000));
    sleep(SECOND).await;
    let id = trigger.id.to_string();
    assert_eq!(shop.bench.provider.calls(), [("ann".into(), ServerTime(1_010_000), id)], "under the same id");
    shop.check(&[DeliveryState::Delivered], &[&["in-app no", "scripted yes"]]);
    let stored = &shop.bench.kept.triggers()[0];
    assert_eq!(stored.attempts[0].detail, "not confirmed within 10 s: withdrawn");
    assert_eq!(stored.trigger.channels, [Push]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_comes_back_in_time_is_offered_it_again() {
    let shop = Shop::new(|_, _| (NO_TIME, accept()));
    let trigger = shop.add("ann", &[InApp, Push]).await;
    let worker = shop.start();
    sleep(4 * SECOND).await;
    // The server, too, may come back: what stands is in the records.
    shop.bench.stop.send_replace(true);
    worker.await.unwrap().unwrap();
    shop.bench.stop.send_replace(false);
    let _worker = shop.start();
    let mut app = shop.connect(&trigger);
    assert_eq!(told(&mut app).await.0, "offer");
    shop.confirm(&trigger).await;
    sleep(MINUTE).await;
    shop.check(&[DeliveryState::Delivered], &[&["in-app yes"]]);
    assert!(shop.bench.provider.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_late_confirmation_ends_what_is_still_tried() {
    let shop = Shop::new(|_, _| (NO_TIME, fail(None)));
    let trigger = shop.add("ann", &[InApp, Push]).await;
    let _worker = shop.start();
    sleep(12 * SECOND).await;
    let tried = shop.bench.provider.calls().len();
    assert!(tried > 0);
    shop.confirm(&trigger).await;
    sleep(MINUTE).await;
    assert_eq!(shop.bench.provider.calls().len(), tried, "no push after it");
    assert_eq!(shop.bench.kept.states(), [DeliveryState::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn each_order_of_channels_comes_to_its_end() {
    let shop = Shop::new(|_, _| (NO_TIME, Answer::Refused { detail: "no such address".into() }));
    shop.add("alone", &[InApp]).await;
    let after = shop.add("after", &[Push, InApp]).await;
    shop.add("both", &[InApp, Push]).await;
    shop.add("gone", &[InApp, Push]).await;
    shop.add("withdrawn", &[InApp, Push]).await;
    let mut app = shop.connect(&after);
    let _worker = shop.start();
    assert_eq!(told(&mut app).await, ("offer", 0));
    shop.confirm(&after).await;
    sleep(MINUTE).await;
    let refused = DeliveryState::Refused;
    shop.check(
        &[refused, DeliveryState::Delivered, refused, refused, refused],
        &[
            &["in-app no"],
            &["scripted no", "in-app yes"],
            &["in-app no", "scripted no"],
            &["in-app no"],
            &["in-app no"],
        ],
    );
    assert_eq!(shop.bench.provider.customers(), ["after", "both"]);
}
