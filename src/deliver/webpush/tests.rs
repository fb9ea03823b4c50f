//! Web Push against a server on this host; what is in the body is for the foreign checks.

use super::*;
use crate::deliver::compose::{compose, tests};
use crate::deliver::jwt::tests::EC_PEM;
use crate::deliver::outgoing::Reach;
use crate::deliver::webhook::tests::{Receiver, reply};
use crate::model::{Millis, ServerTime};
use serde_json::{Value, json};
use std::sync::Arc;

const START: i64 = 1_767_261_600_000;
const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

fn webpush(reach: Reach) -> WebPush {
    let options = Options { reach, plain_http: reach != Reach::Public, ..Options::default() };
    let vapid = Vapid::parse(EC_PEM, "mailto:push@roost.example").unwrap();
    WebPush::new(vapid, options, Arc::new(|| ServerTime(START + 10_400))).unwrap()
}

fn address(endpoint: &str) -> String {
    json!({"endpoint": endpoint, "keys": {"p256dh": KEY, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}}).to_string()
}

fn parcel(endpoint: &str) -> Parcel {
    let mut parcel = compose(&tests::trigger("ann", ServerTime(START)), &tests::device());
    parcel.push_address = address(endpoint);
    parcel
}

#[tokio::test]
async fn a_message_is_posted_to_its_endpoint_and_answers_mean_what_the_table_says() {
    let replies = ["201 Created", "410 Gone", "404 Where", "413 Large", "429 Slow", "503 Later", "403 Who"];
    let replies = replies.map(|status| reply(status, "retry-after: 7\r\n")).to_vec();
    let server = Receiver::start(replies).await;
    let (webpush, parcel) = (webpush(Reach::OwnHost), parcel(&server.url));
    for expected in [
        "Accepted HTTP 201 Created",
        "Gone HTTP 410 Gone",
        "Gone HTTP 404 Not Found",
        "Refused HTTP 413 Payload Too Large",
        "Retry 7 s HTTP 429 Too Many Requests",
        "Retry 7 s HTTP 503 Service Unavailable",
        "Refused HTTP 403 Forbidden",
    ] {
        let shown = match webpush.deliver(&parcel).await {
            Answer::Accepted { detail } => format!("Accepted {detail}"),
            Answer::Gone { detail, since: None } => format!("Gone {detail}"),
            Answer::Refused { detail } => format!("Refused {detail}"),
            Answer::Retry { detail, after } => format!("Retry {} {detail}", after.unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        assert_eq!(shown, expected);
    }
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /hook?key=7 HTTP/1.1");
    for (name, expected) in [
        ("ttl", "49"),
        ("urgency", "high"),
        ("topic", parcel.id.as_str()),
        ("content-encoding", "aes128gcm"),
        ("content-type", "application/octet-stream"),
    ] {
        assert_eq!(seen.headers[name], expected, "{name}");
    }
    assert!(parcel.id.as_str().len() <= 32);
    assert_eq!(seen.body.len(), json(&parcel).unwrap().len() + 86 + 17);
    let expected = json!({
        "title": "A latte?", "body": "Half price, \"just\" today ☕", "deep_link": "roost://latte",
        "trigger": parcel.id.as_str(), "data": {"offer": "7"}, "image": "https://roost.example/latte.png",
        "buttons": [{"id": "map", "title": "Map", "deep_link": "roost://map"}]
    });
    assert_eq!(serde_json::from_slice::<Value>(&json(&parcel).unwrap()).unwrap(), expected);
}

#[tokio::test]
async fn nobody_is_led_into_the_house() {
    let webpush = webpush(Reach::Public);
    for (endpoint, begins) in [
        ("https://127.0.0.1/x", "the endpoint is not an address of the public"),
        ("http://push.example/x", "the endpoint is http"),
        ("https://[::ffff:10.0.0.1]/x", "the endpoint is not an address of the public"),
    ] {
        let Answer::Unfit { detail } = webpush.deliver(&parcel(endpoint)).await else { panic!("{endpoint}") };
        assert!(detail.starts_with(begins), "{detail}");
    }
}

#[test]
fn each_known_service_has_a_lane_and_strangers_close_none() {
    let webpush = webpush(Reach::Public);
    for (endpoint, lane) in [
        ("https://fcm.googleapis.com/fcm/send/x", "webpush/google"),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", "webpush/mozilla"),
        ("https://web.push.apple.com/x", "webpush/apple"),
        ("https://db5p.notify.windows.com/w/?token=x", "webpush/microsoft"),
        ("https://evil.example/fcm.googleapis.com", "webpush/other"),
        ("https://fcm.googleapis.com.evil.example/", "webpush/other"),
        ("https://evilfcm.googleapis.com/", "webpush/other"),
    ] {
        assert_eq!(webpush.lane(&address(endpoint)), lane, "{endpoint}");
    }
    assert_eq!(webpush.lane("no subscription"), "webpush/other");
    let (detail, after) = (String::new(), Some(Millis(1)));
    let busy = Answer::Busy { detail: detail.clone(), after };
    assert_eq!(of_a_stranger(busy), Answer::Retry { detail: detail.clone(), after });
    assert_eq!(of_a_stranger(Answer::Denied { detail: detail.clone() }), Answer::Refused { detail });
}

#[test]
fn what_is_too_large_is_not_sent() {
    let mut parcel = parcel("https://web.push.apple.com/x");
    let room = encrypt::MESSAGE_MAX_BYTES - json(&parcel).unwrap().len() - r#","x":"""#.len();
    parcel.data.insert("x".into(), "y".repeat(room));
    assert_eq!(webpush(Reach::Public).request(&parcel).unwrap().2.len(), encrypt::BODY_MAX_BYTES);
    parcel.data.insert("x".into(), "y".repeat(room + 1));
    let problem = webpush(Reach::Public).request(&parcel).unwrap_err();
    assert_eq!(problem, "the message has 3994 bytes; Web Push takes 3993");
}
