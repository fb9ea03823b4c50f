//! Replays recorded pings through the core, in-process and as fast as it goes.
//!
//! Each device is a customer of its own, who consents. Sequence numbers follow the device's order of observation;
//! the pings are decided in the order of arrival, at the time of arrival. Lines of one device that were observed and
//! received together are one ping.

use crate::clock::Stopwatch;
use crate::formats::{Reading, Report, TransitionsWriter, read_beacons, read_pings, read_sightings, read_text};
use crate::report::{self, Panels, Recorder};
use anyhow::{Context, Result, ensure};
use doorstep::engine::{Catalogue, CustomerState, DeviceState, Engine, Manners, NONE_OPEN, Observed, Outcome};
use doorstep::files::{Defaults, read_regions};
use doorstep::locate::Atlas;
use doorstep::model::ping::SIGHTINGS_MAX;
use doorstep::model::place::DWELL_DEFAULT;
use doorstep::model::{
    AppState, BrandId, Customer, CustomerId, Decision, Device, DeviceId, Extent, LocationConsent, Ping, Place,
    PlaceId, Platform, Region, RegionId, Sequence, ServerTime, Transition,
};
use doorstep::presence::PresenceConfig;
use doorstep::qualify::CampaignBook;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The brand of places that nobody named.
const BRAND: &str = "replay";

/// What to replay, and where to write what happened.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ReplayArgs {
    /// Fences, as GeoJSON points with `radius_m`, polygons or multipolygons.
    #[arg(long, value_name = "GEOJSON")]
    pub regions: Option<PathBuf>,
    /// Beacon regions: CSV of `region_id`, `uuid`, `major`, `minor`, `group`.
    #[arg(long, value_name = "CSV")]
    pub beacons: Option<PathBuf>,
    /// Pings: CSV of `device_id`, `observed_ms`, `lat`, `lon`, `accuracy_m` and perhaps `received_ms`, in the order
    /// of arrival.
    #[arg(long, value_name = "CSV")]
    pub pings: Option<PathBuf>,
    /// Sightings: CSV of `device_id`, `observed_ms`, `uuid`, `major`, `minor`, `rssi`, `tx_power` and perhaps
    /// `received_ms`, in the order of arrival.
    #[arg(long, value_name = "CSV")]
    pub sightings: Option<PathBuf>,
    /// Where to write the transitions: CSV of `device_id`, `region_id`, `transition`, `observed_ms`.
    #[arg(long, value_name = "CSV")]
    pub transitions: PathBuf,
    /// Write a page to look at: maps and timelines.
    #[arg(long, value_name = "HTML")]
    pub report: Option<PathBuf>,
}

/// What a replay came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Devices that reported.
    pub devices: usize,
    /// Regions in the catalogue.
    pub regions: usize,
    /// Pings that were decided.
    pub pings: u64,
    /// Pings that were refused.
    pub refused: u64,
    /// Transitions.
    pub transitions: u64,
    /// Seconds in the engine, reading and writing files excluded.
    pub seconds: f64,
}

impl Figures {
    /// Nanoseconds in the engine for each ping.
    pub fn nanos_per_ping(&self) -> f64 {
        self.seconds * 1e9 / (self.pings + self.refused).max(1) as f64
    }

    /// Prints the figures, one line.
    pub fn print(&self, out: &mut dyn Write) -> Result<()> {
        let Self { devices, regions, pings, refused, transitions, seconds } = self;
        let refused = if *refused == 0 { String::new() } else { format!(" ({refused} more were refused)") };
        // Of a debug build, time says nothing.
        let took = if cfg!(debug_assertions) {
            String::new()
        } else {
            format!(" in {seconds:.3} s, {:.0} ns a ping", self.nanos_per_ping())
        };
        writeln!(
            out,
            "{pings} pings{refused} of {devices} devices, {regions} regions: {transitions} transitions{took}"
        )?;
        Ok(())
    }
}

/// One ping as it arrives.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// Whose.
    pub device: DeviceId,
    /// When.
    pub received: ServerTime,
    /// The ping.
    pub ping: Ping,
}

/// Reads the files, replays them, and writes the transitions.
pub fn run(args: &ReplayArgs) -> Result<Figures> {
    ensure!(args.pings.is_some() || args.sightings.is_some(), "nothing to replay: give --pings, --sightings or both");
    ensure!(args.regions.is_some() || args.beacons.is_some(), "no regions: give --regions, --beacons or both");
    let catalogue = catalogue(args.regions.as_deref(), args.beacons.as_deref())?;
    let pings = args.pings.as_deref().map(read_pings).transpose()?.unwrap_or_default();
    let sightings = args.sightings.as_deref().map(read_sightings).transpose()?.unwrap_or_default();
    let arrivals = arrivals(&merge(pings, sightings));
    let mut recorder = args.report.as_ref().map(|_| Recorder::default());
    let (figures, transitions) = match &mut recorder {
        Some(recorder) => replay(&catalogue, &arrivals, Some(&mut |outcome: &Outcome| recorder.record(outcome)))?,
        None => replay(&catalogue, &arrivals, None)?,
    };
    if let Some((path, recorder)) = args.report.as_deref().zip(recorder) {
        let mut panels = Panels::default();
        panels.add_replay(&catalogue, recorder);
        report::write(path, &report::replay_page(&figures, panels))?;
    }
    let subject = || format!("cannot write transitions {}", args.transitions.display());
    let file = File::create(&args.transitions).with_context(subject)?;
    write(&transitions, BufWriter::new(file)).with_context(subject)?;
    Ok(figures)
}

/// The regions of a fences file and of a beacons file. A region that names no place gets one of its own.
pub fn catalogue(regions: Option<&Path>, beacons: Option<&Path>) -> Result<Catalogue> {
    let defaults = Defaults { brand: Some(BrandId::parse("brand", BRAND)?), ..Defaults::default() };
    let (mut places, mut all) = (Vec::new(), Vec::new());
    if let Some(path) = regions {
        let subject = || format!("cannot read regions {}", path.display());
        let text = read_text(path).with_context(subject)?;
        (places, all) = read_regions(&text, &defaults).with_context(subject)?;
    }
    let beacons = beacons.map(read_beacons).transpose()?.unwrap_or_default();
    together(places, all, beacons.into_iter())
}

/// Places, regions, and extents whose regions get places of their own, without campaigns.
pub fn together(
    mut places: Vec<Place>,
    mut regions: Vec<Region>,
    extents: impl Iterator<Item = (RegionId, Extent)>,
) -> Result<Catalogue> {
    let mut known: BTreeSet<PlaceId> = places.iter().map(|place| place.id.clone()).collect();
    for (id, extent) in extents {
        let place = PlaceId::parse("region_id", id.as_str())?;
        let display_name = id.to_string();
        if known.insert(place.clone()) {
            let (brand, time_zone) = (BrandId::parse("brand", BRAND)?, "UTC".to_owned());
            let (id, display_name) = (place.clone(), display_name.clone());
            places.push(Place { id, display_name, brand, time_zone, tags: Vec::new(), opening_hours: None });
        }
        regions.push(Region { id, place, display_name, extent, dwell: DWELL_DEFAULT, tags: Vec::new() });
    }
    let atlas = Atlas::build(places.into_iter().map(Arc::new), regions.into_iter().map(Arc::new));
    Ok(Catalogue {
        atlas: atlas.context("the regions do not fit together")?,
        campaigns: CampaignBook::default(),
        ..Catalogue::default()
    })
}

/// Merges two files by the time of arrival; each keeps its own order.
pub fn merge(pings: Vec<Report>, sightings: Vec<Report>) -> Vec<Report> {
    let mut merged = Vec::with_capacity(pings.len() + sightings.len());
    let (mut pings, mut sightings) = (pings.into_iter().peekable(), sightings.into_iter().peekable());
    loop {
        let next = match (pings.peek(), sightings.peek()) {
            (Some(ping), Some(sighting)) if sighting.received < ping.received => sightings.next(),
            (Some(_), _) => pings.next(),
            (None, _) => sightings.next(),
        };
        match next {
            Some(report) => merged.push(report),
            None => return merged,
        }
    }
}

/// Makes pings of reports, in the same order, and numbers each device's by the order of observation.
pub fn arrivals(reports: &[Report]) -> Vec<Arrival> {
    let mut arrivals: Vec<Arrival> = Vec::with_capacity(reports.len());
    for report in reports {
        let last = arrivals.last_mut().filter(|last| joins(last, report));
        match (last, report.reading) {
            (Some(last), Reading::Fix(fix)) => last.ping.fix = Some(fix),
            (Some(last), Reading::Sighting(sighting)) => last.ping.sightings.push(sighting),
            (None, reading) => arrivals.push(arrival(report, reading)),
        }
    }
    number(&mut arrivals);
    arrivals
}

/// Decides the pings in their order. The transitions come in the order in which they were decided. Who looks on, by
/// `witness`, is shown every outcome, and takes a little of the time that is measured.
pub fn replay(
    catalogue: &Catalogue,
    arrivals: &[Arrival],
    mut witness: Option<&mut dyn FnMut(&Outcome)>,
) -> Result<(Figures, Vec<(DeviceId, Transition)>)> {
    let presence = PresenceConfig::default();
    let mut player = Player::new(
        Engine { catalogue, presence: &presence, manners: Manners::default(), open: &NONE_OPEN },
        arrivals,
    )?;
    let mut figures = Figures { devices: player.devices(), regions: catalogue.atlas.len(), ..Figures::default() };
    let mut transitions = Vec::new();
    let mut note = |outcomes: Vec<Outcome>| {
        for outcome in outcomes {
            if let Some(witness) = &mut witness {
                witness(&outcome);
            }
            let Decision { device, transitions: told, .. } = outcome.decision;
            transitions.extend(told.into_iter().map(|what| (device.clone(), what)));
        }
    };
    let stopwatch = Stopwatch::start();
    for arrival in arrivals {
        note(player.wait(&arrival.device, Some(arrival.received)));
        match player.play(arrival) {
            Some(Observed::Kept(outcomes) | Observed::Hushed(outcomes)) => {
                figures.pings += 1;
                note(outcomes);
            }
            Some(Observed::Refused(refusal)) => {
                figures.refused += 1;
                let Arrival { device, ping, .. } = arrival;
                tracing::debug!(%device, sequence = ping.sequence.0, ?refusal, "refused");
            }
            None => {}
        }
    }
    for device in player.customers.keys().copied().collect::<Vec<_>>() {
        note(player.wait(device, None));
    }
    figures.seconds = stopwatch.seconds();
    figures.transitions = transitions.len() as u64;
    Ok((figures, transitions))
}

/// The engine, and what it knows of the devices of a replay.
struct Player<'a> {
    engine: Engine<'a>,
    customers: BTreeMap<&'a DeviceId, CustomerState>,
}

impl<'a> Player<'a> {
    fn new(engine: Engine<'a>, arrivals: &'a [Arrival]) -> Result<Self> {
        let mut customers = BTreeMap::new();
        for Arrival { device, .. } in arrivals {
            if !customers.contains_key(device) {
                customers.insert(device, alone(device)?);
            }
        }
        Ok(Self { engine, customers })
    }

    fn devices(&self) -> usize {
        self.customers.len()
    }

    /// What the engine decides while no ping comes from a device, before a moment or for ever.
    fn wait(&mut self, device: &DeviceId, before: Option<ServerTime>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let Some(customer) = self.customers.get_mut(device) else { return outcomes };
        while let Some(due) = self.engine.due(customer).filter(|due| before.is_none_or(|before| *due < before)) {
            outcomes.extend(self.engine.tick(customer, due));
        }
        outcomes
    }

    /// Decides a ping.
    fn play(&mut self, arrival: &Arrival) -> Option<Observed> {
        let customer = self.customers.get_mut(&arrival.device)?;
        Some(self.engine.observe(customer, &arrival.device, &arrival.ping, arrival.received))
    }
}

/// Writes transitions as CSV, and returns what was written to.
pub fn write<W: Write>(transitions: &[(DeviceId, Transition)], to: W) -> Result<W> {
    let mut writer = TransitionsWriter::new(to)?;
    for (device, transition) in transitions {
        writer.write(device, transition)?;
    }
    let mut to = writer.finish()?;
    to.flush()?;
    Ok(to)
}

fn joins(last: &Arrival, report: &Report) -> bool {
    let together =
        last.device == report.device && last.ping.observed == report.observed && last.received == report.received;
    let fits = match report.reading {
        Reading::Fix(_) => last.ping.fix.is_none(),
        Reading::Sighting(_) => last.ping.sightings.len() < SIGHTINGS_MAX,
    };
    together && fits
}

fn arrival(report: &Report, reading: Reading) -> Arrival {
    let (fix, sightings) = match reading {
        Reading::Fix(fix) => (Some(fix), Vec::new()),
        Reading::Sighting(sighting) => (None, vec![sighting]),
    };
    let ping = Ping { sequence: Sequence(0), observed: report.observed, fix, sightings, app: AppState::Unknown };
    Arrival { device: report.device.clone(), received: report.received, ping }
}

fn number(arrivals: &mut [Arrival]) {
    let mut by_device: BTreeMap<DeviceId, Vec<usize>> = BTreeMap::new();
    for (index, arrival) in arrivals.iter().enumerate() {
        by_device.entry(arrival.device.clone()).or_default().push(index);
    }
    for mut indices in by_device.into_values() {
        indices.sort_by_key(|index| arrivals.get(*index).map(|arrival| arrival.ping.observed));
        for (sequence, index) in (1..).zip(indices) {
            if let Some(arrival) = arrivals.get_mut(index) {
                arrival.ping.sequence = Sequence(sequence);
            }
        }
    }
}

/// A customer with one device, who consents.
fn alone(device: &DeviceId) -> Result<CustomerState> {
    let mut customer = Customer::new(CustomerId::parse("device_id", device.as_str())?);
    let answered = ServerTime::default();
    customer.consent =
        Some(LocationConsent { source: "replay".to_owned(), ..LocationConsent::answered(true, answered) });
    let mut state = CustomerState::new(customer);
    let phone = Device {
        id: device.clone(),
        platform: Platform::Android,
        push_address: String::new(),
        locale: "en".to_owned(),
        time_zone: None,
        app_version: None,
    };
    state.devices.insert(device.clone(), DeviceState::new(phone));
    Ok(state)
}

#[cfg(test)]
mod tests;
