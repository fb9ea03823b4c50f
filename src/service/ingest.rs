//! From a batch of pings to what was kept: lock the customer, decide, commit, answer.

mod due;
#[cfg(test)]
mod tests;

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::hot::HotCustomers;
use super::timers::Timers;
use super::zone_service::HushedPings;
use crate::deliver::Apps;
use crate::engine::{Catalogue, CustomerState, Engine, Manners, Observed, Outcome, Refusal};
use crate::model::{CustomerId, DeviceId, Ping, Receipt, ReportAdvice, Sequence, ServerTime, Transition, TriggerId};
use crate::presence::PresenceConfig;
use crate::store::{CommitError, Outcomes, Records, StoreError, Timer, TraceEntry};
use std::collections::BTreeSet;
use thiserror::Error;
use tokio::sync::watch;

/// How often a batch is decided again after another commit changed its customer.
const CONFLICT_RETRIES: usize = 16;

/// Decides batches of pings and makes them durable.
#[derive(Clone)]
pub struct Ingest {
    records: Records,
    catalogue: CatalogueCell,
    clock: Clock,
    presence: PresenceConfig,
    manners: Manners,
    hot: HotCustomers,
    timers: Timers,
    hushed: HushedPings,
    apps: Apps,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// The highest sequence number of the device that was kept.
    pub last_kept: Sequence,
    /// The pings that were refused, in the order of the batch.
    pub refusals: Vec<(Sequence, Refusal)>,
    /// The transitions, in the order in which they happened.
    pub transitions: Vec<Transition>,
    /// How many pings were kept by their number alone, since they may come from a sensitive place.
    pub hushed: u64,
    /// When to report next.
    pub advice: Option<ReportAdvice>,
}

/// Why a whole batch was not decided.
#[derive(Debug, Error)]
pub enum IngestError {
    /// There is no such customer, or the customer has no such device.
    #[error("there is no device {device} of customer {customer}")]
    NoDevice {
        /// The customer.
        customer: CustomerId,
        /// The device.
        device: DeviceId,
    },
    /// Other commits kept changing the customer.
    #[error("customer {customer} was changed {CONFLICT_RETRIES} times while a batch was decided")]
    Contended {
        /// The customer.
        customer: CustomerId,
    },
    /// The store is broken.
    #[error("cannot keep the pings")]
    Store(#[from] StoreError),
}

impl Ingest {
    /// Decides over this catalogue and keeps in these records, with these customers at hand. Fails when
    /// the timers can't be read.
    pub(super) fn new(
        records: Records,
        catalogue: CatalogueCell,
        clock: Clock,
        presence: PresenceConfig,
        hot: HotCustomers,
        manners: Manners,
    ) -> Result<Self, StoreError> {
        let timers = Timers::new(records.load_timers()?);
        let (hushed, apps) = (HushedPings::default(), Apps::default());
        Ok(Self { records, catalogue, clock, presence, manners, hot, timers, hushed, apps })
    }

    /// The alarms, for those who change when something is due.
    pub(super) fn timers(&self) -> Timers {
        self.timers.clone()
    }

    /// The count of pings that were kept by their number alone.
    pub(super) fn hushed(&self) -> HushedPings {
        self.hushed.clone()
    }

    /// The same, with these apps to speak to.
    pub(super) fn with_apps(self, apps: Apps) -> Self {
        Self { apps, ..self }
    }

    /// The apps that can be spoken to.
    pub(super) fn apps(&self) -> &Apps {
        &self.apps
    }

    /// Does what is due for customers from whom no ping comes, until the server drains.
    pub(super) async fn run_timers(self, draining: watch::Receiver<bool>) {
        let (timers, clock) = (self.timers.clone(), self.clock.clone());
        super::timers::run(self, timers, clock, draining).await;
    }

    /// The server's time.
    pub(super) fn now(&self) -> ServerTime {
        self.clock.now()
    }

    /// Notes what a device tells of messages. On `Ok` it is durable. Gives the triggers that the device has none of.
    pub(super) async fn note(
        &self,
        customer: &CustomerId,
        device: &DeviceId,
        receipts: &[Receipt],
    ) -> Result<BTreeSet<TriggerId>, IngestError> {
        let noted = self.records.report_receipts(customer, device, receipts, self.now()).await;
        let unknown = noted.map_err(|error| match error {
            CommitError::Conflict { .. } => IngestError::Contended { customer: customer.clone() },
            CommitError::Store(error) => error.into(),
        })?;
        for receipt in receipts {
            self.apps.confirm(customer, device, &receipt.trigger);
        }
        Ok(unknown)
    }

    /// Decides a batch of one device. `unread` are the numbers of those of its pings that did not parse: no ping
    /// waits for them. On `Ok`, all that the kept pings caused is durable.
    pub async fn batch(
        &self,
        customer: &CustomerId,
        device: &DeviceId,
        mut pings: Vec<Ping>,
        mut unread: Vec<Sequence>,
    ) -> Result<Kept, IngestError> {
        unread.sort_unstable();
        // Phones batch pings, so decide them in the order in which they were observed.
        pings.sort_by_key(|ping| (ping.observed, ping.sequence));
        let slot = self.hot.slot(customer);
        let mut hot = slot.lock().await;
        for _ in 0..CONFLICT_RETRIES {
            let at_hand = hot.take();
            let fresh = at_hand.is_none();
            let loaded = match at_hand {
                Some(loaded) => Some(loaded),
                None => self.records.load_customer(customer)?,
            };
            let Some((mut before, revision)) = loaded.filter(|(state, _)| state.devices.contains_key(device)) else {
                if fresh {
                    drop(hot);
                    self.hot.release(customer, slot);
                    return Err(IngestError::NoDevice { customer: customer.clone(), device: device.clone() });
                }
                continue;
            };
            if before.lapse(self.clock.now()) {
                self.forget_lapsed(&before, revision).await?;
                continue;
            }
            let (state, kept, outcomes, due) = self.decide(before, device, &pings, &unread);
            let Some(mut outcomes) = outcomes else {
                // Without a commit nothing has shown that the record at hand is still the present one.
                if fresh {
                    *hot = Some((state, revision));
                    return Ok(kept);
                }
                continue;
            };
            let alarm = due.filter(|due| self.timers.misses(customer, *due));
            outcomes.timer = alarm.map_or(Timer::Keep, Timer::Set);
            match self.records.commit_outcomes(&state, revision, outcomes).await {
                Ok(revision) => {
                    *hot = Some((state, revision));
                    self.hushed.add(kept.hushed);
                    if alarm.is_some() {
                        self.timers.set(customer, alarm);
                    }
                    return Ok(kept);
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(IngestError::Contended { customer: customer.clone() })
    }

    fn engine<'a>(&'a self, catalogue: &'a Catalogue, open: &'a BTreeSet<DeviceId>) -> Engine<'a> {
        Engine { catalogue, presence: &self.presence, manners: self.manners, open }
    }

    /// Decides the pings one by one. The outcomes are absent when every ping was refused. Last comes the time at
    /// which something is due without a further ping.
    fn decide(
        &self,
        mut state: CustomerState,
        device: &DeviceId,
        pings: &[Ping],
        unread: &[Sequence],
    ) -> (CustomerState, Kept, Option<Outcomes>, Option<ServerTime>) {
        let catalogue = self.catalogue.snapshot();
        let open = self.apps.open(&state.customer.id);
        let engine = self.engine(&catalogue, &open);
        let mut kept = Kept::default();
        let mut outcomes = None;
        let traced = state.devices.get(device).and_then(|own| own.trace_until);
        let mut keep = |kept: &mut Kept, all: Vec<Outcome>, now| {
            let outcomes: &mut Outcomes = outcomes.get_or_insert_default();
            for outcome in all {
                kept.transitions.extend(outcome.decision.transitions.iter().cloned());
                record(outcomes, outcome, traced, now);
            }
        };
        for ping in pings {
            let now = self.clock.now_at(ping.observed);
            match engine.observe(&mut state, device, ping, now) {
                Observed::Refused(refusal) => kept.refusals.push((ping.sequence, refusal)),
                Observed::Hushed(all) => {
                    kept.hushed += 1;
                    keep(&mut kept, all, now);
                }
                // A ping that waits for an earlier one is kept, too.
                Observed::Kept(all) => keep(&mut kept, all, now),
            }
        }
        for sequence in unread {
            let now = self.clock.now();
            let released = engine.skip(&mut state, device, *sequence, now);
            if !released.is_empty() {
                keep(&mut kept, released, now);
            }
        }
        kept.advice = engine.advice(&state, device);
        kept.last_kept = state.devices.get(device).map(|own| own.kept.highest()).unwrap_or_default();
        let due = engine.due(&state);
        (state, kept, outcomes, due)
    }
}

/// Keeps what is worth keeping: decisions that changed something, triggers, and every ping under trace.
fn record(outcomes: &mut Outcomes, outcome: Outcome, traced: Option<ServerTime>, now: ServerTime) {
    if traced.is_some_and(|until| now < until) {
        outcomes.traces.push(TraceEntry {
            decision: outcome.decision.clone(),
            fix: outcome.fix,
            track: outcome.track,
            sightings: outcome.sightings,
        });
    }
    if !outcome.decision.transitions.is_empty() || !outcome.decision.assessments.is_empty() {
        outcomes.decisions.push(outcome.decision);
    }
    outcomes.triggers.extend(outcome.trigger);
    outcomes.notes.extend(outcome.notes);
}
