//! What is given back, forgotten, and never forgotten.

use super::{NOW, World, id};
use crate::model::campaign::WINDOW_MAX;
use crate::model::{CapScope, Millis, Pace, Reason, ServerTime, TriggerId, Verdict};
use crate::qualify::{Ledger, SENDS_MAX};

/// Sends one message on each of these minutes.
fn send(world: &mut World, minutes: &[i64]) -> Vec<TriggerId> {
    let send = |minute: &i64| {
        world.now = NOW + Millis::from_mins(*minute);
        world.transition.visit = id!(VisitId, &format!("v{minute}"));
        world.ask().winner.unwrap().trigger
    };
    minutes.iter().map(send).collect()
}

/// Sends on these minutes in that order, refunds the one of that index, and finds the ledger as if it had never been
/// sent.
fn check(minutes: &[i64], refunded: usize) {
    let world = |minutes: &[i64]| {
        let mut world = World::new();
        world.campaign.pace = Some(Pace { burst: 3, refill: Millis::from_mins(10) });
        let triggers = send(&mut world, minutes);
        (world.ledger, triggers)
    };
    let (mut ledger, triggers) = world(minutes);
    assert!(ledger.refund(&triggers[refunded]));
    let mut others = minutes.to_vec();
    others.remove(refunded);
    assert_eq!(ledger, world(&others).0, "{minutes:?} without {refunded}");
    let once = ledger.clone();
    assert!(!ledger.refund(&triggers[refunded]));
    assert_eq!(ledger, once);
}

#[test]
fn a_refund_gives_back_just_that_message() {
    check(&[0], 0);
    check(&[0, 1, 2], 0);
    check(&[0, 1, 2], 2);
    // The pace recovered in between: taking one refill off would give too much.
    check(&[0, 30, 31], 0);
    check(&[0, 30, 60, 61], 1);
    // The clock stepped back in between.
    check(&[20, 12, 30], 0);
    check(&[20, 12, 30], 1);
}

#[test]
fn refunds_in_any_order_give_everything_back() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let mut world = World::new();
        world.campaign.pace = Some(Pace { burst: 3, refill: Millis::from_mins(10) });
        let triggers = send(&mut world, &[0, 5, 6]);
        assert!(order.iter().all(|index| world.ledger.refund(&triggers[*index])));
        assert_eq!(world.ledger, Ledger::default());
    }
}

#[test]
fn a_send_forgets_only_what_no_limit_counts() {
    let mut world = World::new();
    let old = NOW - WINDOW_MAX;
    world.sent(old - Millis(1), |_| {});
    world.sent(old, |_| {});
    world.sent(old + Millis(1), |_| {});
    world.ledger.pace.insert(id!(CampaignId, "gone"), 1);
    assert!(world.ask().winner.is_some());
    assert_eq!(world.ledger.sends.iter().map(|sent| sent.at).collect::<Vec<_>>(), [old + Millis(1), NOW]);
    assert!(world.ledger.pace.is_empty());
    assert_eq!(world.ledger.forgotten, Some(old));
}

#[test]
fn a_full_ledger_refuses_rather_than_forgets() {
    let mut world = World::new();
    let sends = i64::try_from(SENDS_MAX).unwrap();
    for minute in 0..sends {
        world.sent(NOW - Millis::from_mins(minute), |_| {});
    }
    let until = NOW - Millis::from_mins(sends - 1) + WINDOW_MAX;
    let full = Verdict::Suppressed(Reason::Cap { scope: CapScope::Customer, limit: 256, until });
    for (now, verdict) in [(NOW, Some(&full)), (until - Millis(1), Some(&full)), (until, None)] {
        world.now = now;
        let answer = world.ask();
        assert_eq!(answer.winner.is_none(), verdict.is_some());
        assert!(verdict.is_none_or(|verdict| answer.assessments[0].verdict == *verdict));
        assert_eq!(world.ledger.sends.len(), SENDS_MAX);
    }
}

#[test]
fn a_ledger_full_of_paces_refuses_one_more() {
    let mut world = World::new();
    world.campaign.pace = Some(Pace { burst: 1, refill: Millis::from_hours(1) });
    let arrival = |n: usize| crate::qualify::pace::nanos(NOW + Millis::from_mins(i64::try_from(n).unwrap()));
    for n in 0..SENDS_MAX {
        world.ledger.pace.insert(crate::model::CampaignId::parse("", &format!("other-{n}")).unwrap(), arrival(n));
    }
    let full = world.ask();
    let until = NOW + WINDOW_MAX;
    let reason = Reason::Cap { scope: CapScope::Customer, limit: 256, until };
    assert_eq!(full.assessments[0].verdict, Verdict::Suppressed(reason));
    assert_eq!(world.ledger.pace.len(), SENDS_MAX);
    world.now = until;
    assert!(world.ask().winner.is_some());
    assert_eq!(world.ledger.pace.len(), SENDS_MAX, "the oldest made room");
}

#[test]
fn moments_before_the_epoch_and_far_ahead_are_no_trouble() {
    for now in [i64::MIN, -1, 0, 1, i64::MAX] {
        let mut world = World::new();
        world.now = ServerTime(now);
        world.campaign.pace = Some(Pace { burst: 100, refill: WINDOW_MAX });
        world.campaign.cooldown.brand = Some(WINDOW_MAX);
        let first = world.ask();
        assert!(first.winner.is_some(), "{now}: {:?}", first.assessments);
        assert!(world.ask().winner.is_none(), "{now}");
    }
}
