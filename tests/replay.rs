//! The same pings give the same decisions, byte for byte: the Denver walk, twice through the pure engine.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

mod support;

use doorstep::engine::{Catalogue, CustomerState, DeviceState, Engine, Manners, NONE_OPEN, Observed};
use doorstep::files::{Defaults, read_campaigns, read_customers, read_regions};
use doorstep::locate::Atlas;
use doorstep::model::{Ping, ServerTime};
use doorstep::presence::PresenceConfig;
use doorstep::qualify::CampaignBook;
use doorstep::wire::{ping, v1};
use prost::Message;
use std::sync::Arc;
use support::denver;

/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;

/// What the engine answers, as it would be stored and sent; the catalogue is built anew each time, from places,
/// regions and campaigns in the given order.
fn play(pings: &[Ping], reversed: bool) -> Vec<Vec<u8>> {
    let (mut places, mut regions) =
        read_regions(&denver::fixture("regions.geojson"), &Defaults::default()).expect("good regions");
    let mut campaigns = read_campaigns(&denver::fixture("campaigns.yaml")).expect("good campaigns");
    if reversed {
        places.reverse();
        regions.reverse();
        campaigns.reverse();
    }
    let atlas = Atlas::empty().rebuild(places.into_iter().map(Arc::new), regions.into_iter().map(Arc::new));
    let campaigns = CampaignBook::build(campaigns.into_iter().map(Arc::new));
    let catalogue = Catalogue { atlas: atlas.expect("an atlas"), campaigns, ..Catalogue::default() };
    let config = PresenceConfig::default();
    let engine = Engine { catalogue: &catalogue, presence: &config, manners: Manners::default(), open: &NONE_OPEN };
    let rosters = read_customers(&denver::fixture("customers.yaml"), ServerTime(0)).expect("good customers");
    let maya = rosters.into_iter().find(|roster| roster.customer.id.as_str() == "maya").expect("maya");
    let device = maya.devices[0].id.clone();
    let mut state = CustomerState::new(maya.customer);
    state.devices.extend(maya.devices.into_iter().map(|device| (device.id.clone(), DeviceState::new(device))));
    let mut answers = Vec::new();
    for ping in pings {
        match engine.observe(&mut state, &device, ping, ServerTime(ping.observed.0)) {
            Observed::Kept(outcomes) | Observed::Hushed(outcomes) => {
                for outcome in outcomes {
                    answers.push(v1::Decision::from(&outcome.decision).encode_to_vec());
                    let trigger = outcome.trigger.iter();
                    answers.extend(trigger.map(|trigger| format!("{trigger:?}").into_bytes()));
                }
            }
            Observed::Refused(refusal) => panic!("ping {} was refused: {refusal:?}", ping.sequence.0),
        }
    }
    answers
}

#[test]
fn the_same_walk_gives_the_same_bytes() {
    let pings: Vec<Ping> =
        denver::walk(NOON_MS).into_iter().map(|wire| ping::parse(wire).expect("a good ping")).collect();
    let once = play(&pings, false);
    assert_eq!(once.len(), pings.len() + 1, "one decision a ping, and one trigger");
    assert_eq!(play(&pings, false), once);
    assert_eq!(play(&pings, true), once, "in whatever order the catalogue comes");
}
