//! Stored records, `proto/doorstep/store/v1`: what the store's values hold, to the model and back.
//!
//! A record that does not decode is damaged, or was written by a newer version; either way it is reported, never
//! passed over.

use super::store::v1 as stored;
use super::{customer, each, name, presence, required, time, trace, trigger, v1};
use crate::engine::{CustomerState, DeviceClock, DeviceState, Order, Sequences, WAITING_MAX, Waiting};
use crate::model::customer::DEVICES_MAX;
use crate::model::invalid::at_most;
use crate::model::preferences::CHANGES_MAX;
use crate::model::{
    Campaign, CustomerId, Decision, Device, Invalid, Journey, Millis, Ping, Place, PreferenceChange, Region,
    ServerTime, Topic, TriggerId, Zone,
};
use crate::presence::DevicePresence;
use crate::qualify::{Events, HELD_MAX, Held, Stages, Visits};
use crate::report::Exposures;
use crate::store::{StoredTrigger, TraceEntry};
use prost::Message;

/// Most ranges of kept sequence numbers of one device.
const RANGES_MAX: usize = 64;

/// A value that is kept in the store as a message of its own.
pub(crate) trait Record: Sized {
    /// The message's bytes.
    fn encode(&self) -> Vec<u8>;

    /// Parses a message's bytes; fails with what does not decode.
    fn decode(bytes: &[u8]) -> Result<Self, String>;
}

/// A trigger that remains to be delivered, as it stands in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) customer: CustomerId,
    pub(crate) trigger: TriggerId,
    pub(crate) attempts_made: u32,
    pub(crate) next_attempt: Option<ServerTime>,
}

/// A pointer to a trigger, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) customer: CustomerId,
    pub(crate) trigger: TriggerId,
}

/// Decodes a message, and takes the part of it that must be there.
fn part<M: Message + Default, T>(bytes: &[u8], field: &str, get: impl Fn(M) -> Option<T>) -> Result<T, String> {
    let message = M::decode(bytes).map_err(|error| error.to_string())?;
    required(field, get(message)).map_err(|why| why.to_string())
}

/// A record whose message does nothing but embed a message of the contract.
macro_rules! embedded {
    ($($model:ident as $record:ident . $field:ident: $message:ident;)*) => { $(
        impl Record for $model {
            fn encode(&self) -> Vec<u8> {
                stored::$record { $field: Some(v1::$message::from(self)) }.encode_to_vec()
            }

            fn decode(bytes: &[u8]) -> Result<Self, String> {
                let part: v1::$message = part(bytes, stringify!($field), |record: stored::$record| record.$field)?;
                Self::try_from(part).map_err(|why| why.under(stringify!($field)).to_string())
            }
        }
    )* };
}

embedded! {
    Place as PlaceRecord.place: Place;
    Region as RegionRecord.region: Region;
    Campaign as CampaignRecord.campaign: Campaign;
    Journey as JourneyRecord.journey: Journey;
    Topic as TopicRecord.topic: Topic;
    Zone as ZoneRecord.zone: Zone;
    Decision as DecisionRecord.decision: Decision;
}

impl Record for TraceEntry {
    fn encode(&self) -> Vec<u8> {
        stored::TraceRecord { entry: Some(self.into()) }.encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let entry = part(bytes, "entry", |record: stored::TraceRecord| record.entry)?;
        trace::entry(entry).map_err(|why| why.under("entry").to_string())
    }
}

impl Record for StoredTrigger {
    fn encode(&self) -> Vec<u8> {
        stored::TriggerRecord {
            trigger: Some(trigger::trigger_message(
                &self.trigger,
                self.state,
                &self.attempts,
                &self.receipts,
                self.offered,
            )),
            attempts_made: self.attempts_made,
            log_revision: self.log_revision.map_or(0, |revision| revision.0),
        }
        .encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let record = stored::TriggerRecord::decode(bytes).map_err(|error| error.to_string())?;
        let (trigger, told) = required("trigger", record.trigger)
            .and_then(|wire| trigger::trigger(wire).map_err(|why| why.under("trigger")))
            .map_err(|why| why.to_string())?;
        let log_revision = (record.log_revision != 0).then_some(crate::store::Revision(record.log_revision));
        let trigger::Told { state, attempts, receipts, offered } = told;
        Ok(Self { trigger, state, attempts, attempts_made: record.attempts_made, receipts, offered, log_revision })
    }
}

impl Record for Queued {
    fn encode(&self) -> Vec<u8> {
        stored::OutboxRecord {
            customer: self.customer.to_string(),
            trigger: self.trigger.to_string(),
            attempts_made: self.attempts_made,
            next_attempt_time: self.next_attempt.map(Into::into),
        }
        .encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let record = stored::OutboxRecord::decode(bytes).map_err(|error| error.to_string())?;
        let parse = || {
            let next_attempt = record.next_attempt_time.map(|at| time::server_time("next_attempt_time", at));
            Ok::<_, Invalid>(Self {
                customer: CustomerId::parse("customer", &record.customer)?,
                trigger: TriggerId::parse("trigger", &record.trigger)?,
                attempts_made: record.attempts_made,
                next_attempt: next_attempt.transpose()?,
            })
        };
        parse().map_err(|why| why.to_string())
    }
}

impl Record for Logged {
    fn encode(&self) -> Vec<u8> {
        let (customer, trigger) = (self.customer.to_string(), self.trigger.to_string());
        stored::LogRecord { customer, trigger }.encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let record = stored::LogRecord::decode(bytes).map_err(|error| error.to_string())?;
        let customer = CustomerId::parse("customer", &record.customer).map_err(|why| why.to_string())?;
        let trigger = TriggerId::parse("trigger", &record.trigger).map_err(|why| why.to_string())?;
        Ok(Self { customer, trigger })
    }
}

impl Record for CustomerState {
    fn encode(&self) -> Vec<u8> {
        let devices = self.devices.values().map(|device| device_message(&self.customer.id, device));
        stored::CustomerRecord {
            customer: Some((&self.customer).into()),
            devices: devices.collect(),
            ledger: Some((&self.ledger).into()),
            held: self.held.iter().map(Into::into).collect(),
            events: (self.events != Events::default()).then(|| (&self.events).into()),
            visits: (self.visits != Visits::default()).then(|| (&self.visits).into()),
            stages: (self.stages != Stages::default()).then(|| (&self.stages).into()),
            exposures: (self.exposures != Exposures::default()).then(|| (&self.exposures).into()),
            preference_changes: self.changes.iter().map(Into::into).collect(),
            lapsed: self.lapsed,
        }
        .encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let record = stored::CustomerRecord::decode(bytes).map_err(|error| error.to_string())?;
        customer_state(record).map_err(|why| why.to_string())
    }
}

fn customer_state(record: stored::CustomerRecord) -> Result<CustomerState, Invalid> {
    let customer = required("customer", record.customer)?;
    // Every stored answer about consent bears its time, so the default does not matter.
    let customer = customer::customer(customer, ServerTime(0)).map_err(|why| why.under("customer"))?;
    at_most("devices", record.devices.len(), DEVICES_MAX)?;
    let devices = each("devices", record.devices, |wire| device(&customer.id, wire))?;
    let ledger = record.ledger.unwrap_or_default().try_into().map_err(|why: Invalid| why.under("ledger"))?;
    let devices = devices.into_iter().map(|own| (own.device.id.clone(), own)).collect();
    at_most("held", record.held.len(), HELD_MAX)?;
    let held = each("held", record.held, Held::try_from)?;
    let events = record.events.map(Events::try_from).transpose().map_err(|why| why.under("events"))?;
    let visits = record.visits.map(Visits::try_from).transpose().map_err(|why| why.under("visits"))?;
    let stages = record.stages.map(Stages::try_from).transpose().map_err(|why| why.under("stages"))?;
    let exposures = record.exposures.map(Exposures::try_from).transpose().map_err(|why| why.under("exposures"))?;
    at_most("preference_changes", record.preference_changes.len(), CHANGES_MAX)?;
    let changes = each("preference_changes", record.preference_changes, PreferenceChange::try_from)?;
    Ok(CustomerState {
        customer,
        devices,
        ledger,
        held,
        events: events.unwrap_or_default(),
        visits: visits.unwrap_or_default(),
        stages: stages.unwrap_or_default(),
        exposures: exposures.unwrap_or_default(),
        changes,
        lapsed: record.lapsed,
    })
}

fn device_message(customer: &CustomerId, own: &DeviceState) -> stored::DeviceRecord {
    let range = |&(first, last): &(u64, u64)| stored::SequenceRange { first, last };
    stored::DeviceRecord {
        device: Some(customer::device_message(customer, &own.device)),
        presence: Some((&own.presence).into()),
        kept: own.kept.ranges().iter().map(range).collect(),
        trace_until_time: own.trace_until.map(Into::into),
        history: (own.history != DevicePresence::default()).then(|| (&own.history).into()),
        next_sequence: own.order.next,
        waiting: own.order.waiting.iter().map(waiting_message).collect(),
        front_time: own.front.map(Into::into),
        clock: (own.clock != DeviceClock::default()).then(|| clock_message(&own.clock)),
        push_address_time: own.addressed.map(Into::into),
    }
}

fn device(customer: &CustomerId, record: stored::DeviceRecord) -> Result<DeviceState, Invalid> {
    let wire = required("device", record.device)?;
    let (owner, device): (CustomerId, Device) = customer::device(&wire).map_err(|why| why.under("device"))?;
    if owner != *customer {
        return Err(Invalid::new(
            "device.name",
            format!("is {}; must belong to {}", wire.name, name::customer_name(customer)),
        ));
    }
    let presence = presence::presence(record.presence.unwrap_or_default()).map_err(|why| why.under("presence"))?;
    let trace_until = record.trace_until_time.map(|at| time::server_time("trace_until_time", at)).transpose()?;
    let addressed = record.push_address_time.map(|at| time::server_time("push_address_time", at)).transpose()?;
    let history = record.history.map(presence::presence).transpose().map_err(|why| why.under("history"))?;
    at_most("waiting", record.waiting.len(), WAITING_MAX + 1)?;
    let order = Order { next: record.next_sequence, waiting: each("waiting", record.waiting, waiting)? };
    let front = record.front_time.map(|at| time::server_time("front_time", at)).transpose()?;
    let clock = record.clock.map(clock).transpose().map_err(|why| why.under("clock"))?;
    Ok(DeviceState {
        device,
        presence,
        history: history.unwrap_or_default(),
        order,
        clock: clock.unwrap_or_default(),
        kept: sequences(&record.kept)?,
        trace_until,
        addressed,
        front,
    })
}

fn waiting_message(waiting: &Waiting) -> stored::WaitingPing {
    stored::WaitingPing { ping: Some((&waiting.ping).into()), receive_time: Some(waiting.received.into()) }
}

fn waiting(record: stored::WaitingPing) -> Result<Waiting, Invalid> {
    let ping = Ping::try_from(required("ping", record.ping)?).map_err(|why| why.under("ping"))?;
    Ok(Waiting { ping, received: moment("receive_time", record.receive_time)? })
}

fn clock_message(clock: &DeviceClock) -> stored::DeviceClock {
    stored::DeviceClock {
        lag_min_ms: clock.lag_min.0,
        lag_max_ms: clock.lag_max.0,
        since_time: Some(clock.since.into()),
        until_time: Some(clock.until.into()),
        pings: clock.pings,
    }
}

fn clock(record: stored::DeviceClock) -> Result<DeviceClock, Invalid> {
    Ok(DeviceClock {
        lag_min: Millis(record.lag_min_ms),
        lag_max: Millis(record.lag_max_ms),
        since: moment("since_time", record.since_time)?,
        until: moment("until_time", record.until_time)?,
        pings: record.pings,
    })
}

fn moment(field: &str, at: Option<prost_types::Timestamp>) -> Result<ServerTime, Invalid> {
    time::server_time(field, required(field, at)?)
}

fn sequences(ranges: &[stored::SequenceRange]) -> Result<Sequences, Invalid> {
    at_most("kept", ranges.len(), RANGES_MAX)?;
    let mut end = None;
    for (index, range) in ranges.iter().enumerate() {
        // Ranges that touch would be one.
        let apart = end.is_none_or(|end: u64| end.checked_add(1).is_some_and(|next| range.first > next));
        if !apart || range.last < range.first {
            let problem =
                format!("is {} to {}; must be ascending and apart from the one before", range.first, range.last);
            return Err(Invalid::new("", problem).at("kept", index));
        }
        end = Some(range.last);
    }
    Ok(Sequences::from_ranges(ranges.iter().map(|range| (range.first, range.last))))
}
