//! Suites as directories.

use super::{Expected, Kind, Suite, SuiteFence, Visit};
use crate::formats::{Reading, Report, read_beacons, read_pings, read_rows, read_sightings, read_text};
use crate::route::Truth;
use anyhow::{Context, Result, bail, ensure};
use doorstep::model::{BeaconExtent, Circle, DeviceId, DeviceTime, Extent, Metres, Position, RegionId};
use geojson::{FeatureCollection, GeometryValue};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct PathRow {
    device_id: String,
    t_ms: i64,
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
struct VisitRow {
    device_id: String,
    region_id: String,
    start_ms: i64,
    end_ms: i64,
    depth_m: Option<f64>,
}

impl Suite {
    /// Reads a directory. An error names the file and, where it is known, the line.
    pub fn read(folder: &Path) -> Result<Self> {
        ensure!(folder.is_dir(), "cannot read suite {}: it is no directory", folder.display());
        let name = folder
            .canonicalize()
            .ok()
            .as_deref()
            .unwrap_or(folder)
            .file_name()
            .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
        let find =
            |name: &str| [folder.join(format!("{name}.gz")), folder.join(name)].into_iter().find(|p| p.exists());
        let fences = find("fences.geojson").map(|path| read_fences(&path)).transpose()?.unwrap_or_default();
        let beacons = find("beacons.csv").map(|path| read_beacons(&path)).transpose()?.unwrap_or_default();
        let paths = find("path.csv").map(|path| read_path(&path)).transpose()?;
        let visits = find("truth.csv").map(|path| read_visits(&path)).transpose()?.unwrap_or_default();
        let kind = if !beacons.is_empty() {
            Kind::Rooms
        } else if paths.is_some() {
            if name.contains("drive") { Kind::Drive } else { Kind::Walk }
        } else if fences.iter().any(|fence| fence.expected.is_some()) {
            Kind::Background
        } else {
            Kind::Stander
        };
        let reports = match (kind, find("pings.csv"), find("sightings.csv")) {
            (Kind::Rooms, _, Some(path)) => read_sightings(&path)?,
            (Kind::Walk | Kind::Drive | Kind::Stander | Kind::Background, Some(path), _) => read_pings(&path)?,
            (Kind::Rooms, _, None) => bail!("cannot read suite {}: it has no sightings.csv", folder.display()),
            (Kind::Walk | Kind::Drive | Kind::Stander | Kind::Background, None, _) => {
                bail!("cannot read suite {}: it has no pings.csv", folder.display())
            }
        };
        let beacons = beacons.into_iter().filter_map(|(id, extent)| Some((id, beacon(extent)?))).collect();
        Ok(Self { name, kind, fences, beacons, reports, paths: paths.unwrap_or_default(), visits })
    }

    /// Writes the suite as a directory, which is made where it is missing.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if !self.fences.is_empty() {
            let path = folder.join("fences.geojson");
            let text = serde_json::to_string(&self.fences_json())? + "\n";
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if !self.beacons.is_empty() {
            let rows = self.beacons.iter().map(|(id, beacon)| {
                let number = |part: Option<u16>| part.map(|part| part.to_string()).unwrap_or_default();
                let group = beacon.group.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{id},{},{},{},{group}", beacon.uuid, number(beacon.major), number(beacon.minor))
            });
            write_rows(&folder.join("beacons.csv.gz"), "region_id,uuid,major,minor,group", rows)?;
        }
        let late = self.reports.iter().any(|report| report.received.0 != report.observed.0);
        self.write_reports(folder, late)?;
        if !self.paths.is_empty() {
            let rows = self.paths.iter().flat_map(|(device, path)| {
                path.iter().map(move |truth| {
                    let (lat, lon) = (truth.position.lat(), truth.position.lon());
                    format!("{device},{},{lat},{lon}", truth.at.0)
                })
            });
            write_rows(&folder.join("path.csv.gz"), "device_id,t_ms,lat,lon", rows)?;
        }
        if !self.visits.is_empty() {
            let rows = self.visits.iter().map(|Visit { device, region, start, end, depth }| {
                let depth = depth.map(|depth| format!("{:.2}", depth.0)).unwrap_or_default();
                format!("{device},{region},{},{},{depth}", start.0, end.0)
            });
            write_rows(&folder.join("truth.csv.gz"), "device_id,region_id,start_ms,end_ms,depth_m", rows)?;
        }
        Ok(())
    }

    fn write_reports(&self, folder: &Path, late: bool) -> Result<()> {
        let received = |report: &Report| if late { format!(",{}", report.received.0) } else { String::new() };
        let also = if late { ",received_ms" } else { "" };
        let pings = self.reports.iter().filter_map(|report| {
            let Reading::Fix(fix) = report.reading else { return None };
            let (lat, lon, accuracy) = (fix.position.lat(), fix.position.lon(), fix.accuracy.0);
            Some(format!("{},{},{lat},{lon},{accuracy}{}", report.device, report.observed.0, received(report)))
        });
        let sightings = self.reports.iter().filter_map(|report| {
            let Reading::Sighting(sighting) = report.reading else { return None };
            let (beacon, rssi, power) = (sighting.beacon, sighting.rssi_dbm, sighting.measured_power_dbm);
            Some(format!(
                "{},{},{},{},{},{rssi},{power}{}",
                report.device,
                report.observed.0,
                beacon.uuid,
                beacon.major,
                beacon.minor,
                received(report)
            ))
        });
        if self.kind == Kind::Rooms {
            let header = format!("device_id,observed_ms,uuid,major,minor,rssi,tx_power{also}");
            write_rows(&folder.join("sightings.csv.gz"), &header, sightings)
        } else {
            let header = format!("device_id,observed_ms,lat,lon,accuracy_m{also}");
            write_rows(&folder.join("pings.csv.gz"), &header, pings)
        }
    }

    fn fences_json(&self) -> serde_json::Value {
        let feature = |fence: &SuiteFence| {
            let radius = fence.circle.radius.0;
            let properties = match fence.expected {
                None => json!({ "radius_m": radius }),
                Some(Expected::Nobody) => json!({ "radius_m": radius, "expect": 0 }),
                Some(Expected::Stay { from, to }) => {
                    json!({ "radius_m": radius, "expect": 1, "from_ms": from.0, "to_ms": to.0 })
                }
            };
            let center = fence.circle.center;
            json!({
                "type": "Feature", "id": fence.id.as_str(), "properties": properties,
                "geometry": { "type": "Point", "coordinates": [center.lon(), center.lat()] },
            })
        };
        json!({ "type": "FeatureCollection", "features": self.fences.iter().map(feature).collect::<Vec<_>>() })
    }
}

fn beacon(extent: Extent) -> Option<BeaconExtent> {
    match extent {
        Extent::Beacon(beacon) => Some(beacon),
        Extent::Fence(_) => None,
    }
}

fn read_fences(path: &Path) -> Result<Vec<SuiteFence>> {
    let subject = || format!("cannot read {}", path.display());
    let collection: FeatureCollection = read_text(path).with_context(subject)?.parse().with_context(subject)?;
    let fences = collection.features.iter().enumerate().map(|(index, feature)| {
        let id = match &feature.id {
            Some(geojson::feature::Id::String(id)) => id.clone(),
            Some(geojson::feature::Id::Number(id)) => id.to_string(),
            None => bail!("feature {index} has no id"),
        };
        let number = |name: &str| feature.property(name).and_then(serde_json::Value::as_f64);
        let time = |name: &str| {
            let value = feature.property(name).and_then(serde_json::Value::as_i64);
            value.map(DeviceTime).with_context(|| format!("feature {id} has no {name}"))
        };
        let Some(GeometryValue::Point { coordinates }) = feature.geometry.as_ref().map(|geometry| &geometry.value)
        else {
            bail!("feature {id} is no point");
        };
        let (Some(lon), Some(lat)) = (coordinates.as_slice().first(), coordinates.as_slice().get(1)) else {
            bail!("feature {id} has no longitude and latitude");
        };
        let radius = number("radius_m").with_context(|| format!("feature {id} has no radius_m"))?;
        let expected = match number("expect") {
            None => None,
            Some(0.0) => Some(Expected::Nobody),
            Some(_) => Some(Expected::Stay { from: time("from_ms")?, to: time("to_ms")? }),
        };
        let circle = Circle::new(Position::new(*lat, *lon)?, Metres(radius))?;
        Ok(SuiteFence { id: RegionId::parse("id", &id)?, circle, expected })
    });
    fences.collect::<Result<_>>().with_context(subject)
}

fn read_path(path: &Path) -> Result<BTreeMap<DeviceId, Vec<Truth>>> {
    let rows = read_rows(path, |row: PathRow| {
        let position = Position::new(row.lat, row.lon)?;
        Ok((DeviceId::parse("device_id", &row.device_id)?, Truth { at: DeviceTime(row.t_ms), position }))
    })?;
    let mut paths: BTreeMap<DeviceId, Vec<Truth>> = BTreeMap::new();
    for (device, truth) in rows {
        paths.entry(device).or_default().push(truth);
    }
    Ok(paths)
}

fn read_visits(path: &Path) -> Result<Vec<Visit>> {
    read_rows(path, |row: VisitRow| {
        Ok(Visit {
            device: DeviceId::parse("device_id", &row.device_id)?,
            region: RegionId::parse("region_id", &row.region_id)?,
            start: DeviceTime(row.start_ms),
            end: DeviceTime(row.end_ms),
            depth: row.depth_m.map(Metres),
        })
    })
}

fn write_rows(path: &PathBuf, header: &str, rows: impl Iterator<Item = String>) -> Result<()> {
    let write = || -> std::io::Result<()> {
        // No name and no time in the file's head: the same suite is the same bytes.
        let mut gz = flate2::write::GzEncoder::new(File::create(path)?, flate2::Compression::default());
        writeln!(gz, "{header}")?;
        for row in rows {
            writeln!(gz, "{row}")?;
        }
        gz.finish()?.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
