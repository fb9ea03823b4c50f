//! What a worker needs of the store.

use crate::model::{CustomerId, DeliveryAttempt, DeliveryState, Device, Trigger, TriggerId};
use crate::store::{self, CommitError, Pending, Records, Revision, StoreError};
use tokio::sync::watch;

/// One entry of the outbox: a trigger that is durable and not yet delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its key; keys are in the order of commit.
    pub key: Vec<u8>,
    /// Whose trigger.
    pub customer: CustomerId,
    /// The trigger.
    pub trigger: TriggerId,
}

/// What an entry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The trigger.
    pub trigger: Trigger,
    /// The device that it goes to; absent when it was removed since.
    pub device: Option<Device>,
    /// How many attempts are on record.
    pub attempts: usize,
}

/// The outbox, as the store keeps it.
pub trait Outbox: Send + Sync + 'static {
    /// At most `limit` entries with keys after `last`, in the order of commit.
    fn after(&self, last: Option<&[u8]>, limit: usize) -> Result<Vec<OutboxEntry>, StoreError>;

    /// What an entry stands for; nothing when it has ended.
    fn load(&self, entry: &OutboxEntry) -> Result<Option<Claim>, StoreError>;

    /// Records an attempt, where there was one, and the state that it led to. A trigger that is not pending any
    /// more leaves the outbox, and one that ended undelivered gives its budget back, in the same commit. On `Ok`
    /// this survives power loss.
    fn record(
        &self,
        entry: &OutboxEntry,
        attempt: Option<DeliveryAttempt>,
        state: DeliveryState,
    ) -> Pending<Result<(), CommitError>>;

    /// The last durable commit, as it moves on.
    fn watch(&self) -> watch::Receiver<Revision>;
}

impl Outbox for Records {
    fn after(&self, last: Option<&[u8]>, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let entry = |store::OutboxEntry { key, customer, trigger, .. }| OutboxEntry { key, customer, trigger };
        Ok(self.outbox(last, limit)?.into_iter().map(entry).collect())
    }

    fn load(&self, entry: &OutboxEntry) -> Result<Option<Claim>, StoreError> {
        let claim = self.claim(&entry.customer, &entry.trigger)?;
        Ok(claim.map(|store::Claim { trigger, device, attempts_made }| Claim {
            trigger,
            device,
            attempts: attempts_made as usize,
        }))
    }

    fn record(
        &self,
        entry: &OutboxEntry,
        attempt: Option<DeliveryAttempt>,
        state: DeliveryState,
    ) -> Pending<Result<(), CommitError>> {
        let (records, OutboxEntry { key, customer, trigger }) = (self.clone(), entry.clone());
        // The worker works out anew when the next attempt is due, from the attempts on record.
        let entry = store::OutboxEntry { key, customer, trigger, attempts_made: 0, next_attempt: None };
        Box::pin(async move { records.record_delivery(&entry, attempt, state, None).await })
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        Records::watch(self)
    }
}
