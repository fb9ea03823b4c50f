//! What comes of batches: consent, timers, restarts.

use super::*;
use crate::engine::DeviceState;
use crate::model::{
    AppState, Customer, Device, DeviceTime, Fix, LocationConsent, Metres, Millis, Platform, Position, TransitionKind,
    VerdictKind,
};
use crate::store::{CatalogueChange, DecisionFilter, Expect, MemoryStore};
use std::sync::Arc;

fn ping(sequence: u64) -> Ping {
    let position = Position::new(39.74, -104.99).unwrap();
    let fix = Fix { position, accuracy: Metres(8.0), speed_mps: None, course_deg: None, mock: false };
    let observed = DeviceTime(1_784_138_400_000 + 1_000 * i64::try_from(sequence).unwrap());
    Ping { sequence: Sequence(sequence), observed, fix: Some(fix), sightings: Vec::new(), app: AppState::Unknown }
}

/// An ingest over these records, by the time of the pings.
fn serving(records: &Records, catalogue: CatalogueCell, hot: HotCustomers) -> Ingest {
    serving_with(records, catalogue, hot, Manners::default())
}

/// An ingest that has those manners.
fn serving_with(records: &Records, catalogue: CatalogueCell, hot: HotCustomers, manners: Manners) -> Ingest {
    Ingest::new(records.clone(), catalogue, Clock::pings(), PresenceConfig::default(), hot, manners).unwrap()
}

/// The refusals of a ping of ada's phone.
async fn check(ingest: &Ingest, sequence: u64, refusals: &[Refusal]) {
    let (ada, phone) = (CustomerId::parse("", "ada").unwrap(), DeviceId::parse("", "phone").unwrap());
    let kept = ingest.batch(&ada, &phone, vec![ping(sequence)], Vec::new()).await.unwrap();
    assert_eq!(kept.refusals.iter().map(|(_, refusal)| *refusal).collect::<Vec<_>>(), refusals, "ping {sequence}");
}

#[tokio::test]
async fn consent_counts_from_the_next_ping_on_though_the_customer_is_at_hand() {
    let records = Records::new(Arc::new(MemoryStore::new()));
    let catalogue = CatalogueCell::load(records.clone()).unwrap();
    let hot = HotCustomers::new(10);
    let ingest = serving(&records, catalogue, hot.clone());
    let mut state = CustomerState::new(Customer::new(CustomerId::parse("", "ada").unwrap()));
    let id = DeviceId::parse("", "phone").unwrap();
    let (push_address, locale) = (String::new(), "en".to_owned());
    let device =
        Device { id: id.clone(), platform: Platform::Ios, push_address, locale, time_zone: None, app_version: None };
    state.devices.insert(id, DeviceState::new(device));
    records.create_customer(&state).await.unwrap();

    for (sequence, granted, refusals) in
        [(1, None, &[Refusal::NoConsent][..]), (1, Some(true), &[]), (2, Some(false), &[Refusal::NoConsent])]
    {
        let (mut state, revision) = records.load_customer(&state.customer.id).unwrap().unwrap();
        state.customer.consent = granted.map(|granted| LocationConsent::answered(granted, ServerTime(1)));
        records.save_customer(&state, revision).await.unwrap();
        check(&ingest, sequence, refusals).await;
    }
    check(&ingest, 1, &[Refusal::NoConsent]).await;

    assert_eq!(hot.len(), 1);
    for (customer, device) in [("nobody", "phone"), ("ada", "tablet")] {
        let names = (CustomerId::parse("", customer).unwrap(), DeviceId::parse("", device).unwrap());
        let nothing = ingest.batch(&names.0, &names.1, vec![ping(3)], Vec::new()).await;
        assert!(matches!(nothing, Err(IngestError::NoDevice { .. })), "{nothing:?}");
    }
    assert_eq!(hot.len(), 0, "names of nobody take no room");
}

/// A door around the pings, which counts as a dwell after five minutes.
async fn door(records: &Records) -> CatalogueCell {
    use crate::files::{Defaults, read_regions};
    let text = r#"{"type": "FeatureCollection",
        "places": [{"id": "shop", "brand": "roost", "time_zone": "UTC"}],
        "features": [{"type": "Feature", "id": "door", "properties": {"place": "shop", "radius_m": 100},
                      "geometry": {"type": "Point", "coordinates": [-104.99, 39.74]}}]}"#;
    let (places, regions) = read_regions(text, &Defaults::default()).unwrap();
    let places = places.into_iter().map(|place| CatalogueChange::PutPlace(place, Expect::Absent));
    let regions = regions.into_iter().map(|region| CatalogueChange::PutRegion(region, Expect::Absent));
    records.commit_catalogue(places.chain(regions).collect()).await.unwrap();
    CatalogueCell::load(records.clone()).unwrap()
}

/// Ada, who consents, with her phone.
async fn located(records: &Records) -> (CustomerId, DeviceId) {
    let (ada, id) = (CustomerId::parse("", "ada").unwrap(), DeviceId::parse("", "phone").unwrap());
    let consent = LocationConsent::answered(true, ServerTime(1));
    let mut state = CustomerState::new(Customer { consent: Some(consent), ..Customer::new(ada.clone()) });
    state.customer.topics.opt_in(crate::model::TopicId::parse("", "offers").unwrap());
    let (push_address, locale) = (String::new(), "en".to_owned());
    let device =
        Device { id: id.clone(), platform: Platform::Ios, push_address, locale, time_zone: None, app_version: None };
    state.devices.insert(id.clone(), DeviceState::new(device));
    records.create_customer(&state).await.unwrap();
    (ada, id)
}

#[tokio::test]
async fn a_dwell_comes_in_silence_and_after_a_restart() {
    let records = Records::new(Arc::new(MemoryStore::new()));
    let catalogue = door(&records).await;
    let (ada, id) = located(&records).await;

    let ingest = serving(&records, catalogue.clone(), HotCustomers::new(10));
    let kept = ingest.batch(&ada, &id, (1..=30).map(ping).collect(), Vec::new()).await.unwrap();
    let kinds = |transitions: &[Transition]| transitions.iter().map(|own| own.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&kept.transitions), [TransitionKind::Enter]);

    assert!(kept.advice.is_some());
    let late = Ping { observed: ping(1).observed, ..ping(31) };
    let after_late = ingest.batch(&ada, &id, vec![late], Vec::new()).await.unwrap();
    assert_eq!(after_late.advice, kept.advice, "a late ping leaves the advice as it was");
    let empty = ingest.batch(&ada, &id, Vec::new(), Vec::new()).await.unwrap();
    assert_eq!(empty.advice, kept.advice, "an empty batch is advised, too");

    let restarted = serving(&records, catalogue, HotCustomers::new(10));
    let (alarm, customer) = restarted.timers.first().expect("the timer is durable");
    assert_eq!(customer, ada);
    restarted.tick(&ada, alarm - Millis(1)).await.unwrap();
    let told = || {
        let page = records.list_decisions(&DecisionFilter::default(), None, 10).unwrap();
        page.items.iter().rev().flat_map(|decision| kinds(&decision.transitions)).collect::<Vec<_>>()
    };
    assert_eq!(told(), [TransitionKind::Enter], "nothing is due before the alarm");
    restarted.tick(&ada, alarm + Millis::from_mins(5)).await.unwrap();
    assert_eq!(told(), [TransitionKind::Enter, TransitionKind::Dwell]);
    assert!(restarted.timers.first().is_none_or(|(next, _)| next > alarm), "the alarm moves on");

    assert!(records.delete_customer(&ada).await.unwrap());
    assert_eq!(records.load_timers().unwrap(), []);
}

#[tokio::test]
async fn what_waits_for_others_outlives_a_restart() {
    let records = Records::new(Arc::new(MemoryStore::new()));
    door(&records).await;
    let campaign =
        "campaigns: [{ id: latte, regions: { brands: [roost] }, topic: offers, message: { title: Hi, body: Hi } }]";
    let campaigns = crate::files::read_campaigns(campaign).unwrap().into_iter();
    let puts = campaigns.map(|campaign| CatalogueChange::PutCampaign(Box::new(campaign), Expect::Absent)).collect();
    records.commit_catalogue(puts).await.unwrap();
    let catalogue = CatalogueCell::load(records.clone()).unwrap();
    let (ada, id) = located(&records).await;
    let manners = Manners { settle: Millis::from_secs(3), ..Manners::default() };
    let ingest = || serving_with(&records, catalogue.clone(), HotCustomers::new(10), manners);
    let pings = || records.load_customer(&ada).unwrap().unwrap().0.held;
    let first = ingest();
    let mut sequence = 0;
    while pings().is_empty() && sequence < 30 {
        sequence += 1;
        first.batch(&ada, &id, vec![ping(sequence)], Vec::new()).await.unwrap();
    }
    let held = pings().remove(0);
    assert_eq!(held.until - ServerTime(ping(sequence).observed.0), manners.settle);

    let restarted = ingest();
    let outbox = || records.outbox(None, 10).unwrap().len();
    restarted.tick(&ada, held.until - Millis(1)).await.unwrap();
    assert_eq!(outbox(), 0, "it waits");
    assert_eq!(restarted.timers.first(), Some((held.until + Millis(999), ada.clone())), "and wakes");
    restarted.tick(&ada, held.until).await.unwrap();
    assert_eq!(outbox(), 1, "it is sent");
    let page = records.list_decisions(&DecisionFilter::default(), None, 10).unwrap();
    let told: Vec<_> = page.items.iter().map(|own| (own.sequence.0, own.assessments[0].verdict.kind())).collect();
    assert_eq!(told, [(0, VerdictKind::Qualified), (sequence, VerdictKind::Held)]);
    restarted.batch(&ada, &id, vec![ping(sequence + 1)], Vec::new()).await.unwrap();
    assert_eq!((outbox(), pings().len()), (1, 0), "once");
}

#[tokio::test]
async fn no_ping_waits_for_one_that_did_not_parse() {
    let records = Records::new(Arc::new(MemoryStore::new()));
    let catalogue = door(&records).await;
    let (ada, id) = located(&records).await;
    let ingest = serving(&records, catalogue, HotCustomers::new(10));
    let waiting = || {
        let (state, _) = records.load_customer(&ada).unwrap().unwrap();
        state.devices[&id].order.waiting.len()
    };
    let gaps = (1..=20).filter(|n| ![5, 9].contains(n)).map(ping).collect();
    ingest.batch(&ada, &id, gaps, Vec::new()).await.unwrap();
    assert_eq!(waiting(), 14, "what lies past a gap waits");
    ingest.batch(&ada, &id, Vec::new(), vec![Sequence(9), Sequence(5)]).await.unwrap();
    assert_eq!(waiting(), 0);
}
