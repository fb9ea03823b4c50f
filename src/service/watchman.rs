//! Who looks whether the server still does what it says: health follows from it, and the end of the process.

use crate::deliver::worker::{Standing, Standings};
use crate::store::{Records, StoreError};
use crate::wire::v1;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// How often he looks.
const EVERY: Duration = Duration::from_secs(1);
/// What health is told of: the server as a whole, and each service.
const SERVICES: [&str; 9] = [
    "",
    v1::admin_service_server::SERVICE_NAME,
    v1::event_service_server::SERVICE_NAME,
    v1::journey_service_server::SERVICE_NAME,
    v1::device_service_server::SERVICE_NAME,
    v1::region_service_server::SERVICE_NAME,
    v1::campaign_service_server::SERVICE_NAME,
    v1::customer_service_server::SERVICE_NAME,
    v1::decision_service_server::SERVICE_NAME,
];

/// Why a server that runs is of no use any more. It must be started again.
#[derive(Debug, Clone, Error)]
pub enum Fault {
    /// The transport ended.
    #[error("no calls are taken any more")]
    Serving,
    /// The delivery ended.
    #[error("nothing is delivered any more")]
    Delivery,
    /// The store takes no more commits.
    #[error("nothing can be stored any more")]
    Store(#[source] StoreError),
}

/// Health as clients see it.
#[derive(Clone)]
pub(super) struct Health(HealthReporter);

impl Health {
    /// Reports through this reporter.
    pub(super) fn new(reporter: HealthReporter) -> Self {
        Self(reporter)
    }

    /// Tells of the server and of every service whether it serves.
    pub(super) async fn tell(&self, serves: bool) {
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            self.0.set_service_status(service, status).await;
        }
    }
}

/// Tells health how each lane of delivery stands, as the service `doorstep.deliver/` and its name: not serving while
/// its provider rests or is paused. Ends with the delivery.
pub(super) async fn tell_standing(mut standing: watch::Receiver<Standings>, health: Health) {
    loop {
        let now = standing.borrow_and_update().clone();
        for (lane, standing) in now {
            let status = match standing {
                Standing::Working => ServingStatus::Serving,
                Standing::Resting { .. } | Standing::Paused { .. } => ServingStatus::NotServing,
            };
            health.0.set_service_status(format!("doorstep.deliver/{lane}"), status).await;
        }
        if standing.changed().await.is_err() {
            return;
        }
    }
}

/// What must not end before the drain.
pub(super) struct Watched {
    pub(super) serving: AbortHandle,
    pub(super) delivering: AbortHandle,
    pub(super) records: Records,
}

impl Watched {
    fn fault(&self) -> Option<Fault> {
        if let Some(error) = self.records.fault() {
            return Some(Fault::Store(error));
        }
        if self.delivering.is_finished() {
            return Some(Fault::Delivery);
        }
        self.serving.is_finished().then_some(Fault::Serving)
    }
}

/// Looks until something is at fault, and tells; or until the server drains.
pub(super) async fn watch(
    watched: Watched,
    health: Health,
    failed: watch::Sender<Option<Fault>>,
    mut draining: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        // What ends because of a drain is no fault.
        if let Some(fault) = watched.fault().filter(|_| !*draining.borrow()) {
            tracing::error!(%fault, "the server is of no use any more");
            health.tell(false).await;
            failed.send_replace(Some(fault));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{CommitError, Entry, MemoryStore, Pending, Revision, Scan, Store, Table, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_server::Health as _;
    use tonic_health::server::HealthService;

    /// A store in memory that is broken when told so.
    #[derive(Default)]
    struct Faulty {
        store: MemoryStore,
        broken: AtomicBool,
    }

    impl Store for Faulty {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Entry>, StoreError> {
            self.store.get(table, key)
        }

        fn scan(&self, table: Table, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
            self.store.scan(table, scan)
        }

        fn commit(&self, writes: Vec<Write>) -> Pending<Result<Revision, CommitError>> {
            self.store.commit(writes)
        }

        fn snapshot(&self) -> Result<Box<dyn crate::store::Snapshot>, StoreError> {
            self.store.snapshot()
        }

        fn watch(&self) -> watch::Receiver<Revision> {
            self.store.watch()
        }

        fn fault(&self) -> Option<StoreError> {
            self.broken.load(Ordering::Relaxed).then(|| StoreError::Write("no space left".into()))
        }
    }

    /// Checks what is told after something happened to the server.
    async fn check(happens: impl FnOnce(&Faulty, &AbortHandle, &AbortHandle), told: &str) {
        let store = Arc::new(Faulty::default());
        let idle = || tokio::spawn(std::future::pending::<()>()).abort_handle();
        let (serving, delivering) = (idle(), idle());
        let watched = Watched {
            serving: serving.clone(),
            delivering: delivering.clone(),
            records: Records::new(store.clone()),
        };
        let reporter = HealthReporter::new();
        let asked = HealthService::from_health_reporter(reporter.clone());
        let health = Health::new(reporter);
        health.tell(true).await;
        let (failed, mut fault) = watch::channel(None);
        let (_drain, draining) = watch::channel(false);
        tokio::spawn(super::watch(watched, health, failed, draining));
        tokio::time::sleep(5 * EVERY).await;
        assert!(fault.borrow().is_none());
        happens(&store, &serving, &delivering);
        tokio::time::timeout(2 * EVERY, fault.wait_for(Option::is_some)).await.unwrap().unwrap();
        assert_eq!(fault.borrow().as_ref().unwrap().to_string(), told);
        for service in SERVICES {
            let request = tonic::Request::new(HealthCheckRequest { service: service.to_owned() });
            let status = asked.check(request).await.unwrap().into_inner().status;
            assert_eq!(status, ServingStatus::NotServing as i32, "{service}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_ends_is_told() {
        check(|store, _, _| store.broken.store(true, Ordering::Relaxed), "nothing can be stored any more").await;
        check(|_, serving, _| serving.abort(), "no calls are taken any more").await;
        check(|_, _, delivering| delivering.abort(), "nothing is delivered any more").await;
    }
}
