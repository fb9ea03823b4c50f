//! All that is known of one customer: one record, committed as a whole.

use super::{DeviceClock, Order, Sequences};
use crate::model::{Customer, Device, DeviceId, ServerTime, TriggerId};
use crate::presence::DevicePresence;
use crate::qualify::{Events, Held, Ledger, Stages, Visits};
use crate::report::Exposures;
use std::collections::BTreeMap;

/// One customer with devices, presence and ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerState {
    /// The person.
    pub customer: Customer,
    /// The person's devices.
    pub devices: BTreeMap<DeviceId, DeviceState>,
    /// What the person was sent.
    pub ledger: Ledger,
    /// What waits to be said, at most [`HELD_MAX`](crate::qualify::HELD_MAX).
    pub held: Vec<Held>,
    /// What the person did elsewhere.
    pub events: Events,
    /// How often the person visited each brand.
    pub visits: Visits,
    /// At which stage of each journey the person is.
    pub stages: Stages,
    /// The messages, and ghosts of such, to which later events are attributed.
    pub exposures: Exposures,
}

impl CustomerState {
    /// A customer without devices, who was never sent anything.
    pub fn new(customer: Customer) -> Self {
        Self {
            customer,
            devices: BTreeMap::new(),
            ledger: Ledger::default(),
            held: Vec::new(),
            events: Events::default(),
            visits: Visits::default(),
            stages: Stages::default(),
            exposures: Exposures::default(),
        }
    }

    /// Gives back what a trigger that ended undelivered took: its budget, and the step that it led on in a journey.
    /// Whether there was such a trigger; a second time changes nothing. It stays among the exposures: a ghost can't end
    /// undelivered, and the groups must be drawn alike.
    pub fn refund(&mut self, trigger: &TriggerId) -> bool {
        let known = self.ledger.refund(trigger);
        if known {
            self.stages.take_back(trigger);
        }
        known
    }

    /// Forgets all that was derived from the customer's positions.
    pub fn forget_positions(&mut self) {
        self.held.clear();
        for device in self.devices.values_mut() {
            device.presence = DevicePresence::default();
            device.history = DevicePresence::default();
            device.order.waiting.clear();
            device.trace_until = None;
        }
        self.visits = Visits::default();
        self.stages.forget_positions();
        self.exposures = Exposures::default();
    }
}

/// One device with its presence.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceState {
    /// The device.
    pub device: Device,
    /// Where it is, as far as its pings tell.
    pub presence: DevicePresence,
    /// Where it was, as far as pings tell that came after later ones: a presence of its own, which triggers nothing.
    pub history: DevicePresence,
    /// The pings that wait for earlier ones.
    pub order: Order,
    /// How far its clock is off.
    pub clock: DeviceClock,
    /// The sequence numbers that were kept.
    pub kept: Sequences,
    /// Until when each of its pings is recorded in full.
    pub trace_until: Option<ServerTime>,
}

impl DeviceState {
    /// A device that has not reported yet.
    pub fn new(device: Device) -> Self {
        Self {
            device,
            presence: DevicePresence::default(),
            history: DevicePresence::default(),
            order: Order::default(),
            clock: DeviceClock::default(),
            kept: Sequences::default(),
            trace_until: None,
        }
    }
}
