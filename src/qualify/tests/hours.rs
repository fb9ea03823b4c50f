//! When hours begin and end, also where clocks are set: generated hours and moments in the zones of the caps' test.

use super::super::local::Local;
use super::caps::{Dice, HOUR, ZONES, Zone};
use crate::model::{DailySpan, Millis, OpeningHours, ServerTime, Weekdays, WeeklySpan};

const CASES: u32 = 20_000;

fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn daily(dice: &mut Dice) -> DailySpan {
    // Short ones around the hours at which clocks are set, and any.
    let (from, long) = match dice.below(2) {
        0 => (dice.below(240), 1 + dice.below(120)),
        _ => (dice.below(1_440), 1 + dice.below(1_439)),
    };
    DailySpan::new(&clock(from), &clock((from + long) % 1_440)).unwrap()
}

/// From now up to `until` it is not so, and from then on it is.
fn check(dice: &mut Dice, now: ServerTime, until: ServerTime, so: impl Fn(ServerTime) -> bool) {
    assert!(until > now && so(until), "at {until:?}");
    assert!(!so(until - Millis(1)), "just before {until:?}");
    for _ in 0..10 {
        let between = now + Millis(dice.below((until - now).0));
        assert!(!so(between), "at {between:?}, before {until:?}");
    }
}

#[test]
fn hours_begin_and_end_when_the_clock_says_so() {
    let zones = ZONES.map(Zone::new);
    let mut dice = Dice(7);
    for number in 0..CASES {
        let zone = dice.one(&zones);
        let anywhere = zone.changes.is_empty() || dice.below(4) == 0;
        let now =
            if anywhere { dice.below(2_000_000_000_000) } else { *dice.one(&zone.changes) - dice.below(30 * HOUR) };
        let now = ServerTime(now);
        let at = |now| Local::new(zone.name, now);
        let hours = daily(&mut dice);
        let days = Weekdays::of((0..dice.below(4)).map(|_| u8::try_from(dice.below(7)).unwrap()).collect::<Vec<_>>());
        let spans = [WeeklySpan { days, hours }];
        let seed = dice.0;
        let held = std::panic::catch_unwind(|| {
            let mut dice = Dice(seed);
            let local = at(now);
            if hours.contains(local.clock()) {
                check(&mut dice, now, at(now).end_of(hours), |now| !hours.contains(at(now).clock()));
            }
            let within = |now| spans[0].contains(at(now).clock());
            if !within(now) {
                check(&mut dice, now, at(now).next_within(&spans), within);
            }
            let text = format!("Mo-Su {}-{}", hours.start(), hours.end());
            let open = OpeningHours::parse("hours", &text).unwrap();
            let is_open = |now| !open.is_closed(at(now).clock());
            if number % 8 == 0 && !is_open(now) {
                check(&mut dice, now, at(now).next_opening(&open).unwrap(), is_open);
            }
        });
        assert!(held.is_ok(), "case {number}: {hours} on {days} in {} at {now:?}", zone.name);
    }
}
