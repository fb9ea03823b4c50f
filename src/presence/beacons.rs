//! Sightings → presence in beacon regions.
//!
//! A beacon lets a device into the most specific regions that match it and that it is near enough for: those of its
//! minor value, else those of its major value, else those of its UUID. It keeps alive the visits to all that match. A
//! region is heard as strongly as its strongest beacon. A region of a group takes
//! part in its [`Room`]; any other decides alone, by whether a beacon is heard within the proximity that it asks
//! for. Silence ends a visit in seconds while other beacons are heard, and in minutes when none is: then the phone
//! may just sleep.

use super::config::{BEACON_REGIONS_MAX, BEACONS_MAX, PresenceConfig};
use super::fences::shared_visit;
use super::latch::{Change, Latch};
use super::normal::phi;
use super::notes::Notes;
use super::rooms::{Candidate, Room};
use super::rssi::{Signal, loss_margin_db};
use crate::locate::{Atlas, Site};
use crate::model::{
    BeaconExtent, BeaconKey, DeviceTime, Extent, GroupId, Metres, Presence, Proximity, RegionId, RegionStep, Sighting,
};
use std::collections::BTreeMap;

/// The beacons that a device hears, and its presence in beacon regions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beacons {
    /// The beacons of known regions that were heard lately; at most [`BEACONS_MAX`].
    pub signals: BTreeMap<BeaconKey, Signal>,
    /// The regions that the device is in, or about to be in; at most [`BEACON_REGIONS_MAX`].
    pub latches: BTreeMap<RegionId, Latch>,
    /// Where the device is in each group.
    pub rooms: BTreeMap<GroupId, Room>,
}

/// A region as it is heard.
struct Heard<'a> {
    site: &'a Site,
    extent: &'a BeaconExtent,
    /// Of its strongest beacon, faded.
    dbm: f64,
    loss_db: f64,
}

impl Heard<'_> {
    /// How clearly a beacon is within the proximity asked for, dB.
    fn margin_db(&self, inside: bool, config: &PresenceConfig) -> f64 {
        loss_margin_db(self.loss_db, self.extent.proximity, inside, config)
    }
}

impl Beacons {
    /// When a beacon was last heard.
    pub(super) fn newest(&self) -> Option<DeviceTime> {
        self.signals.values().map(|signal| signal.heard).max()
    }

    /// Takes sightings; whether any was of a beacon that a region listens for.
    pub(super) fn hear(
        &mut self,
        sightings: &[Sighting],
        at: DeviceTime,
        atlas: &Atlas,
        config: &PresenceConfig,
    ) -> bool {
        let mut any = false;
        for Sighting { beacon, rssi_dbm, measured_power_dbm } in sightings {
            if atlas.heard(beacon).next().is_none() {
                continue;
            }
            any = true;
            self.signals
                .entry(*beacon)
                .and_modify(|signal| signal.observe(*rssi_dbm, *measured_power_dbm, at, config))
                .or_insert_with(|| Signal::first(*rssi_dbm, *measured_power_dbm, at));
            if self.signals.len() > BEACONS_MAX {
                let oldest = self
                    .signals
                    .iter()
                    .min_by(|(_, a), (_, b)| a.heard.cmp(&b.heard).then(a.dbm.total_cmp(&b.dbm)))
                    .map(|(key, _)| *key);
                oldest.map(|key| self.signals.remove(&key));
            }
        }
        any
    }

    /// Decides after sightings.
    pub(super) fn decide(
        &mut self,
        at: DeviceTime,
        fences: &BTreeMap<RegionId, Latch>,
        atlas: &Atlas,
        config: &PresenceConfig,
        notes: &mut Notes<'_>,
    ) {
        self.latches.retain(|id, _| atlas.site(id).is_some());
        let heard = self.heard(at, atlas, config);
        self.leave_silent(&heard, at, atlas, notes);
        self.rooms.retain(|group, room| {
            room.at.is_some() || heard.values().any(|h| h.extent.group.as_ref() == Some(group))
        });
        let mut groups: BTreeMap<&GroupId, Vec<Candidate<'_>>> = BTreeMap::new();
        for (id, heard) in &heard {
            match &heard.extent.group {
                None => self.decide_alone(heard, at, fences, atlas, config, notes),
                Some(group) => {
                    let inside = self.latches.get(*id).is_some_and(|latch| latch.visit().is_some());
                    let candidates = groups.entry(group).or_default();
                    if heard.margin_db(inside, config) >= 0.0 {
                        candidates.push(Candidate { region: id, dbm: heard.dbm });
                    }
                }
            }
        }
        for (group, candidates) in groups {
            self.decide_room(group, &candidates, at, config, notes);
        }
        for (id, heard) in &heard {
            self.finish(id, heard, at, config, notes);
        }
        self.signals.retain(|_, signal| (at - signal.heard).as_secs_f64() < config.rssi_lost_s);
    }

    /// Ends all visits: no beacon was heard after `heard`, for too long at `lost`.
    pub(super) fn end_all(&mut self, heard: DeviceTime, lost: DeviceTime, atlas: &Atlas, notes: &mut Notes<'_>) {
        for (id, mut latch) in std::mem::take(&mut self.latches) {
            if let Some(visit) = latch.close() {
                let dwell = atlas.site(&id).map(|site| site.region.dwell);
                notes.exit(&id, &visit, visit.ended(heard, dwell), lost);
            }
        }
        self.signals.clear();
        self.rooms.clear();
    }

    /// The regions that are heard at all, each with its strongest beacon.
    fn heard<'a>(
        &self,
        at: DeviceTime,
        atlas: &'a Atlas,
        config: &PresenceConfig,
    ) -> BTreeMap<&'a RegionId, Heard<'a>> {
        let mut all: BTreeMap<&RegionId, Heard<'_>> = BTreeMap::new();
        for (key, signal) in self.signals.iter().filter(|(_, signal)| !signal.is_silent(at, config)) {
            let dbm = signal.faded_dbm(at, config);
            let loss_db = f64::from(signal.measured_power_dbm) - dbm;
            let mut winner = None;
            for (site, extent) in matching(atlas, key) {
                let level = (extent.major.is_some(), extent.minor.is_some());
                let open = self.latches.get(&site.region.id).is_some_and(|latch| latch.visit().is_some());
                if winner.is_some_and(|winner| winner != level) && !open {
                    continue;
                }
                if loss_margin_db(loss_db, extent.proximity, open, config) >= 0.0 {
                    winner.get_or_insert(level);
                }
                let heard = all.entry(&site.region.id).or_insert(Heard { site, extent, dbm, loss_db });
                heard.dbm = heard.dbm.max(dbm);
                heard.loss_db = heard.loss_db.min(loss_db);
            }
        }
        all
    }

    /// Ends the visits to regions that are silent though others are heard.
    fn leave_silent(
        &mut self,
        heard: &BTreeMap<&RegionId, Heard<'_>>,
        at: DeviceTime,
        atlas: &Atlas,
        notes: &mut Notes<'_>,
    ) {
        let signals = &self.signals;
        let last_heard = |id: &RegionId| {
            let of_region = |key| matching(atlas, key).any(|(site, _)| site.region.id == *id);
            signals.iter().filter(|(key, _)| of_region(key)).map(|(_, signal)| signal.heard).max()
        };
        self.latches.retain(|id, latch| {
            let is_heard = heard.contains_key(id);
            if let (false, Some(visit)) = (is_heard, latch.visit()) {
                notes.exit(id, visit, last_heard(id).unwrap_or(at), at);
            }
            is_heard
        });
        let latches = &self.latches;
        for room in self.rooms.values_mut() {
            room.at = room.at.take().filter(|at| latches.contains_key(at));
        }
    }

    fn decide_alone(
        &mut self,
        heard: &Heard<'_>,
        at: DeviceTime,
        fences: &BTreeMap<RegionId, Latch>,
        atlas: &Atlas,
        config: &PresenceConfig,
        notes: &mut Notes<'_>,
    ) {
        let region = &heard.site.region;
        let full = self.latches.len() >= BEACON_REGIONS_MAX;
        let mut latch = self.latches.remove(&region.id).unwrap_or_default();
        let within = heard.margin_db(latch.visit().is_some(), config) >= 0.0;
        let holds = match heard.extent.proximity {
            Proximity::Far => (0.0, 0.0),
            Proximity::Immediate | Proximity::Near => (config.proximity_enter_hold_s, config.proximity_exit_hold_s),
        };
        let known = latch != Latch::Outside;
        let change = latch.hold(within, at, holds, |since| {
            notes.begin(&region.id, since, shared_visit(fences, atlas, &region.place))
        });
        match change {
            // No room, so it did not happen.
            Some(Change::Enter(_)) if full && !known => return,
            Some(Change::Enter(visit)) => notes.enter(&region.id, &visit, at),
            Some(Change::Exit(visit, since)) => notes.exit(&region.id, &visit, since, at),
            None => {}
        }
        if latch != Latch::Outside && (known || !full) {
            self.latches.insert(region.id.clone(), latch);
        }
    }

    fn decide_room(
        &mut self,
        group: &GroupId,
        candidates: &[Candidate<'_>],
        at: DeviceTime,
        config: &PresenceConfig,
        notes: &mut Notes<'_>,
    ) {
        if !self.rooms.contains_key(group) {
            if candidates.is_empty() || self.latches.len() >= BEACON_REGIONS_MAX {
                return;
            }
            self.rooms.insert(group.clone(), Room::default());
        }
        let Some(room) = self.rooms.get_mut(group) else { return };
        let before = room.at.clone();
        let now = room.decide(candidates, at, config);
        if before == now {
            return;
        }
        if let Some(before) = before
            && let Some(visit) = self.latches.remove(&before).and_then(|mut latch| latch.close())
        {
            notes.exit(&before, &visit, at, at);
        }
        if let Some(now) = now {
            // Rooms have visits of their own.
            let visit = notes.begin(&now, at, None);
            notes.enter(&now, &visit, at);
            self.latches.insert(now, Latch::Inside { visit });
        }
    }

    /// Notes a dwell, and what there is to say about the region.
    fn finish(
        &mut self,
        id: &RegionId,
        heard: &Heard<'_>,
        at: DeviceTime,
        config: &PresenceConfig,
        notes: &mut Notes<'_>,
    ) {
        let presence = match self.latches.get_mut(id) {
            None => Presence::Outside,
            Some(latch) => {
                if let Latch::Inside { visit } = latch {
                    visit.settled = true;
                    if let Some(due) = visit.dwell(heard.site.region.dwell, at) {
                        notes.dwell(id, visit, due, at);
                    }
                } else if let Some(visit) = latch.visit_mut() {
                    visit.settled = false;
                }
                latch.presence()
            }
        };
        let margin_db = match &heard.extent.group {
            None => heard.margin_db(presence == Presence::Inside, config),
            Some(group) => {
                let rivals = self.rooms.get(group).and_then(|room| room.at.as_ref());
                if rivals == Some(id) { config.rssi_margin_db } else { -config.rssi_margin_db }
            }
        };
        notes.regions.push(RegionStep {
            region: id.clone(),
            distance: Metres(0.0),
            probability: phi(margin_db / config.rssi_margin_db),
            presence,
        });
    }
}

/// The beacon regions that match a beacon, the most specific first.
fn matching<'a>(atlas: &'a Atlas, key: &BeaconKey) -> impl Iterator<Item = (&'a Site, &'a BeaconExtent)> {
    atlas.heard(key).filter_map(|site| match &site.region.extent {
        Extent::Beacon(extent) => Some((site, extent)),
        Extent::Fence(_) => None,
    })
}
