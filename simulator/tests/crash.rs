//! A short run of the crash tester: the real server, killed with SIGKILL under many walks.
#![allow(clippy::expect_used, reason = "a test stops where something is amiss")]

use clap::Parser;
use simulator::crash::{CrashArgs, run};

#[derive(Parser)]
struct Parsed {
    #[command(flatten)]
    crash: CrashArgs,
}

/// Runs the tester; returns the JSON at the end of its output.
async fn check(args: &[&str]) -> serde_json::Value {
    let args = Parsed::parse_from([&["crash", "--json", "--walkers", "24"], args].concat()).crash;
    let mut out = Vec::new();
    run(&args, &mut out).await.expect("the server keeps its promises");
    let text = String::from_utf8(out).expect("text");
    let json: serde_json::Value = serde_json::from_str(text.lines().last().expect("a last line")).expect("JSON");
    for count in ["lost", "doubled", "resent_other_id", "forgotten_pings", "pending"] {
        assert_eq!(json[count], 0, "{count}: {json}");
    }
    assert_eq!(json["acked"], json["delivered"], "{json}");
    json
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_eight_times_it_loses_and_doubles_nothing() {
    let json = check(&["--kills", "8"]).await;
    assert_eq!(json["kills"], 8, "{json}");
    assert!(json["acked"].as_u64().expect("a count") > 20, "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_with_a_bad_provider_on_a_bad_line() {
    let json = check(&["--kills", "4", "--provider-faults", "--network-faults", "--seed", "3"]).await;
    let count = |name: &str| json[name].as_u64().expect("a count");
    assert!(json["provider_faults"].as_object().is_some_and(|faults| !faults.is_empty()), "{json}");
    // What a fault met is sent again: by the same server, or by the next one where a kill came in between.
    assert!(count("retried") + count("resent") > 0, "{json}");
}
