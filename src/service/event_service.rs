//! Serves `EventService`: from a batch of events to what was recorded, one commit a customer.

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::errors::Failure;
use super::hot::{HotCustomers, Slot};
use super::task::{self, to_the_end};
use crate::engine::{CustomerState, Engine, Manners, NONE_OPEN};
use crate::model::{Customer, CustomerId, DeviceTime, Event, Invalid};
use crate::presence::PresenceConfig;
use crate::qualify::{CURRENCIES_MAX, EVENT_AHEAD_MAX, EVENT_NAMES_MAX, EventRefusal as Refused, Recorded};
use crate::report::Note;
use crate::store::{CommitError, Records};
use crate::wire::{event as wire, name, v1};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status};
use v1::EventRefusalReason as Why;

/// Most events of one batch.
const EVENTS_MAX: usize = 500;
/// How many customers of one batch are recorded at a time; one commit syncs them together.
const AT_ONCE: usize = 64;
/// How often a customer's events are recorded again after another commit changed the customer.
const CONFLICT_RETRIES: usize = 16;

/// Serves `EventService` over the records.
#[derive(Clone)]
pub(super) struct Events {
    records: Records,
    catalogue: CatalogueCell,
    clock: Clock,
    hot: HotCustomers,
}

/// What became of one event, by its place in the batch.
type Became = (usize, Result<bool, (Why, String)>);

impl Events {
    /// Records into these records. Customers at hand stay so, with their events.
    pub(super) fn new(records: Records, catalogue: CatalogueCell, clock: Clock, hot: HotCustomers) -> Self {
        Self { records, catalogue, clock, hot }
    }

    async fn record(&self, request: v1::RecordEventsRequest) -> Result<v1::RecordEventsResponse, Failure> {
        let v1::RecordEventsRequest { events, allow_missing } = request;
        if events.is_empty() || events.len() > EVENTS_MAX {
            let problem = format!("has {} entries; must have 1 to {EVENTS_MAX}", events.len());
            return Err(Invalid::new("events", problem).into());
        }
        let ids: Vec<String> = events.iter().map(|event| event.event_id.clone()).collect();
        let mut became: Vec<Became> = Vec::with_capacity(events.len());
        let mut by_customer: BTreeMap<CustomerId, Vec<(usize, Event)>> = BTreeMap::new();
        for (index, event) in events.into_iter().enumerate() {
            match wire::event(event) {
                Ok((customer, event)) => by_customer.entry(customer).or_default().push((index, event)),
                Err(why) => became.push((index, Err((Why::Invalid, why.to_string())))),
            }
        }
        let (mut tasks, turns) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
        for (customer, events) in by_customer {
            let (own, turns) = (self.clone(), turns.clone());
            tasks.spawn(async move {
                // The semaphore is never closed.
                let _turn = turns.acquire().await.ok();
                own.record_of(&customer, &events, allow_missing).await
            });
        }
        while let Some(ended) = tasks.join_next().await {
            became.extend(task::joined(ended)??);
        }
        became.sort_by_key(|(index, _)| *index);
        Ok(answer(became, &ids))
    }

    /// Records the events of one customer in one commit.
    async fn record_of(
        &self,
        customer: &CustomerId,
        events: &[(usize, Event)],
        allow_missing: bool,
    ) -> Result<Vec<Became>, Failure> {
        let slot = self.hot.slot(customer);
        let became = self.record_with(&slot, customer, events, allow_missing).await;
        // A name of nobody takes no room among the customers at hand.
        self.hot.release(customer, slot);
        became
    }

    async fn record_with(
        &self,
        slot: &Slot,
        customer: &CustomerId,
        events: &[(usize, Event)],
        allow_missing: bool,
    ) -> Result<Vec<Became>, Failure> {
        let refused = |why, problem: &str| {
            let subject = name::customer_name(customer);
            let all = events.iter().map(|(index, _)| (*index, Err((why, format!("{subject} {problem}")))));
            Ok(all.collect())
        };
        let mut hot = slot.lock().await;
        for _ in 0..CONFLICT_RETRIES {
            let at_hand = hot.take();
            let fresh = at_hand.is_none();
            let loaded = match at_hand {
                Some(loaded) => Some(loaded),
                None => self.records.load_customer(customer)?,
            };
            let (mut state, revision) = match loaded {
                Some((state, revision)) => (state, Some(revision)),
                None if allow_missing => (CustomerState::new(Customer::new(customer.clone())), None),
                None => return refused(Why::CustomerNotFound, "does not exist; create it, or set allow_missing"),
            };
            let mut notes = Vec::new();
            let became = self.take(&mut state, events, &mut notes);
            let changed = became.iter().any(|(_, outcome)| *outcome == Ok(true));
            let committed = match revision {
                Some(revision) if !changed => {
                    // Without a commit nothing has shown that the record at hand is still the present one.
                    if !fresh {
                        continue;
                    }
                    Ok(revision)
                }
                None if !changed => return Ok(became),
                Some(revision) => self.records.save_and_count(&state, revision, &notes).await,
                None => self.records.create_customer(&state).await,
            };
            match committed {
                Ok(revision) => {
                    *hot = Some((state, revision));
                    return Ok(became);
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        refused(Why::Contended, "was changed by others again and again; send the event once more")
    }

    /// Takes the events in the order in which they happened.
    fn take(&self, state: &mut CustomerState, events: &[(usize, Event)], notes: &mut Vec<Note>) -> Vec<Became> {
        let catalogue = self.catalogue.snapshot();
        let engine = Engine {
            catalogue: &catalogue,
            presence: &PresenceConfig::default(),
            manners: Manners::default(),
            open: &NONE_OPEN,
        };
        let mut in_order: Vec<&(usize, Event)> = events.iter().collect();
        in_order.sort_by_key(|(index, event)| (event.at, *index));
        let became = in_order.into_iter().map(|(index, event)| {
            let now = self.clock.now_at(DeviceTime(event.at.0));
            let outcome = match engine.record(state, event, now, notes) {
                Recorded::Counted => Ok(true),
                Recorded::Repeated => Ok(false),
                Recorded::Refused(why) => Err(told(why, event)),
            };
            (*index, outcome)
        });
        became.collect()
    }
}

#[tonic::async_trait]
impl v1::event_service_server::EventService for Events {
    async fn record_events(
        &self,
        request: Request<v1::RecordEventsRequest>,
    ) -> Result<Response<v1::RecordEventsResponse>, Status> {
        let (own, request) = (self.clone(), request.into_inner());
        let recorded = to_the_end(async move { own.record(request).await }).await?;
        Ok(Response::new(recorded))
    }
}

fn answer(became: Vec<Became>, ids: &[String]) -> v1::RecordEventsResponse {
    let mut answer = v1::RecordEventsResponse::default();
    for (index, outcome) in became {
        match outcome {
            Ok(true) => answer.recorded_count += 1,
            Ok(false) => answer.repeated_count += 1,
            Err((reason, detail)) => answer.refusals.push(v1::EventRefusal {
                index: i32::try_from(index).unwrap_or(i32::MAX),
                event_id: ids.get(index).map(|id| id.chars().take(100).collect()).unwrap_or_default(),
                reason: reason.into(),
                detail,
            }),
        }
    }
    answer
}

fn told(why: Refused, event: &Event) -> (Why, String) {
    match why {
        Refused::FromTheFuture { ahead } => {
            let problem =
                format!("event_time is {ahead} ahead of the server's clock; at most {EVENT_AHEAD_MAX} are allowed");
            (Why::FromTheFuture, problem)
        }
        Refused::TooManyNames => {
            let problem =
                format!("event_name is {}, but {EVENT_NAMES_MAX} others are kept of this customer", event.name);
            (Why::TooManyNames, problem)
        }
        Refused::TooManyCurrencies => {
            let problem = format!("worth.currency is new, but events {} come in {CURRENCIES_MAX} others", event.name);
            (Why::TooManyCurrencies, problem)
        }
    }
}
