//! Decisions, triggers and traces.

use super::*;

#[tokio::test]
async fn decisions_are_listed_and_explained() {
    let bench = bench().await;
    for n in 1..=5 {
        record(&bench, n).await;
    }
    let list = |change: fn(&mut v1::ListDecisionsRequest)| {
        let mut request =
            v1::ListDecisionsRequest { parent: "customers/-".into(), ..v1::ListDecisionsRequest::default() };
        change(&mut request);
        bench.decisions.list_decisions(Request::new(request))
    };
    let sequences: Vec<u64> = ok(list(|_| ()).await).decisions.iter().map(|decision| decision.sequence).collect();
    assert_eq!(sequences, [5, 4, 3, 2, 1]);
    for (change, count) in [
        ((|r| r.parent = "customers/maya".into()) as fn(&mut v1::ListDecisionsRequest), 5),
        (|r| r.parent = "customers/noah".into(), 0),
        (|r| r.campaign = "campaigns/latte".into(), 5),
        (|r| r.campaign = "campaigns/mocha".into(), 0),
        (|r| r.region = "regions/tremont-door".into(), 0),
        (|r| r.verdict = 1, 5),
        (|r| r.verdict = 2, 0),
        (|r| r.start_time = Some((NOW + Millis::from_mins(4)).into()), 2),
        (|r| r.end_time = Some((NOW + Millis::from_mins(4)).into()), 3),
        (|r| r.page = Some(v1::Page { size: 2, token: String::new() }), 2),
    ] {
        assert_eq!(ok(list(change).await).decisions.len(), count);
    }
    for (change, field) in [
        ((|r| r.parent = "maya".into()) as fn(&mut v1::ListDecisionsRequest), "parent"),
        (|r| r.verdict = 7, "verdict"),
        (|r| r.region = "door".into(), "region"),
        (|r| r.start_time = Some(prost_types::Timestamp { seconds: 0, nanos: -1 }), "start_time.nanos"),
        (|r| r.page = Some(v1::Page { size: 2, token: "zz".into() }), "page.token"),
    ] {
        invalid(list(change).await, field);
    }

    let name = decisions_of(&bench, "customers/maya").await[0].name.clone();
    let explain = |name| bench.decisions.explain_decision(Request::new(v1::ExplainDecisionRequest { name }));
    let why = ok(explain(name).await);
    assert_eq!(why.triggers[0].state, i32::from(v1::DeliveryState::Pending));
    assert_eq!(
        why.sentences,
        [
            "At 12:09:10 maya's phone-1 entered welton-door.",
            "latte: qualified, “A latte” waits to be delivered.",
            "Ping 5, taken on 2026-07-14 at 12:09:10 (America/Denver), had no fix; beacons decided.",
        ]
    );
    invalid(explain("customers/maya".into()).await, "name");
    refused(explain("customers/maya/decisions/none".into()).await, Code::NotFound);
}

#[tokio::test]
async fn a_watcher_resumes_without_gap_or_repeat() {
    let bench = bench().await;
    let watch = |cursor: String, campaign: &str| {
        bench.decisions.watch_triggers(Request::new(v1::WatchTriggersRequest { cursor, campaign: campaign.into() }))
    };
    for n in 1..=3 {
        record(&bench, n).await;
    }
    let mut stream = ok(watch(String::new(), "").await);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..2 {
        let next = stream.next().await.unwrap().unwrap();
        seen.push(next.trigger.unwrap().decision);
        cursor = next.cursor;
    }
    drop(stream);
    let mut stream = ok(watch(cursor, "campaigns/latte").await);
    for n in 4..=40 {
        record(&bench, n).await;
    }
    while seen.len() < 40 {
        seen.push(stream.next().await.unwrap().unwrap().trigger.unwrap().decision);
    }
    let mut decided: Vec<String> = Vec::new();
    let mut token = String::new();
    loop {
        let page = Some(v1::Page { size: 7, token });
        let request =
            v1::ListDecisionsRequest { parent: "customers/-".into(), page, ..v1::ListDecisionsRequest::default() };
        let page = ok(bench.decisions.list_decisions(Request::new(request)).await);
        decided.extend(page.decisions.into_iter().map(|decision| decision.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    decided.reverse();
    assert_eq!(seen, decided);

    let mut none = ok(watch(String::new(), "campaigns/mocha").await);
    bench.drain.send_replace(true);
    assert_eq!(none.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
    assert!(none.next().await.is_none());
    bench.drain.send_replace(false);
    let cursor = ok(watch(String::new(), "").await).next().await.unwrap().unwrap().cursor;
    let ahead = format!("t{:016x}00000000", bench.records.watch().borrow().0 + 1);
    let request = v1::ListDecisionsRequest {
        parent: "customers/-".into(),
        page: Some(v1::Page { size: 1, token: String::new() }),
        ..Default::default()
    };
    let token = ok(bench.decisions.list_decisions(Request::new(request)).await).next_page_token;
    for bad in ["xyz", "00", &cursor[1..], &cursor[..23], &format!("{cursor}00"), &ahead, &token] {
        invalid(watch(bad.into(), "").await.map(|_| Response::new(())), "cursor");
    }
    for entry in bench.records.outbox(None, 1_000).unwrap() {
        bench.records.record_delivery(&entry, None, DeliveryState::Delivered, None).await.unwrap();
    }
    while bench.records.purge_history(NOW + Millis::from_days(1)).await.unwrap() > 0 {}
    assert_eq!(refused(watch(cursor, "").await.map(|_| Response::new(())), Code::OutOfRange), ["cursor"]);
    invalid(watch(String::new(), "latte").await.map(|_| Response::new(())), "campaign");
}

#[tokio::test]
async fn a_trace_starts_and_stops() {
    let bench = bench().await;
    let maya = CustomerId::parse("", "maya").unwrap();
    let until = || {
        let (state, _) = bench.records.load_customer(&maya).unwrap().unwrap();
        state.devices.values().next().unwrap().trace_until
    };
    let start = |device: &str, seconds: Option<i64>| {
        let duration = seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        bench.decisions.start_trace(Request::new(v1::StartTraceRequest { device: device.into(), duration }))
    };
    let phone = phone(1).name;
    let expire = ok(start(&phone, None).await).expire_time;
    assert_eq!((until(), expire), (Some(NOW + Millis::from_hours(1)), Some((NOW + Millis::from_hours(1)).into())));
    invalid(start(&phone, Some(0)).await, "duration");
    invalid(start(&phone, Some(86_401)).await, "duration");
    invalid(start("phone-1", None).await, "device");
    refused(start("customers/maya/devices/none", None).await, Code::NotFound);
    ok(bench.decisions.stop_trace(Request::new(v1::StopTraceRequest { device: phone.clone() })).await);
    assert_eq!(until(), Some(NOW));

    for n in 1..=3 {
        record(&bench, n).await;
    }
    let list = |parent: &str, token: String| {
        let page = Some(v1::Page { size: 2, token });
        let request = v1::ListTraceEntriesRequest { parent: parent.into(), page };
        bench.decisions.list_trace_entries(Request::new(request))
    };
    let first = ok(list(&phone, String::new()).await);
    let second = ok(list(&phone, first.next_page_token).await);
    let sequence = |entry: &v1::TraceEntry| entry.decision.as_ref().unwrap().sequence;
    let all: Vec<u64> = first.entries.iter().chain(&second.entries).map(sequence).collect();
    assert_eq!((all, second.next_page_token.as_str()), (vec![1, 2, 3], ""));
    refused(list("customers/maya/devices/none", String::new()).await, Code::NotFound);
}
