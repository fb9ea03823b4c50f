//! A connection to a running server.

use anyhow::Context;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// Connects, or says what would help.
pub(super) async fn connect(server: &str) -> anyhow::Result<Channel> {
    Endpoint::from_shared(server.to_owned())
        .with_context(|| format!("--server {server:?} is no URL; must be such as http://127.0.0.1:7407"))?
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true)
        .connect()
        .await
        .with_context(|| {
            format!("no server answers at {server}; start one with `doorstep serve`, or name it with --server")
        })
}
