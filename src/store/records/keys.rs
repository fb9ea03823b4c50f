//! Keys: ids, set apart by a byte that no id can hold, so that one customer's keys never begin another's.

use crate::model::{CustomerId, DeviceId, Sequence, ServerTime};

/// What the keys of everything of one customer begin with.
pub(super) fn of_customer(customer: &CustomerId) -> Vec<u8> {
    [customer.as_str().as_bytes(), b"\0"].concat()
}

/// A customer's decision or trigger.
pub(super) fn owned(customer: &CustomerId, id: &str) -> Vec<u8> {
    [customer.as_str().as_bytes(), b"\0", id.as_bytes()].concat()
}

/// A moment, so that keys are in the order of time. Moments before 1970 count as 1970.
pub(super) fn moment(time: ServerTime) -> [u8; 8] {
    time.0.max(0).to_be_bytes()
}

/// How many bytes of a key a moment takes.
pub(super) const MOMENT_BYTES: usize = 8;

/// What the keys of the traces of one device begin with.
pub(super) fn of_device(customer: &CustomerId, device: &DeviceId) -> Vec<u8> {
    [customer.as_str().as_bytes(), b"\0", device.as_str().as_bytes(), b"\0"].concat()
}

/// A ping of a device under trace.
pub(super) fn traced(customer: &CustomerId, device: &DeviceId, sequence: Sequence) -> Vec<u8> {
    let mut key = of_device(customer, device);
    key.extend_from_slice(&sequence.0.to_be_bytes());
    key
}
