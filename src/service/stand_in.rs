//! Who answers while the store can't be used: not ready, to whoever asks for health; come back later, to all others.

use super::errors::Failure;
use super::server::ServeError;
use super::watchman::Health;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;

/// Answers at an address until `over` ends. Calls fail with `UNAVAILABLE`, so that phones keep what they have and come
/// back; the health of everything is `NOT_SERVING`.
pub async fn stand_in(listen: SocketAddr, over: impl Future<Output = ()>) -> Result<(), ServeError> {
    let listener = TcpListener::bind(listen).await.map_err(|source| ServeError::Listen { listen, source })?;
    let (reporter, answers) = tonic_health::server::health_reporter();
    Health::new(reporter).tell(false).await;
    let routes = Routes::new(answers).into_axum_router();
    let routes = routes.fallback(|| async { Status::from(Failure::Waiting).into_http::<tonic::body::Body>() });
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = tonic::transport::Server::builder().add_routes(routes.into());
    tokio::select! {
        served = server.serve_with_incoming(incoming) => served?,
        () = over => {}
    }
    Ok(())
}
