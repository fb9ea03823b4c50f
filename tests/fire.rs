//! The server under fire: disks that are full, read-only or fail to sync, and two servers on one directory.
//!
//! Mounts need root and syncs that fail need strace; where they cannot be had, a test says that it was skipped.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1::{self, device_service_client::DeviceServiceClient};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use support::receiver::{Receiver, SECRET};
use support::{Server, connect, denver};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const DEVICE: &str = "customers/maya/devices/phone-1";
/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;
/// The goal: ready again so long after room was made.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A small disk in memory, unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// None where this process may not mount.
    fn mount(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let size = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.path()).status();
        assert!(done.expect("mount runs").success(), "remounted {how}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn skipped(why: &str) {
    println!("SKIPPED: {why}");
}

/// Whether the server serves; none where nobody answers.
async fn serves(address: &str) -> Option<bool> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let channel =
        endpoint.connect_timeout(Duration::from_secs(1)).timeout(Duration::from_secs(2)).connect().await.ok()?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await.ok()?;
    Some(answer.into_inner().status() == ServingStatus::Serving)
}

/// Waits until it serves, or says that it does not; how long that took.
async fn until(address: &str, state: bool, within: Duration) -> Duration {
    let since = since();
    while serves(address).await != Some(state) {
        assert!(since.elapsed() < within, "not {state} within {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    since.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "a test measures real time")]
fn since() -> Instant {
    Instant::now()
}

/// Uploads pings; the highest number that was kept.
async fn upload(channel: &Channel, pings: &[v1::Ping]) -> Result<u64, tonic::Status> {
    let request = v1::UploadPingsRequest { device: DEVICE.to_owned(), want_transitions: true, pings: pings.to_vec() };
    let mut phone = DeviceServiceClient::new(channel.clone());
    let answered = tokio::time::timeout(Duration::from_secs(10), phone.upload_pings(request)).await;
    let answered = answered.unwrap_or_else(|_| Err(tonic::Status::deadline_exceeded("no answer")))?;
    Ok(answered.into_inner().ack.expect("an ack").last_kept_sequence)
}

struct Scene {
    receiver: Receiver,
    secret: tempfile::NamedTempFile,
    store: PathBuf,
}

impl Scene {
    fn set(store: PathBuf) -> Self {
        let secret = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(secret.path(), SECRET).expect("the secret is written");
        Self { receiver: Receiver::start(), secret, store }
    }

    fn start(&self) -> Server {
        let secret = self.secret.path().to_str().expect("a plain path");
        let args = ["--simulation-clock", "--drain-s", "2", "--webhook-url", &self.receiver.url];
        Server::start_in(&self.store, &[&args[..], &["--webhook-secret-file", secret]].concat())
    }

    /// Walks on from a ping, past all doors, over whatever answers, until all is acked; the alerts that came of it.
    async fn walk_on(&self, channel: &Channel, kept: u64) -> BTreeSet<String> {
        let walk = denver::walk(NOON_MS);
        let rest: Vec<v1::Ping> = walk.iter().filter(|ping| ping.sequence > kept).cloned().collect();
        for pings in rest.chunks(8) {
            upload(channel, pings).await.expect("an ack");
        }
        let arrival = async {
            while self.receiver.received().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), arrival).await.expect("an alert arrives");
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.receiver.received().into_iter().map(|received| received.id).collect()
    }

    /// Walks until the server takes no more; the number of the last ping that was acked.
    async fn walk_until_it_breaks(&self, channel: &Channel, breaks: impl Fn(u64)) -> u64 {
        let mut kept = 0;
        for pings in denver::walk(NOON_MS).chunks(2) {
            match upload(channel, pings).await {
                Ok(last) => kept = last,
                Err(status) => {
                    assert!(
                        matches!(status.code(), tonic::Code::Unavailable | tonic::Code::DeadlineExceeded),
                        "{status}"
                    );
                    return kept;
                }
            }
            breaks(kept);
        }
        panic!("the walk ended and the server did not break");
    }
}

/// What is written until the disk is full, besides the store.
fn fill(path: &Path) {
    use std::io::Write;
    let mut ballast = std::fs::File::create(path).expect("a file");
    while ballast.write_all(&[1; 4096]).is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_the_server_is_ready_again_once_there_is_room() {
    let Some(disk) = Disk::mount(24 * 1024) else { return skipped("no tmpfs can be mounted here") };
    let (scene, ballast) = (Scene::set(disk.path().join("store")), disk.path().join("ballast"));
    let server = scene.start();
    let channel = connect(&server.address).await;
    denver::register(&channel).await;
    let kept = scene
        .walk_until_it_breaks(&channel, |kept| {
            if kept == 40 {
                fill(&ballast);
            }
        })
        .await;
    assert!(kept >= 40, "{kept}");
    let told = until(&server.address, false, Duration::from_secs(20)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(serves(&server.address).await, Some(false), "it stays there and says that it is not ready");
    let refused = upload(&channel, &denver::walk(NOON_MS)[..2]).await.expect_err("must be refused");
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");

    std::fs::remove_file(&ballast).expect("room is made");
    let ready = until(&server.address, true, READY_WITHIN).await;
    let channel = connect(&server.address).await;
    let again = upload(&channel, &denver::walk(NOON_MS)[..1]).await.expect("an ack");
    assert!(again >= kept, "acked {kept}, kept {again}");
    let alerts = scene.walk_on(&channel, again).await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    println!(
        "full disk on a tmpfs of 24 MiB: {kept} pings acked, {} lost, {} alerts; not ready told within {} ms, ready again {} ms after room was made",
        kept.saturating_sub(again),
        alerts.len(),
        told.as_millis(),
        ready.as_millis()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_read_only_is_refused_until_it_is_not() {
    let Some(disk) = Disk::mount(32 * 1024) else { return skipped("no tmpfs can be mounted here") };
    let scene = Scene::set(disk.path().join("store"));
    let mut server = scene.start();
    let channel = connect(&server.address).await;
    denver::register(&channel).await;
    upload(&channel, &denver::walk(NOON_MS)[..8]).await.expect("an ack");
    server.kill();
    disk.remount("ro");
    let said = refusal(&scene.store);
    assert!(said.contains("cannot write to the directory: Read-only file system"), "{said}");
    disk.remount("rw");
    let server = scene.start();
    let channel = connect(&server.address).await;
    assert_eq!(upload(&channel, &denver::walk(NOON_MS)[..1]).await.expect("an ack"), 8);
}

/// What a server says that does not start.
fn refusal(store: &Path) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_doorstep"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(store)
        .output()
        .expect("doorstep runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_a_directory_is_refused_and_the_first_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let scene = Scene::set(dir.path().join("store"));
    let server = scene.start();
    let channel = connect(&server.address).await;
    denver::register(&channel).await;
    assert!(refusal(&scene.store).contains("is in use by another process"));
    assert_eq!(scene.walk_on(&channel, 0).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_is_not_tried_again_and_loses_nothing() {
    let works = Command::new("strace").args(["-f", "-e", "inject=fdatasync:error=EIO:when=9999", "true"]).output();
    if !works.is_ok_and(|works| works.status.success()) {
        return skipped("strace cannot trace here");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let scene = Scene::set(dir.path().join("store"));
    let server = scene.start();
    let channel = connect(&server.address).await;
    denver::register(&channel).await;
    upload(&channel, &denver::walk(NOON_MS)[..8]).await.expect("an ack");
    let log = dir.path().join("strace");
    let pid = server.id().to_string();
    let mut tracer = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=12", "-p", &pid, "-o"])
        .arg(&log)
        .spawn()
        .expect("strace runs");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let kept = scene.walk_until_it_breaks(&channel, |_| ()).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let syncs = std::fs::read_to_string(&log).expect("what strace saw");
    let _ = Command::new("kill").args(["-INT", &tracer.id().to_string()]).status();
    let _ = tracer.wait();
    // It begins anew by itself, as the disk takes the next file.
    until(&server.address, true, READY_WITHIN).await;
    let after = syncs.lines().skip_while(|line| !line.contains("INJECTED")).skip(1).count();
    assert!(syncs.contains("INJECTED"), "{syncs}");
    assert_eq!(after, 0, "the broken store must not be synced again: {syncs}");
    let channel = connect(&server.address).await;
    let again = upload(&channel, &denver::walk(NOON_MS)[..1]).await.expect("an ack");
    assert!(again >= kept, "acked {kept}, kept {again}");
    assert_eq!(scene.walk_on(&channel, again).await.len(), 1);
}
