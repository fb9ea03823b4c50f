//! Where a browser is: the JSON of its `PushSubscription`, which is the device's push address.

use super::encrypt::POINT_BYTES;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

/// Base64 with the alphabet for URLs, padded or not.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The length of the secret that authenticates, in bytes (RFC 8291, section 3.2).
const AUTH_BYTES: usize = 16;

/// A subscription, parsed.
pub(super) struct Subscription {
    pub(super) endpoint: String,
    /// The browser's public key: an uncompressed point of P-256.
    pub(super) key: Vec<u8>,
    pub(super) auth: Vec<u8>,
}

#[derive(Deserialize)]
struct Json {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

impl Subscription {
    /// Parses what `JSON.stringify(subscription)` gives; the error shows nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Json { endpoint, keys } = serde_json::from_str(text)
            .map_err(|_| "the push address is no subscription: JSON with endpoint and keys is".to_owned())?;
        let bytes = |text: &str, length| BASE64.decode(text).ok().filter(|bytes| bytes.len() == length);
        let key = bytes(&keys.p256dh, POINT_BYTES).ok_or("the subscription's key p256dh is no point of P-256")?;
        let auth = bytes(&keys.auth, AUTH_BYTES).ok_or("the subscription's auth is not 16 bytes")?;
        Ok(Self { endpoint, key, auth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_what_browsers_give() {
        let key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let text = |key: &str, auth: &str| {
            format!(
                r#"{{"endpoint":"https://p.example/1","expirationTime":null,"keys":{{"p256dh":"{key}","auth":"{auth}"}}}}"#
            )
        };
        for (text, problem) in [
            (text(key, "BTBZMqHH6r4Tts7J_aSIgg"), None),
            (text(&format!("{key}="), "BTBZMqHH6r4Tts7J_aSIgg=="), None),
            (text("BCVx", "BTBZMqHH6r4Tts7J_aSIgg"), Some("the subscription's key p256dh is no point")),
            (text(key, "BTBZ"), Some("the subscription's auth is not 16 bytes")),
            ("fcm-token".to_owned(), Some("the push address is no subscription")),
            (r#"{"endpoint":"https://p.example/1"}"#.to_owned(), Some("the push address is no subscription")),
        ] {
            match (Subscription::parse(&text), problem) {
                (Ok(parsed), None) => assert_eq!(parsed.endpoint, "https://p.example/1"),
                (Err(found), Some(begins)) => assert!(found.starts_with(begins), "{found}"),
                (Ok(_), Some(_)) | (Err(_), None) => panic!("{text}"),
            }
        }
    }
}
