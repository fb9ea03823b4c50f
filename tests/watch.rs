//! A watcher of triggers that resumes after SIGKILL and a restart misses none and sees none twice.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1::{self, decision_service_client::DecisionServiceClient};
use std::collections::BTreeSet;
use std::time::Duration;
use support::{Server, connect, denver};
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use v1::customer_service_client::CustomerServiceClient;
use v1::device_service_client::DeviceServiceClient;

/// Wednesday 2026-07-15, 11:00 in Denver.
const START_MS: i64 = 1_784_134_800_000;
/// From one walker to the next: longer than the walk.
const APART_MS: i64 = 40 * 60_000;

/// Has a customer of their own walk past the doors, which makes one trigger.
async fn walk(channel: &Channel, n: i64) {
    let customer = v1::Customer {
        name: format!("customers/walker-{n}"),
        location_consent: Some(v1::LocationConsent { granted: true, ..Default::default() }),
        topics: vec!["offers".to_owned()],
        ..v1::Customer::default()
    };
    let device = v1::Device {
        name: format!("customers/walker-{n}/devices/phone"),
        platform: v1::Platform::Android.into(),
        ..Default::default()
    };
    let mut customers = CustomerServiceClient::new(channel.clone());
    let request = v1::CreateCustomerRequest { customer: Some(customer) };
    customers.create_customer(request).await.expect("the customer is taken");
    let request = v1::CreateDeviceRequest { device: Some(device.clone()) };
    customers.create_device(request).await.expect("the device is taken");
    for pings in denver::walk(START_MS + n * APART_MS).chunks(500) {
        let request =
            v1::UploadPingsRequest { device: device.name.clone(), want_transitions: false, pings: pings.to_vec() };
        DeviceServiceClient::new(channel.clone()).upload_pings(request).await.expect("an ack");
    }
}

async fn watch(channel: &Channel, cursor: &str) -> Result<Streaming<v1::WatchTriggersResponse>, tonic::Status> {
    let request = v1::WatchTriggersRequest { cursor: cursor.to_owned(), campaign: String::new() };
    Ok(DecisionServiceClient::new(channel.clone()).watch_triggers(request).await?.into_inner())
}

/// The next trigger's name and cursor.
async fn next(stream: &mut Streaming<v1::WatchTriggersResponse>) -> (String, String) {
    let response = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("in time");
    let response = response.expect("no error").expect("a trigger");
    (response.trigger.expect("a trigger").name, response.cursor)
}

#[tokio::test]
async fn a_watcher_resumes_across_a_kill_without_gap_or_repeat() {
    let data = tempfile::tempdir().expect("a directory");
    let mut server = Server::start_in(data.path(), &["--simulation-clock"]);
    let mut channel = connect(&server.address).await;
    denver::register(&channel).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for round in 0..3 {
        let mut stream = watch(&channel, &cursor).await.expect("a stream");
        for n in 2 * round..2 * round + 2 {
            walk(&channel, n).await;
        }
        // One is seen before the kill, and the other only after it.
        let (name, at) = next(&mut stream).await;
        seen.push(name);
        cursor = at;
        server.kill();
        server = Server::start_in(data.path(), &["--simulation-clock"]);
        channel = connect(&server.address).await;
    }
    let mut stream = watch(&channel, &cursor).await.expect("a stream");
    while seen.len() < 6 {
        seen.push(next(&mut stream).await.0);
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 6, "none comes twice: {seen:?}");
    let mut stream = watch(&channel, "").await.expect("a stream");
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(next(&mut stream).await.0);
    }
    assert_eq!(seen, all, "the order is that of the log");
    let ahead = format!("t{}", "f".repeat(24));
    for bad in [&cursor[1..], "00", &ahead] {
        assert_eq!(watch(&channel, bad).await.expect_err("no cursor").code(), Code::InvalidArgument, "{bad}");
    }
}
