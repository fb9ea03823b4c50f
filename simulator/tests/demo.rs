//! The demo in-process: the promise on the front page.
#![allow(clippy::expect_used, reason = "a test stops where something is amiss")]

use simulator::demo::{DemoArgs, run};

/// Runs the demo; returns its summary as the last line of its output has it, and the whole output.
async fn check(args: DemoArgs) -> (serde_json::Value, String) {
    let mut out = Vec::new();
    let summary = run(&DemoArgs { json: true, ..args }, &mut out).await.expect("the demo runs");
    let text = String::from_utf8(out).expect("text");
    let json: serde_json::Value = serde_json::from_str(text.lines().last().expect("a last line")).expect("JSON");
    assert_eq!(json, serde_json::to_value(&summary).expect("JSON"));
    (json, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_doors_one_alert() {
    for seed in [7, 8, 9] {
        let (json, text) = check(DemoArgs { seed, ..DemoArgs::default() }).await;
        assert_eq!(json["alerts_sent"], 1, "{text}");
        assert_eq!(json["alerts_received"], 1, "{text}");
        assert!(json["alerts_naive"].as_u64().expect("a count") >= 5, "{text}");
        assert_eq!(json["doors_passed"], 8, "{text}");
        assert!(json["held_back"].as_object().is_some_and(|held| !held.is_empty()), "{text}");
        assert!(text.contains("ALERT \"A latte on the way?\" sent and received"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colour where there is no terminal");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_agreed_gets_nothing_and_is_told_why() {
    let (json, text) = check(DemoArgs { customer: "noah".to_owned(), ..DemoArgs::default() }).await;
    assert_eq!((&json["alerts_sent"], &json["alerts_received"]), (&0.into(), &0.into()), "{text}");
    assert!(text.contains("no consent"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_walks_send_what_is_right() {
    for (walk, sent) in [("indoors_with_beacons", 1), ("lingering_at_the_edge", 1), ("driving_by", 0)] {
        let (json, text) = check(DemoArgs { walk: walk.to_owned(), ..DemoArgs::default() }).await;
        assert_eq!(json["alerts_sent"], sent, "{text}");
        assert_eq!(json["alerts_received"], sent, "{text}");
    }
}
