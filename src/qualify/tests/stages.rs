//! How journeys go on.

use super::events::event;
use super::{NOW, World, id};
use crate::model::rule::EventCondition;
use crate::model::{Condition, Journey, Millis, Rule, ServerTime, Stage, Times};
use crate::qualify::{Deed, JourneyBook, Person, Stages};
use std::sync::Arc;

fn did(name: &str, after_stage: bool) -> Rule {
    let (event, times) = (id!(EventName, name), Times { at_least: 1, at_most: None });
    let condition = EventCondition { event, times, days: None, worth: None, last: Vec::new(), after_stage };
    Rule::One(Arc::new(Condition::Event(condition)))
}

fn journey(stages: &[&str], after_stage: bool) -> Journey {
    let stage =
        |name: &&str| Stage { id: id!(StageId, name), display_name: (*name).into(), enter: did(name, after_stage) };
    Journey {
        id: id!(JourneyId, "loyal"),
        display_name: "loyal".into(),
        brand: id!(BrandId, "roost"),
        stages: stages.iter().map(stage).collect(),
        skips: false,
        restart: None,
    }
}

/// Events, one a minute, lead to these stages; `-`: to none.
fn check(journey: Journey, told: &[(&str, &str)]) {
    let book = JourneyBook::build([Arc::new(journey)]);
    let mut world = World::new();
    for (number, (name, stage)) in told.iter().enumerate() {
        let at = NOW + Millis::from_mins(i64::try_from(number).unwrap());
        world.events.record(&event(number, name, at, None), at);
        world.stages = book.advance(&world.stages, &deed(&world, at));
        let reached = world.stages.of(&id!(JourneyId, "loyal")).map_or("-", |stage| stage.as_str());
        assert_eq!(reached, *stage, "{number}: {name}");
    }
}

fn deed(world: &World, at: ServerTime) -> Deed<'_> {
    let World { customer, events, visits, stages, .. } = world;
    let person = Person { devices: &[], events, visits, stages };
    Deed { customer, person, zone: None, brand: None, at, now: at }
}

#[test]
fn stages_come_one_after_the_other() {
    let told = [("b", "-"), ("c", "-"), ("a", "c"), ("a", "c")];
    check(journey(&["a", "b", "c"], false), &told);
    let told = [("b", "-"), ("a", "a"), ("c", "a"), ("b", "b"), ("b", "b"), ("c", "c"), ("a", "c")];
    check(journey(&["a", "b", "c"], true), &told);
}

#[test]
fn stages_are_skipped_and_begun_anew_only_where_the_journey_says_so() {
    let skips = |journey| Journey { skips: true, ..journey };
    check(skips(journey(&["a", "b", "c"], true)), &[("b", "b"), ("a", "b"), ("c", "c"), ("b", "c")]);
    let restarts = Journey { restart: Some(did("end", true)), ..journey(&["a", "b"], true) };
    let told = [("end", "-"), ("a", "a"), ("b", "b"), ("a", "b"), ("end", "a"), ("end", "a"), ("b", "b")];
    check(restarts, &told);
}

#[test]
fn a_stage_that_is_no_more_is_begun_anew() {
    let mut world = World::new();
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        world.events.record(&event(number, name, NOW, None), NOW);
    }
    let advance = |world: &World, journeys: Vec<Journey>| {
        JourneyBook::build(journeys.into_iter().map(Arc::new)).advance(&world.stages, &deed(world, NOW))
    };
    world.stages = advance(&world, vec![journey(&["a", "b"], false)]);
    assert_eq!(world.stages.of(&id!(JourneyId, "loyal")), Some(&id!(StageId, "b")));
    let other = advance(&world, vec![journey(&["x", "a"], false)]);
    assert_eq!(other, Stages::NONE, "its first stage is one that nothing led to");
    assert_eq!(advance(&world, vec![]), Stages::NONE);
}
