//! What FCM's answers mean.

use crate::deliver::answers::{Meaning, Row};
use serde::Deserialize;

const CODES: &str = "https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode";
const SCALE: &str = "https://firebase.google.com/docs/cloud-messaging/scale-fcm";

/// What each answer means: the status, and FCM's `errorCode` where there is one.
///
/// `INVALID_ARGUMENT` may be about the token or about the message, so that no address is dropped for it. A wrong
/// project would answer 404 for every token; only `UNREGISTERED` drops one.
pub const ANSWERS: &[Row] = &[
    Row::codes(200..=299, Meaning::Accepted, CODES),
    Row::word(400, "INVALID_ARGUMENT", Meaning::Refused, CODES),
    Row::word(401, "THIRD_PARTY_AUTH_ERROR", Meaning::Denied, CODES),
    Row::codes(401..=401, Meaning::Denied, CODES),
    Row::word(403, "SENDER_ID_MISMATCH", Meaning::Refused, CODES),
    Row::codes(403..=403, Meaning::Denied, CODES),
    Row::word(404, "UNREGISTERED", Meaning::Gone, CODES),
    Row::codes(408..=408, Meaning::Retry, "RFC 9110, 15.5.9: the client may repeat the request on a new connection"),
    Row::word(429, "QUOTA_EXCEEDED", Meaning::Busy, CODES),
    Row::codes(429..=429, Meaning::Busy, SCALE),
    Row::codes(300..=499, Meaning::Refused, SCALE),
    Row::word(500, "INTERNAL", Meaning::Busy, CODES),
    Row::word(503, "UNAVAILABLE", Meaning::Busy, CODES),
    Row::codes(500..=599, Meaning::Busy, SCALE),
    Row::codes(0..=u16::MAX, Meaning::Refused, "RFC 9110, 15: not the end of a request"),
];

/// What the token server's answers mean.
pub const TOKEN_ANSWERS: &[Row] = &[
    Row::codes(429..=429, Meaning::Busy, "RFC 6585, 4: may say when to try again"),
    Row::codes(400..=499, Meaning::Denied, "RFC 6749, 5.2: the service account is not, or no more, known"),
    Row::codes(0..=u16::MAX, Meaning::Busy, "RFC 9110, 15.6: the server has erred, the request seems valid"),
];

/// The token server's word for what happened (RFC 6749, section 5.2), if it is one of its own.
pub(super) fn grant_word(body: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Grant<'a> {
        error: &'a str,
    }
    const WORDS: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let Grant { error } = serde_json::from_slice(body).ok()?;
    WORDS.into_iter().find(|word| *word == error)
}

#[derive(Deserialize)]
struct Body {
    error: Problem,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "errorCode")]
    code: Option<String>,
}

/// FCM's word for what happened: the `errorCode` among the details of the error. Only letters and `_` are taken.
pub(super) fn word(body: &[u8]) -> Option<String> {
    let Body { error } = serde_json::from_slice(body).ok()?;
    let plain = |code: &String| code.len() <= 60 && code.bytes().all(|c| c.is_ascii_uppercase() || c == b'_');
    error.details.into_iter().find_map(|detail| detail.code).filter(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::answers::tests::check;

    #[test]
    fn every_answer_has_one_meaning() {
        let expected = [
            (200, None, Meaning::Accepted),
            (307, None, Meaning::Refused),
            (400, Some("INVALID_ARGUMENT"), Meaning::Refused),
            (400, None, Meaning::Refused),
            (401, Some("THIRD_PARTY_AUTH_ERROR"), Meaning::Denied),
            (401, None, Meaning::Denied),
            (403, Some("SENDER_ID_MISMATCH"), Meaning::Refused),
            (403, None, Meaning::Denied),
            (404, Some("UNREGISTERED"), Meaning::Gone),
            (404, None, Meaning::Refused),
            (408, None, Meaning::Retry),
            (413, None, Meaning::Refused),
            (429, Some("QUOTA_EXCEEDED"), Meaning::Busy),
            (429, None, Meaning::Busy),
            (500, Some("INTERNAL"), Meaning::Busy),
            (502, None, Meaning::Busy),
            (503, Some("UNAVAILABLE"), Meaning::Busy),
        ];
        check(ANSWERS, &expected);
        let tokens = [
            (400, Meaning::Denied),
            (401, Meaning::Denied),
            (429, Meaning::Busy),
            (503, Meaning::Busy),
            (302, Meaning::Busy),
        ];
        check(TOKEN_ANSWERS, &tokens.map(|(status, meaning)| (status, None, meaning)));
    }

    #[test]
    fn the_word_is_among_the_details() {
        let unregistered =
            br#"{"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND",
            "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest"},
                {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"}]}}"#;
        for (body, expected) in [
            (&unregistered[..], Some("UNREGISTERED")),
            (br#"{"error": {"code": 404, "status": "NOT_FOUND"}}"#, None),
            (br#"{"error": {"details": [{"errorCode": "secret-token"}]}}"#, None),
            (b"<html>", None),
            (b"", None),
        ] {
            assert_eq!(word(body).as_deref(), expected);
        }
    }
}
