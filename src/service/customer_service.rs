//! Serves `CustomerService`: people and their devices.
//!
//! A change loads the customer's record, decides, and commits on the condition that the record is still the one
//! that was loaded; when it is not, it decides again. No lock is needed, on this server or another.

use super::clock::Clock;
use super::errors::Failure;
use super::hot::HotCustomers;
use super::page::Wanted;
use super::task::to_the_end;
use super::timers::Timers;
use crate::engine::{CustomerState, DeviceState};
use crate::model::customer::{DEVICES_MAX, TOPICS_MAX};
use crate::model::event::change_traits;
use crate::model::{Customer, CustomerId, Device, DeviceId, EventId, Invalid, ServerTime};
use crate::store::{CommitError, Erasure, Records};
use crate::wire::mask::merge;
use crate::wire::{customer as wire, event, name, preferences, required, v1};
use std::ops::Bound;
use tonic::{Request, Response, Status};

/// How often a change is decided again after another commit changed the customer.
const CONFLICT_RETRIES: usize = 16;

/// Serves `CustomerService` over the records.
#[derive(Clone)]
pub(super) struct Customers {
    records: Records,
    clock: Clock,
    hot: HotCustomers,
    timers: Timers,
}

impl Customers {
    /// Serves and changes these records; those of whom something is erased leave the customers at hand.
    pub(super) fn new(records: Records, clock: Clock, hot: HotCustomers, timers: Timers) -> Self {
        Self { records, clock, hot, timers }
    }

    fn load(&self, id: &CustomerId) -> Result<CustomerState, Failure> {
        self.records.load_customer(id)?.map(|(state, _)| state).ok_or_else(|| missing(id))
    }

    async fn update(&self, request: v1::UpdateCustomerRequest) -> Result<CustomerState, Failure> {
        let v1::UpdateCustomerRequest { customer, update_mask, allow_missing } = request;
        let patch = required("customer", customer)?;
        let id = name::customer("customer.name", &patch.name)?;
        let now = self.clock.now();
        let changed = change(&self.records, &id, |before| match before {
            Some(mut state) => {
                let merged = merge(v1::Customer::from(&state.customer), &patch, update_mask.as_ref())?;
                let dated = merged.location_consent.as_ref().is_some_and(|answer| answer.answer_time.is_some());
                let mut customer = parse_customer(merged, now)?;
                if dated && is_outdated(&customer, &state.customer) {
                    customer.consent.clone_from(&state.customer.consent);
                }
                state.change(customer, now, "UpdateCustomer");
                Ok(state)
            }
            None if allow_missing => Ok(begun(parse_customer(patch.clone(), now)?, now, "UpdateCustomer")),
            None => Err(missing(&id)),
        })
        .await;
        self.hot.evict(&id);
        if let Some(at) = changed.as_ref().ok().and_then(CustomerState::lapses)
            && self.timers.misses(&id, at)
        {
            self.records.set_timer(&id, at).await.map_err(|error| failed(error, &id))?;
            self.timers.set(&id, Some(at));
        }
        changed
    }

    async fn change_preferences(&self, request: v1::ChangePreferencesRequest) -> Result<CustomerState, Failure> {
        let v1::ChangePreferencesRequest { name, changes, source, request_id, allow_missing } = request;
        let id = name::customer("name", &name)?;
        let settings = preferences::settings(changes)?;
        let source = preferences::source(&source)?;
        let resend = resend(&request_id)?;
        let now = self.clock.now();
        let changed = change(&self.records, &id, |before| {
            let mut state = match before {
                Some(state) => state,
                None if allow_missing => CustomerState::new(Customer::new(id.clone())),
                None => return Err(missing(&id)),
            };
            if resend.as_ref().is_some_and(|resend| state.events.knows_change("preferences", resend)) {
                return Ok(state);
            }
            let mut customer = state.customer.clone();
            for setting in &settings {
                customer.set(setting);
            }
            if customer.topics.len() > TOPICS_MAX {
                return Err(Failure::Precondition {
                    reason: "TOPICS_FULL",
                    subject: name::customer_name(&id),
                    problem: format!(
                        "would have chosen about more than {TOPICS_MAX} topics; take a choice back first"
                    ),
                });
            }
            state.change(customer, now, &source);
            if let Some(resend) = &resend {
                state.events.remember_change("preferences", resend);
            }
            Ok(state)
        })
        .await;
        self.hot.evict(&id);
        changed
    }

    async fn change_traits(&self, request: v1::ChangeTraitsRequest) -> Result<CustomerState, Failure> {
        let v1::ChangeTraitsRequest { name, changes, request_id, allow_missing } = request;
        let id = name::customer("name", &name)?;
        let changes = event::trait_changes(changes)?;
        let resend = resend(&request_id)?;
        let changed = change(&self.records, &id, |before| {
            let mut state = match before {
                Some(state) => state,
                None if allow_missing => CustomerState::new(Customer::new(id.clone())),
                None => return Err(missing(&id)),
            };
            if resend.as_ref().is_some_and(|resend| state.events.knows_change("traits", resend)) {
                return Ok(state);
            }
            change_traits(&mut state.customer.traits, &changes).map_err(|why| Failure::Precondition {
                reason: "TRAITS_DO_NOT_FIT",
                subject: name::customer_name(&id),
                problem: format!("stays as it is: {why}"),
            })?;
            if let Some(resend) = &resend {
                state.events.remember_change("traits", resend);
            }
            Ok(state)
        })
        .await;
        self.hot.evict(&id);
        changed
    }

    async fn update_device(&self, request: v1::UpdateDeviceRequest) -> Result<v1::Device, Failure> {
        let v1::UpdateDeviceRequest { device, update_mask, allow_missing } = request;
        let patch = required("device", device)?;
        let (customer, id) = name::device("device.name", &patch.name)?;
        let now = self.clock.now();
        let state = change(&self.records, &customer, |before| {
            let mut state = before.ok_or_else(|| missing(&customer))?;
            match state.devices.get_mut(&id) {
                Some(own) => {
                    let current = wire::device_message(&customer, &own.device);
                    own.device = parse_device(&merge(current, &patch, update_mask.as_ref())?)?.1;
                    // An address that is registered again, be it the same, is in use again.
                    if !patch.push_address.is_empty() && own.device.push_address == patch.push_address {
                        own.addressed = Some(now);
                    }
                }
                None if allow_missing => add(&mut state, parse_device(&patch)?.1, now)?,
                None => return Err(missing_device(&customer, &id)),
            }
            Ok(state)
        })
        .await?;
        device_of(&state, &id)
    }

    async fn delete(&self, id: &CustomerId) -> Result<(), Failure> {
        let known = self.records.delete_customer(id).await.map_err(|error| failed(error, id));
        self.hot.evict(id);
        if known? { Ok(()) } else { Err(missing(id)) }
    }

    async fn delete_device(&self, customer: &CustomerId, id: &DeviceId) -> Result<(), Failure> {
        let changed = change(&self.records, customer, |before| {
            let mut state = before.ok_or_else(|| missing(customer))?;
            state.devices.remove(id).ok_or_else(|| missing_device(customer, id))?;
            Ok(state)
        })
        .await;
        self.hot.evict(customer);
        changed.map(|_| ())
    }
}

/// By what a change that is sent again is known; absent: it is not to be known.
fn resend(request_id: &str) -> Result<Option<EventId>, Invalid> {
    (!request_id.is_empty()).then(|| EventId::parse("request_id", request_id)).transpose()
}

#[tonic::async_trait]
impl v1::customer_service_server::CustomerService for Customers {
    async fn create_customer(
        &self,
        request: Request<v1::CreateCustomerRequest>,
    ) -> Result<Response<v1::CreateCustomerResponse>, Status> {
        let wire = required("customer", request.into_inner().customer).map_err(Failure::from)?;
        let now = self.clock.now();
        let customer = parse_customer(wire, now)?;
        let state = change(&self.records, &customer.id, |before| match before {
            None => Ok(begun(customer.clone(), now, "CreateCustomer")),
            Some(_) => Err(Failure::AlreadyExists { name: name::customer_name(&customer.id) }),
        })
        .await?;
        Ok(Response::new(v1::CreateCustomerResponse { customer: Some((&state.customer).into()) }))
    }

    async fn get_customer(
        &self,
        request: Request<v1::GetCustomerRequest>,
    ) -> Result<Response<v1::GetCustomerResponse>, Status> {
        let id = name::customer("name", &request.into_inner().name).map_err(Failure::from)?;
        let state = self.load(&id)?;
        Ok(Response::new(v1::GetCustomerResponse { customer: Some(wire::whole_message(&state)) }))
    }

    async fn list_customers(
        &self,
        request: Request<v1::ListCustomersRequest>,
    ) -> Result<Response<v1::ListCustomersResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "customers", &request).map_err(Failure::from)?;
        let after = wanted.after_cursor().map_err(Failure::from)?;
        let page = self.records.list_customers(after.as_ref(), wanted.size).map_err(Failure::from)?;
        let customers = page.items.iter().map(|state| v1::Customer::from(&state.customer)).collect();
        Ok(Response::new(v1::ListCustomersResponse { customers, next_page_token: wanted.token(page.next) }))
    }

    async fn update_customer(
        &self,
        request: Request<v1::UpdateCustomerRequest>,
    ) -> Result<Response<v1::UpdateCustomerResponse>, Status> {
        let (customers, request) = (self.clone(), request.into_inner());
        let state = to_the_end(async move { customers.update(request).await }).await?;
        Ok(Response::new(v1::UpdateCustomerResponse { customer: Some((&state.customer).into()) }))
    }

    async fn change_traits(
        &self,
        request: Request<v1::ChangeTraitsRequest>,
    ) -> Result<Response<v1::ChangeTraitsResponse>, Status> {
        let (customers, request) = (self.clone(), request.into_inner());
        let state = to_the_end(async move { Self::change_traits(&customers, request).await }).await?;
        Ok(Response::new(v1::ChangeTraitsResponse { customer: Some((&state.customer).into()) }))
    }

    async fn change_preferences(
        &self,
        request: Request<v1::ChangePreferencesRequest>,
    ) -> Result<Response<v1::ChangePreferencesResponse>, Status> {
        let (customers, request) = (self.clone(), request.into_inner());
        let state = to_the_end(async move { Self::change_preferences(&customers, request).await }).await?;
        Ok(Response::new(v1::ChangePreferencesResponse { customer: Some((&state.customer).into()) }))
    }

    async fn delete_customer(
        &self,
        request: Request<v1::DeleteCustomerRequest>,
    ) -> Result<Response<v1::DeleteCustomerResponse>, Status> {
        let id = name::customer("name", &request.into_inner().name).map_err(Failure::from)?;
        let customers = self.clone();
        to_the_end(async move { customers.delete(&id).await }).await?;
        Ok(Response::new(v1::DeleteCustomerResponse {}))
    }

    async fn create_device(
        &self,
        request: Request<v1::CreateDeviceRequest>,
    ) -> Result<Response<v1::CreateDeviceResponse>, Status> {
        let wire = required("device", request.into_inner().device).map_err(Failure::from)?;
        let (customer, device) = parse_device(&wire)?;
        let now = self.clock.now();
        let state = change(&self.records, &customer, |before| {
            let mut state = before.ok_or_else(|| missing(&customer))?;
            if state.devices.contains_key(&device.id) {
                return Err(Failure::AlreadyExists { name: name::device_name(&customer, &device.id) });
            }
            add(&mut state, device.clone(), now)?;
            Ok(state)
        })
        .await?;
        Ok(Response::new(v1::CreateDeviceResponse { device: Some(device_of(&state, &device.id)?) }))
    }

    async fn get_device(
        &self,
        request: Request<v1::GetDeviceRequest>,
    ) -> Result<Response<v1::GetDeviceResponse>, Status> {
        let (customer, id) = name::device("name", &request.into_inner().name).map_err(Failure::from)?;
        Ok(Response::new(v1::GetDeviceResponse { device: Some(device_of(&self.load(&customer)?, &id)?) }))
    }

    async fn list_devices(
        &self,
        request: Request<v1::ListDevicesRequest>,
    ) -> Result<Response<v1::ListDevicesResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "devices", &request).map_err(Failure::from)?;
        let customer = name::customer("parent", &request.parent).map_err(Failure::from)?;
        let state = self.load(&customer)?;
        let after = wanted.after_id(DeviceId::parse).map_err(Failure::from)?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = state.devices.range((start, Bound::Unbounded));
        let entries = rest.map(|(id, own)| (id, wire::device_message(&customer, &own.device)));
        let (devices, next_page_token) = wanted.take(entries);
        Ok(Response::new(v1::ListDevicesResponse { devices, next_page_token }))
    }

    async fn update_device(
        &self,
        request: Request<v1::UpdateDeviceRequest>,
    ) -> Result<Response<v1::UpdateDeviceResponse>, Status> {
        let device = Self::update_device(self, request.into_inner()).await?;
        Ok(Response::new(v1::UpdateDeviceResponse { device: Some(device) }))
    }

    async fn delete_device(
        &self,
        request: Request<v1::DeleteDeviceRequest>,
    ) -> Result<Response<v1::DeleteDeviceResponse>, Status> {
        let (customer, id) = name::device("name", &request.into_inner().name).map_err(Failure::from)?;
        let customers = self.clone();
        to_the_end(async move { Self::delete_device(&customers, &customer, &id).await }).await?;
        Ok(Response::new(v1::DeleteDeviceResponse {}))
    }
}

/// Changes a customer's record as `decide` says, which is asked again whenever another commit came between. When
/// consent or a device goes with that, so does what was derived from it; when either comes anew, what is still to
/// be erased of the one before it goes first.
pub(super) async fn change(
    records: &Records,
    id: &CustomerId,
    decide: impl Fn(Option<CustomerState>) -> Result<CustomerState, Failure>,
) -> Result<CustomerState, Failure> {
    for _ in 0..CONFLICT_RETRIES {
        let (before, revision) = records.load_customer(id)?.unzip();
        let held = before.as_ref().map(holdings).unwrap_or_default();
        let after = decide(before)?;
        let holds = holdings(&after);
        for comes in holds.iter().filter(|what| !held.contains(what)) {
            records.erase(id, comes).await.map_err(|error| failed(error, id))?;
        }
        let gone: Vec<Erasure> = held.into_iter().filter(|what| !holds.contains(what)).collect();
        let committed = match revision {
            Some(revision) => records.save_and_note(&after, revision, &gone).await,
            None => records.create_customer(&after).await,
        };
        match committed {
            Ok(_) => {
                for gone in &gone {
                    records.erase(id, gone).await.map_err(|error| failed(error, id))?;
                }
                return Ok(after);
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(Failure::Contended { name: name::customer_name(id) })
}

/// What would have to be erased if consent and devices went.
fn holdings(state: &CustomerState) -> Vec<Erasure> {
    // What an expired consent had allowed is there until it has lapsed.
    let granted = state.customer.consent.as_ref().is_some_and(|consent| consent.granted);
    let consent = (granted && !state.lapsed).then_some(Erasure::History);
    consent.into_iter().chain(state.devices.keys().cloned().map(Erasure::Device)).collect()
}

/// Whether a customer is granting anew what a later answer on record refused, or the like: such news comes too late.
/// A withdrawal never does.
fn is_outdated(news: &Customer, known: &Customer) -> bool {
    let answered = |customer: &Customer| customer.consent.as_ref().map(|consent| consent.answered);
    let granted = news.consent.as_ref().is_some_and(|consent| consent.granted);
    granted && answered(news) < answered(known)
}

/// A customer who is new.
fn begun(customer: Customer, now: ServerTime, source: &str) -> CustomerState {
    let mut state = CustomerState::new(Customer::new(customer.id.clone()));
    state.change(customer, now, source);
    state
}

/// There is no such customer.
pub(super) fn missing(id: &CustomerId) -> Failure {
    Failure::NotFound { name: name::customer_name(id) }
}

/// The customer has no such device.
pub(super) fn missing_device(customer: &CustomerId, id: &DeviceId) -> Failure {
    Failure::NotFound { name: name::device_name(customer, id) }
}

fn failed(error: CommitError, id: &CustomerId) -> Failure {
    match error {
        CommitError::Conflict { .. } => Failure::Contended { name: name::customer_name(id) },
        CommitError::Store(error) => error.into(),
    }
}

fn parse_customer(wire: v1::Customer, now: ServerTime) -> Result<Customer, Failure> {
    Ok(wire::customer(wire, now).map_err(|why| why.under("customer"))?)
}

fn parse_device(wire: &v1::Device) -> Result<(CustomerId, Device), Failure> {
    Ok(wire::device(wire).map_err(|why: Invalid| why.under("device"))?)
}

fn add(state: &mut CustomerState, device: Device, now: ServerTime) -> Result<(), Failure> {
    if state.devices.len() >= DEVICES_MAX {
        return Err(Failure::Precondition {
            reason: "DEVICES_FULL",
            subject: name::customer_name(&state.customer.id),
            problem: format!("has {DEVICES_MAX} devices already; delete one first"),
        });
    }
    let addressed = (!device.push_address.is_empty()).then_some(now);
    state.devices.insert(device.id.clone(), DeviceState { addressed, ..DeviceState::new(device) });
    Ok(())
}

fn device_of(state: &CustomerState, id: &DeviceId) -> Result<v1::Device, Failure> {
    let customer = &state.customer.id;
    let own = state.devices.get(id).ok_or_else(|| missing_device(customer, id))?;
    Ok(wire::device_message(customer, &own.device))
}
