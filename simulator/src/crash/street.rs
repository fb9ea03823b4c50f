//! The street of the crash tester: doors in a row, walkers who go up and down it for ever, and what an undisturbed core
//! makes of their pings.

use crate::client::Client;
use anyhow::{Context, Result};
use doorstep::engine::{Catalogue, CustomerState, DeviceState, Engine, Manners, NONE_OPEN, Observed, Outcome};
use doorstep::files::{Defaults, Roster, read_campaigns, read_customers, read_regions};
use doorstep::locate::Atlas;
use doorstep::model::{
    AppState, Campaign, CustomerId, DeviceId, DeviceTime, Fix, Metres, Millis, Ping, Place, Position, Region,
    Sequence, ServerTime,
};
use doorstep::presence::PresenceConfig;
use doorstep::qualify::CampaignBook;
use doorstep::wire::name;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Doors of the street.
const DOORS: u32 = 12;
/// From one door to the next.
const APART_M: f64 = 110.0;
/// How far a door reaches.
const RADIUS_M: f64 = 30.0;
/// How fast they walk.
const PACE_MPS: f64 = 1.4;
/// Time between two pings of a walker.
pub const EVERY: Millis = Millis(3_000);
/// 2026-07-15, 12:00 UTC.
const NOON: DeviceTime = DeviceTime(1_784_116_800_000);
/// The westernmost point, off any coast.
const ORIGIN: (f64, f64) = (0.01, -30.0);
/// Metres in a degree at the equator.
const DEGREE_M: f64 = 111_320.0;
/// Ticks of a customer, at most, after the last ping.
const TICKS_MAX: usize = 100;

/// Everything that is registered with the server.
pub struct Street {
    places: Vec<Place>,
    regions: Vec<Region>,
    campaigns: Vec<Campaign>,
    rosters: Vec<Roster>,
    seed: u64,
}

/// A message: its id, and its customer, campaign and region.
pub type Expected = BTreeMap<String, [String; 3]>;

impl Street {
    /// A street with so many walkers, and one customer more who stays away and whose pings only tell the time.
    pub fn new(walkers: u32, seed: u64) -> Result<Self> {
        let (mut places, mut doors, mut customers) = (String::new(), String::new(), String::new());
        for door in 0..DOORS {
            let comma = if door == 0 { "" } else { "," };
            let longitude = ORIGIN.1 + f64::from(door) * APART_M / DEGREE_M;
            write!(places, r#"{comma}{{"id":"shop-{door}","brand":"b{door}","time_zone":"UTC"}}"#)?;
            write!(
                doors,
                r#"{comma}{{"type":"Feature","id":"door-{door}","properties":{{"place":"shop-{door}","radius_m":{RADIUS_M}}},"geometry":{{"type":"Point","coordinates":[{longitude},{}]}}}}"#,
                ORIGIN.0
            )?;
        }
        for walker in 0..=walkers {
            write!(
                customers,
                "\n  - {{ id: walker-{walker}, consent: {{ granted: true, source: crash }}, topics: [offers], devices: [{{ id: phone-{walker}, platform: ios, push_address: push-{walker}, locale: en, time_zone: UTC }}] }}"
            )?;
        }
        let geojson = format!(r#"{{"type":"FeatureCollection","places":[{places}],"features":[{doors}]}}"#);
        let (places, regions) = read_regions(&geojson, &Defaults::default()).context("the street")?;
        // By push alone, which the provider sees. No limits: every visit has its alert, so that each one that is lost or doubled shows.
        let brands = (0..DOORS).map(|door| format!("b{door}")).collect::<Vec<_>>().join(", ");
        let campaigns = format!(
            "campaigns:\n  - {{ id: hello, regions: {{ brands: [{brands}] }}, on: enter, topic: offers, channels: [push], time_to_live: 7d, message: {{ title: Hello, body: You are at the door. }} }}"
        );
        let campaigns = read_campaigns(&campaigns).context("the campaign")?;
        let rosters =
            read_customers(&format!("customers:{customers}\n"), ServerTime::default()).context("the walkers")?;
        Ok(Self { places, regions, campaigns, rosters, seed })
    }

    /// Registers everything.
    pub async fn register(&self, client: &Client) -> Result<()> {
        client.upsert_regions(&self.places, &self.regions).await?;
        for campaign in &self.campaigns {
            client.upsert_campaign(campaign).await?;
        }
        for Roster { customer, devices } in &self.rosters {
            client.upsert_customer(customer, devices).await?;
        }
        Ok(())
    }

    /// The walkers' customers and devices, with their pings from the first on.
    pub fn walkers(&self) -> Vec<Walker> {
        let walking = self.rosters.iter().take(self.rosters.len().saturating_sub(1));
        walking.enumerate().filter_map(|(index, roster)| Walker::new(roster, index, self.seed)).collect()
    }

    /// The one who stays away.
    pub fn clock(&self) -> Option<Walker> {
        let mut clock = Walker::new(self.rosters.last()?, self.rosters.len(), self.seed)?;
        clock.north_m = 5_000.0;
        Some(clock)
    }

    /// The messages that the first so many pings of each walker cause, as the core has it when nothing disturbs it.
    pub fn expected(&self, pings: u64) -> Result<Expected> {
        let atlas =
            Atlas::build(self.places.iter().cloned().map(Arc::new), self.regions.iter().cloned().map(Arc::new))?;
        let campaigns = CampaignBook::build(self.campaigns.iter().cloned().map(Arc::new));
        let catalogue = Catalogue { atlas, campaigns, ..Catalogue::default() };
        let presence = PresenceConfig::default();
        let engine =
            Engine { catalogue: &catalogue, presence: &presence, manners: Manners::default(), open: &NONE_OPEN };
        let mut expected = Expected::new();
        let mut note = |outcome: Outcome| {
            if let Some(trigger) = outcome.trigger {
                let about = [
                    trigger.customer.to_string(),
                    trigger.campaign.to_string(),
                    trigger.transition.region.to_string(),
                ];
                expected.insert(trigger.id.to_string(), about);
            }
        };
        for (walker, roster) in self.walkers().into_iter().zip(&self.rosters) {
            let mut state = CustomerState::new(roster.customer.clone());
            for device in &roster.devices {
                state.devices.insert(device.id.clone(), DeviceState::new(device.clone()));
            }
            let device = walker.device.clone();
            for ping in walker.take(usize::try_from(pings)?) {
                match engine.observe(&mut state, &device, &ping, ServerTime(ping.observed.0)) {
                    Observed::Kept(outcomes) | Observed::Hushed(outcomes) => outcomes.into_iter().for_each(&mut note),
                    Observed::Refused(refusal) => anyhow::bail!("the core refuses a ping of the walk: {refusal:?}"),
                }
            }
            for _ in 0..TICKS_MAX {
                let Some(due) = engine.due(&state) else { break };
                engine.tick(&mut state, due).into_iter().for_each(&mut note);
            }
        }
        Ok(expected)
    }
}

/// A walker: the pings, one after the other, for ever. The same seed gives the same pings.
#[derive(Debug, Clone)]
pub struct Walker {
    /// Whose.
    pub customer: CustomerId,
    /// The phone.
    pub device: DeviceId,
    random: Pcg64,
    start_m: f64,
    north_m: f64,
    sequence: u64,
}

impl Walker {
    fn new(roster: &Roster, index: usize, seed: u64) -> Option<Self> {
        let device = roster.devices.first()?.id.clone();
        let mut random = Pcg64::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(index as u64));
        let start_m = random.random_range(0.0..f64::from(DOORS) * APART_M);
        Some(Self { customer: roster.customer.id.clone(), device, random, start_m, north_m: 0.0, sequence: 0 })
    }

    /// The phone's name with the server.
    pub fn name(&self) -> String {
        name::device_name(&self.customer, &self.device)
    }
}

impl Iterator for Walker {
    type Item = Ping;

    fn next(&mut self) -> Option<Ping> {
        self.sequence += 1;
        let observed = NOON + Millis(EVERY.0 * self.sequence.cast_signed());
        let length = f64::from(DOORS - 1) * APART_M;
        let gone = self.start_m + PACE_MPS * (observed - NOON).as_secs_f64();
        let along = gone.rem_euclid(2.0 * length);
        let east = if along > length { 2.0 * length - along } else { along };
        let mut off = || self.random.random_range(-4.0..4.0);
        let (east, north) = (east + off(), self.north_m + off());
        let position = Position::wrapped(ORIGIN.0 + north / DEGREE_M, ORIGIN.1 + east / DEGREE_M);
        let fix = Fix { position, accuracy: Metres(6.0), speed_mps: None, course_deg: None, mock: false };
        let (sequence, app) = (Sequence(self.sequence), AppState::Foreground);
        Some(Ping { sequence, observed, fix: Some(fix), sightings: Vec::new(), app })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_walker_meets_doors_and_the_same_seed_meets_the_same() {
        let street = Street::new(5, 7).unwrap();
        let expected = street.expected(400).unwrap();
        // 20 minutes at 1.4 m/s are 15 doors.
        assert!((60..=90).contains(&expected.len()), "{}", expected.len());
        let walkers = (0..5).filter(|n| expected.values().any(|about| about[0] == format!("walker-{n}")));
        assert_eq!(walkers.count(), 5);
        assert_eq!(Street::new(5, 7).unwrap().expected(400).unwrap(), expected);
        assert_ne!(Street::new(5, 8).unwrap().expected(400).unwrap(), expected);
    }
}
