//! What campaigns say: refused when they are registered, previewed, and spoken in the app.

use super::*;
use crate::engine::Manners;
use crate::presence::PresenceConfig;
use crate::service::ingest::Ingest;

fn worded(body: &str) -> v1::Campaign {
    let translation = |locale: &str, body: &str| v1::MessageTranslation {
        locale: locale.into(),
        title: "Hola".into(),
        body: body.into(),
        ..v1::MessageTranslation::default()
    };
    let message = v1::Message {
        title: "Hi {{ customer.traits.name | default: 'you' }}".into(),
        body: "At {{ place.name }}".into(),
        locale: "en".into(),
        translations: vec![translation("de", "Da"), translation("es", body)],
        ..v1::Message::default()
    };
    v1::Campaign { message: Some(message), ..campaign("mocha") }
}

#[tokio::test]
async fn templates_are_checked_when_a_campaign_is_registered() {
    let bench = bench().await;
    let create = |campaign| bench.campaigns.create_campaign(Request::new(v1::CreateCampaignRequest { campaign }));
    let status = create(Some(worded("Pasa, {{ custmer.id }}"))).await.unwrap_err();
    let details = status.get_error_details();
    let said = &details.bad_request().unwrap().field_violations[0];
    assert_eq!(said.field, "campaign.message.translations[1].body");
    assert!(said.description.starts_with("at line 1, column 10: there is no custmer.id; known are"), "{said:?}");
    for (change, field) in [
        ((|m| m.title = "{{ customer.traits.name }}".into()) as fn(&mut v1::Message), "title"),
        (|m| m.translations[0].locale = "EN".into(), "translations[0].locale"),
        (|m| m.translations[0].locale = "e_n".into(), "translations[0].locale"),
        (|m| m.image = "http://a/b.png".into(), "image"),
        (|m| m.deep_link = "nowhere".into(), "deep_link"),
        (|m| m.body = "x".repeat(501), "body"),
        (|m| m.body = "{{ place.id }}".to_owned() + &"x".repeat(2_000), "body"),
        (
            |m| m.buttons = vec![v1::Button { id: "a".into(), title: "A".into(), ..Default::default() }; 2],
            "buttons[1].id",
        ),
        (|m| m.buttons = vec![v1::Button::default(); 4], "buttons"),
        (|m| m.translations = vec![m.translations[0].clone(); 33], "translations"),
        (
            |m| m.fallback = Some(v1::MessageFallback { title: "{{ x }}".into(), ..Default::default() }),
            "fallback.title",
        ),
    ] {
        let mut campaign = worded("Pasa");
        change(campaign.message.as_mut().unwrap());
        invalid(create(Some(campaign)).await, &format!("campaign.message.{field}"));
    }
    for channels in [vec![1, 1], vec![0], vec![7], vec![1, 2, 1]] {
        let many = channels.len() > 2;
        let index = channels.iter().rposition(|_| true).unwrap_or_default();
        let campaign = v1::Campaign { channels, ..worded("Pasa") };
        let field = if many { "campaign.channels".to_owned() } else { format!("campaign.channels[{index}]") };
        invalid(create(Some(campaign)).await, &field);
    }
    let stored = ok(create(Some(worded("Pasa"))).await).campaign.unwrap();
    assert_eq!(stored.channels, [2, 1], "in the app, then push");
    let update = v1::UpdateCampaignRequest {
        campaign: Some(worded("{% if %}")),
        update_mask: mask(&["message"]),
        allow_missing: false,
    };
    invalid(bench.campaigns.update_campaign(Request::new(update)).await, "campaign.message.translations[1].body");
}

fn preview_as(
    bench: &Bench,
    change: impl FnOnce(&mut v1::PreviewMessageRequest),
) -> impl Future<Output = Result<Response<v1::PreviewMessageResponse>, Status>> {
    let campaign = Some(v1::Campaign { name: "campaigns/mocha".into(), ..Default::default() });
    let mut request = v1::PreviewMessageRequest { campaign, ..Default::default() };
    change(&mut request);
    bench.campaigns.preview_message(Request::new(request))
}

#[tokio::test]
async fn a_message_is_previewed() {
    let bench = bench().await;
    let create = v1::CreateCampaignRequest { campaign: Some(worded("Pasa a {{ region.id }}")) };
    ok(bench.campaigns.create_campaign(Request::new(create)).await);
    let preview = |change: fn(&mut v1::PreviewMessageRequest)| {
        let campaign = Some(v1::Campaign { name: "campaigns/mocha".into(), ..Default::default() });
        let mut request = v1::PreviewMessageRequest { campaign, ..Default::default() };
        change(&mut request);
        bench.campaigns.preview_message(Request::new(request))
    };
    for (change, title, body) in [
        ((|_| ()) as fn(&mut v1::PreviewMessageRequest), "Hi a sample", "At welton"),
        (|r| r.customer = "customers/maya".into(), "Hi you", "At welton"),
        (|r| r.region = "regions/tremont-door".into(), "Hi a sample", "At tremont"),
        (|r| r.locale = "es-MX".into(), "Hola", "Pasa a welton-door"),
        (|r| r.campaign = Some(worded("Nada")), "Hi a sample", "At welton"),
    ] {
        let message = ok(preview(change).await).message.unwrap();
        assert_eq!((message.title.as_str(), message.body.as_str()), (title, body));
    }
    let failing = |r: &mut v1::PreviewMessageRequest| {
        let mut campaign = worded(
            "{% if customer.locale != 'es' %}{{ customer.traits.nick | default: '' }}{% else %}Pasa{% endif %}x",
        );
        campaign.message.as_mut().unwrap().title = "{{ customer.traits.nick }}".into();
        let plain = v1::MessageFallback { title: "Hey".into(), body: "You".into(), ..Default::default() };
        campaign.message.as_mut().unwrap().fallback = Some(plain);
        r.campaign = Some(campaign);
        r.customer = "customers/maya".into();
    };
    let answer = ok(preview(failing).await);
    assert_eq!(answer.message.unwrap().title, "Hey");
    assert_eq!(
        answer.failure,
        "message.title at line 1, column 4: customer.traits.nick is not known of this customer"
    );
    let tried = |r: &mut v1::PreviewMessageRequest, variant: &str| {
        let message = Some(v1::Message { title: "Warm".into(), body: "In".into(), ..Default::default() });
        let variants = vec![v1::Variant { variant: "warm".into(), weight: Some(1), message }];
        r.campaign = Some(v1::Campaign { variants, ..worded("Pasa") });
        r.variant = variant.into();
    };
    let warm = ok(preview_as(&bench, |r| tried(r, "warm")).await).message.unwrap();
    assert_eq!(warm.title, "Warm");
    let maya = ok(preview_as(&bench, |r| {
        tried(r, "");
        r.customer = "customers/maya".into();
    })
    .await);
    assert_eq!(maya.message.unwrap().title, "Warm", "the one that she gets");
    invalid(preview_as(&bench, |r| tried(r, "cold")).await, "variant");
    refused(preview(|r| r.customer = "customers/none".into()).await, Code::NotFound);
    refused(preview(|r| r.region = "regions/none".into()).await, Code::NotFound);
    refused(
        preview(|r| r.campaign = Some(v1::Campaign { name: "campaigns/none".into(), ..Default::default() })).await,
        Code::NotFound,
    );
    invalid(preview(|r| r.locale = "e_s".into()).await, "locale");
    invalid(preview(|r| r.campaign = None).await, "campaign");
    invalid(preview(|r| r.campaign = Some(worded("{{ x }}"))).await, "campaign.message.translations[1].body");
}

#[tokio::test]
async fn an_app_in_front_is_spoken_to_on_its_stream() {
    let bench = bench().await;
    let (records, catalogue) = (bench.records.clone(), bench.catalogue.clone());
    let clock = Clock::pings();
    let ingest =
        Ingest::new(records, catalogue, clock, PresenceConfig::default(), HotCustomers::new(9), Manners::default());
    let ingest = ingest.unwrap();
    let (maya, phone) = (CustomerId::parse("", "maya").unwrap(), DeviceId::parse("", "phone-1").unwrap());
    let ping = |n: u64| Ping {
        sequence: Sequence(n),
        observed: DeviceTime(NOW.0 + 1_000 * i64::try_from(n).unwrap()),
        fix: Some(Fix {
            position: Position::new(39.744, -104.99).unwrap(),
            accuracy: Metres(8.0),
            speed_mps: None,
            course_deg: None,
            mock: false,
        }),
        sightings: Vec::new(),
        app: AppState::Foreground,
    };
    let line = ingest.apps().connect(&maya, &phone);
    ingest.batch(&maya, &phone, (1..=60).map(ping).collect(), Vec::new()).await.unwrap();
    let entry = bench.records.outbox(None, 9).unwrap().remove(0);
    let trigger = bench.records.get_trigger(&maya, &entry.trigger).unwrap().unwrap().trigger;
    assert_eq!(trigger.channels, [Channel::InApp, Channel::Push]);
    assert_eq!(trigger.message.title, "A latte");
    drop(line);
    assert!(ingest.apps().open(&maya).is_empty());
}
