//! A device's presence, as it is stored.

use super::store::v1 as stored;
use super::{each, finite, required, sixteen_bits, time, v1};
use crate::model::ping::dbm;
use crate::model::{BeaconKey, DeviceTime, GroupId, Invalid, Metres, Position, RegionId, Uuid, VisitId};
use crate::presence::{
    Beacons, Challenger, Covariance, DevicePresence, Held, Latch, Nearing, Planar, Room, Signal, Track, Visit,
};
use prost_types::Timestamp;

impl From<&DevicePresence> for stored::DevicePresence {
    fn from(presence: &DevicePresence) -> Self {
        Self {
            track: presence.track.as_ref().map(Into::into),
            fences: presence.fences.iter().map(latch_message).collect(),
            latest_ping_time: presence.latest.map(Into::into),
            signals: presence.beacons.signals.iter().map(signal_message).collect(),
            beacon_regions: presence.beacons.latches.iter().map(latch_message).collect(),
            rooms: presence.beacons.rooms.iter().map(room_message).collect(),
            nearings: presence.nearings.iter().map(nearing_message).collect(),
        }
    }
}

/// Parses a device's presence.
pub(super) fn presence(record: stored::DevicePresence) -> Result<DevicePresence, Invalid> {
    Ok(DevicePresence {
        track: record.track.map(track).transpose().map_err(|why| why.under("track"))?,
        fences: each("fences", record.fences, latch)?.into_iter().collect(),
        nearings: each("nearings", &record.nearings, nearing)?.into_iter().collect(),
        beacons: Beacons {
            signals: each("signals", &record.signals, signal)?.into_iter().collect(),
            latches: each("beacon_regions", record.beacon_regions, latch)?.into_iter().collect(),
            rooms: each("rooms", &record.rooms, room)?.into_iter().collect(),
        },
        latest: moment("latest_ping_time", record.latest_ping_time)?,
    })
}

fn moment(field: &str, at: Option<Timestamp>) -> Result<Option<DeviceTime>, Invalid> {
    at.map(|at| time::device_time(field, at)).transpose()
}

fn some_moment(field: &str, at: Option<Timestamp>) -> Result<DeviceTime, Invalid> {
    time::device_time(field, required(field, at)?)
}

fn position_message(position: Position) -> v1::LatLng {
    v1::LatLng { latitude: position.lat(), longitude: position.lon() }
}

fn position(field: &str, record: Option<v1::LatLng>) -> Result<Position, Invalid> {
    let at = required(field, record)?;
    Position::new(at.latitude, at.longitude).map_err(|why| why.under(field))
}

impl From<&Track> for stored::Track {
    fn from(track: &Track) -> Self {
        let Covariance { pp, pv, pb, vv, vb, bb } = track.covariance;
        Self {
            position: Some(position_message(track.position)),
            fix_time: Some(track.at.into()),
            velocity_east_mps: track.velocity.east,
            velocity_north_mps: track.velocity.north,
            bias_east_m: track.bias.east,
            bias_north_m: track.bias.north,
            covariance: Some(stored::Covariance { pp, pv, pb, vv, vb, bb }),
            fix_variance_m2: track.fix_variance_m2,
            surprise: track.surprise,
            support: track.support,
            held: track.held.map(|held| stored::HeldFix {
                position: Some(position_message(held.position)),
                accuracy_m: held.accuracy.0,
                fix_time: Some(held.at.into()),
                first_time: Some(held.since.into()),
                fixes: held.fixes,
            }),
        }
    }
}

fn track(record: stored::Track) -> Result<Track, Invalid> {
    let planar = |(east_field, east), (north_field, north)| {
        Ok::<_, Invalid>(Planar { east: finite(east_field, east)?, north: finite(north_field, north)? })
    };
    Ok(Track {
        at: some_moment("fix_time", record.fix_time)?,
        position: position("position", record.position)?,
        velocity: planar(
            ("velocity_east_mps", record.velocity_east_mps),
            ("velocity_north_mps", record.velocity_north_mps),
        )?,
        bias: planar(("bias_east_m", record.bias_east_m), ("bias_north_m", record.bias_north_m))?,
        covariance: covariance(&required("covariance", record.covariance)?).map_err(|why| why.under("covariance"))?,
        fix_variance_m2: finite("fix_variance_m2", record.fix_variance_m2)?,
        surprise: finite("surprise", record.surprise)?,
        support: finite("support", record.support)?,
        held: record.held.map(held).transpose().map_err(|why| why.under("held"))?,
    })
}

fn covariance(record: &stored::Covariance) -> Result<Covariance, Invalid> {
    Ok(Covariance {
        pp: finite("pp", record.pp)?,
        pv: finite("pv", record.pv)?,
        pb: finite("pb", record.pb)?,
        vv: finite("vv", record.vv)?,
        vb: finite("vb", record.vb)?,
        bb: finite("bb", record.bb)?,
    })
}

fn held(record: stored::HeldFix) -> Result<Held, Invalid> {
    Ok(Held {
        position: position("position", record.position)?,
        accuracy: Metres(finite("accuracy_m", record.accuracy_m)?),
        at: some_moment("fix_time", record.fix_time)?,
        since: some_moment("first_time", record.first_time)?,
        fixes: record.fixes,
    })
}

fn latch_message((region, latch): (&RegionId, &Latch)) -> stored::RegionLatch {
    let (visit, since, clear_since) = match latch {
        Latch::Outside => (None, None, None),
        Latch::Entering { since } => (None, Some(*since), None),
        Latch::Inside { visit } => (Some(visit), None, None),
        Latch::Leaving { visit, since, clear_since } => (Some(visit), Some(*since), *clear_since),
    };
    stored::RegionLatch {
        region: region.to_string(),
        visit: visit.map(|visit| stored::Visit {
            id: visit.id.to_string(),
            start_time: Some(visit.start.into()),
            enter_time: Some(visit.since.into()),
            dwelt: visit.dwelt,
            settled: visit.settled,
        }),
        since_time: since.map(Into::into),
        clear_since_time: clear_since.map(Into::into),
    }
}

fn latch(record: stored::RegionLatch) -> Result<(RegionId, Latch), Invalid> {
    let region = RegionId::parse("region", &record.region)?;
    let visit = record.visit.map(|record| visit(&record).map_err(|why| why.under("visit"))).transpose()?;
    let since = moment("since_time", record.since_time)?;
    let clear_since = moment("clear_since_time", record.clear_since_time)?;
    let latch = match (visit, since) {
        (None, None) => Latch::Outside,
        (None, Some(since)) => Latch::Entering { since },
        (Some(visit), None) => Latch::Inside { visit },
        (Some(visit), Some(since)) => Latch::Leaving { visit, since, clear_since },
    };
    Ok((region, latch))
}

fn visit(record: &stored::Visit) -> Result<Visit, Invalid> {
    Ok(Visit {
        id: VisitId::parse("id", &record.id)?,
        start: some_moment("start_time", record.start_time)?,
        since: some_moment("enter_time", record.enter_time)?,
        dwelt: record.dwelt,
        settled: record.settled,
    })
}

fn signal_message((key, signal): (&BeaconKey, &Signal)) -> stored::Signal {
    stored::Signal {
        uuid: key.uuid.to_string(),
        major: key.major.into(),
        minor: key.minor.into(),
        dbm: signal.dbm,
        measured_power_dbm: signal.measured_power_dbm.into(),
        heard_time: Some(signal.heard.into()),
    }
}

fn signal(record: &stored::Signal) -> Result<(BeaconKey, Signal), Invalid> {
    let key = BeaconKey {
        uuid: Uuid::parse("uuid", &record.uuid)?,
        major: sixteen_bits("major", record.major)?,
        minor: sixteen_bits("minor", record.minor)?,
    };
    let signal = Signal {
        dbm: finite("dbm", record.dbm)?,
        measured_power_dbm: dbm("measured_power_dbm", record.measured_power_dbm)?,
        heard: some_moment("heard_time", record.heard_time)?,
    };
    Ok((key, signal))
}

fn nearing_message((region, nearing): (&RegionId, &Nearing)) -> stored::Nearing {
    stored::Nearing {
        region: region.to_string(),
        approached_m: nearing.approached.map(|distance| distance.0),
        deepest_m: nearing.deepest.map(|(depth, _)| depth.0),
        deepest_time: nearing.deepest.map(|(_, at)| at.into()),
    }
}

fn nearing(record: &stored::Nearing) -> Result<(RegionId, Nearing), Invalid> {
    let metres = |field, value: Option<f64>| value.map(|value| finite(field, value).map(Metres)).transpose();
    let deepest = metres("deepest_m", record.deepest_m)?.zip(moment("deepest_time", record.deepest_time)?);
    let approached = metres("approached_m", record.approached_m)?;
    Ok((RegionId::parse("region", &record.region)?, Nearing { approached, deepest }))
}

fn room_message((group, room): (&GroupId, &Room)) -> stored::Room {
    stored::Room {
        group: group.to_string(),
        region: room.at.as_ref().map(ToString::to_string).unwrap_or_default(),
        challenger: room.challenger.as_ref().map(|c| c.region.to_string()).unwrap_or_default(),
        challenger_since_time: room.challenger.as_ref().map(|c| c.since.into()),
    }
}

fn room(record: &stored::Room) -> Result<(GroupId, Room), Invalid> {
    let region = |field, id: &str| (!id.is_empty()).then(|| RegionId::parse(field, id)).transpose();
    let since = moment("challenger_since_time", record.challenger_since_time)?;
    let challenger = match (region("challenger", &record.challenger)?, since) {
        (Some(region), Some(since)) => Some(Challenger { region, since }),
        (Some(_), None) => return Err(Invalid::new("challenger_since_time", "is absent; a challenger has one")),
        (None, _) => None,
    };
    Ok((GroupId::parse("group", &record.group)?, Room { at: region("region", &record.region)?, challenger }))
}
