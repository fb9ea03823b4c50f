//! The service account that speaks to Google, and the tokens that it gets.

use super::answer::{self, TOKEN_ANSWERS};
use crate::deliver::jwt::{KeyFileError, SigningKey, read_file};
use crate::deliver::outgoing::{Caller, Options};
use crate::deliver::{Answer, answers};
use crate::model::{Millis, ServerTime};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use tokio::sync::Mutex;

/// What the token is for: <https://developers.google.com/identity/protocols/oauth2/scopes#fcm>.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// For how long a token is asked for, in seconds; Google gives no more.
const LIFE_S: i64 = 3_600;
/// How long before its end a token is replaced.
const EARLY: Millis = Millis::from_mins(5);
/// How long everybody lives with a failure before another token is asked for.
const REST: Millis = Millis::from_secs(1);

/// A service account, as the file that Google gives out describes it.
pub struct Account {
    /// The project that its messages belong to.
    pub(super) project: String,
    email: String,
    key: SigningKey,
    key_id: Option<String>,
    token_uri: String,
}

impl fmt::Debug for Account {
    /// Names the project and nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("project", &self.project).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct AccountFile {
    r#type: String,
    project_id: String,
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

impl Account {
    /// Reads the JSON file of a service account.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        read_file("an FCM service account", path, Self::parse)
    }

    /// Parses such a file; the error says what is wrong without showing the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: AccountFile = serde_json::from_str(text).map_err(|problem| match problem.classify() {
            // What serde says of data may quote it.
            serde_json::error::Category::Data if problem.to_string().starts_with("missing field") => {
                format!("has no {}", problem.to_string().trim_start_matches("missing field "))
            }
            _ => format!("is not the JSON of a service account (line {})", problem.line()),
        })?;
        if file.r#type != "service_account" {
            return Err("is not of the type service_account".into());
        }
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-.:".contains(&c);
        if !(1..=100).contains(&file.project_id.len()) || !file.project_id.bytes().all(plain) {
            return Err("has a project_id that is none".into());
        }
        let key = SigningKey::rs256(&file.private_key).map_err(|why| format!("has a private_key that {why}"))?;
        Ok(Self {
            project: file.project_id,
            email: file.client_email,
            key,
            key_id: file.private_key_id,
            token_uri: file.token_uri,
        })
    }

    /// Where tokens are got; what the operator wrote into the file is what is meant.
    pub(super) fn token_url(&self) -> Result<Url, String> {
        Options::for_operator(&self.token_uri).url(&self.token_uri)
    }

    /// The request for a token: RFC 7523, section 2.1.
    fn request(&self, now: ServerTime) -> Result<String, String> {
        let issued = now.0.div_euclid(1_000);
        let claims =
            Claims { iss: &self.email, scope: SCOPE, aud: &self.token_uri, iat: issued, exp: issued + LIFE_S };
        let assertion = self.key.token(self.key_id.as_deref(), &claims).map_err(|why| why.to_string())?;
        // Neither needs to be escaped: letters, digits, `-`, `_` and `.`.
        Ok(format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"))
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// What a token server gives: RFC 6749, section 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default = "usual_life")]
    expires_in: i64,
}

fn usual_life() -> i64 {
    LIFE_S
}

/// A token that is in use.
#[derive(Clone)]
struct Held {
    /// The value of the field `Authorization`.
    bearer: HeaderValue,
    until: ServerTime,
}

#[derive(Default)]
struct Shelf {
    held: Option<Held>,
    failed: Option<(ServerTime, Answer)>,
}

/// Gets tokens, one for everybody, and a new one before the old one ends.
pub(super) struct Tokens {
    account: Account,
    url: Url,
    caller: Caller,
    shelf: Mutex<Shelf>,
}

impl Tokens {
    pub(super) fn new(account: Account, url: Url, caller: Caller) -> Self {
        Self { account, url, caller, shelf: Mutex::default() }
    }

    /// A token, other than `refused`, which was not accepted.
    pub(super) async fn bearer(&self, refused: Option<&HeaderValue>, now: ServerTime) -> Result<HeaderValue, Answer> {
        let mut shelf = self.shelf.lock().await;
        if let Some(held) = &shelf.held
            && now < held.until
            && refused != Some(&held.bearer)
        {
            return Ok(held.bearer.clone());
        }
        if let Some((at, answer)) = &shelf.failed
            && (*at..*at + REST).contains(&now)
        {
            return Err(answer.clone());
        }
        match self.fetch(now).await {
            Ok(held) => {
                *shelf = Shelf { held: Some(held.clone()), failed: None };
                Ok(held.bearer)
            }
            Err(answer) => {
                shelf.failed = Some((now, answer.clone()));
                Err(answer)
            }
        }
    }

    async fn fetch(&self, now: ServerTime) -> Result<Held, Answer> {
        let broken = |problem: String| Answer::Denied { detail: format!("no token: {problem}") };
        let body = self.account.request(now).map_err(broken)?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, form)]);
        let reply = self.caller.post(self.url.clone(), headers, body.into_bytes()).await.map_err(no_token)?;
        if !reply.status.is_success() {
            return Err(no_token(answers::answer(TOKEN_ANSWERS, &reply, answer::grant_word(&reply.body), None, now)));
        }
        let granted: Granted =
            serde_json::from_slice(&reply.body).map_err(|_| broken("the answer holds none".into()))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", granted.access_token))
            .map_err(|_| broken("it can't be sent".into()))?;
        bearer.set_sensitive(true);
        let life = Millis::from_secs(granted.expires_in.clamp(0, LIFE_S));
        // One that lives for less than that is used at least for half of its life.
        let early = Millis(EARLY.0.min(life.0 / 2));
        Ok(Held { bearer, until: now + life - early })
    }
}

/// Says that it was the token that failed, and not the message.
fn no_token(answer: Answer) -> Answer {
    match answer {
        Answer::Denied { detail } | Answer::Refused { detail } | Answer::Unfit { detail } => {
            Answer::Denied { detail: format!("no token: {detail}") }
        }
        Answer::Busy { detail, after } | Answer::Retry { detail, after } => {
            Answer::Busy { detail: format!("no token: {detail}"), after }
        }
        Answer::Accepted { detail } | Answer::Gone { detail, .. } => {
            Answer::Busy { detail: format!("no token: {detail}"), after: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::jwt::tests::{RSA_PEM, verified};
    use serde_json::json;

    fn file(change: impl Fn(&mut serde_json::Value)) -> String {
        let mut file = super::super::tests::account_json("https://oauth2.example/token");
        change(&mut file);
        file.to_string()
    }

    #[test]
    fn the_request_is_signed_for_the_scope_and_the_server() {
        let account = Account::parse(&file(|_| {})).unwrap();
        let request = account.request(ServerTime(1_767_261_600_999)).unwrap();
        let (grant, assertion) = request.split_once("&assertion=").unwrap();
        assert_eq!(grant, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
        let (header, claims) = verified(&account.key, assertion);
        assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "k7"}));
        let expected = json!({
            "iss": "push@roost.example", "scope": SCOPE, "aud": "https://oauth2.example/token",
            "iat": 1_767_261_600, "exp": 1_767_265_200
        });
        assert_eq!(claims, expected);
        assert_eq!(format!("{account:?}"), "Account { project: \"roost-7\", .. }");
    }

    #[test]
    fn a_file_that_is_none_is_refused_without_being_shown() {
        let take = |name: &'static str| file(move |file| drop(file.as_object_mut().unwrap().remove(name)));
        for (text, begins) in [
            ("{\"private_key\": 7}".to_owned(), "is not the JSON of a service account (line 1)"),
            (RSA_PEM.to_owned(), "is not the JSON of a service account (line 1)"),
            (take("project_id"), "has no `project_id`"),
            (file(|file| file["type"] = json!("authorized_user")), "is not of the type service_account"),
            (file(|file| file["project_id"] = json!("../x")), "has a project_id that is none"),
            (file(|file| file["private_key"] = json!("MIIsecret")), "has a private_key that must be a PEM file"),
        ] {
            let problem = Account::parse(&text).unwrap_err();
            assert!(problem.starts_with(begins) && !problem.contains("MII"), "{problem}");
        }
        let http = Account::parse(&file(|file| file["token_uri"] = json!("http://example.com/"))).unwrap();
        assert!(http.token_url().unwrap_err().starts_with("is http"));
    }
}
