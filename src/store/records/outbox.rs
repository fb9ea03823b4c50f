//! What remains to be delivered, in the order of commit, and how a delivery ends.

use super::counts::counted;
use super::customers::save;
use super::{CONFLICT_RETRIES, PAGE_MAX, Records, decode, delete, keys, put};
use crate::model::campaign::PRIORITY_DEFAULT;
use crate::model::{
    BrandId, Campaign, CampaignId, CustomerId, DeliveryAttempt, DeliveryState, Device, DeviceId, ServerTime, Topic,
    TopicDefault, TopicId, Trigger, TriggerId,
};
use crate::qualify::Sent;
use crate::report::Note;
use crate::store::{CommitError, Expect, Scan, StoreError, Table, Write};
use crate::wire::record::Queued;

/// One entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its key; keys are in the order of commit.
    pub key: Vec<u8>,
    /// Whose trigger.
    pub customer: CustomerId,
    /// The trigger.
    pub trigger: TriggerId,
    /// How many attempts there were.
    pub attempts_made: u32,
    /// When the next attempt is due; at once when absent.
    pub next_attempt: Option<ServerTime>,
}

/// A part of the outbox, with what of it does not decode.
#[derive(Debug, Clone)]
pub struct OutboxPart {
    /// The sound entries, in the order of commit.
    pub entries: Vec<OutboxEntry>,
    /// What is wrong with the others, each by its key. They stay in the outbox.
    pub damaged: Vec<StoreError>,
    /// The key to go on after; absent when nothing was read.
    pub last: Option<Vec<u8>>,
    /// Whether as many were read as were asked for, so that there may be more.
    pub full: bool,
}

/// What an entry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The trigger.
    pub trigger: Trigger,
    /// The device that it goes to; absent when it was removed since.
    pub device: Option<Device>,
    /// Why it must not go out any more, whatever the channel; absent: it may.
    pub silenced: Option<&'static str>,
    /// Whether the customer does not want its topic by the channel at hand any more.
    pub unwanted: bool,
    /// How many attempts there were.
    pub attempts_made: u32,
    /// The brand that it speaks for; absent when that is not known any more.
    pub brand: Option<BrandId>,
    /// Whether it tells of something that the customer asked for.
    pub transactional: bool,
    /// The campaign's priority as it is now.
    pub priority: u8,
    /// When it was offered to the app on its stream.
    pub offered: Option<ServerTime>,
}

/// An address that nobody is at.
#[derive(Debug, Clone, Copy)]
pub struct Gone<'a> {
    /// The device that had it.
    pub device: &'a DeviceId,
    /// The push address.
    pub address: &'a str,
    /// Since when nobody is.
    pub since: ServerTime,
}

impl Records {
    /// At most `limit` entries after a key, due or not, in the order of commit. Fails when one is damaged.
    pub fn outbox(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let part = self.outbox_part(after, limit)?;
        part.damaged.into_iter().next().map_or(Ok(part.entries), Err)
    }

    /// The same, with what is damaged set apart: it must not hold up what is not.
    pub fn outbox_part(&self, after: Option<&[u8]>, limit: usize) -> Result<OutboxPart, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let scan = Scan { after: after.map(<[u8]>::to_vec), limit, ..Scan::default() };
        let read = self.store.scan(Table::Outbox, &scan)?;
        let (full, last) = (read.len() == limit, read.last().map(|entry| entry.key.clone()));
        let (mut entries, mut damaged) = (Vec::with_capacity(read.len()), Vec::new());
        for entry in read {
            match decode(Table::Outbox, &entry) {
                Ok(Queued { customer, trigger, attempts_made, next_attempt }) => {
                    entries.push(OutboxEntry { key: entry.key, customer, trigger, attempts_made, next_attempt });
                }
                Err(error) => damaged.push(error),
            }
        }
        Ok(OutboxPart { entries, damaged, last, full })
    }

    /// What an entry stands for by now; nothing when it has ended, or its customer is no more.
    pub fn claim(&self, entry: &OutboxEntry, now: ServerTime) -> Result<Option<Claim>, StoreError> {
        let Some((stored, _)) = self.trigger(&entry.customer, &entry.trigger)? else { return Ok(None) };
        let Some((state, _)) = self.load_customer(&entry.customer)? else { return Ok(None) };
        if stored.state != DeliveryState::Pending {
            return Ok(None);
        }
        let device = state.devices.get(&stored.trigger.device).map(|own| own.device.clone());
        let sent = state.ledger.sends.iter().find(|sent| sent.trigger == stored.trigger.id);
        let (brand, transactional) =
            (sent.map(|sent| sent.brand.clone()), sent.is_some_and(|sent| sent.transactional));
        let campaign = self.campaign(&stored.trigger.campaign)?;
        let wants = |channel| match sent {
            Some(Sent { topic, .. }) => Ok(state.customer.wants(topic, self.topic_default(topic)?, channel)),
            // Nothing is known that speaks against it.
            None => Ok(true),
        };
        let (mut left, mut unwanted) = (false, false);
        for (index, channel) in stored.trigger.channels.iter().enumerate() {
            let wanted = wants(*channel)?;
            left |= wanted;
            unwanted |= index == 0 && !wanted;
        }
        let silenced = if !state.customer.consents(now) {
            Some("consent withdrawn")
        } else if state.customer.stopped && !transactional {
            Some("the customer stopped all messages")
        } else if campaign.as_ref().is_some_and(|campaign| campaign.paused) {
            Some("the campaign was paused")
        } else if !left && !stored.trigger.channels.is_empty() {
            Some("the customer does not want its topic any more")
        } else {
            None
        };
        Ok(Some(Claim {
            priority: campaign.map_or(PRIORITY_DEFAULT, |campaign| campaign.priority),
            attempts_made: stored.attempts_made,
            trigger: stored.trigger,
            offered: stored.offered,
            device,
            silenced,
            unwanted,
            brand,
            transactional,
        }))
    }

    /// Records an attempt, where there was one, and the state that it led to, in one commit. A trigger that stays
    /// pending is next due at `next_attempt`; any other leaves the outbox; one that expired or was refused gives
    /// its budget back to the customer's ledger. Recording the end of a trigger a second time changes nothing.
    pub async fn record_delivery(
        &self,
        entry: &OutboxEntry,
        attempt: Option<DeliveryAttempt>,
        state: DeliveryState,
        next_attempt: Option<ServerTime>,
    ) -> Result<(), CommitError> {
        self.record(entry, attempt, state, next_attempt, None).await
    }

    /// Records an attempt that ended because nobody is at the push address any more: the trigger is refused, and the
    /// address dropped in the same commit, unless it is another one by now or was registered again since.
    pub async fn record_gone(
        &self,
        entry: &OutboxEntry,
        attempt: DeliveryAttempt,
        gone: Gone<'_>,
    ) -> Result<(), CommitError> {
        self.record(entry, Some(attempt), DeliveryState::Refused, None, Some(gone)).await
    }

    async fn record(
        &self,
        entry: &OutboxEntry,
        attempt: Option<DeliveryAttempt>,
        state: DeliveryState,
        next_attempt: Option<ServerTime>,
        gone: Option<Gone<'_>>,
    ) -> Result<(), CommitError> {
        let mut tries = 0;
        loop {
            let writes = self.delivery(entry, attempt.clone(), state, next_attempt, gone)?;
            tries += 1;
            match self.store.commit(writes).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) if tries < CONFLICT_RETRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn delivery(
        &self,
        entry: &OutboxEntry,
        attempt: Option<DeliveryAttempt>,
        state: DeliveryState,
        next_attempt: Option<ServerTime>,
        gone: Option<Gone<'_>>,
    ) -> Result<Vec<Write>, StoreError> {
        let leave = delete(Table::Outbox, entry.key.clone());
        let queued = self.get::<Queued>(Table::Outbox, &entry.key)?;
        let stored = self.trigger(&entry.customer, &entry.trigger)?;
        let (Some((mut queued, queued_at)), Some((mut stored, stored_at))) = (queued, stored) else {
            return Ok(vec![leave]);
        };
        stored.log_revision.get_or_insert(stored_at);
        stored.state = state;
        if let Some(attempt) = attempt {
            stored.attempted(attempt);
        }
        let key = keys::owned(&entry.customer, entry.trigger.as_str());
        let mut writes = vec![put(Table::Triggers, key, &stored, Expect::Revision(stored_at))];
        match state {
            DeliveryState::Pending => {
                queued.attempts_made = stored.attempts_made;
                queued.next_attempt = next_attempt;
                writes.push(put(Table::Outbox, entry.key.clone(), &queued, Expect::Revision(queued_at)));
            }
            DeliveryState::Delivered => {
                writes.push(leave);
                writes.extend(counted(&[Note::delivered(&stored.trigger)]));
            }
            DeliveryState::Expired | DeliveryState::Refused => {
                writes.push(leave);
                if let Some((mut customer, revision)) = self.load_customer(&entry.customer)? {
                    let refunded = customer.refund(&entry.trigger);
                    let device = gone.and_then(|gone| Some((gone, customer.devices.get_mut(gone.device)?)));
                    let dropped = device.is_some_and(|(gone, own)| own.drop_address(gone.address, gone.since));
                    if refunded || dropped {
                        writes.push(save(&customer, Expect::Revision(revision)));
                    }
                }
            }
        }
        Ok(writes)
    }

    /// A campaign as it is now; absent where it is no more, or its record is damaged.
    fn campaign(&self, id: &CampaignId) -> Result<Option<Campaign>, StoreError> {
        match self.get::<Campaign>(Table::Campaigns, id.as_str().as_bytes()) {
            Ok(stored) => Ok(stored.map(|(campaign, _)| campaign)),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn topic_default(&self, id: &TopicId) -> Result<TopicDefault, StoreError> {
        let stored = self.get::<Topic>(Table::Topics, id.as_str().as_bytes())?;
        Ok(stored.map(|(topic, _)| topic.default).unwrap_or_default())
    }
}
