//! The services against records in memory, without a network.

mod catalogue;
mod customers;
mod decisions;
mod events;
mod journeys;
mod messages;
mod preferences;
mod receipts;
mod reports;
mod zones;

use super::campaign_service::Campaigns;
use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::customer_service::Customers;
use super::decision_service::Decisions;
use super::hot::HotCustomers;
use super::region_service::Regions;
use super::timers::Timers;
use crate::model::*;
use crate::presence::DevicePresence;
use crate::store::{Erasure, MemoryStore, Outcomes, Records, TraceEntry};
use crate::wire::v1;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;
use v1::campaign_service_server::CampaignService as _;
use v1::customer_service_server::CustomerService as _;
use v1::decision_service_server::DecisionService as _;
use v1::region_service_server::RegionService as _;

const NOW: ServerTime = ServerTime(1_784_052_250_000);

/// All services over one store.
struct Bench {
    records: Records,
    catalogue: CatalogueCell,
    regions: Regions,
    campaigns: Campaigns,
    customers: Customers,
    decisions: Decisions,
    drain: watch::Sender<bool>,
    hot: HotCustomers,
    clock: Clock,
    timers: Timers,
    store: Arc<MemoryStore>,
}

/// The services with two places, a region of each, a campaign and a customer with a phone.
async fn bench() -> Bench {
    let store = Arc::new(MemoryStore::new());
    let records = Records::new(store.clone());
    let catalogue = CatalogueCell::load(records.clone()).unwrap();
    let clock = Clock::pings();
    clock.now_at(DeviceTime(NOW.0));
    let (drain, draining) = watch::channel(false);
    let (hot, timers) = (HotCustomers::new(10), Timers::default());
    let bench = Bench {
        regions: Regions::new(catalogue.clone()),
        campaigns: Campaigns::new(catalogue.clone(), records.clone(), clock.clone()),
        customers: Customers::new(records.clone(), clock.clone(), hot.clone(), timers.clone()),
        decisions: Decisions::new(records.clone(), catalogue.clone(), clock.clone(), draining),
        records,
        catalogue,
        drain,
        hot,
        clock,
        timers,
        store,
    };
    let batch = v1::BatchUpsertRegionsRequest {
        places: vec![place("welton"), place("tremont")],
        regions: vec![region("welton-door", "welton"), region("tremont-door", "tremont")],
    };
    let counts = ok(bench.regions.batch_upsert_regions(Request::new(batch)).await);
    assert_eq!((counts.created, counts.updated), (4, 0));
    let request = v1::CreateCampaignRequest { campaign: Some(campaign("latte")) };
    ok(bench.campaigns.create_campaign(Request::new(request)).await);
    let customer = v1::Customer {
        name: "customers/maya".into(),
        location_consent: Some(v1::LocationConsent { granted: true, ..Default::default() }),
        topics: vec!["offers".into()],
        ..v1::Customer::default()
    };
    ok(bench.customers.create_customer(Request::new(v1::CreateCustomerRequest { customer: Some(customer) })).await);
    let device = v1::CreateDeviceRequest { device: Some(phone(1)) };
    ok(bench.customers.create_device(Request::new(device)).await);
    bench
}

fn ok<T>(answer: Result<Response<T>, Status>) -> T {
    answer.unwrap().into_inner()
}

/// Checks that an answer is a refusal of this code; returns the fields that it names.
fn refused<T: Debug>(answer: Result<Response<T>, Status>, code: Code) -> Vec<String> {
    let status = answer.map(Response::into_inner).unwrap_err();
    assert_eq!(status.code(), code, "{status}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().domain, "doorstep");
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

/// Checks that an answer is a refusal that names this field alone.
fn invalid<T: Debug>(answer: Result<Response<T>, Status>, field: &str) {
    assert_eq!(refused(answer, Code::InvalidArgument), [field]);
}

#[expect(clippy::unnecessary_wraps, reason = "fields of messages are optional")]
fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() })
}

fn place(id: &str) -> v1::Place {
    v1::Place {
        name: format!("places/{id}"),
        brand: "roost".into(),
        time_zone: "America/Denver".into(),
        opening_hours: String::new(),
        tags: vec![format!("near-{id}")],
        ..v1::Place::default()
    }
}

fn region(id: &str, place: &str) -> v1::Region {
    let center = Some(v1::LatLng { latitude: 39.744, longitude: -104.99 });
    v1::Region {
        name: format!("regions/{id}"),
        place: format!("places/{place}"),
        extent: Some(v1::region::Extent::Circle(v1::Circle { center, radius_m: 40.0 })),
        ..v1::Region::default()
    }
}

fn campaign(id: &str) -> v1::Campaign {
    v1::Campaign {
        name: format!("campaigns/{id}"),
        regions: Some(v1::RegionSelector { regions: vec!["regions/welton-door".into()], ..Default::default() }),
        topic: "offers".into(),
        message: Some(v1::Message { title: "A latte".into(), body: "On us".into(), ..Default::default() }),
        ..v1::Campaign::default()
    }
}

fn phone(n: usize) -> v1::Device {
    v1::Device { name: format!("customers/maya/devices/phone-{n}"), platform: 1, ..v1::Device::default() }
}

fn named(name: &str) -> v1::Place {
    v1::Place { name: name.into(), ..v1::Place::default() }
}

/// Commits a decision with a qualified verdict, its trigger, and a trace entry.
async fn record(bench: &Bench, n: u64) {
    let customer = CustomerId::parse("", "maya").unwrap();
    let device = DeviceId::parse("", "phone-1").unwrap();
    let region = RegionId::parse("", "welton-door").unwrap();
    let campaign = CampaignId::parse("", "latte").unwrap();
    let at = NOW.0 + i64::try_from(n).unwrap() * 60_000;
    let visit = VisitId::derive(&device, &region, DeviceTime(at));
    let trigger = TriggerId::derive(&customer, &campaign, &region, &visit);
    let kind = TransitionKind::Enter;
    let (happened, decided) = (DeviceTime(at), DeviceTime(at));
    let transition =
        Transition { kind, region: region.clone(), visit, visit_start: happened, happened, decided, belated: false };
    let decision = Decision {
        id: DecisionId::derive(ServerTime(at), Sequence(n), &device),
        customer: customer.clone(),
        device: device.clone(),
        sequence: Sequence(n),
        observed: DeviceTime(at),
        decided: ServerTime(at),
        fix: None,
        regions: Vec::new(),
        transitions: vec![transition.clone()],
        assessments: vec![Assessment {
            campaign: campaign.clone(),
            region,
            transition: kind,
            policies: Vec::new().into(),
            verdict: Verdict::Qualified(trigger.clone()),
        }],
        left_out: 0,
    };
    let trigger = Trigger {
        id: trigger,
        customer: customer.clone(),
        device,
        campaign,
        place: PlaceId::parse("", "welton").unwrap(),
        decision: decision.id.clone(),
        transition,
        message: Message { title: "A latte".into(), body: "On us".into(), ..Message::default() },
        variant: None,
        fell_back: None,
        channels: vec![Channel::Push],
        created: ServerTime(at),
        expires: ServerTime(at + 900_000),
    };
    let trace = TraceEntry { decision: decision.clone(), fix: None, track: None, sightings: 2 };
    let (state, revision) = bench.records.load_customer(&customer).unwrap().unwrap();
    let outcomes = Outcomes {
        decisions: vec![decision],
        triggers: vec![trigger],
        traces: vec![trace],
        timer: crate::store::Timer::Keep,
        notes: Vec::new(),
    };
    bench.records.commit_outcomes(&state, revision, outcomes).await.unwrap();
}

async fn decisions_of(bench: &Bench, parent: &str) -> Vec<v1::Decision> {
    let request = v1::ListDecisionsRequest { parent: parent.into(), ..v1::ListDecisionsRequest::default() };
    ok(bench.decisions.list_decisions(Request::new(request)).await).decisions
}
