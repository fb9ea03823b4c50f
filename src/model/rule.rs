//! Rules about customers: whom a campaign speaks to, and when a journey goes on.

use super::customer::Platform;
use super::event::{Money, Scalar};
use super::ids::{BrandId, EventName, JourneyId, PropertyName, StageId, TraitName};
use super::version::{LanguageRange, Version};
use std::fmt;
use std::sync::Arc;

/// How deep rules may lie in each other.
pub const RULE_DEPTH_MAX: usize = 5;
/// Most rules that one rule holds, itself included.
pub const RULES_MAX: usize = 50;
/// Most entries of a list in a condition.
pub const CHOICES_MAX: usize = 20;
/// Most properties that one condition asks for.
pub const TESTS_MAX: usize = 4;
/// The most times that a condition can ask for.
pub const TIMES_MAX: u32 = 1_000_000;

const AFTER_STAGE: &str = ", one of them after the present stage began";

/// Something that holds of a customer, or does not.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// All of these hold.
    All(Vec<Rule>),
    /// At least one of these holds.
    Any(Vec<Rule>),
    /// None of these holds.
    None(Vec<Rule>),
    /// This holds. Shared, so that an explanation costs no copy.
    One(Arc<Condition>),
}

impl Rule {
    /// Hands each condition in it to `look`.
    pub fn each(&self, look: &mut impl FnMut(&Condition)) {
        match self {
            Self::All(rules) | Self::Any(rules) | Self::None(rules) => rules.iter().for_each(|rule| rule.each(look)),
            Self::One(condition) => look(condition),
        }
    }
}

/// Something that is asked of a customer.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Of a trait.
    Trait(TraitName, Test),
    /// Of what the customer did elsewhere.
    Event(EventCondition),
    /// One of these ranges takes the device's language.
    Locale(Vec<LanguageRange>),
    /// The device runs one of these.
    Platform(Vec<Platform>),
    /// The app on the device has a version in a range.
    AppVersion {
        /// This one or later.
        at_least: Option<Version>,
        /// Earlier than this one.
        below: Option<Version>,
    },
    /// The customer is in one of these time zones, by IANA name.
    TimeZone(Vec<String>),
    /// How often the customer visited a brand, the visit that is under way included.
    Visits {
        /// The brand; absent: that of the place at hand.
        brand: Option<BrandId>,
        /// How often.
        times: Times,
        /// Whether the last one must have begun after the customer came to the present stage; in journeys.
        after_stage: bool,
    },
    /// The customer is at one of these stages of a journey.
    Stage {
        /// The journey.
        journey: JourneyId,
        /// The stages.
        stages: Vec<StageId>,
    },
}

/// How often something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// So often, or more.
    pub at_least: u32,
    /// So often, or less; absent: however often.
    pub at_most: Option<u32>,
}

impl Times {
    /// Whether a count lies in the range.
    pub fn take(self, count: u64) -> bool {
        count >= u64::from(self.at_least) && self.at_most.is_none_or(|most| count <= u64::from(most))
    }
}

/// What is asked of a customer's events of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct EventCondition {
    /// The name.
    pub event: EventName,
    /// How many of them there are.
    pub times: Times,
    /// Only those of the present day and so many days before it, in UTC; absent: all since ever.
    pub days: Option<u16>,
    /// What they are worth at least, together.
    pub worth: Option<Money>,
    /// What the last of them says.
    pub last: Vec<(PropertyName, Test)>,
    /// Whether the last one must have happened after the customer came to the present stage; in journeys.
    pub after_stage: bool,
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Whether there is one.
    Exists(bool),
    /// It is this one.
    Equals(Scalar),
    /// It is not this one, or there is none.
    Not(Scalar),
    /// It is a number below this one.
    Less(f64),
    /// It is a number above this one.
    Greater(f64),
    /// It is a text that holds this one.
    Contains(String),
    /// It is one of these.
    OneOf(Vec<Scalar>),
}

impl Test {
    /// Whether a value passes.
    pub fn passes(&self, value: Option<&Scalar>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (Self::Not(other), value) => value != Some(other),
            (Self::Equals(other), Some(value)) => value == other,
            (Self::Less(limit), Some(Scalar::Number(number))) => number < limit,
            (Self::Greater(limit), Some(Scalar::Number(number))) => number > limit,
            (Self::Contains(part), Some(Scalar::Text(text))) => text.contains(part.as_str()),
            (Self::OneOf(choices), Some(value)) => choices.contains(value),
            (Self::Less(_) | Self::Greater(_), Some(Scalar::Text(_) | Scalar::Flag(_)))
            | (Self::Contains(_), Some(Scalar::Number(_) | Scalar::Flag(_)))
            | (Self::Equals(_) | Self::Less(_) | Self::Greater(_) | Self::Contains(_) | Self::OneOf(_), None) => {
                false
            }
        }
    }
}

impl fmt::Display for Condition {
    /// `event purchase at least 2 times in 30 d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trait(name, test) => write!(f, "trait {name} {test}"),
            Self::Event(condition) => condition.fmt(f),
            Self::Locale(ranges) => write!(f, "locale {}", either(ranges.iter().map(LanguageRange::as_str))),
            Self::Platform(platforms) => {
                write!(f, "platform {}", either(platforms.iter().map(|platform| platform.word())))
            }
            Self::AppVersion { at_least, below } => {
                let at_least = at_least.as_ref().map(|version| format!("{} or later", version.as_str()));
                let below = below.as_ref().map(|version| format!("below {}", version.as_str()));
                let both: Vec<String> = at_least.into_iter().chain(below).collect();
                write!(f, "app version {}", both.join(" and "))
            }
            Self::TimeZone(zones) => write!(f, "time zone {}", either(zones.iter().map(String::as_str))),
            Self::Visits { brand, times, after_stage } => {
                let brand = brand.as_ref().map_or("the brand", BrandId::as_str);
                write!(f, "visits to {brand} {times}{}", if *after_stage { AFTER_STAGE } else { "" })
            }
            Self::Stage { journey, stages } => {
                write!(f, "stage {} of {journey}", either(stages.iter().map(StageId::as_str)))
            }
        }
    }
}

impl fmt::Display for EventCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} {}", self.event, self.times)?;
        if let Some(worth) = self.worth {
            write!(f, " worth {worth}")?;
        }
        if let Some(days) = self.days {
            write!(f, " in {days} d")?;
        }
        f.write_str(if self.after_stage { AFTER_STAGE } else { "" })?;
        for (index, (property, test)) in self.last.iter().enumerate() {
            f.write_str(if index == 0 { " whose last has " } else { " and " })?;
            write!(f, "{property} {test}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |times| if times == 1 { "" } else { "s" };
        match (self.at_least, self.at_most) {
            (_, Some(0)) => f.write_str("never"),
            (0, None) => f.write_str("however often"),
            (least, None) => write!(f, "at least {least} time{}", plural(least)),
            (least, Some(most)) if least == most => write!(f, "exactly {least} time{}", plural(least)),
            (0, Some(most)) => write!(f, "at most {most} time{}", plural(most)),
            (least, Some(most)) => write!(f, "{least} to {most} times"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(true) => f.write_str("that exists"),
            Self::Exists(false) => f.write_str("that does not exist"),
            Self::Equals(value) => write!(f, "= {value}"),
            Self::Not(value) => write!(f, "other than {value}"),
            Self::Less(limit) => write!(f, "below {limit}"),
            Self::Greater(limit) => write!(f, "above {limit}"),
            Self::Contains(part) => write!(f, "with “{part}” in it"),
            Self::OneOf(choices) => {
                let choices: Vec<String> = choices.iter().map(Scalar::to_string).collect();
                write!(f, "= {}", either(choices.iter().map(String::as_str)))
            }
        }
    }
}

/// `a`, `a or b`, `a, b or 3 more`.
fn either<'a>(choices: impl Iterator<Item = &'a str>) -> String {
    let choices: Vec<&str> = choices.collect();
    match choices.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} or {other}"),
        [one, other, more @ ..] => format!("{one}, {other} or {} more", more.len()),
    }
}

/// What was wrong with a customer, in the words of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The condition that decided.
    pub condition: Arc<Condition>,
    /// Whether it must not hold, but does.
    pub excluded: bool,
    /// What was found instead.
    pub had: Had,
    /// How many others would have done as well.
    pub others: usize,
}

/// What was found instead.
#[derive(Debug, Clone, PartialEq)]
pub enum Had {
    /// Nothing.
    None,
    /// A value.
    Value(Scalar),
    /// So many.
    Count(u64),
    /// So much.
    Worth(Money),
    /// This.
    Text(Arc<str>),
}

impl fmt::Display for Finding {
    /// `needs event purchase at least 2 times in 30 d, had 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.excluded { "excludes " } else { "needs " })?;
        self.condition.fmt(f)?;
        match &self.had {
            Had::None => f.write_str(", has none")?,
            Had::Value(value) => write!(f, ", is {value}")?,
            Had::Text(text) => write!(f, ", is {text}")?,
            Had::Count(count) => write!(f, ", had {count}")?,
            Had::Worth(worth) => write!(f, ", had {worth}")?,
        }
        match self.others {
            0 => Ok(()),
            1 => f.write_str("; or one other rule"),
            others => write!(f, "; or one of {others} other rules"),
        }
    }
}
