//! FCM against a server on this host that gives out tokens and answers messages.

use super::*;
use crate::deliver::compose::{compose, tests};
use crate::deliver::jwt::tests::RSA_PEM;
use crate::deliver::webhook::tests::{Receiver, Seen, reply};
use crate::model::ServerTime;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub(super) fn account_json(token_uri: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "roost-7", "private_key_id": "k7", "private_key": RSA_PEM,
        "client_email": "push@roost.example", "token_uri": token_uri
    })
}

const START: i64 = 1_767_261_600_000;

/// A reply with a JSON body.
fn with(status: &str, fields: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!("HTTP/1.1 {status}\r\n{fields}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn token(value: &str) -> Vec<u8> {
    with("200 OK", "", &json!({"access_token": value, "expires_in": 3_599, "token_type": "Bearer"}))
}

fn error(status: &str, fields: &str, code: &str) -> Vec<u8> {
    let details = json!([{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}]);
    with(status, fields, &json!({"error": {"message": "secret", "details": details}}))
}

struct Bench {
    fcm: Fcm,
    server: Receiver,
    tokens: Receiver,
    now: Arc<AtomicI64>,
}

async fn bench(replies: Vec<Vec<u8>>, tokens: Vec<Vec<u8>>) -> Bench {
    let (server, tokens) = (Receiver::start(replies).await, Receiver::start(tokens).await);
    let account = Account::parse(&account_json(&tokens.url).to_string()).unwrap();
    let now = Arc::new(AtomicI64::new(START));
    let reader = Arc::clone(&now);
    let clock: Clock = Arc::new(move || ServerTime(reader.load(Ordering::SeqCst)));
    let base = server.url.trim_end_matches("/hook?key=7");
    let fcm = Fcm::new(base, account, clock).unwrap();
    Bench { fcm, server, tokens, now }
}

fn parcel() -> Parcel {
    compose(&tests::trigger("ann", ServerTime(START)), &tests::device())
}

fn bearer(seen: &Seen) -> &str {
    seen.headers["authorization"].to_str().unwrap()
}

#[tokio::test]
async fn a_message_says_what_to_show_and_until_when() {
    let bench =
        bench(vec![with("200 OK", "", &json!({"name": "projects/roost-7/messages/1"}))], vec![token("t1")]).await;
    bench.now.fetch_add(10_400, Ordering::SeqCst);
    let parcel = parcel();
    assert_eq!(bench.fcm.deliver(&parcel).await, Answer::Accepted { detail: "HTTP 200 OK".into() });
    let seen = &bench.server.seen()[0];
    assert_eq!((seen.line.as_str(), bearer(seen)), ("POST /v1/projects/roost-7/messages:send HTTP/1.1", "Bearer t1"));
    let id = parcel.id.as_str();
    let expected = json!({"message": {
        "token": "very-secret-address",
        "notification": {"title": "A latte?", "body": "Half price, \"just\" today ☕", "image": "https://roost.example/latte.png"},
        "data": {"offer": "7", "doorstep_trigger": id, "doorstep_deep_link": "roost://latte",
            "doorstep_buttons": "[{\"id\":\"map\",\"title\":\"Map\",\"deep_link\":\"roost://map\"}]"},
        "android": {"priority": "HIGH", "ttl": "49s", "notification": {"tag": id}},
        "fcmOptions": {"analyticsLabel": "latte"}
    }});
    assert_eq!(serde_json::from_slice::<Value>(&seen.body).unwrap(), expected);
    assert!(!format!("{:?}", bench.fcm).contains("t1"));
}

#[tokio::test]
async fn one_token_serves_all_until_shortly_before_its_end() {
    let bench = bench(vec![reply("200 OK", "")], vec![token("t1"), token("t2")]).await;
    let parcel = parcel();
    tokio::join!(bench.fcm.deliver(&parcel), bench.fcm.deliver(&parcel), bench.fcm.deliver(&parcel));
    bench.now.fetch_add(3_298_000, Ordering::SeqCst);
    bench.fcm.deliver(&parcel).await;
    assert_eq!(bench.tokens.seen().len(), 1);
    bench.now.fetch_add(2_000, Ordering::SeqCst);
    bench.fcm.deliver(&parcel).await;
    let bearers: Vec<_> = bench.server.seen().iter().map(|seen| bearer(seen).to_owned()).collect();
    assert_eq!(bearers, ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"]);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let denied = || with("401 Unauthorized", "", &json!({"error": {"status": "UNAUTHENTICATED"}}));
    let bench =
        bench(vec![denied(), reply("200 OK", ""), denied()], vec![token("t1"), token("t2"), token("t3")]).await;
    let parcel = parcel();
    assert!(matches!(bench.fcm.deliver(&parcel).await, Answer::Accepted { .. }));
    assert_eq!(bench.fcm.deliver(&parcel).await, Answer::Denied { detail: "HTTP 401 Unauthorized".into() });
    assert_eq!((bench.server.seen().len(), bench.tokens.seen().len()), (4, 3));
}

#[tokio::test]
async fn answers_mean_what_the_table_says() {
    let cases = [
        (error("404 Not Found", "", "UNREGISTERED"), "Gone HTTP 404 Not Found: UNREGISTERED"),
        (error("400 Bad Request", "", "INVALID_ARGUMENT"), "Refused HTTP 400 Bad Request: INVALID_ARGUMENT"),
        (error("403 Forbidden", "", "SENDER_ID_MISMATCH"), "Refused HTTP 403 Forbidden: SENDER_ID_MISMATCH"),
        (error("429 Slow", "", "QUOTA_EXCEEDED"), "Busy 1 min HTTP 429 Too Many Requests: QUOTA_EXCEEDED"),
        (
            error("429 Slow", "retry-after: 7\r\n", "QUOTA_EXCEEDED"),
            "Busy 7 s HTTP 429 Too Many Requests: QUOTA_EXCEEDED",
        ),
        (error("503 Later", "", "UNAVAILABLE"), "Busy 10 s HTTP 503 Service Unavailable: UNAVAILABLE"),
        (reply("404 Where", ""), "Refused HTTP 404 Not Found"),
    ];
    let (replies, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let bench = bench(replies, vec![token("t1")]).await;
    let parcel = parcel();
    for expected in expected {
        let shown = match bench.fcm.deliver(&parcel).await {
            Answer::Gone { detail, since: None } => format!("Gone {detail}"),
            Answer::Refused { detail } => format!("Refused {detail}"),
            Answer::Busy { detail, after } => format!("Busy {} {detail}", after.unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        assert_eq!(shown, expected);
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_server_is_not_pressed() {
    let bench = bench(
        vec![reply("200 OK", "")],
        vec![
            reply("503 Later", "retry-after: 9\r\n"),
            with("400 Bad", "", &json!({"error": "invalid_grant"})),
            token("t1"),
        ],
    )
    .await;
    let (parcel, busy) = (parcel(), "no token: HTTP 503 Service Unavailable".to_owned());
    for _ in 0..3 {
        let busy = Answer::Busy { detail: busy.clone(), after: Some(Millis(9_000)) };
        assert_eq!(bench.fcm.deliver(&parcel).await, busy);
    }
    bench.now.fetch_add(1_000, Ordering::SeqCst);
    let denied = Answer::Denied { detail: "no token: HTTP 400 Bad Request: invalid_grant".into() };
    assert_eq!(bench.fcm.deliver(&parcel).await, denied);
    bench.now.fetch_add(1_000, Ordering::SeqCst);
    assert!(matches!(bench.fcm.deliver(&parcel).await, Answer::Accepted { .. }));
    assert_eq!((bench.server.seen().len(), bench.tokens.seen().len()), (1, 3));
}

#[test]
fn what_fcm_would_not_take_is_not_sent() {
    let mut parcel = parcel();
    let now = ServerTime(START);
    parcel.data.insert("from".into(), "x".into());
    assert_eq!(body::json(&parcel, now).unwrap_err(), "the data key \"from\" is reserved by FCM");
    parcel.data.remove("from");
    let bytes = |parcel: &Parcel| {
        let whole = body::json(parcel, now).unwrap().len();
        whole - r#"{"message":}"#.len() - r#""token":"very-secret-address","#.len()
    };
    let room = body::MESSAGE_MAX_BYTES - bytes(&parcel) - r#","x":"""#.len();
    parcel.data.insert("x".into(), "y".repeat(room));
    assert_eq!(bytes(&parcel), body::MESSAGE_MAX_BYTES);
    parcel.data.insert("x".into(), "y".repeat(room + 1));
    assert_eq!(body::json(&parcel, now).unwrap_err(), "the message has 4097 bytes; FCM takes 4096");
    // A message that is late is for those who are there now.
    parcel.data.remove("x");
    let late = body::json(&parcel, parcel.expires + Millis(5)).unwrap();
    assert!(String::from_utf8(late).unwrap().contains(r#""ttl":"0s""#));
}
