//! Generated events, traits, and what is kept of them.

use super::arbitrary::any_id;
use crate::model::event::{PROPERTIES_MAX, TEXT_MAX};
use crate::model::rule::EventCondition;
use crate::model::*;
use crate::qualify::{AtStage, DAYS_KEPT, Events, RECENT_MAX, Sending, Stages, Visits};
use crate::report::Exposures;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

any_id! {
    event_id: EventId, event_name: EventName, property_name: PropertyName, trait_name: TraitName,
    journey_id: JourneyId, stage_id: StageId,
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
    let channel = prop_oneof![
        Just(EventChannel::Web),
        Just(EventChannel::Email),
        Just(EventChannel::Till),
        Just(EventChannel::App)
    ];
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
        channel: EventChannel::App,
        properties: (0..PROPERTIES_MAX).map(property).collect(),
        worth: Some(Money { micros: i64::MIN, currency: currency(0) }),
        totals: sums(),
        days: (0..days).map(|n| (1_000_000 + n, DaySum { count: u32::MAX, worth: sums() })).collect(),
    };
    let named = |n| (EventName::parse("event", &long(n)).unwrap(), tally.clone());
    Events { tallies: (0..EVENT_NAMES_MAX).map(named).collect(), recent: vec![u64::MAX; RECENT_MAX].into() }
}

pub(crate) fn version() -> impl Strategy<Value = Version> {
    "[0-9]{1,3}(\\.[0-9]{1,3}){0,4}(-[a-z]{1,4}\\.[0-9])?".prop_map(|text| Version::parse("version", &text).unwrap())
}

fn range() -> impl Strategy<Value = LanguageRange> {
    prop_oneof![Just("es"), Just("pt-BR"), Just("*")].prop_map(|text| LanguageRange::parse("range", text).unwrap())
}

fn times() -> impl Strategy<Value = Times> {
    (0..5_u32, of(0..5_u32))
        .prop_map(|(at_least, more)| Times { at_least, at_most: more.map(|more| at_least + more) })
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        any::<bool>().prop_map(Test::Exists),
        scalar().prop_map(Test::Equals),
        scalar().prop_map(Test::Not),
        (-1e9..1e9_f64).prop_map(Test::Less),
        (-1e9..1e9_f64).prop_map(Test::Greater),
        "\\PC{1,9}".prop_map(Test::Contains),
        vec(scalar(), 1..4).prop_map(Test::OneOf),
    ]
}

pub(crate) fn properties() -> impl Strategy<Value = Vec<(PropertyName, Test)>> {
    vec((property_name(), test()), 0..3)
}

fn condition() -> impl Strategy<Value = Condition> {
    let event = (event_name(), times(), of(1..=DAYS_KEPT), of(money()), properties()).prop_map(
        |(event, times, days, worth, last)| {
            let last = if times.at_most.is_some() { Vec::new() } else { last };
            Condition::Event(EventCondition { event, times, days, worth, last, after_stage: false })
        },
    );
    let platform = prop_oneof![Just(Platform::Ios), Just(Platform::Android), Just(Platform::Web)];
    prop_oneof![
        (trait_name(), test()).prop_map(|(name, test)| Condition::Trait(name, test)),
        event,
        vec(range(), 1..3).prop_map(Condition::Locale),
        vec(platform, 1..3).prop_map(Condition::Platform),
        (version(), of(version())).prop_map(|(own, below)| Condition::AppVersion { at_least: Some(own), below }),
        Just(Condition::TimeZone(vec!["America/Denver".to_owned(), "Europe/Berlin".to_owned()])),
        (of(super::arbitrary::brand_id()), times()).prop_map(|(brand, times)| Condition::Visits {
            brand,
            times,
            after_stage: false,
        }),
        (journey_id(), btree_set(stage_id(), 1..3))
            .prop_map(|(journey, stages)| Condition::Stage { journey, stages: stages.into_iter().collect() }),
    ]
}

pub(crate) fn rule() -> impl Strategy<Value = Rule> {
    let one = condition().prop_map(|condition| Rule::One(condition.into()));
    one.prop_recursive(4, 40, 3, |inner| {
        let rules = || vec(inner.clone(), 1..4);
        prop_oneof![rules().prop_map(Rule::All), rules().prop_map(Rule::Any), rules().prop_map(Rule::None)]
    })
}

pub(crate) fn visits() -> impl Strategy<Value = Visits> {
    let visit = (super::arbitrary::brand_id(), super::arbitrary::visit_id(), 0..4_000_000_000_000_i64);
    vec(visit, 0..9).prop_map(|all| {
        let mut visits = Visits::default();
        for (brand, visit, at) in &all {
            visits.count(brand, visit, ServerTime(*at));
        }
        visits
    })
}

/// What takes the most room.
pub(crate) fn largest_visits() -> Visits {
    use crate::qualify::{BRANDS_MAX, BrandVisits};
    let at = ServerTime(-1_000_000_000_001);
    let id = |n| format!("{n:0>64}");
    let own =
        |n| BrandVisits { count: u32::MAX, first: at, last: at, visit: VisitId::parse("visit", &id(n)).unwrap() };
    Visits { brands: (0..BRANDS_MAX).map(|n| (BrandId::parse("brand", &id(n)).unwrap(), own(n))).collect() }
}

pub(crate) fn step() -> impl Strategy<Value = JourneyStep> {
    let step = |(journey, stage, advances)| JourneyStep { journey, stage, advances };
    (journey_id(), stage_id(), any::<bool>()).prop_map(step)
}

pub(crate) fn journey() -> impl Strategy<Value = Journey> {
    // In a journey, rules may also ask what came after the present stage.
    let later = event_name().prop_map(|event| {
        let times = Times { at_least: 1, at_most: None };
        let event = EventCondition { event, times, days: None, worth: None, last: Vec::new(), after_stage: true };
        Rule::One(Condition::Event(event).into())
    });
    let stages = btree_map(stage_id(), ("\\PC{1,9}", prop_oneof![rule(), later]), 1..5).prop_map(|stages| {
        let stage = |(id, (display_name, enter))| Stage { id, display_name, enter };
        stages.into_iter().map(stage).collect()
    });
    (journey_id(), "\\PC{1,9}", super::arbitrary::brand_id(), stages, any::<bool>(), of(rule())).prop_map(
        |(id, display_name, brand, stages, skips, restart)| Journey {
            id,
            display_name,
            brand,
            stages,
            skips,
            restart,
        },
    )
}

pub(crate) fn stages() -> impl Strategy<Value = Stages> {
    let time = || (0..4_000_000_000_000_i64).prop_map(ServerTime);
    let sent = (super::arbitrary::trigger_id(), stage_id(), time(), any::<bool>())
        .prop_map(|(trigger, from, since, located)| Sending { trigger, from, since, located });
    let at = (stage_id(), time(), any::<bool>(), of(sent)).prop_map(|(stage, since, located, sent)| AtStage {
        stage,
        since,
        located,
        sent,
    });
    btree_map(journey_id(), at, 0..5).prop_map(|journeys| Stages { journeys })
}

/// What takes the most room.
pub(crate) fn largest_stages() -> Stages {
    let since = ServerTime(-1_000_000_000_001);
    let stage = || StageId::parse("stage", &"x".repeat(64)).unwrap();
    let trigger = TriggerId::parse("trigger", &"x".repeat(64)).unwrap();
    let sent = Sending { trigger, from: stage(), since, located: true };
    let at = AtStage { stage: stage(), since, located: true, sent: Some(sent) };
    let journey = |n| (JourneyId::parse("journey", &format!("{n:0>64}")).unwrap(), at.clone());
    Stages { journeys: (0..crate::model::journey::JOURNEYS_MAX).map(journey).collect() }
}

/// What is known of a customer, besides what was sent.
pub(crate) fn known() -> impl Strategy<Value = (Events, Visits, Stages, Exposures)> {
    (events(), visits(), stages(), super::arbitrary_report::exposures())
}
