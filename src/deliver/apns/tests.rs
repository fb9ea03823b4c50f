//! APNs against a server of HTTP/2 on this host.

use super::*;
use crate::deliver::compose::{compose, tests};
use crate::deliver::jwt::tests::EC_PEM;
use crate::model::ServerTime;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const START: i64 = 1_767_261_600_000;
const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

/// One request as the server saw it.
#[derive(Clone)]
struct Seen {
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    connection: usize,
}

type Log = Arc<Mutex<Vec<Seen>>>;
/// Status, body, and whether to cut the connection instead.
type Script = Arc<dyn Fn(usize) -> (u16, &'static str, bool) + Send + Sync>;

async fn serve(socket: TcpStream, connection: usize, log: Log, script: Script) {
    let mut server = h2::server::handshake(socket).await.unwrap();
    let cut = Arc::new(Notify::new());
    loop {
        let (request, mut respond) = tokio::select! {
            next = server.accept() => match next {
                Some(Ok(next)) => next,
                Some(Err(_)) | None => return,
            },
            () = cut.notified() => return,
        };
        let (log, script, cut) = (Arc::clone(&log), Arc::clone(&script), Arc::clone(&cut));
        tokio::spawn(async move {
            let (parts, mut stream) = request.into_parts();
            let mut body = Vec::new();
            while let Some(Ok(chunk)) = stream.data().await {
                let _ = stream.flow_control().release_capacity(chunk.len());
                body.extend_from_slice(&chunk);
            }
            let turn = {
                let mut log = log.lock().unwrap();
                log.push(Seen { path: parts.uri.path().to_owned(), headers: parts.headers, body, connection });
                log.len() - 1
            };
            let (status, body, cuts) = script(turn);
            if cuts {
                return cut.notify_one();
            }
            let response = http::Response::builder().status(status).body(()).unwrap();
            let mut sending = respond.send_response(response, false).unwrap();
            sending.send_data(body.as_bytes().to_vec().into(), true).unwrap();
        });
    }
}

struct Bench {
    apns: Apns,
    log: Log,
    now: Arc<AtomicI64>,
}

impl Bench {
    async fn new(script: impl Fn(usize) -> (u16, &'static str, bool) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (log, script): (Log, Script) = (Arc::default(), Arc::new(script));
        let shelf = Arc::clone(&log);
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((socket, _)) = listener.accept().await {
                connection += 1;
                tokio::spawn(serve(socket, connection, Arc::clone(&shelf), Arc::clone(&script)));
            }
        });
        let now = Arc::new(AtomicI64::new(START));
        let reader = Arc::clone(&now);
        let clock: Clock = Arc::new(move || ServerTime(reader.load(Ordering::SeqCst)));
        let signer = Signer::parse(EC_PEM, "ABC123DEFG", "DEF123GHIJ").unwrap();
        Self { apns: Apns::new(&base, "com.roost.app", signer, clock).unwrap(), log, now }
    }

    fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }
}

fn parcel() -> Parcel {
    let mut parcel = compose(&tests::trigger("ann", ServerTime(START)), &tests::device());
    parcel.push_address = TOKEN.into();
    parcel
}

#[tokio::test]
async fn a_message_has_all_that_apple_asks_for_and_repeats_it_with_the_same_id() {
    let bench = Bench::new(|turn| if turn == 0 { (503, "", false) } else { (200, "", false) }).await;
    let parcel = parcel();
    let busy = Answer::Busy { detail: "HTTP 503 Service Unavailable".into(), after: None };
    assert_eq!(bench.apns.deliver(&parcel).await, busy);
    assert_eq!(bench.apns.deliver(&parcel).await, Answer::Accepted { detail: "HTTP 200 OK".into() });
    let seen = bench.seen();
    assert_eq!((seen[0].connection, seen[1].connection), (1, 1), "connections are kept");
    assert_eq!((&seen[0].headers, &seen[0].body), (&seen[1].headers, &seen[1].body));
    let header = |name: &str| seen[0].headers[name].to_str().unwrap();
    assert_eq!(seen[0].path, format!("/3/device/{TOKEN}"));
    let id = parcel.id.as_str();
    for (name, expected) in [
        ("apns-topic", "com.roost.app"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-expiration", "1767261660"),
        ("apns-collapse-id", id),
        ("apns-id", uuid(&parcel.id).as_str()),
    ] {
        assert_eq!(header(name), expected, "{name}");
    }
    assert!(header("authorization").starts_with("bearer ey"));
    let expected = json!({
        "aps": {
            "alert": {"title": "A latte?", "body": "Half price, \"just\" today ☕"},
            "sound": "default", "thread-id": "roost", "mutable-content": 1
        },
        "trigger": id, "deep_link": "roost://latte", "data": {"offer": "7"}, "image": "https://roost.example/latte.png",
        "buttons": [{"id": "map", "title": "Map", "deep_link": "roost://map"}]
    });
    assert_eq!(serde_json::from_slice::<Value>(&seen[0].body).unwrap(), expected);
}

#[tokio::test]
async fn answers_mean_what_the_table_says() {
    const CASES: [(u16, &str, &str); 6] = [
        (
            410,
            r#"{"reason":"Unregistered","timestamp":1767261500000}"#,
            "Gone 1767261500000 HTTP 410 Gone: Unregistered",
        ),
        (400, r#"{"reason":"BadDeviceToken"}"#, "Refused HTTP 400 Bad Request: BadDeviceToken"),
        (429, r#"{"reason":"TooManyRequests"}"#, "Retry HTTP 429 Too Many Requests: TooManyRequests"),
        (
            429,
            r#"{"reason":"TooManyProviderTokenUpdates"}"#,
            "Busy HTTP 429 Too Many Requests: TooManyProviderTokenUpdates",
        ),
        (403, r#"{"reason":"InvalidProviderToken"}"#, "Denied HTTP 403 Forbidden: InvalidProviderToken"),
        (413, r#"{"reason":"PayloadTooLarge"}"#, "Refused HTTP 413 Payload Too Large: PayloadTooLarge"),
    ];
    let bench = Bench::new(|turn| (CASES[turn].0, CASES[turn].1, false)).await;
    for (_, _, expected) in CASES {
        let shown = match bench.apns.deliver(&parcel()).await {
            Answer::Gone { detail, since } => format!("Gone {} {detail}", since.unwrap().0),
            Answer::Refused { detail } => format!("Refused {detail}"),
            Answer::Unfit { detail } => format!("Unfit {detail}"),
            Answer::Retry { detail, .. } => format!("Retry {detail}"),
            Answer::Busy { detail, .. } => format!("Busy {detail}"),
            Answer::Denied { detail } => format!("Denied {detail}"),
            Answer::Accepted { detail } => format!("Accepted {detail}"),
        };
        assert_eq!(shown, expected);
    }
    assert_eq!(bench.seen().len(), 6, "a young token is not replaced");
}

#[tokio::test]
async fn one_token_serves_all_and_an_old_one_that_is_refused_is_replaced_once() {
    let bench = Bench::new(|turn| match turn {
        2 | 4 | 5 => (403, r#"{"reason":"ExpiredProviderToken"}"#, false),
        _ => (200, "", false),
    })
    .await;
    let parcel = parcel();
    bench.apns.deliver(&parcel).await;
    bench.now.fetch_add(25 * 60_000, Ordering::SeqCst);
    bench.apns.deliver(&parcel).await;
    assert!(matches!(bench.apns.deliver(&parcel).await, Answer::Accepted { .. }), "with a new token");
    bench.now.fetch_add(25 * 60_000, Ordering::SeqCst);
    assert!(matches!(bench.apns.deliver(&parcel).await, Answer::Denied { .. }));
    let bearers: Vec<_> = bench.seen().iter().map(|seen| seen.headers["authorization"].clone()).collect();
    let which = |n: usize| bearers.iter().position(|bearer| *bearer == bearers[n]).unwrap();
    assert_eq!((0..6).map(which).collect::<Vec<_>>(), [0, 0, 0, 3, 3, 5]);
}

#[tokio::test]
async fn a_connection_that_is_cut_after_sending_is_to_be_tried_again() {
    let bench = Bench::new(|turn| (200, "", turn == 0)).await;
    let parcel = parcel();
    let Answer::Busy { detail, after: None } = bench.apns.deliver(&parcel).await else { panic!("not busy") };
    assert!(detail.starts_with("no answer: "), "{detail}");
    assert!(matches!(bench.apns.deliver(&parcel).await, Answer::Accepted { .. }));
    let seen = bench.seen();
    assert_eq!(seen[0].headers["apns-id"], seen[1].headers["apns-id"]);
}

#[test]
fn what_apple_would_not_take_is_not_sent() {
    let clock: Clock = Arc::new(|| ServerTime(START));
    let signer = || Signer::parse(EC_PEM, "ABC123DEFG", "DEF123GHIJ").unwrap();
    let apns = Apns::new(ADDRESS, "com.roost.app", signer(), Arc::clone(&clock)).unwrap();
    let mut parcel = parcel();
    for bad in ["", "../../x", "zz", &"a".repeat(201)] {
        parcel.push_address = bad.into();
        assert!(apns.request(&parcel).unwrap_err().starts_with("the push address is no device token"));
    }
    parcel.push_address = TOKEN.into();
    let room = body::PAYLOAD_MAX_BYTES - body::json(&parcel).unwrap().len() - r#","x":"""#.len();
    parcel.data.insert("x".into(), "y".repeat(room));
    assert_eq!(body::json(&parcel).unwrap().len(), body::PAYLOAD_MAX_BYTES);
    parcel.data.insert("x".into(), "y".repeat(room + 1));
    assert_eq!(body::json(&parcel).unwrap_err(), "the message has 4097 bytes; APNs takes 4096");
    for (address, topic, begins) in [
        ("http://api.push.apple.com", "com.roost.app", "APNs address is http"),
        (ADDRESS, "com roost", "APNs topic \"com roost\" must be"),
    ] {
        let error = Apns::new(address, topic, signer(), Arc::clone(&clock)).unwrap_err();
        assert!(error.to_string().starts_with(begins), "{error}");
    }
    let shown = format!("{apns:?}");
    assert_eq!(shown, "Apns { host: Some(\"api.push.apple.com\"), topic: \"com.roost.app\", .. }");
    let made = uuid(&parcel.id);
    assert_eq!((made.len(), &made[14..15]), (36, "8"), "{made}");
    assert!("89ab".contains(&made[19..20]), "{made}");
}
