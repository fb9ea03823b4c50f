//! What goes out comes back the same, and what comes in never panics.

use super::{arbitrary, arbitrary_messages, customer, trigger, v1};
use crate::model::*;
use proptest::prelude::*;
use prost::Message as _;

/// Out, through bytes, and back.
fn check<M, W>(model: &M, out: &W, back: impl Fn(W) -> Result<M, Invalid>) -> Result<(), TestCaseError>
where
    M: PartialEq + std::fmt::Debug,
    W: prost::Message + Default,
{
    let bytes = out.encode_to_vec();
    let again = back(W::decode(bytes.as_slice()).unwrap());
    prop_assert_eq!(again.as_ref(), Ok(model));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_ping_comes_back(ping in arbitrary::ping(), advice in arbitrary::advice()) {
        check(&ping, &v1::Ping::from(&ping), Ping::try_from)?;
        check(&advice, &v1::ReportAdvice::from(advice), ReportAdvice::try_from)?;
    }

    #[test]
    fn a_place_and_a_region_come_back(place in arbitrary::place(), region in arbitrary::region()) {
        check(&place, &v1::Place::from(&place), Place::try_from)?;
        check(&region, &v1::Region::from(&region), Region::try_from)?;
    }

    #[test]
    fn a_campaign_comes_back(campaign in arbitrary::campaign()) {
        check(&campaign, &v1::Campaign::from(&campaign), Campaign::try_from)?;
    }

    #[test]
    fn a_customer_and_a_device_come_back(person in arbitrary::customer(), device in arbitrary::device()) {
        check(&person, &v1::Customer::from(&person), |wire| customer::customer(wire, ServerTime(1)))?;
        let owned = (person.id.clone(), device);
        check(&owned, &customer::device_message(&owned.0, &owned.1), |wire| customer::device(&wire))?;
    }

    #[test]
    fn a_decision_comes_back(decision in arbitrary::decision()) {
        check(&decision, &v1::Decision::from(&decision), Decision::try_from)?;
    }

    #[test]
    fn a_trigger_comes_back(parts in arbitrary_messages::trigger()) {
        check(&parts, &trigger_wire(&parts), trigger::trigger)?;
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        parse_all(&bytes);
    }

    #[test]
    fn no_damage_panics(
        messages in (arbitrary::ping(), arbitrary::region(), arbitrary::campaign(), arbitrary::decision()),
        parts in arbitrary_messages::trigger(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let (ping, region, campaign, decision) = &messages;
        for mut bytes in [
            v1::Ping::from(ping).encode_to_vec(),
            v1::Region::from(region).encode_to_vec(),
            v1::Campaign::from(campaign).encode_to_vec(),
            v1::Decision::from(decision).encode_to_vec(),
            trigger_wire(&parts).encode_to_vec(),
        ] {
            let at = at.index(bytes.len());
            bytes[at] = to;
            parse_all(&bytes);
        }
    }
}

/// Reads the bytes as each message, and parses what can be read.
fn trigger_wire((own, told): &(Trigger, trigger::Told)) -> v1::Trigger {
    trigger::trigger_message(own, told.state, &told.attempts, &told.receipts, told.offered)
}

fn parse_all(bytes: &[u8]) {
    fn parse<W: prost::Message + Default, M>(bytes: &[u8], parse: impl Fn(W) -> Result<M, Invalid>) {
        if let Some(Err(refusal)) = W::decode(bytes).ok().map(parse) {
            assert!(!refusal.problem.is_empty());
        }
    }
    parse::<v1::Ping, _>(bytes, Ping::try_from);
    parse::<v1::ReportAdvice, _>(bytes, ReportAdvice::try_from);
    parse::<v1::Place, _>(bytes, Place::try_from);
    parse::<v1::Region, _>(bytes, Region::try_from);
    parse::<v1::Campaign, _>(bytes, Campaign::try_from);
    parse(bytes, |wire| customer::customer(wire, ServerTime(1)));
    parse(bytes, |wire| customer::device(&wire));
    parse::<v1::Decision, _>(bytes, Decision::try_from);
    parse(bytes, trigger::trigger);
    parse(bytes, |wire| trigger::receipt(&wire, ServerTime(1)));
}

/// What was wrong with a message, as `field problem`.
fn refusal<W, M: TryFrom<W, Error = Invalid> + std::fmt::Debug>(wire: W) -> String {
    M::try_from(wire).unwrap_err().to_string()
}

/// A change that makes a valid message wrong, and the field that is wrong then.
type Change<W> = (fn(&mut W), &'static str);

/// Checks that each change to a valid message is refused at a field.
fn refused<W: Clone, M: TryFrom<W, Error = Invalid> + std::fmt::Debug>(valid: &W, changes: &[Change<W>]) {
    assert!(M::try_from(valid.clone()).is_ok());
    for (change, field) in changes {
        let mut wire = valid.clone();
        change(&mut wire);
        let refusal = refusal::<W, M>(wire);
        assert!(refusal.starts_with(&format!("{field} ")), "{refusal} is not about {field}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "fields of messages are optional")]
fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

#[test]
fn a_ping_is_refused_at_the_field() {
    let valid = v1::Ping {
        sequence: 1,
        observe_time: Some(prost_types::Timestamp::default()),
        fix: Some(v1::Fix { accuracy_m: 8.0, ..v1::Fix::default() }),
        sightings: vec![v1::Sighting {
            uuid: "f7826da6-4fa2-4e98-8024-bc5b71e0893e".into(),
            rssi_dbm: -60,
            ..v1::Sighting::default()
        }],
        app_state: 0,
    };
    refused::<_, Ping>(
        &valid,
        &[
            (|ping| ping.sequence = 0, "sequence"),
            (|ping| ping.observe_time = None, "observe_time"),
            (|ping| ping.observe_time.as_mut().unwrap().nanos = -1, "observe_time.nanos"),
            (|ping| ping.fix.as_mut().unwrap().latitude = f64::NAN, "fix.latitude"),
            (|ping| ping.fix.as_mut().unwrap().longitude = 180.1, "fix.longitude"),
            (|ping| ping.fix.as_mut().unwrap().accuracy_m = 0.0, "fix.accuracy_m"),
            (|ping| ping.fix.as_mut().unwrap().speed_mps = Some(f64::INFINITY), "fix.speed_mps"),
            (|ping| ping.fix.as_mut().unwrap().course_deg = Some(-1.0), "fix.course_deg"),
            (|ping| ping.sightings[0].uuid = String::new(), "sightings[0].uuid"),
            (|ping| ping.sightings[0].major = 65_536, "sightings[0].major"),
            (|ping| ping.sightings[0].rssi_dbm = 21, "sightings[0].rssi_dbm"),
            (|ping| ping.sightings[0].measured_power_dbm = Some(-128), "sightings[0].measured_power_dbm"),
            (|ping| ping.sightings = vec![v1::Sighting::default(); 65], "sightings"),
            (|ping| ping.app_state = 9, "app_state"),
        ],
    );
}

#[test]
fn a_place_is_refused_at_the_field() {
    let valid = v1::Place {
        name: "places/roost".into(),
        brand: "roost".into(),
        time_zone: "america/denver".into(),
        ..v1::Place::default()
    };
    let place = Place::try_from(valid.clone()).unwrap();
    assert_eq!((place.display_name.as_str(), place.time_zone.as_str()), ("roost", "America/Denver"));
    refused::<_, Place>(
        &valid,
        &[
            (|place| place.name = "place/roost".into(), "name"),
            (|place| place.display_name = "x".repeat(201), "display_name"),
            (|place| place.brand.clear(), "brand"),
            (|place| place.time_zone = "Mars/Olympus".into(), "time_zone"),
            (|place| place.time_zone.clear(), "time_zone"),
            (|place| place.opening_hours = "soon".into(), "opening_hours"),
            (|place| place.tags = vec!["a".into(), "b".into(), "a".into()], "tags[2]"),
            (|place| place.tags = vec!["a".into(), "-".into()], "tags[1]"),
            (|place| place.tags = vec!["a".into(); 33], "tags"),
        ],
    );
}

#[test]
fn a_region_is_refused_at_the_field() {
    use v1::region::Extent::{Beacon, Circle, MultiPolygon, Polygon};
    let circle = |radius_m| v1::Circle { center: Some(v1::LatLng::default()), radius_m };
    let valid = v1::Region {
        name: "regions/door".into(),
        place: "places/roost".into(),
        extent: Some(Circle(circle(10.0))),
        ..v1::Region::default()
    };
    refused::<_, Region>(
        &valid,
        &[
            (|region| region.name.clear(), "name"),
            (|region| region.place = "roost".into(), "place"),
            (|region| region.extent = None, "extent"),
            (|region| region.extent = Some(Circle(v1::Circle::default())), "circle.center"),
            (
                |region| {
                    region.extent =
                        Some(Circle(v1::Circle { center: Some(v1::LatLng::default()), radius_m: f64::NAN }));
                },
                "circle.radius_m",
            ),
            (|region| region.extent = Some(Polygon(v1::Polygon::default())), "polygon.rings"),
            (
                |region| region.extent = Some(Polygon(v1::Polygon { rings: vec![points(3)] })),
                "polygon.rings[0].points",
            ),
            (
                |region| region.extent = Some(Polygon(v1::Polygon { rings: vec![points(4), points(9_997)] })),
                "polygon.rings[1].points",
            ),
            (
                |region| {
                    let mut ring = points(5);
                    ring.points[4].latitude = 1.0;
                    region.extent = Some(Polygon(v1::Polygon { rings: vec![ring] }));
                },
                "polygon.rings[0].points",
            ),
            (
                |region| {
                    let mut ring = points(5);
                    ring.points[2].longitude = f64::NEG_INFINITY;
                    let polygons = vec![v1::Polygon { rings: vec![points(4)] }, v1::Polygon { rings: vec![ring] }];
                    region.extent = Some(MultiPolygon(v1::MultiPolygon { polygons }));
                },
                "multi_polygon.polygons[1].rings[0].points[2].longitude",
            ),
            (|region| region.extent = Some(Beacon(v1::BeaconExtent::default())), "beacon.uuid"),
            (
                |region| region.extent = Some(Beacon(v1::BeaconExtent { minor: Some(1), ..Default::default() })),
                "beacon.major",
            ),
            (|region| region.dwell_time = seconds(0), "dwell_time"),
            (|region| region.dwell_time = seconds(86_401), "dwell_time"),
        ],
    );
}

fn points(n: usize) -> v1::Ring {
    v1::Ring { points: vec![v1::LatLng::default(); n] }
}

fn hours(days: &[i32], start: &str, end: &str) -> v1::WeeklyHours {
    v1::WeeklyHours { days: days.to_vec(), start: start.to_owned(), end: end.to_owned() }
}

#[test]
fn a_campaign_is_refused_at_the_field() {
    let valid = v1::Campaign {
        name: "campaigns/latte".into(),
        regions: Some(v1::RegionSelector { brands: vec!["roost".into()], ..Default::default() }),
        topic: "offers".into(),
        message: Some(v1::Message { title: "Hi".into(), body: "Come in".into(), ..Default::default() }),
        caps: vec![v1::Cap { scope: 0, limit: 1, window: seconds(86_400), calendar: 0 }],
        ..v1::Campaign::default()
    };
    refused::<_, Campaign>(
        &valid,
        &[
            (|campaign| campaign.name = "latte".into(), "name"),
            (|campaign| campaign.regions = None, "regions"),
            (|campaign| campaign.regions = Some(v1::RegionSelector::default()), "regions"),
            (|campaign| campaign.regions.as_mut().unwrap().regions = vec!["door".into()], "regions.regions[0]"),
            (|campaign| campaign.transition = 6, "transition"),
            (|campaign| campaign.topic.clear(), "topic"),
            (|campaign| campaign.message = None, "message"),
            (|campaign| campaign.message.as_mut().unwrap().title.clear(), "message.title"),
            (|campaign| campaign.message.as_mut().unwrap().body = "x".repeat(501), "message.body"),
            (|campaign| campaign.message.as_mut().unwrap().deep_link = "/offers".into(), "message.deep_link"),
            (|campaign| campaign.message.as_mut().unwrap().deep_link = "a:b c".into(), "message.deep_link"),
            (
                |campaign| campaign.message.as_mut().unwrap().data = [(String::new(), String::new())].into(),
                "message.data[\"\"]",
            ),
            (
                |campaign| campaign.cooldown = Some(v1::Cooldown { brand: seconds(-1), ..Default::default() }),
                "cooldown.brand",
            ),
            (|campaign| campaign.caps[0].limit = 0, "caps[0].limit"),
            (|campaign| campaign.caps[0].window = None, "caps[0].window"),
            (|campaign| campaign.caps[0].scope = 6, "caps[0].scope"),
            (|campaign| campaign.caps = vec![campaign.caps[0]; 9], "caps"),
            (|campaign| campaign.pace = Some(v1::Pace { burst: 101, refill: seconds(1) }), "pace.burst"),
            (|campaign| campaign.pace = Some(v1::Pace { burst: 1, refill: seconds(2_678_401) }), "pace.refill"),
            (|campaign| campaign.priority = Some(101), "priority"),
            (|campaign| campaign.value = f64::INFINITY, "value"),
            (
                |campaign| {
                    campaign.active_window = Some(v1::ActiveWindow {
                        start_time: Some(prost_types::Timestamp::default()),
                        end_time: Some(prost_types::Timestamp::default()),
                    });
                },
                "active_window.end_time",
            ),
            (|campaign| campaign.time_to_live = seconds(9), "time_to_live"),
            (|campaign| campaign.caps[0].calendar = 1, "caps[0].calendar"),
            (|campaign| campaign.caps[0].calendar = 3, "caps[0].calendar"),
            (|campaign| campaign.min_gap = seconds(0), "min_gap"),
            (|campaign| campaign.transactional = true, "caps[0].scope"),
            (|campaign| campaign.outside_hours = 3, "outside_hours"),
            (
                |campaign| {
                    campaign.outside_hours = 2;
                    campaign.transition = 3;
                },
                "outside_hours",
            ),
            (|campaign| campaign.hours = vec![hours(&[0], "09:00", "18:00")], "hours[0].days[0]"),
            (|campaign| campaign.hours = vec![hours(&[8], "09:00", "18:00")], "hours[0].days[0]"),
            (|campaign| campaign.hours = vec![hours(&[], "9", "18:00")], "hours[0].start"),
            (|campaign| campaign.hours = vec![hours(&[], "09:00", "09:00")], "hours[0].end"),
            (|campaign| campaign.hours = vec![hours(&[], "09:00", "18:00"); 22], "hours"),
            (
                |campaign| {
                    campaign.transactional = true;
                    campaign.min_gap = seconds(60);
                },
                "min_gap",
            ),
            (
                |campaign| {
                    campaign.transactional = true;
                    campaign.cooldown = Some(v1::Cooldown { visit: true, ..Default::default() });
                },
                "cooldown",
            ),
        ],
    );
}

#[test]
fn quiet_hours_are_refused_at_the_field() {
    for (start, end, field) in [("", "08:00", "quiet_hours.start"), ("21:00", "", "quiet_hours.end"), ("", "", "")] {
        let quiet_hours = Some(v1::QuietHours { start: start.into(), end: end.into() });
        let wire = v1::Customer { name: "customers/maya".into(), quiet_hours, ..v1::Customer::default() };
        let refused = customer::customer(wire, ServerTime(0)).err().map(|why| why.field).unwrap_or_default();
        assert_eq!(refused, field);
    }
}

#[test]
fn a_device_is_refused_at_the_field() {
    let valid = v1::Device { name: "customers/maya/devices/phone-1".into(), platform: 1, ..v1::Device::default() };
    assert_eq!(customer::device(&valid).unwrap().1.locale, "en");
    let changes: [Change<v1::Device>; 5] = [
        (|device| device.name = "devices/phone-1".into(), "name"),
        (|device| device.platform = 0, "platform"),
        (|device| device.push_address = "é".repeat(2_049), "push_address"),
        (|device| device.locale = "e".into(), "locale"),
        (|device| device.time_zone = "Denver".into(), "time_zone"),
    ];
    for (change, field) in changes {
        let mut wire = valid.clone();
        change(&mut wire);
        assert_eq!(customer::device(&wire).unwrap_err().field, field);
    }
}
