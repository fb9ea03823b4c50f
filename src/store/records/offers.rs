//! How a trigger goes from one channel to the next: offered in the app, withdrawn, tried by the next channel.

use super::{CONFLICT_RETRIES, OutboxEntry, Records, keys, put};
use crate::model::{DeliveryAttempt, DeliveryState, ServerTime};
use crate::store::{CommitError, Expect, Revision, StoreError, StoredTrigger, Table, Write};
use crate::wire::record::Queued;

impl Records {
    /// Notes that a trigger is offered to the app, and when its confirmation is due. Whether it is still to be
    /// delivered at all.
    pub async fn record_offer(
        &self,
        entry: &OutboxEntry,
        at: ServerTime,
        due: ServerTime,
    ) -> Result<bool, CommitError> {
        self.change_pending(entry, |stored, queued| {
            stored.offered = Some(at);
            queued.next_attempt = Some(due);
        })
        .await
    }

    /// Ends a trigger's attempt by one channel, for good and before the next channel is tried, in one commit. Whether
    /// there is a next one: where there is none, or the trigger has ended meanwhile, nothing changes.
    pub async fn record_fall_back(&self, entry: &OutboxEntry, attempt: DeliveryAttempt) -> Result<bool, CommitError> {
        let mut goes_on = false;
        let pending = self
            .change_pending(entry, |stored, queued| {
                goes_on = stored.trigger.channels.len() > 1;
                if goes_on {
                    stored.trigger.channels.remove(0);
                    stored.attempted(attempt.clone());
                    queued.attempts_made = stored.attempts_made;
                    queued.next_attempt = None;
                }
            })
            .await?;
        Ok(pending && goes_on)
    }

    /// Changes a trigger that is pending, and its entry. Whether it is.
    async fn change_pending(
        &self,
        entry: &OutboxEntry,
        mut change: impl FnMut(&mut StoredTrigger, &mut Queued),
    ) -> Result<bool, CommitError> {
        let mut tries = 0;
        loop {
            let Some((mut stored, stored_at, mut queued, queued_at)) = self.pending(entry)? else { return Ok(false) };
            change(&mut stored, &mut queued);
            stored.log_revision.get_or_insert(stored_at);
            let key = keys::owned(&entry.customer, entry.trigger.as_str());
            let writes: Vec<Write> = vec![
                put(Table::Triggers, key, &stored, Expect::Revision(stored_at)),
                put(Table::Outbox, entry.key.clone(), &queued, Expect::Revision(queued_at)),
            ];
            tries += 1;
            match self.store.commit(writes).await {
                Ok(_) => return Ok(true),
                Err(CommitError::Conflict { .. }) if tries < CONFLICT_RETRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn pending(
        &self,
        entry: &OutboxEntry,
    ) -> Result<Option<(StoredTrigger, Revision, Queued, Revision)>, StoreError> {
        let queued = self.get::<Queued>(Table::Outbox, &entry.key)?;
        let stored = self.trigger(&entry.customer, &entry.trigger)?;
        Ok(queued
            .zip(stored.filter(|(stored, _)| stored.state == DeliveryState::Pending))
            .map(|((queued, queued_at), (stored, stored_at))| (stored, stored_at, queued, queued_at)))
    }
}
