//! Who we are to Web Push services: VAPID, RFC 8292.

use super::subscription::BASE64;
use crate::deliver::jwt::{KeyError, KeyFileError, SigningKey, read_file};
use crate::model::ServerTime;
use base64::Engine as _;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// For how long a token holds, in seconds: at most a day (RFC 8292, section 2), less some for clocks that differ.
const LIFE_S: i64 = 12 * 3_600;
/// The longest contact in bytes.
const SUBJECT_MAX_BYTES: usize = 200;

/// Our key, and whom a push service can turn to.
pub struct Vapid {
    key: SigningKey,
    subject: String,
}

impl fmt::Debug for Vapid {
    /// Shows what is public.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vapid")
            .field("public", &self.public())
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Pair {
    #[serde(rename = "publicKey")]
    public: String,
    #[serde(rename = "privateKey")]
    private: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl Vapid {
    /// Reads the key from a file: PEM of PKCS #8, or the JSON that `web-push generate-vapid-keys --json` prints.
    /// `subject` is a contact of the operator, `mailto:` or `https:`.
    pub fn read(path: &Path, subject: &str) -> Result<Self, KeyFileError> {
        read_file("a Web Push key", path, |text| Self::parse(text, subject))
    }

    /// Parses the text of such a file; the error says what is wrong without showing the key.
    pub fn parse(text: &str, subject: &str) -> Result<Self, String> {
        let known = subject.starts_with("mailto:") || subject.starts_with("https://");
        if !known || subject.len() > SUBJECT_MAX_BYTES {
            return Err(format!("goes with the subject {subject:?}; must be mailto:… or https://…"));
        }
        let key = match serde_json::from_str::<Pair>(text) {
            Ok(pair) => {
                let bytes = |text: &str| BASE64.decode(text).map_err(|_| "is not base64 for URLs".to_owned());
                SigningKey::es256_raw(&bytes(&pair.private)?, &bytes(&pair.public)?)
            }
            Err(_) => SigningKey::es256(text),
        };
        Ok(Self { key: key.map_err(|why| why.to_string())?, subject: subject.into() })
    }

    /// Our public key, as a page gives it to `subscribe` for its `applicationServerKey`.
    pub fn public(&self) -> String {
        BASE64.encode(self.key.public())
    }

    /// The value of the field `Authorization` for a push service: RFC 8292, section 3.
    pub(super) fn authorization(&self, to: &Url, now: ServerTime) -> Result<HeaderValue, KeyError> {
        let origin = to.origin().ascii_serialization();
        let claims = Claims { aud: &origin, exp: now.0.div_euclid(1_000) + LIFE_S, sub: &self.subject };
        let value = format!("vapid t={}, k={}", self.key.token(None, &claims)?, self.public());
        let mut value = HeaderValue::from_str(&value).map_err(|_| KeyError::Sign)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::jwt::tests::{EC_PEM, verified};
    use serde_json::json;

    #[test]
    fn the_token_is_for_the_push_service_alone() {
        let vapid = Vapid::parse(EC_PEM, "mailto:push@roost.example").unwrap();
        let to = Url::parse("https://push.example.net:8443/push/JzLQ3raZ?x").unwrap();
        let value = vapid.authorization(&to, ServerTime(1_767_261_600_000)).unwrap();
        let (token, key) = value.to_str().unwrap().strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, vapid.public());
        let (header, claims) = verified(&vapid.key, token);
        assert_eq!(header, json!({"alg": "ES256", "typ": "JWT"}));
        let expected = json!({
            "aud": "https://push.example.net:8443", "exp": 1_767_304_800, "sub": "mailto:push@roost.example"
        });
        assert_eq!(claims, expected);
    }

    #[test]
    fn keys_are_read_as_both_tools_write_them() {
        let (public, private) = (
            "BCdEC-PbX-RIj38MjBsy4xkKY2jd8pjICpUX5o80NSoVZd_aivpsVZ-eaftvOPVFNWQfvMokF_hUy82k50Lo81Y",
            "yC6YyTCvSYbOOymFmYa5vPYwDI3LUNDQcKPr3rtfUWU",
        );
        let pair = |private: &str| format!(r#"{{"publicKey":"{public}","privateKey":"{private}"}}"#);
        for (text, subject, begins) in [
            (EC_PEM.to_owned(), "https://roost.example/", None),
            (pair("!"), "https://roost.example/", Some("is not base64")),
            (pair(private), "https://roost.example/", None),
            (pair(public), "https://roost.example/", Some("is not a private key for ES256")),
            ("secret".to_owned(), "https://roost.example/", Some("must be a PEM file")),
            (EC_PEM.to_owned(), "push@roost.example", Some("goes with the subject")),
        ] {
            match (Vapid::parse(&text, subject), begins) {
                (Ok(_), None) => {}
                (Err(problem), Some(begins)) => {
                    assert!(problem.starts_with(begins) && !problem.contains("secret"), "{problem}");
                }
                (other, _) => panic!("{other:?}"),
            }
        }
    }
}
