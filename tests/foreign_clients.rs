//! The contract through clients that nobody here wrote: Python's grpcio, and `buf curl`.
//!
//! Where one is missing, its test says that it was skipped and passes.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test stops where something is amiss")]

use std::process::{Command, Output};

mod support;
use support::Server;

/// Runs a command to its end; none when it is not installed.
fn run(program: &str, args: &[&str]) -> Option<Output> {
    Command::new(program).args(args).output().ok()
}

fn skipped(what: &str, remedy: &str) {
    println!("skipped: {what} is not installed ({remedy})");
}

fn succeeded(what: &str, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what} failed:\n{out}\n{err}");
    out.into_owned()
}

#[test]
fn python_grpcio_drives_every_service() {
    let imports = "import grpc, grpc_reflection, grpc_health";
    if !run("python3", &["-c", imports]).is_some_and(|output| output.status.success()) {
        return skipped("Python's grpcio", "pip install grpcio grpcio-reflection grpcio-health-checking");
    }
    let server = Server::start(&[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/client.py");
    let output = run("python3", &[script, &server.address]).expect("python3 was there a moment ago");
    assert!(succeeded("the grpcio client", &output).contains("as expected"));
}

#[test]
fn buf_lints_the_contract() {
    let Some(output) = run("buf", &["lint", env!("CARGO_MANIFEST_DIR")]) else {
        return skipped("buf", "npm install -g @bufbuild/buf");
    };
    succeeded("buf lint", &output);
}

#[test]
fn buf_curl_calls_by_reflection() {
    if run("buf", &["--version"]).is_none() {
        return skipped("buf", "npm install -g @bufbuild/buf");
    }
    let server = Server::start(&[]);
    let call = |method: &str, body: &str| {
        let url = format!("http://{}/doorstep.v1.{method}", server.address);
        run("buf", &["curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", body, &url]).expect("buf runs")
    };
    let place = r#"{"place": {"name": "places/p1", "brand": "roost", "timeZone": "America/Denver"}}"#;
    assert!(succeeded("CreatePlace", &call("RegionService/CreatePlace", place)).contains("places/p1"));
    let listed = succeeded("ListPlaces", &call("RegionService/ListPlaces", r#"{"brand": "roost"}"#));
    assert!(listed.contains("America/Denver"), "{listed}");

    let refused = call("RegionService/CreatePlace", &place.replace("America/Denver", "America/Denvre"));
    assert!(!refused.status.success());
    let answer = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(answer.contains("invalid_argument") && answer.contains("place.time_zone"), "{answer}");
}
