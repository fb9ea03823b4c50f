//! All that is known of one customer: one record, committed as a whole.

use super::{DeviceClock, Order, Sequences};
use crate::model::preferences::{self, CHANGES_MAX};
use crate::model::{AppState, Customer, Device, DeviceId, Ping, Preference, PreferenceChange, ServerTime, TriggerId};
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
    /// How consent and preferences were changed, the latest last; at most
    /// [`CHANGES_MAX`](crate::model::preferences::CHANGES_MAX).
    pub changes: Vec<PreferenceChange>,
    /// Whether the consent has expired, and what it allowed is forgotten.
    pub lapsed: bool,
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
            changes: Vec::new(),
            lapsed: false,
        }
    }

    /// Replaces what is known of the person, and keeps what was changed. Without consent, what was derived from
    /// positions is forgotten; a consent that is granted anew begins anew.
    pub fn change(&mut self, customer: Customer, now: ServerTime, source: &str) {
        self.remember(preferences::changes(&self.customer, &customer, now, source));
        self.customer = customer;
        if self.customer.consents(now) {
            self.lapsed = false;
        } else if !self.lapse(now) {
            self.forget_positions();
        }
    }

    /// When the consent expires; absent when it does not, or has, and what it allowed is forgotten.
    pub fn lapses(&self) -> Option<ServerTime> {
        self.customer.consent.as_ref().filter(|consent| consent.granted && !self.lapsed)?.expires
    }

    /// Forgets what was derived from the customer's positions where the consent has expired by now and that was not done
    /// yet; whether it was so. Whoever drives the engine asks this first: the engine refuses pings without consent, and
    /// forgets nothing.
    pub fn lapse(&mut self, now: ServerTime) -> bool {
        let Some(at) = self.lapses().filter(|at| now >= *at) else { return false };
        self.forget_positions();
        self.lapsed = true;
        let change = Preference::ConsentExpired;
        self.remember([PreferenceChange { at, source: String::new(), change }]);
        true
    }

    /// Keeps the latest changes.
    fn remember(&mut self, changes: impl IntoIterator<Item = PreferenceChange>) {
        self.changes.extend(changes);
        let spare = self.changes.len().saturating_sub(CHANGES_MAX);
        self.changes.drain(..spare);
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
            device.front = None;
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
    /// When its push address was last registered, whether it changed or not; absent: not known.
    pub addressed: Option<ServerTime>,
    /// When its latest ping was taken, if the app was in front then; absent: it was not, or the ping did not say.
    pub front: Option<ServerTime>,
}

impl DeviceState {
    /// Notes whether the app is in front, as the latest ping says.
    pub(super) fn see_app(&mut self, ping: &Ping, now: ServerTime) {
        if self.presence.latest.is_some_and(|latest| ping.observed < latest) {
            return;
        }
        let taken = (ServerTime(ping.observed.0) + self.clock.behind()).min(now);
        self.front = match ping.app {
            AppState::Foreground => Some(taken),
            AppState::Background | AppState::Unknown => None,
        };
    }

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
            addressed: None,
            front: None,
        }
    }

    /// Drops the push address, which somebody said nobody is at since then; whether it was still that one, and not
    /// registered again later.
    pub fn drop_address(&mut self, address: &str, since: ServerTime) -> bool {
        let stale = self.device.push_address == address && self.addressed.is_none_or(|at| at <= since);
        if stale {
            self.device.push_address.clear();
        }
        stale
    }
}
