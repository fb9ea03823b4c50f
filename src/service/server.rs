//! One port: the services, health and reflection, put together, and drained again.

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::device_service::Devices;
use super::hot::HotCustomers;
use super::ingest::Ingest;
use super::{campaign_service, customer_service, decision_service, housekeeping, region_service};
use crate::deliver::worker::{Drained, Limits, WorkerError};
use crate::deliver::{Provider, Worker};
use crate::model::Millis;
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
use v1::campaign_service_server::CampaignServiceServer;
use v1::customer_service_server::CustomerServiceServer;
use v1::decision_service_server::DecisionServiceServer;
use v1::device_service_server::DeviceServiceServer;
use v1::region_service_server::RegionServiceServer;

/// Customers that are kept in memory.
const HOT_CUSTOMERS: usize = 100_000;
/// Streams that one connection may have open at once.
const STREAMS_MAX: u32 = 1_024;
/// The largest message in bytes: 10,000 regions of a few dozen vertices.
const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// What a server needs to know.
pub struct ServeConfig {
    /// The data directory; created when it does not exist.
    pub data: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where time comes from.
    pub clock: Clock,
    /// How long decisions, and triggers that have ended, are kept.
    pub history: Millis,
    /// Who delivers the triggers.
    pub provider: Arc<dyn Provider>,
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
}

/// Opens the store, loads the catalogue, starts the delivery and serves.
pub async fn start(config: ServeConfig) -> Result<Running, ServeError> {
    let ServeConfig { data, listen, clock, history, provider } = config;
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
        provider,
        Arc::new(move || reader.now()),
        u64::from(std::process::id()),
        Limits::default(),
    );
    tokio::spawn(housekeeping::keep(records.clone(), clock.clone(), history, drained.clone()));
    let delivering = tokio::spawn(worker.run(drained.clone()));
    let router = assemble(&records, &catalogue, &clock, drained.clone()).await?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut asked = drained;
    let serving = tokio::spawn(router.serve_with_incoming_shutdown(incoming, async move {
        let _ = asked.wait_for(|draining| *draining).await;
    }));
    Ok(Running { local_addr, draining, serving, delivering, store })
}

async fn assemble(
    records: &Records,
    catalogue: &CatalogueCell,
    clock: &Clock,
    draining: watch::Receiver<bool>,
) -> Result<Router, ServeError> {
    let hot = HotCustomers::new(HOT_CUSTOMERS);
    let ingest = Ingest::new(records.clone(), catalogue.clone(), clock.clone(), hot.clone())?;
    tokio::spawn(ingest.clone().run_timers(draining.clone()));
    let devices = DeviceServiceServer::new(Devices::new(ingest, draining.clone()));
    let regions = RegionServiceServer::new(region_service::Regions::new(catalogue.clone()));
    let campaigns = CampaignServiceServer::new(campaign_service::Campaigns::new(catalogue.clone()));
    let customers = CustomerServiceServer::new(customer_service::Customers::new(records.clone(), clock.clone(), hot));
    let decisions = DecisionServiceServer::new(decision_service::Decisions::new(
        records.clone(),
        catalogue.clone(),
        clock.clone(),
        draining,
    ));

    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<DeviceServiceServer<Devices>>().await;
    reporter.set_serving::<RegionServiceServer<region_service::Regions>>().await;
    reporter.set_serving::<CampaignServiceServer<campaign_service::Campaigns>>().await;
    reporter.set_serving::<CustomerServiceServer<customer_service::Customers>>().await;
    reporter.set_serving::<DecisionServiceServer<decision_service::Decisions>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };

    Ok(tonic::transport::Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(devices.max_decoding_message_size(MESSAGE_MAX_BYTES))
        .add_service(regions.max_decoding_message_size(MESSAGE_MAX_BYTES))
        .add_service(campaigns)
        .add_service(customers)
        .add_service(decisions))
}

impl Running {
    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Ends the server: tells the open streams, finishes what is under way, delivers what can be delivered, and
    /// closes the store. What has not ended after `within` is cut; everything acked is kept all the same.
    pub async fn drain(self, within: Duration) -> Result<(), ServeError> {
        let Self { draining, mut serving, delivering, store, .. } = self;
        draining.send_replace(true);
        match tokio::time::timeout(within, &mut serving).await {
            Ok(ended) => ended??,
            Err(_) => serving.abort(),
        }
        delivering.await??;
        tokio::task::spawn_blocking(move || store.close()).await??;
        Ok(())
    }
}
