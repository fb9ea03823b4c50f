//! Groups in which one beacon region is right at a time: rooms, departments.

use super::config::PresenceConfig;
use crate::model::{DeviceTime, RegionId};

/// Which region of a group a device is at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// The region.
    pub at: Option<RegionId>,
    /// A region that has been stronger by the margin.
    pub challenger: Option<Challenger>,
}

/// A region that may take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenger {
    /// The region.
    pub region: RegionId,
    /// Since when it has been stronger.
    pub since: DeviceTime,
}

/// One region of a group as it is heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) region: &'a RegionId,
    /// Faded strength.
    pub(super) dbm: f64,
}

impl Room {
    /// Decides from the regions that are heard, within the proximity that they ask for: where the device is, from
    /// now on. A region's own silence is evidence only while others are heard, so `candidates` leaves it out then.
    pub(super) fn decide(
        &mut self,
        candidates: &[Candidate<'_>],
        now: DeviceTime,
        config: &PresenceConfig,
    ) -> Option<RegionId> {
        let own = candidates.iter().find(|c| self.at.as_ref() == Some(c.region));
        // Of equals the first.
        let best = candidates.iter().reduce(|best, c| if c.dbm > best.dbm { c } else { best });
        let Some(best) = best else {
            self.challenger = None;
            self.at = None;
            return None;
        };
        let wins = match own {
            None => true,
            Some(own) if own.region == best.region || best.dbm < own.dbm + config.rssi_margin_db => {
                self.challenger = None;
                return self.at.clone();
            }
            Some(_) => {
                let since = match &self.challenger {
                    Some(challenger) if challenger.region == *best.region => challenger.since,
                    Some(_) | None => now,
                };
                self.challenger = Some(Challenger { region: best.region.clone(), since });
                (now - since).as_secs_f64() >= config.rssi_hold_s
            }
        };
        if wins {
            self.challenger = None;
            self.at = Some(best.region.clone());
        }
        self.at.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of (second, strengths of rooms a and b; 0 = not heard) end at `room`.
    fn check(steps: &[(i64, f64, f64)], room: Option<&str>) {
        let ids = ["a", "b"].map(|id| RegionId::parse("region", id).unwrap());
        let mut state = Room::default();
        for &(s, a, b) in steps {
            let candidates: Vec<_> = ids
                .iter()
                .zip([a, b])
                .filter(|(_, dbm)| *dbm < 0.0)
                .map(|(region, dbm)| Candidate { region, dbm })
                .collect();
            state.decide(&candidates, DeviceTime(s * 1_000), &PresenceConfig::default());
        }
        assert_eq!(state.at.as_ref().map(RegionId::as_str), room, "{steps:?}");
    }

    #[test]
    fn a_room_changes_by_a_margin_that_holds() {
        check(&[], None);
        check(&[(0, -70.0, 0.0)], Some("a"));
        check(&[(0, -70.0, -60.0)], Some("b"));
        check(&[(0, -70.0, -80.0), (1, -70.0, -67.0), (9, -70.0, -67.0)], Some("a"));
        check(&[(0, -70.0, -80.0), (1, -70.0, -65.0), (3, -70.0, -65.0)], Some("a"));
        check(&[(0, -70.0, -80.0), (1, -70.0, -65.0), (4, -70.0, -65.0)], Some("b"));
        check(&[(0, -70.0, -80.0), (1, -70.0, -65.0), (2, -70.0, -70.0), (4, -70.0, -65.0)], Some("a"));
        check(&[(0, -70.0, -80.0), (60, 0.0, -90.0)], Some("b"));
        check(&[(0, -70.0, -80.0), (60, 0.0, 0.0)], None);
    }
}
