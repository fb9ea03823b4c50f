//! The provider `fcm`: Firebase Cloud Messaging by its HTTP v1 API, for Android.
//!
//! ```text
//! POST /v1/projects/{project}/messages:send      authorization: Bearer …, of the service account
//!
//! {"message":{"token":…,"notification":{…},"data":{…},"android":{"priority":"HIGH","ttl":"540s", …}, …}}
//! ```
//!
//! FCM has no idempotency key; the trigger's id is the notification's tag, by which a repeated one replaces the first.
//! What the answers mean stands in [`answer::ANSWERS`].

mod account;
pub mod answer;
pub mod body;
#[cfg(test)]
mod tests;

pub use account::Account;

use self::account::Tokens;
use super::outgoing::{Caller, Options, Version};
use super::{Answer, Answering, Clock, Parcel, Provider, answers};
use crate::model::Millis;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use std::fmt;
use thiserror::Error;

/// Where FCM is.
pub const ADDRESS: &str = "https://fcm.googleapis.com";
/// How long to wait where FCM does not say, after 429 and after 5xx:
/// <https://firebase.google.com/docs/cloud-messaging/scale-fcm>.
const QUOTA_REST: Millis = Millis::from_mins(1);
const ERROR_REST: Millis = Millis::from_secs(10);

/// Sends each parcel to the registration token that is its push address.
pub struct Fcm {
    caller: Caller,
    url: Url,
    tokens: Tokens,
    clock: Clock,
}

impl fmt::Debug for Fcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fcm").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// Why FCM can't be set up.
#[derive(Debug, Error)]
pub enum FcmError {
    /// The address is not one that can be called.
    #[error("FCM address {0}")]
    Address(String),
    /// The service account's token server is not one that can be called.
    #[error("the FCM service account's token_uri {0}")]
    TokenUri(String),
    /// The HTTP client can't be made, for example because the system has no root certificates.
    #[error("cannot set up FCM's HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Fcm {
    /// FCM at an address that the operator chose, usually [`ADDRESS`].
    pub fn new(address: &str, account: Account, clock: Clock) -> Result<Self, FcmError> {
        let path = format!("{}/v1/projects/{}/messages:send", address.trim_end_matches('/'), account.project);
        let options = Options::for_operator(address);
        let url = options.url(&path).map_err(FcmError::Address)?;
        let token_url = account.token_url().map_err(FcmError::TokenUri)?;
        let caller = |url: &Url, options| {
            Caller::new(options, Version::Any, url.scheme() == "https").map_err(FcmError::Client)
        };
        let token_caller = caller(&token_url, Options::for_operator(token_url.as_str()))?;
        Ok(Self { caller: caller(&url, options)?, url, tokens: Tokens::new(account, token_url, token_caller), clock })
    }

    async fn attempt(&self, parcel: &Parcel) -> Answer {
        let body = match body::json(parcel, (self.clock)()) {
            Ok(body) => body,
            Err(detail) => return Answer::Unfit { detail },
        };
        match self.send(None, &body).await {
            // Tokens can be revoked before their time: one that is new decides.
            Ok((Answer::Denied { .. }, bearer)) => match self.send(Some(&bearer), &body).await {
                Ok((answer, _)) | Err(answer) => answer,
            },
            Ok((answer, _)) | Err(answer) => answer,
        }
    }

    /// Sends with a token other than the refused one, and gives back what was answered to which.
    async fn send(&self, refused: Option<&HeaderValue>, body: &[u8]) -> Result<(Answer, HeaderValue), Answer> {
        let bearer = self.tokens.bearer(refused, (self.clock)()).await?;
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer.clone()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        let reply = self.caller.post(self.url.clone(), headers, body.to_vec()).await?;
        let patience = if reply.status == StatusCode::TOO_MANY_REQUESTS { QUOTA_REST } else { ERROR_REST };
        let word = answer::word(&reply.body);
        let answer = answers::answer(answer::ANSWERS, &reply, word.as_deref(), Some(patience), (self.clock)());
        Ok((answer, bearer))
    }
}

impl Provider for Fcm {
    fn name(&self) -> &'static str {
        "fcm"
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        Box::pin(self.attempt(parcel))
    }
}
