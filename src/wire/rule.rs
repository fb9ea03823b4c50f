//! Rules about customers.

use super::customer::platform;
use super::place::time_zone;
use super::{each, finite, ids, name, required, v1};
use crate::model::event::TEXT_MAX;
use crate::model::invalid::{at_most, text};
use crate::model::journey::STAGES_MAX;
use crate::model::rule::{CHOICES_MAX, EventCondition, RULE_DEPTH_MAX, RULES_MAX, TESTS_MAX, TIMES_MAX};
use crate::model::{
    BrandId, Condition, EventName, Invalid, LanguageRange, Money, PropertyName, Rule, Scalar, StageId, Test, Times,
    TraitName, Version,
};
use crate::qualify::DAYS_KEPT;
use std::sync::Arc;
use v1::rule::Kind;

impl TryFrom<v1::Rule> for Rule {
    type Error = Invalid;

    fn try_from(wire: v1::Rule) -> Result<Self, Invalid> {
        Reader { left: RULES_MAX, in_journey: false }.rule(wire, RULE_DEPTH_MAX)
    }
}

/// Parses a rule of a journey, which may ask what came after its present stage.
pub(super) fn of_journey(wire: v1::Rule) -> Result<Rule, Invalid> {
    Reader { left: RULES_MAX, in_journey: true }.rule(wire, RULE_DEPTH_MAX)
}

impl From<&Rule> for v1::Rule {
    fn from(rule: &Rule) -> Self {
        let list = |rules: &[Rule]| v1::RuleList { rules: rules.iter().map(Into::into).collect() };
        Self {
            kind: Some(match rule {
                Rule::All(rules) => Kind::All(list(rules)),
                Rule::Any(rules) => Kind::Any(list(rules)),
                Rule::None(rules) => Kind::None(list(rules)),
                Rule::One(condition) => condition_message(condition),
            }),
        }
    }
}

/// Reads one rule with those in it.
struct Reader {
    /// How many rules it may hold yet.
    left: usize,
    in_journey: bool,
}

impl Reader {
    /// Parses a rule that may hold so many levels of rules.
    fn rule(&mut self, wire: v1::Rule, depth: usize) -> Result<Rule, Invalid> {
        let Some(kind) = wire.kind else {
            return Err(Invalid::new("kind", "is absent; must be one kind of rule, such as all or event"));
        };
        if depth == 0 {
            let problem = format!("lies too deep; rules lie at most {RULE_DEPTH_MAX} deep in each other");
            return Err(Invalid::new("", problem));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Invalid::new("", format!("is one too many; a rule holds at most {RULES_MAX}, itself included"))
        })?;
        match kind {
            Kind::All(wire) => Ok(Rule::All(self.list("all", wire, depth)?)),
            Kind::Any(wire) => Ok(Rule::Any(self.list("any", wire, depth)?)),
            Kind::None(wire) => Ok(Rule::None(self.list("none", wire, depth)?)),
            one => Ok(Rule::One(Arc::new(self.condition(one)?))),
        }
    }

    fn list(&mut self, field: &str, wire: v1::RuleList, depth: usize) -> Result<Vec<Rule>, Invalid> {
        if wire.rules.is_empty() {
            return Err(Invalid::new(format!("{field}.rules"), "is empty; must have at least one rule"));
        }
        let rules = wire.rules.into_iter().enumerate();
        let rules = rules.map(|(index, wire)| self.rule(wire, depth - 1).map_err(|why| why.at("rules", index)));
        rules.collect::<Result<Vec<Rule>, _>>().map_err(|why| why.under(field))
    }

    fn condition(&self, kind: Kind) -> Result<Condition, Invalid> {
        let (field, after_stage, condition) = match kind {
            Kind::All(_) | Kind::Any(_) | Kind::None(_) => {
                ("kind", false, Err(Invalid::new("", "holds other rules")))
            }
            Kind::Trait(wire) => ("trait", false, trait_rule(wire)),
            Kind::Event(wire) => ("event", wire.after_stage, event_rule(wire).map(Condition::Event)),
            Kind::Locale(wire) => ("locale", false, locale_rule(&wire)),
            Kind::Platform(wire) => ("platform", false, platform_rule(&wire)),
            Kind::AppVersion(wire) => ("app_version", false, app_version_rule(&wire)),
            Kind::TimeZone(wire) => ("time_zone", false, time_zone_rule(&wire)),
            Kind::Visits(wire) => ("visits", wire.after_stage, visit_rule(&wire)),
            Kind::Stage(wire) => ("stage", false, stage_rule(&wire)),
        };
        if after_stage && !self.in_journey {
            let problem = "is set; only a rule of a journey has a present stage";
            return Err(Invalid::new("after_stage", problem).under(field));
        }
        condition.map_err(|why| why.under(field))
    }
}

fn trait_rule(wire: v1::TraitRule) -> Result<Condition, Invalid> {
    let name = TraitName::parse("trait_name", &wire.trait_name)?;
    Ok(Condition::Trait(name, value_test("test", wire.test)?))
}

/// Tests of the properties of one event.
pub(super) fn properties(field: &str, wire: Vec<v1::PropertyRule>) -> Result<Vec<(PropertyName, Test)>, Invalid> {
    at_most(field, wire.len(), TESTS_MAX)?;
    each(field, wire, |wire| {
        let name = PropertyName::parse("property_name", &wire.property_name)?;
        Ok((name, value_test("test", wire.test)?))
    })
}

fn event_rule(wire: v1::EventRule) -> Result<EventCondition, Invalid> {
    let days = |days: i32| {
        let range = u16::try_from(days).ok().filter(|days| (1..=DAYS_KEPT).contains(days));
        range.ok_or_else(|| Invalid::new("within_days", format!("is {days}; must be 1 to {DAYS_KEPT}")))
    };
    if wire.at_most.is_some() && !wire.last_properties.is_empty() {
        let problem = "can't be combined with at_most: only of the last event are properties kept";
        return Err(Invalid::new("last_properties", problem));
    }
    Ok(EventCondition {
        event: EventName::parse("event_name", &wire.event_name)?,
        times: times(wire.at_least, wire.at_most)?,
        days: wire.within_days.map(days).transpose()?,
        worth: wire.worth_at_least.map(Money::try_from).transpose().map_err(|why| why.under("worth_at_least"))?,
        last: properties("last_properties", wire.last_properties)?,
        after_stage: wire.after_stage,
    })
}

fn locale_rule(wire: &v1::LocaleRule) -> Result<Condition, Invalid> {
    some("ranges", wire.ranges.len(), CHOICES_MAX)?;
    Ok(Condition::Locale(each("ranges", &wire.ranges, |range| LanguageRange::parse("", range))?))
}

fn platform_rule(wire: &v1::PlatformRule) -> Result<Condition, Invalid> {
    some("platforms", wire.platforms.len(), 3)?;
    Ok(Condition::Platform(each("platforms", &wire.platforms, |one| platform("", *one))?))
}

fn app_version_rule(wire: &v1::AppVersionRule) -> Result<Condition, Invalid> {
    let read = |field, text: &str| (!text.is_empty()).then(|| Version::parse(field, text)).transpose();
    let (at_least, below) = (read("at_least", &wire.at_least)?, read("below", &wire.below)?);
    if at_least.is_none() && below.is_none() {
        return Err(Invalid::new("at_least", "is empty, and so is below; one of them is required"));
    }
    Ok(Condition::AppVersion { at_least, below })
}

fn time_zone_rule(wire: &v1::TimeZoneRule) -> Result<Condition, Invalid> {
    some("time_zones", wire.time_zones.len(), CHOICES_MAX)?;
    Ok(Condition::TimeZone(ids("time_zones", &wire.time_zones, CHOICES_MAX, time_zone)?))
}

fn visit_rule(wire: &v1::VisitRule) -> Result<Condition, Invalid> {
    let brand = (!wire.brand.is_empty()).then(|| BrandId::parse("brand", &wire.brand)).transpose()?;
    Ok(Condition::Visits { brand, times: times(wire.at_least, wire.at_most)?, after_stage: wire.after_stage })
}

fn stage_rule(wire: &v1::StageRule) -> Result<Condition, Invalid> {
    some("stages", wire.stages.len(), STAGES_MAX)?;
    let journey = name::journey("journey", &wire.journey)?;
    Ok(Condition::Stage { journey, stages: ids("stages", &wire.stages, STAGES_MAX, StageId::parse)? })
}

fn times(at_least: Option<i32>, at_most: Option<i32>) -> Result<Times, Invalid> {
    let read = |field, times: i32| {
        let range = u32::try_from(times).ok().filter(|times| *times <= TIMES_MAX);
        range.ok_or_else(|| Invalid::new(field, format!("is {times}; must be 0 to {TIMES_MAX}")))
    };
    let most = at_most.map(|most| read("at_most", most)).transpose()?;
    let least = at_least.map(|least| read("at_least", least)).transpose()?;
    let least = least.unwrap_or_else(|| u32::from(most.is_none()));
    match most {
        Some(most) if most < least => {
            Err(Invalid::new("at_most", format!("is {most}; must not be below at_least, which is {least}")))
        }
        at_most => Ok(Times { at_least: least, at_most }),
    }
}

fn value_test(field: &str, wire: Option<v1::ValueTest>) -> Result<Test, Invalid> {
    use v1::value_test::Kind as Wire;
    let kind = required(field, wire)?.kind;
    let under = |inner: &str, scalar: v1::Scalar| Scalar::try_from(scalar).map_err(|why| why.under(inner));
    let test = match kind {
        None => Err(Invalid::new("kind", "is absent; must be one kind of test, such as equal_to")),
        Some(Wire::Exists(wanted)) => Ok(Test::Exists(wanted)),
        Some(Wire::EqualTo(value)) => under("equal_to", value).map(Test::Equals),
        Some(Wire::NotEqualTo(value)) => under("not_equal_to", value).map(Test::Not),
        Some(Wire::LessThan(limit)) => finite("less_than", limit).map(Test::Less),
        Some(Wire::GreaterThan(limit)) => finite("greater_than", limit).map(Test::Greater),
        Some(Wire::Contains(part)) => text("contains", &part, 1, TEXT_MAX).map(Test::Contains),
        Some(Wire::OneOf(list)) => some("one_of.values", list.values.len(), CHOICES_MAX)
            .and_then(|()| each("one_of.values", list.values, Scalar::try_from))
            .map(Test::OneOf),
    };
    test.map_err(|why| why.under(field))
}

fn some(field: &str, len: usize, most: usize) -> Result<(), Invalid> {
    if len == 0 {
        return Err(Invalid::new(field, format!("is empty; must have 1 to {most} entries")));
    }
    at_most(field, len, most)
}

fn condition_message(condition: &Condition) -> Kind {
    match condition {
        Condition::Trait(name, test) => {
            Kind::Trait(v1::TraitRule { trait_name: name.to_string(), test: Some(test_message(test)) })
        }
        Condition::Event(condition) => Kind::Event(event_message(condition)),
        Condition::Locale(ranges) => {
            let ranges = ranges.iter().map(|range| range.as_str().to_owned()).collect();
            Kind::Locale(v1::LocaleRule { ranges })
        }
        Condition::Platform(platforms) => Kind::Platform(v1::PlatformRule {
            platforms: platforms.iter().map(|one| v1::Platform::from(*one).into()).collect(),
        }),
        Condition::AppVersion { at_least, below } => {
            let text =
                |version: &Option<Version>| version.as_ref().map_or_else(String::new, |own| own.as_str().into());
            Kind::AppVersion(v1::AppVersionRule { at_least: text(at_least), below: text(below) })
        }
        Condition::TimeZone(zones) => Kind::TimeZone(v1::TimeZoneRule { time_zones: zones.clone() }),
        Condition::Visits { brand, times, after_stage } => {
            let (at_least, at_most) = times_message(*times);
            let brand = brand.as_ref().map(ToString::to_string).unwrap_or_default();
            Kind::Visits(v1::VisitRule { brand, at_least, at_most, after_stage: *after_stage })
        }
        Condition::Stage { journey, stages } => Kind::Stage(v1::StageRule {
            journey: name::journey_name(journey),
            stages: stages.iter().map(ToString::to_string).collect(),
        }),
    }
}

fn event_message(condition: &EventCondition) -> v1::EventRule {
    let (at_least, at_most) = times_message(condition.times);
    v1::EventRule {
        event_name: condition.event.to_string(),
        at_least,
        at_most,
        within_days: condition.days.map(i32::from),
        worth_at_least: condition.worth.as_ref().map(Into::into),
        last_properties: properties_message(&condition.last),
        after_stage: condition.after_stage,
    }
}

/// Tests of the properties of one event.
pub(super) fn properties_message(tests: &[(PropertyName, Test)]) -> Vec<v1::PropertyRule> {
    let property = |(name, test): &(PropertyName, Test)| v1::PropertyRule {
        property_name: name.to_string(),
        test: Some(test_message(test)),
    };
    tests.iter().map(property).collect()
}

fn times_message(times: Times) -> (Option<i32>, Option<i32>) {
    (Some(times.at_least.cast_signed()), times.at_most.map(u32::cast_signed))
}

fn test_message(test: &Test) -> v1::ValueTest {
    use v1::value_test::Kind as Wire;
    v1::ValueTest {
        kind: Some(match test {
            Test::Exists(wanted) => Wire::Exists(*wanted),
            Test::Equals(value) => Wire::EqualTo(value.into()),
            Test::Not(value) => Wire::NotEqualTo(value.into()),
            Test::Less(limit) => Wire::LessThan(*limit),
            Test::Greater(limit) => Wire::GreaterThan(*limit),
            Test::Contains(part) => Wire::Contains(part.clone()),
            Test::OneOf(values) => Wire::OneOf(v1::ScalarList { values: values.iter().map(Into::into).collect() }),
        }),
    }
}
