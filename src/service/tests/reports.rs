//! Reports of campaigns, through the services.

use super::super::event_service::Events;
use super::*;
use crate::report::{Exposure, Note};
use v1::event_service_server::EventService as _;

/// Maya is sent a latte, or held out from it, as a decision would have it.
async fn expose(bench: &Bench, customer: &str, at: ServerTime, held_out: bool) -> Option<TriggerId> {
    let customer = CustomerId::parse("", customer).unwrap();
    let (device, region) = (DeviceId::parse("", "phone-1").unwrap(), RegionId::parse("", "welton-door").unwrap());
    let campaign = CampaignId::parse("", "latte").unwrap();
    let visit = VisitId::derive(&device, &region, DeviceTime(at.0));
    let id = TriggerId::derive(&customer, &campaign, &region, &visit);
    let (mut state, revision) = bench.records.load_customer(&customer).unwrap().unwrap();
    let arm = Arm { variant: VariantId::parse("", "warm").ok(), held_out };
    let (variant, transition) = (arm.variant.clone(), transition(&region, &visit, at));
    let (exposed, own) = (id.clone(), campaign.clone());
    let exposure = Exposure { at, trigger: exposed, campaign: own, visit, arm, converted: false };
    let notes: Vec<Note> = state.exposures.expose(exposure).into_iter().collect();
    let trigger = Trigger {
        id: id.clone(),
        customer: customer.clone(),
        device: device.clone(),
        campaign,
        place: PlaceId::parse("", "welton").unwrap(),
        decision: DecisionId::derive(at, Sequence(1), &device),
        transition,
        message: Message { title: "A latte".into(), body: "On us".into(), ..Message::default() },
        variant,
        fell_back: None,
        channels: vec![Channel::Push],
        created: at,
        expires: at + Millis::from_mins(15),
    };
    let triggers = if held_out { Vec::new() } else { vec![trigger] };
    let outcomes = Outcomes { triggers, notes, ..Outcomes::default() };
    bench.records.commit_outcomes(&state, revision, outcomes).await.unwrap();
    (!held_out).then_some(id)
}

fn transition(region: &RegionId, visit: &VisitId, at: ServerTime) -> Transition {
    let at = DeviceTime(at.0);
    let (region, visit) = (region.clone(), visit.clone());
    Transition {
        kind: TransitionKind::Enter,
        region,
        visit,
        visit_start: at,
        happened: at,
        decided: at,
        belated: false,
    }
}

pub(super) async fn report(bench: &Bench, from: &str, to: &str) -> v1::CampaignReport {
    let (name, from_date, to_date) = ("campaigns/latte".to_owned(), from.to_owned(), to.to_owned());
    let request = v1::GetCampaignReportRequest { name, from_date, to_date };
    ok(bench.campaigns.get_campaign_report(Request::new(request)).await).report.unwrap()
}

#[tokio::test]
async fn a_report_tells_what_became_of_messages_and_ghosts() {
    let bench = bench().await;
    assert_eq!(report(&bench, "", "").await.first_date, "");
    let measured = v1::Campaign {
        name: "campaigns/latte".into(),
        conversions: vec![v1::Conversion {
            event_name: "purchase".into(),
            within: Some(Millis::from_hours(2).into()),
            properties: Vec::new(),
        }],
        ..v1::Campaign::default()
    };
    let (campaign, update_mask) = (Some(measured), mask(&["conversions"]));
    let request = v1::UpdateCampaignRequest { campaign, update_mask, allow_missing: false };
    ok(bench.campaigns.update_campaign(Request::new(request)).await);
    let noor = v1::Customer { name: "customers/noor".into(), ..v1::Customer::default() };
    ok(bench.customers.create_customer(Request::new(v1::CreateCustomerRequest { customer: Some(noor) })).await);

    let before = NOW - Millis::from_days(1);
    for (customer, at, held_out) in [("maya", before, false), ("maya", NOW, false), ("noor", NOW, true)] {
        expose(&bench, customer, at, held_out).await;
    }
    for entry in bench.records.outbox(None, 9).unwrap() {
        bench.records.record_delivery(&entry, None, DeliveryState::Delivered, None).await.unwrap();
    }
    let clock = Clock::pings();
    clock.now_at(DeviceTime(NOW.0));
    let events = Events::new(bench.records.clone(), bench.catalogue.clone(), clock, bench.hot.clone());
    let event = |customer: &str, id: &str, at: ServerTime| v1::Event {
        customer: format!("customers/{customer}"),
        event_id: id.into(),
        event_name: "purchase".into(),
        event_time: Some(at.into()),
        channel: v1::EventChannel::Till.into(),
        worth: Some(v1::Amount { value: 4.5, currency: "USD".into() }),
        ..v1::Event::default()
    };
    // The last is a day late, the one before too late to come from a message.
    let late = before + Millis::from_mins(30);
    let batch = vec![
        event("maya", "r-1", NOW + Millis(1)),
        event("noor", "r-2", NOW + Millis(1)),
        event("maya", "r-1", NOW + Millis(1)),
        event("maya", "r-3", before + Millis::from_hours(3)),
        event("maya", "r-4", late),
    ];
    for _ in 0..2 {
        let request = v1::RecordEventsRequest { events: batch.clone(), allow_missing: false };
        ok(events.record_events(Request::new(request)).await);
    }

    let all = report(&bench, "", "").await;
    assert_eq!((all.first_date.as_str(), all.last_date.as_str()), ("2026-07-13", "2026-07-14"));
    assert_eq!(all.qualified_count, 3);
    let (sent, held_out) = (all.sent.unwrap(), all.held_out.unwrap());
    assert_eq!((sent.count, sent.customer_count, sent.delivered_count, sent.opened_count), (2, 1, 2, 0));
    assert_eq!((sent.converted_count, sent.conversion_count), (2, 2));
    assert_eq!((sent.buyer_count, sent.repeat_buyer_count, sent.first_to_repeat), (1, 1, Some(1.0)));
    assert_eq!(sent.purchase_frequency, Some(2.0));
    assert_eq!((sent.order_values[0].value, sent.order_values[0].currency.as_str()), (9.0, "USD"));
    assert_eq!((held_out.count, held_out.delivered_count, held_out.conversion_count), (1, 0, 1));
    let difference = all.lift.unwrap().difference.unwrap();
    assert!(difference.low <= 0.0 && difference.high >= 0.0, "{difference:?}");
    assert_eq!((all.variants.len(), all.variants[0].variant.as_str()), (1, "warm"));

    let first = report(&bench, "", "2026-07-13").await;
    assert_eq!((first.sent.unwrap().count, first.held_out.unwrap().count, first.lift), (1, 0, None));
    let none = report(&bench, "2026-07-15", "").await;
    assert_eq!((none.first_date.as_str(), none.qualified_count), ("", 0));

    let request = v1::DeleteCampaignRequest { name: "campaigns/latte".into() };
    ok(bench.campaigns.delete_campaign(Request::new(request)).await);
    assert_eq!(report(&bench, "", "").await.qualified_count, 3, "figures outlive their campaign");
}

#[tokio::test]
async fn what_cannot_be_reported_is_refused_by_name() {
    let bench = bench().await;
    let ask = |name: &str, from: &str, to: &str| {
        let (name, from_date, to_date) = (name.to_owned(), from.to_owned(), to.to_owned());
        bench.campaigns.get_campaign_report(Request::new(v1::GetCampaignReportRequest { name, from_date, to_date }))
    };
    invalid(ask("latte", "", "").await, "name");
    invalid(ask("campaigns/latte", "yesterday", "").await, "from_date");
    invalid(ask("campaigns/latte", "", "2026-02-30").await, "to_date");
    invalid(ask("campaigns/latte", "2026-07-15", "2026-07-14").await, "to_date");
    refused(ask("campaigns/tea", "", "").await, Code::NotFound);
    ok(ask("campaigns/latte", "2026-07-15", "2026-07-15").await);
}

#[tokio::test]
async fn what_measures_a_campaign_is_checked() {
    let bench = bench().await;
    let check = async |field: &str, change: fn(&mut v1::Campaign)| {
        let mut campaign = campaign("tea");
        campaign.holdout_basis_points = 1_000;
        campaign.variants = ["a", "b"].map(|id| v1::Variant { variant: id.into(), ..v1::Variant::default() }).into();
        let within = Some(Millis::from_days(7).into());
        let (event_name, properties) = ("purchase".into(), Vec::new());
        campaign.conversions = vec![v1::Conversion { event_name, within, properties }];
        change(&mut campaign);
        let request = v1::CreateCampaignRequest { campaign: Some(campaign) };
        let answer = bench.campaigns.create_campaign(Request::new(request)).await;
        if field.is_empty() {
            assert_eq!(ok(answer).campaign.unwrap().variants[0].weight, Some(1));
        } else {
            invalid(answer, &format!("campaign.{field}"));
        }
    };
    check("holdout_basis_points", |own| own.holdout_basis_points = -1).await;
    check("holdout_basis_points", |own| own.holdout_basis_points = 5_001).await;
    check("holdout_basis_points", |own| own.transactional = true).await;
    check("experiment_salt", |own| own.experiment_salt = "x".repeat(65)).await;
    check("experiment_salt", |own| own.experiment_salt = "a\0b".into()).await;
    check("variants", |own| own.variants = vec![own.variants[0].clone(); 9]).await;
    check("variants[1].variant", |own| own.variants[1].variant = "a".into()).await;
    check("variants[0].variant", |own| own.variants[0].variant = String::new()).await;
    check("variants[1].weight", |own| own.variants[1].weight = Some(0)).await;
    check("variants[1].weight", |own| own.variants[1].weight = Some(1_001)).await;
    check("variants[0].message.title", |own| own.variants[0].message = Some(v1::Message::default())).await;
    check("conversions", |own| own.conversions = vec![own.conversions[0].clone(); 5]).await;
    check("conversions[0].event_name", |own| own.conversions[0].event_name = String::new()).await;
    check("conversions[0].within", |own| own.conversions[0].within = None).await;
    check("conversions[0].within", |own| own.conversions[0].within = Some(Millis::from_days(32).into())).await;
    check("conversions[0].properties[0].test", |own| {
        let property_name = "size".to_owned();
        own.conversions[0].properties = vec![v1::PropertyRule { property_name, test: None }];
    })
    .await;
    check("", |_| {}).await;
}
