//! No cap is beaten: 100,000 generated sequences of visits and clocks, around the days on which clocks are set.
//!
//! The cases are cheap to make, so that so many of them take seconds: one seed, one generator (splitmix64), and each
//! case that fails prints its number.

use super::{World, campaign, enter, place, region};
use crate::model::{Calendar, Campaign, Cap, CapScope, CapWindow, Metres, Millis, Place, Region, ServerTime};
use crate::qualify::{CampaignBook, Ledger, Occasion, Person, Qualified, qualify};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::sync::Arc;

const CASES: u64 = 100_000;
/// Clocks that are set by an hour, by half an hour, at a minute past midnight, over a whole day, at midnight; one that
/// is not set at all.
pub(super) const ZONES: [&str; 8] = [
    "America/Denver",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "America/Toronto",
    "Asia/Kathmandu",
    "Africa/Casablanca",
];
const DOORS: [(&str, &str, &str); 3] = [("a1", "a", "roost"), ("a2", "a", "roost"), ("b1", "b", "roost")];
pub(super) const HOUR: i64 = 3_600_000;

/// splitmix64 (Steele, Lea and Flood, 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: i64) -> i64 {
        i64::try_from(self.roll() % n.unsigned_abs()).unwrap()
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.roll() % len as u64).unwrap()
    }

    pub(super) fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.index(of.len())]
    }
}

/// A zone with the moments at which its clocks are set.
pub(super) struct Zone {
    pub(super) name: &'static str,
    clock: TimeZone,
    pub(super) changes: Vec<i64>,
}

impl Zone {
    pub(super) fn new(name: &'static str) -> Self {
        let zone = TimeZone::get(name).unwrap();
        let since = Timestamp::from_second(-1_600_000_000).unwrap();
        let changes = zone.following(since).map(|change| change.timestamp().as_millisecond());
        let changes = changes.take_while(|at| *at < 2_000_000_000_000).collect();
        Self { name, clock: zone, changes }
    }

    fn date(&self, at: ServerTime) -> Date {
        self.clock.to_datetime(Timestamp::from_millisecond(at.0).unwrap()).date()
    }

    fn same(&self, calendar: Calendar, a: ServerTime, b: ServerTime) -> bool {
        let (a, b) = (self.date(a), self.date(b));
        match calendar {
            Calendar::Day => a == b,
            Calendar::Week => {
                let (a, b) = (a.iso_week_date(), b.iso_week_date());
                (a.year(), a.week()) == (b.year(), b.week())
            }
        }
    }
}

/// What was sent, as the test remembers it: when, through which door, by which campaign.
type Remembered = (ServerTime, usize, usize);

struct Case<'a> {
    zone: &'a Zone,
    world: &'a World,
    doors: &'a [(Region, Place)],
    caps: Vec<Cap>,
    book: CampaignBook,
    ledger: Ledger,
    sent: Vec<Remembered>,
    visits: usize,
    now: ServerTime,
}

fn in_scope(scope: CapScope, a: &Remembered, b: &Remembered) -> bool {
    match scope {
        CapScope::Customer | CapScope::Brand | CapScope::Topic => true,
        CapScope::Place => DOORS[a.1].1 == DOORS[b.1].1,
        CapScope::Campaign => a.2 == b.2,
    }
}

fn caps(dice: &mut Dice) -> Vec<Cap> {
    let scopes = [CapScope::Customer, CapScope::Brand, CapScope::Topic, CapScope::Place, CapScope::Campaign];
    (0..=dice.below(2))
        .map(|_| {
            let window = match dice.below(4) {
                0 => CapWindow::Calendar(Calendar::Week),
                1 => CapWindow::Rolling(Millis(1_000 + dice.below(3 * 24 * HOUR))),
                _ => CapWindow::Calendar(Calendar::Day),
            };
            Cap { scope: *dice.one(&scopes), limit: u32::try_from(1 + dice.below(2)).unwrap(), window }
        })
        .collect()
}

impl Case<'_> {
    fn play(&mut self, dice: &mut Dice) {
        for _ in 0..3 + dice.below(5) {
            let reach = *dice.one(&[60_000, HOUR, 6 * HOUR, 30 * HOUR, 24 * 7 * HOUR]);
            let back = dice.below(8) == 0;
            let step = dice.below(reach);
            self.now = self.now + Millis(if back { -step } else { step });
            if dice.below(10) == 0 && !self.sent.is_empty() {
                let index = dice.index(self.sent.len());
                let at = self.sent.remove(index).0;
                let trigger = self.ledger.sends.iter().find(|sent| sent.at == at).unwrap().trigger.clone();
                assert!(self.ledger.refund(&trigger));
            }
            let door = dice.index(DOORS.len());
            self.come(door, dice.below(16) == 0);
        }
    }

    fn ask(&self, ledger: &mut Ledger, door: usize, now: ServerTime) -> Qualified {
        let transition = enter(DOORS[door].0, &format!("v{}", self.visits));
        let (region, place) = &self.doors[door];
        let (zone, age) = (self.zone.name, Millis(0));
        let occasion = Occasion {
            transition: &transition,
            region,
            place,
            age,
            nearness: Metres(0.0),
            zone,
            quiet: None,
            held: None,
            settle: None,
            person: Person::UNKNOWN,
            in_app: false,
        };
        qualify(&self.book, &self.world.customer, ledger, &[occasion], now)
    }

    fn come(&mut self, door: usize, look_ahead: bool) {
        self.visits += 1;
        let mut ledger = self.ledger.clone();
        let answer = self.ask(&mut ledger, door, self.now);
        for (index, assessment) in answer.assessments.iter().enumerate() {
            let new = (self.now, door, index);
            let steps = assessment.policies.iter().filter(|step| step.policy.ends_with("-cap"));
            for (nth, (cap, step)) in self.caps.iter().zip(steps).enumerate() {
                let counted =
                    self.sent.iter().filter(|sent| in_scope(cap.scope, sent, &new) && self.counts(cap, sent.0));
                let full = counted.count() >= cap.limit as usize;
                assert_eq!(step.refusal.is_some(), full, "{cap:?} at {:?}: {:?}", self.now, self.sent);
                if let Some(until) =
                    step.refusal.as_ref().and_then(crate::model::Reason::until).filter(|_| look_ahead)
                {
                    let refused = |now| {
                        let later = self.ask(&mut self.ledger.clone(), door, now);
                        let mut steps =
                            later.assessments[index].policies.iter().filter(|s| s.policy.ends_with("-cap"));
                        steps.nth(nth).unwrap().refusal.is_some()
                    };
                    assert!(until > self.now && !refused(until), "{cap:?} frees at {until:?}, {}", self.zone.name);
                    assert!(refused(until - Millis(1)), "{cap:?} frees before {until:?}, {}", self.zone.name);
                }
            }
        }
        if let Some(win) = answer.winner {
            let index = answer.assessments.iter().position(|own| own.campaign == win.campaign.id).unwrap();
            self.sent.push((self.now, door, index));
            self.hold();
        }
        self.ledger = ledger;
    }

    /// Whether a cap counts a message that was sent at that time. A calendar's day that was left for an earlier one,
    /// since the clock of the server was set back, does not count; a rolling window counts what is to come.
    fn counts(&self, cap: &Cap, at: ServerTime) -> bool {
        match cap.window {
            CapWindow::Rolling(window) => at > self.now - window,
            CapWindow::Calendar(calendar) => self.zone.same(calendar, at, self.now),
        }
    }

    /// No window and no day or week that holds the new message holds more than a cap that all campaigns have.
    fn hold(&self) {
        let new = self.sent.last().unwrap();
        for cap in &self.caps {
            let in_scope: Vec<ServerTime> =
                self.sent.iter().filter(|sent| in_scope(cap.scope, sent, new)).map(|sent| sent.0).collect();
            let most = match cap.window {
                CapWindow::Calendar(calendar) => {
                    in_scope.iter().filter(|at| self.zone.same(calendar, **at, new.0)).count()
                }
                CapWindow::Rolling(window) => {
                    let ends = in_scope.iter().flat_map(|at| [*at, *at + window - Millis(1)]);
                    let held = |end| in_scope.iter().filter(|at| **at > end - window && **at <= end).count();
                    ends.map(held).max().unwrap_or(0)
                }
            };
            assert!(most <= cap.limit as usize, "{cap:?} in {} is beaten: {:?}", self.zone.name, self.sent);
        }
    }
}

#[test]
fn no_sequence_of_visits_and_clocks_beats_a_cap() {
    let world = World::new();
    let doors: Vec<_> = DOORS.iter().map(|(door, name, brand)| (region(door, name), place(name, brand))).collect();
    let zones = ZONES.map(Zone::new);
    let campaigns = ["latte", "scone"].map(campaign);
    let mut dice = Dice(7);
    for number in 0..CASES {
        let zone = dice.one(&zones);
        let start = match (dice.below(4), zone.changes.is_empty()) {
            (0, _) | (_, true) => dice.below(2_000_000_000_000),
            (_, false) => *dice.one(&zone.changes) - dice.below(30 * HOUR),
        };
        let caps = caps(&mut dice);
        let own = |campaign: &Campaign| Arc::new(Campaign { caps: caps.clone(), ..campaign.clone() });
        let book = CampaignBook::build(campaigns.iter().map(own));
        let (ledger, sent) = (Ledger::default(), Vec::new());
        let now = ServerTime(start);
        let mut case =
            Case { zone, world: &world, doors: &doors, caps: caps.clone(), book, ledger, sent, visits: 0, now };
        let seed = dice.0;
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut dice = Dice(seed);
            case.play(&mut dice);
            dice.0
        }));
        dice.0 = played.unwrap_or_else(|_| panic!("case {number} in {} from {start}", zone.name));
    }
}

#[test]
fn the_days_of_odd_clocks_are_those_that_they_show() {
    use super::super::local::Local;
    let at = |zone: &TimeZone, text: &str, later: bool| {
        let when: jiff::civil::DateTime = text.parse().unwrap();
        let when = zone.to_ambiguous_timestamp(when);
        let when = if later { when.later() } else { when.earlier() };
        ServerTime(when.unwrap().as_millisecond())
    };
    // The zone, the time that is asked about (of two, the first or the second), a message, whether it counts for the
    // day, and when the next one has room (first or second).
    for (name, now, sent, counts, until) in [
        (
            "America/Denver",
            ("2026-03-08T12:00", false),
            ("2026-03-08T00:00", false),
            true,
            ("2026-03-09T00:00", false),
        ),
        (
            "America/Denver",
            ("2026-11-01T12:00", false),
            ("2026-11-01T01:30", false),
            true,
            ("2026-11-02T00:00", false),
        ),
        ("America/Denver", ("2026-11-01T12:00", false), ("2026-10-31T23:59", false), false, ("", false)),
        (
            "Australia/Lord_Howe",
            ("2026-04-05T12:00", false),
            ("2026-04-05T01:45", true),
            true,
            ("2026-04-06T00:00", false),
        ),
        // Clocks went from 00:01 back to 23:01.
        (
            "America/St_Johns",
            ("2010-11-06T23:30", true),
            ("2010-11-06T12:00", false),
            true,
            ("2010-11-07T00:00", true),
        ),
        ("America/St_Johns", ("2010-11-06T23:30", true), ("2010-11-07T00:00", false), false, ("", false)),
        (
            "America/St_Johns",
            ("2010-11-07T12:00", true),
            ("2010-11-07T00:00", false),
            true,
            ("2010-11-08T00:00", false),
        ),
        // There was no 30 December.
        ("Pacific/Apia", ("2011-12-29T12:00", false), ("2011-12-29T01:00", false), true, ("2011-12-31T00:00", false)),
        ("Pacific/Apia", ("2011-12-31T12:00", false), ("2011-12-29T23:00", false), false, ("", false)),
        // Midnight itself was skipped, and at a time a midnight from half past eleven.
        (
            "America/Sao_Paulo",
            ("2018-11-03T23:00", false),
            ("2018-11-03T01:00", false),
            true,
            ("2018-11-04T01:00", false),
        ),
        (
            "America/Toronto",
            ("1919-03-30T23:00", false),
            ("1919-03-30T01:00", false),
            true,
            ("1919-03-31T00:30", false),
        ),
    ] {
        let zone = TimeZone::get(name).unwrap();
        let (now, sent) = (at(&zone, now.0, now.1), at(&zone, sent.0, sent.1));
        let local = Local::new(name, now);
        assert_eq!(local.count(Calendar::Day, &[sent]), usize::from(counts), "{name} {now:?}");
        let want = counts.then(|| at(&zone, until.0, until.1));
        assert_eq!(local.room(Calendar::Day, &[sent], 1, None), want, "{name} {now:?}");
    }
}
