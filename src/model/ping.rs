//! What a device reports.

use super::invalid::{Invalid, at_most, in_range};
use super::time::DeviceTime;
use super::units::{Metres, Position};
use std::fmt;

/// The highest sequence number: what every language's numbers can hold.
pub const SEQUENCE_MAX: u64 = (1 << 53) - 1;
/// Most sightings in one ping.
pub const SIGHTINGS_MAX: usize = 64;
/// Largest accepted accuracy radius in metres.
pub const ACCURACY_MAX_M: f64 = 100_000.0;

/// Numbers a device's pings: 1 to [`SEQUENCE_MAX`], each used once, growing with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

/// One report from a device: a fix, beacon sightings, or both, with the device's time.
#[derive(Debug, Clone, PartialEq)]
pub struct Ping {
    /// The ping's number.
    pub sequence: Sequence,
    /// When the device took the reading, by its own clock.
    pub observed: DeviceTime,
    /// Where the device thinks that it is.
    pub fix: Option<Fix>,
    /// The iBeacons heard since the previous ping.
    pub sightings: Vec<Sighting>,
    /// Whether the app was in front of the user.
    pub app: AppState,
}

impl Ping {
    /// Checks the rules that concern the ping as a whole.
    pub fn checked(self) -> Result<Self, Invalid> {
        if self.sequence.0 == 0 || self.sequence.0 > SEQUENCE_MAX {
            let problem = format!("is {}; must be 1 to {SEQUENCE_MAX}, growing with time", self.sequence.0);
            return Err(Invalid::new("sequence", problem));
        }
        at_most("sightings", self.sightings.len(), SIGHTINGS_MAX)?;
        Ok(self)
    }
}

/// A position as the phone's location service reports it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// Where.
    pub position: Position,
    /// Radius of the circle that holds the true position with 68 % confidence, above 0 to 100,000 m.
    pub accuracy: Metres,
    /// Speed over ground in metres per second, 0 to 500.
    pub speed_mps: Option<f64>,
    /// Course over ground in degrees clockwise from north, 0 to 360.
    pub course_deg: Option<f64>,
    /// Whether the phone says that a mock location provider made it.
    pub mock: bool,
}

impl Fix {
    /// Checks the ranges of the numbers.
    pub fn checked(self) -> Result<Self, Invalid> {
        let accuracy = self.accuracy.0;
        if !(accuracy > 0.0 && accuracy <= ACCURACY_MAX_M) {
            let problem = format!("is {accuracy}; must be above 0 to {ACCURACY_MAX_M} metres (68 % confidence)");
            return Err(Invalid::new("accuracy_m", problem));
        }
        if let Some(speed) = self.speed_mps {
            in_range("speed_mps", speed, 0.0, 500.0, "metres per second")?;
        }
        if let Some(course) = self.course_deg {
            in_range("course_deg", course, 0.0, 360.0, "degrees")?;
        }
        Ok(self)
    }
}

/// One reading of one iBeacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Which beacon.
    pub beacon: BeaconKey,
    /// Received signal strength in dBm, -127 to 20.
    pub rssi_dbm: i8,
    /// Calibrated strength at 1 m in dBm, -127 to 20.
    pub measured_power_dbm: i8,
}

/// The measured power of a beacon that does not say: the usual one of an iBeacon at 0 dBm.
pub const MEASURED_POWER_DEFAULT_DBM: i8 = -59;

/// Checks a signal strength in dBm.
pub fn dbm(field: &str, value: i32) -> Result<i8, Invalid> {
    i8::try_from(value)
        .ok()
        .filter(|dbm| (-127..=20).contains(dbm))
        .ok_or_else(|| Invalid::new(field, format!("is {value}; must be -127 to 20 dBm")))
}

/// The triple that an iBeacon advertises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BeaconKey {
    /// Proximity UUID.
    pub uuid: Uuid,
    /// Major value.
    pub major: u16,
    /// Minor value.
    pub minor: u16,
}

/// A 128-bit UUID (RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl Uuid {
    /// Parses the 8-4-4-4-12 form, in either case.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let well_formed = text.len() == 36
            && text.bytes().enumerate().all(|(i, c)| match i {
                8 | 13 | 18 | 23 => c == b'-',
                _ => c.is_ascii_hexdigit(),
            });
        well_formed
            .then(|| text.replace('-', ""))
            .and_then(|hex| u128::from_str_radix(&hex, 16).ok())
            .map(Self)
            .ok_or_else(|| {
                let shown: String = text.chars().take(40).collect();
                Invalid::new(
                    field,
                    format!("is {shown:?}; must be a UUID such as f7826da6-4fa2-4e98-8024-bc5b71e0893e"),
                )
            })
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// Whether the app was in front of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AppState {
    /// The phone did not say.
    #[default]
    Unknown,
    /// The app is on screen.
    Foreground,
    /// The app runs, or was woken, in the background.
    Background,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_is_above_0() {
        let position = Position::new(39.74, -104.99).unwrap();
        let refusal = |accuracy| {
            let fix = Fix { position, accuracy: Metres(accuracy), speed_mps: None, course_deg: None, mock: false };
            fix.checked().err().map(|why| why.to_string())
        };
        assert_eq!(refusal(f64::MIN_POSITIVE), None);
        assert_eq!(refusal(ACCURACY_MAX_M), None);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 100_000.5] {
            let want = format!("accuracy_m is {bad}; must be above 0 to 100000 metres (68 % confidence)");
            assert_eq!(refusal(bad), Some(want));
        }
    }

    #[test]
    fn a_uuid_survives_its_text() {
        let text = "f7826da6-4fa2-4e98-8024-bc5b71e0893e";
        assert_eq!(Uuid::parse("uuid", &text.to_uppercase()).unwrap().to_string(), text);
        for bad in ["", "f7826da64fa24e988024bc5b71e0893e", "f7826da6-4fa2-4e98-8024-bc5b71e0893g"] {
            assert!(Uuid::parse("uuid", bad).is_err(), "{bad}");
        }
    }
}
