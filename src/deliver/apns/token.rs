//! The token by which Apple knows the sender, one for all requests.

use crate::deliver::jwt::{KeyError, KeyFileError, SigningKey, read_file};
use crate::model::{Millis, ServerTime};
use reqwest::header::HeaderValue;
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// Apple refuses tokens older than an hour, and new ones more often than every 20 minutes:
/// <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>.
const AGE_MAX: Millis = Millis::from_mins(40);
const AGE_MIN: Millis = Millis::from_mins(20);
/// What Apple calls a key and a team: ten letters and digits.
const ID_LEN: usize = 10;

/// Signs as a team of Apple's.
pub struct Signer {
    key: SigningKey,
    key_id: String,
    team: String,
}

impl fmt::Debug for Signer {
    /// Names the team and nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("team", &self.team).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

impl Signer {
    /// Reads the key from the `.p8` file that Apple gives out; key id and team id are shown beside it there.
    pub fn read(path: &Path, key_id: &str, team: &str) -> Result<Self, KeyFileError> {
        read_file("an APNs key", path, |pem| Self::parse(pem, key_id, team))
    }

    /// Parses the text of such a file; the error says what is wrong without showing the key.
    pub fn parse(pem: &str, key_id: &str, team: &str) -> Result<Self, String> {
        for (what, id) in [("key id", key_id), ("team id", team)] {
            if id.len() != ID_LEN || !id.bytes().all(|c| c.is_ascii_alphanumeric()) {
                return Err(format!("goes with the {what} {id:?}; must be {ID_LEN} letters and digits"));
            }
        }
        let key = SigningKey::es256(pem).map_err(|why| why.to_string())?;
        Ok(Self { key, key_id: key_id.into(), team: team.into() })
    }

    fn sign(&self, now: ServerTime) -> Result<HeaderValue, TokenError> {
        let claims = Claims { iss: &self.team, iat: now.0.div_euclid(1_000) };
        let token = self.key.token(Some(&self.key_id), &claims)?;
        let mut bearer = HeaderValue::from_str(&format!("bearer {token}")).map_err(|_| TokenError::Header)?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }
}

/// Why there is no token.
#[derive(Debug, Error)]
pub(super) enum TokenError {
    #[error("it can't be signed")]
    Sign(#[from] KeyError),
    #[error("it can't be sent")]
    Header,
}

/// The token in use and when it was made.
pub(super) struct Token {
    signer: Signer,
    held: Mutex<Option<(HeaderValue, ServerTime)>>,
}

impl Token {
    pub(super) fn new(signer: Signer) -> Self {
        Self { signer, held: Mutex::new(None) }
    }

    /// The token at this moment. One that was refused is replaced, unless it is younger than Apple lets tokens be
    /// replaced.
    pub(super) fn bearer(&self, refused: Option<&HeaderValue>, now: ServerTime) -> Result<HeaderValue, TokenError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((bearer, made)) = held.as_ref() {
            let most = if refused == Some(bearer) { AGE_MIN } else { AGE_MAX };
            // A clock that was set back makes none older than it is.
            if (*made..*made + most).contains(&now) || now < *made && *made - now < AGE_MIN {
                return Ok(bearer.clone());
            }
        }
        let bearer = self.signer.sign(now)?;
        *held = Some((bearer.clone(), now));
        Ok(bearer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::jwt::tests::{EC_PEM, verified};
    use serde_json::json;

    fn signer() -> Signer {
        Signer::parse(EC_PEM, "ABC123DEFG", "DEF123GHIJ").unwrap()
    }

    #[test]
    fn the_token_is_apples() {
        let signer = signer();
        let bearer = signer.sign(ServerTime(1_767_261_600_999)).unwrap();
        let token = bearer.to_str().unwrap().strip_prefix("bearer ").unwrap();
        let (header, claims) = verified(&signer.key, token);
        assert_eq!(header, json!({"alg": "ES256", "typ": "JWT", "kid": "ABC123DEFG"}));
        assert_eq!(claims, json!({"iss": "DEF123GHIJ", "iat": 1_767_261_600}));
        assert_eq!(format!("{signer:?} {bearer:?}"), "Signer { team: \"DEF123GHIJ\", .. } Sensitive");
    }

    #[test]
    fn a_token_lives_forty_minutes_and_is_never_replaced_before_twenty() {
        let token = Token::new(signer());
        let at = |minute: i64| ServerTime(1_767_261_600_000) + Millis::from_mins(minute);
        let first = token.bearer(None, at(0)).unwrap();
        for (minute, refused) in [(39, None), (19, Some(&first)), (-5, None)] {
            assert_eq!(token.bearer(refused, at(minute)).unwrap(), first, "after {minute} min");
        }
        let second = token.bearer(Some(&first), at(20)).unwrap();
        assert_ne!(second, first);
        assert_eq!(token.bearer(Some(&first), at(21)).unwrap(), second, "somebody else was faster");
        let third = token.bearer(None, at(60)).unwrap();
        assert_ne!(third, second);
        assert_ne!(token.bearer(None, at(0)).unwrap(), third, "a clock that was far ahead");
    }

    #[test]
    fn what_is_no_key_or_id_is_refused() {
        for (made, begins) in [
            (Signer::parse("x", "ABC123DEFG", "DEF123GHIJ"), "must be a PEM file"),
            (Signer::parse(EC_PEM, "ABC", "DEF123GHIJ"), "goes with the key id \"ABC\"; must be 10"),
            (Signer::parse(EC_PEM, "ABC123DEFG", "DEF/123GHI"), "goes with the team id \"DEF/123GHI\""),
        ] {
            assert!(made.as_ref().unwrap_err().starts_with(begins), "{made:?}");
        }
    }
}
