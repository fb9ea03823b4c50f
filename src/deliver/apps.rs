//! The apps that can be spoken to: those that have a stream open, and what was offered to them.
//!
//! An offer is made after it is durable, and stands until the app confirms it or it is withdrawn. An app whose stream
//! breaks and comes back meanwhile is offered it again.

use super::Parcel;
use crate::model::{CustomerId, DeviceId, TriggerId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Most offers that stand for one device; what comes on top is not shown in the app, and withdrawn in its time.
const OFFERS_MAX: usize = 16;
/// Notices that wait for a slow stream; what comes on top is left out, and offered again when the stream comes back.
const NOTICES_QUEUED: usize = 2 * OFFERS_MAX;

/// The apps of everybody. Clones share them.
#[derive(Clone, Default)]
pub struct Apps {
    lines: Arc<Mutex<BTreeMap<CustomerId, BTreeMap<DeviceId, Line>>>>,
}

/// The line to one device.
#[derive(Default)]
struct Line {
    /// How often a stream was opened, and the present one.
    opened: u64,
    stream: Option<mpsc::Sender<Notice>>,
    offers: BTreeMap<TriggerId, Parcel>,
}

/// What an app is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Show this, and confirm it.
    Offer(Box<Parcel>),
    /// Do not show that any more, if it was not shown yet.
    Withdraw(TriggerId),
}

/// A stream that is open, until it is dropped.
pub struct Connection {
    apps: Apps,
    customer: CustomerId,
    device: DeviceId,
    opened: u64,
    notices: mpsc::Receiver<Notice>,
}

impl Apps {
    /// The devices of a customer that have a stream open.
    pub fn open(&self, customer: &CustomerId) -> BTreeSet<DeviceId> {
        let lines = self.lines();
        let devices = lines.get(customer).into_iter().flatten();
        devices.filter(|(_, line)| line.stream.is_some()).map(|(device, _)| device.clone()).collect()
    }

    /// Opens a stream of a device, in the stead of one that it had. What was offered and neither confirmed nor
    /// withdrawn is offered again.
    pub fn connect(&self, customer: &CustomerId, device: &DeviceId) -> Connection {
        let (sender, notices) = mpsc::channel(NOTICES_QUEUED);
        let mut lines = self.lines();
        let line = lines.entry(customer.clone()).or_default().entry(device.clone()).or_default();
        for parcel in line.offers.values() {
            // There is room: it is new.
            let _ = sender.try_send(Notice::Offer(Box::new(parcel.clone())));
        }
        line.opened += 1;
        line.stream = Some(sender);
        let (apps, customer, device) = (self.clone(), customer.clone(), device.clone());
        Connection { apps, customer, device, opened: line.opened, notices }
    }

    /// Offers a message to the app that it goes to, now or as soon as its stream is open again.
    pub fn offer(&self, parcel: Parcel) {
        let mut lines = self.lines();
        let line = lines.entry(parcel.customer.clone()).or_default().entry(parcel.device.clone()).or_default();
        if line.offers.len() < OFFERS_MAX || line.offers.contains_key(&parcel.id) {
            line.tell(Notice::Offer(Box::new(parcel.clone())));
            line.offers.insert(parcel.id.clone(), parcel);
        }
    }

    /// Takes an offer back, and tells the app.
    pub fn withdraw(&self, customer: &CustomerId, device: &DeviceId, trigger: &TriggerId) {
        self.end(customer, device, trigger, true);
    }

    /// Forgets an offer that the app has confirmed.
    pub fn confirm(&self, customer: &CustomerId, device: &DeviceId, trigger: &TriggerId) {
        self.end(customer, device, trigger, false);
    }

    fn end(&self, customer: &CustomerId, device: &DeviceId, trigger: &TriggerId, tell: bool) {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(customer).and_then(|devices| devices.get_mut(device)) else { return };
        if line.offers.remove(trigger).is_some() && tell {
            line.tell(Notice::Withdraw(trigger.clone()));
        }
        prune(&mut lines, customer, device);
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<CustomerId, BTreeMap<DeviceId, Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn tell(&self, notice: Notice) {
        if let Some(stream) = &self.stream {
            // A stream that takes nothing more is slow or gone.
            let _ = stream.try_send(notice);
        }
    }
}

/// Forgets lines on which nothing is.
fn prune(lines: &mut BTreeMap<CustomerId, BTreeMap<DeviceId, Line>>, customer: &CustomerId, device: &DeviceId) {
    let Some(devices) = lines.get_mut(customer) else { return };
    if devices.get(device).is_some_and(|line| line.stream.is_none() && line.offers.is_empty()) {
        devices.remove(device);
    }
    if devices.is_empty() {
        lines.remove(customer);
    }
}

impl Connection {
    /// What the app is to be told next. Absent when another stream of the device took this one's place.
    pub async fn next(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut lines = self.apps.lines();
        let line = lines.get_mut(&self.customer).and_then(|devices| devices.get_mut(&self.device));
        if let Some(line) = line.filter(|line| line.opened == self.opened) {
            line.stream = None;
        }
        prune(&mut lines, &self.customer, &self.device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::compose::{compose, tests};
    use crate::model::ServerTime;

    fn drain(connection: &mut Connection) -> Vec<Notice> {
        std::iter::from_fn(|| connection.notices.try_recv().ok()).collect()
    }

    #[test]
    fn an_offer_stands_until_it_is_confirmed_or_withdrawn() {
        let apps = Apps::default();
        let parcel = |n| compose(&tests::trigger("ann", ServerTime(n)), &tests::device());
        let offer = |n| Notice::Offer(Box::new(parcel(n)));
        let (ann, phone) = (parcel(1).customer, parcel(1).device);
        assert!(apps.open(&ann).is_empty());
        let mut first = apps.connect(&ann, &phone);
        assert_eq!(apps.open(&ann), BTreeSet::from([phone.clone()]));
        apps.offer(parcel(1));
        apps.offer(parcel(2));
        assert_eq!(drain(&mut first).len(), 2);
        apps.confirm(&ann, &phone, &parcel(1).id);
        assert_eq!(drain(&mut first), []);

        let mut second = apps.connect(&ann, &phone);
        drop(first);
        assert_eq!(drain(&mut second), [offer(2)], "it came back, and is offered the rest again");
        assert!(!apps.open(&ann).is_empty(), "the end of the first stream is not that of the second");
        apps.withdraw(&ann, &phone, &parcel(2).id);
        apps.withdraw(&ann, &phone, &parcel(2).id);
        assert_eq!(drain(&mut second), [Notice::Withdraw(parcel(2).id)]);

        drop(second);
        apps.offer(parcel(3));
        assert_eq!(drain(&mut apps.connect(&ann, &phone)), [offer(3)], "it was offered while no stream was open");
        apps.withdraw(&ann, &phone, &parcel(3).id);
        assert!(apps.lines().is_empty(), "nothing is left behind");
        for n in 0..100 {
            apps.offer(parcel(n));
        }
        assert_eq!(drain(&mut apps.connect(&ann, &phone)).len(), OFFERS_MAX);
    }
}
