//! The provider `webhook`: a signed POST to the operator's own server, by the Standard Webhooks specification 1.0.0.
//!
//! ```text
//! POST …                         content-type: application/cloudevents+json
//! webhook-id: tb4q…              the trigger's id, the same in every attempt
//! webhook-timestamp: 1767261600  the attempt's time
//! webhook-signature: v1,…        one for each secret
//!
//! {"specversion":"1.0","id":"tb4q…","source":"/doorstep","type":"trigger.qualified", …,"data":{…}}
//! ```
//!
//! The body is a CloudEvent, and has the structure that Standard Webhooks recommends, too. To replace a secret, put the
//! new one before the old one: both sign until the old one is taken out.
//!
//! What the answers mean stands in [`answer::ANSWERS`].

pub mod answer;
mod body;
mod secret;
#[cfg(test)]
pub(crate) mod tests;

pub use super::outgoing::{Options, Reach};
pub use secret::{SECRETS_MAX, SecretError, Secrets};

use super::outgoing::{Caller, Version};
use super::{Answer, Answering, Clock, Parcel, Provider, answers};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use std::fmt;
use thiserror::Error;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Posts each parcel to one URL. Follows no redirects, uses no proxy, and keeps its connections.
pub struct Webhook {
    caller: Caller,
    url: Url,
    secrets: Secrets,
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
    /// A webhook to `url`: `https`, or `http` where the options allow it; without user name and password, and within
    /// the options' reach.
    pub fn new(url: &str, secrets: Secrets, options: Options, clock: Clock) -> Result<Self, WebhookError> {
        let url = options.url(url).map_err(WebhookError::Url)?;
        let caller = Caller::new(options, Version::Any, url.scheme() == "https").map_err(WebhookError::Client)?;
        Ok(Self { caller, url, secrets, clock })
    }

    async fn attempt(&self, parcel: &Parcel) -> Answer {
        let (headers, body) = match self.request(parcel) {
            Ok(request) => request,
            Err(problem) => return Answer::Unfit { detail: format!("cannot write the request: {problem}") },
        };
        match self.caller.post(self.url.clone(), headers, body.into_bytes()).await {
            Ok(reply) => answers::answer(answer::ANSWERS, &reply, None, None, (self.clock)()),
            Err(failure) => failure,
        }
    }

    fn request(&self, parcel: &Parcel) -> Result<(HeaderMap, String), RequestError> {
        let body = body::json(parcel)?;
        let at = (self.clock)().0.div_euclid(1_000);
        let signature = self.secrets.sign(parcel.id.as_str(), at, &body)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(body::CONTENT));
        headers.insert(ID, HeaderValue::from_str(parcel.id.as_str())?);
        headers.insert(TIMESTAMP, HeaderValue::from(at));
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature)?);
        Ok((headers, body))
    }
}

/// Why a parcel can't be put into a request.
#[derive(Debug, Error)]
enum RequestError {
    #[error("the body can't be written")]
    Body(#[from] serde_json::Error),
    #[error("the body can't be signed")]
    Sign(#[from] standardwebhooks::WebhookError),
    #[error("a header can't be written")]
    Header(#[from] InvalidHeaderValue),
}

impl Provider for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        Box::pin(self.attempt(parcel))
    }
}
