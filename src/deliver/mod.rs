//! Triggers on their way out of the house: composed, handed to a provider, tried again until they are taken,
//! refused or expired.
//!
//! The [`worker`] takes what is durable in the outbox, [`compose()`]s it into a [`Parcel`] and hands that to one
//! [`Provider`], each of which has a room of its own: [`fcm`], [`apns`], [`webpush`], [`webhook`] and [`log`]. What
//! their answers mean stands in tables ([`answers`]); [`backoff`] says when to try again. All requests leave through
//! [`outgoing`]. What goes in the app is offered to one of the [`Apps`] that have a stream open, and withdrawn before it
//! goes by push.

pub mod answers;
pub mod apns;
mod apps;
pub mod backoff;
pub mod compose;
pub mod fcm;
mod jwt;
pub mod log;
pub mod outgoing;
pub mod routes;
pub mod webhook;
pub mod webpush;
pub mod worker;

use crate::model::{Millis, ServerTime};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use apns::Apns;
pub use apps::{Apps, Connection, Notice};
pub use compose::{Parcel, compose};
pub use fcm::Fcm;
pub use log::Log;
pub use routes::Routes;
pub use webhook::{Secrets, Webhook};
pub use webpush::WebPush;
pub use worker::{Limits, Worker};

/// The longest detail of an answer in characters; the rest is cut off when it is recorded.
pub const DETAIL_MAX_CHARS: usize = 200;

/// Reads the server's clock, which only the shell may do.
pub type Clock = Arc<dyn Fn() -> ServerTime + Send + Sync>;

/// What a provider answers, sooner or later. A boxed future, so that a provider can be a trait object.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Takes parcels to phones, or to somebody who does.
///
/// A provider holds no state that a restart would lose, may be called for many parcels at once, and ends each
/// call within a time of its own; the worker gives up on one that does not.
pub trait Provider: Send + Sync + 'static {
    /// The name under which attempts are recorded: short, lower case, the same for ever.
    fn name(&self) -> &'static str;

    /// The lane that parcels to this push address take: those of one lane share a rate and a breaker. A provider has
    /// one, with its own name, or a few, `name/…`.
    fn lane(&self, push_address: &str) -> &'static str {
        let _ = push_address;
        self.name()
    }

    /// How many times in a row, with nothing taken between, it must have been denied before it is paused. Default: 1.
    fn denials(&self) -> u32 {
        1
    }

    /// Makes one attempt. It does not try again by itself, but for once with a new token where the old one is refused, and it does not fail: whatever goes wrong is an answer.
    ///
    /// It may be called again with the parcel of the same id, even after the earlier one was taken: when the end
    /// of an attempt is not known (a timeout, a crash before the answer was durable), the worker makes another.
    /// The provider passes the id on as the idempotency or collapse key, so that the phone shows one message.
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a>;
}

/// What became of one attempt. The detail says what the other side answered, such as `HTTP 503`, and holds
/// neither push address nor coordinates; only its first [`DETAIL_MAX_CHARS`] characters are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Taken: the trigger is delivered.
    Accepted {
        /// What was answered.
        detail: String,
    },
    /// Not taken, or nobody knows; another attempt may succeed. It is about this parcel or its device only.
    Retry {
        /// What was answered, or what went wrong.
        detail: String,
        /// For how long the other side asked to be left alone.
        after: Option<Millis>,
    },
    /// The same, but it is about everything that goes this way: the provider is down, or asks for a rest.
    Busy {
        /// What was answered, or what went wrong.
        detail: String,
        /// For how long the other side asked to be left alone.
        after: Option<Millis>,
    },
    /// Not taken, because nobody is at the device's push address any more. It is to be dropped, unless the device
    /// registered it again since.
    Gone {
        /// What was answered.
        detail: String,
        /// Since when nobody is; when the other side does not say, since the attempt.
        since: Option<ServerTime>,
    },
    /// Not taken, and another attempt would not be either.
    Refused {
        /// What was answered.
        detail: String,
    },
    /// Not even sent, because it can't be as it is: it is too large, or its address is none that may be called.
    Unfit {
        /// What is wrong.
        detail: String,
    },
    /// Not taken, because the provider does not accept our credentials. Nobody's parcel will be taken before an
    /// operator has seen to it.
    Denied {
        /// What was answered.
        detail: String,
    },
}

impl Answer {
    /// What was answered, or what went wrong.
    pub fn detail(&self) -> &str {
        match self {
            Self::Accepted { detail }
            | Self::Retry { detail, .. }
            | Self::Busy { detail, .. }
            | Self::Gone { detail, .. }
            | Self::Refused { detail }
            | Self::Unfit { detail }
            | Self::Denied { detail } => detail,
        }
    }
}

/// Whether a payload is within what a service takes; if not, says so. It is asked before anything is sent.
fn fits(service: &str, payload: &[u8], max: usize) -> Result<(), String> {
    let bytes = payload.len();
    if bytes <= max { Ok(()) } else { Err(format!("the message has {bytes} bytes; {service} takes {max}")) }
}
