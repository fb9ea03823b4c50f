//! Each policy's answers, in a table.

use super::{NOW, World, id};
use crate::model::{ActiveWindow, Cap, CapScope, CapWindow, Millis, Reason, ServerTime, TopicDefault, Verdict};

/// What is set up, why the policy refuses if it does, and its words; none where it has no say.
pub(super) type Case = (fn(&mut World), Option<Reason>, &'static str);

/// Asks one policy in every case; no other may refuse, so its answer is the verdict.
pub(super) fn check(policy: &str, cases: &[Case]) {
    for (index, (set_up, refusal, detail)) in cases.iter().enumerate() {
        let mut world = World::new();
        set_up(&mut world);
        let answer = world.ask();
        let [assessment] = &answer.assessments[..] else { panic!("{policy} {index}: {answer:?}") };
        let step = assessment.policies.iter().find(|step| step.policy == policy);
        let refused = step.and_then(|step| step.refusal.as_ref());
        let words = step.map(|step| step.detail.to_string()).unwrap_or_default();
        assert_eq!((refused, words.as_str()), (refusal.as_ref(), *detail), "{policy} {index}");
        match refusal {
            Some(reason) => assert_eq!(assessment.verdict, Verdict::Suppressed(reason.clone()), "{policy} {index}"),
            None => assert_eq!(
                assessment.verdict,
                Verdict::Qualified(answer.winner.unwrap().trigger),
                "{policy} {index}: {:?}",
                assessment.policies
            ),
        }
    }
}

pub(super) fn hours_ago(hours: i64) -> ServerTime {
    NOW - Millis::from_hours(hours)
}

/// Holds half of the customers out, and draws until the one at hand is, or is not, among them.
fn held_out(world: &mut World, wanted: bool) {
    let World { campaign, customer, .. } = world;
    campaign.measure.holdout = 5_000;
    let draws = |n: u32| {
        campaign.measure.salt = n.to_string();
        campaign.measure.arm(&campaign.id, &customer.id).held_out == wanted
    };
    assert!((0..64).any(draws));
}

#[test]
fn holdout() {
    check(
        "holdout",
        &[
            (|_| {}, None, ""),
            (|w| held_out(w, false), None, ""),
            (|w| held_out(w, true), Some(Reason::Holdout), "among the 50 % who get nothing"),
        ],
    );
    let mut world = World::new();
    held_out(&mut world, true);
    let answer = world.ask();
    let ghost = answer.winner.unwrap();
    assert!(ghost.arm.held_out);
    assert_eq!(world.ledger.sends[0].trigger, ghost.trigger, "the ghost takes the budget of a message");
    let again = world.ask();
    assert_eq!(again.assessments[0].verdict, Verdict::Suppressed(Reason::SameVisit));
}

#[test]
fn consent() {
    check(
        "consent",
        &[
            (|_| {}, None, "granted"),
            (|w| w.customer.consent.as_mut().unwrap().granted = false, Some(Reason::NoConsent), "not granted"),
            (|w| w.customer.consent = None, Some(Reason::NoConsent), "never asked"),
            (|w| w.customer.consent.as_mut().unwrap().expires = Some(NOW + Millis(1)), None, "granted"),
            (|w| w.customer.consent.as_mut().unwrap().expires = Some(NOW), Some(Reason::ConsentExpired), "expired"),
        ],
    );
}

#[test]
fn stopped() {
    const TOLD: &str = "wants to hear nothing at all";
    check(
        "stopped",
        &[
            (|_| {}, None, ""),
            (|w| w.customer.stopped = true, Some(Reason::Stopped), TOLD),
            (
                |w| {
                    w.customer.stopped = true;
                    w.campaign.transactional = true;
                },
                None,
                "",
            ),
        ],
    );
}

#[test]
fn paused() {
    check("paused", &[(|_| {}, None, ""), (|w| w.campaign.paused = true, Some(Reason::Paused), "paused")]);
}

#[test]
fn active_window() {
    const HOUR: Millis = Millis::from_hours(1);
    check(
        "active-window",
        &[
            (|_| {}, None, ""),
            (|w| w.campaign.active = ActiveWindow { start: Some(NOW), end: None }, None, "no end"),
            (|w| w.campaign.active = ActiveWindow { start: None, end: Some(NOW + HOUR) }, None, "ends in 1 h"),
            (
                |w| w.campaign.active.start = Some(NOW + HOUR),
                Some(Reason::NotActive { until: Some(NOW + HOUR) }),
                "begins in 1 h",
            ),
            (|w| w.campaign.active.end = Some(NOW), Some(Reason::NotActive { until: None }), "ended 0 s ago"),
        ],
    );
}

#[test]
fn staleness() {
    check(
        "staleness",
        &[
            (|_| {}, None, "0 s after it happened"),
            (|w| w.age = Millis::from_mins(15), None, "15 min after it happened"),
            (
                |w| w.age = Millis(900_001),
                Some(Reason::Stale { age: Millis(900_001) }),
                "15 min after it happened, at most 15 min",
            ),
        ],
    );
}

#[test]
fn topic() {
    check(
        "topic",
        &[
            (|_| {}, None, "opted in to offers"),
            (|w| w.campaign.topic = id!(TopicId, "parking"), Some(Reason::Topic), "not opted in to parking"),
            (
                |w| (w.campaign.topic, w.topic_default) = (id!(TopicId, "parking"), TopicDefault::OptOut),
                None,
                "not opted out of parking",
            ),
        ],
    );
}

#[test]
fn same_visit() {
    check(
        "same-visit",
        &[
            (|_| {}, None, ""),
            (
                |w| {
                    w.ask();
                },
                Some(Reason::SameVisit),
                "this visit had this message",
            ),
            (
                |w| {
                    w.ask();
                    w.transition.visit = id!(VisitId, "next");
                },
                None,
                "",
            ),
            (
                |w| {
                    w.ask();
                    w.campaign.id = id!(CampaignId, "scone");
                },
                None,
                "",
            ),
            (
                |w| {
                    let trigger = w.ask().winner.unwrap().trigger;
                    assert!(w.ledger.refund(&trigger));
                },
                None,
                "",
            ),
        ],
    );
}

#[test]
fn all_are_asked_and_the_first_refusal_is_the_reason() {
    let mut world = World::new();
    world.customer.consent = None;
    world.campaign.paused = true;
    world.age = Millis::from_hours(1);
    world.campaign.caps =
        vec![Cap { scope: CapScope::Topic, limit: 3, window: CapWindow::Rolling(Millis::from_days(1)) }];
    let assessment = world.ask().assessments.remove(0);
    let steps: Vec<_> = assessment.policies.iter().map(|step| (step.policy, step.refusal.is_none())).collect();
    assert_eq!(
        steps,
        [("consent", false), ("paused", false), ("staleness", false), ("topic", true), ("topic-cap", true),]
    );
    assert_eq!(assessment.verdict, Verdict::Suppressed(Reason::NoConsent));
    assert_eq!(world.ledger, super::Ledger::default());
}
