//! What the app tells of the messages that reached it.

use super::counts::counted;
use super::{CONFLICT_RETRIES, Records, keys, put};
use crate::model::{CustomerId, DeliveryState, DeviceId, Receipt, ServerTime, TriggerId};
use crate::report::Note;
use crate::store::{CommitError, Expect, Revision, StoreError, StoredTrigger, Table, Write};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

impl Records {
    /// Notes what a device tells of messages, in one commit; telling it again changes nothing. A trigger that was
    /// pending is delivered with it, and leaves the outbox. Gives the triggers that the device has none of.
    pub async fn report_receipts(
        &self,
        customer: &CustomerId,
        device: &DeviceId,
        receipts: &[Receipt],
        now: ServerTime,
    ) -> Result<BTreeSet<TriggerId>, CommitError> {
        let mut tries = 0;
        loop {
            let (writes, unknown) = self.receipts(customer, device, receipts, now)?;
            if writes.is_empty() {
                return Ok(unknown);
            }
            tries += 1;
            match self.store.commit(writes).await {
                Ok(_) => return Ok(unknown),
                Err(CommitError::Conflict { .. }) if tries < CONFLICT_RETRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn receipts(
        &self,
        customer: &CustomerId,
        device: &DeviceId,
        receipts: &[Receipt],
        now: ServerTime,
    ) -> Result<(Vec<Write>, BTreeSet<TriggerId>), StoreError> {
        let (mut told, mut unknown) = (BTreeMap::<&TriggerId, Noting>::new(), BTreeSet::new());
        for receipt in receipts {
            let noting = match told.entry(&receipt.trigger) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(vacant) => {
                    let found = self.trigger(customer, &receipt.trigger)?;
                    let Some((before, revision)) = found.filter(|(found, _)| found.trigger.device == *device) else {
                        unknown.insert(receipt.trigger.clone());
                        continue;
                    };
                    vacant.insert(Noting { after: before.clone(), before, revision })
                }
            };
            let created = noting.after.trigger.created;
            noting.after.receipts.take(receipt, created, now);
        }
        let (mut writes, mut notes) = (Vec::new(), Vec::new());
        for Noting { before, mut after, revision } in told.into_values() {
            match before.state {
                // The app has it: nobody need bring it any more.
                DeliveryState::Pending => {
                    after.confirmed(now);
                    after.state = DeliveryState::Delivered;
                    notes.push(Note::delivered(&before.trigger));
                    self.unqueue(&before, revision, &mut writes)?;
                }
                DeliveryState::Delivered | DeliveryState::Expired | DeliveryState::Refused => {}
            }
            if before.receipts.opened.is_none() && after.receipts.opened.is_some() {
                notes.push(Note::opened(&before.trigger));
            }
            if after != before {
                after.log_revision.get_or_insert(revision);
                let key = keys::owned(customer, after.trigger.id.as_str());
                writes.push(put(Table::Triggers, key, &after, Expect::Revision(revision)));
            }
        }
        writes.extend(counted(&notes));
        Ok((writes, unknown))
    }
}

/// A trigger of which something is told.
struct Noting {
    before: StoredTrigger,
    after: StoredTrigger,
    revision: Revision,
}
