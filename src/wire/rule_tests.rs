//! What is wrong with a rule is told by its path.

use super::v1;
use crate::model::{Invalid, Rule};
use v1::rule::Kind;
use v1::value_test::Kind as Test;

fn rule(kind: Kind) -> v1::Rule {
    v1::Rule { kind: Some(kind) }
}

fn list(rules: Vec<v1::Rule>) -> v1::RuleList {
    v1::RuleList { rules }
}

fn locale(ranges: &[&str]) -> v1::Rule {
    rule(Kind::Locale(v1::LocaleRule { ranges: ranges.iter().map(ToString::to_string).collect() }))
}

fn nested(levels: usize) -> v1::Rule {
    (1..levels).fold(locale(&["es"]), |inner, _| rule(Kind::All(list(vec![inner]))))
}

/// The refusal of a rule as the audience of a campaign; empty: it is taken.
fn refusal(wire: v1::Rule) -> String {
    let refused = Rule::try_from(wire).err().map(|why: Invalid| why.under("audience").to_string());
    refused.unwrap_or_default()
}

#[test]
fn depth_and_size_are_bounded() {
    assert_eq!(refusal(nested(5)), "");
    let deep = "audience.all.rules[0].all.rules[0].all.rules[0].all.rules[0].all.rules[0] lies too deep; rules lie at most 5 deep in each other";
    assert_eq!(refusal(nested(6)), deep);
    // A thousand levels are refused as early.
    assert_eq!(refusal(nested(90)), deep);
    let many = |n| rule(Kind::Any(list(vec![locale(&["es"]); n])));
    assert_eq!(refusal(many(49)), "");
    assert_eq!(refusal(many(50)), "audience.any.rules[49] is one too many; a rule holds at most 50, itself included");
    let two = rule(Kind::None(list(vec![many(24), many(24)])));
    assert_eq!(
        refusal(two),
        "audience.none.rules[1].any.rules[23] is one too many; a rule holds at most 50, itself included"
    );
}

#[test]
fn each_kind_is_refused_at_its_field() {
    let text = |text: &str| v1::Scalar { kind: Some(v1::scalar::Kind::Text(text.into())) };
    let of_trait = |kind| {
        let test = v1::ValueTest { kind };
        rule(Kind::Trait(v1::TraitRule { trait_name: "tier".into(), test: Some(test) }))
    };
    let event = |change: fn(&mut v1::EventRule)| {
        let mut event = v1::EventRule { event_name: "purchase".into(), ..Default::default() };
        change(&mut event);
        rule(Kind::Event(event))
    };
    let visits = |at_least, at_most| rule(Kind::Visits(v1::VisitRule { at_least, at_most, ..Default::default() }));
    let zones = |zones: &[&str]| {
        rule(Kind::TimeZone(v1::TimeZoneRule { time_zones: zones.iter().map(ToString::to_string).collect() }))
    };
    let app = |at_least: &str, below: &str| {
        rule(Kind::AppVersion(v1::AppVersionRule { at_least: at_least.into(), below: below.into() }))
    };
    let values = |n| v1::ScalarList { values: vec![text("gold"); n] };
    for (wire, path) in [
        (v1::Rule::default(), "audience.kind is absent"),
        (rule(Kind::All(list(vec![]))), "audience.all.rules is empty"),
        (rule(Kind::None(list(vec![v1::Rule::default()]))), "audience.none.rules[0].kind is absent"),
        (rule(Kind::Trait(v1::TraitRule::default())), "audience.trait.trait_name is \"\""),
        (rule(Kind::Trait(v1::TraitRule { trait_name: "t".into(), test: None })), "audience.trait.test is absent"),
        (of_trait(None), "audience.trait.test.kind is absent"),
        (of_trait(Some(Test::EqualTo(v1::Scalar::default()))), "audience.trait.test.equal_to.kind is absent"),
        (of_trait(Some(Test::NotEqualTo(text(&"x".repeat(101))))), "audience.trait.test.not_equal_to.text has 101"),
        (of_trait(Some(Test::LessThan(f64::NAN))), "audience.trait.test.less_than is NaN"),
        (of_trait(Some(Test::Contains(String::new()))), "audience.trait.test.contains has 0"),
        (of_trait(Some(Test::OneOf(values(0)))), "audience.trait.test.one_of.values is empty"),
        (of_trait(Some(Test::OneOf(values(21)))), "audience.trait.test.one_of.values has 21"),
        (event(|own| own.event_name.clear()), "audience.event.event_name is"),
        (event(|own| own.within_days = Some(0)), "audience.event.within_days is 0; must be 1 to 90"),
        (event(|own| own.within_days = Some(91)), "audience.event.within_days is 91; must be 1 to 90"),
        (event(|own| own.at_least = Some(-1)), "audience.event.at_least is -1"),
        (
            event(|own| (own.at_least, own.at_most) = (Some(2), Some(1))),
            "audience.event.at_most is 1; must not be below at_least, which is 2",
        ),
        (event(|own| own.worth_at_least = Some(v1::Amount::default())), "audience.event.worth_at_least.currency is"),
        (
            event(|own| own.last_properties = vec![v1::PropertyRule::default()]),
            "audience.event.last_properties[0].property_name",
        ),
        (
            event(|own| own.last_properties = vec![v1::PropertyRule::default(); 5]),
            "audience.event.last_properties has 5",
        ),
        (
            event(|own| (own.at_most, own.last_properties) = (Some(1), vec![v1::PropertyRule::default()])),
            "audience.event.last_properties can't be combined with at_most",
        ),
        (locale(&[]), "audience.locale.ranges is empty"),
        (locale(&["es", "e_s"]), "audience.locale.ranges[1] is \"e_s\""),
        (
            rule(Kind::Platform(v1::PlatformRule { platforms: vec![1, 0] })),
            "audience.platform.platforms[1] is UNSPECIFIED",
        ),
        (app("", ""), "audience.app_version.at_least is empty"),
        (app("2", "new"), "audience.app_version.below is \"new\""),
        (zones(&["Europe/Berlin", "Mars/Olympus"]), "audience.time_zone.time_zones[1] is"),
        (visits(Some(1_000_001), None), "audience.visits.at_least is 1000001"),
        (event(|own| own.after_stage = true), "audience.event.after_stage is set; only a rule of a journey"),
        (
            rule(Kind::Visits(v1::VisitRule { after_stage: true, ..Default::default() })),
            "audience.visits.after_stage is set",
        ),
        (rule(Kind::Stage(v1::StageRule::default())), "audience.stage.stages is empty"),
        (
            rule(Kind::Stage(v1::StageRule { journey: "loyal".into(), stages: vec!["a".into()] })),
            "audience.stage.journey is",
        ),
    ] {
        let refusal = refusal(wire);
        assert!(refusal.starts_with(path), "{refusal}\n  is not about\n{path}");
    }
}
