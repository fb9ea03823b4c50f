//! Events and traits, through the services.

use super::super::event_service::Events;
use super::super::ingest::Ingest;
use super::*;
use crate::engine::Manners;
use crate::presence::PresenceConfig;
use v1::EventRefusalReason as Why;
use v1::event_service_server::EventService as _;
use v1::trait_change::Change::{Increment, Set, Unset};

fn service(bench: &Bench) -> Events {
    another(bench, bench.hot.clone())
}

/// The service as another server has it, with its own customers at hand.
fn another(bench: &Bench, hot: HotCustomers) -> Events {
    let clock = Clock::pings();
    clock.now_at(DeviceTime(NOW.0));
    Events::new(bench.records.clone(), bench.catalogue.clone(), clock, hot)
}

fn event(customer: &str, id: &str, change: impl FnOnce(&mut v1::Event)) -> v1::Event {
    let mut event = v1::Event {
        customer: format!("customers/{customer}"),
        event_id: id.into(),
        event_name: "purchase".into(),
        event_time: Some(NOW.into()),
        channel: v1::EventChannel::Till.into(),
        worth: Some(v1::Amount { value: 4.5, currency: "USD".into() }),
        ..v1::Event::default()
    };
    change(&mut event);
    event
}

async fn record(service: &Events, events: Vec<v1::Event>, allow_missing: bool) -> v1::RecordEventsResponse {
    ok(service.record_events(Request::new(v1::RecordEventsRequest { events, allow_missing })).await)
}

async fn summary(bench: &Bench, customer: &str) -> Option<v1::EventSummary> {
    let request = v1::GetCustomerRequest { name: format!("customers/{customer}") };
    ok(bench.customers.get_customer(Request::new(request)).await).customer.unwrap().events.pop()
}

#[tokio::test]
async fn a_batch_is_recorded_once_and_its_refusals_are_named() {
    let bench = bench().await;
    let service = service(&bench);
    let batch = || {
        vec![
            event("maya", "r-1", |_| {}),
            event("maya", "r-2", |event| event.channel = 9),
            event("nobody", "r-3", |_| {}),
            event("maya", "r-1", |_| {}),
            event("maya", "r 4", |_| {}),
            event("maya", "r-5", |event| event.worth.as_mut().unwrap().currency = "usd".into()),
            event("maya", "r-6", |event| event.event_time = None),
        ]
    };
    for (recorded, repeated) in [(1, 1), (0, 2)] {
        let answer = record(&service, batch(), false).await;
        assert_eq!((answer.recorded_count, answer.repeated_count), (recorded, repeated));
        let refusals: Vec<_> =
            answer.refusals.iter().map(|own| (own.index, own.reason(), own.detail.as_str())).collect();
        for ((index, reason, detail), expected) in refusals.into_iter().zip([
            (1, Why::Invalid, "channel is 9"),
            (2, Why::CustomerNotFound, "customers/nobody does not exist"),
            (4, Why::Invalid, "event_id is \"r 4\""),
            (5, Why::Invalid, "worth.currency is \"usd\""),
            (6, Why::Invalid, "event_time is absent"),
        ]) {
            assert_eq!((index, reason), (expected.0, expected.1));
            assert!(detail.starts_with(expected.2), "{detail}");
        }
        assert_eq!(answer.refusals.len(), 5);
        let kept = summary(&bench, "maya").await.unwrap();
        assert_eq!((kept.count, kept.totals[0].value), (1, 4.5));
        assert_eq!((kept.days[0].date.as_str(), kept.days[0].count), ("2026-07-14", 1));
    }
    for events in [vec![], vec![event("maya", "x", |_| {}); 501]] {
        let request = v1::RecordEventsRequest { events, allow_missing: false };
        invalid(service.record_events(Request::new(request)).await, "events");
    }
}

#[tokio::test]
async fn customers_who_are_not_known_yet_come_into_being_on_request_and_go_with_their_events() {
    let bench = bench().await;
    let service = service(&bench);
    let events = || (0..200).map(|n| event(&format!("c{}", n % 100), &format!("r-{n}"), |_| {})).collect();
    let answer = record(&service, events(), true).await;
    assert_eq!((answer.recorded_count, answer.refusals.len()), (200, 0));
    assert_eq!(summary(&bench, "c42").await.unwrap().count, 2);
    let request = v1::DeleteCustomerRequest { name: "customers/c42".into() };
    ok(bench.customers.delete_customer(Request::new(request)).await);
    let answer = record(&service, events(), false).await;
    assert_eq!((answer.repeated_count, answer.refusals.len()), (198, 2), "deleted, and forgotten by those at hand");
}

#[tokio::test]
async fn pings_and_events_of_a_customer_do_not_undo_each_other() {
    let bench = bench().await;
    let service = service(&bench);
    let clock = Clock::pings();
    let Bench { records, catalogue, hot, .. } = &bench;
    let (presence, manners) = (PresenceConfig::default(), Manners::default());
    let ingest = Ingest::new(records.clone(), catalogue.clone(), clock, presence, hot.clone(), manners).unwrap();
    let (maya, phone) = (CustomerId::parse("", "maya").unwrap(), DeviceId::parse("", "phone-1").unwrap());
    let elsewhere = another(&bench, HotCustomers::new(10));
    for n in 1..=5_u64 {
        let ping = Ping {
            sequence: Sequence(n),
            observed: DeviceTime(NOW.0),
            fix: None,
            sightings: Vec::new(),
            app: AppState::Unknown,
        };
        let (pinged, told, also) = tokio::join!(
            ingest.batch(&maya, &phone, vec![ping], Vec::new()),
            record(&service, vec![event("maya", &format!("a-{n}"), |_| {})], false),
            record(&elsewhere, vec![event("maya", &format!("b-{n}"), |_| {})], false),
        );
        assert_eq!((pinged.unwrap().refusals.len(), told.recorded_count, also.recorded_count), (0, 1, 1));
    }
    assert_eq!(summary(&bench, "maya").await.unwrap().count, 10);
    let (state, _) = bench.records.load_customer(&maya).unwrap().unwrap();
    assert_eq!(state.devices[&phone].kept.highest(), Sequence(5));
}

#[tokio::test]
async fn traits_change_once_a_request() {
    let bench = bench().await;
    let change = |name: &str, change| v1::TraitChange { trait_name: name.into(), change: Some(change) };
    let change_traits = |customer: &str, changes, id: &str, allow_missing| {
        let (name, request_id) = (format!("customers/{customer}"), id.into());
        let request = v1::ChangeTraitsRequest { name, changes, request_id, allow_missing };
        bench.customers.change_traits(Request::new(request))
    };
    let gold = v1::Scalar { kind: Some(v1::scalar::Kind::Text("gold".into())) };
    for _ in 0..2 {
        let changes = vec![change("points", Increment(10.0)), change("tier", Set(gold.clone()))];
        ok(change_traits("maya", changes, "q-1", false).await);
    }
    // A till may use the number of an order for both.
    let batch = vec![event("maya", "q-1", |_| {})];
    let request = v1::RecordEventsRequest { events: batch, allow_missing: false };
    assert_eq!(ok(service(&bench).record_events(Request::new(request)).await).recorded_count, 1);
    let customer =
        ok(change_traits("maya", vec![change("points", Increment(1.0))], "", false).await).customer.unwrap();
    let points = v1::Scalar { kind: Some(v1::scalar::Kind::Number(11.0)) };
    assert_eq!(customer.traits, [("points".into(), points), ("tier".into(), gold)].into());
    let status = change_traits("maya", vec![change("tier", Increment(1.0))], "q-2", false).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("adds to tier"), "{status}");
    refused(change_traits("nobody", vec![change("tier", Unset(true))], "", false).await, Code::NotFound);
    ok(change_traits("nora", vec![change("tier", Unset(true))], "", true).await);
    invalid(change_traits("maya", vec![], "", false).await, "changes");
    invalid(change_traits("maya", vec![change("tier", Unset(false))], "", false).await, "changes[0].unset");
    invalid(
        change_traits("maya", vec![change("tier", Increment(f64::NAN))], "", false).await,
        "changes[0].increment",
    );

    let update = v1::UpdateCustomerRequest {
        customer: Some(v1::Customer { name: "customers/maya".into(), ..Default::default() }),
        update_mask: mask(&["traits"]),
        allow_missing: false,
    };
    let customer = ok(bench.customers.update_customer(Request::new(update)).await).customer.unwrap();
    assert!(customer.traits.is_empty() && customer.topics == ["offers"]);
}
