//! Pings of devices under trace.

use super::{required, v1};
use crate::model::{Decision, Invalid, Position};
use crate::store::TraceEntry;

impl From<&TraceEntry> for v1::TraceEntry {
    fn from(entry: &TraceEntry) -> Self {
        Self {
            decision: Some((&entry.decision).into()),
            latitude: entry.fix.map(Position::lat),
            longitude: entry.fix.map(Position::lon),
            track_latitude: entry.track.map(Position::lat),
            track_longitude: entry.track.map(Position::lon),
            sightings: i32::try_from(entry.sightings).unwrap_or(i32::MAX),
        }
    }
}

/// Parses an entry of a trace.
pub fn entry(wire: v1::TraceEntry) -> Result<TraceEntry, Invalid> {
    let decision = required("decision", wire.decision)?;
    Ok(TraceEntry {
        decision: Decision::try_from(decision).map_err(|why| why.under("decision"))?,
        fix: position(wire.latitude, wire.longitude)?,
        track: position(wire.track_latitude, wire.track_longitude).map_err(|why| why.under("track"))?,
        sightings: usize::try_from(wire.sightings)
            .map_err(|_| Invalid::new("sightings", format!("is {}; must be 0 or more", wire.sightings)))?,
    })
}

fn position(lat: Option<f64>, lon: Option<f64>) -> Result<Option<Position>, Invalid> {
    match (lat, lon) {
        (Some(lat), Some(lon)) => Position::new(lat, lon).map(Some),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Invalid::new("longitude", "is absent; must come with the latitude")),
        (None, Some(_)) => Err(Invalid::new("latitude", "is absent; must come with the longitude")),
    }
}
