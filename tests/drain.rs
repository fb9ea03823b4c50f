//! A server that is asked to end tells its phones, keeps what it acked, and is gone in time.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1::{self, device_service_client::DeviceServiceClient};
use std::time::Duration;
use support::{Server, connect, denver};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use v1::stream_pings_response::Message;

const DEVICE: &str = "customers/maya/devices/phone-1";
/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;

fn batch(pings: &[v1::Ping]) -> v1::StreamPingsRequest {
    v1::StreamPingsRequest { device: DEVICE.to_owned(), want_transitions: false, pings: pings.to_vec() }
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
