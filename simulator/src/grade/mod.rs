//! Grades transitions against what is known to be true.
//!
//! Walks and drives: a clear visit lasts 30 s (10 s in a drive) and goes 15 m deep. An enter from 10 s before a visit
//! to 30 s after it belongs to that visit; the first one of a visit is its enter, and its delay counts from the
//! visit's start; each further one is a flap. An enter of no visit is false when the true path of the half minutes
//! around it stays more than 10 m away from the fence, else it is a near miss. Recall is the share of clear visits
//! that have an enter, or during which the device was taken to be inside.
//!
//! Background: enters where nobody was, stays that were entered (from 10 minutes before on), enters at stays. Rooms:
//! the share of the time, each second from 20 s after each true move on, in which the latest room entered and not left
//! is the right one; enters against true moves. Standers: enters, and those of the worst phone; one in a day is right.

mod figures;
mod gps;
mod places;
mod rooms;
mod statistics;

pub use figures::{Figure, Form, Goal};

use crate::suite::{Kind, Suite, Visit};
use doorstep::model::{DeviceId, DeviceTime, RegionId, Transition, TransitionKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a suite's transitions come to. Its JSON form is that of the suites' reference grader.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Grade {
    /// Of a walk.
    Walk(GpsGrade),
    /// Of a drive.
    Drive(GpsGrade),
    /// Of phones at an edge.
    Stander(StanderGrade),
    /// Of phones in pockets.
    Background(BackgroundGrade),
    /// Of rooms.
    Rooms(RoomsGrade),
}

/// Figures of a walk or a drive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpsGrade {
    /// Enters at fences of the device's own.
    pub enters: u64,
    /// Visits that one must not miss.
    pub clear_visits: u64,
    /// Enters far from where the device was.
    pub false_enters: u64,
    /// Enters at fences that the device nearly came into.
    pub near_miss_enters: u64,
    /// Further enters in one visit.
    pub flaps: u64,
    /// Share of the clear visits that were seen.
    pub recall: f64,
    /// Median delay of the first enters, in seconds; not a number where there are fewer than two.
    pub delay_p50_s: f64,
    /// Ninth decile of that.
    pub delay_p90_s: f64,
}

/// Figures of phones at an edge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StanderGrade {
    /// Phones.
    pub devices: u64,
    /// Enters of all phones.
    pub enters: u64,
    /// Enters of the phone with the most.
    pub worst: u64,
}

/// Figures of phones in pockets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackgroundGrade {
    /// Fences where nobody was.
    pub phantom_fences: u64,
    /// Enters there.
    pub phantom_enters: u64,
    /// Fences where the phone stayed.
    pub stays: u64,
    /// Those that were entered in time.
    pub stays_seen: u64,
    /// Enters there.
    pub enters_at_stays: u64,
}

/// Figures of rooms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoomsGrade {
    /// Share of the time in the right room.
    pub right: f64,
    /// Share of the time in another room.
    pub wrong: f64,
    /// Share of the time in no room.
    pub none: f64,
    /// Enters.
    pub enters: u64,
    /// Times that a device truly came into a room.
    pub true_moves: u64,
}

/// A grade, with what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Graded {
    /// The figures.
    pub grade: Grade,
    /// Each enter that was judged, by device, region and time.
    pub enters: Vec<Judged>,
    /// The visits that were missed.
    pub missed: Vec<Visit>,
}

/// One enter, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whose.
    pub device: DeviceId,
    /// Where.
    pub region: RegionId,
    /// When it was decided.
    pub at: DeviceTime,
    /// What it is worth.
    pub judgement: Judgement,
}

/// What an enter is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Right, so long after the visit began.
    Right {
        /// Milliseconds; negative before it.
        delay_ms: i64,
    },
    /// One more in a visit that was entered before.
    Flap,
    /// The device nearly came in.
    NearMiss,
    /// The device was elsewhere.
    False,
}

impl Judgement {
    /// Whether it counts against the engine. One near miss is what a fence's edge comes to.
    pub fn is_fault(self) -> bool {
        match self {
            Self::Right { .. } | Self::NearMiss => false,
            Self::Flap | Self::False => true,
        }
    }
}

/// Grades the transitions of a suite, in the order in which they were decided.
pub fn grade(suite: &Suite, transitions: &[(DeviceId, Transition)]) -> Graded {
    let events = Events::of(transitions);
    match suite.kind {
        Kind::Walk => gps::grade(suite, &events, 30_000, Grade::Walk),
        Kind::Drive => gps::grade(suite, &events, 10_000, Grade::Drive),
        Kind::Stander => places::stander(suite, &events),
        Kind::Background => places::background(suite, &events),
        Kind::Rooms => rooms::grade(suite, &events),
    }
}

/// The two kinds of transition that are graded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    Enter,
    Exit,
}

/// Enters and exits by device and region, by time.
struct Events<'a> {
    by_region: BTreeMap<(&'a str, &'a RegionId), Vec<(i64, Edge)>>,
    /// The keys, in the order in which they first came.
    order: Vec<(&'a str, &'a RegionId)>,
}

impl<'a> Events<'a> {
    fn of(transitions: &'a [(DeviceId, Transition)]) -> Self {
        let mut events = Self { by_region: BTreeMap::new(), order: Vec::new() };
        for (device, transition) in transitions {
            let edge = match transition.kind {
                TransitionKind::Enter => Edge::Enter,
                TransitionKind::Exit => Edge::Exit,
                TransitionKind::Dwell | TransitionKind::Approach | TransitionKind::Pass => continue,
            };
            let key = (device.as_str(), &transition.region);
            let of_region = events.by_region.entry(key).or_insert_with(|| {
                events.order.push(key);
                Vec::new()
            });
            of_region.push((transition.decided.0, edge));
        }
        events.by_region.values_mut().for_each(|events| events.sort_unstable());
        events
    }

    fn at<'s>(&'s self, device: &'s str, region: &'s RegionId) -> &'s [(i64, Edge)] {
        self.by_region.get(&(device, region)).map_or(&[], Vec::as_slice)
    }

    fn enters(&self, device: &str, region: &RegionId) -> Vec<i64> {
        self.at(device, region).iter().filter(|(_, edge)| *edge == Edge::Enter).map(|(at, _)| *at).collect()
    }
}

#[cfg(test)]
mod tests;
