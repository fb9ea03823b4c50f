//! Rules about customers as YAML: maps of one entry each, such as `event: { name: purchase, within_days: 30 }`.

use super::FileError;
use super::events::{Value, scalar};
use crate::model::rule::EventCondition;
use crate::model::{
    BrandId, Condition, Currency, EventName, Invalid, JourneyId, LanguageRange, Money, Platform, PropertyName, Rule,
    Scalar, StageId, Test, Times, TraitName, Version,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One rule; exactly one field is set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Entry {
    all: Option<Vec<Entry>>,
    any: Option<Vec<Entry>>,
    none: Option<Vec<Entry>>,
    #[serde(rename = "trait")]
    of_trait: Option<TraitEntry>,
    event: Option<EventEntry>,
    locale: Option<Vec<String>>,
    platform: Option<Vec<PlatformEntry>>,
    app_version: Option<VersionEntry>,
    time_zone: Option<Vec<String>>,
    visits: Option<VisitEntry>,
    stage: Option<StageEntry>,
}

#[derive(Debug, Deserialize)]
struct TraitEntry {
    name: String,
    #[serde(flatten)]
    test: BTreeMap<String, Asked>,
}

/// What a test compares with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Asked {
    One(Value),
    Many(Vec<Value>),
}

/// Tests of properties by name, each a map of one entry.
pub(super) type Tests = BTreeMap<String, BTreeMap<String, Asked>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EventEntry {
    name: String,
    at_least: Option<u32>,
    at_most: Option<u32>,
    within_days: Option<u16>,
    worth_at_least: Option<f64>,
    currency: Option<String>,
    last: Tests,
    after_stage: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PlatformEntry {
    Ios,
    Android,
    Web,
}

impl From<PlatformEntry> for Platform {
    fn from(entry: PlatformEntry) -> Self {
        match entry {
            PlatformEntry::Ios => Self::Ios,
            PlatformEntry::Android => Self::Android,
            PlatformEntry::Web => Self::Web,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VersionEntry {
    at_least: Option<String>,
    below: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VisitEntry {
    brand: Option<String>,
    at_least: Option<u32>,
    at_most: Option<u32>,
    after_stage: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageEntry {
    journey: String,
    stages: Vec<String>,
}

/// Reads one rule. An error names line and column, or the field by its path.
pub fn read_rule(text: &str) -> Result<Rule, FileError> {
    Ok(rule(serde_norway::from_str(text)?)?)
}

pub(super) fn rule(entry: Entry) -> Result<Rule, Invalid> {
    let Entry { all, any, none, of_trait, event, locale, platform, app_version, time_zone, visits, stage } = entry;
    let list = |field: &str, entries: Option<Vec<Entry>>| {
        entries.map(|entries| {
            let rules =
                entries.into_iter().enumerate().map(|(index, entry)| rule(entry).map_err(|why| why.at(field, index)));
            rules.collect::<Result<Vec<Rule>, Invalid>>()
        })
    };
    let one = |field: &str, condition: Option<Result<Condition, Invalid>>| {
        condition.map(|condition| Ok(Rule::One(Arc::new(condition.map_err(|why| why.under(field))?))))
    };
    let given: Vec<Result<Rule, Invalid>> = [
        list("all", all).map(|rules| rules.map(Rule::All)),
        list("any", any).map(|rules| rules.map(Rule::Any)),
        list("none", none).map(|rules| rules.map(Rule::None)),
        one("trait", of_trait.map(trait_rule)),
        one("event", event.map(event_rule)),
        one("locale", locale.map(|ranges| locale_rule(&ranges))),
        one("platform", platform.map(|all| Ok(Condition::Platform(all.into_iter().map(Into::into).collect())))),
        one("app_version", app_version.as_ref().map(version_rule)),
        one("time_zone", time_zone.map(|zones| Ok(Condition::TimeZone(zones)))),
        one("visits", visits.as_ref().map(visit_rule)),
        one("stage", stage.as_ref().map(stage_rule)),
    ]
    .into_iter()
    .flatten()
    .collect();
    match <[_; 1]>::try_from(given) {
        Ok([only]) => only,
        Err(given) => Err(Invalid::new(
            "",
            format!(
                "has {} kinds; must have one of all, any, none, trait, event, locale, platform, app_version, time_zone, visits or stage",
                given.len()
            ),
        )),
    }
}

fn trait_rule(entry: TraitEntry) -> Result<Condition, Invalid> {
    Ok(Condition::Trait(TraitName::parse("name", &entry.name)?, test(entry.test)?))
}

fn event_rule(entry: EventEntry) -> Result<Condition, Invalid> {
    let worth = match (entry.worth_at_least, &entry.currency) {
        (None, None) => None,
        (Some(least), Some(code)) => Some(Money::new("worth_at_least", least, Currency::parse("currency", code)?)?),
        (_, None) => return Err(Invalid::new("currency", "is absent; a worth needs one")),
        (None, _) => return Err(Invalid::new("worth_at_least", "is absent; a currency needs one")),
    };
    Ok(Condition::Event(EventCondition {
        event: EventName::parse("name", &entry.name)?,
        times: times(entry.at_least, entry.at_most),
        days: entry.within_days,
        worth,
        last: tests("last", entry.last)?,
        after_stage: entry.after_stage,
    }))
}

/// Tests of the properties of an event.
pub(super) fn tests(field: &str, entries: Tests) -> Result<Vec<(PropertyName, Test)>, Invalid> {
    let one = |(name, entry): (String, BTreeMap<String, Asked>)| {
        let at = format!("{field}.{name}");
        Ok((PropertyName::parse(field, &name)?, test(entry).map_err(|why| why.under(&at))?))
    };
    entries.into_iter().map(one).collect()
}

fn locale_rule(ranges: &[String]) -> Result<Condition, Invalid> {
    let ranges = ranges.iter().enumerate().map(|(index, range)| LanguageRange::parse(&format!("[{index}]"), range));
    Ok(Condition::Locale(ranges.collect::<Result<_, _>>()?))
}

fn version_rule(entry: &VersionEntry) -> Result<Condition, Invalid> {
    let read = |field, text: &Option<String>| text.as_deref().map(|text| Version::parse(field, text)).transpose();
    Ok(Condition::AppVersion { at_least: read("at_least", &entry.at_least)?, below: read("below", &entry.below)? })
}

fn visit_rule(entry: &VisitEntry) -> Result<Condition, Invalid> {
    let brand = entry.brand.as_deref().map(|brand| BrandId::parse("brand", brand)).transpose()?;
    Ok(Condition::Visits { brand, times: times(entry.at_least, entry.at_most), after_stage: entry.after_stage })
}

fn stage_rule(entry: &StageEntry) -> Result<Condition, Invalid> {
    let stages = entry.stages.iter().map(|stage| StageId::parse("stages", stage)).collect::<Result<_, _>>()?;
    Ok(Condition::Stage { journey: JourneyId::parse("journey", &entry.journey)?, stages })
}

fn times(at_least: Option<u32>, at_most: Option<u32>) -> Times {
    Times { at_least: at_least.unwrap_or_else(|| u32::from(at_most.is_none())), at_most }
}

fn test(entries: BTreeMap<String, Asked>) -> Result<Test, Invalid> {
    const KNOWN: &str = "equals, not, less, greater, contains, one_of or exists";
    let entry = <[_; 1]>::try_from(entries.into_iter().collect::<Vec<_>>());
    let [(kind, asked)] = entry
        .map_err(|entries| Invalid::new("", format!("has {} tests; must have one of {KNOWN}", entries.len())))?;
    let wrong = |what: &str| Invalid::new(kind.clone(), format!("must have {what}"));
    match (kind.as_str(), asked) {
        ("exists", Asked::One(Value::Flag(wanted))) => Ok(Test::Exists(wanted)),
        ("exists", _) => Err(wrong("true or false")),
        ("equals", Asked::One(value)) => Ok(Test::Equals(scalar(value))),
        ("not", Asked::One(value)) => Ok(Test::Not(scalar(value))),
        ("equals" | "not", Asked::Many(_)) => Err(wrong("one value")),
        ("less", Asked::One(Value::Number(limit))) => Ok(Test::Less(limit)),
        ("greater", Asked::One(Value::Number(limit))) => Ok(Test::Greater(limit)),
        ("less" | "greater", _) => Err(wrong("a number")),
        ("contains", Asked::One(value)) => match scalar(value) {
            Scalar::Text(part) => Ok(Test::Contains(part)),
            Scalar::Number(_) | Scalar::Flag(_) => Err(wrong("a text")),
        },
        ("contains", Asked::Many(_)) => Err(wrong("a text")),
        ("one_of", Asked::Many(values)) => Ok(Test::OneOf(values.into_iter().map(scalar).collect())),
        ("one_of", Asked::One(_)) => Err(wrong("a list")),
        (_, _) => Err(Invalid::new(kind.clone(), format!("is not known here; must be {KNOWN}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule reads, and fails in these words for somebody who has nothing.
    #[test]
    fn each_kind_reads() {
        for (text, words) in [
            ("trait: { name: tier, equals: gold }", "trait tier = gold"),
            ("trait: { name: tier, one_of: [gold, 2, true] }", "trait tier = gold, 2 or 1 more"),
            ("trait: { name: points, greater: 10 }", "trait points above 10"),
            ("event: { name: purchase, at_least: 2, within_days: 30 }", "event purchase at least 2 times in 30 d"),
            ("event: { name: purchase, at_most: 0 }", "event purchase never"),
            (
                "event: { name: purchase, worth_at_least: 20, currency: USD, last: { size: { equals: large } } }",
                "event purchase at least 1 time worth 20.00 USD whose last has size = large",
            ),
            ("locale: [es, pt-BR]", "locale es or pt-BR"),
            ("platform: [ios]", "platform ios"),
            ("app_version: { at_least: '2.4', below: 3.0.0 }", "app version 2.4 or later and below 3.0.0"),
            ("time_zone: [America/Denver]", "time zone America/Denver"),
            ("visits: { at_least: 1, at_most: 1 }", "visits to the brand exactly 1 time"),
            ("visits: { brand: roost, at_least: 3 }", "visits to roost at least 3 times"),
            (
                "visits: { after_stage: true }",
                "visits to the brand at least 1 time, one of them after the present stage began",
            ),
            ("stage: { journey: loyal, stages: [visited, bought] }", "stage visited or bought of loyal"),
        ] {
            let nested = format!("all: [ {{ none: [ {{ any: [ {{ {text} }} ] }} ] }} ]");
            let Rule::One(condition) = read_rule(text).unwrap() else { panic!("{text}") };
            assert_eq!(condition.to_string(), words);
            let expected = Rule::All(vec![Rule::None(vec![Rule::Any(vec![Rule::One(condition)])])]);
            assert_eq!(read_rule(&nested).unwrap(), expected);
        }
    }

    #[test]
    fn refusals_say_where() {
        for (text, place) in [
            ("{}", " has 0 kinds; must have one of all"),
            ("{ locale: [es], platform: [ios] }", " has 2 kinds"),
            ("all: [ { any: [ { locale: [e_s] } ] } ]", "all[0].any[0].locale[0] is \"e_s\""),
            ("trait: { name: tier }", "trait has 0 tests"),
            ("trait: { name: tier, above: 3 }", "trait.above is not known here"),
            ("trait: { name: tier, less: few }", "trait.less must have a number"),
            ("event: { name: a b }", "event.name is"),
            ("event: { name: a, worth_at_least: 3 }", "event.currency is absent"),
            ("event: { name: a, last: { size: { one_of: large } } }", "event.last.size.one_of must have a list"),
            ("app_version: { below: new }", "app_version.below is"),
        ] {
            let refusal = read_rule(text).unwrap_err().to_string();
            assert!(refusal.starts_with(place), "{text}: {refusal}");
        }
    }
}
