//! Requests that leave the house, and how they are kept from going where they must not.
//!
//! The addresses of webhooks and of Web Push are chosen by others. So a request goes out by `https`, unless the
//! operator allows otherwise; to addresses of the public Internet only, which is checked on the very addresses that
//! are connected to; it follows no redirects, uses no proxy, and is bounded in time and in what is read of the answer.

mod address;
mod resolver;
#[cfg(test)]
mod tests;

use self::resolver::{Forbidden, Lookup, Resolver};
use super::Answer;
use crate::model::Millis;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The most of an answer's body that is read, in bytes. Beyond it, the connection is closed.
pub const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// The longest address that is called, in bytes.
const URL_MAX_BYTES: usize = 4_096;
/// How long the rest of an answer may take once its status is known.
const ANSWER_REST: Duration = Duration::from_secs(1);
/// Idle connections that are kept open, and for how long: below the 60 s after which common servers close them.
const IDLE_MAX: usize = 256;
const IDLE: Duration = Duration::from_secs(45);
/// How often an idle HTTP/2 connection is asked whether it still stands, and how long it may take to say.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(10);

/// How far requests may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To addresses of the public Internet.
    Public,
    /// To these and to this host itself, where plain `http` is good enough.
    OwnHost,
    /// To any address, private networks and this host included.
    Anywhere,
}

impl Reach {
    fn takes(self, ip: IpAddr) -> bool {
        match self {
            Self::Public => address::is_public(ip),
            Self::OwnHost => address::is_public(ip) || address::is_own(ip),
            Self::Anywhere => true,
        }
    }
}

/// How to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How far requests may go. Default: to the public Internet.
    pub reach: Reach,
    /// Whether to send unencrypted to other hosts than this one. Default: no.
    pub plain_http: bool,
    /// How long connecting may take. Default: 2 s.
    pub connect: Millis,
    /// How long an attempt may take, connecting and answer included. Default: 10 s.
    pub whole: Millis,
}

impl Default for Options {
    fn default() -> Self {
        Self { reach: Reach::Public, plain_http: false, connect: Millis::from_secs(2), whole: Millis::from_secs(10) }
    }
}

impl Options {
    /// The usual ones for an address that the operator wrote down: where it names this host, that is what is meant.
    pub fn for_operator(url: &str) -> Self {
        let own = Url::parse(url).is_ok_and(|url| names_own_host(&url));
        Self { reach: if own { Reach::OwnHost } else { Reach::Public }, ..Self::default() }
    }

    /// Parses an address that may be called; the error says what is wrong and what would be right.
    pub(super) fn url(self, url: &str) -> Result<Url, String> {
        if url.len() > URL_MAX_BYTES {
            return Err(format!("has {} bytes; at most {URL_MAX_BYTES} are allowed", url.len()));
        }
        let url =
            Url::parse(url).map_err(|problem| format!("is not valid ({problem}); must be like https://host/path"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user name or password; must have neither".into());
        }
        let unencrypted = self.plain_http || self.reach != Reach::Public && names_own_host(&url);
        match url.scheme() {
            "https" => {}
            "http" if unencrypted => {}
            "http" => {
                return Err("is http; must be https, unless the host is this one or plain http is allowed".into());
            }
            other => return Err(format!("begins with {other}:; must begin with https:")),
        }
        // Names are looked at when they are resolved; a host that is an address is not resolved.
        let allowed = match host_ip(&url) {
            Some(ip) => self.reach.takes(ip),
            None => self.reach != Reach::Public || !names_own_host(&url),
        };
        if allowed { Ok(url) } else { Err("is not an address of the public Internet".into()) }
    }
}

/// Whether the host is this one by its name or address alone, whatever a resolver might say.
fn names_own_host(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    host_ip(url).map_or(host == "localhost" || host.ends_with(".localhost"), address::is_own)
}

/// The host where it is an address and not a name; the URL standard has brought numbers of other bases into one form.
fn host_ip(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// An answer as far as it is of interest.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its field `Retry-After`.
    pub(super) retry_after: Option<String>,
    /// The beginning of its body, at most [`ANSWER_MAX_BYTES`].
    pub(super) body: Vec<u8>,
}

/// What HTTP versions a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Whichever is agreed on.
    Any,
    /// HTTP/2, and nothing else.
    Two,
}

/// Makes requests, and keeps its connections.
pub(super) struct Caller {
    client: Client,
    options: Options,
}

impl Caller {
    /// A caller. Without TLS it needs no root certificates. Makes ring the process's TLS provider, unless there is one.
    pub(super) fn new(options: Options, version: Version, tls: bool) -> Result<Self, reqwest::Error> {
        Self::with(options, version, tls, resolver::system())
    }

    fn with(options: Options, version: Version, tls: bool, lookup: Lookup) -> Result<Self, reqwest::Error> {
        // Fails only where the process has a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("doorstep/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(duration(options.connect))
            .timeout(duration(options.whole))
            .redirect(reqwest::redirect::Policy::none())
            // An attempt is one request: only the worker repeats it.
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .tcp_nodelay(true)
            .dns_resolver(Arc::new(Resolver { reach: options.reach, lookup }))
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_WITHIN)
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_idle_timeout(IDLE);
        builder = match version {
            Version::Any => builder,
            Version::Two => builder.http2_prior_knowledge(),
        };
        let client = if tls { builder.build()? } else { builder.tls_certs_only([]).build()? };
        Ok(Self { client, options })
    }

    /// Posts a body to an address that [`Options::url`] let pass. A failure is the answer that it amounts to.
    pub(super) async fn post(&self, url: Url, headers: HeaderMap, body: Vec<u8>) -> Result<Reply, Answer> {
        // The check is repeated here so that no caller can forget it.
        if let Err(problem) = self.options.url(url.as_str()) {
            return Err(Answer::Unfit { detail: format!("the address {problem}") });
        }
        match self.client.post(url).headers(headers).body(body).send().await {
            Ok(response) => Ok(read(response).await),
            Err(error) => Err(self.explain(&error.without_url())),
        }
    }

    /// What it amounts to that no answer came: another attempt, with the same id, since nobody knows whether this one
    /// arrived. Says what went wrong, without the URL.
    fn explain(&self, error: &reqwest::Error) -> Answer {
        if is_forbidden(error) {
            return Answer::Unfit { detail: Forbidden.to_string() };
        }
        let detail = match (error.is_connect(), error.is_timeout()) {
            (true, true) => format!("cannot connect within {}", self.options.connect.min(self.options.whole)),
            (true, false) => format!("cannot connect: {}", cause(error)),
            (false, true) => format!("no answer within {}", self.options.whole),
            (false, false) => format!("no answer: {}", cause(error)),
        };
        Answer::Busy { detail, after: None }
    }
}

fn duration(span: Millis) -> Duration {
    Duration::from_millis(span.0.max(0).unsigned_abs())
}

/// Reads an answer to its end, so that its connection can be used again, or gives up where that would be dearer
/// than a new one. The status has decided; how its body ends changes nothing.
async fn read(mut response: Response) -> Reply {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(Into::into);
    let mut reply = Reply { status: response.status(), retry_after, body: Vec::new() };
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            if reply.body.len() + chunk.len() > ANSWER_MAX_BYTES {
                return;
            }
            reply.body.extend_from_slice(&chunk);
        }
    };
    let _ = tokio::time::timeout(ANSWER_REST, reading).await;
    reply
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    causes(error).any(<dyn Error>::is::<Forbidden>)
}

/// The innermost cause: what the system or TLS said.
fn cause(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source())
}
