//! What the answers of Web Push services mean.

use crate::deliver::answers::{Meaning, Row};

/// What each status means (RFC 8030: HTTP Web Push; RFC 8292: VAPID).
pub const ANSWERS: &[Row] = &[
    Row::codes(200..=299, Meaning::Accepted, "RFC 8030, 5: 201 when it is taken"),
    Row::codes(300..=399, Meaning::Refused, "RFC 9110, 15.4: redirects are not followed"),
    Row::codes(401..=401, Meaning::Denied, "RFC 8292, 4.2: no token, or one that does not fit"),
    Row::codes(
        403..=403,
        Meaning::Denied,
        "RFC 8292, 4.2: not the key of the subscription, or a token that is not valid",
    ),
    Row::codes(404..=404, Meaning::Gone, "RFC 8030, 7.3: the subscription has expired"),
    Row::codes(408..=408, Meaning::Retry, "RFC 9110, 15.5.9: the client may repeat the request on a new connection"),
    Row::codes(410..=410, Meaning::Gone, "RFC 8030, 7.3: the subscription was ended"),
    Row::codes(413..=413, Meaning::Refused, "RFC 8030, 7.2: the message is too large"),
    Row::codes(429..=429, Meaning::Retry, "RFC 8030, 8.4: too many for this subscription; may say when to try again"),
    Row::codes(400..=499, Meaning::Refused, "RFC 9110, 15.5: the client seems to have erred"),
    Row::codes(500..=599, Meaning::Busy, "RFC 9110, 15.6: the server has erred, the request seems valid"),
    Row::codes(0..=u16::MAX, Meaning::Refused, "RFC 9110, 15: not the end of a request"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::answers::tests::check;

    #[test]
    fn every_status_has_one_meaning() {
        let expected = [
            (200, Meaning::Accepted),
            (201, Meaning::Accepted),
            (202, Meaning::Accepted),
            (307, Meaning::Refused),
            (400, Meaning::Refused),
            (401, Meaning::Denied),
            (403, Meaning::Denied),
            (404, Meaning::Gone),
            (408, Meaning::Retry),
            (410, Meaning::Gone),
            (413, Meaning::Refused),
            (429, Meaning::Retry),
            (500, Meaning::Busy),
            (503, Meaning::Busy),
            (600, Meaning::Refused),
        ];
        check(ANSWERS, &expected.map(|(status, meaning)| (status, None, meaning)));
    }
}
