//! What is kept of a customer's events: sums, so that a rule is answered without a scan, and no log.
//!
//! Of each name: how many there were and what they were worth since ever, the first and the last time, what the last
//! one said, and sums by day for [`DAYS_KEPT`] days. A day is one of UTC, by the event's own time, so a sum does not
//! depend on when or in which order events came.

use crate::model::{
    Currency, Event, EventChannel, EventId, EventName, Millis, Money, PropertyName, Scalar, ServerTime,
};
use std::collections::{BTreeMap, VecDeque};
use xxhash_rust::xxh3::xxh3_64;

/// Most names of events that are kept of one customer.
pub const EVENT_NAMES_MAX: usize = 50;
/// Most currencies in which one customer's events of one name are worth something.
pub const CURRENCIES_MAX: usize = 3;
/// For how many days before the present one sums by day are kept.
pub const DAYS_KEPT: u16 = 90;
/// Most sums by day of one name: the days kept, the present one, and the next, in which an event may be already.
pub const DAY_SUMS_MAX: usize = DAYS_KEPT as usize + 2;
/// Of how many of a customer's events the ids are remembered.
pub const RECENT_MAX: usize = 1_024;
/// How far ahead of the server's time an event may be.
pub const EVENT_AHEAD_MAX: Millis = Millis::from_mins(2);

const DAY_MS: i64 = 86_400_000;

/// What is kept of a customer's events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events {
    /// By name; at most [`EVENT_NAMES_MAX`].
    pub tallies: BTreeMap<EventName, Tally>,
    /// Hashes of the ids that came last, the oldest first; at most [`RECENT_MAX`].
    pub recent: VecDeque<u64>,
}

/// The events of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How many there were since ever.
    pub count: u64,
    /// When the first one happened.
    pub first: ServerTime,
    /// When the last one happened.
    pub last: ServerTime,
    /// Where the last one came from.
    pub channel: EventChannel,
    /// The last one's properties.
    pub properties: BTreeMap<PropertyName, Scalar>,
    /// What the last one was worth.
    pub worth: Option<Money>,
    /// What all were worth since ever, in millionths; at most [`CURRENCIES_MAX`] currencies.
    pub totals: BTreeMap<Currency, i64>,
    /// By day since the Unix epoch; days without events are left out.
    pub days: BTreeMap<i32, DaySum>,
}

/// The events of one name on one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DaySum {
    /// How many there were.
    pub count: u32,
    /// What they were worth, in millionths and other than 0; only currencies of [`Tally::totals`].
    pub worth: BTreeMap<Currency, i64>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was counted.
    Counted,
    /// Its id is among those that came last: nothing changed.
    Repeated,
    /// It was refused, and changed nothing.
    Refused(EventRefusal),
}

/// Why an event was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRefusal {
    /// It is more than [`EVENT_AHEAD_MAX`] ahead of the server's time.
    FromTheFuture {
        /// How far ahead.
        ahead: Millis,
    },
    /// The customer has [`EVENT_NAMES_MAX`] names of events already.
    TooManyNames,
    /// The customer's events of that name are worth something in [`CURRENCIES_MAX`] currencies already.
    TooManyCurrencies,
}

impl Events {
    /// None at all.
    pub const NONE: Self = Self { tallies: BTreeMap::new(), recent: VecDeque::new() };

    /// Counts an event. One whose id is among the last [`RECENT_MAX`] changes nothing; an event that is older than
    /// the days that are kept counts for all but them.
    pub fn record(&mut self, event: &Event, now: ServerTime) -> Recorded {
        if self.knows(&event.id) {
            return Recorded::Repeated;
        }
        if let Some(refusal) = self.refuse(event, now) {
            return Recorded::Refused(refusal);
        }
        self.remember(&event.id);
        let tally = self.tallies.entry(event.name.clone()).or_insert_with(|| Tally::new(event));
        tally.add(event, now);
        Recorded::Counted
    }

    /// Whether an id is among those that came last.
    fn knows(&self, id: &EventId) -> bool {
        self.recent.contains(&hash(id))
    }

    /// Whether a change of that kind is among what came last. Its id may be that of an event, too.
    pub fn knows_change(&self, kind: &str, id: &EventId) -> bool {
        self.recent.contains(&hash_change(kind, id))
    }

    /// Remembers an id, and forgets the oldest beyond [`RECENT_MAX`].
    fn remember(&mut self, id: &EventId) {
        self.keep(hash(id));
    }

    /// Remembers a change of that kind, as if it were an event.
    pub fn remember_change(&mut self, kind: &str, id: &EventId) {
        self.keep(hash_change(kind, id));
    }

    fn keep(&mut self, hash: u64) {
        self.recent.push_back(hash);
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    fn refuse(&self, event: &Event, now: ServerTime) -> Option<EventRefusal> {
        let ahead = event.at - now;
        if ahead > EVENT_AHEAD_MAX {
            return Some(EventRefusal::FromTheFuture { ahead });
        }
        let Some(tally) = self.tallies.get(&event.name) else {
            return (self.tallies.len() >= EVENT_NAMES_MAX).then_some(EventRefusal::TooManyNames);
        };
        let another = |worth: &Money| !tally.totals.contains_key(&worth.currency);
        let full = tally.totals.len() >= CURRENCIES_MAX;
        (full && event.worth.as_ref().is_some_and(another)).then_some(EventRefusal::TooManyCurrencies)
    }
}

impl Tally {
    /// How many events happened on the day of `now` and the `days` days before it, and what they were worth in a
    /// currency, in millionths. So an event counts for `days` times 24 hours at least, and for less than a day more.
    /// At most [`DAYS_KEPT`] days can be asked for.
    pub fn within(&self, days: u16, currency: Option<Currency>, now: ServerTime) -> (u64, i64) {
        // An event may be a little ahead of the server's time.
        let from = day(now).saturating_sub(i32::from(days));
        self.days.range(from..).fold((0, 0), |(count, worth), (_, sum)| {
            let more = currency.and_then(|currency| sum.worth.get(&currency)).copied().unwrap_or(0);
            (count + u64::from(sum.count), i64::saturating_add(worth, more))
        })
    }

    /// Whether the last one lies in these days.
    pub fn last_within(&self, days: u16, now: ServerTime) -> bool {
        day(self.last) >= day(now).saturating_sub(i32::from(days))
    }

    /// The same for all events since ever.
    pub fn since_ever(&self, currency: Option<Currency>) -> (u64, i64) {
        let worth = currency.and_then(|currency| self.totals.get(&currency)).copied().unwrap_or(0);
        (self.count, worth)
    }

    fn new(event: &Event) -> Self {
        Self {
            count: 0,
            first: event.at,
            last: event.at,
            channel: event.channel,
            properties: BTreeMap::new(),
            worth: None,
            totals: BTreeMap::new(),
            days: BTreeMap::new(),
        }
    }

    fn add(&mut self, event: &Event, now: ServerTime) {
        self.count = self.count.saturating_add(1);
        self.first = self.first.min(event.at);
        // Of two at the same time, the one that came later is the last.
        if event.at >= self.last {
            self.last = event.at;
            self.channel = event.channel;
            self.properties.clone_from(&event.properties);
            self.worth = event.worth;
        }
        let oldest = day(now).saturating_sub(i32::from(DAYS_KEPT));
        self.days = self.days.split_off(&oldest);
        let today = day(event.at);
        if let Some(worth) = event.worth {
            add_worth(&mut self.totals, worth);
        }
        if today >= oldest {
            let sum = self.days.entry(today).or_default();
            sum.count = sum.count.saturating_add(1);
            if let Some(worth) = event.worth {
                add_worth(&mut sum.worth, worth);
                sum.worth.retain(|_, micros| *micros != 0);
            }
        }
        // More only where the clock has stepped back.
        while self.days.len() > DAY_SUMS_MAX {
            self.days.pop_first();
        }
    }
}

fn add_worth(sums: &mut BTreeMap<Currency, i64>, worth: Money) {
    let sum = sums.entry(worth.currency).or_default();
    *sum = sum.saturating_add(worth.micros);
}

/// The day of UTC since the Unix epoch.
fn day(at: ServerTime) -> i32 {
    i32::try_from(at.0.div_euclid(DAY_MS)).unwrap_or(if at.0 < 0 { i32::MIN } else { i32::MAX })
}

/// Of a thousand ids, two have the same hash once in 10¹³ times.
fn hash(id: &EventId) -> u64 {
    xxh3_64(id.as_str().as_bytes())
}

/// No id has a slash in it.
fn hash_change(kind: &str, id: &EventId) -> u64 {
    xxh3_64(format!("{kind}/{id}").as_bytes())
}
