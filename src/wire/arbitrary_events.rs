//! Generated events, traits, and what is kept of them.

use super::arbitrary::any_id;
use crate::model::event::{PROPERTIES_MAX, TEXT_MAX};
use crate::model::*;
use crate::qualify::{Events, RECENT_MAX};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

any_id! {
    event_id: EventId, event_name: EventName, property_name: PropertyName, trait_name: TraitName,
}

pub(crate) fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        "\\PC{0,20}".prop_map(Scalar::Text),
        (-1e12..1e12_f64).prop_map(Scalar::Number),
        any::<bool>().prop_map(Scalar::Flag),
    ]
}

pub(crate) fn traits() -> impl Strategy<Value = Traits> {
    btree_map(trait_name(), scalar(), 0..5)
}

pub(crate) fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof![Just("USD"), Just("EUR"), Just("MXN")].prop_map(|code| Currency::parse("currency", code).unwrap())
}

pub(crate) fn money() -> impl Strategy<Value = Money> {
    // Whole millionths that a double holds.
    (-1_000_000_000_i64..=1_000_000_000, currency()).prop_map(|(micros, currency)| Money { micros, currency })
}

pub(crate) fn event(at: impl Strategy<Value = i64>) -> impl Strategy<Value = Event> {
    let channel = prop_oneof![Just(Channel::Web), Just(Channel::Email), Just(Channel::Till), Just(Channel::App)];
    let properties = btree_map(property_name(), scalar(), 0..4);
    (event_id(), event_name(), at, channel, properties, of(money())).prop_map(
        |(id, name, at, channel, properties, worth)| Event {
            id,
            name,
            at: ServerTime(at),
            channel,
            properties,
            worth,
        },
    )
}

/// What is kept of some events of the last half year.
pub(crate) fn events() -> impl Strategy<Value = Events> {
    const NOW: ServerTime = ServerTime(1_800_000_000_000);
    vec(event(NOW.0 - 180 * 86_400_000..NOW.0), 0..12).prop_map(|all| {
        let mut events = Events::default();
        for event in &all {
            events.record(event, NOW);
        }
        events
    })
}

/// What takes the most room. Times are before 1970, and texts of four bytes a character.
pub(crate) fn largest_events() -> Events {
    use crate::qualify::{CURRENCIES_MAX, DAY_SUMS_MAX, DaySum, EVENT_NAMES_MAX, Tally};
    let at = ServerTime(-1_000_000_000_001);
    let long = |n: usize| format!("{n:0>64}");
    let currency = |n: usize| Currency::parse("currency", ["AAA", "BBB", "CCC"][n % CURRENCIES_MAX]).unwrap();
    let sums = || (0..CURRENCIES_MAX).map(|n| (currency(n), i64::MIN)).collect();
    let property = |n| (PropertyName::parse("property", &long(n)).unwrap(), Scalar::Text("🥐".repeat(TEXT_MAX)));
    let days = i32::try_from(DAY_SUMS_MAX).unwrap();
    let tally = Tally {
        count: u64::MAX,
        first: at,
        last: at,
        channel: Channel::App,
        properties: (0..PROPERTIES_MAX).map(property).collect(),
        worth: Some(Money { micros: i64::MIN, currency: currency(0) }),
        totals: sums(),
        days: (0..days).map(|n| (1_000_000 + n, DaySum { count: u32::MAX, worth: sums() })).collect(),
    };
    let named = |n| (EventName::parse("event", &long(n)).unwrap(), tally.clone());
    Events { tallies: (0..EVENT_NAMES_MAX).map(named).collect(), recent: vec![u64::MAX; RECENT_MAX].into() }
}
