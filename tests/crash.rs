//! A server that is killed with SIGKILL in mid-walk and started again sends no second alert and loses none.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1::{self, device_service_client::DeviceServiceClient};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use support::receiver::{Receiver, SECRET};
use support::{Server, connect, denver};

const DEVICE: &str = "customers/maya/devices/phone-1";
/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;

fn start(data: &Path, receiver: &Receiver, secret: &Path) -> Server {
    let secret = secret.to_str().expect("a plain path");
    Server::start_in(data, &["--simulation-clock", "--webhook-url", &receiver.url, "--webhook-secret-file", secret])
}

/// Uploads the walk in batches of four pings, and kills the server after each batch that `kill_after` names;
/// returns the enters that were acked.
async fn walk(kill_after: impl Fn(usize, &v1::PingAck) -> bool) -> (Vec<String>, Vec<support::receiver::Received>) {
    let (data, receiver) = (tempfile::tempdir().expect("a directory"), Receiver::start());
    let secret = data.path().join("secret");
    std::fs::write(&secret, SECRET).expect("the secret is written");
    let store = data.path().join("store");
    let mut server = start(&store, &receiver, &secret);
    let mut channel = connect(&server.address).await;
    denver::register(&channel).await;
    let mut entered = Vec::new();
    for (n, pings) in denver::walk(NOON_MS).chunks(4).enumerate() {
        let request =
            v1::UploadPingsRequest { device: DEVICE.to_owned(), want_transitions: true, pings: pings.to_vec() };
        let mut phone = DeviceServiceClient::new(channel.clone());
        let ack = phone.upload_pings(request).await.expect("an answer").into_inner().ack.expect("an ack");
        assert_eq!(ack.last_kept_sequence, pings[pings.len() - 1].sequence);
        let enters = ack.transitions.iter().filter(|t| t.kind() == v1::TransitionKind::Enter);
        entered.extend(enters.map(|t| t.region.clone()));
        if kill_after(n, &ack) {
            server.kill();
            server = start(&store, &receiver, &secret);
            channel = connect(&server.address).await;
        }
    }
    let arrival = async {
        while receiver.received().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrival).await.expect("an alert arrives");
    (entered, receiver.received())
}

#[tokio::test]
async fn killed_in_mid_walk_it_knocks_once_all_the_same() {
    let (undisturbed, once) = walk(|_, _| false).await;
    assert_eq!(once.len(), 1, "{once:?}");
    for door in denver::DOORS {
        assert_eq!(undisturbed.iter().filter(|region| region.ends_with(door)).count(), 1, "{door}: {undisturbed:?}");
    }

    // At every transition, and at every seventh batch besides.
    let (entered, received) = walk(|n, ack| !ack.transitions.is_empty() || n % 7 == 3).await;
    assert_eq!(entered, undisturbed, "the same doors are entered");
    let ids: BTreeSet<&str> = received.iter().map(|received| received.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from([once[0].id.as_str()]), "one alert, under the same id");
}
