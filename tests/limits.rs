//! What is too large for one message, either way.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1;
use prost::Message;
use support::{Server, connect};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use v1::campaign_service_client::CampaignServiceClient;
use v1::device_service_client::DeviceServiceClient;
use v1::region_service_client::RegionServiceClient;

const REGIONS: u32 = 60;
const VERTICES: u32 = 5_000;

/// A round fence of many vertices.
fn region(n: u32) -> v1::Region {
    let (latitude, longitude) = (10.0 + f64::from(n % 8), 10.0 + f64::from(n / 8));
    let point = |k: u32| {
        let turn = f64::from(k % VERTICES) / f64::from(VERTICES) * std::f64::consts::TAU;
        v1::LatLng { latitude: latitude + 0.02 * turn.sin(), longitude: longitude + 0.02 * turn.cos() }
    };
    let ring = v1::Ring { points: (0..=VERTICES).map(point).collect() };
    v1::Region {
        name: format!("regions/round-{n:02}"),
        place: "places/park".to_owned(),
        extent: Some(v1::region::Extent::Polygon(v1::Polygon { rings: vec![ring] })),
        ..Default::default()
    }
}

/// Checks that a refusal names the limit.
fn check(refusal: &Status, limit: &str) {
    assert_eq!(refusal.code(), Code::ResourceExhausted, "{refusal}");
    let details = refusal.get_error_details();
    let info = details.error_info().expect("a reason");
    assert_eq!((info.reason.as_str(), info.metadata["limit_bytes"].as_str()), ("MESSAGE_TOO_LARGE", limit));
}

#[tokio::test]
async fn pages_of_large_regions_fit_a_client_that_sets_nothing() {
    let server = Server::start(&[]);
    let mut client = RegionServiceClient::new(connect(&server.address).await);
    let place = v1::Place {
        name: "places/park".to_owned(),
        brand: "roost".to_owned(),
        time_zone: "Europe/Amsterdam".to_owned(),
        ..Default::default()
    };
    let all: Vec<v1::Region> = (0..REGIONS).map(region).collect();
    let total: usize = all.iter().map(Message::encoded_len).sum();
    assert!(total > 4 * 1024 * 1024, "{total} bytes would fit one page");
    let request = v1::BatchUpsertRegionsRequest { places: vec![place], regions: all };
    client.batch_upsert_regions(request).await.expect("regions are taken");
    let (mut names, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = Some(v1::Page { size: 1_000, token });
        let request = v1::ListRegionsRequest { page, ..Default::default() };
        let page = client.list_regions(request).await.expect("a page that fits").into_inner();
        assert!(page.encoded_len() < 3 * 1024 * 1024, "{}", page.encoded_len());
        names.extend(page.regions.into_iter().map(|region| region.name));
        (token, pages) = (page.next_page_token, pages + 1);
        if token.is_empty() {
            break;
        }
    }
    let expected: Vec<String> = (0..REGIONS).map(|n| format!("regions/round-{n:02}")).collect();
    assert_eq!(names, expected);
    assert!(pages > 1);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_name() {
    let server = Server::start(&[]);
    let channel = connect(&server.address).await;
    let name = "x".repeat(17 * 1024 * 1024);
    let request = v1::GetRegionRequest { name: name.clone() };
    let refusal = RegionServiceClient::new(channel.clone()).get_region(request).await.expect_err("too large");
    check(&refusal, "16777216");
    let request = v1::GetCampaignRequest { name: name[..5 * 1024 * 1024].to_owned() };
    let refusal = CampaignServiceClient::new(channel.clone()).get_campaign(request).await.expect_err("too large");
    check(&refusal, "4194304");
    let batch = v1::StreamPingsRequest { device: name, ..Default::default() };
    let mut phone = DeviceServiceClient::new(channel);
    let mut answers = phone.stream_pings(tokio_stream::once(batch)).await.expect("a stream").into_inner();
    check(&answers.message().await.expect_err("too large"), "16777216");
}
