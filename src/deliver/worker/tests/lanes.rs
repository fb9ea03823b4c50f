//! Lanes side by side: who goes first, and who is not held up by whom.

use super::*;
use crate::deliver::worker::Standing;

/// A provider for browsers that takes everything.
#[derive(Default)]
struct Web(Mutex<Vec<String>>);

impl Provider for Web {
    fn name(&self) -> &'static str {
        "webpush"
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        self.0.lock().unwrap().push(parcel.customer.to_string());
        Box::pin(async { accept() })
    }
}

fn busy(after: Option<i64>) -> Answer {
    Answer::Busy { detail: "down".into(), after: after.map(Millis) }
}

/// Adds as many customers of a brand.
async fn add(bench: &Bench, brand: &str, count: usize) {
    let names: Vec<String> = (0..count).map(|n| format!("{brand}.{n}")).collect();
    bench.add(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

fn delivered(bench: &Bench) -> usize {
    bench.kept.states().iter().filter(|state| **state == DeliveryState::Delivered).count()
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_left_alone_and_holds_up_no_other() {
    let start = Instant::now();
    let down = move || start.elapsed() < Duration::from_secs(30);
    let bench = Bench::new(move |_, _| (Duration::from_millis(50), if down() { busy(None) } else { accept() }));
    add(&bench, "app", 200).await;
    add(&bench, "web", 200).await;
    let web = Arc::new(Web::default());
    let routes = Routes::from(Arc::clone(&bench.provider)).with(Platform::Web, Arc::clone(&web) as Arc<dyn Provider>);
    let worker = bench.worker(routes, Limits { in_flight: 8, per_second: 100, ..Limits::default() });
    let standing = worker.standing();
    let _worker = tokio::spawn(worker.run(bench.stop.subscribe()));
    sleep(Duration::from_secs(5)).await;
    assert_eq!((web.0.lock().unwrap().len(), delivered(&bench)), (200, 200));
    let resting = Standing::Resting { detail: "down".into() };
    assert_eq!(
        standing.borrow().clone().into_iter().collect::<Vec<_>>(),
        [("scripted", resting), ("webpush", Standing::Working)]
    );
    sleep(Duration::from_secs(20)).await;
    let calls = bench.provider.calls().len();
    assert!((8..30).contains(&calls), "{calls} calls in 25 s of an outage");
    sleep(Duration::from_secs(21)).await;
    assert_eq!(standing.borrow()["scripted"], Standing::Working);
    assert!(delivered(&bench) < 400, "it is not overrun when it is back");
    sleep(MINUTE / 4).await;
    assert_eq!(bench.kept.states().iter().filter(|state| **state == DeliveryState::Pending).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_a_rest_gets_it_from_all() {
    let bench = Bench::new(|_, before| (NO_TIME, if before == 0 { busy(Some(20_000)) } else { accept() }));
    bench.add(&["a"]).await;
    let _worker = bench.start(Limits::default());
    sleep(Duration::from_secs(1)).await;
    bench.add(&["b"]).await;
    sleep(Duration::from_secs(18)).await;
    assert_eq!(bench.provider.customers(), ["a"]);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(&bench.provider.customers()[..2], ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_not_accepted_pause_the_provider() {
    let start = Instant::now();
    let wrong = move || start.elapsed() < Duration::from_secs(20);
    let denied = || Answer::Denied { detail: "HTTP 401".into() };
    let bench = Bench::new(move |_, _| (NO_TIME, if wrong() { denied() } else { accept() }));
    let mut far = trigger("far", (bench.clock)());
    far.expires = far.created + Millis::from_mins(60);
    bench.kept.add(far).await;
    let worker = bench.worker(Arc::clone(&bench.provider), Limits::default());
    let standing = worker.standing();
    let _worker = tokio::spawn(worker.run(bench.stop.subscribe()));
    sleep(Duration::from_secs(1)).await;
    bench.add(&["near"]).await;
    sleep(Duration::from_secs(58)).await;
    assert_eq!(bench.provider.customers(), ["far"], "the others are not even tried");
    assert_eq!(standing.borrow()["scripted"], Standing::Paused { detail: "HTTP 401".into() });
    sleep(Duration::from_secs(4)).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Delivered, DeliveryState::Delivered]);
    assert_eq!(standing.borrow()["scripted"], Standing::Working);
}

#[tokio::test(start_paused = true)]
async fn triggers_expire_in_time_while_their_provider_is_paused() {
    let bench = Bench::new(|_, _| (NO_TIME, Answer::Denied { detail: "HTTP 403".into() }));
    bench.add(&["a"]).await;
    let _worker = bench.start(Limits::default());
    sleep(Duration::from_secs(2)).await;
    bench.add(&["b"]).await;
    sleep(Duration::from_secs(57)).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Pending; 2]);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Expired; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_loud_brand_does_not_hold_up_a_quiet_one_however_far_it_is_behind() {
    let bench = Bench::new(|_, _| (Duration::from_millis(100), accept()));
    add(&bench, "loud", 300).await;
    bench.add(&["quiet.1", "quiet.2"]).await;
    add(&bench, "order", 3).await;
    let _worker = bench.start(Limits { in_flight: 1, claimed: 256, batch: 16, ..Limits::default() });
    sleep(Duration::from_secs(3)).await;
    let customers = bench.provider.customers();
    let place = |name: &str| customers.iter().position(|customer| customer == name).unwrap();
    assert!(place("order.2") < 6, "what was asked for goes first: {customers:?}");
    assert!(place("quiet.2") < 10, "{customers:?}");
    sleep(Duration::from_secs(30)).await;
    let customers = bench.provider.customers();
    let loud: Vec<_> = customers.iter().filter(|customer| customer.starts_with("loud")).collect();
    assert_eq!(loud, (0..300).map(|n| format!("loud.{n}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert_eq!(customers.len(), 305, "each of them once");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_nobody_is_at_is_dropped_unless_it_was_registered_again() {
    let bench = Bench::new(|parcel, _| {
        let since = (parcel.customer.as_str() == "again").then_some(ServerTime(500_000));
        (NO_TIME, Answer::Gone { detail: "HTTP 410 Gone".into(), since })
    });
    bench.add(&["away", "again", "other"]).await;
    let address = async |customer: &str, change: &dyn Fn(&mut DeviceState)| {
        let id = crate::model::CustomerId::parse("c", customer).unwrap();
        let (mut state, revision) = bench.kept.records.load_customer(&id).unwrap().unwrap();
        let own = state.devices.values_mut().next().unwrap();
        change(own);
        let address = own.device.push_address.clone();
        bench.kept.records.save_customer(&state, revision).await.unwrap();
        address
    };
    address("again", &|own| own.addressed = Some(ServerTime(500_001))).await;
    address("away", &|own| own.addressed = Some(ServerTime(500_001))).await;
    let _worker = bench.start(Limits::default());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.kept.states(), [DeliveryState::Refused; 3], "the budget is given back");
    assert_eq!(address("away", &|_| {}).await, "");
    assert_eq!(address("other", &|_| {}).await, "");
    assert_eq!(address("again", &|_| {}).await, "very-secret-address", "Apple's news are older than that");
    let mut own = DeviceState::new(device());
    assert!(!own.drop_address("another", ServerTime(9)), "it has another by now");
}
