//! What is due although no ping comes.

use super::{CONFLICT_RETRIES, Ingest, IngestError, record};
use crate::engine::CustomerState;
use crate::model::{CustomerId, Millis, ServerTime};
use crate::store::{CommitError, Erasure, Outcomes, Revision, Timer};

/// A customer is not looked at again for this long after a tick.
const TICK_MIN: Millis = Millis::from_secs(1);

impl Ingest {
    /// Does what is due for a customer by now, and sets the customer's timer anew.
    pub(in crate::service) async fn tick(&self, customer: &CustomerId, now: ServerTime) -> Result<(), IngestError> {
        let slot = self.hot.slot(customer);
        let mut hot = slot.lock().await;
        for _ in 0..CONFLICT_RETRIES {
            let loaded = match hot.take() {
                Some(loaded) => Some(loaded),
                None => self.records.load_customer(customer)?,
            };
            let Some((mut state, revision)) = loaded else {
                self.timers.set(customer, None);
                return Ok(());
            };
            if state.lapse(now) {
                self.forget_lapsed(&state, revision).await?;
                continue;
            }
            let catalogue = self.catalogue.snapshot();
            let open = self.apps.open(customer);
            let engine = self.engine(&catalogue, &open);
            let mut outcomes = Outcomes::default();
            for outcome in engine.tick(&mut state, now) {
                let traced = state.devices.get(&outcome.decision.device).and_then(|own| own.trace_until);
                record(&mut outcomes, outcome, traced, now);
            }
            let alarm = engine.due(&state).map(|due| due.max(now + TICK_MIN));
            outcomes.timer = alarm.map_or(Timer::Clear, Timer::Set);
            match self.records.commit_outcomes(&state, revision, outcomes).await {
                Ok(revision) => {
                    *hot = Some((state, revision));
                    self.timers.set(customer, alarm);
                    return Ok(());
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(IngestError::Contended { customer: customer.clone() })
    }

    /// Commits that a consent has lapsed, and erases what it had allowed, as a withdrawal does. After a conflict the
    /// caller looks again.
    pub(super) async fn forget_lapsed(&self, state: &CustomerState, revision: Revision) -> Result<(), IngestError> {
        let customer = &state.customer.id;
        let done = async {
            self.records.save_and_note(state, revision, &[Erasure::History]).await?;
            self.records.erase(customer, &Erasure::History).await
        };
        match done.await {
            Ok(()) => {
                self.timers.set(customer, None);
                Ok(())
            }
            Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
