//! `ping`, `stay` and `walk`: from one line to the pings that the phone made of it.

use super::setting::Setting;
use super::words::{Day, Read, Words, id, number, position, quantity, span, unknown, value};
use doorstep::model::ping::{MEASURED_POWER_DEFAULT_DBM, dbm};
use doorstep::model::{
    AppState, BeaconKey, DeviceId, DeviceTime, Fix, Metres, Millis, Ping, Position, Sequence, ServerTime, Sighting,
};

/// Most pings that one line may stand for.
const PINGS_MAX: i64 = 2_000;
/// How far a person who stands still sways.
const SWAY_M: f64 = 1.5;

/// One ping on its way. Its sequence number is 0 where the line gives none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    /// Who reports.
    pub(super) device: DeviceId,
    /// When it reaches the server.
    pub(super) arrives: ServerTime,
    /// What it says.
    pub(super) ping: Ping,
}

/// The way that a line describes.
struct Way {
    from: Option<Position>,
    to: Option<Position>,
    moving: Millis,
    total: Millis,
    every: Millis,
}

/// What all the pings of a line have in common.
#[derive(Debug)]
struct Manner {
    accuracy: Metres,
    speed_mps: Option<f64>,
    course_deg: Option<f64>,
    mock: bool,
    sightings: Vec<Sighting>,
    app: AppState,
    sequence: u64,
    observed: Option<i64>,
}

/// Reads what follows `at TIME`, when it begins with `ping`, `stay` or `walk`.
pub(super) fn read(verb: &str, mut words: Words<'_>, at: i64, day: &Day, setting: &Setting) -> Read<Vec<Report>> {
    let device = id("device", words.take("a device such as phone-1")?, DeviceId::parse)?;
    if !setting.owners.contains_key(&device) {
        let known: Vec<&str> = setting.owners.keys().map(DeviceId::as_str).collect();
        return Err(format!("has the device {device}, which no customer has; known are {}", known.join(", ")));
    }
    let way = match verb {
        "ping" => ping(&mut words, setting)?,
        "stay" => stay(&mut words, setting)?,
        _ => walk(&mut words, setting)?,
    };
    let manner = manner(words, day, setting)?;
    if way.from.is_none() && manner.sightings.is_empty() {
        return Err("says nothing; give LAT,LON or hears UUID/MAJOR/MINOR@-63dBm".to_owned());
    }
    let pings = way.total.0 / way.every.0 + 1;
    if pings > PINGS_MAX {
        return Err(format!("stands for {pings} pings; at most {PINGS_MAX} are allowed"));
    }
    (0..pings).map(|step| report(&device, &way, &manner, step, at)).collect()
}

fn report(device: &DeviceId, way: &Way, manner: &Manner, step: i64, at: i64) -> Read<Report> {
    let elapsed = Millis(step * way.every.0);
    let fix = way.from.map(|from| {
        let position = match way.to {
            Some(to) if elapsed < way.moving => between(from, to, elapsed.as_secs_f64() / way.moving.as_secs_f64()),
            Some(to) => swayed(to, step),
            None if way.total.0 > 0 => swayed(from, step),
            None => from,
        };
        let (speed_mps, course_deg) = (manner.speed_mps, manner.course_deg);
        Fix { position, accuracy: manner.accuracy, speed_mps, course_deg, mock: manner.mock }
    });
    let sequence = if manner.sequence == 0 { 0 } else { manner.sequence + u64::try_from(step).unwrap_or(0) };
    Ok(Report {
        device: device.clone(),
        // What is observed apart from `at` is uploaded at once.
        arrives: ServerTime(if manner.observed.is_some() { at } else { at + elapsed.0 }),
        ping: Ping {
            sequence: Sequence(sequence),
            observed: DeviceTime(manner.observed.unwrap_or(at) + elapsed.0),
            fix: fix.map(Fix::checked).transpose().map_err(|why| why.to_string())?,
            sightings: manner.sightings.clone(),
            app: manner.app,
        },
    })
}

fn ping(words: &mut Words<'_>, setting: &Setting) -> Read<Way> {
    let from = words.peek().filter(|word| is_position(word, setting)).map(|word| position(word, &setting.spots));
    if from.is_some() {
        words.any();
    }
    Ok(Way { from: from.transpose()?, to: None, moving: Millis(0), total: Millis(0), every: Millis(1) })
}

fn stay(words: &mut Words<'_>, setting: &Setting) -> Read<Way> {
    let from = if words.take_if("for") {
        None
    } else {
        let from = position(words.take("LAT,LON or a spot")?, &setting.spots)?;
        words.expect("for")?;
        Some(from)
    };
    let total = span("for", words.take("a span such as 10m")?)?;
    Ok(Way { from, to: None, moving: Millis(0), total, every: every(words)? })
}

fn walk(words: &mut Words<'_>, setting: &Setting) -> Read<Way> {
    words.expect("from")?;
    let from = position(words.take("LAT,LON or a spot")?, &setting.spots)?;
    words.expect("to")?;
    let to = position(words.take("LAT,LON or a spot")?, &setting.spots)?;
    let speed = if words.take_if("at") { quantity("at", words.take("a speed such as 1.4m/s")?, "m/s")? } else { 1.4 };
    if !(speed > 0.0 && speed <= 100.0) {
        return Err(format!("goes at {speed}m/s; must be above 0 and at most 100m/s"));
    }
    let staying =
        if words.take_if("staying") { span("staying", words.take("a span such as 3m")?)? } else { Millis(0) };
    let (east, north) = metres(from, to);
    let seconds = east.hypot(north) / speed;
    if seconds > 86_400.0 {
        return Err(format!("walks for {seconds:.0} s; at most a day is allowed"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
    let moving = Millis((seconds * 1_000.0).ceil() as i64);
    Ok(Way { from: Some(from), to: Some(to), moving, total: Millis(moving.0 + staying.0), every: every(words)? })
}

fn every(words: &mut Words<'_>) -> Read<Millis> {
    if !words.take_if("every") {
        return Ok(Millis::from_secs(5));
    }
    let every = span("every", words.take("a span such as 5s")?)?;
    if every.0 > 0 { Ok(every) } else { Err("pings every 0 s; must be at least 1 ms".to_owned()) }
}

fn manner(mut words: Words<'_>, day: &Day, setting: &Setting) -> Read<Manner> {
    let mut manner = Manner {
        accuracy: Metres(8.0),
        speed_mps: None,
        course_deg: None,
        mock: false,
        sightings: Vec::new(),
        app: AppState::Unknown,
        sequence: 0,
        observed: None,
    };
    while let Some(word) = words.any() {
        if let Some(accuracy) = word.strip_prefix('±') {
            manner.accuracy = Metres(number("±", accuracy)?);
            continue;
        }
        let (key, text) = word.split_once('=').map_or((word, None), |(key, text)| (key, Some(text)));
        match (key, text) {
            ("mock", None) => manner.mock = true,
            ("hears", None) => {
                while let Some(heard) = words.peek().filter(|word| word.contains('@')) {
                    manner.sightings.push(sighting(heard, setting)?);
                    words.any();
                }
            }
            ("speed", text) => manner.speed_mps = Some(quantity(key, value(key, text)?, "m/s")?),
            ("course", text) => manner.course_deg = Some(quantity(key, value(key, text)?, "°")?),
            ("seq", text) => manner.sequence = number(key, value(key, text)?)?,
            ("observed", text) => manner.observed = Some(day.moment(value(key, text)?)?),
            ("app", Some("foreground")) => manner.app = AppState::Foreground,
            ("app", Some("background")) => manner.app = AppState::Background,
            (other, _) => {
                let known =
                    "±8, speed=1.4m/s, course=315°, mock, app=foreground, app=background, seq=, observed= and hears";
                return Err(unknown(other, known));
            }
        }
    }
    Ok(manner)
}

/// `store/15/2@-63dBm`.
fn sighting(text: &str, setting: &Setting) -> Read<Sighting> {
    let wrong = || format!("hears {text:?}; must be such as store/15/2@-63dBm");
    let (beacon, strength) = text.split_once('@').ok_or_else(wrong)?;
    let parts: Vec<&str> = beacon.split('/').collect();
    let &[uuid, major, minor] = parts.as_slice() else { return Err(wrong()) };
    let strength = strength.strip_suffix("dBm").ok_or_else(wrong)?;
    Ok(Sighting {
        beacon: BeaconKey {
            uuid: setting.uuid(uuid)?,
            major: number("major", major)?,
            minor: number("minor", minor)?,
        },
        rssi_dbm: dbm("rssi", number("rssi", strength)?).map_err(|why| why.to_string())?,
        measured_power_dbm: MEASURED_POWER_DEFAULT_DBM,
    })
}

fn is_position(word: &str, setting: &Setting) -> bool {
    setting.spots.contains_key(word) || word.contains(',') || !(word.contains(['±', '=']) || word == "hears")
}

/// Metres east and north, in a plane around the first; good to a metre within some kilometres.
fn metres(from: Position, to: Position) -> (f64, f64) {
    let (east_m, north_m) = per_degree(from);
    ((to.lon() - from.lon()) * east_m, (to.lat() - from.lat()) * north_m)
}

/// Metres per degree of longitude and latitude on a sphere of 6,371,009 m.
fn per_degree(at: Position) -> (f64, f64) {
    let north = 6_371_009.0_f64.to_radians();
    (north * at.lat().to_radians().cos(), north)
}

fn between(from: Position, to: Position, share: f64) -> Position {
    let part = |from: f64, to: f64| from + share * (to - from);
    Position::wrapped(part(from.lat(), to.lat()), part(from.lon(), to.lon()))
}

/// Nobody stands still to the centimetre, and a fix that repeats exactly may be taken for an old one: sway around,
/// by the golden angle from one ping to the next.
fn swayed(around: Position, step: i64) -> Position {
    let angle = (step as f64 * 137.508).to_radians();
    let (east_m, north_m) = per_degree(around);
    Position::wrapped(around.lat() + SWAY_M * angle.sin() / north_m, around.lon() + SWAY_M * angle.cos() / east_m)
}
