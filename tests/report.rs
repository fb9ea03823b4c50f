//! A known lift is found: of 100 populations that are made up from fixed seeds, the interval of 95 or more holds it.
//!
//! Some go through the engine, ping by ping; the others through the counting alone, with more people. Customers differ
//! in how readily they buy, so that the visits of one resemble each other. The seeds are 1 to 100.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a test stops where something is amiss, and tells")]

use doorstep::engine::{Catalogue, CustomerState, DeviceState, Engine, Manners, NONE_OPEN, Observed};
use doorstep::files::{Defaults, read_campaigns, read_regions};
use doorstep::locate::Atlas;
use doorstep::model::{
    AppState, Campaign, CampaignId, Customer, CustomerId, Device, DeviceId, DeviceTime, Event, EventChannel, EventId,
    Fix, LocationConsent, Metres, Millis, Ping, Platform, Position, Sequence, ServerTime, TriggerId, VisitId,
};
use doorstep::presence::PresenceConfig;
use doorstep::qualify::{CampaignBook, Recorded};
use doorstep::report::{Exposure, Exposures, Note, Report, Tally, report};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::BTreeMap;
use std::sync::Arc;

/// By how much more often a visit ends with a purchase when there was a message.
const LIFT: f64 = 0.08;
/// Half of the people buy rarely, half often.
const READINESS: [f64; 2] = [0.04, 0.36];
/// So many of the populations go through the engine, the first ones.
const WALKED: u64 = 5;
const NOON: i64 = 1_784_138_400_000;
const DAY: i64 = 86_400_000;
const DOOR: (f64, f64) = (39.74, -104.99);

fn campaign(seed: u64) -> Campaign {
    let text = format!(
        "campaigns:\n- id: latte-{seed}\n  regions: {{ brands: [roost] }}\n  topic: offers\n  message: {{ title: A latte, body: On us }}\n  holdout: 30%\n  conversions: [ {{ event: purchase, within: 4h }} ]\n"
    );
    read_campaigns(&text).expect("a campaign").remove(0)
}

fn purchase(n: u64, at: ServerTime) -> Event {
    Event {
        id: EventId::parse("id", &format!("e{n}")).expect("an id"),
        name: doorstep::model::EventName::parse("name", "purchase").expect("a name"),
        at,
        channel: EventChannel::Till,
        properties: BTreeMap::new(),
        worth: None,
    }
}

/// Whether a visit ends with a purchase.
fn buys(rng: &mut Pcg64, readiness: f64, messaged: bool) -> bool {
    rng.random_bool(readiness + if messaged { LIFT } else { 0.0 })
}

fn of(tally: Tally) -> Report {
    let days = tally.days.into_iter().map(|((_, day), counts)| (day, counts)).collect();
    report(&days, None, None)
}

/// People with 1 to 6 visits each.
fn counted(seed: u64, people: usize) -> Report {
    let (mut rng, campaign) = (Pcg64::seed_from_u64(seed), campaign(seed));
    let mut tally = Tally::default();
    for n in 0..people {
        let customer = CustomerId::parse("id", &format!("customer-{n}")).expect("an id");
        let arm = campaign.measure.arm(&campaign.id, &customer);
        let (mut own, mut notes) = (Exposures::default(), Vec::new());
        let readiness = READINESS[n % 2];
        for visit in 0..rng.random_range(1..=6) {
            let at = ServerTime(NOON + i64::from(visit) * DAY);
            let id = format!("{n}-{visit}");
            let trigger = TriggerId::parse("id", &id).expect("an id");
            let visit = VisitId::parse("id", &id).expect("an id");
            let (campaign_id, arm) = (campaign.id.clone(), arm.clone());
            let exposure = Exposure { at, trigger, campaign: campaign_id, visit, arm: arm.clone(), converted: false };
            notes.extend(own.expose(exposure));
            if buys(&mut rng, readiness, !arm.held_out) {
                let event = purchase(0, at + Millis::from_mins(9));
                notes.extend(own.attribute(&event, |_: &CampaignId| Some(&campaign.measure)));
            }
        }
        tally.add(Tally::of(&notes));
    }
    of(tally)
}

fn person(name: &str) -> (CustomerState, DeviceId) {
    let mut customer = Customer::new(CustomerId::parse("id", name).expect("an id"));
    customer.consent = Some(LocationConsent::answered(true, ServerTime(0)));
    customer.topics.opt_in(doorstep::model::TopicId::parse("topic", "offers").expect("a topic"));
    let id = DeviceId::parse("id", "phone").expect("an id");
    let device = Device {
        id: id.clone(),
        platform: Platform::Ios,
        push_address: String::new(),
        locale: "en".to_owned(),
        time_zone: None,
        app_version: None,
    };
    let mut state = CustomerState::new(customer);
    state.devices.insert(id.clone(), DeviceState::new(device));
    (state, id)
}

fn catalogue(campaign: Campaign) -> Catalogue {
    let text = format!(
        r#"{{"type": "FeatureCollection", "places": [{{"id": "shop", "brand": "roost", "time_zone": "UTC"}}],
        "features": [{{"type": "Feature", "id": "door", "properties": {{"place": "shop", "radius_m": 60}},
        "geometry": {{"type": "Point", "coordinates": [{}, {}]}}}}]}}"#,
        DOOR.1, DOOR.0
    );
    let (places, regions) = read_regions(&text, &Defaults::default()).expect("regions");
    let atlas = Atlas::build(places.into_iter().map(Arc::new), regions.into_iter().map(Arc::new)).expect("an atlas");
    Catalogue { atlas, campaigns: CampaignBook::build([Arc::new(campaign)]), ..Catalogue::default() }
}

/// The fixes of a visit: seconds after its beginning, and how far north of the door.
fn way() -> impl Iterator<Item = (i64, f64)> {
    let inside = (0..6).map(|n| (60 + 12 * n, 0.0));
    std::iter::once((0, 400.0)).chain(inside).chain((0..4).map(|n| (200 + 60 * n, 400.0)))
}

/// 250 people with 1 to 3 visits each, ping by ping.
fn walked(seed: u64) -> Report {
    let (mut rng, campaign) = (Pcg64::seed_from_u64(seed), campaign(seed));
    let (measure, id) = (campaign.measure.clone(), campaign.id.clone());
    let (catalogue, presence) = (catalogue(campaign), PresenceConfig::default());
    let engine = Engine { catalogue: &catalogue, presence: &presence, manners: Manners::default(), open: &NONE_OPEN };
    let (mut tally, mut visits) = (Tally::default(), 0_u64);
    for n in 0..250 {
        let (mut state, device) = person(&format!("customer-{n}"));
        let held_out = measure.arm(&id, &state.customer.id).held_out;
        let mut sequence = 0;
        for visit in 0..rng.random_range(1..=3_i64) {
            visits += 1;
            let (start, mut notes, mut triggers): (_, Vec<Note>, _) = (NOON + visit * DAY, Vec::new(), 0);
            for (after, north) in way() {
                sequence += 1;
                let position = Position::new(DOOR.0 + north / 111_000.0, DOOR.1).expect("a position");
                let fix = Fix { position, accuracy: Metres(8.0), speed_mps: None, course_deg: None, mock: false };
                let observed = DeviceTime(start + 1_000 * after);
                let (fix, sightings) = (Some(fix), Vec::new());
                let ping = Ping { sequence: Sequence(sequence), observed, fix, sightings, app: AppState::Unknown };
                let now = ServerTime(observed.0);
                let Observed::Kept(outcomes) = engine.observe(&mut state, &device, &ping, now) else { continue };
                for outcome in outcomes {
                    triggers += usize::from(outcome.trigger.is_some());
                    notes.extend(outcome.notes);
                }
            }
            assert_eq!(triggers, usize::from(!held_out), "whoever is held out gets nothing, the others one a visit");
            if buys(&mut rng, READINESS[n % 2], !held_out) {
                let at = ServerTime(start + 600_000);
                let counted = engine.record(&mut state, &purchase(visits, at), at, &mut notes);
                assert_eq!(counted, Recorded::Counted);
            }
            tally.add(Tally::of(&notes));
        }
    }
    let report = of(tally);
    assert_eq!((report.visits, report.qualified()), (visits, visits));
    report
}

/// Whether the interval of a report holds the lift that was put in.
fn holds(report: &Report) -> bool {
    let found = report.lift.expect("both groups have visits").difference;
    found.low <= LIFT && LIFT <= found.high
}

#[test]
fn a_known_lift_is_found_in_95_of_100_populations() {
    let missed: Vec<u64> = (1..=100)
        .filter(|seed| !holds(&if *seed <= WALKED { walked(*seed) } else { counted(*seed, 1_500) }))
        .collect();
    let found = 100 - missed.len();
    println!("the interval holds the lift in {found} of 100 populations; not in those of the seeds {missed:?}");
    assert!(found >= 95, "{missed:?}");
}

/// 95 of 100 is what an interval of 95 % comes to on average, and a run of luck may hide one that is too narrow or too
/// wide. So this asks more populations, of fewer people: 20 of 400 should be missed, give or take 15 (3.4 standard
/// deviations). Without regard to visits that are alike it is 46.
#[test]
fn the_interval_is_neither_too_narrow_nor_too_wide() {
    let missed = (1_001..=1_400).filter(|seed| !holds(&counted(*seed, 400))).count();
    println!("the interval misses the lift in {missed} of 400 populations");
    assert!((5..=35).contains(&missed), "{missed}");
}
