//! What is kept of events, against a list of all of them.

use super::{NOW, id};
use crate::model::{Currency, Event, EventChannel, Millis, Money, Scalar, ServerTime};
use crate::qualify::{DAYS_KEPT, EventRefusal, Events, RECENT_MAX, Recorded};
use proptest::prelude::*;

const DAY: i64 = 86_400_000;

pub(super) fn event(number: usize, name: &str, at: ServerTime, worth: Option<(f64, &str)>) -> Event {
    let money = |(units, code)| Money::new("value", units, Currency::parse("currency", code).unwrap()).unwrap();
    Event {
        id: id!(EventId, &format!("e{number}")),
        name: id!(EventName, name),
        at,
        channel: EventChannel::Till,
        properties: [(id!(PropertyName, "number"), Scalar::Number(number as f64))].into(),
        worth: worth.map(money),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Events of half a year, late and repeated and in any order, add up as a list of them does, in every window.
    #[test]
    fn sums_by_day_are_those_of_the_list(
        told in prop::collection::vec((0..180 * DAY, 0..3_usize, prop::option::of((-50..500_i32, 0..3_usize))), 1..120),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        windows in prop::collection::vec(0..=DAYS_KEPT, 1..6),
    ) {
        let (names, codes) = (["purchase", "browse", "open"], ["USD", "EUR", "MXN"]);
        let all: Vec<Event> = told
            .iter()
            .enumerate()
            .map(|(number, (ago, name, worth))| {
                let worth = worth.map(|(cents, code)| (f64::from(cents) / 100.0, codes[code]));
                event(number, names[*name], ServerTime(NOW.0 - ago), worth)
            })
            .collect();
        let mut events = Events::default();
        for event in &all {
            prop_assert_eq!(events.record(event, NOW), Recorded::Counted);
        }
        let once = events.clone();
        for index in &again {
            prop_assert_eq!(events.record(index.get(&all), NOW), Recorded::Repeated);
        }
        prop_assert_eq!(&events, &once);
        for name in names {
            let own: Vec<&Event> = all.iter().filter(|event| event.name.as_str() == name).collect();
            let Some(tally) = events.tallies.get(name) else {
                prop_assert!(own.is_empty());
                continue;
            };
            prop_assert_eq!(Some(tally.first), own.iter().map(|event| event.at).min());
            let last = own.iter().max_by_key(|event| event.at).unwrap();
            prop_assert_eq!((tally.last, &tally.properties, tally.worth), (last.at, &last.properties, last.worth));
            for code in codes {
                let currency = Currency::parse("currency", code).unwrap();
                let sum = |from: i64| {
                    let counted = || own.iter().filter(move |event| event.at.0.div_euclid(DAY) >= from);
                    let worth = counted().filter_map(|event| event.worth).filter(|worth| worth.currency == currency);
                    (counted().count() as u64, worth.map(|worth| worth.micros).sum::<i64>())
                };
                prop_assert_eq!(tally.since_ever(Some(currency)), sum(i64::MIN));
                for days in &windows {
                    let from = NOW.0.div_euclid(DAY) - i64::from(*days);
                    prop_assert_eq!(tally.within(*days, Some(currency), NOW), sum(from), "{} in {} d", name, days);
                }
            }
        }
    }
}

#[test]
fn a_refused_event_changes_nothing_and_may_come_again() {
    let mut events = Events::default();
    for number in 0..50 {
        assert_eq!(events.record(&event(number, &format!("n{number}"), NOW, None), NOW), Recorded::Counted);
    }
    for (number, code) in [(50, "USD"), (51, "EUR"), (52, "MXN")] {
        assert_eq!(events.record(&event(number, "n0", NOW, Some((1.0, code))), NOW), Recorded::Counted);
    }
    let before = events.clone();
    let early = NOW + Millis(120_001);
    for (event, refusal) in [
        (event(60, "n0", early, None), EventRefusal::FromTheFuture { ahead: Millis(120_001) }),
        (event(61, "another", NOW, None), EventRefusal::TooManyNames),
        (event(62, "n0", NOW, Some((1.0, "GBP"))), EventRefusal::TooManyCurrencies),
    ] {
        assert_eq!(events.record(&event, NOW), Recorded::Refused(refusal));
        assert_eq!(events, before);
    }
    assert_eq!(events.record(&event(60, "n0", early, None), early), Recorded::Counted, "its time has come");
}

#[test]
fn ids_are_remembered_for_so_many_events() {
    let mut events = Events::default();
    for number in 0..=RECENT_MAX {
        events.record(&event(number, "open", NOW, None), NOW);
    }
    assert_eq!(events.recent.len(), RECENT_MAX);
    assert_eq!(events.record(&event(1, "open", NOW, None), NOW), Recorded::Repeated);
    assert_eq!(events.record(&event(0, "open", NOW, None), NOW), Recorded::Counted, "the oldest is forgotten");
}

#[test]
fn an_event_older_than_the_days_counts_for_all_but_them() {
    let mut events = Events::default();
    events.record(&event(0, "purchase", NOW, Some((4.5, "USD"))), NOW);
    events.record(&event(1, "purchase", NOW - Millis::from_days(400), Some((2.0, "USD"))), NOW);
    let tally = &events.tallies["purchase"];
    let usd = Some(Currency::parse("currency", "USD").unwrap());
    assert_eq!(tally.since_ever(usd), (2, 6_500_000));
    assert_eq!(tally.within(DAYS_KEPT, usd, NOW), (1, 4_500_000));
    assert_eq!((tally.first, tally.last), (NOW - Millis::from_days(400), NOW));
    assert_eq!(tally.properties["number"], Scalar::Number(0.0), "a late one is not the last");
}
