//! What goes by the clock on the wall: caps of the calendar, hours, quiet hours and opening hours, in a table each.

use super::policies::{check, hours_ago};
use super::{NOW, World};
use crate::model::{
    Calendar, Cap, CapScope, CapWindow, DailySpan, Millis, OpeningHours, Reason, ServerTime, Weekdays, WeeklySpan,
};

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
