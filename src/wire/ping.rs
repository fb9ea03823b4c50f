//! Pings in; refusals and advice out.

use super::{choice, each, required, sixteen_bits, tame, time, v1};
use crate::engine::{AGE_MAX, AHEAD_MAX, Refusal};
use crate::model::invalid::at_most;
use crate::model::ping::{MEASURED_POWER_DEFAULT_DBM, SIGHTINGS_MAX, dbm};
use crate::model::{
    AppState, BeaconKey, Fix, Invalid, Metres, Millis, Ping, Position, ReportAdvice, Sequence, Sighting, Uuid,
};

/// Parses a ping.
pub fn parse(wire: v1::Ping) -> Result<Ping, Invalid> {
    Ping::try_from(wire)
}

/// The refusal of a ping that does not parse; `sequence` is the one that it bears.
pub fn refused(sequence: u64, invalid: &Invalid) -> v1::Refusal {
    v1::Refusal { sequence, reason: v1::RefusalReason::Invalid.into(), detail: invalid.to_string() }
}

/// The refusal of a ping by the engine.
pub fn refusal(sequence: Sequence, refusal: &Refusal) -> v1::Refusal {
    use v1::RefusalReason as Reason;
    let (reason, detail) = match refusal {
        Refusal::FromTheFuture { ahead } => {
            let detail = format!("observe_time is {ahead} ahead of the server's clock; must be at most {AHEAD_MAX}");
            (Reason::FromTheFuture, detail)
        }
        Refusal::TooOld { age } => {
            (Reason::TooOld, format!("observe_time is {age} ago; must be at most {AGE_MAX} ago"))
        }
        Refusal::Duplicate => {
            (Reason::Duplicate, format!("sequence {} was kept before; number each ping anew", sequence.0))
        }
        Refusal::NoConsent => {
            (Reason::NoConsent, "the customer has not granted consent for location messaging".to_owned())
        }
    };
    v1::Refusal { sequence: sequence.0, reason: reason.into(), detail }
}

impl TryFrom<v1::Ping> for Ping {
    type Error = Invalid;

    fn try_from(wire: v1::Ping) -> Result<Self, Invalid> {
        at_most("sightings", wire.sightings.len(), SIGHTINGS_MAX)?;
        Self {
            sequence: Sequence(wire.sequence),
            observed: time::device_time("observe_time", required("observe_time", wire.observe_time)?)?,
            fix: wire.fix.map(Fix::try_from).transpose().map_err(|why| why.under("fix"))?,
            sightings: each("sightings", wire.sightings, Sighting::try_from)?,
            app: match choice("app_state", wire.app_state, "UNSPECIFIED, FOREGROUND or BACKGROUND")? {
                v1::AppState::Unspecified => AppState::Unknown,
                v1::AppState::Foreground => AppState::Foreground,
                v1::AppState::Background => AppState::Background,
            },
        }
        .checked()
    }
}

impl From<&Ping> for v1::Ping {
    fn from(ping: &Ping) -> Self {
        Self {
            sequence: ping.sequence.0,
            observe_time: Some(ping.observed.into()),
            fix: ping.fix.as_ref().map(Into::into),
            sightings: ping.sightings.iter().map(Into::into).collect(),
            app_state: match ping.app {
                AppState::Unknown => v1::AppState::Unspecified,
                AppState::Foreground => v1::AppState::Foreground,
                AppState::Background => v1::AppState::Background,
            }
            .into(),
        }
    }
}

impl TryFrom<v1::Fix> for Fix {
    type Error = Invalid;

    fn try_from(wire: v1::Fix) -> Result<Self, Invalid> {
        Self {
            position: Position::new(wire.latitude, wire.longitude)?,
            accuracy: Metres(wire.accuracy_m),
            speed_mps: wire.speed_mps,
            course_deg: wire.course_deg,
            mock: wire.mock,
        }
        .checked()
    }
}

impl From<&Fix> for v1::Fix {
    fn from(fix: &Fix) -> Self {
        Self {
            latitude: fix.position.lat(),
            longitude: fix.position.lon(),
            accuracy_m: fix.accuracy.0,
            speed_mps: fix.speed_mps,
            course_deg: fix.course_deg,
            mock: fix.mock,
        }
    }
}

impl TryFrom<v1::Sighting> for Sighting {
    type Error = Invalid;

    fn try_from(wire: v1::Sighting) -> Result<Self, Invalid> {
        let power = wire.measured_power_dbm.unwrap_or_else(|| MEASURED_POWER_DEFAULT_DBM.into());
        Ok(Self {
            beacon: BeaconKey {
                uuid: Uuid::parse("uuid", &wire.uuid)?,
                major: sixteen_bits("major", wire.major)?,
                minor: sixteen_bits("minor", wire.minor)?,
            },
            rssi_dbm: dbm("rssi_dbm", wire.rssi_dbm)?,
            measured_power_dbm: dbm("measured_power_dbm", power)?,
        })
    }
}

impl From<&Sighting> for v1::Sighting {
    fn from(sighting: &Sighting) -> Self {
        Self {
            uuid: sighting.beacon.uuid.to_string(),
            major: sighting.beacon.major.into(),
            minor: sighting.beacon.minor.into(),
            rssi_dbm: sighting.rssi_dbm.into(),
            measured_power_dbm: Some(sighting.measured_power_dbm.into()),
        }
    }
}

impl From<ReportAdvice> for v1::ReportAdvice {
    fn from(advice: ReportAdvice) -> Self {
        Self { after: Some(advice.after.into()), moved_m: tame(advice.moved.0) }
    }
}

impl TryFrom<v1::ReportAdvice> for ReportAdvice {
    type Error = Invalid;

    fn try_from(wire: v1::ReportAdvice) -> Result<Self, Invalid> {
        let after = required("after", wire.after)?;
        let moved = crate::model::invalid::in_range("moved_m", wire.moved_m, 10.0, 10_000.0, "metres")?;
        Ok(Self {
            after: time::millis_within("after", after, Millis::from_secs(1), Millis::from_mins(10))?,
            moved: Metres(moved),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_a_reason_for_programs_and_a_sentence_for_people() {
        let ahead = Millis::from_mins(3);
        for (why, reason, words) in [
            (Refusal::FromTheFuture { ahead }, v1::RefusalReason::FromTheFuture, "3 min ahead"),
            (Refusal::TooOld { age: Millis::from_days(31) }, v1::RefusalReason::TooOld, "31 d ago"),
            (Refusal::Duplicate, v1::RefusalReason::Duplicate, "sequence 7"),
            (Refusal::NoConsent, v1::RefusalReason::NoConsent, "consent"),
        ] {
            let wire = refusal(Sequence(7), &why);
            assert_eq!((wire.sequence, wire.reason()), (7, reason));
            assert!(wire.detail.contains(words), "{}", wire.detail);
        }
        let wire = refused(0, &Invalid::new("pings[3].sequence", "is 0"));
        assert_eq!((wire.reason(), wire.detail.as_str()), (v1::RefusalReason::Invalid, "pings[3].sequence is 0"));
    }
}
