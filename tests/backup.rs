//! A backup taken in mid-walk, a new directory made from it, and the walk going on there: no second alert.

#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1::{self, device_service_client::DeviceServiceClient};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use support::receiver::{Receiver, SECRET};
use support::{Server, connect, denver};
use tonic::transport::Channel;

const DEVICE: &str = "customers/maya/devices/phone-1";
/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;

fn start(data: &Path, receiver: &Receiver, secret: &Path) -> Server {
    let secret = secret.to_str().expect("a plain path");
    Server::start_in(data, &["--simulation-clock", "--webhook-url", &receiver.url, "--webhook-secret-file", secret])
}

fn doorstep(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doorstep")).args(args).output().expect("doorstep runs")
}

/// Runs a command that must succeed; what it says.
fn check(args: &[&str]) -> String {
    let done = doorstep(args);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&done.stderr));
    said
}

/// Runs a command that must be refused; what it says.
fn refuse(args: &[&str]) -> String {
    let done = doorstep(args);
    assert_eq!(done.status.code(), Some(1), "{args:?}");
    String::from_utf8_lossy(&done.stderr).into_owned()
}

async fn walk(channel: &Channel, pings: &[v1::Ping], mut each: impl FnMut(usize)) {
    let mut phone = DeviceServiceClient::new(channel.clone());
    for (n, pings) in pings.chunks(4).enumerate() {
        let request =
            v1::UploadPingsRequest { device: DEVICE.to_owned(), want_transitions: true, pings: pings.to_vec() };
        let ack = phone.upload_pings(request).await.expect("an answer").into_inner().ack.expect("an ack");
        assert_eq!(ack.last_kept_sequence, pings[pings.len() - 1].sequence);
        each(n);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_restored_from_a_backup_of_mid_walk_knocks_no_second_time() {
    let (dir, receiver) = (tempfile::tempdir().expect("a directory"), Receiver::start());
    let path = |name: &str| dir.path().join(name).to_str().expect("a plain path").to_owned();
    std::fs::write(path("secret"), SECRET).expect("the secret is written");
    let secret = dir.path().join("secret");
    let mut server = start(&dir.path().join("first"), &receiver, &secret);
    let channel = connect(&server.address).await;
    denver::register(&channel).await;
    let pings = denver::walk(NOON_MS);
    let half = pings.len() / 2;

    // While the walk goes on, backups are taken by another process.
    let url = format!("http://{}", server.address);
    let taking = {
        let (url, files) = (url.clone(), (0..4).map(|n| path(&format!("during{n}"))).collect::<Vec<_>>());
        std::thread::spawn(move || {
            for file in files {
                check(&["--server", &url, "backup", &file]);
            }
        })
    };
    walk(&channel, &pings[..half], |_| std::thread::sleep(Duration::from_millis(5))).await;
    taking.join().expect("backups are taken");
    for n in 0..4 {
        assert!(check(&["check", &path(&format!("during{n}"))]).contains("it is good"));
    }
    let said = check(&["--server", &url, "backup", &path("backup")]);
    assert!(said.contains(" records as of commit "), "{said}");
    assert!(refuse(&["--server", &url, "backup", &path("backup")]).contains("exists; name a new file"));
    assert!(refuse(&["check", &path("first")]).contains("is in use by another process"));
    // What comes after the backup is lost with the first server.
    walk(&channel, &pings[half..half + 8], |_| ()).await;
    let alerts = |receiver: &Receiver| receiver.received().into_iter().map(|alert| alert.id).collect::<BTreeSet<_>>();
    assert_eq!(alerts(&receiver).len(), 1, "the walk has had its alert");
    server.kill();

    let bytes = std::fs::read(path("backup")).expect("the backup");
    std::fs::write(path("cut"), &bytes[..bytes.len() - 40]).expect("written");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 4;
    std::fs::write(path("flipped"), flipped).expect("written");
    for (bad, why) in [("cut", "is cut off"), ("flipped", "is damaged"), ("secret", "is no backup")] {
        assert!(refuse(&["restore", &path(bad), "--data", &path("second")]).contains(why), "{bad}");
        assert!(refuse(&["check", &path(bad)]).contains(why), "{bad}");
        assert!(!dir.path().join("second").exists(), "{bad}: nothing is written");
    }
    assert!(refuse(&["restore", &path("backup"), "--data", &path("first")]).contains("is not empty"));
    check(&["restore", &path("backup"), "--data", &path("second")]);
    assert!(check(&["check", &path("second")]).contains("the records add up, and each is good"));

    let server = start(&dir.path().join("second"), &receiver, &secret);
    let channel = connect(&server.address).await;
    walk(&channel, &pings[half..], |_| ()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(alerts(&receiver).len(), 1, "and no other since");
}
