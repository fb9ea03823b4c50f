//! The figures of campaigns.
//!
//! A figure changes in the commit of what it counts, whole or not at all. Were the commits of all customers to change
//! one record of a campaign, each would conflict with the others. So a commit appends what it adds to a log, which
//! conflicts with nothing, and the log is folded now and then into one record for each campaign and day: what is added
//! and what is taken from the log are one commit, so that nothing is counted twice or lost, however many fold at a time.

use super::{CONFLICT_RETRIES, Records, damaged, decode, delete, put};
use crate::model::CampaignId;
use crate::report::{DAYS_KEPT, DayCounts, Note, Tally};
use crate::store::{CommitError, Expect, Revision, SCAN_MAX, Scan, StoreError, Table, Write};
use crate::wire::record::Record;
use std::collections::BTreeMap;

/// How many entries of the log are folded in one commit, at most.
const CHUNK: usize = 1_000;
/// No further entry is folded in a commit that changes so many records already.
const CHANGED_MAX: usize = 500;
const DAY_BYTES: usize = 4;

/// The write that adds notes to the log; none where there is nothing to count.
pub(super) fn counted(notes: &[Note]) -> Option<Write> {
    (!notes.is_empty()).then(|| Write::Append { table: Table::CountLog, value: Tally::of(notes).encode() })
}

fn of_campaign(campaign: &CampaignId) -> Vec<u8> {
    [campaign.as_str().as_bytes(), b"\0"].concat()
}

/// By campaign, then by day, days before 1970 first.
fn key(campaign: &CampaignId, day: i32) -> Vec<u8> {
    let mut key = of_campaign(campaign);
    key.extend_from_slice(&(day.cast_unsigned() ^ (1 << 31)).to_be_bytes());
    key
}

fn day(key: &[u8]) -> Option<i32> {
    let bytes: [u8; DAY_BYTES] = *key.last_chunk()?;
    Some((u32::from_be_bytes(bytes) ^ (1 << 31)).cast_signed())
}

impl Records {
    /// The figures of a campaign by day, with all that was durable when it was called. Folds the log first.
    pub async fn counts_of(&self, campaign: &CampaignId) -> Result<BTreeMap<i32, DayCounts>, CommitError> {
        let asked = *self.watch().borrow();
        while self.fold(Some(asked)).await? {}
        Ok(self.days(campaign)?)
    }

    /// Folds the log into the figures, a bounded part of it; whether there is more to fold. `until` leaves alone what
    /// was committed later.
    pub async fn fold_counts(&self) -> Result<bool, CommitError> {
        self.fold(None).await
    }

    async fn fold(&self, until: Option<Revision>) -> Result<bool, CommitError> {
        let mut tries = 0;
        loop {
            let (writes, more) = self.folding(until)?;
            if writes.is_empty() {
                return Ok(false);
            }
            tries += 1;
            match self.store.commit(writes).await {
                Ok(_) => return Ok(more),
                // Somebody else folded the same.
                Err(CommitError::Conflict { .. }) if tries < CONFLICT_RETRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn folding(&self, until: Option<Revision>) -> Result<(Vec<Write>, bool), StoreError> {
        let entries = self.store.scan(Table::CountLog, &Scan { limit: CHUNK, ..Scan::default() })?;
        let mut more = entries.len() == CHUNK;
        let (mut writes, mut tally) = (Vec::new(), Tally::default());
        for entry in entries {
            if until.is_some_and(|until| entry.revision > until) {
                more = false;
                break;
            }
            if tally.days.len() >= CHANGED_MAX {
                more = true;
                break;
            }
            // What does not decode must not keep the others from being counted. A newer version may have written it.
            match decode::<Tally>(Table::CountLog, &entry) {
                Ok(added) => tally.add(added),
                Err(error) => {
                    tracing::error!(%error, "an entry of the log of counts is passed over and stays there");
                    continue;
                }
            }
            let expect = Expect::Revision(entry.revision);
            writes.push(Write::Delete { table: Table::CountLog, key: entry.key, expect });
        }
        for ((campaign, day), added) in &tally.days {
            let key = key(campaign, *day);
            let before = self.get::<DayCounts>(Table::Counts, &key)?;
            let expect = before.as_ref().map_or(Expect::Absent, |(_, revision)| Expect::Revision(*revision));
            if before.is_none() {
                writes.extend(self.outdated(campaign, *day)?);
            }
            let mut counts = before.map(|(counts, _)| counts).unwrap_or_default();
            counts.add(added);
            writes.push(put(Table::Counts, key, &counts, expect));
        }
        Ok((writes, more))
    }

    /// Deletes the days that are too long before a new one.
    fn outdated(&self, campaign: &CampaignId, new: i32) -> Result<Vec<Write>, StoreError> {
        let oldest = key(campaign, new.saturating_sub(DAYS_KEPT));
        let scan = Scan { prefix: of_campaign(campaign), limit: CHUNK, ..Scan::default() };
        let days = self.store.scan(Table::Counts, &scan)?;
        let outdated = days.into_iter().take_while(|entry| entry.key < oldest);
        Ok(outdated.map(|entry| delete(Table::Counts, entry.key)).collect())
    }

    fn days(&self, campaign: &CampaignId) -> Result<BTreeMap<i32, DayCounts>, StoreError> {
        let scan = Scan { prefix: of_campaign(campaign), limit: SCAN_MAX, ..Scan::default() };
        let entries = self.store.scan(Table::Counts, &scan)?;
        let day = |entry: &crate::store::Entry| {
            let day = day(&entry.key).ok_or_else(|| damaged(Table::Counts, &entry.key, "its key is short"))?;
            Ok((day, decode(Table::Counts, entry)?))
        };
        entries.iter().map(day).collect()
    }
}
