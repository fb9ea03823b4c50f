//! What the customer's clock shows.
//!
//! Local times are milliseconds since 1970-01-01T00:00 on that clock: a moment plus the offset of its zone. So days and
//! weeks are divisions, and what a change of clocks does is read off the moments at which the offset changes. Where a
//! clock is set back over midnight (St. John's did it at 00:01), a day is two stretches; where it is set on over a
//! whole day (Apia in 2011), a day has none.

use crate::model::{Calendar, DailySpan, Millis, OpeningHours, ServerTime, Shown, WeeklySpan};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::cell::OnceCell;

/// A day in milliseconds.
pub(super) const DAY: i64 = 86_400_000;
/// No offset, and no change of one, is further than this.
const SHIFT_MAX: Millis = Millis::from_days(2);
/// Most periods that are looked through for room.
const PERIODS_MAX: usize = 1_000;
/// How many days ahead hours are looked for: a week, and one more where a change of clocks skips them.
const DAYS_AHEAD: i64 = 15;
/// How many openings are looked at where a change of clocks comes before the first.
const OPENINGS: usize = 4;

/// A moment on the customer's clock. What it takes to know is worked out when it is asked for, once.
#[derive(Debug)]
pub(super) struct Local<'a> {
    name: &'a str,
    now: ServerTime,
    zone: OnceCell<TimeZone>,
    /// What the clock shows, and how far it is ahead of UTC.
    shown: OnceCell<(Shown, i64)>,
    /// When it is set next.
    steady: OnceCell<ServerTime>,
    day: OnceCell<[Period; 2]>,
    week: OnceCell<[Period; 2]>,
}

/// A day or a week of the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Period {
    /// When the clock shows it: from the first of each pair to before the second, in order.
    parts: Vec<(ServerTime, ServerTime)>,
    /// When the clock first shows another one.
    next: ServerTime,
}

impl<'a> Local<'a> {
    /// `now` on a clock of the IANA time zone of that name; one that is not known counts as UTC.
    pub(super) fn new(name: &'a str, now: ServerTime) -> Self {
        let (zone, shown, steady) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { name, now, zone, shown, steady, day: OnceCell::new(), week: OnceCell::new() }
    }

    /// What the clock shows.
    pub(super) fn clock(&self) -> Shown {
        self.offset_now().0
    }

    /// The first moment after now at which the clock shows one of these hours; it shows none of them now.
    pub(super) fn next_within(&self, hours: &[WeeklySpan]) -> ServerTime {
        let shown = self.clock();
        let starts = |day| hours.iter().filter_map(move |span| span.start_on(shown, day)).filter(|at| *at > shown);
        let first = (0..DAYS_AHEAD).find_map(|day| starts(day).min());
        let all = || (0..DAYS_AHEAD).flat_map(starts).collect();
        self.next(first, all, |shown| hours.iter().any(|span| span.contains(shown)))
    }

    /// The first moment after now at which the clock shows a time outside of these hours; it shows one of them now.
    pub(super) fn end_of(&self, hours: DailySpan) -> ServerTime {
        let first = hours.next_end(self.clock());
        let all = || (0..3).map(|day| Shown(first.0 + day * DAY)).collect();
        self.next(Some(first), all, |shown| !hours.contains(shown))
    }

    /// The first moment after now at which a place with this clock, closed now, is open; none when it stays closed.
    pub(super) fn next_opening(&self, hours: &OpeningHours) -> Option<ServerTime> {
        let first = hours.next_opening(self.clock())?;
        // An opening that a change of clocks skips is made up for when they are set, or on another day.
        let all = || {
            std::iter::successors(Some(first), |at| hours.next_opening(Shown(at.0 - at.0.rem_euclid(DAY) + DAY)))
                .take(OPENINGS)
                .collect()
        };
        Some(self.next(Some(first), all, |shown| !hours.is_closed(shown)))
    }

    /// The first moment after now at which the clock shows what `holds`, which it does not now. It begins with `first`,
    /// where the clock is not set before; else with one of `all`, or when the clock is set. A day from now where
    /// neither is so.
    fn next(
        &self,
        first: Option<Shown>,
        all: impl FnOnce() -> Vec<Shown>,
        holds: impl Fn(Shown) -> bool,
    ) -> ServerTime {
        let steady = first.map(|first| ServerTime(first.0 - self.offset_now().1)).filter(|at| *at < self.steady());
        steady.unwrap_or_else(|| {
            let edges = all();
            let last = edges.iter().max().map_or(self.now, |last| ServerTime(last.0));
            let changes = self.changes(self.now, last + SHIFT_MAX);
            let offsets = [self.offset_now().1].into_iter().chain(changes.iter().map(|(_, offset)| *offset));
            let moments = offsets.flat_map(|offset| edges.iter().map(move |edge| ServerTime(edge.0 - offset)));
            let moments = moments.chain(changes.iter().map(|(at, _)| *at));
            let next = moments.filter(|at| *at > self.now && holds(Shown(self.shown(*at)))).min();
            next.unwrap_or(self.now + Millis(DAY))
        })
    }

    fn offset_now(&self) -> (Shown, i64) {
        *self.shown.get_or_init(|| {
            let offset = self.offset(self.now);
            (Shown(self.now.0.saturating_add(offset)), offset)
        })
    }

    fn steady(&self) -> ServerTime {
        *self.steady.get_or_init(|| {
            let change = self.zone().following(stamp(self.now)).next();
            change.map_or(ServerTime(i64::MAX), |change| ServerTime(change.timestamp().as_millisecond()))
        })
    }

    /// When a calendar day or week has room for one more than these messages, of at most `limit`; absent when that is
    /// now. What was sent up to `forgotten` is not known, and taken to be too much.
    pub(super) fn room(
        &self,
        calendar: Calendar,
        times: &[ServerTime],
        limit: usize,
        forgotten: Option<ServerTime>,
    ) -> Option<ServerTime> {
        let full = |period: &Period| period.count(times) >= limit.max(1) || period.begins_by(forgotten);
        let [here, then] = self.periods(calendar);
        if !full(here) {
            return None;
        }
        let (mut at, mut period) = (here.next, then.clone());
        for _ in 0..PERIODS_MAX {
            if !full(&period) {
                break;
            }
            at = period.next;
            period = self.period(calendar, at);
        }
        Some(at)
    }

    /// How many of these messages were sent in the present day or week.
    pub(super) fn count(&self, calendar: Calendar, times: &[ServerTime]) -> usize {
        self.periods(calendar)[0].count(times)
    }

    /// The present day or week, and the one that comes next.
    fn periods(&self, calendar: Calendar) -> &[Period; 2] {
        let cell = match calendar {
            Calendar::Day => &self.day,
            Calendar::Week => &self.week,
        };
        cell.get_or_init(|| {
            let here = self.period(calendar, self.now);
            let then = self.period(calendar, here.next);
            [here, then]
        })
    }

    /// The day or week that the clock shows at a moment.
    fn period(&self, calendar: Calendar, at: ServerTime) -> Period {
        let (first, last) = bounds(calendar, self.shown(at));
        let changes = self.changes(ServerTime(first) - SHIFT_MAX, ServerTime(last) + SHIFT_MAX);
        let before = self.offset(ServerTime(first) - SHIFT_MAX);
        let offsets = [before].into_iter().chain(changes.iter().map(|(_, offset)| *offset));
        let mut edges: Vec<ServerTime> =
            offsets.flat_map(|offset| [first, last].map(|edge| edge - offset)).map(ServerTime).collect();
        edges.extend(changes.iter().map(|(at, _)| *at));
        edges.sort_unstable();
        edges.dedup();
        let within = |edge: ServerTime| (first..last).contains(&self.shown(edge));
        let mut parts: Vec<(ServerTime, ServerTime)> = Vec::new();
        for (from, to) in edges.iter().zip(edges.iter().skip(1)).filter(|(from, _)| within(**from)) {
            match parts.last_mut() {
                Some((_, end)) if *end == *from => *end = *to,
                Some(_) | None => parts.push((*from, *to)),
            }
        }
        let next = edges.into_iter().find(|edge| *edge > at && !within(*edge));
        Period { parts, next: next.unwrap_or(at + Millis(DAY)) }
    }

    /// What the clock shows at a moment.
    fn shown(&self, at: ServerTime) -> i64 {
        at.0.saturating_add(self.offset(at))
    }

    /// How far the clock is ahead of UTC at a moment, in milliseconds.
    fn offset(&self, at: ServerTime) -> i64 {
        i64::from(self.zone().to_offset(stamp(at)).seconds()) * 1_000
    }

    /// The moments after `from` up to `to` at which the clock is set, and its offset from then on.
    fn changes(&self, from: ServerTime, to: ServerTime) -> Vec<(ServerTime, i64)> {
        let all = self.zone().following(stamp(from));
        let change = all.map(|change| {
            (ServerTime(change.timestamp().as_millisecond()), i64::from(change.offset().seconds()) * 1_000)
        });
        change.take_while(|(at, _)| *at <= to).collect()
    }

    fn zone(&self) -> &TimeZone {
        self.zone.get_or_init(|| jiff::tz::db().get(self.name).unwrap_or(TimeZone::UTC))
    }
}

impl Period {
    /// How many of these moments, in order, lie in it.
    fn count(&self, times: &[ServerTime]) -> usize {
        let before = |edge: ServerTime| times.partition_point(|at| *at < edge);
        self.parts.iter().map(|(from, to)| before(*to) - before(*from)).sum()
    }

    fn begins_by(&self, moment: Option<ServerTime>) -> bool {
        moment.is_some_and(|moment| self.parts.first().is_some_and(|(from, _)| *from <= moment))
    }
}

/// The first local time of the day or week that holds a local time, and the first after it.
fn bounds(calendar: Calendar, shown: i64) -> (i64, i64) {
    let day = shown.div_euclid(DAY);
    match calendar {
        Calendar::Day => (day * DAY, (day + 1) * DAY),
        Calendar::Week => {
            // 1970-01-01 was a Thursday.
            let monday = day - (day + 3).rem_euclid(7);
            (monday * DAY, (monday + 7) * DAY)
        }
    }
}

/// A moment that the calendar does not reach counts as the epoch.
fn stamp(at: ServerTime) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH)
}
