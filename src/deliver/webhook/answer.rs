//! What a receiver's answer means.

use crate::deliver::answers::{Meaning, Row};

/// What each status code means. Beside these, a connection that can't be made or breaks, and an answer that does not
/// come in time, are to be tried again (Standard Webhooks 1.0.0, "Delivery success and failure").
///
/// Standard Webhooks leaves it to the sender which failures to repeat. A client error other than those that name a
/// passing state would be answered in the same way again (RFC 9110, section 15.5), so it ends the trigger and its
/// budget is given back.
pub const ANSWERS: &[Row] = &[
    Row::codes(200..=299, Meaning::Accepted, "Standard Webhooks: success"),
    Row::codes(
        300..=399,
        Meaning::Refused,
        "Standard Webhooks: failure; redirects are not followed, the URL is to be corrected",
    ),
    Row::codes(401..=401, Meaning::Denied, "RFC 9110, 15.5.2: the signature is not known, so the secrets differ"),
    Row::codes(403..=403, Meaning::Denied, "RFC 9110, 15.5.4: the receiver knows the sender and wants none of it"),
    Row::codes(408..=408, Meaning::Retry, "RFC 9110, 15.5.9: the client may repeat the request on a new connection"),
    Row::codes(
        410..=410,
        Meaning::Refused,
        "Standard Webhooks: the receiver wants no more from this sender; RFC 9110, 15.5.11",
    ),
    Row::codes(429..=429, Meaning::Busy, "Standard Webhooks: slow down; RFC 6585, 4: may say when to try again"),
    Row::codes(400..=499, Meaning::Refused, "RFC 9110, 15.5: the client seems to have erred"),
    Row::codes(
        500..=599,
        Meaning::Busy,
        "Standard Webhooks: failure; RFC 9110, 15.6: the server has erred, the request seems valid",
    ),
    Row::codes(0..=u16::MAX, Meaning::Refused, "RFC 9110, 15: not the end of a request"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::answers::tests::check;

    #[test]
    fn every_status_has_one_meaning() {
        let expected = [
            (101, Meaning::Refused),
            (200, Meaning::Accepted),
            (202, Meaning::Accepted),
            (204, Meaning::Accepted),
            (301, Meaning::Refused),
            (308, Meaning::Refused),
            (400, Meaning::Refused),
            (401, Meaning::Denied),
            (403, Meaning::Denied),
            (404, Meaning::Refused),
            (408, Meaning::Retry),
            (409, Meaning::Refused),
            (410, Meaning::Refused),
            (413, Meaning::Refused),
            (429, Meaning::Busy),
            (451, Meaning::Refused),
            (500, Meaning::Busy),
            (502, Meaning::Busy),
            (503, Meaning::Busy),
            (504, Meaning::Busy),
            (599, Meaning::Busy),
            (600, Meaning::Refused),
        ];
        check(ANSWERS, &expected.map(|(status, meaning)| (status, None, meaning)));
    }
}
