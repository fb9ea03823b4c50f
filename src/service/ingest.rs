//! From a batch of pings to what was kept: lock the customer, decide, commit, answer.

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::hot::HotCustomers;
use crate::engine::{CustomerState, Engine, Observed, Outcome, Refusal};
use crate::model::{CustomerId, DeviceId, Ping, ReportAdvice, Sequence, ServerTime, Transition};
use crate::presence::PresenceConfig;
use crate::store::{CommitError, Outcomes, Records, Revision, StoreError, TraceEntry};
use thiserror::Error;

/// How often a batch is decided again after another commit changed its customer.
const CONFLICT_RETRIES: usize = 16;

/// Decides batches of pings and makes them durable.
#[derive(Clone)]
pub struct Ingest {
    records: Records,
    catalogue: CatalogueCell,
    clock: Clock,
    presence: PresenceConfig,
    hot: HotCustomers,
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
    /// Decides over this catalogue and keeps in these records, with room for `hot_max` customers in memory.
    pub fn new(records: Records, catalogue: CatalogueCell, clock: Clock, hot_max: usize) -> Self {
        Self { records, catalogue, clock, presence: PresenceConfig::default(), hot: HotCustomers::new(hot_max) }
    }

    /// Decides a batch of one device. On `Ok`, all that the kept pings caused is durable.
    pub async fn batch(
        &self,
        customer: &CustomerId,
        device: &DeviceId,
        mut pings: Vec<Ping>,
    ) -> Result<Kept, IngestError> {
        // Phones batch pings, so decide them in the order in which they were observed.
        pings.sort_by_key(|ping| (ping.observed, ping.sequence));
        let slot = self.hot.slot(customer);
        let mut hot = slot.lock().await;
        for _ in 0..CONFLICT_RETRIES {
            let loaded = match hot.take() {
                Some(loaded) => Some(loaded),
                None => self.records.load_customer(customer)?,
            };
            let Some((before, revision)) = loaded.filter(|(state, _)| state.devices.contains_key(device)) else {
                return Err(IngestError::NoDevice { customer: customer.clone(), device: device.clone() });
            };
            let (state, kept, outcomes) = self.decide(before, device, &pings);
            if outcomes.is_none() {
                *hot = Some((state, revision));
                return Ok(kept);
            }
            match self.commit(&state, revision, outcomes.unwrap_or_default()).await {
                Ok(revision) => {
                    *hot = Some((state, revision));
                    return Ok(kept);
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(IngestError::Contended { customer: customer.clone() })
    }

    /// Decides the pings one by one. The outcomes are absent when every ping was refused.
    fn decide(
        &self,
        mut state: CustomerState,
        device: &DeviceId,
        pings: &[Ping],
    ) -> (CustomerState, Kept, Option<Outcomes>) {
        let catalogue = self.catalogue.snapshot();
        let engine = Engine { catalogue: &catalogue, presence: &self.presence };
        let mut kept = Kept::default();
        let mut outcomes = None;
        for ping in pings {
            let now = self.clock.now_at(ping.observed);
            match engine.observe(&mut state, device, ping, now) {
                Observed::Refused(refusal) => kept.refusals.push((ping.sequence, refusal)),
                Observed::Kept(outcome) => {
                    kept.transitions.extend(outcome.decision.transitions.iter().cloned());
                    kept.advice = outcome.advice.or(kept.advice);
                    let traced = state.devices.get(device).and_then(|own| own.trace_until);
                    record(outcomes.get_or_insert_default(), *outcome, ping, traced, now);
                }
            }
        }
        kept.last_kept = state.devices.get(device).map(|own| own.kept.highest()).unwrap_or_default();
        (state, kept, outcomes)
    }

    async fn commit(
        &self,
        state: &CustomerState,
        revision: Revision,
        outcomes: Outcomes,
    ) -> Result<Revision, CommitError> {
        self.records.commit_outcomes(state, revision, outcomes).await
    }
}

/// Keeps what is worth keeping: decisions that changed something, triggers, and every ping under trace.
fn record(outcomes: &mut Outcomes, outcome: Outcome, ping: &Ping, traced: Option<ServerTime>, now: ServerTime) {
    if traced.is_some_and(|until| now < until) {
        outcomes.traces.push(TraceEntry {
            decision: outcome.decision.clone(),
            fix: ping.fix.map(|fix| fix.position),
            track: outcome.track,
            sightings: ping.sightings.len(),
        });
    }
    if !outcome.decision.transitions.is_empty() {
        outcomes.decisions.push(outcome.decision);
    }
    outcomes.triggers.extend(outcome.trigger);
}
