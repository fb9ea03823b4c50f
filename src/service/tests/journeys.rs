//! Journeys, through the services.

use super::super::event_service::Events;
use super::super::journey_service::Journeys;
use super::*;
use v1::event_service_server::EventService as _;
use v1::journey_service_server::JourneyService as _;
use v1::rule::Kind;

fn did(event: &str) -> v1::Rule {
    let event = v1::EventRule { event_name: event.into(), ..Default::default() };
    v1::Rule { kind: Some(Kind::Event(event)) }
}

fn at(stages: &[&str]) -> v1::Rule {
    let stages = stages.iter().map(ToString::to_string).collect();
    v1::Rule { kind: Some(Kind::Stage(v1::StageRule { journey: "journeys/loyal".into(), stages })) }
}

fn journey(id: &str, stages: &[(&str, v1::Rule)]) -> v1::Journey {
    let stage = |(stage, enter): &(&str, v1::Rule)| v1::Stage {
        stage: (*stage).into(),
        enter: Some(enter.clone()),
        ..Default::default()
    };
    let (name, stages) = (format!("journeys/{id}"), stages.iter().map(stage).collect());
    v1::Journey { name, brand: "roost".into(), stages, ..Default::default() }
}

fn step(stage: &str, advances: bool) -> v1::Campaign {
    let stage = Some(v1::JourneyStage { journey: "journeys/loyal".into(), stage: stage.into() });
    v1::Campaign { journey_stage: stage, advances_to_next: advances, ..campaign("thanks") }
}

fn loyal() -> v1::Journey {
    journey("loyal", &[("browsed", did("browse")), ("bought", did("purchase"))])
}

#[tokio::test]
async fn journeys_come_change_and_go_and_what_names_them_holds_them() {
    let Bench { catalogue, campaigns, .. } = bench().await;
    let journeys = Journeys::new(catalogue.clone());
    let create = |journey| journeys.create_journey(Request::new(v1::CreateJourneyRequest { journey: Some(journey) }));
    let add =
        |campaign| campaigns.create_campaign(Request::new(v1::CreateCampaignRequest { campaign: Some(campaign) }));
    let update = |journey| {
        let update_mask = mask(&["*"]);
        let request = v1::UpdateJourneyRequest { journey: Some(journey), update_mask, allow_missing: false };
        journeys.update_journey(Request::new(request))
    };
    let delete =
        |id: &str| journeys.delete_journey(Request::new(v1::DeleteJourneyRequest { name: format!("journeys/{id}") }));

    invalid(add(step("browsed", false)).await, "campaign.journey_stage.journey");
    let made = ok(create(loyal()).await).journey.unwrap();
    assert_eq!((made.display_name.as_str(), made.stages[0].display_name.as_str()), ("loyal", "browsed"));
    refused(create(loyal()).await, Code::AlreadyExists);
    invalid(create(journey("empty", &[])).await, "journey.stages");
    let twice = journey("twice", &[("a", did("a")), ("a", did("b"))]);
    invalid(create(twice).await, "journey.stages[1].stage");
    invalid(create(journey("odd", &[("a", at(&["sold"]))])).await, "journey.stages[0].enter.stage");

    invalid(add(step("sold", false)).await, "campaign.journey_stage.stage");
    invalid(add(step("bought", true)).await, "campaign.advances_to_next");
    invalid(add(v1::Campaign { journey_stage: None, ..step("bought", true) }).await, "campaign.advances_to_next");
    let audience = Some(at(&["browsed", "sold"]));
    invalid(add(v1::Campaign { audience, ..campaign("few") }).await, "campaign.audience.stage");
    ok(add(step("browsed", true)).await);
    ok(add(v1::Campaign { audience: Some(at(&["bought"])), ..campaign("few") }).await);

    // Neither the stage nor the one after it may go while the campaign advances it.
    invalid(update(journey("loyal", &[("browsed", did("browse"))])).await, "journey.stages");
    invalid(update(journey("loyal", &[("bought", did("purchase"))])).await, "journey.stages");
    ok(update(journey("loyal", &[("new", did("sign_up")), ("browsed", did("browse")), ("bought", did("buy"))]))
        .await);
    refused(delete("loyal").await, Code::FailedPrecondition);
    for name in ["campaigns/thanks", "campaigns/few"] {
        ok(campaigns.delete_campaign(Request::new(v1::DeleteCampaignRequest { name: name.into() })).await);
    }
    ok(create(journey("other", &[("a", at(&["new"]))])).await);
    refused(delete("loyal").await, Code::FailedPrecondition);
    let request = v1::ListJourneysRequest { brand: "roost".into(), page: None };
    assert_eq!(ok(journeys.list_journeys(Request::new(request)).await).journeys.len(), 2);
    ok(delete("other").await);
    ok(delete("loyal").await);
    refused(delete("loyal").await, Code::NotFound);
    let request = v1::GetJourneyRequest { name: "journeys/loyal".into() };
    refused(journeys.get_journey(Request::new(request)).await, Code::NotFound);
}

#[tokio::test]
async fn an_event_moves_a_customer_on_and_the_customer_shows_it() {
    let bench = bench().await;
    let Bench { records, catalogue, customers, hot, .. } = &bench;
    let journeys = Journeys::new(catalogue.clone());
    ok(journeys.create_journey(Request::new(v1::CreateJourneyRequest { journey: Some(loyal()) })).await);
    let clock = Clock::pings();
    clock.now_at(DeviceTime(NOW.0));
    let events = Events::new(records.clone(), catalogue.clone(), clock, hot.clone());
    for (id, name, stage) in [("1", "purchase", None), ("2", "browse", Some("bought"))] {
        let event = v1::Event {
            customer: "customers/maya".into(),
            event_id: id.into(),
            event_name: name.into(),
            event_time: Some(NOW.into()),
            channel: v1::EventChannel::Web.into(),
            ..v1::Event::default()
        };
        let request = v1::RecordEventsRequest { events: vec![event], allow_missing: false };
        ok(events.record_events(Request::new(request)).await);
        let request = v1::GetCustomerRequest { name: "customers/maya".into() };
        let maya = ok(customers.get_customer(Request::new(request)).await).customer.unwrap();
        assert_eq!(maya.journeys.first().map(|own| own.stage.as_str()), stage, "{name}");
    }
}
