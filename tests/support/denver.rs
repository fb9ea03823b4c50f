//! The Denver fixtures on a real server, and a walk past the five café doors.

use doorstep::files::{Defaults, read_campaigns, read_customers, read_regions};
use doorstep::model::{Extent, Fence, Position, ServerTime};
use doorstep::wire::{customer, v1};
use std::path::PathBuf;
use tonic::transport::Channel;
use v1::campaign_service_client::CampaignServiceClient;
use v1::customer_service_client::CustomerServiceClient;
use v1::region_service_client::RegionServiceClient;

/// The café doors in the order of the walk.
pub const DOORS: [&str; 5] =
    ["roost-tremont", "roost-welton", "kettle-california", "roost-champa", "kettle-arapahoe"];

/// The text of a Denver fixture.
pub fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/denver").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Registers places, regions, campaigns and customers.
pub async fn register(channel: &Channel) {
    let (places, regions) = read_regions(&fixture("regions.geojson"), &Defaults::default()).expect("good regions");
    let request = v1::BatchUpsertRegionsRequest {
        places: places.iter().map(v1::Place::from).collect(),
        regions: regions.iter().map(v1::Region::from).collect(),
    };
    RegionServiceClient::new(channel.clone()).batch_upsert_regions(request).await.expect("regions are taken");
    let mut campaigns = CampaignServiceClient::new(channel.clone());
    for campaign in read_campaigns(&fixture("campaigns.yaml")).expect("good campaigns") {
        let request = v1::CreateCampaignRequest { campaign: Some((&campaign).into()) };
        campaigns.create_campaign(request).await.expect("the campaign is taken");
    }
    let mut customers = CustomerServiceClient::new(channel.clone());
    for roster in read_customers(&fixture("customers.yaml"), ServerTime(0)).expect("good customers") {
        let request = v1::CreateCustomerRequest { customer: Some((&roster.customer).into()) };
        customers.create_customer(request).await.expect("the customer is taken");
        for device in &roster.devices {
            let device = Some(customer::device_message(&roster.customer.id, device));
            customers.create_device(v1::CreateDeviceRequest { device }).await.expect("the device is taken");
        }
    }
}

/// A walk at 1.4 m/s through the middle of each café fence, from 150 m before the first to 150 m past the last: a
/// ping every 5 seconds from `start_ms`, each a few metres off.
pub fn walk(start_ms: i64) -> Vec<v1::Ping> {
    const STEP_M: f64 = 7.0;
    let (_, regions) = read_regions(&fixture("regions.geojson"), &Defaults::default()).expect("good regions");
    let center = |id: &str| match &regions.iter().find(|region| region.id.as_str() == id).expect("a door").extent {
        Extent::Fence(Fence::Circle(circle)) => circle.center,
        other => panic!("{id} is no circle: {other:?}"),
    };
    let mut stops: Vec<Position> = DOORS.map(center).to_vec();
    stops.insert(0, beyond(stops[1], stops[0]));
    stops.push(beyond(stops[stops.len() - 2], stops[stops.len() - 1]));
    let mut pings = Vec::new();
    for leg in stops.windows(2) {
        let steps = (metres(leg[0], leg[1]) / STEP_M).ceil();
        for step in (0_u32..).map(f64::from).take_while(|step| *step < steps) {
            let part = step / steps;
            let sequence = pings.len() as u64 + 1;
            let off = (sequence * 7 % 11) as f64 * 4e-6 - 2e-5;
            let at = start_ms + 5_000 * sequence.cast_signed();
            pings.push(v1::Ping {
                sequence,
                observe_time: Some(prost_types::Timestamp {
                    seconds: at.div_euclid(1_000),
                    nanos: i32::try_from(at.rem_euclid(1_000)).unwrap_or_default() * 1_000_000,
                }),
                fix: Some(v1::Fix {
                    latitude: leg[0].lat() + (leg[1].lat() - leg[0].lat()) * part + off,
                    longitude: leg[0].lon() + (leg[1].lon() - leg[0].lon()) * part - off,
                    accuracy_m: 6.0,
                    ..Default::default()
                }),
                ..Default::default()
            });
        }
    }
    pings
}

fn metres(a: Position, b: Position) -> f64 {
    let north = (b.lat() - a.lat()) * 111_000.0;
    north.hypot((b.lon() - a.lon()) * 111_000.0 * a.lat().to_radians().cos())
}

/// The point 150 m past `to` on the line from `from`.
fn beyond(from: Position, to: Position) -> Position {
    let part = 150.0 / metres(from, to);
    Position::wrapped(to.lat() + (to.lat() - from.lat()) * part, to.lon() + (to.lon() - from.lon()) * part)
}
