//! Whether every record says what a record of its table says, and whether those that name each other are there.

use super::{Records, StoredTrigger, TraceEntry, damaged, decode, keys};
use crate::engine::CustomerState;
use crate::model::{Campaign, Decision, Journey, Place, Region, Topic, Zone};
use crate::report::{DayCounts, Tally};
use crate::store::{Entry, StoreError, Table};
use crate::wire::record::{Logged, Queued};
use std::collections::BTreeMap;

/// Most findings that are kept; all are counted.
const FINDINGS_MAX: usize = 100;

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Records by table.
    pub records: BTreeMap<Table, u64>,
    /// What is wrong, at most 100 of them.
    pub findings: Vec<StoreError>,
    /// How much is wrong.
    pub wrong: u64,
}

impl Records {
    /// Reads every record as one commit left them.
    pub fn check(&self) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        let mut snapshot = self.store.snapshot()?;
        loop {
            let part = snapshot.next()?;
            if part.is_empty() {
                return Ok(checked);
            }
            for (table, entry) in part {
                *checked.records.entry(table).or_default() += 1;
                if let Err(error) = self.check_one(table, &entry) {
                    checked.wrong += 1;
                    if checked.findings.len() < FINDINGS_MAX {
                        checked.findings.push(error);
                    }
                }
            }
        }
    }

    fn check_one(&self, table: Table, entry: &Entry) -> Result<(), StoreError> {
        let there = |owner: &crate::model::CustomerId, id: &str| {
            let found = self.store.get(Table::Triggers, &keys::owned(owner, id))?;
            if found.is_some() {
                Ok(())
            } else {
                Err(damaged(table, &entry.key, format!("there is no trigger {id}")))
            }
        };
        match table {
            // Small notes of several kinds.
            Table::Meta | Table::Timers => Ok(()),
            Table::Places => decode::<Place>(table, entry).map(drop),
            Table::Regions => decode::<Region>(table, entry).map(drop),
            Table::Campaigns => decode::<Campaign>(table, entry).map(drop),
            Table::Journeys => decode::<Journey>(table, entry).map(drop),
            Table::Topics => decode::<Topic>(table, entry).map(drop),
            Table::Zones => decode::<Zone>(table, entry).map(drop),
            Table::Customers => decode::<CustomerState>(table, entry).map(drop),
            Table::Decisions => decode::<Decision>(table, entry).map(drop),
            Table::DecisionsByTime => {
                let key = entry.key.get(keys::MOMENT_BYTES..).unwrap_or_default();
                let found = self.store.get(Table::Decisions, key)?;
                if found.is_some() { Ok(()) } else { Err(damaged(table, &entry.key, "there is no such decision")) }
            }
            Table::Triggers => decode::<StoredTrigger>(table, entry).map(drop),
            Table::TriggerLog => {
                let logged: Logged = decode(table, entry)?;
                there(&logged.customer, logged.trigger.as_str())
            }
            Table::Outbox => {
                let queued: Queued = decode(table, entry)?;
                there(&queued.customer, queued.trigger.as_str())
            }
            Table::Traces => decode::<TraceEntry>(table, entry).map(drop),
            Table::CountLog => decode::<Tally>(table, entry).map(drop),
            Table::Counts => decode::<DayCounts>(table, entry).map(drop),
        }
    }
}
