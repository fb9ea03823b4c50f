//! The customers at hand: one lock each, with the record as it was last committed.

use crate::engine::CustomerState;
use crate::model::CustomerId;
use crate::store::Revision;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A customer's record as it was last committed here; empty until it is loaded.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<(CustomerState, Revision)>>>;

/// A bounded map of customers at hand. A customer who is not at hand is loaded from the store.
#[derive(Clone)]
pub(super) struct HotCustomers {
    slots: Arc<Mutex<HashMap<CustomerId, Slot>>>,
    most: usize,
}

impl HotCustomers {
    /// Keeps at most `most` customers, besides those that are being decided at the moment.
    pub(super) fn new(most: usize) -> Self {
        Self { slots: Arc::default(), most: most.max(1) }
    }

    /// The customer's slot; its lock orders all that is decided about the customer on this server.
    pub(super) fn slot(&self, customer: &CustomerId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(customer) {
            return slot.clone();
        }
        if slots.len() >= self.most {
            let mut spare = slots.len() / 4 + 1;
            // Whoever holds a slot shares it; the idle ones are held by the map alone.
            slots.retain(|_, slot| {
                Arc::strong_count(slot) > 1 || spare.checked_sub(1).map(|left| spare = left).is_none()
            });
        }
        slots.entry(customer.clone()).or_default().clone()
    }

    /// Forgets a customer. Whoever holds the slot at the moment goes on alone, and forgets it at the end; what is
    /// committed over a record that was changed ends in a conflict, as always.
    pub(super) fn evict(&self, customer: &CustomerId) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(customer);
    }

    /// Gives back a slot that was found to be of nobody: whoever makes up names must not take the room of those
    /// that exist. It stays while others wait for it.
    pub(super) fn release(&self, customer: &CustomerId, slot: Slot) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        drop(slot);
        let spare = |slot: &Slot| Arc::strong_count(slot) == 1 && slot.try_lock().is_ok_and(|hot| hot.is_none());
        if slots.get(customer).is_some_and(spare) {
            slots.remove(customer);
        }
    }

    /// How many customers are at hand.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.lock().unwrap().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(n: usize) -> CustomerId {
        CustomerId::parse("customer", &format!("c{n}")).unwrap()
    }

    #[test]
    fn idle_customers_leave_and_busy_ones_stay() {
        let hot = HotCustomers::new(10);
        let busy = hot.slot(&customer(0));
        for n in 1..1_000 {
            hot.slot(&customer(n));
        }
        assert!(hot.len() <= 11);
        assert!(Arc::ptr_eq(&busy, &hot.slot(&customer(0))), "one lock a customer, however many come and go");
    }

    #[test]
    fn a_slot_of_nobody_is_given_back_unless_others_wait_for_it() {
        let hot = HotCustomers::new(10);
        let (ours, theirs) = (hot.slot(&customer(1)), hot.slot(&customer(1)));
        hot.release(&customer(1), ours);
        assert!(Arc::ptr_eq(&theirs, &hot.slot(&customer(1))));
        hot.release(&customer(1), theirs);
        assert_eq!(hot.len(), 0);
        hot.slot(&customer(2));
        hot.evict(&customer(2));
        assert_eq!(hot.len(), 0);
    }
}
