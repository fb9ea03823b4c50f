//! Has the customer agreed that their location is used for messaging?

use super::asking::{Asking, pass, refuse};
use crate::model::{PolicyStep, Reason};

const NAME: &str = "consent";

/// Passes only where consent was granted and has not expired; a customer who was never asked has not granted it.
pub(super) fn ask(asking: &Asking<'_>) -> PolicyStep {
    match &asking.customer.consent {
        Some(consent) if consent.expired(asking.now) => refuse(NAME, Reason::ConsentExpired, "expired"),
        Some(consent) if consent.granted => pass(NAME, "granted"),
        Some(_) => refuse(NAME, Reason::NoConsent, "not granted"),
        None => refuse(NAME, Reason::NoConsent, "never asked"),
    }
}
