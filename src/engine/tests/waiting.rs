//! What waits ends in words, whatever goes away meanwhile.

use super::*;
use crate::model::{VisitId, Waits};
use crate::qualify::{HELD_MAX, Held, SETTLE_MAX};

/// A message that waits, of that number.
fn waiting(n: i64, waits: Waits, until: ServerTime) -> Held {
    let (region, at) = (id(RegionId::parse, "door-0"), DeviceTime(n));
    let visit = VisitId::derive(&phone(), &region, at);
    let kind = TransitionKind::Enter;
    let transition = Transition { kind, region, visit, visit_start: at, happened: at, decided: at, belated: false };
    let (campaign, nearness) = (id(crate::model::CampaignId::parse, "latte"), Metres(0.0));
    Held { campaign, device: phone(), transition, nearness, since: ServerTime(0), until, fresh: ServerTime(0), waits }
}

/// Asks again about a message that waited for others, over that catalogue: what comes of it.
fn check(catalogue: &Catalogue, expected: &Verdict) {
    let config = PresenceConfig::default();
    let engine = Engine { catalogue, presence: &config, manners: Manners::default(), open: &NONE_OPEN };
    let mut state = customer();
    state.held = vec![waiting(1, Waits::Settle, ServerTime(10))];
    let outcomes = engine.tick(&mut state, ServerTime(10));
    let verdicts: Vec<&Verdict> =
        outcomes.iter().flat_map(|own| &own.decision.assessments).map(|own| &own.verdict).collect();
    assert_eq!((verdicts, state.held.len()), (vec![expected], 0));
}

#[test]
fn what_waited_says_why_it_ends() {
    let whole = || catalogue(DENVER, TransitionKind::Enter);
    let region = id(RegionId::parse, "door-0");
    let held = waiting(1, Waits::Settle, ServerTime(10));
    let maya = id(CustomerId::parse, "maya");
    let trigger = crate::model::TriggerId::derive(&maya, &held.campaign, &region, &held.transition.visit);
    check(&whole(), &Verdict::Qualified(trigger));
    let no_region = Catalogue { atlas: Atlas::empty(), ..whole() };
    check(&no_region, &Verdict::Suppressed(Reason::VisitEnded));
    let no_campaign = Catalogue { campaigns: CampaignBook::default(), ..whole() };
    check(&no_campaign, &Verdict::Suppressed(Reason::NotActive { until: None }));
}

#[test]
fn no_more_wait_than_a_record_holds() {
    let catalogue = Catalogue::default();
    let config = PresenceConfig::default();
    let manners = Manners { settle: Millis::from_secs(3), ..Manners::default() };
    let engine = Engine { catalogue: &catalogue, presence: &config, manners, open: &NONE_OPEN };
    for (hours, settling) in [(0, 0), (0, 5), (32, 32), (60, 0), (40, 20), (64, 0)] {
        let mut held: Vec<Held> = (0..hours).map(|n| waiting(n, Waits::Hours, ServerTime(99))).collect();
        held.extend((0..settling).map(|n| waiting(n, Waits::Settle, ServerTime(9))));
        let room = engine.settle(&held, ServerTime(5)).unwrap().room;
        let count = held.len();
        assert!(room + count <= HELD_MAX && room <= SETTLE_MAX, "{hours} and {settling}: room for {room}");
        assert!(room + count == HELD_MAX || room + usize::try_from(settling).unwrap() == SETTLE_MAX);
    }
}
