//! What customers want to hear of, and until when they consent.

use super::super::ingest::Ingest;
use super::super::topic_service::Topics;
use super::*;
use crate::engine::Manners;
use crate::files::{read_campaigns, read_journey};
use crate::presence::PresenceConfig;
use crate::store::{CatalogueChange, Expect, Scan, Store as _, Table};
use v1::topic_service_server::TopicService as _;

#[tokio::test]
async fn topics_come_change_and_go() {
    let bench = bench().await;
    let topics = Topics::new(bench.catalogue.clone());
    let topic = |id: &str, default: v1::TopicDefault| v1::Topic {
        name: format!("topics/{id}"),
        topic_default: default.into(),
        ..v1::Topic::default()
    };
    let create = |topic| topics.create_topic(Request::new(v1::CreateTopicRequest { topic: Some(topic) }));
    let made = ok(create(topic("news", v1::TopicDefault::Unspecified)).await).topic.unwrap();
    assert_eq!((made.display_name.as_str(), made.topic_default()), ("news", v1::TopicDefault::OptIn));
    refused(create(topic("news", v1::TopicDefault::OptOut)).await, Code::AlreadyExists);
    invalid(
        create(v1::Topic { topic_default: 9, ..topic("x", v1::TopicDefault::OptIn) }).await,
        "topic.topic_default",
    );
    invalid(create(topic("a b", v1::TopicDefault::OptIn)).await, "topic.name");
    let update = |topic, paths: &[&str]| {
        let request = v1::UpdateTopicRequest { topic: Some(topic), update_mask: mask(paths), allow_missing: true };
        topics.update_topic(Request::new(request))
    };
    ok(update(topic("news", v1::TopicDefault::OptOut), &["topic_default"]).await);
    for n in 1..100 {
        ok(update(topic(&format!("t{n}"), v1::TopicDefault::OptIn), &["*"]).await);
    }
    invalid(update(topic("one-too-many", v1::TopicDefault::OptIn), &["*"]).await, "topic.name");
    let get = || topics.get_topic(Request::new(v1::GetTopicRequest { name: "topics/news".into() }));
    assert_eq!(ok(get().await).topic.unwrap().topic_default(), v1::TopicDefault::OptOut);
    let reloaded = CatalogueCell::load(bench.records.clone()).unwrap();
    assert_eq!(reloaded.shelf().topics.len(), 100);
    let delete = || topics.delete_topic(Request::new(v1::DeleteTopicRequest { name: "topics/news".into() }));
    ok(delete().await);
    refused(delete().await, Code::NotFound);
    refused(get().await, Code::NotFound);
    let listed = ok(topics.list_topics(Request::new(v1::ListTopicsRequest::default())).await).topics;
    assert_eq!(listed.first().unwrap().name, "topics/t1");
}

fn about(topic: &str, channel: v1::Channel, choice: v1::Choice) -> v1::PreferenceSetting {
    let setting = v1::TopicSetting { topic: topic.into(), channel: channel.into(), choice: choice.into() };
    v1::PreferenceSetting { setting: Some(v1::preference_setting::Setting::Topic(setting)) }
}

fn stopped(stopped: bool) -> v1::PreferenceSetting {
    v1::PreferenceSetting { setting: Some(v1::preference_setting::Setting::Stopped(stopped)) }
}

fn request(changes: Vec<v1::PreferenceSetting>, id: &str) -> Request<v1::ChangePreferencesRequest> {
    Request::new(v1::ChangePreferencesRequest {
        name: "customers/maya".into(),
        changes,
        source: "app-settings".into(),
        request_id: id.into(),
        allow_missing: false,
    })
}

#[tokio::test]
async fn preferences_change_once_and_are_kept_with_time_and_source() {
    use v1::{Channel as On, Choice};
    let Bench { customers, .. } = &bench().await;
    let out = || vec![about("news", On::Push, Choice::OptOut), about("offers", On::Unspecified, Choice::OptOut)];
    let after = ok(customers.change_preferences(request(out(), "r-1")).await).customer.unwrap();
    let told = |choice: &v1::TopicChoice| (choice.topic.clone(), choice.push(), choice.in_app());
    assert_eq!(
        after.topic_choices.iter().map(told).collect::<Vec<_>>(),
        [
            ("news".to_owned(), Choice::OptOut, Choice::Unspecified),
            ("offers".to_owned(), Choice::OptOut, Choice::OptOut)
        ]
    );
    assert!(after.topics.is_empty());
    let back = vec![about("offers", On::Unspecified, Choice::OptIn), stopped(true)];
    let after = ok(customers.change_preferences(request(back, "r-2")).await).customer.unwrap();
    assert!(after.stopped && after.topics == ["offers"]);
    let again = ok(customers.change_preferences(request(out(), "r-1")).await).customer.unwrap();
    assert_eq!(again, after, "a resend changes nothing");

    let get = v1::GetCustomerRequest { name: "customers/maya".into() };
    let whole = ok(customers.get_customer(Request::new(get)).await).customer.unwrap();
    let sources: Vec<&str> = whole.preference_changes.iter().map(|change| change.source.as_str()).collect();
    let app = "app-settings";
    assert_eq!(sources, ["CreateCustomer", "CreateCustomer", app, app, app, app], "{:?}", whole.preference_changes);
    assert!(whole.preference_changes.iter().all(|change| change.change_time == Some(NOW.into())));

    invalid(customers.change_preferences(request(vec![], "")).await, "changes");
    invalid(
        customers.change_preferences(request(vec![about("a b", On::Push, Choice::OptIn)], "")).await,
        "changes[0].topic.topic",
    );
    let nothing = v1::PreferenceSetting { setting: None };
    invalid(customers.change_preferences(request(vec![stopped(false), nothing], "")).await, "changes[1].setting");
    for batch in 0..2 {
        let many = (0..60).map(|n| about(&format!("t{batch}-{n}"), On::Push, Choice::OptIn)).collect();
        let answer = customers.change_preferences(request(many, "")).await;
        if batch == 0 { drop(ok(answer)) } else { drop(refused(answer, Code::FailedPrecondition)) }
    }
    let get = v1::GetCustomerRequest { name: "customers/maya".into() };
    let whole = ok(customers.get_customer(Request::new(get)).await).customer.unwrap();
    assert_eq!(whole.topic_choices.len(), 61, "all of a request or nothing");
}

#[tokio::test]
async fn a_choice_stands_in_one_place() {
    let Bench { customers, .. } = &bench().await;
    let choice = |topic: &str, push: i32, in_app: i32| v1::TopicChoice { topic: topic.into(), push, in_app };
    for (choices, field) in [
        (vec![choice("offers", 2, 2)], "customer.topic_choices[0].topic"),
        (vec![choice("news", 0, 0)], "customer.topic_choices[0].push"),
        (vec![choice("news", 1, 1)], "customer.topic_choices[0].push"),
        (vec![choice("news", 1, 2), choice("news", 2, 2)], "customer.topic_choices[1].topic"),
        (vec![choice("news", 1, 7)], "customer.topic_choices[0].in_app"),
        ((0..100).map(|n| choice(&format!("t{n}"), 2, 0)).collect(), "customer.topic_choices"),
    ] {
        let customer = v1::Customer { name: "customers/maya".into(), topic_choices: choices, ..Default::default() };
        let update = v1::UpdateCustomerRequest { customer: Some(customer), ..Default::default() };
        invalid(customers.update_customer(Request::new(update)).await, field);
    }
    let consent = v1::LocationConsent {
        granted: true,
        answer_time: Some(NOW.into()),
        expire_time: Some((NOW - Millis(1)).into()),
        ..Default::default()
    };
    let customer =
        v1::Customer { name: "customers/maya".into(), location_consent: Some(consent), ..Default::default() };
    let update = v1::UpdateCustomerRequest { customer: Some(customer), ..Default::default() };
    invalid(customers.update_customer(Request::new(update)).await, "customer.location_consent.expire_time");
}

/// Where maya stands, and the bytes of it that no table may hold.
pub(super) const LAT: f64 = 39.744_000_123;

/// What the store holds of maya's whereabouts: the tables of what came of them, and those with a position, or the name
/// of a region that no message was about.
pub(super) fn whereabouts(store: &MemoryStore) -> Vec<(Table, Vec<u8>)> {
    let tells = |table: Table, value: &[u8]| {
        let holds = |bytes: &[u8]| value.windows(bytes.len()).any(|window| window == bytes);
        match table {
            Table::Decisions
            | Table::DecisionsByTime
            | Table::Triggers
            | Table::TriggerLog
            | Table::Outbox
            | Table::Traces
            | Table::Timers => true,
            Table::Customers => {
                let near = [39.744, 39.744_000_1, LAT].map(|lat: f64| lat.to_bits() >> 24);
                let position = value.windows(8).any(|window| {
                    let bits = u64::from_le_bytes(window.try_into().unwrap());
                    near.contains(&(bits >> 24))
                });
                position || holds(b"tremont-door") || holds(b"loyal")
            }
            Table::Meta
            | Table::CountLog
            | Table::Counts
            | Table::Places
            | Table::Regions
            | Table::Campaigns
            | Table::Journeys
            | Table::Topics
            | Table::Zones => false,
        }
    };
    let mut found = Vec::new();
    for table in Table::ALL {
        let entries = store.scan(table, &Scan { limit: 10_000, ..Scan::default() }).unwrap();
        found.extend(entries.into_iter().filter(|own| tells(table, &own.value)).map(|own| (table, own.key)));
    }
    found
}

/// A bench where maya, under trace, has come through both doors: a message was sent, another waits for its hours, and
/// the visit led her to a stage of a journey. With the ingest that took her pings.
pub(super) async fn visited() -> (Bench, Ingest) {
    let bench = bench().await;
    let journey = "{ id: loyal, brand: roost, stages: [ { id: visited, enter: { visits: {} } } ] }";
    let campaign = "campaigns: [ { id: later, regions: { regions: [welton-door] }, topic: offers, hours: [ { from: \"00:00\", until: \"00:01\" } ], outside_hours: hold, message: { title: Hi, body: Hi } } ]";
    let (journey, campaign) = (read_journey(journey).unwrap(), read_campaigns(campaign).unwrap().remove(0));
    let puts = vec![
        CatalogueChange::PutJourney(Box::new(journey), Expect::Absent),
        CatalogueChange::PutCampaign(Box::new(campaign), Expect::Absent),
    ];
    bench.catalogue.change(move |_| Ok((puts, ()))).await.unwrap();
    let trace = v1::StartTraceRequest { device: phone(1).name, duration: None };
    ok(bench.decisions.start_trace(Request::new(trace)).await);
    let ingest = Ingest::new(
        bench.records.clone(),
        bench.catalogue.clone(),
        bench.clock.clone(),
        PresenceConfig::default(),
        bench.hot.clone(),
        Manners::default(),
    );
    let ingest = ingest.unwrap();
    come(&ingest, 1..=30).await;
    let (state, _) = bench.records.load_customer(&maya()).unwrap().unwrap();
    assert!(!state.held.is_empty() && !state.visits.brands.is_empty() && !state.stages.journeys.is_empty());
    let told: Vec<Table> = whereabouts(&bench.store).into_iter().map(|(table, _)| table).collect();
    for table in [
        Table::Customers,
        Table::Decisions,
        Table::DecisionsByTime,
        Table::Triggers,
        Table::TriggerLog,
        Table::Outbox,
        Table::Traces,
        Table::Timers,
    ] {
        assert!(told.contains(&table), "{table:?} tells nothing");
    }
    (bench, ingest)
}

pub(super) fn maya() -> CustomerId {
    CustomerId::parse("", "maya").unwrap()
}

/// Maya's phone reports, a ping a second, and a further one that waits for one that is lost. How many were refused.
pub(super) async fn come(ingest: &Ingest, numbers: std::ops::RangeInclusive<u64>) -> usize {
    let ping = |n: u64| Ping {
        sequence: Sequence(n),
        observed: DeviceTime(NOW.0 + 1_000 * i64::try_from(n).unwrap()),
        fix: Some(Fix {
            position: Position::new(LAT, -104.99).unwrap(),
            accuracy: Metres(8.0),
            speed_mps: None,
            course_deg: None,
            mock: false,
        }),
        sightings: Vec::new(),
        app: AppState::Unknown,
    };
    let last = *numbers.end();
    let pings = numbers.chain([last + 5]).map(ping).collect();
    let device = DeviceId::parse("", "phone-1").unwrap();
    ingest.batch(&maya(), &device, pings, Vec::new()).await.unwrap().refusals.len()
}

/// An answer about consent.
async fn answer(bench: &Bench, consent: v1::LocationConsent) {
    let customer =
        v1::Customer { name: "customers/maya".into(), location_consent: Some(consent), ..Default::default() };
    let update_mask = mask(&["location_consent"]);
    let request = v1::UpdateCustomerRequest { customer: Some(customer), update_mask, allow_missing: false };
    ok(bench.customers.update_customer(Request::new(request)).await);
}

#[tokio::test]
async fn whoever_withdraws_leaves_no_trace_in_the_store() {
    let (bench, ingest) = visited().await;
    answer(&bench, v1::LocationConsent::default()).await;
    assert_eq!(whereabouts(&bench.store), []);
    assert_eq!(come(&ingest, 31..=33).await, 4, "and nothing more is taken");
    assert_eq!(whereabouts(&bench.store), []);
}

#[tokio::test]
async fn an_expired_consent_counts_as_withdrawn() {
    let minutes = |n| Some((NOW + Millis::from_mins(n)).into());
    let until = |n| v1::LocationConsent { granted: true, expire_time: minutes(n), ..Default::default() };
    // By the timer, which goes off although no ping comes.
    let (bench, ingest) = visited().await;
    answer(&bench, until(10)).await;
    let alarm = bench.timers.first().unwrap();
    assert!(alarm.0 <= NOW + Millis::from_mins(10) && alarm.1 == maya());
    ingest.tick(&maya(), NOW + Millis::from_mins(9)).await.unwrap();
    assert!(!whereabouts(&bench.store).is_empty());
    ingest.tick(&maya(), NOW + Millis::from_mins(10)).await.unwrap();
    assert_eq!(whereabouts(&bench.store), []);
    let (state, _) = bench.records.load_customer(&maya()).unwrap().unwrap();
    assert_eq!(state.changes.last().unwrap().change, Preference::ConsentExpired);
    assert!(state.lapsed && state.customer.topics.len() == 1);

    // By a ping that comes before the timer.
    let (bench, ingest) = visited().await;
    answer(&bench, until(10)).await;
    bench.clock.now_at(DeviceTime(NOW.0 + 660_000));
    assert_eq!(come(&ingest, 31..=33).await, 4);
    assert_eq!(whereabouts(&bench.store), []);

    // And a grant begins anew.
    answer(&bench, until(60)).await;
    assert_eq!(come(&ingest, 31..=33).await, 0);
    let (state, _) = bench.records.load_customer(&maya()).unwrap().unwrap();
    assert!(!state.lapsed && state.devices.values().all(|own| own.presence.track.is_some()));
}
