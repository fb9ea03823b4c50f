//! The lanes, one for each provider or service behind it, and one for what can't be sent at all.

use super::breaker::{Signal, Turn};
use super::intake::Shelves;
use super::lane::{Kind, Lane, Standing, Standings, Start, Width};
use super::queue::{Brand, Job};
use crate::deliver::Routes;
use crate::model::ServerTime;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The lane of what is not handed to a provider: no device, no consent, no way.
pub(super) const NONE: &str = "none";
/// Of so many of one brand there is always room for, as long as the lane has some.
const BRAND_FLOOR: usize = 64;

/// All lanes that were used so far. Their names are the providers', so that there are few.
pub(super) struct Lanes {
    all: BTreeMap<&'static str, Lane>,
    routes: Routes,
    width: Width,
    /// Most jobs of a lane.
    claimed: usize,
    /// The keys of what is in flight, so that nothing is claimed twice.
    flying: BTreeSet<Vec<u8>>,
    standings: watch::Sender<Standings>,
}

impl Lanes {
    pub(super) fn new(routes: Routes, width: Width, claimed: usize, standings: watch::Sender<Standings>) -> Self {
        Self { all: BTreeMap::new(), routes, width, claimed, flying: BTreeSet::new(), standings }
    }

    /// Takes the next job that may be started at this moment, on any lane.
    pub(super) fn start(&mut self, now: ServerTime, instant: Instant) -> Option<Start> {
        let start = self.all.values_mut().find_map(|lane| lane.start(now, instant))?;
        self.flying.insert(start.job.entry.key.clone());
        Some(start)
    }

    /// Notes that an attempt on a lane has ended, and tells how the lane stands.
    pub(super) fn landed(
        &mut self,
        name: &'static str,
        job_key: &[u8],
        kind: Kind,
        (signal, detail): (Signal, &str),
        random: u64,
    ) {
        self.flying.remove(job_key);
        let Some(lane) = self.all.get_mut(name) else { return };
        let standing = match lane.landed(kind, signal, Instant::now(), random) {
            None => return,
            Some(Turn::Opened(wait)) => {
                tracing::warn!(lane = name, wait_ms = wait.as_millis(), detail, "the provider rests");
                Standing::Resting { detail: detail.into() }
            }
            Some(Turn::Paused(wait)) => {
                tracing::error!(
                    lane = name,
                    wait_ms = wait.as_millis(),
                    detail,
                    "the provider does not accept our credentials; it is paused until it does"
                );
                Standing::Paused { detail: detail.into() }
            }
            Some(Turn::Closed) => {
                tracing::info!(lane = name, "the provider is back");
                Standing::Working
            }
        };
        self.standings.send_modify(|standings| drop(standings.insert(name, standing)));
    }

    /// How long until a lane may start something that it may not now.
    pub(super) fn nap(&self, now: ServerTime, instant: Instant) -> Option<Duration> {
        self.all.values().filter_map(|lane| lane.nap(now, instant)).min()
    }

    fn lane(&mut self, name: &'static str) -> &mut Lane {
        let (width, denials) = (self.width, self.routes.denials(name));
        self.all.entry(name).or_insert_with(|| {
            self.standings.send_modify(|standings| drop(standings.insert(name, Standing::Working)));
            Lane::new(denials, width, Instant::now())
        })
    }

    /// How much of a lane a brand may take.
    fn share(&self) -> usize {
        (self.claimed / 4).max(BRAND_FLOOR).min(self.claimed)
    }
}

impl Shelves for Lanes {
    fn has_room(&self, lane: &'static str, brand: &Brand) -> bool {
        let within = |lane: &Lane| lane.load() < self.claimed && lane.queue.len_of(brand) < self.share();
        self.all.get(lane).is_none_or(within)
    }

    fn has_much_room(&self, lane: &'static str, brand: &Brand) -> bool {
        let within = |lane: &Lane| lane.load() <= self.claimed / 2 && lane.queue.len_of(brand) <= self.share() / 2;
        self.all.get(lane).is_none_or(within)
    }

    fn has(&self, lane: &'static str, key: &[u8]) -> bool {
        self.flying.contains(key) || self.all.get(lane).is_some_and(|lane| lane.queue.has(key))
    }

    fn put(&mut self, job: Job, due: Option<ServerTime>) {
        self.lane(job.lane).queue.add(job, due);
    }
}
