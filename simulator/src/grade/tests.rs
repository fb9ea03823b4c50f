//! Grades of suites of a few lines; each expectation was checked against the reference grader.

use super::*;
use crate::route::{Truth, offset};
use crate::suite::SuiteFence;
use doorstep::model::{Circle, Metres, Position, VisitId};

fn here() -> Position {
    Position::new(39.74, -104.99).unwrap()
}

fn transition(device: &str, region: &str, kind: TransitionKind, second: i64) -> (DeviceId, Transition) {
    let at = DeviceTime(second * 1_000);
    let transition = Transition {
        kind,
        region: RegionId::parse("r", region).unwrap(),
        visit: VisitId::parse("v", "v").unwrap(),
        happened: at,
        decided: at,
        visit_start: at,
        belated: false,
    };
    (DeviceId::parse("d", device).unwrap(), transition)
}

fn visit(device: &str, region: &str, from: i64, to: i64, depth: Option<f64>) -> Visit {
    Visit {
        device: DeviceId::parse("d", device).unwrap(),
        region: RegionId::parse("r", region).unwrap(),
        start: DeviceTime(from * 1_000),
        end: DeviceTime(to * 1_000),
        depth: depth.map(Metres),
    }
}

/// A walk east at 1 m/s from 200 m west of the middle of a door of 50 m.
fn walk() -> Suite {
    let path = (0..400)
        .map(|second| Truth { at: DeviceTime(second * 1_000), position: offset(here(), second as f64 - 200.0, 0.0) });
    let circle = Circle::new(here(), Metres(50.0)).unwrap();
    Suite {
        name: "walk".to_owned(),
        kind: Kind::Walk,
        fences: vec![SuiteFence { id: RegionId::parse("r", "p:door").unwrap(), circle, expected: None }],
        beacons: Vec::new(),
        reports: Vec::new(),
        paths: BTreeMap::from([(DeviceId::parse("d", "p").unwrap(), path.collect())]),
        visits: vec![visit("p", "p:door", 150, 250, Some(50.0))],
    }
}

/// Enters and exits by second; expects `[recall, false, near misses, flaps]`.
fn check(enters: &[i64], exits: &[i64], expected: [f64; 4]) {
    let enters = enters.iter().map(|at| transition("p", "p:door", TransitionKind::Enter, *at));
    let exits = exits.iter().map(|at| transition("p", "p:door", TransitionKind::Exit, *at));
    let transitions: Vec<_> = enters.chain(exits).collect();
    let Grade::Walk(grade) = super::grade(&walk(), &transitions).grade else { panic!("another kind") };
    let got = [grade.recall, grade.false_enters as f64, grade.near_miss_enters as f64, grade.flaps as f64];
    let off = got.iter().zip(expected).map(|(got, expected)| (got - expected).abs()).fold(0.0, f64::max);
    assert!(off < 1e-9, "{transitions:?}: got {got:?}, expected {expected:?}");
}

#[test]
fn an_enter_belongs_to_a_visit_or_is_a_near_miss_or_false() {
    check(&[160], &[260], [1.0, 0.0, 0.0, 0.0]);
    check(&[140], &[], [1.0, 0.0, 0.0, 0.0]);
    check(&[280], &[], [1.0, 0.0, 0.0, 0.0]);
    check(&[160, 200, 240], &[180, 220], [1.0, 0.0, 0.0, 2.0]);
    check(&[], &[], [0.0, 0.0, 0.0, 0.0]);
    // The edge is 10 m away 20 s before, and 35 s after, the visit's edges are 10 s and 30 s away.
    check(&[139], &[145], [0.0, 0.0, 1.0, 0.0]);
    check(&[300], &[], [0.0, 1.0, 0.0, 0.0]);
    // Inside since long ago: the visit was seen.
    check(&[20], &[], [1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn shallow_and_short_visits_are_not_asked_for() {
    for (from, to, depth, clear) in
        [(150, 250, 50.0, 1), (150, 250, 14.0, 0), (150, 179, 50.0, 0), (150, 180, 15.0, 1)]
    {
        let suite = Suite { visits: vec![visit("p", "p:door", from, to, Some(depth))], ..walk() };
        let Grade::Walk(grade) = super::grade(&suite, &[]).grade else { panic!("another kind") };
        assert_eq!(grade.clear_visits, clear, "{from} to {to}, {depth} m deep");
    }
}

#[test]
fn rooms_are_right_by_the_second() {
    let suite = Suite {
        kind: Kind::Rooms,
        visits: vec![visit("p", "left", 0, 100, None), visit("p", "right", 100, 200, None)],
        ..walk()
    };
    for (second_enter, right, wrong) in [(105, 1.0, 0.0), (160, 0.75, 0.25)] {
        let transitions = [
            transition("p", "left", TransitionKind::Enter, 5),
            transition("p", "right", TransitionKind::Enter, second_enter),
            transition("p", "left", TransitionKind::Exit, second_enter),
        ];
        let Grade::Rooms(grade) = super::grade(&suite, &transitions).grade else { panic!("another kind") };
        assert_eq!((grade.right, grade.wrong, grade.enters, grade.true_moves), (right, wrong, 2, 2));
    }
}

#[test]
fn the_json_is_that_of_the_reference_grader() {
    let transitions = [transition("p", "p:door", TransitionKind::Enter, 160)];
    let json = serde_json::to_string(&super::grade(&walk(), &transitions).grade).unwrap();
    let expected = r#"{"enters":1,"clear_visits":1,"false_enters":0,"near_miss_enters":0,"flaps":0,"recall":1.0,"delay_p50_s":null,"delay_p90_s":null}"#;
    assert_eq!(json, expected);
}
