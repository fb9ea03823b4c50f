//! One port: the services, health and reflection, put together, and drained again.

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::device_service::Devices;
use super::edge::Edge;
use super::hot::HotCustomers;
use super::ingest::Ingest;
use super::watchman::{self, Fault, Health, Watched};
use super::{
    admin_service, campaign_service, customer_service, decision_service, event_service, housekeeping,
    journey_service, region_service, topic_service, zone_service,
};
use crate::deliver::worker::{Drained, Limits, WorkerError};
use crate::deliver::{Apps, Routes, Worker};
use crate::engine::Manners;
use crate::model::Millis;
use crate::presence::PresenceConfig;
use crate::store::{Records, SledStore, StoreError};
use crate::wire::{DESCRIPTORS, v1};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::server::{Router, TcpIncoming};
use tonic_health::pb::health_server::{Health as HealthAnswers, HealthServer};
use v1::admin_service_server::AdminServiceServer;
use v1::campaign_service_server::CampaignServiceServer;
use v1::customer_service_server::CustomerServiceServer;
use v1::decision_service_server::DecisionServiceServer;
use v1::device_service_server::DeviceServiceServer;
use v1::event_service_server::EventServiceServer;
use v1::journey_service_server::JourneyServiceServer;
use v1::region_service_server::RegionServiceServer;
use v1::topic_service_server::TopicServiceServer;
use v1::zone_service_server::ZoneServiceServer;

/// Customers that are kept in memory.
const HOT_CUSTOMERS: usize = 100_000;
/// Streams that one connection may have open at once.
const STREAMS_MAX: u32 = 1_024;
/// Streams that a connection may have reset before they were taken up: beyond it, the connection ends
/// (CVE-2023-44487, rapid reset).
const RESETS_PENDING_MAX: usize = 128;
/// Streams that the server may have reset because of a connection's errors: beyond it, the connection ends
/// (CVE-2025-8671, made you reset).
const RESETS_LOCAL_MAX: usize = 1_024;
/// The largest headers of a call in bytes.
const HEADERS_MAX_BYTES: u32 = 16 * 1024;
/// The largest message of a phone or a catalogue in bytes: 10,000 regions of a few dozen vertices.
pub(super) const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The largest other message, and the largest answer, in bytes: what gRPC clients take when nothing is set.
const ANSWER_MAX_BYTES: usize = 4 * 1024 * 1024;

/// What a server needs to know.
pub struct ServeConfig {
    /// The data directory; created when it does not exist.
    pub data: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where time comes from.
    pub clock: Clock,
    /// What is decided for all customers.
    pub manners: Manners,
    /// How long decisions, and triggers that have ended, are kept.
    pub history: Millis,
    /// How presence is decided.
    pub presence: PresenceConfig,
    /// Who delivers the triggers.
    pub routes: Routes,
    /// How much is delivered at a time; its drain is that of the server.
    pub push: Limits,
    /// How long an app may take to confirm a message that it is shown, before another channel takes over.
    pub confirm: Millis,
    /// How long calls and deliveries under way may take to end when the server drains.
    pub drain: Duration,
}

/// Why a server did not start, or ended badly.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The store can't be used.
    #[error("cannot use the data directory")]
    Store(#[from] StoreError),
    /// A stored region does not fit the catalogue.
    #[error("cannot build the catalogue from the store")]
    Catalogue(#[from] crate::model::Invalid),
    /// The address can't be listened on.
    #[error("cannot listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The descriptors are no descriptors.
    #[error("cannot offer reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("cannot serve")]
    Transport(#[from] tonic::transport::Error),
    /// The outbox can't be worked on.
    #[error("cannot deliver")]
    Deliver(#[from] WorkerError),
    /// A part of the server panicked.
    #[error("a part of the server ended unexpectedly")]
    Join(#[from] tokio::task::JoinError),
}

/// A server that runs in the background until it is drained.
pub struct Running {
    local_addr: SocketAddr,
    draining: watch::Sender<bool>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    delivering: JoinHandle<Result<Drained, WorkerError>>,
    store: Arc<SledStore>,
    health: Health,
    failed: watch::Receiver<Option<Fault>>,
    within: Duration,
}

/// Opens the store, loads the catalogue, starts the delivery and serves.
pub async fn start(config: ServeConfig) -> Result<Running, ServeError> {
    let ServeConfig { data, listen, clock, manners, history, presence, routes, push, confirm, drain } = config;
    let store = tokio::task::spawn_blocking(move || SledStore::open(&data)).await??;
    let store = Arc::new(store);
    let records = Records::new(store.clone());
    let catalogue = CatalogueCell::load(records.clone())?;
    let (draining, drained) = watch::channel(false);

    let listener = TcpListener::bind(listen).await.map_err(|source| ServeError::Listen { listen, source })?;
    let local_addr = listener.local_addr().map_err(|source| ServeError::Listen { listen, source })?;
    let reader = clock.clone();
    let worker = Worker::new(
        records.clone(),
        routes,
        Arc::new(move || reader.now()),
        u64::from(std::process::id()),
        Limits { confirm, drain: Millis(i64::try_from(drain.as_millis()).unwrap_or(i64::MAX)), ..push },
    );
    let apps = Apps::default();
    let worker = worker.with_apps(apps.clone());
    let standing = worker.standing();
    tokio::spawn(housekeeping::keep(records.clone(), clock.clone(), history, drained.clone()));
    tokio::spawn(housekeeping::count(records.clone(), drained.clone()));
    let delivering = tokio::spawn(worker.run(drained.clone()));
    let (reporter, answers) = tonic_health::server::health_reporter();
    let health = Health::new(reporter);
    health.tell(true).await;
    tokio::spawn(watchman::tell_standing(standing, health.clone()));
    let router = assemble(&records, &catalogue, &clock, presence, (manners, apps), answers, &drained)?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut asked = drained.clone();
    let serving = tokio::spawn(router.serve_with_incoming_shutdown(incoming, async move {
        let _ = asked.wait_for(|draining| *draining).await;
    }));
    let (failure, failed) = watch::channel(None);
    let watched = Watched { serving: serving.abort_handle(), delivering: delivering.abort_handle(), records };
    tokio::spawn(watchman::watch(watched, health.clone(), failure, drained));
    Ok(Running { local_addr, draining, serving, delivering, store, health, failed, within: drain })
}

fn assemble(
    records: &Records,
    catalogue: &CatalogueCell,
    clock: &Clock,
    presence: PresenceConfig,
    (manners, apps): (Manners, Apps),
    health: HealthServer<impl HealthAnswers>,
    draining: &watch::Receiver<bool>,
) -> Result<Router, ServeError> {
    let hot = HotCustomers::new(HOT_CUSTOMERS);
    let ingest = Ingest::new(records.clone(), catalogue.clone(), clock.clone(), presence, hot.clone(), manners)?;
    let ingest = ingest.with_apps(apps);
    tokio::spawn(ingest.clone().run_timers(draining.clone()));
    let (timers, hushed) = (ingest.timers(), ingest.hushed());
    let devices = DeviceServiceServer::new(Devices::new(ingest, draining.clone()));
    let regions = RegionServiceServer::new(region_service::Regions::new(catalogue.clone()));
    let campaigns = CampaignServiceServer::new(campaign_service::Campaigns::new(
        catalogue.clone(),
        records.clone(),
        clock.clone(),
    ));
    let journeys = JourneyServiceServer::new(journey_service::Journeys::new(catalogue.clone()));
    let topics = TopicServiceServer::new(topic_service::Topics::new(catalogue.clone()));
    let zones = ZoneServiceServer::new(zone_service::ZonesService::new(catalogue.clone(), hushed));
    let events = EventServiceServer::new(event_service::Events::new(
        records.clone(),
        catalogue.clone(),
        clock.clone(),
        hot.clone(),
    ));
    let customers =
        CustomerServiceServer::new(customer_service::Customers::new(records.clone(), clock.clone(), hot, timers));
    let decisions = DecisionServiceServer::new(decision_service::Decisions::new(
        records.clone(),
        catalogue.clone(),
        clock.clone(),
        draining.clone(),
    ));
    let admin = AdminServiceServer::new(admin_service::Admin::new(records.clone()));
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    macro_rules! bounded {
        ($service:ident, $limit:expr) => {{
            let service = $service.max_decoding_message_size($limit).max_encoding_message_size(ANSWER_MAX_BYTES);
            Edge::new(service, $limit)
        }};
    }

    Ok(tonic::transport::Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESETS_PENDING_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_LOCAL_MAX))
        .http2_max_header_list_size(HEADERS_MAX_BYTES)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(Edge::cutting(health, ANSWER_MAX_BYTES, draining.clone()))
        .add_service(Edge::cutting(reflection().build_v1()?, ANSWER_MAX_BYTES, draining.clone()))
        .add_service(Edge::cutting(reflection().build_v1alpha()?, ANSWER_MAX_BYTES, draining.clone()))
        .add_service(Edge::cutting(admin, ANSWER_MAX_BYTES, draining.clone()))
        .add_service(bounded!(devices, MESSAGE_MAX_BYTES))
        .add_service(bounded!(regions, MESSAGE_MAX_BYTES))
        .add_service(bounded!(campaigns, ANSWER_MAX_BYTES))
        .add_service(bounded!(customers, ANSWER_MAX_BYTES))
        .add_service(bounded!(events, ANSWER_MAX_BYTES))
        .add_service(bounded!(journeys, ANSWER_MAX_BYTES))
        .add_service(bounded!(topics, ANSWER_MAX_BYTES))
        .add_service(bounded!(zones, MESSAGE_MAX_BYTES))
        .add_service(bounded!(decisions, ANSWER_MAX_BYTES)))
}

impl Running {
    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits until the server is of no use any more, and says why. Health says so, too. It is to be drained then,
    /// and started again.
    pub async fn failed(&self) -> Fault {
        let mut failed = self.failed.clone();
        loop {
            let fault = failed.borrow_and_update().clone();
            match fault {
                Some(fault) => return fault,
                None if failed.changed().await.is_err() => std::future::pending().await,
                None => {}
            }
        }
    }

    /// Ends the server: tells health and the open streams, finishes what is under way, delivers what can be
    /// delivered, and closes the store. What has not ended in the configured time is cut; everything acked is kept
    /// all the same.
    pub async fn drain(self) -> Result<(), ServeError> {
        let Self { draining, mut serving, delivering, store, health, within, failed: _, local_addr: _ } = self;
        health.tell(false).await;
        draining.send_replace(true);
        let served = if let Ok(ended) = tokio::time::timeout(within, &mut serving).await {
            ended.map_err(ServeError::from).and_then(|served| served.map_err(ServeError::from))
        } else {
            serving.abort();
            Ok(())
        };
        let delivered = delivering.await.map_err(ServeError::from).and_then(|ended| ended.map_err(ServeError::from));
        // Whatever failed before, what can be closed is closed.
        let closed = tokio::task::spawn_blocking(move || store.close()).await?;
        served.and(delivered.map(drop)).and(closed.map_err(ServeError::from))
    }
}
