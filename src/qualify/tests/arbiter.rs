//! Who speaks when several qualify at once.

use super::{NOW, World, campaign, enter, id, region};
use crate::model::{Campaign, Metres, Millis, Reason, TriggerId, Verdict};
use crate::qualify::{CampaignBook, Occasion, Person, Qualified, Settle, qualify};
use std::sync::Arc;

/// A campaign of that name, priority and value.
fn of(name: &str, priority: u8, value: f64) -> Campaign {
    Campaign { priority, value, ..campaign(name) }
}

/// Lets the campaigns ask about two doors at these distances. The answer, and each campaign's last step.
fn ask(
    world: &mut World,
    campaigns: &[Campaign],
    nearness: [f64; 2],
    settle: Option<Settle>,
) -> (Qualified, Vec<String>) {
    let regions = [region("door", "tremont"), region("gate", "tremont")];
    let transitions = [enter("door", "v1"), enter("gate", "v2")];
    let occasions: Vec<_> = [0, 1]
        .map(|i| Occasion {
            transition: &transitions[i],
            region: &regions[i],
            place: &world.place,
            age: Millis(0),
            nearness: Metres(nearness[i]),
            zone: "UTC",
            quiet: None,
            held: None,
            settle,
            person: Person::UNKNOWN,
            in_app: false,
        })
        .into();
    let book = CampaignBook::build(campaigns.iter().cloned().map(Arc::new));
    let answer = qualify(&book, &world.customer, &mut world.ledger, &occasions, NOW);
    let steps: Vec<_> = answer
        .assessments
        .iter()
        .map(|assessment| {
            let last = assessment.policies.last().unwrap();
            format!("{} {} {}: {}", assessment.campaign, assessment.region, last.policy, last.detail)
        })
        .collect();
    (answer, steps)
}

/// Lets the campaigns ask about two doors at these distances, and compares each campaign's last step, in the order of
/// doors and ids.
fn check(campaigns: &[Campaign], nearness: [f64; 2], winner: Option<(&str, usize)>, last_steps: &[&str]) {
    let mut world = World::new();
    let (answer, steps) = ask(&mut world, campaigns, nearness, None);
    assert_eq!(steps, last_steps);
    let won = answer.winner.as_ref().map(|win| (win.campaign.id.as_str(), win.occasion));
    assert_eq!(won, winner);
    assert_eq!(world.ledger.sends.len(), usize::from(winner.is_some()));
    for assessment in &answer.assessments {
        match (&assessment.verdict, &answer.winner) {
            (Verdict::Qualified(trigger), Some(win)) => {
                let (region, visit) = [("door", "v1"), ("gate", "v2")][win.occasion];
                let (region, visit) = (&id!(RegionId, region), &id!(VisitId, visit));
                assert_eq!((&assessment.campaign, &assessment.region), (&win.campaign.id, region));
                assert_eq!(*trigger, TriggerId::derive(&world.customer.id, &win.campaign.id, region, visit));
                assert_eq!(*trigger, world.ledger.sends[0].trigger);
            }
            (Verdict::Suppressed(Reason::Outranked { by }), Some(win)) => assert_eq!(*by, win.campaign.id),
            (Verdict::Suppressed(reason), _) => assert_eq!(*reason, Reason::Paused),
            (Verdict::Qualified(_), None) | (Verdict::Held { .. }, _) => panic!("{assessment:?}"),
        }
    }
}

#[test]
fn nobody_asks() {
    check(&[], [0.0, 0.0], None, &[]);
}

#[test]
fn the_highest_priority_wins() {
    check(
        &[of("a", 50, 9.0), of("b", 80, 0.0)],
        [0.0, 5.0],
        Some(("b", 0)),
        &[
            "a door arbiter: priority 50 against 80",
            "b door arbiter: won over 3",
            "a gate arbiter: priority 50 against 80",
            "b gate arbiter: 5 m away against 0 m",
        ],
    );
}

#[test]
fn a_transactional_one_wins_over_any_priority() {
    let order_ready = Campaign { transactional: true, ..of("b", 1, 0.0) };
    check(
        &[of("a", 100, 9.0), order_ready],
        [0.0, 5.0],
        Some(("b", 0)),
        &[
            "a door arbiter: not transactional, as the other is",
            "b door arbiter: won over 3",
            "a gate arbiter: not transactional, as the other is",
            "b gate arbiter: 5 m away against 0 m",
        ],
    );
}

#[test]
fn then_the_highest_value() {
    check(
        &[of("a", 50, 1.5), of("b", 50, 2.0)],
        [5.0, -3.0],
        Some(("b", 1)),
        &[
            "a door arbiter: value 1.5 against 2",
            "b door arbiter: 5 m away against -3 m",
            "a gate arbiter: value 1.5 against 2",
            "b gate arbiter: won over 3",
        ],
    );
}

#[test]
fn then_the_first_id_of_campaign_and_region() {
    check(
        &[of("b", 50, 2.0), of("a", 50, 2.0)],
        [1.0, 1.0],
        Some(("a", 0)),
        &[
            "a door arbiter: won over 3",
            "b door arbiter: equal, and later by id",
            "a gate arbiter: equal, and later by id",
            "b gate arbiter: equal, and later by id",
        ],
    );
}

#[test]
fn who_is_refused_does_not_compete() {
    let paused = Campaign { paused: true, ..of("a", 100, 9.0) };
    let only_gate = {
        let mut campaign = of("b", 1, 0.0);
        campaign.regions.brands.clear();
        campaign.regions.regions.insert(id!(RegionId, "gate"));
        campaign
    };
    check(
        &[paused.clone(), only_gate],
        [1.0, 1.0],
        Some(("b", 1)),
        &["a door topic: opted in to offers", "a gate topic: opted in to offers", "b gate arbiter: alone"],
    );
    check(&[paused], [1.0, 1.0], None, &["a door topic: opted in to offers", "a gate topic: opted in to offers"]);
}

#[test]
fn what_qualifies_waits_for_others() {
    let paused = Campaign { paused: true, ..of("c", 100, 9.0) };
    let settle = |room| Some(Settle { until: NOW + Millis::from_secs(3), room });
    let mut world = World::new();
    let (answer, steps) = ask(&mut world, &[of("a", 50, 0.0), of("b", 80, 0.0), paused], [0.0, 5.0], settle(3));
    assert_eq!(
        steps,
        [
            "a door arbiter: waits 3 s for others",
            "b door arbiter: waits 3 s for others",
            "c door topic: opted in to offers",
            "a gate arbiter: priority 50 against 80",
            "b gate arbiter: waits 3 s for others",
            "c gate topic: opted in to offers",
        ]
    );
    let holds: Vec<_> = answer.holds.iter().map(|hold| (hold.campaign.as_str(), hold.occasion)).collect();
    assert_eq!(holds, [("a", 0), ("b", 0), ("b", 1)], "the best, as many as have room");
    assert!(answer.winner.is_none() && world.ledger.sends.is_empty());
    for hold in &answer.holds {
        assert_eq!(answer.assessments[hold.assessment].verdict, Verdict::Held { until: hold.until });
    }
    let (answer, _) = ask(&mut world, &[of("a", 50, 0.0)], [0.0, 5.0], settle(0));
    assert!(answer.winner.is_some(), "without room it is settled at once");
    let order_ready = Campaign { transactional: true, ..of("d", 1, 0.0) };
    let (answer, _) = ask(&mut world, &[of("a", 50, 0.0), order_ready], [0.0, 5.0], settle(3));
    assert_eq!(answer.winner.map(|win| win.campaign.id.to_string()), Some("d".to_owned()), "an order does not wait");
}
