//! When something is due for a customer from whom no ping comes.

use super::{Records, delete};
use crate::model::{CustomerId, ServerTime};
use crate::store::{CommitError, Expect, Scan, StoreError, Table, Write};

/// How many timers are read at once.
const CHUNK: usize = 1_000;

/// What becomes of a customer's timer in a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timer {
    /// It stays as it is.
    #[default]
    Keep,
    /// It goes off at this time.
    Set(ServerTime),
    /// There is none any more.
    Clear,
}

impl Timer {
    /// The write that makes it so.
    pub(super) fn write(self, customer: &CustomerId) -> Option<Write> {
        let key = customer.as_str().as_bytes().to_vec();
        match self {
            Self::Keep => None,
            Self::Set(at) => {
                let value = at.0.to_be_bytes().to_vec();
                Some(Write::Put { table: Table::Timers, key, value, expect: Expect::Any })
            }
            Self::Clear => Some(delete(Table::Timers, key)),
        }
    }
}

impl Records {
    /// Lets a customer's timer go off at a moment.
    pub async fn set_timer(&self, customer: &CustomerId, at: ServerTime) -> Result<(), CommitError> {
        self.store.commit(Timer::Set(at).write(customer).into_iter().collect()).await.map(drop)
    }

    /// The timers of all customers. One that does not read goes off at once.
    pub fn load_timers(&self) -> Result<Vec<(CustomerId, ServerTime)>, StoreError> {
        let mut timers = Vec::new();
        let mut after = None;
        loop {
            let entries = self.store.scan(Table::Timers, &Scan { after, limit: CHUNK, ..Scan::default() })?;
            for entry in &entries {
                let at = <[u8; 8]>::try_from(entry.value.as_slice()).map_or(0, i64::from_be_bytes);
                let customer = std::str::from_utf8(&entry.key).ok();
                timers.extend(customer.and_then(|id| Some((CustomerId::parse("timer", id).ok()?, ServerTime(at)))));
            }
            match entries.last() {
                Some(last) if entries.len() == CHUNK => after = Some(last.key.clone()),
                Some(_) | None => return Ok(timers),
            }
        }
    }
}
