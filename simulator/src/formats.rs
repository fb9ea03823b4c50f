//! The files of recorded pings: CSV with a header, gzipped or not, in the order of arrival.
//!
//! | file | columns |
//! |---|---|
//! | pings | `device_id, observed_ms, lat, lon, accuracy_m`, perhaps `received_ms` |
//! | sightings | `device_id, observed_ms, uuid, major, minor, rssi, tx_power`, perhaps `received_ms` |
//! | beacons | `region_id, uuid, major, minor`, perhaps `group` |
//! | transitions | `device_id, region_id, transition, observed_ms` |
//!
//! Times are Unix milliseconds, positions degrees, accuracies metres (68 % radius), strengths dBm.

use anyhow::{Context, Result, ensure};
use doorstep::model::ping::dbm;
use doorstep::model::{
    BeaconExtent, BeaconKey, DeviceId, DeviceTime, Extent, Fix, GroupId, Metres, Position, Proximity, RegionId,
    ServerTime, Sighting, Transition, TransitionKind, Uuid,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

/// The largest text file, unpacked, that is read as a whole.
pub const TEXT_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// One line of a pings or sightings file.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Who reported.
    pub device: DeviceId,
    /// When the reading was taken, by the device's clock.
    pub observed: DeviceTime,
    /// When the server got it; when observed, where the file does not say.
    pub received: ServerTime,
    /// What was read.
    pub reading: Reading,
}

/// What one line reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// A position.
    Fix(Fix),
    /// A beacon.
    Sighting(Sighting),
}

#[derive(Deserialize)]
struct PingRow {
    device_id: String,
    observed_ms: i64,
    lat: f64,
    lon: f64,
    accuracy_m: f64,
    received_ms: Option<i64>,
}

#[derive(Deserialize)]
struct SightingRow {
    device_id: String,
    observed_ms: i64,
    uuid: String,
    major: u16,
    minor: u16,
    rssi: i32,
    tx_power: i32,
    received_ms: Option<i64>,
}

#[derive(Deserialize)]
struct BeaconRow {
    region_id: String,
    uuid: String,
    major: Option<u16>,
    minor: Option<u16>,
    group: Option<String>,
}

#[derive(Serialize)]
struct TransitionRow<'a> {
    device_id: &'a str,
    region_id: &'a str,
    transition: &'a str,
    observed_ms: i64,
}

/// Reads a file of pings. An error names the file and the line.
pub fn read_pings(path: &Path) -> Result<Vec<Report>> {
    read_rows(path, |row: PingRow| {
        let fix = Fix {
            position: Position::new(row.lat, row.lon)?,
            accuracy: Metres(row.accuracy_m),
            speed_mps: None,
            course_deg: None,
            mock: false,
        };
        report(&row.device_id, row.observed_ms, row.received_ms, Reading::Fix(fix.checked()?))
    })
}

/// Reads a file of sightings. An error names the file and the line.
pub fn read_sightings(path: &Path) -> Result<Vec<Report>> {
    read_rows(path, |row: SightingRow| {
        let sighting = Sighting {
            beacon: BeaconKey { uuid: Uuid::parse("uuid", &row.uuid)?, major: row.major, minor: row.minor },
            rssi_dbm: dbm("rssi", row.rssi)?,
            measured_power_dbm: dbm("tx_power", row.tx_power)?,
        };
        report(&row.device_id, row.observed_ms, row.received_ms, Reading::Sighting(sighting))
    })
}

/// Reads a file of beacons: each line is a beacon region of any nearness. An error names the file and the line.
pub fn read_beacons(path: &Path) -> Result<Vec<(RegionId, Extent)>> {
    read_rows(path, |row: BeaconRow| {
        ensure!(row.major.is_some() || row.minor.is_none(), "minor needs a major");
        let group = row.group.filter(|group| !group.is_empty());
        let extent = BeaconExtent {
            uuid: Uuid::parse("uuid", &row.uuid)?,
            major: row.major,
            minor: row.minor,
            proximity: Proximity::Far,
            group: group.map(|group| GroupId::parse("group", &group)).transpose()?,
        };
        Ok((RegionId::parse("region_id", &row.region_id)?, Extent::Beacon(extent)))
    })
}

/// Writes transitions as CSV, dated at the pings that decided them.
pub struct TransitionsWriter<W: Write> {
    csv: csv::Writer<W>,
}

impl<W: Write> TransitionsWriter<W> {
    /// Writes the header at once, so that a replay without transitions leaves a well-formed file.
    pub fn new(to: W) -> Result<Self> {
        let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(to);
        csv.write_record(["device_id", "region_id", "transition", "observed_ms"])?;
        Ok(Self { csv })
    }

    /// Writes one transition of a device.
    pub fn write(&mut self, device: &DeviceId, transition: &Transition) -> Result<()> {
        let row = TransitionRow {
            device_id: device.as_str(),
            region_id: transition.region.as_str(),
            transition: match transition.kind {
                TransitionKind::Enter => "enter",
                TransitionKind::Dwell => "dwell",
                TransitionKind::Exit => "exit",
                TransitionKind::Approach => "approach",
                TransitionKind::Pass => "pass",
            },
            observed_ms: transition.decided.0,
        };
        Ok(self.csv.serialize(row)?)
    }

    /// Hands back what was written to.
    pub fn finish(self) -> Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error).context("cannot finish the transitions")
    }
}

/// Opens a file that may be gzipped: it is unpacked when it begins as gzip files do.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let mut file = BufReader::new(File::open(path)?);
    let gzipped = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if gzipped { Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file))) } else { Box::new(file) })
}

/// Reads a whole text file of at most [`TEXT_MAX_BYTES`], gzipped or not.
pub fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let bytes = open(path)?.take(TEXT_MAX_BYTES + 1).read_to_string(&mut text)?;
    ensure!(bytes as u64 <= TEXT_MAX_BYTES, "is larger than {TEXT_MAX_BYTES} bytes");
    Ok(text)
}

fn report(device: &str, observed_ms: i64, received_ms: Option<i64>, reading: Reading) -> Result<Report> {
    Ok(Report {
        device: DeviceId::parse("device_id", device)?,
        observed: DeviceTime(observed_ms),
        received: ServerTime(received_ms.unwrap_or(observed_ms)),
        reading,
    })
}

/// Reads a CSV file row by row. An error names the file and the line.
pub fn read_rows<R: DeserializeOwned, T>(path: &Path, parse: impl Fn(R) -> Result<T>) -> Result<Vec<T>> {
    let subject = || format!("cannot read {}", path.display());
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(open(path).with_context(subject)?);
    let headers = csv.headers().with_context(subject)?.clone();
    let mut record = csv::StringRecord::new();
    let mut rows = Vec::new();
    while csv.read_record(&mut record).with_context(subject)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = record.deserialize(Some(&headers)).map_err(|error| described(&error));
        let parsed = row.and_then(&parse).with_context(|| format!("line {line}")).with_context(subject)?;
        rows.push(parsed);
    }
    Ok(rows)
}

/// The csv crate's own text repeats the position, as a byte offset.
fn described(error: &csv::Error) -> anyhow::Error {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => anyhow::anyhow!("{err}"),
        _ => anyhow::anyhow!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, gzipped: bool) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        if gzipped {
            let mut gz = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
            gz.write_all(text.as_bytes()).unwrap();
            gz.finish().unwrap();
        } else {
            file.write_all(text.as_bytes()).unwrap();
        }
        file
    }

    #[test]
    fn pings_are_read_in_their_order_gzipped_or_not() {
        let text =
            "device_id,observed_ms,lat,lon,accuracy_m,received_ms\np,2000,39.7,-105,8,2500\np,1000,39.7,-105,8,\n";
        for gzipped in [false, true] {
            let reports = read_pings(file(text, gzipped).path()).unwrap();
            let times: Vec<_> = reports.iter().map(|report| (report.observed.0, report.received.0)).collect();
            assert_eq!(times, [(2_000, 2_500), (1_000, 1_000)]);
        }
        let text = "device_id,observed_ms,lat,lon,accuracy_m\np,2000,39.7,-105,8\n";
        assert_eq!(read_pings(file(text, true).path()).unwrap().len(), 1);
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_and_what_is_wrong() {
        let header = "device_id,observed_ms,lat,lon,accuracy_m\n";
        for (line, part) in [
            ("p,2000,91,-105,8", "latitude is 91"),
            ("p,2000,39.7,-105,0", "accuracy_m is 0"),
            ("p,soon,39.7,-105,8", "invalid digit"),
            ("a/b,2000,39.7,-105,8", "device_id is \"a/b\""),
        ] {
            let file = file(&format!("{header}p,1000,39.7,-105,8\n{line}\n"), false);
            let shown = format!("{:#}", read_pings(file.path()).unwrap_err());
            assert!(shown.contains(part) && shown.contains("line 3"), "{shown}");
            assert!(shown.contains(&file.path().display().to_string()), "{shown}");
        }
        let lacking = file("device_id,observed_ms\np,1\n", false);
        assert!(format!("{:#}", read_pings(lacking.path()).unwrap_err()).contains("lat"));
    }

    #[test]
    fn beacons_and_sightings_are_read() {
        let uuid = "7d5b0a52-3a4e-4f6b-9c55-2a4f5d1e9b01";
        let beacons = read_beacons(
            file(&format!("region_id,uuid,major,minor,group\nRoom201,{uuid},1,201,rooms\nAny,{uuid},,,\n"), true)
                .path(),
        );
        let beacons = beacons.unwrap();
        let Extent::Beacon(any) = &beacons[1].1 else { panic!("no beacon") };
        assert_eq!((any.major, any.minor, &any.group), (None, None, &None));
        let sightings = read_sightings(
            file(
                &format!("device_id,observed_ms,uuid,major,minor,rssi,tx_power\ntag6,5,{uuid},1,201,-84,-62\n"),
                false,
            )
            .path(),
        );
        let Reading::Sighting(sighting) = sightings.unwrap()[0].reading else { panic!("no sighting") };
        assert_eq!((sighting.rssi_dbm, sighting.measured_power_dbm, sighting.beacon.minor), (-84, -62, 201));
    }
}
