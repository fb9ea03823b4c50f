//! Each policy's answers, in a table.

use super::{NOW, World, id};
use crate::model::{
    ActiveWindow, Calendar, Cap, CapScope, CapWindow, DailySpan, Millis, OpeningHours, Pace, Reason, ServerTime,
    Verdict, Weekdays, WeeklySpan,
};

/// What is set up, why the policy refuses if it does, and its words; none where it has no say.
type Case = (fn(&mut World), Option<Reason>, &'static str);

/// Asks one policy in every case; no other may refuse, so its answer is the verdict.
fn check(policy: &str, cases: &[Case]) {
    for (index, (set_up, refusal, detail)) in cases.iter().enumerate() {
        let mut world = World::new();
        set_up(&mut world);
        let answer = world.ask();
        let [assessment] = &answer.assessments[..] else { panic!("{policy} {index}: {answer:?}") };
        let step = assessment.policies.iter().find(|step| step.policy == policy);
        let refused = step.and_then(|step| step.refusal.as_ref());
        let words = step.map(|step| step.detail.to_string()).unwrap_or_default();
        assert_eq!((refused, words.as_str()), (refusal.as_ref(), *detail), "{policy} {index}");
        match refusal {
            Some(reason) => assert_eq!(assessment.verdict, Verdict::Suppressed(reason.clone()), "{policy} {index}"),
            None => assert_eq!(
                assessment.verdict,
                Verdict::Qualified(answer.winner.unwrap().trigger),
                "{policy} {index}: {:?}",
                assessment.policies
            ),
        }
    }
}

fn hours_ago(hours: i64) -> ServerTime {
    NOW - Millis::from_hours(hours)
}

#[test]
fn consent() {
    check(
        "consent",
        &[
            (|_| {}, None, "granted"),
            (|w| w.customer.consent.as_mut().unwrap().granted = false, Some(Reason::NoConsent), "not granted"),
            (|w| w.customer.consent = None, Some(Reason::NoConsent), "never asked"),
        ],
    );
}

#[test]
fn paused() {
    check("paused", &[(|_| {}, None, "running"), (|w| w.campaign.paused = true, Some(Reason::Paused), "paused")]);
}

#[test]
fn active_window() {
    const HOUR: Millis = Millis::from_hours(1);
    check(
        "active-window",
        &[
            (|_| {}, None, ""),
            (|w| w.campaign.active = ActiveWindow { start: Some(NOW), end: None }, None, "no end"),
            (|w| w.campaign.active = ActiveWindow { start: None, end: Some(NOW + HOUR) }, None, "ends in 1 h"),
            (
                |w| w.campaign.active.start = Some(NOW + HOUR),
                Some(Reason::NotActive { until: Some(NOW + HOUR) }),
                "begins in 1 h",
            ),
            (|w| w.campaign.active.end = Some(NOW), Some(Reason::NotActive { until: None }), "ended 0 s ago"),
        ],
    );
}

#[test]
fn staleness() {
    check(
        "staleness",
        &[
            (|_| {}, None, "0 s after it happened"),
            (|w| w.age = Millis::from_mins(15), None, "15 min after it happened"),
            (
                |w| w.age = Millis(900_001),
                Some(Reason::Stale { age: Millis(900_001) }),
                "15 min after it happened, at most 15 min",
            ),
        ],
    );
}

#[test]
fn topic() {
    check(
        "topic",
        &[
            (|_| {}, None, "opted in to offers"),
            (|w| w.campaign.topic = id!(TopicId, "parking"), Some(Reason::Topic), "not opted in to parking"),
        ],
    );
}

#[test]
fn same_visit() {
    check(
        "same-visit",
        &[
            (|_| {}, None, "first of this visit"),
            (
                |w| {
                    w.ask();
                },
                Some(Reason::SameVisit),
                "this visit had this message",
            ),
            (
                |w| {
                    w.ask();
                    w.transition.visit = id!(VisitId, "next");
                },
                None,
                "first of this visit",
            ),
            (
                |w| {
                    w.ask();
                    w.campaign.id = id!(CampaignId, "scone");
                },
                None,
                "first of this visit",
            ),
            (
                |w| {
                    let trigger = w.ask().winner.unwrap().trigger;
                    assert!(w.ledger.refund(&trigger));
                },
                None,
                "first of this visit",
            ),
        ],
    );
}

#[test]
fn region_cooldown() {
    check(
        "region-cooldown",
        &[
            (|w| w.sent(NOW, |s| s.region = id!(RegionId, "door")), None, ""),
            (
                |w| {
                    w.campaign.cooldown.region = Some(Millis::from_hours(4));
                    w.sent(NOW, |_| {});
                },
                None,
                "none yet, 4 h asked",
            ),
            (
                |w| {
                    w.campaign.cooldown.region = Some(Millis::from_hours(4));
                    w.sent(hours_ago(9), |s| s.region = id!(RegionId, "door"));
                    w.sent(hours_ago(4), |s| s.region = id!(RegionId, "door"));
                },
                None,
                "4 h since the last, 4 h asked",
            ),
            (
                |w| {
                    w.campaign.cooldown.region = Some(Millis::from_hours(4));
                    w.sent(hours_ago(9), |s| s.region = id!(RegionId, "door"));
                    w.sent(hours_ago(3), |s| s.region = id!(RegionId, "door"));
                },
                Some(Reason::RegionCooldown { until: NOW + Millis::from_hours(1) }),
                "3 h since the last, 4 h asked",
            ),
            (
                // The clock stepped back after a message.
                |w| {
                    w.campaign.cooldown.region = Some(Millis::from_hours(4));
                    w.sent(hours_ago(-2), |s| s.region = id!(RegionId, "door"));
                },
                Some(Reason::RegionCooldown { until: NOW + Millis::from_hours(6) }),
                "-2 h since the last, 4 h asked",
            ),
            (
                // It stepped back from so far ahead that messages were forgotten.
                |w| {
                    w.campaign.cooldown.region = Some(Millis::from_hours(4));
                    w.ledger.forgotten = Some(hours_ago(1));
                },
                Some(Reason::RegionCooldown { until: NOW + Millis::from_hours(3) }),
                "earlier messages are forgotten",
            ),
        ],
    );
}

#[test]
fn place_cooldown() {
    check(
        "place-cooldown",
        &[
            (|w| w.sent(NOW, |s| s.place = id!(PlaceId, "tremont")), None, ""),
            (
                |w| {
                    w.campaign.cooldown.place = Some(Millis::from_hours(4));
                    w.sent(hours_ago(1), |s| s.place = id!(PlaceId, "tremont"));
                },
                Some(Reason::PlaceCooldown { until: NOW + Millis::from_hours(3) }),
                "1 h since the last, 4 h asked",
            ),
        ],
    );
}

#[test]
fn brand_cooldown() {
    check(
        "brand-cooldown",
        &[
            (|w| w.sent(NOW, |s| s.brand = id!(BrandId, "roost")), None, ""),
            (
                |w| {
                    w.campaign.cooldown.brand = Some(Millis(16_200_000));
                    w.sent(NOW - Millis(16_200_000), |s| s.brand = id!(BrandId, "roost"));
                },
                None,
                "4 h 30 min since the last, 4 h 30 min asked",
            ),
            (
                |w| {
                    w.campaign.cooldown.brand = Some(Millis::from_hours(4));
                    w.sent(NOW, |s| s.brand = id!(BrandId, "roost"));
                },
                Some(Reason::BrandCooldown { until: NOW + Millis::from_hours(4) }),
                "0 s since the last, 4 h asked",
            ),
        ],
    );
}

#[test]
fn the_customers_cap() {
    fn cap(w: &mut World, limit: u32) {
        w.campaign.caps =
            vec![Cap { scope: CapScope::Customer, limit, window: CapWindow::Rolling(Millis::from_days(1)) }];
        for hours in [24, 20, 10] {
            w.sent(hours_ago(hours), |_| {});
        }
    }
    let until = |hours| Some(NOW + Millis::from_hours(hours));
    let refusal = |limit, hours| until(hours).map(|until| Reason::Cap { scope: CapScope::Customer, limit, until });
    check(
        "customer-cap",
        &[
            (|w| cap(w, 3), None, "2 of 3 in 24 h"),
            (|w| cap(w, 2), refusal(2, 4), "2 of 2 in 24 h"),
            (|w| cap(w, 1), refusal(1, 14), "2 of 1 in 24 h"),
            (
                // The clock stepped back after a message: it counts now, and for a day from its own time.
                |w| {
                    cap(w, 3);
                    w.sent(hours_ago(-5), |_| {});
                },
                refusal(3, 4),
                "3 of 3 in 24 h",
            ),
            (
                |w| {
                    cap(w, 3);
                    w.ledger.forgotten = Some(hours_ago(2));
                },
                refusal(3, 22),
                "2 of 3 in 24 h, earlier messages are forgotten",
            ),
        ],
    );
}

#[test]
fn caps_count_what_their_scope_says() {
    fn cap(w: &mut World, scope: CapScope) {
        w.campaign.caps = vec![Cap { scope, limit: 1, window: CapWindow::Rolling(Millis::from_hours(2)) }];
        w.sent(hours_ago(1), |_| {});
    }
    fn shared(w: &mut World, scope: CapScope) {
        cap(w, scope);
        w.sent(hours_ago(1), |s| match scope {
            CapScope::Customer => {}
            CapScope::Brand => s.brand = id!(BrandId, "roost"),
            CapScope::Topic => s.topic = id!(TopicId, "offers"),
            CapScope::Place => s.place = id!(PlaceId, "tremont"),
            CapScope::Campaign => s.campaign = id!(CampaignId, "latte"),
        });
    }
    let refusal = |scope| Some(Reason::Cap { scope, limit: 1, until: NOW + Millis::from_hours(1) });
    let (free, full) = ("0 of 1 in 2 h", "1 of 1 in 2 h");
    check(
        "brand-cap",
        &[
            (|w| cap(w, CapScope::Brand), None, free),
            (|w| shared(w, CapScope::Brand), refusal(CapScope::Brand), full),
        ],
    );
    check(
        "topic-cap",
        &[
            (|w| cap(w, CapScope::Topic), None, free),
            (|w| shared(w, CapScope::Topic), refusal(CapScope::Topic), full),
        ],
    );
    check(
        "place-cap",
        &[
            (|w| cap(w, CapScope::Place), None, free),
            (|w| shared(w, CapScope::Place), refusal(CapScope::Place), full),
        ],
    );
    check(
        "campaign-cap",
        &[
            (|w| cap(w, CapScope::Campaign), None, free),
            (|w| shared(w, CapScope::Campaign), refusal(CapScope::Campaign), full),
        ],
    );
}

#[test]
fn caps_of_the_calendar() {
    // It is 01:00 on Friday in Denver.
    fn cap(w: &mut World, calendar: Calendar, hours: &[i64]) {
        w.campaign.caps = vec![Cap { scope: CapScope::Customer, limit: 1, window: CapWindow::Calendar(calendar) }];
        for hours in hours {
            w.sent(hours_ago(*hours), |_| {});
        }
    }
    let refusal = |hours| {
        let until = NOW + Millis::from_hours(hours);
        Some(Reason::Cap { scope: CapScope::Customer, limit: 1, until })
    };
    check(
        "customer-cap",
        &[
            (|w| cap(w, Calendar::Day, &[2]), None, "0 of 1 today"),
            (|w| cap(w, Calendar::Day, &[1]), refusal(23), "1 of 1 today"),
            (|w| cap(w, Calendar::Week, &[1]), refusal(71), "1 of 1 this week"),
            (|w| cap(w, Calendar::Week, &[98]), None, "0 of 1 this week"),
            // The clock stepped back by a day: today is free.
            (|w| cap(w, Calendar::Day, &[-24]), None, "0 of 1 today"),
            (|w| cap(w, Calendar::Day, &[1, -23]), refusal(47), "1 of 1 today"),
            (
                |w| {
                    cap(w, Calendar::Day, &[]);
                    w.ledger.forgotten = Some(hours_ago(1));
                },
                refusal(23),
                "0 of 1 today, earlier messages are forgotten",
            ),
            // In Berlin it is 09:00.
            (
                |w| {
                    cap(w, Calendar::Day, &[2]);
                    w.zone = "Europe/Berlin";
                },
                refusal(15),
                "1 of 1 today",
            ),
        ],
    );
}

#[test]
fn hours() {
    // It is 01:00 on Friday, 15 January, in Denver.
    fn at(w: &mut World, days: &[u8], start: &str, end: &str) {
        let hours = DailySpan::new(start, end).unwrap();
        w.campaign.hours.push(WeeklySpan { days: Weekdays::of(days.iter().copied()), hours });
    }
    let refusal = |hours| Some(Reason::OutsideHours { until: NOW + Millis::from_hours(hours) });
    let until = |text: &str| {
        Some(Reason::OutsideHours { until: ServerTime(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()) })
    };
    check(
        "hours",
        &[
            (|_| {}, None, ""),
            (|w| at(w, &[4], "00:30", "02:00"), None, "Friday 01:00 on the customer's clock"),
            (|w| at(w, &[4], "01:00", "02:00"), None, "Friday 01:00 on the customer's clock"),
            (|w| at(w, &[4], "00:00", "01:00"), refusal(7 * 24 - 1), "Friday 01:00 on the customer's clock"),
            (|w| at(w, &[3], "22:00", "02:00"), None, "Friday 01:00 on the customer's clock"),
            (|w| at(w, &[4], "22:00", "02:00"), refusal(21), "Friday 01:00 on the customer's clock"),
            (
                |w| {
                    at(w, &[0, 1], "09:00", "18:00");
                    at(w, &[5], "10:00", "14:00");
                },
                refusal(33),
                "Friday 01:00 on the customer's clock",
            ),
            (
                |w| {
                    at(w, &[], "09:00", "18:00");
                    w.zone = "Europe/Berlin";
                },
                None,
                "Friday 09:00 on the customer's clock",
            ),
            // The clocks skip 02:30, and show 01:30 twice.
            (
                |w| {
                    at(w, &[], "02:30", "04:00");
                    moved(w, "2027-03-14T01:00:00-07");
                },
                until("2027-03-14T03:00:00-06"),
                "Sunday 01:00 on the customer's clock",
            ),
            (
                |w| {
                    at(w, &[6], "02:15", "02:45");
                    moved(w, "2027-03-14T01:00:00-07");
                },
                until("2027-03-21T02:15:00-06"),
                "Sunday 01:00 on the customer's clock",
            ),
            (
                |w| {
                    at(w, &[], "01:00", "01:30");
                    moved(w, "2027-11-07T01:45:00-06");
                },
                until("2027-11-07T01:00:00-07"),
                "Sunday 01:45 on the customer's clock",
            ),
        ],
    );
}

#[test]
fn quiet_hours() {
    // It is 01:00 in Denver.
    fn quiet(w: &mut World, start: &str, end: &str) {
        w.quiet = Some(DailySpan::new(start, end).unwrap());
    }
    let refusal = |hours| Some(Reason::QuietHours { until: NOW + Millis::from_hours(hours) });
    let until = |text: &str| {
        Some(Reason::QuietHours { until: ServerTime(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()) })
    };
    check(
        "quiet-hours",
        &[
            (|_| {}, None, ""),
            (|w| quiet(w, "21:00", "08:00"), refusal(7), "Friday 01:00 on the customer's clock"),
            (|w| quiet(w, "01:00", "08:00"), refusal(7), "Friday 01:00 on the customer's clock"),
            (|w| quiet(w, "21:00", "01:00"), None, "Friday 01:00 on the customer's clock"),
            (
                |w| {
                    quiet(w, "21:00", "08:00");
                    w.zone = "Europe/Berlin";
                },
                None,
                "Friday 09:00 on the customer's clock",
            ),
            (
                |w| {
                    quiet(w, "21:00", "08:00");
                    w.campaign.transactional = true;
                },
                None,
                "",
            ),
            // The clocks skip 02:30; and they show 01:30 twice, so that it is quiet twice.
            (
                |w| {
                    quiet(w, "21:00", "02:30");
                    moved(w, "2027-03-14T01:00:00-07");
                },
                until("2027-03-14T03:00:00-06"),
                "Sunday 01:00 on the customer's clock",
            ),
            (
                |w| {
                    quiet(w, "01:00", "01:30");
                    moved(w, "2027-11-07T01:10:00-06");
                },
                until("2027-11-07T01:30:00-06"),
                "Sunday 01:10 on the customer's clock",
            ),
            (
                |w| {
                    quiet(w, "21:00", "01:30");
                    moved(w, "2027-11-07T01:45:00-06");
                },
                None,
                "Sunday 01:45 on the customer's clock",
            ),
        ],
    );
}

/// The time moves to that moment.
fn moved(w: &mut World, now: &str) {
    w.now = ServerTime(now.parse::<jiff::Timestamp>().unwrap().as_millisecond());
}

#[test]
fn opening_hours() {
    // It is Friday, 01:00, in Denver.
    fn open(w: &mut World, hours: &str) {
        w.place.opening_hours = Some(OpeningHours::parse("hours", hours).unwrap());
        // The place's own clock counts.
        w.zone = "Europe/Berlin";
    }
    let closed = |hours| Some(Reason::PlaceClosed { until: Some(NOW + Millis::from_hours(hours)) });
    let until = |text: &str| {
        let at = ServerTime(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        Some(Reason::PlaceClosed { until: Some(at) })
    };
    check(
        "open",
        &[
            (|_| {}, None, ""),
            (|w| open(w, "Mo-Su 20:00-02:00"), None, "open on Friday 01:00"),
            (|w| open(w, "Mo-Su 07:00-19:00"), closed(6), "closed on Friday 01:00"),
            (|w| open(w, "Fr off; Sa 07:00-19:00"), closed(30), "closed on Friday 01:00"),
            (|w| open(w, "off"), Some(Reason::PlaceClosed { until: None }), "closed on Friday 01:00"),
            (
                |w| {
                    open(w, "Mo-Su 07:00-19:00");
                    w.campaign.while_closed = true;
                },
                None,
                "",
            ),
            // It opens at half past two, which the clock skips.
            (
                |w| {
                    open(w, "Mo-Su 02:30-19:00");
                    moved(w, "2027-03-14T01:00:00-07");
                },
                until("2027-03-14T03:00:00-06"),
                "closed on Sunday 01:00",
            ),
            (
                |w| {
                    open(w, "Mo-Su 02:15-02:45");
                    moved(w, "2027-03-14T01:00:00-07");
                },
                until("2027-03-15T02:15:00-06"),
                "closed on Sunday 01:00",
            ),
        ],
    );
}

#[test]
fn visit_cooldown() {
    fn visited(w: &mut World, visit: &str) {
        w.campaign.cooldown.visit = true;
        w.sent(NOW, |s| {
            s.place = id!(PlaceId, "tremont");
            s.visit = id!(VisitId, visit);
            s.transactional = true;
        });
    }
    check(
        "visit-cooldown",
        &[
            (|_| {}, None, ""),
            (|w| visited(w, "another"), None, "no message in this visit"),
            (|w| visited(w, "visit"), Some(Reason::VisitCooldown), "this visit had a message"),
        ],
    );
}

#[test]
fn gap() {
    fn gap(w: &mut World, minutes: i64) {
        w.campaign.min_gap = Some(Millis::from_mins(30));
        w.sent(NOW - Millis::from_mins(minutes), |s| s.transactional = true);
    }
    check(
        "gap",
        &[
            (|w| w.sent(NOW, |_| {}), None, ""),
            (|w| w.campaign.min_gap = Some(Millis::from_mins(30)), None, "none yet, 30 min asked"),
            (|w| gap(w, 30), None, "30 min since the last, 30 min asked"),
            (
                |w| gap(w, 20),
                Some(Reason::Gap { until: NOW + Millis::from_mins(10) }),
                "20 min since the last, 30 min asked",
            ),
        ],
    );
}

#[test]
fn a_transactional_message_is_counted_by_its_own_campaign_alone() {
    fn order_ready(w: &mut World, scope: CapScope) {
        let window = CapWindow::Rolling(Millis::from_hours(2));
        w.campaign.caps = vec![Cap { scope, limit: 1, window }];
        w.campaign.cooldown.brand = Some(Millis::from_hours(4));
        w.sent(hours_ago(1), |s| {
            s.transactional = true;
            s.topic = id!(TopicId, "offers");
            s.place = id!(PlaceId, "tremont");
            s.brand = id!(BrandId, "roost");
            s.campaign = id!(CampaignId, "latte");
        });
    }
    fn asks(w: &mut World) {
        order_ready(w, CapScope::Campaign);
        w.campaign.transactional = true;
        w.ledger.sends[0].campaign = id!(CampaignId, "other");
        w.ledger.sends[0].transactional = false;
    }
    let until = NOW + Millis::from_hours(1);
    let free = "0 of 1 in 2 h";
    check("customer-cap", &[(|w| order_ready(w, CapScope::Customer), None, free)]);
    check("brand-cap", &[(|w| order_ready(w, CapScope::Brand), None, free)]);
    check("topic-cap", &[(|w| order_ready(w, CapScope::Topic), None, free)]);
    check("place-cap", &[(|w| order_ready(w, CapScope::Place), None, free)]);
    let own = Some(Reason::Cap { scope: CapScope::Campaign, limit: 1, until });
    check("campaign-cap", &[(|w| order_ready(w, CapScope::Campaign), own, "1 of 1 in 2 h"), (asks, None, free)]);
    check("brand-cooldown", &[(asks, None, "")]);
}

#[test]
fn pace() {
    fn pace(w: &mut World, sends: u32, ago: Millis) {
        w.campaign.pace = Some(Pace { burst: 2, refill: Millis::from_hours(1) });
        w.now = NOW - ago;
        for visit in 0..sends {
            w.transition.visit = id!(VisitId, &format!("v{visit}"));
            assert!(w.ask().winner.is_some());
        }
        w.transition.visit = id!(VisitId, "now");
        w.now = NOW;
    }
    let refusal = |ms| Some(Reason::Pace { until: NOW + Millis(ms) });
    check(
        "pace",
        &[
            (|_| {}, None, ""),
            (|w| pace(w, 0, Millis(0)), None, "1 of 2 left after this one, one more each 1 h"),
            (|w| pace(w, 1, Millis(0)), None, "0 of 2 left after this one, one more each 1 h"),
            (|w| pace(w, 2, Millis(0)), refusal(3_600_000), "used up, room in 1 h"),
            (|w| pace(w, 2, Millis(3_599_999)), refusal(1), "used up, room in 1 ms"),
            (|w| pace(w, 2, Millis::from_hours(1)), None, "0 of 2 left after this one, one more each 1 h"),
            (|w| pace(w, 2, Millis::from_hours(2)), None, "1 of 2 left after this one, one more each 1 h"),
            // The clock stepped back after two messages.
            (|w| pace(w, 2, Millis::from_hours(-3)), refusal(14_400_000), "used up, room in 4 h"),
        ],
    );
}

#[test]
fn all_are_asked_and_the_first_refusal_is_the_reason() {
    let mut world = World::new();
    world.customer.consent = None;
    world.campaign.paused = true;
    world.age = Millis::from_hours(1);
    world.campaign.caps =
        vec![Cap { scope: CapScope::Topic, limit: 3, window: CapWindow::Rolling(Millis::from_days(1)) }];
    let assessment = world.ask().assessments.remove(0);
    let steps: Vec<_> = assessment.policies.iter().map(|step| (step.policy, step.refusal.is_none())).collect();
    assert_eq!(
        steps,
        [
            ("consent", false),
            ("paused", false),
            ("staleness", false),
            ("topic", true),
            ("same-visit", true),
            ("topic-cap", true),
        ]
    );
    assert_eq!(assessment.verdict, Verdict::Suppressed(Reason::NoConsent));
    assert_eq!(world.ledger, super::Ledger::default());
}
