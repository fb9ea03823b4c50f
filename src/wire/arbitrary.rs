//! Generated model values for tests.

use crate::model::campaign::{CAPS_MAX, LIMIT_MAX, WINDOW_MAX};
use crate::model::*;
use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

macro_rules! any_id {
    ($($name:ident: $ty:ident),* $(,)?) => { $(
        pub(crate) fn $name() -> impl Strategy<Value = $ty> {
            "[a-zA-Z0-9][a-zA-Z0-9._:~-]{0,12}".prop_map(|id| $ty::parse("id", &id).unwrap())
        }
    )* };
}

pub(crate) use any_id;

any_id! {
    customer_id: CustomerId, device_id: DeviceId, place_id: PlaceId, region_id: RegionId, campaign_id: CampaignId,
    brand_id: BrandId, topic_id: TopicId, tag: Tag, group_id: GroupId, visit_id: VisitId, trigger_id: TriggerId,
    decision_id: DecisionId, zone_id: ZoneId,
}

fn ms() -> impl Strategy<Value = i64> {
    -62_135_596_800_000..=253_402_300_799_999_i64
}

pub(crate) fn server_time() -> impl Strategy<Value = ServerTime> {
    ms().prop_map(ServerTime)
}

fn device_time() -> impl Strategy<Value = DeviceTime> {
    ms().prop_map(DeviceTime)
}

pub(crate) fn window() -> impl Strategy<Value = Millis> {
    (1_000..=WINDOW_MAX.0).prop_map(Millis)
}

pub(crate) fn name() -> impl Strategy<Value = String> {
    "\\PC{1,20}"
}

fn zone() -> impl Strategy<Value = String> {
    prop_oneof![Just("America/Denver"), Just("Europe/Berlin"), Just("UTC")].prop_map(str::to_owned)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![-1e9..1e9_f64, Just(0.0), Just(f64::MAX), Just(f64::MIN_POSITIVE)]
}

fn position() -> impl Strategy<Value = Position> {
    (-90.0..=90.0_f64, -180.0..=180.0_f64).prop_map(|(lat, lon)| Position::new(lat, lon).unwrap())
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid)
}

pub(crate) fn ping() -> impl Strategy<Value = Ping> {
    let fix = (position(), 0.001..=100_000.0_f64, of(0.0..=500.0_f64), of(0.0..=360.0_f64), any::<bool>()).prop_map(
        |(position, accuracy, speed_mps, course_deg, mock)| Fix {
            position,
            accuracy: Metres(accuracy),
            speed_mps,
            course_deg,
            mock,
        },
    );
    let sighting = (uuid(), any::<u16>(), any::<u16>(), -127..=20_i8, -127..=20_i8).prop_map(
        |(uuid, major, minor, rssi_dbm, measured_power_dbm)| Sighting {
            beacon: BeaconKey { uuid, major, minor },
            rssi_dbm,
            measured_power_dbm,
        },
    );
    let app = prop_oneof![Just(AppState::Unknown), Just(AppState::Foreground), Just(AppState::Background)];
    (1..=crate::model::ping::SEQUENCE_MAX, device_time(), of(fix), vec(sighting, 0..5), app).prop_map(
        |(sequence, observed, fix, sightings, app)| Ping {
            sequence: Sequence(sequence),
            observed,
            fix,
            sightings,
            app,
        },
    )
}

pub(crate) fn advice() -> impl Strategy<Value = ReportAdvice> {
    (1_000..=600_000_i64, 10.0..=10_000.0_f64)
        .prop_map(|(after, moved)| ReportAdvice { after: Millis(after), moved: Metres(moved) })
}

pub(crate) fn place() -> impl Strategy<Value = Place> {
    let open =
        prop_oneof![Just("24/7"), Just("Mo-Fr 07:00-19:00; Sa,Su 08:00-18:00"), Just("sunrise-sunset; PH off")]
            .prop_map(|text| OpeningHours::parse("open", text).unwrap());
    (place_id(), name(), brand_id(), zone(), btree_set(tag(), 0..4), of(open)).prop_map(
        |(id, display_name, brand, time_zone, tags, opening_hours)| Place {
            opening_hours,
            id,
            display_name,
            brand,
            time_zone,
            tags: tags.into_iter().collect(),
        },
    )
}

fn polygon() -> impl Strategy<Value = Polygon> {
    let ring = vec(position(), 3..8).prop_map(|mut points| {
        points.push(points[0]);
        Ring { points }
    });
    vec(ring, 1..3).prop_map(|rings| Polygon { rings })
}

fn extent() -> impl Strategy<Value = Extent> {
    let proximity = prop_oneof![Just(Proximity::Immediate), Just(Proximity::Near), Just(Proximity::Far)];
    let beacon = (uuid(), of((any::<u16>(), of(any::<u16>()))), proximity, of(group_id())).prop_map(
        |(uuid, numbers, proximity, group)| BeaconExtent {
            uuid,
            major: numbers.map(|(major, _)| major),
            minor: numbers.and_then(|(_, minor)| minor),
            proximity,
            group,
        },
    );
    prop_oneof![
        (position(), 10.0..=100_000.0_f64)
            .prop_map(|(center, radius)| Extent::Fence(Fence::Circle(Circle { center, radius: Metres(radius) }))),
        polygon().prop_map(|polygon| Extent::Fence(Fence::Polygon(polygon))),
        vec(polygon(), 1..3).prop_map(|polygons| Extent::Fence(Fence::MultiPolygon(polygons))),
        beacon.prop_map(Extent::Beacon),
    ]
}

pub(crate) fn sensitive_zone() -> impl Strategy<Value = Zone> {
    let fence = extent().prop_filter_map("a beacon", |extent| match extent {
        Extent::Fence(fence) => Some(fence),
        Extent::Beacon(_) => None,
    });
    (zone_id(), name(), 0..ZoneKind::ALL.len(), fence).prop_map(|(id, display_name, kind, fence)| Zone {
        id,
        display_name,
        kind: ZoneKind::ALL[kind],
        fence,
    })
}

pub(crate) fn region() -> impl Strategy<Value = Region> {
    (region_id(), place_id(), name(), extent(), 1_000..=86_400_000_i64, btree_set(tag(), 0..4)).prop_map(
        |(id, place, display_name, extent, dwell, tags)| Region {
            id,
            place,
            display_name,
            extent,
            dwell: Millis(dwell),
            tags: tags.into_iter().collect(),
        },
    )
}

fn cap_scope() -> impl Strategy<Value = CapScope> {
    prop_oneof![
        Just(CapScope::Customer),
        Just(CapScope::Brand),
        Just(CapScope::Topic),
        Just(CapScope::Place),
        Just(CapScope::Campaign),
    ]
}

fn transition_kind() -> impl Strategy<Value = TransitionKind> {
    prop_oneof![
        Just(TransitionKind::Enter),
        Just(TransitionKind::Dwell),
        Just(TransitionKind::Exit),
        Just(TransitionKind::Approach),
        Just(TransitionKind::Pass),
    ]
}

fn daily_span() -> impl Strategy<Value = DailySpan> {
    (0..1_440_u16, 1..1_440_u16).prop_map(|(from, long)| {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        DailySpan::new(&clock(from), &clock((from + long) % 1_440)).unwrap()
    })
}

fn weekly_hours() -> impl Strategy<Value = Vec<WeeklySpan>> {
    let span =
        (vec(0..7_u8, 0..4), daily_span()).prop_map(|(days, hours)| WeeklySpan { days: Weekdays::of(days), hours });
    vec(span, 0..3)
}

pub(crate) fn campaign() -> impl Strategy<Value = Campaign> {
    let cap_window = prop_oneof![
        window().prop_map(CapWindow::Rolling),
        Just(CapWindow::Calendar(Calendar::Day)),
        Just(CapWindow::Calendar(Calendar::Week)),
    ];
    let cap =
        (cap_scope(), 1..=LIMIT_MAX, cap_window).prop_map(|(scope, limit, window)| Cap { scope, limit, window });
    let pace = (1..=LIMIT_MAX, window()).prop_map(|(burst, refill)| Pace { burst, refill });
    let cooldown = (of(window()), of(window()), of(window()), any::<bool>())
        .prop_map(|(region, place, brand, visit)| Cooldown { region, place, brand, visit });
    let active = (of(0..4_000_000_000_000_i64), of(1..1_000_000_i64)).prop_map(|(start, later)| ActiveWindow {
        start: start.map(ServerTime),
        end: later.map(|later| ServerTime(start.unwrap_or_default() + later)),
    });
    let selector = (btree_set(region_id(), 0..3), btree_set(brand_id(), 1..3), btree_set(tag(), 0..3))
        .prop_map(|(regions, brands, tags)| RegionSelector { regions, brands, tags });
    let what = (
        campaign_id(),
        name(),
        selector,
        transition_kind(),
        topic_id(),
        (super::arbitrary_messages::message(), super::arbitrary_messages::channels()),
    );
    let limits = (
        (weekly_hours(), any::<bool>(), any::<bool>()),
        cooldown,
        vec(cap, 0..=CAPS_MAX),
        of(pace),
        of(window()),
        any::<bool>(),
    );
    let rank = (0..=100_u8, 0.0..=1_000_000.0_f64, active, any::<bool>(), 10_000..=604_800_000_i64);
    let whom = (of(super::arbitrary_events::rule()), of(super::arbitrary_events::step()));
    (what, limits, rank, whom, super::arbitrary_report::measure()).prop_map(
        |(
            (id, display_name, regions, on, topic, (message, channels)),
            ((hours, while_closed, hold), cooldown, caps, pace, min_gap, transactional),
            (priority, value, active, paused, ttl),
            (audience, journey),
            measure,
        )| Campaign {
            id,
            display_name,
            regions,
            on,
            topic,
            message,
            channels,
            // A transactional campaign has no limits that it would pass.
            cooldown: if transactional { Cooldown::default() } else { cooldown },
            caps: caps.into_iter().filter(|cap| !transactional || cap.scope == CapScope::Campaign).collect(),
            pace,
            min_gap: min_gap.filter(|_| !transactional),
            transactional,
            hours,
            while_closed,
            outside_hours: match on {
                TransitionKind::Enter | TransitionKind::Dwell if hold => OutsideHours::Hold,
                _ => OutsideHours::Drop,
            },
            audience,
            journey,
            measure: Measure { holdout: if transactional { 0 } else { measure.holdout }, ..measure },
            priority,
            value,
            active,
            paused,
            time_to_live: Millis(ttl),
        },
    )
}

pub(crate) fn customer() -> impl Strategy<Value = Customer> {
    let quiet = prop_oneof![Just(QuietHours::None), daily_span().prop_map(QuietHours::Daily)];
    let traits = super::arbitrary_events::traits();
    let (consent, topics) = (super::arbitrary_preferences::consent(), super::arbitrary_preferences::topics());
    (customer_id(), of(consent), topics, any::<bool>(), of(quiet), traits).prop_map(
        |(id, consent, topics, stopped, quiet_hours, traits)| Customer {
            id,
            consent,
            topics,
            stopped,
            quiet_hours,
            traits,
        },
    )
}

pub(crate) fn device() -> impl Strategy<Value = Device> {
    let platform = prop_oneof![Just(Platform::Ios), Just(Platform::Android), Just(Platform::Web)];
    let locale = prop_oneof![Just("en"), Just("es-MX"), Just("zh-Hant-TW"), Just("x-klingon")];
    let version = of(super::arbitrary_events::version());
    (device_id(), platform, "\\PC{0,20}", locale, of(zone()), version).prop_map(
        |(id, platform, push_address, locale, time_zone, app_version)| Device {
            id,
            platform,
            push_address,
            locale: locale.to_owned(),
            time_zone,
            app_version,
        },
    )
}

pub(crate) fn transition() -> impl Strategy<Value = Transition> {
    let times = (device_time(), device_time(), device_time());
    (transition_kind(), region_id(), visit_id(), times, any::<bool>()).prop_map(
        |(kind, region, visit, (visit_start, happened, decided), belated)| Transition {
            kind,
            region,
            visit,
            visit_start,
            happened,
            decided,
            belated,
        },
    )
}

fn reason() -> impl Strategy<Value = Reason> {
    let until = server_time;
    prop_oneof![
        Just(Reason::NoConsent),
        Just(Reason::ConsentExpired),
        Just(Reason::Stopped),
        Just(Reason::Paused),
        of(until()).prop_map(|until| Reason::NotActive { until }),
        (-1_000_000..1_000_000_i64).prop_map(|age| Reason::Stale { age: Millis(age) }),
        Just(Reason::Topic),
        Just(Reason::SameVisit),
        Just(Reason::Audience),
        Just(Reason::JourneyStage),
        Just(Reason::Holdout),
        until().prop_map(|until| Reason::RegionCooldown { until }),
        until().prop_map(|until| Reason::PlaceCooldown { until }),
        until().prop_map(|until| Reason::BrandCooldown { until }),
        (cap_scope(), 1..=5_000_u32, until()).prop_map(|(scope, limit, until)| Reason::Cap { scope, limit, until }),
        until().prop_map(|until| Reason::Pace { until }),
        until().prop_map(|until| Reason::Gap { until }),
        Just(Reason::VisitCooldown),
        Just(Reason::VisitEnded),
        Just(Reason::NoChannel),
        Just(Reason::MessageFailed),
        until().prop_map(|until| Reason::OutsideHours { until }),
        until().prop_map(|until| Reason::QuietHours { until }),
        of(until()).prop_map(|until| Reason::PlaceClosed { until }),
        campaign_id().prop_map(|by| Reason::Outranked { by }),
    ]
}

pub(crate) fn decision() -> impl Strategy<Value = Decision> {
    let outcome = prop_oneof![
        Just(FixOutcome::Accepted),
        Just(FixOutcome::Outlier),
        Just(FixOutcome::Inaccurate),
        Just(FixOutcome::Mock),
        Just(FixOutcome::Late),
        Just(FixOutcome::Reseated),
        Just(FixOutcome::Implausible),
    ];
    let fix = (outcome, number(), number(), number()).prop_map(|(outcome, accuracy, sigma, surprise)| FixStep {
        outcome,
        accuracy: Metres(accuracy),
        sigma: Metres(sigma),
        surprise,
    });
    let presence = prop_oneof![Just(Presence::Outside), Just(Presence::Inside)];
    let step =
        (region_id(), number(), 0.0..=1.0_f64, presence).prop_map(|(region, distance, probability, presence)| {
            RegionStep { region, distance: Metres(distance), probability, presence }
        });
    let policy =
        (0..super::decision::POLICIES.len(), of(reason()), "\\PC{0,9}").prop_map(|(policy, refusal, detail)| {
            PolicyStep { policy: super::decision::POLICIES[policy], refusal, detail: detail.into() }
        });
    let verdict = prop_oneof![
        trigger_id().prop_map(Verdict::Qualified),
        reason().prop_map(Verdict::Suppressed),
        server_time().prop_map(|until| Verdict::Held { until }),
    ];
    let assessment = (campaign_id(), region_id(), transition_kind(), vec(policy, 0..4), verdict).prop_map(
        |(campaign, region, transition, policies, verdict)| Assessment {
            campaign,
            region,
            transition,
            policies: policies.into(),
            verdict,
        },
    );
    let head = (decision_id(), customer_id(), device_id(), any::<u64>(), device_time(), server_time());
    (head, of(fix), vec(step, 0..4), vec(transition(), 0..3), vec(assessment, 0..3)).prop_map(
        |((id, customer, device, sequence, observed, decided), fix, regions, transitions, assessments)| Decision {
            id,
            customer,
            device,
            sequence: Sequence(sequence),
            observed,
            decided,
            fix,
            regions,
            transitions,
            assessments,
            left_out: u32::from(sequence.to_le_bytes()[0]),
        },
    )
}
