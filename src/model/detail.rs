//! What a policy found, in words that are formed only where somebody reads them.

use super::campaign::{Calendar, CapWindow};
use super::channel::Channel;
use super::decision::Waits;
use super::hours::Shown;
use super::ids::{JourneyId, StageId, TopicId};
use super::rule::Finding;
use super::time::Millis;
use super::units::Metres;
use std::fmt;

/// What a policy found, such as `2 of 3 in 24 h`. A decision on hundreds of campaigns holds thousands of these, and
/// few are ever read: so they hold the figures, and [`fmt::Display`] makes the words. What comes back from the store
/// is words already; two details are equal when they read the same.
#[derive(Debug, Clone)]
pub enum Detail {
    /// The same words each time.
    Plain(&'static str),
    /// Words that were formed when the decision was made, or read from a record.
    Words(Box<str>),
    /// Whether the customer wants to hear of a topic.
    Topic {
        /// Whether, on any channel.
        wanted: bool,
        /// Whether the customer chose so; otherwise the topic's default holds.
        chosen: bool,
        /// The topic.
        topic: TopicId,
    },
    /// How old the transition is, and how old it may be.
    Age {
        /// From happening to being decided.
        age: Millis,
        /// The campaign's time to live.
        limit: Millis,
    },
    /// When the campaign's window begins or ends.
    Window {
        /// `begins in`, `ends in` or `ended`.
        what: &'static str,
        /// How long from then, or since.
        span: Millis,
    },
    /// What the customer's clock shows.
    Shown(Shown),
    /// What the place's clock shows, and whether the place is open then.
    Open {
        /// What the clock shows.
        shown: Shown,
        /// Whether it is open.
        open: bool,
    },
    /// How long ago the last message was, and how long it must be.
    Cooldown {
        /// Since the last message; absent: there was none.
        since: Option<Millis>,
        /// The cooldown.
        asked: Millis,
    },
    /// How many messages a cap counted.
    Cap {
        /// So many were sent,
        sent: u32,
        /// of so many,
        limit: u32,
        /// within this window.
        window: CapWindow,
        /// Whether earlier messages are forgotten, and the cap refuses for that.
        forgotten: bool,
    },
    /// What is left of a pace after this message.
    PaceLeft {
        /// So many,
        left: u32,
        /// of so many,
        burst: u32,
        /// one more each.
        refill: Millis,
    },
    /// How long until a pace has room.
    PaceUsed(Millis),
    /// How long a message has waited.
    Held {
        /// So long,
        waited: Millis,
        /// for this.
        waits: Waits,
    },
    /// How long it waits for others that qualify.
    Settles(Millis),
    /// The rule that decided, and what was found.
    Rule(Box<Finding>),
    /// At which stage of a journey the customer must be, and is.
    Stage(Box<Whereabouts>),
    /// How many basis points of the customers are held out.
    HeldOut(u16),
    /// By which channel the message goes.
    Channel {
        /// It; absent: by none.
        by: Option<Channel>,
        /// Whether the customer wants any of the campaign's channels.
        wanted: bool,
    },
    /// How many others the arbiter let it win over.
    Won(usize),
    /// What decided for another.
    Lost(Contest),
}

/// At which stage of a journey somebody must be, and is.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    /// The journey.
    pub journey: JourneyId,
    /// The stage that is asked for.
    pub wanted: StageId,
    /// The one at hand; absent: the journey has not begun.
    pub at: Option<StageId>,
}

/// What decided between two campaigns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Contest {
    /// The winner is transactional.
    Transactional,
    /// Priority: the loser's and the winner's.
    Priority(u8, u8),
    /// Value: the loser's and the winner's.
    Value(f64, f64),
    /// Distance: the loser's and the winner's.
    Nearness(Metres, Metres),
    /// Nothing but the order of ids.
    Id,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(words) => f.write_str(words),
            Self::Words(words) => f.write_str(words),
            Self::Topic { wanted: true, chosen: true, topic } => write!(f, "opted in to {topic}"),
            Self::Topic { wanted: true, chosen: false, topic } => write!(f, "not opted out of {topic}"),
            Self::Topic { wanted: false, chosen: true, topic } => write!(f, "opted out of {topic}"),
            Self::Topic { wanted: false, chosen: false, topic } => write!(f, "not opted in to {topic}"),
            Self::Age { age, limit } if age > limit => write!(f, "{age} after it happened, at most {limit}"),
            Self::Age { age, .. } => write!(f, "{age} after it happened"),
            Self::Window { what: "ended", span } => write!(f, "ended {span} ago"),
            Self::Window { what, span } => write!(f, "{what} {span}"),
            Self::Shown(shown) => write!(f, "{shown} on the customer's clock"),
            Self::Open { shown, open: true } => write!(f, "open on {shown}"),
            Self::Open { shown, open: false } => write!(f, "closed on {shown}"),
            Self::Cooldown { since: Some(since), asked } => write!(f, "{since} since the last, {asked} asked"),
            Self::Cooldown { since: None, asked } => write!(f, "none yet, {asked} asked"),
            Self::Cap { sent, limit, window, forgotten } => {
                write!(f, "{sent} of {limit} {}", Within(*window))?;
                f.write_str(if *forgotten { ", earlier messages are forgotten" } else { "" })
            }
            Self::PaceLeft { left, burst, refill } => {
                write!(f, "{left} of {burst} left after this one, one more each {refill}")
            }
            Self::PaceUsed(until) => write!(f, "used up, room in {until}"),
            Self::Held { waited, waits: Waits::Hours } => write!(f, "waited {waited} for hours"),
            Self::Held { waited, waits: Waits::Settle } => write!(f, "waited {waited} for others"),
            Self::Settles(span) => write!(f, "waits {span} for others"),
            Self::Stage(whereabouts) => whereabouts.fmt(f),
            Self::Rule(finding) => finding.fmt(f),
            Self::HeldOut(share) => write!(f, "among the {} % who get nothing", f64::from(*share) / 100.0),
            Self::Channel { by: Some(channel), .. } => write!(f, "by {}", channel.word()),
            Self::Channel { by: None, wanted: true } => f.write_str("the app is not in front"),
            Self::Channel { by: None, wanted: false } => f.write_str("wants none of its channels"),
            Self::Won(0) => f.write_str("alone"),
            Self::Won(others) => write!(f, "won over {others}"),
            Self::Lost(Contest::Transactional) => f.write_str("not transactional, as the other is"),
            Self::Lost(Contest::Priority(own, other)) => write!(f, "priority {own} against {other}"),
            Self::Lost(Contest::Value(own, other)) => write!(f, "value {own} against {other}"),
            Self::Lost(Contest::Nearness(own, other)) => write!(f, "{own} away against {other}"),
            Self::Lost(Contest::Id) => f.write_str("equal, and later by id"),
        }
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { journey, wanted, at } = self;
        match at {
            Some(at) if at == wanted => write!(f, "at stage {at} of {journey}"),
            Some(at) => write!(f, "needs stage {wanted} of {journey}, is at {at}"),
            None => write!(f, "needs stage {wanted} of {journey}, has not begun it"),
        }
    }
}

impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Detail {}

impl From<&'static str> for Detail {
    fn from(words: &'static str) -> Self {
        Self::Plain(words)
    }
}

impl From<String> for Detail {
    fn from(words: String) -> Self {
        Self::Words(words.into())
    }
}

/// A cap's window in words. A rolling one of a day reads `in 24 h`: `1 d` could be taken for a calendar day.
struct Within(CapWindow);

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CapWindow::Rolling(window) if window == Millis::from_days(1) => f.write_str("in 24 h"),
            CapWindow::Rolling(window) => write!(f, "in {window}"),
            CapWindow::Calendar(Calendar::Day) => f.write_str("today"),
            CapWindow::Calendar(Calendar::Week) => f.write_str("this week"),
        }
    }
}
