//! Is the customer one of those whom the campaign is for?
//!
//! A rule is answered from the customer's record: traits, sums of events, counts of visits. The cost is that of the
//! conditions that are looked at; no words are formed, and no condition is copied.

use super::asking::{Asking, pass, refuse};
use super::{Events, Stages, Visits};
use crate::model::rule::{EventCondition, Had};
use crate::model::{
    BrandId, Condition, Customer, Detail, Device, Finding, PolicyStep, Reason, Rule, ServerTime, StageId, Test,
    Version,
};
use std::sync::Arc;

const NAME: &str = "audience";

/// What rules ask about, besides the customer.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// The device at hand; where none is, all of the customer's, and what holds of one of them holds.
    pub devices: &'a [&'a Device],
    /// What the customer did elsewhere.
    pub events: &'a Events,
    /// How often the customer visited each brand.
    pub visits: &'a Visits,
    /// At which stage of each journey the customer is.
    pub stages: &'a Stages,
}

impl Person<'_> {
    /// Somebody of whom nothing is known.
    pub const UNKNOWN: Person<'static> = {
        static EVENTS: Events = Events::NONE;
        static VISITS: Visits = Visits { brands: std::collections::BTreeMap::new() };
        static STAGES: Stages = Stages::NONE;
        Person { devices: &[], events: &EVENTS, visits: &VISITS, stages: &STAGES }
    };
}

/// Of whom, where and when a rule is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The customer.
    pub(super) customer: &'a Customer,
    /// What else is known of the customer.
    pub(super) person: Person<'a>,
    /// The customer's time zone; absent: that of each device.
    pub(super) zone: Option<&'a str>,
    /// The brand at hand.
    pub(super) brand: &'a BrandId,
    /// When what brought the customer to the present stage of the journey happened, where a journey asks.
    pub(super) stage_since: Option<ServerTime>,
    /// The server's time.
    pub(super) now: ServerTime,
}

/// No answer where the campaign is for everybody. Passes where its rule holds.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let rule = asking.campaign.audience.as_ref()?;
    let scene = Scene {
        customer: asking.customer,
        person: asking.occasion.person,
        zone: Some(asking.occasion.zone),
        brand: &asking.occasion.place.brand,
        stage_since: None,
        now: asking.now,
    };
    Some(match scene.fails(rule) {
        None => pass(NAME, "one of them"),
        Some(finding) => refuse(NAME, Reason::Audience, Detail::Rule(Box::new(finding))),
    })
}

impl Scene<'_> {
    /// Why a rule does not hold; absent when it does.
    pub(super) fn fails(&self, rule: &Rule) -> Option<Finding> {
        match rule {
            Rule::All(rules) => rules.iter().find_map(|rule| self.fails(rule)),
            Rule::Any(rules) => {
                let mut first = None;
                for rule in rules {
                    let finding = self.fails(rule)?;
                    first.get_or_insert(finding);
                }
                first.map(|first| Finding { others: first.others + rules.len() - 1, ..first })
            }
            Rule::None(rules) => rules.iter().find_map(|rule| self.holds(rule)),
            Rule::One(condition) => self.lacks(condition).map(|had| found(condition, false, had)),
        }
    }

    /// Why a rule that must not hold does; absent when it does not.
    fn holds(&self, rule: &Rule) -> Option<Finding> {
        match rule {
            Rule::All(rules) => {
                let mut first = None;
                for rule in rules {
                    let finding = self.holds(rule)?;
                    first.get_or_insert(finding);
                }
                first
            }
            Rule::Any(rules) => rules.iter().find_map(|rule| self.holds(rule)),
            // None of these holds, which must not be: any of them would have done.
            Rule::None(rules) => {
                let mut first = None;
                for rule in rules {
                    let finding = self.fails(rule)?;
                    first.get_or_insert(finding);
                }
                first.map(|first| Finding { others: first.others + rules.len() - 1, ..first })
            }
            Rule::One(condition) => match self.lacks(condition) {
                None => Some(found(condition, true, self.had(condition))),
                Some(_) => None,
            },
        }
    }

    /// What the customer has instead of what the condition asks for; absent when it holds.
    fn lacks(&self, condition: &Condition) -> Option<Had> {
        let some = |passes: &dyn Fn(&Device) -> bool| self.person.devices.iter().any(|device| passes(device));
        let good = match condition {
            Condition::Trait(name, test) => test.passes(self.customer.traits.get(name)),
            Condition::Event(condition) => return self.lacks_events(condition),
            Condition::Locale(ranges) => some(&|device| ranges.iter().any(|range| range.takes(&device.locale))),
            Condition::Platform(platforms) => some(&|device| platforms.contains(&device.platform)),
            Condition::AppVersion { at_least, below } => some(&|device| {
                device.app_version.as_ref().is_some_and(|version| {
                    at_least.as_ref().is_none_or(|least| version.compare(least).is_ge())
                        && below.as_ref().is_none_or(|limit| version.compare(limit).is_lt())
                })
            }),
            Condition::TimeZone(zones) => match self.zone {
                Some(zone) => zones.iter().any(|one| one == zone),
                None => some(&|device| device.time_zone.as_ref().is_some_and(|zone| zones.contains(zone))),
            },
            Condition::Visits { brand, times, after_stage } => {
                let own = self.person.visits.brands.get(brand.as_ref().unwrap_or(self.brand));
                let late = !after_stage || own.is_some_and(|own| self.after_stage(own.last));
                late && times.take(own.map_or(0, |own| own.count).into())
            }
            Condition::Stage { journey, stages } => {
                self.person.stages.of(journey).is_some_and(|stage| stages.contains(stage))
            }
        };
        (!good).then(|| self.had(condition))
    }

    fn lacks_events(&self, condition: &EventCondition) -> Option<Had> {
        let currency = condition.worth.map(|worth| worth.currency);
        let tally = self.person.events.tallies.get(&condition.event);
        let (count, micros) = match (tally, condition.days) {
            (None, _) => (0, 0),
            (Some(tally), None) => tally.since_ever(currency),
            (Some(tally), Some(days)) => tally.within(days, currency, self.now),
        };
        if !condition.times.take(count) {
            return Some(Had::Count(count));
        }
        if let Some(worth) = condition.worth.filter(|worth| micros < worth.micros) {
            return Some(Had::Worth(crate::model::Money { micros, ..worth }));
        }
        if condition.after_stage && !tally.is_some_and(|tally| self.after_stage(tally.last)) {
            return Some(Had::Count(0));
        }
        let failed =
            |(property, test): &&(_, Test)| !test.passes(tally.and_then(|tally| tally.properties.get(property)));
        let outside = !condition.last.is_empty()
            && condition.days.is_some_and(|days| tally.is_none_or(|tally| !tally.last_within(days, self.now)));
        if outside {
            return Some(Had::None);
        }
        let (property, _) = condition.last.iter().find(failed)?;
        Some(value(tally.and_then(|tally| tally.properties.get(property))))
    }

    fn after_stage(&self, at: ServerTime) -> bool {
        self.stage_since.is_none_or(|since| at > since)
    }

    /// What the customer has where the condition looks.
    fn had(&self, condition: &Condition) -> Had {
        let device = self.person.devices.first();
        let text = |text: Option<&str>| text.map_or(Had::None, |text| Had::Text(Arc::from(text)));
        match condition {
            Condition::Trait(name, _) => value(self.customer.traits.get(name)),
            Condition::Event(condition) => {
                let tally = self.person.events.tallies.get(&condition.event);
                Had::Count(tally.map_or(0, |tally| match condition.days {
                    Some(days) => tally.within(days, None, self.now).0,
                    None => tally.count,
                }))
            }
            Condition::Locale(_) => text(device.map(|device| device.locale.as_str())),
            Condition::Platform(_) => text(device.map(|device| device.platform.word())),
            Condition::AppVersion { .. } => {
                text(device.and_then(|device| device.app_version.as_ref()).map(Version::as_str))
            }
            Condition::TimeZone(_) => {
                text(self.zone.or_else(|| device.and_then(|device| device.time_zone.as_deref())))
            }
            Condition::Stage { journey, .. } => text(self.person.stages.of(journey).map(StageId::as_str)),
            Condition::Visits { brand, .. } => {
                Had::Count(self.person.visits.of(brand.as_ref().unwrap_or(self.brand)).into())
            }
        }
    }
}

fn found(condition: &Arc<Condition>, excluded: bool, had: Had) -> Finding {
    Finding { condition: Arc::clone(condition), excluded, had, others: 0 }
}

fn value(value: Option<&crate::model::Scalar>) -> Had {
    value.map_or(Had::None, |value| Had::Value(value.clone()))
}
