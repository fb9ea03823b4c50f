//! From a batch of pings to what was kept: lock the customer, decide, commit, answer.

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::hot::HotCustomers;
use crate::engine::{CustomerState, Engine, Observed, Outcome, Refusal};
use crate::model::{CustomerId, DeviceId, Ping, ReportAdvice, Sequence, ServerTime, Transition};
use crate::presence::PresenceConfig;
use crate::store::{CommitError, Outcomes, Records, StoreError, TraceEntry};
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
    /// Decides over this catalogue and keeps in these records, with these customers at hand.
    pub(super) fn new(records: Records, catalogue: CatalogueCell, clock: Clock, hot: HotCustomers) -> Self {
        Self { records, catalogue, clock, presence: PresenceConfig::default(), hot }
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
            let at_hand = hot.take();
            let fresh = at_hand.is_none();
            let loaded = match at_hand {
                Some(loaded) => Some(loaded),
                None => self.records.load_customer(customer)?,
            };
            let Some((before, revision)) = loaded.filter(|(state, _)| state.devices.contains_key(device)) else {
                if fresh {
                    drop(hot);
                    self.hot.release(customer, slot);
                    return Err(IngestError::NoDevice { customer: customer.clone(), device: device.clone() });
                }
                continue;
            };
            let (state, kept, outcomes) = self.decide(before, device, &pings);
            let Some(outcomes) = outcomes else {
                // Without a commit nothing has shown that the record at hand is still the present one.
                if fresh {
                    *hot = Some((state, revision));
                    return Ok(kept);
                }
                continue;
            };
            match self.records.commit_outcomes(&state, revision, outcomes).await {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DeviceState;
    use crate::model::{AppState, Customer, Device, DeviceTime, Fix, LocationConsent, Metres, Platform, Position};
    use crate::store::MemoryStore;
    use std::sync::Arc;

    fn ping(sequence: u64) -> Ping {
        let position = Position::new(39.74, -104.99).unwrap();
        let fix = Fix { position, accuracy: Metres(8.0), speed_mps: None, course_deg: None, mock: false };
        let observed = DeviceTime(1_784_138_400_000 + 1_000 * i64::try_from(sequence).unwrap());
        Ping { sequence: Sequence(sequence), observed, fix: Some(fix), sightings: Vec::new(), app: AppState::Unknown }
    }

    /// The refusals of a ping of ada's phone.
    async fn check(ingest: &Ingest, sequence: u64, refusals: &[Refusal]) {
        let (ada, phone) = (CustomerId::parse("", "ada").unwrap(), DeviceId::parse("", "phone").unwrap());
        let kept = ingest.batch(&ada, &phone, vec![ping(sequence)]).await.unwrap();
        assert_eq!(
            kept.refusals.iter().map(|(_, refusal)| *refusal).collect::<Vec<_>>(),
            refusals,
            "ping {sequence}"
        );
    }

    #[tokio::test]
    async fn consent_counts_from_the_next_ping_on_though_the_customer_is_at_hand() {
        let records = Records::new(Arc::new(MemoryStore::new()));
        let catalogue = CatalogueCell::load(records.clone()).unwrap();
        let hot = HotCustomers::new(10);
        let ingest = Ingest::new(records.clone(), catalogue, Clock::pings(), hot.clone());
        let mut state = CustomerState::new(Customer::new(CustomerId::parse("", "ada").unwrap()));
        let id = DeviceId::parse("", "phone").unwrap();
        let (push_address, locale) = (String::new(), "en".to_owned());
        let device = Device { id: id.clone(), platform: Platform::Ios, push_address, locale, time_zone: None };
        state.devices.insert(id, DeviceState::new(device));
        records.create_customer(&state).await.unwrap();

        for (sequence, granted, refusals) in
            [(1, None, &[Refusal::NoConsent][..]), (1, Some(true), &[]), (2, Some(false), &[Refusal::NoConsent])]
        {
            let (mut state, revision) = records.load_customer(&state.customer.id).unwrap().unwrap();
            state.customer.consent =
                granted.map(|granted| LocationConsent { granted, answered: ServerTime(1), source: String::new() });
            records.save_customer(&state, revision).await.unwrap();
            check(&ingest, sequence, refusals).await;
        }
        check(&ingest, 1, &[Refusal::NoConsent]).await;

        assert_eq!(hot.len(), 1);
        for (customer, device) in [("nobody", "phone"), ("ada", "tablet")] {
            let names = (CustomerId::parse("", customer).unwrap(), DeviceId::parse("", device).unwrap());
            let nothing = ingest.batch(&names.0, &names.1, vec![ping(3)]).await;
            assert!(matches!(nothing, Err(IngestError::NoDevice { .. })), "{nothing:?}");
        }
        assert_eq!(hot.len(), 0, "names of nobody take no room");
    }
}
