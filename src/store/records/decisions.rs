//! Decisions, the newest first.

use super::{Cursor, PAGE_BYTES, PAGE_MAX, Page, Records, damaged, decode, keys};
use crate::model::{CampaignId, CustomerId, Decision, DecisionId, RegionId, ServerTime, VerdictKind};
use crate::store::{Entry, Scan, StoreError, Table};

/// Most decisions that one call looks at. When the filters let few pass, a page comes back short.
const EXAMINED_MAX: usize = 2_000;
/// How many decisions are read at a time.
const CHUNK: usize = 200;

/// Which decisions are wanted. All that is set must match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionFilter {
    /// Whose; everybody's when absent.
    pub customer: Option<CustomerId>,
    /// Those that assessed this campaign.
    pub campaign: Option<CampaignId>,
    /// Those with a transition of this region, or an assessment about it.
    pub region: Option<RegionId>,
    /// Those with an assessment that came to this.
    pub verdict: Option<VerdictKind>,
    /// Those decided at or after this time.
    pub start: Option<ServerTime>,
    /// Those decided before this time.
    pub end: Option<ServerTime>,
}

impl DecisionFilter {
    fn lets_pass(&self, decision: &Decision) -> bool {
        let campaign = |wanted: &CampaignId| decision.assessments.iter().any(|own| own.campaign == *wanted);
        let region = |wanted: &RegionId| {
            decision.transitions.iter().any(|own| own.region == *wanted)
                || decision.assessments.iter().any(|own| own.region == *wanted)
        };
        let verdict = |wanted| decision.assessments.iter().any(|own| own.verdict.kind() == wanted);
        self.campaign.as_ref().is_none_or(campaign)
            && self.region.as_ref().is_none_or(region)
            && self.verdict.is_none_or(verdict)
            && self.end.is_none_or(|end| decision.decided < end)
    }

    /// Where the decisions lie, and the keys to begin before.
    fn scan(&self, after: Option<&Cursor>) -> (Table, Scan) {
        let (table, prefix, end) = match &self.customer {
            // Ids of decisions begin with their time in 13 digits.
            Some(customer) => {
                let end = self.end.map(|end| keys::owned(customer, &format!("{:013}", end.0.max(0))));
                (Table::Decisions, keys::of_customer(customer), end)
            }
            None => (Table::DecisionsByTime, Vec::new(), self.end.map(|end| keys::moment(end).to_vec())),
        };
        let after = after.map(|cursor| cursor.key().to_vec());
        let after = match (after, end) {
            (Some(after), Some(end)) => Some(after.min(end)),
            (after, end) => after.or(end),
        };
        (table, Scan { prefix, after, backwards: true, limit: CHUNK })
    }
}

impl Records {
    /// One decision.
    pub fn get_decision(&self, customer: &CustomerId, id: &DecisionId) -> Result<Option<Decision>, StoreError> {
        let found = self.get(Table::Decisions, &keys::owned(customer, id.as_str()))?;
        Ok(found.map(|(decision, _)| decision))
    }

    /// Decisions, the newest first. A call looks at a bounded number of them, and ends the page after
    /// [`PAGE_BYTES`], so a page may come back short, or empty, with more to come.
    pub fn list_decisions(
        &self,
        filter: &DecisionFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Decision>, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let (table, mut scan) = filter.scan(after);
        let mut items = Vec::new();
        let (mut examined, mut bytes) = (0, 0);
        loop {
            let entries = self.store.scan(table, &scan)?;
            for entry in &entries {
                let next = Some(Cursor::at(&entry.key));
                if items.len() == limit || examined == EXAMINED_MAX || bytes >= PAGE_BYTES {
                    return Ok(Page { items, next: scan.after.as_deref().map(Cursor::at) });
                }
                scan.after = next.map(|cursor| cursor.key().to_vec());
                examined += 1;
                let Some((decision, size)) = self.decision_at(table, entry)? else { continue };
                if filter.start.is_some_and(|start| decision.decided < start) {
                    return Ok(Page { items, next: None });
                }
                if filter.lets_pass(&decision) {
                    items.push(decision);
                    bytes += size;
                }
            }
            if entries.len() < CHUNK {
                return Ok(Page { items, next: None });
            }
        }
    }

    /// The decision that an entry is, or points to, and the size of its record; nothing when it was deleted in
    /// between.
    fn decision_at(&self, table: Table, entry: &Entry) -> Result<Option<(Decision, usize)>, StoreError> {
        let sized = |entry: &Entry| Ok((decode(Table::Decisions, entry)?, entry.value.len()));
        if table == Table::Decisions {
            return sized(entry).map(Some);
        }
        let key =
            entry.key.get(keys::MOMENT_BYTES..).ok_or_else(|| damaged(table, &entry.key, "its key is short"))?;
        self.store.get(Table::Decisions, key)?.as_ref().map(sized).transpose()
    }
}
