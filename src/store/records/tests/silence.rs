//! What waits in the outbox is told no more once nobody wants to hear it.

use super::*;

/// Why a claim of the customer's only trigger must not go out, and whether its channel is passed over.
async fn check_claim(
    change: impl Fn(&mut CustomerState),
    channels: Vec<Channel>,
    catalogue: Vec<CatalogueChange>,
    expected: (Option<&'static str>, bool),
) {
    let records = Records::new(std::sync::Arc::new(MemoryStore::new()));
    records.commit_catalogue(catalogue).await.unwrap();
    let mut state = state("maya");
    let created = records.create_customer(&state).await.unwrap();
    let trigger = Trigger { channels, ..trigger("maya", 1) };
    let source = "app".to_owned();
    let consent =
        LocationConsent { granted: true, answered: ServerTime(0), source, purpose: String::new(), expires: None };
    state.customer.consent = Some(consent);
    state.customer.topics.opt_in(TopicId::parse("topic", "offers").unwrap());
    state.ledger.sends = vec![sent(&trigger)];
    change(&mut state);
    let outcomes = Outcomes { triggers: vec![trigger], ..Outcomes::default() };
    records.commit_outcomes(&state, created, outcomes).await.unwrap();
    let entry = records.outbox(None, 1).unwrap().remove(0);
    let claim = records.claim(&entry, ServerTime(5)).unwrap().unwrap();
    assert_eq!((claim.silenced, claim.unwanted), expected);
}

fn choose(state: &mut CustomerState, push: Choice, in_app: Choice) {
    let choices = ByChannel { push: Some(push), in_app: Some(in_app) };
    state.customer.topics.set(TopicId::parse("topic", "offers").unwrap(), choices);
}

#[tokio::test]
async fn a_claim_says_why_it_must_not_go_out() {
    use Choice::{OptIn, OptOut};
    let push = || vec![Channel::Push];
    let both = || vec![Channel::InApp, Channel::Push];
    let stopped = Some("the customer stopped all messages");
    let no_topic = Some("the customer does not want its topic any more");
    check_claim(|_| {}, push(), Vec::new(), (None, false)).await;
    check_claim(|own| own.customer.consent = None, push(), Vec::new(), (Some("consent withdrawn"), false)).await;
    check_claim(|own| own.customer.stopped = true, push(), Vec::new(), (stopped, false)).await;
    let urgent = |own: &mut CustomerState| {
        own.customer.stopped = true;
        own.ledger.sends[0].transactional = true;
    };
    check_claim(urgent, push(), Vec::new(), (None, false)).await;
    check_claim(|own| choose(own, OptOut, OptIn), push(), Vec::new(), (no_topic, true)).await;
    check_claim(|own| choose(own, OptIn, OptOut), both(), Vec::new(), (None, true)).await;
    check_claim(|own| choose(own, OptOut, OptIn), both(), Vec::new(), (None, false)).await;
    // Who never chose hears of it only where the topic says so.
    let unchosen = |own: &mut CustomerState| own.customer.topics = TopicChoices::default();
    check_claim(unchosen, push(), Vec::new(), (no_topic, true)).await;
    let id = TopicId::parse("topic", "offers").unwrap();
    let offers = Topic { id, display_name: "Offers".to_owned(), default: TopicDefault::OptOut };
    let registered = vec![CatalogueChange::PutTopic(offers, Expect::Absent)];
    check_claim(unchosen, push(), registered, (None, false)).await;
}

#[tokio::test]
async fn a_campaign_that_was_paused_is_silent_at_once() {
    let text = "campaigns: [{ id: latte, paused: true, regions: { brands: [roost] }, topic: offers, message: { title: Hi, body: Hi } }]";
    let campaigns = crate::files::read_campaigns(text).unwrap().into_iter();
    let puts = campaigns.map(|own| CatalogueChange::PutCampaign(Box::new(own), Expect::Absent)).collect();
    check_claim(|_| {}, vec![Channel::Push], puts, (Some("the campaign was paused"), false)).await;
}
