//! Customers, each one record; and what a batch of pings did to one, in one commit.

use super::counts::counted;
use super::{Cursor, Erasure, Page, Records, Timer, TraceEntry, keys, put};
use crate::engine::CustomerState;
use crate::model::{CustomerId, Decision, Trigger};
use crate::report::Note;
use crate::store::{CommitError, Expect, Revision, StoreError, Table, Write};

/// What a batch of pings led to, besides the customer's new state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcomes {
    /// The decisions that are worth keeping: those with transitions.
    pub decisions: Vec<Decision>,
    /// The triggers that were made.
    pub triggers: Vec<Trigger>,
    /// What is added to the reports of campaigns.
    pub notes: Vec<Note>,
    /// The pings of devices under trace.
    pub traces: Vec<TraceEntry>,
    /// What becomes of the customer's timer.
    pub timer: Timer,
}

impl Records {
    /// A customer, and the commit that wrote the record.
    pub fn load_customer(&self, customer: &CustomerId) -> Result<Option<(CustomerState, Revision)>, StoreError> {
        self.get(Table::Customers, customer.as_str().as_bytes())
    }

    /// Customers by id.
    pub fn list_customers(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<CustomerState>, StoreError> {
        self.page(Table::Customers, Vec::new(), after, limit)
    }

    /// Adds a customer. A conflict: there is one of that id, or one is still being deleted.
    pub async fn create_customer(&self, state: &CustomerState) -> Result<Revision, CommitError> {
        let not_being_deleted = Write::Delete {
            table: Table::Meta,
            key: Erasure::Customer.note(&state.customer.id),
            expect: Expect::Absent,
        };
        self.store.commit(vec![save(state, Expect::Absent), not_being_deleted]).await
    }

    /// Replaces a customer that was read at a revision. A conflict: it was changed or deleted since.
    pub async fn save_customer(&self, state: &CustomerState, expected: Revision) -> Result<Revision, CommitError> {
        self.save_and_count(state, expected, &[]).await
    }

    /// The same, and adds to the reports of campaigns, in one commit.
    pub async fn save_and_count(
        &self,
        state: &CustomerState,
        expected: Revision,
        notes: &[Note],
    ) -> Result<Revision, CommitError> {
        let mut writes = vec![save(state, Expect::Revision(expected))];
        writes.extend(counted(notes));
        self.store.commit(writes).await
    }

    /// Replaces a customer that was read at a revision, and keeps what led to it; the triggers go to the log and
    /// to the outbox. All in one commit. A conflict: the customer was changed or deleted since.
    ///
    /// A trigger that there was before is left as it is, unless it ended undelivered: then it is to be delivered
    /// again.
    pub async fn commit_outcomes(
        &self,
        state: &CustomerState,
        expected: Revision,
        outcomes: Outcomes,
    ) -> Result<Revision, CommitError> {
        let mut writes = vec![save(state, Expect::Revision(expected))];
        writes.extend(outcomes.timer.write(&state.customer.id));
        for decision in &outcomes.decisions {
            let key = keys::owned(&decision.customer, decision.id.as_str());
            let by_time = [&keys::moment(decision.decided)[..], &key].concat();
            writes.push(put(Table::Decisions, key, decision, Expect::Any));
            let (table, value) = (Table::DecisionsByTime, Vec::new());
            writes.push(Write::Put { table, key: by_time, value, expect: Expect::Any });
        }
        writes.extend(counted(&outcomes.notes));
        for trigger in outcomes.triggers {
            self.add_trigger(trigger, &mut writes)?;
        }
        for trace in &outcomes.traces {
            let Decision { customer, device, sequence, .. } = &trace.decision;
            writes.push(put(Table::Traces, keys::traced(customer, device, *sequence), trace, Expect::Any));
        }
        self.store.commit(writes).await
    }
}

/// Writes a customer's record.
pub(super) fn save(state: &CustomerState, expect: Expect) -> Write {
    put(Table::Customers, state.customer.id.as_str().as_bytes().to_vec(), state, expect)
}
