//! What APNs' answers mean.

use crate::deliver::answers::{Meaning, Row};
use crate::model::ServerTime;
use serde::Deserialize;

const CODES: &str =
    "https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns";

/// What each answer means: the status, and Apple's `reason` where there is one.
///
/// `BadDeviceToken` is also what every token gets when the address is that of the other environment, sandbox or
/// production, so that no address is dropped for it.
pub const ANSWERS: &[Row] = &[
    Row::codes(200..=200, Meaning::Accepted, CODES),
    Row::word(400, "IdleTimeout", Meaning::Retry, CODES),
    Row::word(400, "BadDeviceToken", Meaning::Refused, CODES),
    Row::word(400, "DeviceTokenNotForTopic", Meaning::Refused, CODES),
    Row::codes(400..=400, Meaning::Refused, CODES),
    Row::word(403, "ExpiredProviderToken", Meaning::Denied, CODES),
    Row::word(403, "InvalidProviderToken", Meaning::Denied, CODES),
    Row::word(403, "MissingProviderToken", Meaning::Denied, CODES),
    Row::codes(401..=401, Meaning::Denied, CODES),
    Row::codes(403..=403, Meaning::Denied, CODES),
    Row::codes(408..=408, Meaning::Retry, "RFC 9110, 15.5.9: the client may repeat the request on a new connection"),
    Row::word(410, "ExpiredToken", Meaning::Gone, CODES),
    Row::word(410, "Unregistered", Meaning::Gone, CODES),
    Row::codes(410..=410, Meaning::Gone, CODES),
    Row::codes(413..=413, Meaning::Refused, CODES),
    Row::word(429, "TooManyProviderTokenUpdates", Meaning::Busy, CODES),
    Row::word(429, "TooManyRequests", Meaning::Retry, CODES),
    Row::codes(429..=429, Meaning::Busy, CODES),
    Row::codes(300..=499, Meaning::Refused, CODES),
    Row::codes(500..=599, Meaning::Busy, CODES),
    Row::codes(0..=u16::MAX, Meaning::Refused, "RFC 9110, 15: not the end of a request"),
];

/// What Apple says of a failure.
#[derive(Deserialize, Default)]
pub(super) struct Body {
    reason: Option<String>,
    timestamp: Option<i64>,
}

impl Body {
    pub(super) fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// Apple's word for what happened. Only letters are taken.
    pub(super) fn word(&self) -> Option<&str> {
        let plain = |word: &&str| (1..=60).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_alphabetic());
        self.reason.as_deref().filter(plain)
    }

    /// Since when the device token is not valid, by Apple's clock.
    pub(super) fn since(&self) -> Option<ServerTime> {
        self.timestamp.map(ServerTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::answers::tests::check;

    #[test]
    fn every_answer_has_one_meaning() {
        let expected = [
            (200, None, Meaning::Accepted),
            (400, Some("BadDeviceToken"), Meaning::Refused),
            (400, Some("DeviceTokenNotForTopic"), Meaning::Refused),
            (400, Some("BadCollapseId"), Meaning::Refused),
            (400, Some("IdleTimeout"), Meaning::Retry),
            (401, None, Meaning::Denied),
            (403, Some("ExpiredProviderToken"), Meaning::Denied),
            (403, Some("InvalidProviderToken"), Meaning::Denied),
            (403, Some("MissingProviderToken"), Meaning::Denied),
            (403, Some("Forbidden"), Meaning::Denied),
            (404, Some("BadPath"), Meaning::Refused),
            (405, Some("MethodNotAllowed"), Meaning::Refused),
            (408, None, Meaning::Retry),
            (410, Some("Unregistered"), Meaning::Gone),
            (410, Some("ExpiredToken"), Meaning::Gone),
            (410, None, Meaning::Gone),
            (413, Some("PayloadTooLarge"), Meaning::Refused),
            (429, Some("TooManyRequests"), Meaning::Retry),
            (429, Some("TooManyProviderTokenUpdates"), Meaning::Busy),
            (429, None, Meaning::Busy),
            (500, Some("InternalServerError"), Meaning::Busy),
            (503, Some("Shutdown"), Meaning::Busy),
        ];
        check(ANSWERS, &expected);
    }

    #[test]
    fn the_word_and_the_time_are_in_the_body() {
        let body = Body::parse(br#"{"reason": "Unregistered", "timestamp": 1767261600123}"#);
        assert_eq!((body.word(), body.since()), (Some("Unregistered"), Some(ServerTime(1_767_261_600_123))));
        let body = Body::parse(b"{\"reason\": \"a secret 7\"}");
        assert_eq!((body.word(), body.since()), (None, None));
        assert_eq!(Body::parse(b"").word(), None);
    }
}
