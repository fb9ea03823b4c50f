//! Each kind of rule, in a table.

use super::events::event;
use super::{NOW, World, id};
use crate::model::rule::EventCondition;
use crate::model::{
    Campaign, Condition, Currency, JourneyStep, LanguageRange, Millis, Money, Platform, Reason, Rule, Scalar,
    ServerTime, Test, Times, Version,
};
use crate::qualify::AtStage;
use std::sync::Arc;

fn one(condition: Condition) -> Rule {
    Rule::One(Arc::new(condition))
}

fn has(name: &str, test: Test) -> Rule {
    one(Condition::Trait(id!(TraitName, name), test))
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.into())
}

fn did(name: &str, at_least: u32, at_most: Option<u32>, change: impl FnOnce(&mut EventCondition)) -> Rule {
    let times = Times { at_least, at_most };
    let event = id!(EventName, name);
    let mut condition =
        EventCondition { event, times, days: None, worth: None, last: Vec::new(), after_stage: false };
    change(&mut condition);
    one(Condition::Event(condition))
}

fn visits(brand: Option<&str>, at_least: u32, at_most: Option<u32>) -> Rule {
    let brand = brand.map(|brand| id!(BrandId, brand));
    one(Condition::Visits { brand, times: Times { at_least, at_most }, after_stage: false })
}

fn days_ago(days: i64) -> ServerTime {
    NOW - Millis::from_days(days)
}

/// Ada has 40 points and is gold; she bought for 4.50 USD 40 days ago and for 8 USD 3 days ago, browsed today, and
/// visited roost twice and kettle once. Her phone speaks Mexican Spanish and runs version 2.10 of the app.
fn world() -> World {
    let mut world = World::new();
    world.customer.traits =
        [(id!(TraitName, "points"), Scalar::Number(40.0)), (id!(TraitName, "tier"), text("gold"))].into();
    for event in [
        event(1, "purchase", days_ago(40), Some((4.5, "USD"))),
        event(2, "purchase", days_ago(3), Some((8.0, "USD"))),
        event(3, "browse", NOW, None),
    ] {
        world.events.record(&event, NOW);
    }
    for (brand, visit) in [("roost", "a"), ("kettle", "b"), ("roost", "c")] {
        world.visits.count(&id!(BrandId, brand), &id!(VisitId, visit), NOW);
    }
    "es-MX".clone_into(&mut world.device.locale);
    world.device.app_version = Some(Version::parse("version", "2.10").unwrap());
    world
}

/// Asks a campaign with this rule; nothing in `words`: it passes.
fn check(rule: Rule, words: &str) {
    let mut world = world();
    world.campaign.audience = Some(rule);
    let assessment = world.ask().assessments.remove(0);
    let step = assessment.policies.iter().find(|step| step.policy == "audience").unwrap();
    let refused = if words.is_empty() { None } else { Some(Reason::Audience) };
    let expected = if words.is_empty() { "one of them" } else { words };
    assert_eq!((step.refusal.as_ref(), step.detail.to_string().as_str()), (refused.as_ref(), expected));
}

#[test]
fn a_campaign_without_a_rule_is_for_everybody() {
    let assessment = world().ask().assessments.remove(0);
    assert!(assessment.policies.iter().all(|step| step.policy != "audience"));
}

#[test]
fn traits() {
    use Test::{Contains, Equals, Exists, Greater, Less, Not, OneOf};
    let points = |test| has("points", test);
    for (rule, words) in [
        (has("tier", Equals(text("gold"))), ""),
        (has("tier", Equals(text("silver"))), "needs trait tier = silver, is gold"),
        (has("vip", Equals(Scalar::Flag(true))), "needs trait vip = true, has none"),
        (has("tier", Not(text("silver"))), ""),
        (has("vip", Not(text("silver"))), ""),
        (has("tier", Not(text("gold"))), "needs trait tier other than gold, is gold"),
        (points(Less(40.5)), ""),
        (points(Less(40.0)), "needs trait points below 40, is 40"),
        (points(Greater(39.5)), ""),
        (points(Greater(40.0)), "needs trait points above 40, is 40"),
        (has("tier", Greater(1.0)), "needs trait tier above 1, is gold"),
        (has("tier", Contains("old".into())), ""),
        (has("tier", Contains("Gold".into())), "needs trait tier with “Gold” in it, is gold"),
        (points(Contains("4".into())), "needs trait points with “4” in it, is 40"),
        (has("tier", OneOf(vec![text("silver"), text("gold")])), ""),
        (has("tier", OneOf(vec![text("a"), text("b"), text("c")])), "needs trait tier = a, b or 1 more, is gold"),
        (has("tier", Exists(true)), ""),
        (has("tier", Exists(false)), "needs trait tier that does not exist, is gold"),
        (has("vip", Exists(true)), "needs trait vip that exists, has none"),
        (has("vip", Exists(false)), ""),
    ] {
        check(rule, words);
    }
}

#[test]
fn events() {
    let usd = |units| Money::new("worth", units, Currency::parse("currency", "USD").unwrap()).unwrap();
    let eur = Money { currency: Currency::parse("currency", "EUR").unwrap(), ..usd(1.0) };
    let last = |condition: &mut EventCondition, number: f64| {
        condition.last = vec![(id!(PropertyName, "number"), Test::Equals(Scalar::Number(number)))];
    };
    let none = |_: &mut EventCondition| {};
    for (rule, words) in [
        (did("purchase", 2, None, none), ""),
        (did("purchase", 3, None, none), "needs event purchase at least 3 times, had 2"),
        (did("purchase", 2, None, |own| own.days = Some(30)), "needs event purchase at least 2 times in 30 d, had 1"),
        (did("purchase", 2, None, |own| own.days = Some(40)), ""),
        (did("purchase", 1, None, |own| own.days = Some(2)), "needs event purchase at least 1 time in 2 d, had 0"),
        (did("open", 1, None, none), "needs event open at least 1 time, had 0"),
        (did("open", 0, Some(0), none), ""),
        (did("purchase", 0, Some(0), none), "needs event purchase never, had 2"),
        (did("purchase", 0, Some(0), |own| own.days = Some(2)), ""),
        (did("purchase", 1, Some(1), none), "needs event purchase exactly 1 time, had 2"),
        (did("purchase", 0, Some(1), none), "needs event purchase at most 1 time, had 2"),
        (did("purchase", 3, Some(5), none), "needs event purchase 3 to 5 times, had 2"),
        (did("purchase", 1, None, |own| own.worth = Some(usd(12.5))), ""),
        (
            did("purchase", 1, None, |own| own.worth = Some(usd(12.51))),
            "needs event purchase at least 1 time worth 12.51 USD, had 12.50 USD",
        ),
        (
            did("purchase", 1, None, |own| (own.worth, own.days) = (Some(usd(10.0)), Some(7))),
            "needs event purchase at least 1 time worth 10.00 USD in 7 d, had 8.00 USD",
        ),
        (
            did("purchase", 1, None, |own| own.worth = Some(eur)),
            "needs event purchase at least 1 time worth 1.00 EUR, had 0.00 EUR",
        ),
        (did("purchase", 1, None, |own| last(own, 2.0)), ""),
        (
            did("purchase", 1, None, |own| last(own, 1.0)),
            "needs event purchase at least 1 time whose last has number = 1, is 2",
        ),
        (
            did("purchase", 0, None, |own| {
                last(own, 2.0);
                own.days = Some(2);
            }),
            "needs event purchase however often in 2 d whose last has number = 2, has none",
        ),
    ] {
        check(rule, words);
    }
}

#[test]
fn devices_and_places() {
    let ranges = |all: &[&str]| all.iter().map(|range| LanguageRange::parse("range", range).unwrap()).collect();
    let version = |text| Some(Version::parse("version", text).unwrap());
    let app = |at_least, below| one(Condition::AppVersion { at_least, below });
    let zones = |all: &[&str]| one(Condition::TimeZone(all.iter().map(ToString::to_string).collect()));
    for (rule, words) in [
        (one(Condition::Locale(ranges(&["fr", "ES"]))), ""),
        (one(Condition::Locale(ranges(&["es-ES"]))), "needs locale es-ES, is es-MX"),
        (one(Condition::Platform(vec![Platform::Ios])), ""),
        (one(Condition::Platform(vec![Platform::Android, Platform::Web])), "needs platform android or web, is ios"),
        (app(version("2.9.3"), None), ""),
        (app(version("2.10.1"), None), "needs app version 2.10.1 or later, is 2.10"),
        (app(None, version("2.10.0")), "needs app version below 2.10.0, is 2.10"),
        (app(version("2"), version("2.11")), ""),
        (zones(&["America/Denver"]), ""),
        (zones(&["Europe/Berlin"]), "needs time zone Europe/Berlin, is America/Denver"),
    ] {
        check(rule, words);
    }
    let mut world = world();
    world.device.app_version = None;
    world.campaign.audience = Some(app(None, version("9")));
    let assessment = world.ask().assessments.remove(0);
    let step = assessment.policies.iter().find(|step| step.policy == "audience").unwrap();
    assert_eq!(step.detail.to_string(), "needs app version below 9, has none");
}

#[test]
fn visits_to_a_brand() {
    for (rule, words) in [
        (visits(None, 2, None), ""),
        (visits(None, 2, Some(2)), ""),
        (visits(None, 1, Some(1)), "needs visits to the brand exactly 1 time, had 2"),
        (visits(Some("kettle"), 1, Some(1)), ""),
        (visits(Some("kettle"), 2, None), "needs visits to kettle at least 2 times, had 1"),
        (visits(Some("larkspur"), 0, Some(0)), ""),
        (visits(Some("larkspur"), 1, None), "needs visits to larkspur at least 1 time, had 0"),
    ] {
        check(rule, words);
    }
}

#[test]
fn rules_of_rules() {
    let (good, bad) = (|| has("tier", Test::Exists(true)), || has("vip", Test::Exists(true)));
    let needs = "needs trait vip that exists, has none";
    let excludes = "excludes trait tier that exists, is gold";
    for (rule, words) in [
        (Rule::All(vec![good(), good()]), String::new()),
        (Rule::All(vec![good(), bad()]), needs.to_owned()),
        (Rule::Any(vec![bad(), good()]), String::new()),
        (Rule::Any(vec![bad(), bad()]), format!("{needs}; or one other rule")),
        (Rule::Any(vec![bad(), bad(), bad()]), format!("{needs}; or one of 2 other rules")),
        (Rule::None(vec![bad(), bad()]), String::new()),
        (Rule::None(vec![bad(), good()]), excludes.to_owned()),
        (Rule::None(vec![Rule::All(vec![good(), bad()])]), String::new()),
        (Rule::None(vec![Rule::All(vec![good(), good()])]), excludes.to_owned()),
        (Rule::None(vec![Rule::Any(vec![bad(), good()])]), excludes.to_owned()),
        (Rule::None(vec![Rule::None(vec![good()])]), String::new()),
        (Rule::None(vec![Rule::None(vec![bad()])]), needs.to_owned()),
        (Rule::All(vec![Rule::Any(vec![bad(), good()]), Rule::None(vec![good()])]), excludes.to_owned()),
    ] {
        check(rule, &words);
    }
}

#[test]
fn a_campaign_speaks_at_its_stage() {
    let at = |stage: &str| AtStage { stage: id!(StageId, stage), since: NOW, located: false, sent: None };
    for (stage, words) in [
        (Some("browsed"), "at stage browsed of loyal"),
        (Some("bought"), "needs stage browsed of loyal, is at bought"),
        (None, "needs stage browsed of loyal, has not begun it"),
    ] {
        let mut world = world();
        let (journey, stage_id) = (id!(JourneyId, "loyal"), id!(StageId, "browsed"));
        world.campaign.journey = Some(JourneyStep { journey: journey.clone(), stage: stage_id, advances: false });
        world.stages.journeys = stage.map(|stage| (journey, at(stage))).into_iter().collect();
        let assessment = world.ask().assessments.remove(0);
        let step = assessment.policies.iter().find(|step| step.policy == "journey-stage").unwrap();
        let refusal = (stage != Some("browsed")).then_some(Reason::JourneyStage);
        assert_eq!((step.refusal.as_ref(), step.detail.to_string().as_str()), (refusal.as_ref(), words));
        let rule = one(Condition::Stage { journey: id!(JourneyId, "loyal"), stages: vec![id!(StageId, "browsed")] });
        world.campaign = Campaign { audience: Some(rule), journey: None, ..world.campaign };
        world.transition.visit = id!(VisitId, "next");
        let found = world.ask().assessments.remove(0);
        let step = found.policies.iter().find(|step| step.policy == "audience").unwrap();
        assert_eq!(step.refusal.is_some(), refusal.is_some(), "{}", step.detail);
    }
}
