//! A webhook receiver on a loopback port: takes the alerts that Doorstep sends, and trusts none that is not signed.
//!
//! Signatures are those of Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` (within 5 minutes of this
//! machine's clock) and `webhook-signature`. A delivery may be repeated: the id tells, and the repeat is counted,
//! not taken for another alert.

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// The largest body that is taken, in bytes.
pub const BODY_MAX_BYTES: usize = 256 * 1024;
/// Most alerts that are kept; later ones are refused with 507.
pub const ALERTS_MAX: usize = 100_000;
/// Most connections at once.
const CONNECTIONS_MAX: usize = 64;
/// How long a request's head may take.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// What was received so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Received {
    /// The alerts by their `webhook-id`, each once.
    pub alerts: BTreeMap<String, Alert>,
    /// Deliveries whose id had come before.
    pub repeats: u64,
    /// Requests that were refused: no or a wrong signature, no JSON, too large.
    pub refused: u64,
}

/// One alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// How many alerts had come before it.
    pub index: usize,
    /// The JSON body.
    pub body: Value,
}

/// A running receiver. It stops when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    received: watch::Receiver<Received>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    /// Listens on a free loopback port. `secret` is a Standard Webhooks secret: `whsec_` and base64.
    pub async fn start(secret: &str) -> Result<Self> {
        let ledger = Arc::new(Ledger {
            key: Webhook::new(secret).context("the webhook secret is not base64 after whsec_")?,
            received: watch::Sender::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen for webhooks")?;
        let address = listener.local_addr().context("cannot listen for webhooks")?;
        let received = ledger.received.subscribe();
        Ok(Self { address, received, accepting: tokio::spawn(accept(listener, ledger)) })
    }

    /// Where to send alerts.
    pub fn url(&self) -> String {
        format!("http://{}/alerts", self.address)
    }

    /// What was received so far.
    pub fn received(&self) -> Received {
        self.received.borrow().clone()
    }

    /// Waits until at least `alerts` different ones have come, at most `within`; then what was received.
    pub async fn wait_for(&self, alerts: usize, within: Duration) -> Received {
        let mut watched = self.received.clone();
        // A timeout is no failure here: whoever waits compares the counts.
        let _ = tokio::time::timeout(within, watched.wait_for(|received| received.alerts.len() >= alerts)).await;
        self.received()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Ledger {
    key: Webhook,
    received: watch::Sender<Received>,
}

impl Ledger {
    /// Takes one delivery; the answer is what the sender acts on.
    fn take(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let id = headers.get(HEADER_WEBHOOK_ID).and_then(|id| id.to_str().ok());
        let (Some(id), Ok(())) = (id, self.key.verify(body, headers)) else {
            return self.refuse(StatusCode::UNAUTHORIZED);
        };
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return self.refuse(StatusCode::BAD_REQUEST) };
        let mut status = StatusCode::NO_CONTENT;
        self.received.send_modify(|received| {
            let index = received.alerts.len();
            if received.alerts.contains_key(id) {
                received.repeats += 1;
            } else if index >= ALERTS_MAX {
                received.refused += 1;
                status = StatusCode::INSUFFICIENT_STORAGE;
            } else {
                received.alerts.insert(id.to_owned(), Alert { index, body });
            }
        });
        status
    }

    fn refuse(&self, status: StatusCode) -> StatusCode {
        self.received.send_modify(|received| received.refused += 1);
        status
    }
}

async fn accept(listener: TcpListener, ledger: Arc<Ledger>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let ledger = ledger.clone();
        tokio::spawn(async move {
            serve(stream, ledger).await;
            drop(seat);
        });
    }
}

async fn serve(stream: TcpStream, ledger: Arc<Ledger>) {
    let service = service_fn(move |request| answer(request, ledger.clone()));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a webhook connection broke");
    }
}

async fn answer(request: Request<Incoming>, ledger: Arc<Ledger>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let status = if request.method() == Method::POST {
        let (head, body) = request.into_parts();
        match Limited::new(body, BODY_MAX_BYTES).collect().await {
            Ok(body) => ledger.take(&head.headers, &body.to_bytes()),
            Err(_) => ledger.refuse(StatusCode::PAYLOAD_TOO_LARGE),
        }
    } else {
        ledger.refuse(StatusCode::METHOD_NOT_ALLOWED)
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// Posts over a plain socket; returns the status code.
    async fn post(receiver: &Receiver, id: &str, secret: &str, signed: &str, sent: &str) -> u16 {
        let timestamp = jiff::Timestamp::now().as_second();
        let signature = Webhook::new(secret).unwrap().sign(id, timestamp, signed.as_bytes()).unwrap();
        let request = format!(
            "POST /alerts HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\nwebhook-id: {id}\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: {signature}\r\n\r\n{sent}",
            sent.len()
        );
        let mut socket = TcpStream::connect(receiver.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn signed_alerts_count_once_and_others_not_at_all() {
        let receiver = Receiver::start(SECRET).await.unwrap();
        let (body, other) = (r#"{"title":"A latte?"}"#, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(post(&receiver, "t1", SECRET, body, body).await, 204, "good");
        assert_eq!(post(&receiver, "t1", SECRET, body, body).await, 204, "a repeat is acknowledged");
        assert_eq!(post(&receiver, "t2", SECRET, body, body).await, 204, "another");
        assert_eq!(post(&receiver, "t3", other, body, body).await, 401, "signed with another secret");
        assert_eq!(post(&receiver, "t4", SECRET, body, r#"{"title":"A yacht?"}"#).await, 401, "another body");
        assert_eq!(post(&receiver, "t5", SECRET, "no json", "no json").await, 400, "signed nonsense");
        let received = receiver.wait_for(2, Duration::from_secs(5)).await;
        assert_eq!(received.alerts.keys().collect::<Vec<_>>(), ["t1", "t2"]);
        assert_eq!(received.alerts["t2"].index, 1);
        assert_eq!(received.alerts["t1"].body["title"], "A latte?");
        assert_eq!((received.repeats, received.refused), (1, 3));
    }

    #[tokio::test]
    async fn waiting_ends_though_nothing_comes() {
        let receiver = Receiver::start(SECRET).await.unwrap();
        assert!(receiver.wait_for(1, Duration::from_millis(5)).await.alerts.is_empty());
        assert!(Receiver::start("whsec_!").await.is_err());
    }
}
