//! How often and how soon: cooldowns, caps, gaps and pace, in a table each.

use super::policies::{check, hours_ago};
use super::{NOW, World, id};
use crate::model::{Cap, CapScope, CapWindow, Millis, Pace, Reason};

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
