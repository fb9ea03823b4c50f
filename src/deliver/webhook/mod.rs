//! The provider `webhook`: a signed POST to the operator's own server, by the Standard Webhooks specification 1.0.0.
//!
//! ```text
//! POST …                         content-type: application/json
//! webhook-id: tb4q…              the trigger's id, the same in every attempt
//! webhook-timestamp: 1767261600  the attempt's time
//! webhook-signature: v1,…        one for each secret
//!
//! {"type":"trigger.qualified","timestamp":"2026-01-01T10:00:00.000Z","data":{"trigger":"tb4q…", …}}
//! ```
//!
//! What the answers mean stands in [`answer::ANSWERS`].

pub mod answer;
mod body;
mod secret;
#[cfg(test)]
pub(crate) mod tests;

pub use secret::{SECRETS_MAX, SecretError, Secrets};

use super::{Answer, Answering, Clock, Parcel, Provider};
use crate::model::Millis;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use thiserror::Error;

/// The most of an answer's body that is read, in bytes. The body tells nothing, but a connection whose answers are
/// read to their end can be used again.
pub const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// How long the rest of an answer may take once its status is known.
const ANSWER_REST: Duration = Duration::from_secs(1);
/// Idle connections that are kept open, and for how long: below the 60 s after which common servers close them.
const IDLE_MAX: usize = 256;
const IDLE: Duration = Duration::from_secs(45);

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// How to call the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether to send unencrypted to other hosts than this one. Default: no.
    pub plain_http: bool,
    /// How long connecting may take. Default: 2 s.
    pub connect: Millis,
    /// How long an attempt may take, connecting and answer included. Default: 10 s.
    pub whole: Millis,
}

impl Default for Options {
    fn default() -> Self {
        Self { plain_http: false, connect: Millis::from_secs(2), whole: Millis::from_secs(10) }
    }
}

/// Posts each parcel to one URL. Follows no redirects, uses no proxy, and keeps its connections.
pub struct Webhook {
    client: Client,
    url: Url,
    secrets: Secrets,
    options: Options,
    clock: Clock,
}

impl fmt::Debug for Webhook {
    /// Names the host only: the rest of a URL may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// Why a webhook can't be set up.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// The URL is not one that can be posted to.
    #[error("webhook URL {0}")]
    Url(String),
    /// The HTTP client can't be made, for example because the system has no root certificates.
    #[error("cannot set up the webhook's HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Webhook {
    /// A webhook to `url`: `https`, or `http` where the host is this one or the options allow it; without user name
    /// and password. Makes ring the process's TLS provider, unless there is one.
    pub fn new(url: &str, secrets: Secrets, options: Options, clock: Clock) -> Result<Self, WebhookError> {
        let url = parse(url, options.plain_http).map_err(WebhookError::Url)?;
        let client = client(&url, options).map_err(WebhookError::Client)?;
        Ok(Self { client, url, secrets, options, clock })
    }

    async fn attempt(&self, parcel: &Parcel) -> Answer {
        let body = match body::json(parcel) {
            Ok(body) => body,
            Err(problem) => return Answer::Refused { detail: format!("cannot write the body: {problem}") },
        };
        let at = (self.clock)().0.div_euclid(1_000);
        let signature = match self.secrets.sign(parcel.id.as_str(), at, &body) {
            Ok(signature) => signature,
            Err(problem) => return Answer::Refused { detail: format!("cannot sign the body: {problem}") },
        };
        let sent = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ID, parcel.id.as_str())
            .header(TIMESTAMP, at)
            .header(SIGNATURE, signature)
            .body(body)
            .send();
        match sent.await {
            Ok(response) => {
                let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let answer = answer::answer(response.status(), after, (self.clock)());
                read_out(response).await;
                answer
            }
            Err(error) => Answer::Retry { detail: self.explain(&error.without_url()), after: None },
        }
    }

    /// Says what went wrong, without the URL.
    fn explain(&self, error: &reqwest::Error) -> String {
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => format!("cannot connect within {}", self.options.connect.min(self.options.whole)),
            (true, false) => format!("cannot connect: {}", cause(error)),
            (false, true) => format!("no answer within {}", self.options.whole),
            (false, false) => format!("no answer: {}", cause(error)),
        }
    }
}

impl Provider for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        Box::pin(self.attempt(parcel))
    }
}

fn parse(url: &str, plain_http: bool) -> Result<Url, String> {
    let url =
        Url::parse(url).map_err(|problem| format!("is not valid ({problem}); must be like https://host/path"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password; requests are signed instead".into());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_http || is_loopback(&url) => Ok(url),
        "http" => Err("is http; must be https, unless the host is this one or plain http is allowed".into()),
        other => Err(format!("begins with {other}:; must begin with https:")),
    }
}

/// Whether the host is this one by its name or address alone, whatever a resolver might say.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

fn client(url: &Url, options: Options) -> Result<Client, reqwest::Error> {
    // Fails only where the process has a provider already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("doorstep/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(duration(options.connect))
        .timeout(duration(options.whole))
        .redirect(reqwest::redirect::Policy::none())
        // An attempt is one request: only the worker repeats it.
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(IDLE_MAX)
        .pool_idle_timeout(IDLE);
    if url.scheme() == "https" {
        builder.build()
    } else {
        // A system without root certificates can still send to its own host.
        builder.tls_certs_only([]).build()
    }
}

fn duration(span: Millis) -> Duration {
    Duration::from_millis(span.0.max(0).unsigned_abs())
}

/// Reads an answer to its end, so that its connection can be used again, or gives up where that would be dearer
/// than a new one.
async fn read_out(mut response: Response) {
    let mut left = ANSWER_MAX_BYTES;
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // The status has decided; how its body ends changes nothing.
    let _ = tokio::time::timeout(ANSWER_REST, reading).await;
}

/// The innermost cause: what the system or TLS said.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
