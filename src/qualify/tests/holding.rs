//! What waits for its hour: held where nothing but hours speaks against it, in a table.

use super::policies::hours_ago;
use super::{NOW, World, id};
use crate::model::{Cap, CapScope, CapWindow, DailySpan, Millis, OpeningHours, OutsideHours, Reason, Verdict};

/// What is set up, and what comes of it.
type Outcome = (fn(&mut World), Verdict);

#[test]
fn a_message_waits_where_nothing_but_hours_speaks_against_it() {
    // It is 01:00 in Denver, and quiet until 08:00; the café opens at nine.
    fn quiet(w: &mut World) {
        w.quiet = Some(DailySpan::new("21:00", "08:00").unwrap());
        w.campaign.outside_hours = OutsideHours::Hold;
    }
    fn capped(w: &mut World, hours: i64) {
        quiet(w);
        w.campaign.caps =
            vec![Cap { scope: CapScope::Customer, limit: 1, window: CapWindow::Rolling(Millis::from_hours(hours)) }];
        w.sent(hours_ago(1), |_| {});
    }
    let held = |hours| Verdict::Held { until: NOW + Millis::from_hours(hours) };
    let cases: [Outcome; 7] = [
        (quiet, held(7)),
        (
            |w| {
                quiet(w);
                w.place.opening_hours = Some(OpeningHours::parse("hours", "Mo-Su 09:00-17:00").unwrap());
            },
            held(8),
        ),
        (
            |w| {
                quiet(w);
                w.campaign.outside_hours = OutsideHours::Drop;
            },
            Verdict::Suppressed(Reason::QuietHours { until: NOW + Millis::from_hours(7) }),
        ),
        (
            |w| {
                quiet(w);
                w.place.opening_hours = Some(OpeningHours::parse("hours", "off").unwrap());
            },
            Verdict::Suppressed(Reason::PlaceClosed { until: None }),
        ),
        (
            |w| {
                capped(w, 24);
                w.campaign.topic = id!(TopicId, "parking");
            },
            Verdict::Suppressed(Reason::Topic),
        ),
        // A cap that has room again by then is no obstacle; one that has none is.
        (|w| capped(w, 8), held(7)),
        (
            |w| capped(w, 9),
            Verdict::Suppressed(Reason::Cap {
                scope: CapScope::Customer,
                limit: 1,
                until: NOW + Millis::from_hours(8),
            }),
        ),
    ];
    for (index, (set_up, verdict)) in cases.into_iter().enumerate() {
        let mut world = World::new();
        set_up(&mut world);
        let ledger = world.ledger.clone();
        let answer = world.ask();
        assert_eq!(answer.assessments[0].verdict, verdict, "{index}");
        let until: Vec<_> = answer.holds.iter().map(|hold| Verdict::Held { until: hold.until }).collect();
        assert_eq!(
            until.first(),
            Some(&verdict).filter(|verdict| matches!(verdict, Verdict::Held { .. })),
            "{index}"
        );
        assert_eq!((answer.winner, world.ledger), (None, ledger), "{index}: nothing is reserved");
    }
}
