//! What is attributed to what, and the figures.

use super::interval::{Clusters, Interval, Sample, difference, relative};
use super::*;
use crate::model::campaign::WINDOW_MAX;
use crate::model::{
    Arm, CampaignId, Conversion, Currency, Event, EventChannel, EventId, EventName, Measure, Millis, Money,
    TriggerId, VariantId, VisitId,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const DAY: i64 = 86_400_000;

fn campaign(name: &str) -> CampaignId {
    CampaignId::parse("c", name).unwrap()
}

fn arm(variant: &str, held_out: bool) -> Arm {
    Arm { variant: VariantId::parse("v", variant).ok(), held_out }
}

fn exposure(name: &str, n: i64, arm: Arm) -> Exposure {
    let trigger = TriggerId::parse("t", &format!("{name}-{n}")).unwrap();
    let visit = VisitId::parse("v", &format!("v{n}")).unwrap();
    Exposure { at: ServerTime(n), trigger, campaign: campaign(name), visit, arm, converted: false }
}

fn purchase(at: i64) -> Event {
    Event {
        id: EventId::parse("e", &format!("e{at}")).unwrap(),
        name: EventName::parse("e", "purchase").unwrap(),
        at: ServerTime(at),
        channel: EventChannel::Till,
        properties: BTreeMap::new(),
        worth: Some(Money { micros: 2_000_000, currency: Currency::parse("c", "USD").unwrap() }),
    }
}

fn measure(within: i64) -> Measure {
    let event = EventName::parse("e", "purchase").unwrap();
    let conversion = Conversion { event, within: Millis(within), properties: Vec::new() };
    Measure { conversions: vec![conversion], ..Measure::default() }
}

/// Plays exposures of one campaign and purchases, both by their times, and sums up: exposures, customers, exposures with a conversion,
/// conversions, buyers, repeat buyers, and the three sums over customers.
fn check(exposures: &[i64], purchases: &[i64], within: i64, expected: [u64; 9]) {
    let measure = measure(within);
    let (mut own, mut notes) = (Exposures::default(), Vec::new());
    let mut happens: Vec<(i64, bool)> = exposures.iter().map(|at| (*at, true)).collect();
    happens.extend(purchases.iter().map(|at| (*at, false)));
    happens.sort_by_key(|(at, exposes)| (*at, !exposes));
    for (at, exposes) in happens {
        if exposes {
            notes.extend(own.expose(exposure("latte", at, arm("", false))));
        } else {
            notes.extend(own.attribute(&purchase(at), |_| Some(&measure)));
        }
    }
    let tally = Tally::of(&notes);
    let mut sum = ArmCounts::default();
    tally.days.values().flat_map(|day| day.arms.values()).for_each(|counts| sum.add(counts));
    let found = [
        sum.exposed,
        sum.customers,
        sum.converted,
        sum.conversions,
        sum.buyers,
        sum.repeat_buyers,
        sum.exposed_squares,
        sum.converted_squares,
        sum.exposed_by_converted,
    ];
    assert_eq!(found, expected, "{exposures:?} {purchases:?}");
}

#[test]
fn an_event_counts_for_the_latest_exposure_before_it() {
    check(&[], &[5], 10, [0; 9]);
    check(&[5], &[4], 10, [1, 1, 0, 0, 0, 0, 1, 0, 0]);
    check(&[5], &[5], 10, [1, 1, 1, 1, 1, 0, 1, 1, 1]);
    check(&[5], &[15], 10, [1, 1, 1, 1, 1, 0, 1, 1, 1]);
    check(&[5], &[16], 10, [1, 1, 0, 0, 0, 0, 1, 0, 0]);
    check(&[5], &[6, 7, 8], 10, [1, 1, 1, 3, 1, 1, 1, 1, 1]);
    // Three exposures, two of which convert: 3² = 9, 2² = 4, 3 · 2 = 6.
    check(&[5, 10, 20], &[11, 12, 21], 100, [3, 1, 2, 3, 1, 1, 9, 4, 6]);
}

#[test]
fn what_comes_late_finds_its_own_exposure_and_a_trigger_counts_once() {
    let measure = measure(DAY);
    let mut own = Exposures::default();
    for n in [0, DAY / 2, 3 * DAY] {
        assert!(own.expose(exposure("latte", n, arm("a", n == 0))).is_some());
        assert!(own.expose(exposure("latte", n, arm("a", false))).is_none(), "the same trigger again");
    }
    for (at, day, held_out) in [(DAY / 4, 0, true), (DAY, 0, false), (3 * DAY + 5, 3, false)] {
        let notes = own.attribute(&purchase(at), |_| Some(&measure));
        let [Note { day: counted, what: What::Arm(counts), .. }] = &notes[..] else { panic!("{notes:?}") };
        assert_eq!((*counted, counts.0.held_out), (day, held_out));
    }
    assert_eq!(own.attribute(&purchase(2 * DAY), |_| Some(&measure)), []);
    assert_eq!(own.attribute(&purchase(DAY), |_| None), [], "the campaign is no more");
}

#[test]
fn one_event_counts_once_for_each_campaign() {
    let measure = measure(DAY);
    let mut own = Exposures::default();
    for (n, name) in (0..).zip(["latte", "bun", "latte"]) {
        own.expose(exposure(name, n, arm("", false)));
    }
    let notes = own.attribute(&purchase(100), |_| Some(&measure));
    let names: Vec<&str> = notes.iter().map(|note| note.campaign.as_str()).collect();
    assert_eq!(names, ["bun", "latte"]);
    assert_eq!(own.recent.iter().map(|own| own.converted).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn a_customer_who_comes_to_another_arm_begins_anew() {
    let mut own = Exposures::default();
    own.expose(exposure("latte", 1, arm("a", false)));
    let measure = measure(DAY);
    own.attribute(&purchase(2), |_| Some(&measure));
    let Some(Note { what: What::Arm(counts), .. }) = own.expose(exposure("latte", 3, arm("b", false))) else {
        panic!("nothing is counted");
    };
    assert_eq!((counts.1.customers, counts.1.exposed_squares, counts.1.exposed_by_converted), (1, 1, 0));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut own = Exposures::default();
    for n in 0..600 {
        own.expose(exposure(&format!("c{n}"), n, arm("", false)));
    }
    assert_eq!((own.recent.len(), own.subjects.len()), (EXPOSURES_MAX, SUBJECTS_MAX));
    assert!(own.subjects.contains_key("c599") && !own.subjects.contains_key("c343"));
    own.expose(exposure("late", 600 + 2 * WINDOW_MAX.0, arm("", false)));
    assert_eq!(own.recent.len(), 1, "what no event can come from any more");
}

#[test]
fn newcombes_examples_come_out() {
    // Newcombe (1998), table II, method 10.
    for ((a, m, b, n), (low, high)) in [
        ((56.0, 70.0, 48.0, 80.0), (0.0524, 0.3339)),
        ((9.0, 10.0, 3.0, 10.0), (0.1705, 0.8090)),
        ((6.0, 7.0, 2.0, 7.0), (0.0582, 0.8062)),
        ((5.0, 56.0, 0.0, 29.0), (-0.0381, 0.1926)),
        ((0.0, 10.0, 0.0, 20.0), (-0.1611, 0.2775)),
        ((0.0, 10.0, 0.0, 10.0), (-0.2775, 0.2775)),
        ((10.0, 10.0, 0.0, 20.0), (0.6791, 1.0)),
        ((10.0, 10.0, 0.0, 10.0), (0.6075, 1.0)),
    ] {
        let interval = difference(Sample { successes: a, trials: m }, Sample { successes: b, trials: n });
        let off = (interval.low - low).abs().max((interval.high - high).abs());
        assert!(off < 0.000_06, "{a}/{m} - {b}/{n}: {interval:?}");
    }
}

#[test]
fn a_ratio_has_its_log_interval() {
    let sample = |successes, trials| Sample { successes, trials };
    // By hand: ln 2 ± 1.96 · sqrt(1/40 - 1/100 + 1/20 - 1/100).
    let Interval { value, low, high } = relative(sample(40.0, 100.0), sample(20.0, 100.0)).unwrap();
    let factor = (1.959_964_f64 * 0.055_f64.sqrt()).exp();
    assert!((value - 1.0).abs() < 1e-12);
    assert!((low + 1.0 - 2.0 / factor).abs() < 1e-6 && (high + 1.0 - 2.0 * factor).abs() < 1e-6);
    assert_eq!(relative(sample(0.0, 9.0), sample(1.0, 9.0)), None);
    assert_eq!(relative(sample(1.0, 9.0), sample(0.0, 9.0)), None);
}

#[test]
fn visits_that_are_alike_count_for_fewer() {
    let of = |customers: &[(f64, f64)]| {
        let sum = |part: fn(&(f64, f64)) -> f64| customers.iter().map(part).sum();
        Clusters {
            clusters: customers.len() as f64,
            trials: sum(|own| own.0),
            successes: sum(|own| own.1),
            trials_squares: sum(|own| own.0 * own.0),
            successes_squares: sum(|own| own.1 * own.1),
            products: sum(|own| own.0 * own.1),
        }
    };
    let effect = |customers: &[(f64, f64)]| of(customers).design_effect();
    // One visit each: as if on their own, but for the factor of few clusters.
    let single: Vec<_> = (0..100).map(|n| (1.0, f64::from(u8::from(n % 4 == 0)))).collect();
    assert!((effect(&single) - 100.0 / 99.0).abs() < 1e-9);
    // Five visits each that all end alike: worth a fifth.
    let alike: Vec<_> = single.iter().map(|own| (5.0, 5.0 * own.1)).collect();
    assert!((effect(&alike) - 5.0 * 100.0 / 99.0).abs() < 1e-9);
    // Evenly spread within customers: never less than on their own.
    assert!((effect(&vec![(4.0, 2.0); 50]) - 1.0).abs() < 1e-9);
    // Nothing is known of likeness: taken to be whole.
    assert!((effect(&[(3.0, 0.0), (3.0, 0.0)]) - 3.0).abs() < 1e-9);
    assert!((effect(&[(4.0, 2.0)]) - 4.0).abs() < 1e-9);
    assert!((effect(&[]) - 1.0).abs() < 1e-9);
    assert_eq!(of(&[]).sample(0, 0), None);
}

#[test]
fn a_report_takes_the_days_that_are_asked_for() {
    let counts = |exposed, converted| ArmCounts {
        exposed,
        customers: exposed,
        converted,
        conversions: 2 * converted,
        buyers: converted,
        repeat_buyers: converted / 2,
        exposed_squares: exposed,
        converted_squares: converted,
        exposed_by_converted: converted,
        ..ArmCounts::default()
    };
    let day = |scale: u64| {
        let arms = BTreeMap::from([
            (arm("a", false), counts(40 * scale, 10 * scale)),
            (arm("b", false), counts(40 * scale, 20 * scale)),
            (arm("a", true), counts(10 * scale, scale)),
            (arm("b", true), counts(10 * scale, scale)),
        ]);
        let held_back = BTreeMap::from([("holdout".to_owned(), 20 * scale), ("pace".to_owned(), 30 * scale)]);
        DayCounts { visits: 150 * scale, held_back, arms }
    };
    let days = BTreeMap::from([(3, day(1)), (5, day(2)), (9, day(4))]);
    for (first, last, scale, found) in [
        (None, None, 7, Some((3, 9))),
        (Some(4), None, 6, Some((5, 9))),
        (None, Some(5), 3, Some((3, 5))),
        (Some(5), Some(8), 2, Some((5, 5))),
        (Some(6), Some(8), 0, None),
    ] {
        let report = report(&days, first, last);
        assert_eq!((report.days, report.visits, report.qualified()), (found, 150 * scale, 100 * scale));
        assert_eq!((report.sent.exposed, report.held_out.exposed), (80 * scale, 20 * scale));
        if scale == 0 {
            assert_eq!((report.lift, report.held_back.len()), (None, 0));
            continue;
        }
        assert_eq!(report.held_back, [("pace".to_owned(), 30 * scale), ("holdout".to_owned(), 20 * scale)]);
        let lift = report.lift.unwrap();
        assert!((lift.difference.value - (30.0 / 80.0 - 0.1)).abs() < 1e-9);
        assert!((lift.relative.unwrap().value - 2.75).abs() < 1e-9);
        let [a, b] = &report.variants[..] else { panic!("{report:?}") };
        assert!((a.lift.unwrap().difference.value - 0.15).abs() < 1e-9);
        assert!((b.lift.unwrap().difference.value - 0.40).abs() < 1e-9);
        assert!(a.against_first.is_none() && (b.against_first.unwrap().difference.value - 0.25).abs() < 1e-9);
        assert_eq!((report.sent.purchase_frequency(), report.sent.first_to_repeat()), (Some(2.0), Some(0.5)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The log may be folded in any pieces and any order.
    #[test]
    fn sums_do_not_depend_on_their_order(
        mut tallies in prop::collection::vec(crate::wire::arbitrary_report::tally(), 0..5), cut in 0..5_usize,
    ) {
        let sum = |tallies: &[Tally]| {
            let mut all = Tally::default();
            tallies.iter().cloned().for_each(|tally| all.add(tally));
            all
        };
        let whole = sum(&tallies);
        let cut = cut.min(tallies.len());
        let mut parts = sum(&tallies[cut..]);
        parts.add(sum(&tallies[..cut]));
        // Money that is beyond all bounds stops there, whichever way it came.
        let sane = tallies.iter().flat_map(|tally| tally.days.values()).flat_map(|day| day.arms.values());
        if sane.flat_map(|counts| counts.worth.values()).all(|micros| micros.unsigned_abs() < 1 << 60) {
            prop_assert_eq!(&parts, &whole);
            tallies.reverse();
            prop_assert_eq!(sum(&tallies), whole);
        }
    }

    #[test]
    fn an_interval_holds_its_estimate(a in 0..50_u32, m in 1..50_u32, b in 0..50_u32, n in 1..50_u32, d in 1.0..9.0_f64) {
        let sample = |x: u32, n: u32| Sample { successes: f64::from(x.min(n)) / d, trials: f64::from(n) / d };
        let (a, b) = (sample(a, m), sample(b, n));
        let both = [Some(a.wilson()), Some(difference(a, b)), relative(a, b)];
        for Interval { value, low, high } in both.into_iter().flatten() {
            prop_assert!(low <= value && value <= high && low >= -1.0, "{low} {value} {high}");
        }
        prop_assert!(a.wilson().low >= 0.0 && a.wilson().high <= 1.0);
    }
}
