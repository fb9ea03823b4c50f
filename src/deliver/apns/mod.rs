//! The provider `apns`: the Apple Push Notification service by HTTP/2, with a token, for iOS.
//!
//! ```text
//! POST /3/device/{token}          authorization: bearer …, of the team
//! apns-topic, apns-push-type: alert, apns-priority: 10
//! apns-id: 7c0a…-…                a UUID that follows from the trigger's id, the same in every attempt
//! apns-collapse-id: tb4q…         the trigger's id: a repeated one replaces the first
//! apns-expiration: 1767262500     when the trigger expires
//!
//! {"aps":{"alert":{"title":…,"body":…}, …},"trigger":"tb4q…", …}
//! ```
//!
//! What the answers mean stands in [`answer::ANSWERS`].

pub mod answer;
pub mod body;
#[cfg(test)]
mod tests;
mod token;

pub use token::Signer;

use self::answer::Body;
use self::token::Token;
use super::outgoing::{Caller, Options, Version};
use super::{Answer, Answering, Clock, Parcel, Provider, answers};
use crate::model::TriggerId;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use thiserror::Error;

/// Where APNs is, for apps of the App Store and of TestFlight.
pub const ADDRESS: &str = "https://api.push.apple.com";
/// Where it is for apps that Xcode installs.
pub const SANDBOX: &str = "https://api.sandbox.push.apple.com";
/// The longest device token in hexadecimal digits: 100 bytes.
const TOKEN_MAX: usize = 200;

const ID: HeaderName = HeaderName::from_static("apns-id");
const TOPIC: HeaderName = HeaderName::from_static("apns-topic");
const PUSH_TYPE: HeaderName = HeaderName::from_static("apns-push-type");
const PRIORITY: HeaderName = HeaderName::from_static("apns-priority");
const EXPIRATION: HeaderName = HeaderName::from_static("apns-expiration");
const COLLAPSE_ID: HeaderName = HeaderName::from_static("apns-collapse-id");

/// Sends each parcel to the device token that is its push address, in hexadecimal digits.
pub struct Apns {
    caller: Caller,
    base: Url,
    topic: HeaderValue,
    token: Token,
    clock: Clock,
}

impl fmt::Debug for Apns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apns")
            .field("host", &self.base.host_str())
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// Why APNs can't be set up.
#[derive(Debug, Error)]
pub enum ApnsError {
    /// The address is not one that can be called.
    #[error("APNs address {0}")]
    Address(String),
    /// The topic is none.
    #[error("APNs topic {0:?} must be the app's bundle id, such as com.example.app")]
    Topic(String),
    /// The HTTP client can't be made, for example because the system has no root certificates.
    #[error("cannot set up APNs' HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Apns {
    /// APNs at an address that the operator chose, usually [`ADDRESS`] or [`SANDBOX`]. The topic is the app's bundle id.
    pub fn new(address: &str, topic: &str, signer: Signer, clock: Clock) -> Result<Self, ApnsError> {
        let options = Options::for_operator(address);
        let base = options.url(address).map_err(ApnsError::Address)?;
        let plain = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
        let topic = Some(topic)
            .filter(|topic| (1..=255).contains(&topic.len()) && topic.bytes().all(plain))
            .and_then(|topic| HeaderValue::from_str(topic).ok())
            .ok_or_else(|| ApnsError::Topic(topic.to_owned()))?;
        let caller = Caller::new(options, Version::Two, base.scheme() == "https").map_err(ApnsError::Client)?;
        Ok(Self { caller, base, topic, token: Token::new(signer), clock })
    }

    async fn attempt(&self, parcel: &Parcel) -> Answer {
        let (url, headers, body) = match self.request(parcel) {
            Ok(request) => request,
            Err(detail) => return Answer::Unfit { detail },
        };
        let (answer, bearer) = match self.send(None, &url, &headers, &body).await {
            Ok(sent) => sent,
            Err(failure) => return failure,
        };
        if !matches!(answer, Answer::Denied { .. }) {
            return answer;
        }
        // It may be that the token's time is over by Apple's clock: a new one decides, if Apple lets us have one.
        match self.token.bearer(Some(&bearer), (self.clock)()) {
            Ok(fresh) if fresh != bearer => match self.send(Some(&bearer), &url, &headers, &body).await {
                Ok((answer, _)) | Err(answer) => answer,
            },
            Ok(_) | Err(_) => answer,
        }
    }

    fn request(&self, parcel: &Parcel) -> Result<(Url, HeaderMap, Vec<u8>), String> {
        let token = &parcel.push_address;
        if !(1..=TOKEN_MAX).contains(&token.len()) || !token.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err("the push address is no device token: hexadecimal digits are".into());
        }
        let body = body::json(parcel)?;
        let url = self.base.join(&format!("3/device/{token}")).map_err(|why| why.to_string())?;
        let text = |value: &str| HeaderValue::from_str(value).map_err(|why| why.to_string());
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ID, text(&uuid(&parcel.id))?),
            (TOPIC, self.topic.clone()),
            (PUSH_TYPE, HeaderValue::from_static("alert")),
            // A door is passed within seconds: at once, whatever it costs the battery.
            (PRIORITY, HeaderValue::from_static("10")),
            (EXPIRATION, HeaderValue::from(parcel.expires.0.div_euclid(1_000).max(0))),
            (COLLAPSE_ID, text(parcel.id.as_str())?),
        ]);
        Ok((url, headers, body))
    }

    /// Sends with a token other than the refused one, and gives back what was answered to which.
    async fn send(
        &self,
        refused: Option<&HeaderValue>,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(Answer, HeaderValue), Answer> {
        let bearer = self
            .token
            .bearer(refused, (self.clock)())
            .map_err(|problem| Answer::Denied { detail: format!("no token: {problem}") })?;
        let mut headers = headers.clone();
        headers.insert(AUTHORIZATION, bearer.clone());
        let reply = self.caller.post(url.clone(), headers, body.to_vec()).await?;
        let said = Body::parse(&reply.body);
        let answer = answers::answer(answer::ANSWERS, &reply, said.word(), None, (self.clock)());
        let answer = match answer {
            Answer::Gone { detail, since } => Answer::Gone { detail, since: said.since().or(since) },
            Answer::Accepted { .. }
            | Answer::Retry { .. }
            | Answer::Busy { .. }
            | Answer::Refused { .. }
            | Answer::Unfit { .. }
            | Answer::Denied { .. } => answer,
        };
        Ok((answer, bearer))
    }
}

/// The UUID of a trigger: its id's 128-bit XXH3 in the form for one's own schemes, version 8 (RFC 9562, section 5.8).
fn uuid(id: &TriggerId) -> String {
    let hash = xxhash_rust::xxh3::xxh3_128(id.as_str().as_bytes());
    let bits = hash & !(0xf << 76) & !(0b11 << 62) | 0x8 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    parts.join("-")
}

impl Provider for Apns {
    fn name(&self) -> &'static str {
        "apns"
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        Box::pin(self.attempt(parcel))
    }
}
