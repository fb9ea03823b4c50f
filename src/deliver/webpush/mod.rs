//! The provider `webpush`: browsers, by the Web Push protocol (RFC 8030) with VAPID (RFC 8292) and message encryption
//! (RFC 8291).
//!
//! ```text
//! POST {endpoint of the subscription}
//! authorization: vapid t=…, k=…     ttl: 540     urgency: high
//! topic: tb4q…                      the trigger's id: one that waits is replaced by a repeated one
//! content-encoding: aes128gcm
//! ```
//!
//! The service worker gets `{"title":…,"body":…,"deep_link":…,"trigger":…,"data":{…},"image":…,"buttons":[…]}`, and takes the trigger as the
//! notification's tag. The endpoint is chosen by whoever registers the device: see [`outgoing`](super::outgoing).
//!
//! What the answers mean stands in [`answer::ANSWERS`].

pub mod answer;
pub mod encrypt;
mod subscription;
#[cfg(test)]
mod tests;
mod vapid;

pub use vapid::Vapid;

use self::subscription::Subscription;
use super::compose::{Tappable, tappable};
use super::outgoing::{Caller, Options, Version};
use super::{Answer, Answering, Clock, Parcel, Provider, answers, fits};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");
/// How many subscriptions in a row must be denied before it is our key that is wrong: each was made for some key, and
/// one may have been made for another.
const DENIALS: u32 = 5;

/// The push services that browsers use, by the end of their hosts' names. Each has a lane of its own; the others share
/// one, which no answer closes, since anybody can stand behind them.
const SERVICES: [(&str, &str); 6] = [
    ("fcm.googleapis.com", "webpush/google"),
    ("jmt17.google.com", "webpush/google"),
    (".push.services.mozilla.com", "webpush/mozilla"),
    (".push.apple.com", "webpush/apple"),
    (".notify.windows.com", "webpush/microsoft"),
    (".wns.windows.com", "webpush/microsoft"),
];
const OTHERS: &str = "webpush/other";

/// Sends each parcel to the subscription that is its push address.
pub struct WebPush {
    caller: Caller,
    options: Options,
    vapid: Vapid,
    clock: Clock,
}

impl fmt::Debug for WebPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebPush").field("vapid", &self.vapid).finish_non_exhaustive()
    }
}

/// Why Web Push can't be set up.
#[derive(Debug, Error)]
pub enum WebPushError {
    /// The HTTP client can't be made, for example because the system has no root certificates.
    #[error("cannot set up Web Push's HTTP client")]
    Client(#[source] reqwest::Error),
}

#[derive(Serialize)]
struct Message<'a> {
    title: &'a str,
    body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep_link: Option<&'a str>,
    trigger: &'a str,
    data: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<Tappable<'a>>,
}

impl WebPush {
    /// Web Push under a key of ours. The options are for endpoints that others chose.
    pub fn new(vapid: Vapid, options: Options, clock: Clock) -> Result<Self, WebPushError> {
        // For a test server a system without root certificates is good enough.
        let caller = Caller::new(options, Version::Any, !options.plain_http).map_err(WebPushError::Client)?;
        Ok(Self { caller, options, vapid, clock })
    }

    async fn attempt(&self, parcel: &Parcel) -> Answer {
        let (url, headers, body) = match self.request(parcel) {
            Ok(request) => request,
            Err(detail) => return Answer::Unfit { detail },
        };
        let lane = lane(&url);
        let answer = match self.caller.post(url, headers, body).await {
            Ok(reply) => answers::answer(answer::ANSWERS, &reply, None, None, (self.clock)()),
            Err(failure) => failure,
        };
        if lane == OTHERS { of_a_stranger(answer) } else { answer }
    }

    fn request(&self, parcel: &Parcel) -> Result<(Url, HeaderMap, Vec<u8>), String> {
        let to = Subscription::parse(&parcel.push_address)?;
        let url = self.options.url(&to.endpoint).map_err(|problem| format!("the endpoint {problem}"))?;
        let message = json(parcel)?;
        let body = encrypt::encrypt(&message, &to).map_err(|_| "the subscription's key is no point of P-256")?;
        let now = (self.clock)();
        let authorization = self.vapid.authorization(&url, now).map_err(|why| why.to_string())?;
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, authorization),
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
            (TTL, HeaderValue::from((parcel.expires - now).0.div_euclid(1_000).max(0))),
            // A door is passed within seconds.
            (URGENCY, HeaderValue::from_static("high")),
            // At most 32 characters of base64 for URLs (RFC 8030, section 5.4), which a trigger's id is.
            (TOPIC, HeaderValue::from_str(parcel.id.as_str()).map_err(|why| why.to_string())?),
        ]);
        Ok((url, headers, body))
    }
}

/// What the service worker gets, or why it can't be sent.
fn json(parcel: &Parcel) -> Result<Vec<u8>, String> {
    let message = serde_json::to_vec(&Message {
        title: &parcel.title,
        body: &parcel.body,
        deep_link: parcel.deep_link.as_deref(),
        trigger: parcel.id.as_str(),
        data: &parcel.data,
        image: parcel.image.as_deref(),
        buttons: tappable(parcel),
    })
    .map_err(|why| why.to_string())?;
    fits("Web Push", &message, encrypt::MESSAGE_MAX_BYTES)?;
    Ok(message)
}

fn lane(endpoint: &Url) -> &'static str {
    let host = endpoint.host_str().unwrap_or_default();
    // The end of a name begins with a dot; a whole one does not.
    let is = |name: &str| if name.starts_with('.') { host.ends_with(name) } else { host == name };
    SERVICES.iter().find(|(name, _)| is(name)).map_or(OTHERS, |(_, lane)| lane)
}

/// What somebody unknown answers is about the one message at most.
fn of_a_stranger(answer: Answer) -> Answer {
    match answer {
        Answer::Busy { detail, after } => Answer::Retry { detail, after },
        Answer::Denied { detail } => Answer::Refused { detail },
        Answer::Accepted { .. }
        | Answer::Retry { .. }
        | Answer::Gone { .. }
        | Answer::Refused { .. }
        | Answer::Unfit { .. } => answer,
    }
}

impl Provider for WebPush {
    fn name(&self) -> &'static str {
        "webpush"
    }

    fn lane(&self, push_address: &str) -> &'static str {
        let endpoint = Subscription::parse(push_address).ok().and_then(|to| Url::parse(&to.endpoint).ok());
        endpoint.map_or(OTHERS, |endpoint| lane(&endpoint))
    }

    fn denials(&self) -> u32 {
        DENIALS
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        Box::pin(self.attempt(parcel))
    }
}
