//! A device's presence, as it is stored.

use super::store::v1 as stored;
use super::{each, finite, required, time, v1};
use crate::model::{Invalid, Position, RegionId, VisitId};
use crate::presence::{DevicePresence, Latch, Track};

impl From<&DevicePresence> for stored::DevicePresence {
    fn from(presence: &DevicePresence) -> Self {
        let latch = |(region, latch): (&RegionId, &Latch)| stored::RegionLatch {
            region: region.to_string(),
            visit: visit_message(latch),
        };
        Self {
            track: presence.track.as_ref().map(Into::into),
            latches: presence.latches.iter().map(latch).collect(),
            latest_ping_time: presence.latest.map(Into::into),
        }
    }
}

/// Parses a device's presence.
pub(super) fn presence(record: stored::DevicePresence) -> Result<DevicePresence, Invalid> {
    let latches = each("latches", record.latches, |latch| {
        let visit = latch.visit.map(|visit| inside(&visit).map_err(|why| why.under("visit")));
        Ok((RegionId::parse("region", &latch.region)?, visit.transpose()?.unwrap_or_default()))
    })?;
    Ok(DevicePresence {
        track: record.track.map(track).transpose().map_err(|why| why.under("track"))?,
        latches: latches.into_iter().collect(),
        latest: record.latest_ping_time.map(|at| time::device_time("latest_ping_time", at)).transpose()?,
    })
}

impl From<&Track> for stored::Track {
    fn from(track: &Track) -> Self {
        let ([east_m, north_m], [east_mps, north_mps]) = (track.east_north_m, track.velocity_mps);
        let [position_variance, covariance, velocity_variance] = track.variance;
        Self {
            anchor: Some(v1::LatLng { latitude: track.anchor.lat(), longitude: track.anchor.lon() }),
            fix_time: Some(track.at.into()),
            east_m,
            north_m,
            east_mps,
            north_mps,
            position_variance,
            covariance,
            velocity_variance,
            aside: track.aside,
        }
    }
}

fn track(record: stored::Track) -> Result<Track, Invalid> {
    let anchor = required("anchor", record.anchor)?;
    Ok(Track {
        anchor: Position::new(anchor.latitude, anchor.longitude).map_err(|why| why.under("anchor"))?,
        at: time::device_time("fix_time", required("fix_time", record.fix_time)?)?,
        east_north_m: [finite("east_m", record.east_m)?, finite("north_m", record.north_m)?],
        velocity_mps: [finite("east_mps", record.east_mps)?, finite("north_mps", record.north_mps)?],
        variance: [
            finite("position_variance", record.position_variance)?,
            finite("covariance", record.covariance)?,
            finite("velocity_variance", record.velocity_variance)?,
        ],
        aside: record.aside,
    })
}

fn visit_message(latch: &Latch) -> Option<stored::Visit> {
    match latch {
        Latch::Outside => None,
        Latch::Inside { visit, since, dwelt, leaving } => Some(stored::Visit {
            id: visit.to_string(),
            enter_time: Some((*since).into()),
            dwelt: *dwelt,
            leaving_time: leaving.map(Into::into),
        }),
    }
}

fn inside(record: &stored::Visit) -> Result<Latch, Invalid> {
    Ok(Latch::Inside {
        visit: VisitId::parse("id", &record.id)?,
        since: time::device_time("enter_time", required("enter_time", record.enter_time)?)?,
        dwelt: record.dwelt,
        leaving: record.leaving_time.map(|at| time::device_time("leaving_time", at)).transpose()?,
    })
}
