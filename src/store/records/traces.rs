//! Pings of devices under trace, in full.

use super::{Cursor, Page, Records, delete, keys};
use crate::engine::CustomerState;
use crate::model::{CustomerId, Decision, DeviceId, Millis, Position, ServerTime};
use crate::store::{CommitError, Entry, Scan, StoreError, Table};
use std::collections::BTreeMap;

/// How long the entries of a trace are kept after it ended.
const KEPT_AFTER: Millis = Millis::from_days(1);
/// How many entries one call looks at.
const CHUNK: usize = 1_000;

/// One ping of a device under trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceEntry {
    /// What was decided, every step of it.
    pub decision: Decision,
    /// The reported position; absent when the ping had no fix.
    pub fix: Option<Position>,
    /// Where the track was after the ping; absent when there was none.
    pub track: Option<Position>,
    /// How many beacons the ping reported.
    pub sightings: usize,
}

impl Records {
    /// The recorded pings of a device, by sequence number.
    pub fn list_traces(
        &self,
        customer: &CustomerId,
        device: &DeviceId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TraceEntry>, StoreError> {
        self.page(Table::Traces, keys::of_device(customer, device), after, limit)
    }

    /// Erases the entries whose trace ended more than a day ago, and those of devices that are no more or have no
    /// trace. Looks at a bounded number of entries after the cursor; returns how many it erased, and where to go
    /// on.
    pub async fn purge_traces(
        &self,
        now: ServerTime,
        after: Option<&Cursor>,
    ) -> Result<(usize, Option<Cursor>), CommitError> {
        let after = after.map(|cursor| cursor.key().to_vec());
        // The keys first: a trace that begins now is not among them.
        let entries = self.store.scan(Table::Traces, &Scan { after, limit: CHUNK, ..Scan::default() })?;
        let next = entries.last().filter(|_| entries.len() == CHUNK).map(|entry| Cursor::at(&entry.key));
        let mut states = BTreeMap::new();
        let mut writes = Vec::new();
        for Entry { key, .. } in entries {
            // An entry whose key names nobody belongs to nobody.
            let keep = match owner(&key) {
                Some((customer, device)) => {
                    if !states.contains_key(&customer) {
                        let state = self.load_customer(&customer)?.map(|(state, _)| state);
                        states.insert(customer.clone(), state);
                    }
                    states.get(&customer).and_then(Option::as_ref).is_some_and(|state| kept(state, &device, now))
                }
                None => false,
            };
            if !keep {
                writes.push(delete(Table::Traces, key));
            }
        }
        let erased = writes.len();
        if erased > 0 {
            self.store.commit(writes).await?;
        }
        Ok((erased, next))
    }
}

fn kept(state: &CustomerState, device: &DeviceId, now: ServerTime) -> bool {
    let until = state.devices.get(device).and_then(|own| own.trace_until);
    until.is_some_and(|until| now < until + KEPT_AFTER)
}

fn owner(key: &[u8]) -> Option<(CustomerId, DeviceId)> {
    let mut parts = key.splitn(3, |byte| *byte == 0).map(std::str::from_utf8);
    let customer = CustomerId::parse("customer", parts.next()?.ok()?).ok()?;
    Some((customer, DeviceId::parse("device", parts.next()?.ok()?).ok()?))
}
