//! What the app tells of messages.

use super::*;
use crate::engine::Manners;
use crate::presence::PresenceConfig;
use crate::service::device_service::Devices;
use crate::service::ingest::Ingest;
use v1::device_service_server::DeviceService as _;

#[tokio::test]
async fn receipts_are_kept_once_and_end_what_was_pending() {
    let bench = bench().await;
    let clock = Clock::pings();
    clock.now_at(DeviceTime(NOW.0 + 300_000));
    let (records, catalogue, hot) = (bench.records.clone(), bench.catalogue.clone(), bench.hot.clone());
    let config = PresenceConfig::default();
    let ingest = Ingest::new(records, catalogue, clock, config, hot, Manners::default()).unwrap();
    let devices = Devices::new(ingest, bench.drain.subscribe());
    let report = |device: &str, receipts: Vec<v1::Receipt>| {
        let request = v1::ReportReceiptsRequest { device: device.into(), receipts };
        devices.report_receipts(Request::new(request))
    };
    let receipt = |trigger: &str, kind: i32, minutes: i64, button: &str| v1::Receipt {
        trigger: trigger.into(),
        kind,
        time: Some((NOW + Millis::from_mins(minutes)).into()),
        button: button.into(),
    };
    let phone = phone(1).name;
    for n in 1..=3 {
        record(&bench, n).await;
    }
    let maya = CustomerId::parse("", "maya").unwrap();
    let ids: Vec<String> = bench.records.outbox(None, 9).unwrap().iter().map(|own| own.trigger.to_string()).collect();

    let told = vec![receipt(&ids[1], 1, 3, ""), receipt("nothing", 1, 3, ""), receipt(&ids[1], 2, 4, "map")];
    assert_eq!(ok(report(&phone, told.clone()).await).unknown_triggers, ["nothing"]);
    let stored =
        |n: usize| bench.records.get_trigger(&maya, &TriggerId::parse("", &ids[n]).unwrap()).unwrap().unwrap();
    let at = |minutes| Some(NOW + Millis::from_mins(minutes));
    let first = stored(1);
    assert_eq!(
        (first.state, first.receipts.received, first.receipts.opened),
        (DeliveryState::Delivered, at(3), at(4))
    );
    let left: Vec<String> =
        bench.records.outbox(None, 9).unwrap().iter().map(|own| own.trigger.to_string()).collect();
    assert_eq!(left, [ids[0].clone(), ids[2].clone()], "what the app has needs no push");
    let revision = *bench.records.watch().borrow();
    ok(report(&phone, told).await);
    ok(report(&phone, vec![receipt(&ids[1], 2, 5, "")]).await);
    assert_eq!(*bench.records.watch().borrow(), revision, "telling it again changes nothing");

    let told = super::reports::report(&bench, "", "").await.sent.unwrap();
    assert_eq!((told.delivered_count, told.opened_count), (1, 1), "each counts once");

    let entry = bench.records.outbox(None, 9).unwrap().remove(0);
    bench.records.record_delivery(&entry, None, DeliveryState::Refused, None).await.unwrap();
    let untimed = v1::Receipt { time: None, ..receipt(&ids[0], 2, 0, "") };
    ok(report(&phone, vec![untimed]).await);
    let late = stored(0);
    assert_eq!((late.state, late.receipts.opened), (DeliveryState::Refused, Some(NOW + Millis(300_000))));

    let decision = decisions_of(&bench, "customers/maya").await[1].name.clone();
    let why = ok(bench.decisions.explain_decision(Request::new(v1::ExplainDecisionRequest { name: decision })).await);
    assert_eq!(why.sentences[1], "latte: sent “A latte”; opened at 12:08:10 by “map”.");
    assert_eq!(why.triggers[0].open_button, "map");

    assert_eq!(
        ok(report("customers/maya/devices/tablet", vec![receipt(&ids[1], 1, 3, "")]).await).unknown_triggers.len(),
        1
    );
    invalid(report("phone", vec![receipt("t", 1, 3, "")]).await, "device");
    invalid(report(&phone, Vec::new()).await, "receipts");
    invalid(report(&phone, vec![receipt("t", 1, 3, ""); 101]).await, "receipts");
    invalid(report(&phone, vec![receipt("t", 2, 3, ""), receipt("", 1, 3, "")]).await, "receipts[1].trigger");
    for (wrong, field) in [
        (receipt("t", 0, 3, ""), "receipts[0].kind"),
        (receipt("t", 9, 3, ""), "receipts[0].kind"),
        (receipt("t", 1, 3, "map"), "receipts[0].button"),
        (receipt("t", 2, 3, "a b"), "receipts[0].button"),
    ] {
        invalid(report(&phone, vec![wrong]).await, field);
    }
}
