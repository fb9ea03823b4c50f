//! Presence suites: pings with known visits, to measure how well noisy pings become transitions.
//!
//! A suite is a directory of CSV and GeoJSON files, gzipped or not:
//!
//! | file | what it holds | in |
//! |---|---|---|
//! | `fences.geojson` | points with `radius_m`; a fence `phone:name` belongs to the device before the colon | all but rooms |
//! | `pings.csv` | `device_id, observed_ms, lat, lon, accuracy_m`, perhaps `received_ms`, in the order of arrival | all but rooms |
//! | `path.csv` | where the device truly was, each second: `device_id, t_ms, lat, lon` | walk, drive |
//! | `truth.csv` | the true visits: `device_id, region_id, start_ms, end_ms`, perhaps `depth_m` | walk, drive, rooms |
//! | `beacons.csv`, `sightings.csv` | as `replay` takes them | rooms |
//!
//! The kind shows in the files: rooms have beacons, walks and drives a path (a drive says so in its directory's
//! name), background suites an `expect` property at each fence (1 with `from_ms` and `to_ms`: the phone stayed; 0:
//! nothing was ever there but outliers), and a stander has none of these.

mod files;

use crate::formats::Report;
use crate::replay::{Arrival, arrivals, together};
use crate::route::Truth;
use anyhow::{Context, Result};
use doorstep::engine::Catalogue;
use doorstep::model::{BeaconExtent, Circle, DeviceId, DeviceTime, Extent, Fence, Metres, RegionId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// One suite.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// What it is called: the name of its directory.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// The fences, in the order of the file.
    pub fences: Vec<SuiteFence>,
    /// The beacon regions.
    pub beacons: Vec<(RegionId, BeaconExtent)>,
    /// Fixes and sightings, in the order of arrival.
    pub reports: Vec<Report>,
    /// Where each device truly was, by time.
    pub paths: BTreeMap<DeviceId, Vec<Truth>>,
    /// The true visits, in the order of the file.
    pub visits: Vec<Visit>,
}

/// What a suite measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// On foot through streets, with stops, and fixes that are a little or far off.
    Walk,
    /// In a car, a fix a second.
    Drive,
    /// Phones that lie for a day within metres of a fence's edge.
    Stander,
    /// Pings of phones in pockets: seldom, late, out of order, and with accuracies of all sizes.
    Background,
    /// Beacons of rooms side by side.
    Rooms,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Walk, Self::Drive, Self::Stander, Self::Background, Self::Rooms];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Walk => "walk",
            Self::Drive => "drive",
            Self::Stander => "stander",
            Self::Background => "background",
            Self::Rooms => "rooms",
        })
    }
}

/// A circle of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteFence {
    /// Its region's id, `device:name`.
    pub id: RegionId,
    /// The circle.
    pub circle: Circle,
    /// What is expected of it, in a background suite.
    pub expected: Option<Expected>,
}

/// What is expected of a fence of a background suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Only outliers fell there: any enter is false.
    Nobody,
    /// The phone stayed there.
    Stay {
        /// From when on.
        from: DeviceTime,
        /// Until when.
        to: DeviceTime,
    },
}

/// A true visit.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// Whose.
    pub device: DeviceId,
    /// Where.
    pub region: RegionId,
    /// The first moment inside.
    pub start: DeviceTime,
    /// The last moment inside.
    pub end: DeviceTime,
    /// How deep inside the device was at most; absent for rooms.
    pub depth: Option<Metres>,
}

impl Suite {
    /// The regions, for the engine.
    pub fn catalogue(&self) -> Result<Catalogue> {
        let fences = self.fences.iter().map(|fence| (fence.id.clone(), Extent::Fence(Fence::Circle(fence.circle))));
        let beacons = self.beacons.iter().map(|(id, extent)| (id.clone(), Extent::Beacon(extent.clone())));
        together(Vec::new(), Vec::new(), fences.chain(beacons))
            .with_context(|| format!("cannot set up suite {}", self.name))
    }

    /// The pings, as they arrive.
    pub fn arrivals(&self) -> Vec<Arrival> {
        arrivals(&self.reports)
    }
}

/// The device that a fence belongs to: the id's part before the last colon.
pub fn owner(region: &RegionId) -> &str {
    region.as_str().rsplit_once(':').map_or(region.as_str(), |(device, _)| device)
}
