//! A server that is asked to end tells its phones, keeps what it acked, and is gone in time.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1::{self, device_service_client::DeviceServiceClient};
use std::time::Duration;
use support::{Server, connect, denver};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_request::MessageRequest};
use v1::stream_pings_response::Message;

const DEVICE: &str = "customers/maya/devices/phone-1";
/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;

fn batch(pings: &[v1::Ping]) -> v1::StreamPingsRequest {
    v1::StreamPingsRequest {
        device: DEVICE.to_owned(),
        want_transitions: false,
        pings: pings.to_vec(),
        receipts: Vec::new(),
    }
}

#[tokio::test]
async fn sigterm_tells_the_open_streams_and_keeps_what_was_acked() {
    let data = tempfile::tempdir().expect("a directory");
    let mut server = Server::start_in(data.path(), &["--simulation-clock", "--drain-s", "10"]);
    let channel = connect(&server.address).await;
    denver::register(&channel).await;
    let walk = denver::walk(NOON_MS);

    let (send, batches) = tokio::sync::mpsc::channel(4);
    send.send(batch(&walk[..4])).await.expect("room for a batch");
    let mut phone = DeviceServiceClient::new(channel.clone());
    let mut answers = phone.stream_pings(ReceiverStream::new(batches)).await.expect("a stream").into_inner();
    let ack = answers.next().await.expect("an answer").expect("no error");
    assert!(matches!(ack.message, Some(Message::Ack(ack)) if ack.last_kept_sequence == 4));

    server.terminate();
    let told = answers.next().await.expect("a last answer").expect("no error");
    let Some(Message::Drain(drain)) = told.message else { panic!("expected a drain, got {told:?}") };
    assert!((0..=30).contains(&drain.reconnect_after.expect("a delay").seconds));
    assert!(answers.next().await.is_none(), "the stream ends after the drain");
    let ended = tokio::task::spawn_blocking(move || server.wait());
    let status = tokio::time::timeout(Duration::from_secs(15), ended).await.expect("in time").expect("no panic");
    assert!(status.success(), "{status}");

    let server = Server::start_in(data.path(), &["--simulation-clock"]);
    let mut phone = DeviceServiceClient::new(connect(&server.address).await);
    let again =
        v1::UploadPingsRequest { device: DEVICE.to_owned(), want_transitions: false, pings: walk[..5].to_vec() };
    let ack = phone.upload_pings(again).await.expect("an answer").into_inner().ack.expect("an ack");
    let refused: Vec<(u64, v1::RefusalReason)> = ack.refusals.iter().map(|r| (r.sequence, r.reason())).collect();
    assert_eq!(refused, [1, 2, 3, 4].map(|sequence| (sequence, v1::RefusalReason::Duplicate)));
    assert_eq!(ack.last_kept_sequence, 5);
}

#[tokio::test]
async fn watchers_of_health_are_told_and_hold_up_nobody() {
    let mut server = Server::start(&["--drain-s", "60"]);
    let channel = connect(&server.address).await;
    let mut health = HealthClient::new(channel.clone());
    let mut watches = Vec::new();
    for service in ["", "doorstep.v1.DeviceService", "doorstep.v1.DecisionService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut watch = health.watch(request).await.expect("a stream").into_inner();
        let first = watch.message().await.expect("no error").expect("a status");
        assert_eq!(first.status(), ServingStatus::Serving, "{service}");
        watches.push(watch);
    }
    let (questions, asked) = tokio::sync::mpsc::channel(1);
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let question = ServerReflectionRequest { host: String::new(), message_request };
    questions.send(question).await.expect("room for a question");
    let mut reflection = ServerReflectionClient::new(channel.clone());
    let mut answers =
        reflection.server_reflection_info(ReceiverStream::new(asked)).await.expect("a stream").into_inner();
    answers.message().await.expect("no error").expect("an answer");

    server.terminate();
    for mut watch in watches {
        let told = watch.message().await.expect("no error").expect("a status");
        assert_eq!(told.status(), ServingStatus::NotServing);
        assert_eq!(watch.message().await.expect_err("the stream ends").code(), Code::Unavailable);
    }
    // Its requests end, too: whichever of the two comes first.
    match answers.message().await {
        Ok(answer) => assert_eq!(answer, None),
        Err(status) => assert_eq!(status.code(), Code::Unavailable),
    }
    let ended = tokio::task::spawn_blocking(move || server.wait());
    let status = tokio::time::timeout(Duration::from_secs(15), ended).await.expect("long before the deadline");
    assert!(status.expect("no panic").success());
    drop(questions);
}
