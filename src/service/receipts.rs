//! What apps tell of messages, in words.

use crate::model::{Receipts, ServerTime};

/// What the app told of a message: `; opened at 12:05:30 by “map”`.
pub(super) fn seen(receipts: &Receipts, clock: &impl Fn(ServerTime) -> String) -> String {
    let Receipts { received, opened, button } = receipts;
    let by = button.as_ref().map(|button| format!(" by “{button}”")).unwrap_or_default();
    match (received, opened) {
        (_, Some(at)) => format!("; opened at {}{by}", clock(*at)),
        (Some(at), None) => format!("; on the phone since {}", clock(*at)),
        (None, None) => String::new(),
    }
}
