//! The webhook against a real server on this host.

use super::*;
use crate::deliver::compose::{compose, tests};
use crate::model::Millis;
use crate::model::ServerTime;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Counts the server's connections from 1.
    pub(crate) connection: usize,
}

/// A receiver that answers its requests in turn with the given bytes, the last for ever; without bytes it is silent.
pub(crate) struct Receiver {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    pub(crate) async fn start(replies: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=7", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (log, replies) = (Arc::clone(&seen), Arc::new(replies));
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connection += 1;
                tokio::spawn(serve(stream, connection, Arc::clone(&log), Arc::clone(&replies)));
            }
        });
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, connection: usize, log: Arc<Mutex<Vec<Seen>>>, replies: Arc<Vec<Vec<u8>>>) {
    while let Some(mut request) = read(&mut stream).await {
        request.connection = connection;
        let turn = {
            let mut log = log.lock().unwrap();
            log.push(request);
            log.len() - 1
        };
        let reply = replies.get(turn).or(replies.last()).unwrap();
        if reply.is_empty() {
            std::future::pending::<()>().await;
        }
        if stream.write_all(reply).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    while bytes.len() < head + 4 + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    Some(Seen { line, headers, body: bytes[head + 4..].to_vec(), connection: 0 })
}

/// A response without a body, with a line of further header fields or none.
pub(crate) fn reply(status: &str, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{fields}content-length: 0\r\n\r\n").into_bytes()
}

/// The system's clock: the verifier reads it, too.
pub(crate) fn clock() -> Clock {
    Arc::new(|| ServerTime(jiff::Timestamp::now().as_millisecond()))
}

pub(crate) fn webhook(url: &str) -> Webhook {
    let options = Options { whole: Millis(400), ..Options::for_operator(url) };
    Webhook::new(url, Secrets::parse(SECRET).unwrap(), options, clock()).unwrap()
}

fn parcel() -> Parcel {
    compose(&tests::trigger("ann", clock()()), &tests::device())
}

/// Delivers the same parcel as often as there are expected answers, and gives back what the receiver saw.
async fn check(replies: Vec<Vec<u8>>, expected: &[Answer]) -> Vec<Seen> {
    let receiver = Receiver::start(replies).await;
    let (webhook, parcel) = (webhook(&receiver.url), parcel());
    for answer in expected {
        assert_eq!(webhook.deliver(&parcel).await, *answer);
    }
    let seen = receiver.seen();
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    for request in &seen {
        assert_eq!(request.line, "POST /hook?key=7 HTTP/1.1");
        assert_eq!(request.headers["content-type"], "application/cloudevents+json");
        assert_eq!(request.headers["webhook-id"], parcel.id.as_str());
        verifier.verify(&request.body, &request.headers).unwrap();
        assert_eq!(request.body, body::json(&parcel).unwrap().as_bytes());
    }
    seen
}

fn accepted(detail: &str) -> Answer {
    Answer::Accepted { detail: detail.into() }
}

fn busy(detail: &str, after: Option<i64>) -> Answer {
    Answer::Busy { detail: detail.into(), after: after.map(Millis) }
}

fn refused(detail: &str) -> Answer {
    Answer::Refused { detail: detail.into() }
}

#[tokio::test]
async fn a_second_attempt_has_the_same_id_and_body_on_the_same_connection() {
    let replies = vec![reply("500 Oops", ""), reply("200 OK", "")];
    let seen = check(replies, &[busy("HTTP 500 Internal Server Error", None), accepted("HTTP 200 OK")]).await;
    assert_eq!(seen.iter().map(|request| request.connection).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn answers_mean_what_the_table_says() {
    let answers = [
        (reply("204 No Content", ""), accepted("HTTP 204 No Content")),
        (reply("429 Slow", "retry-after: 30\r\n"), busy("HTTP 429 Too Many Requests", Some(30_000))),
        (reply("503 Later", "retry-after: soon\r\n"), busy("HTTP 503 Service Unavailable", None)),
        (reply("408 Late", ""), Answer::Retry { detail: "HTTP 408 Request Timeout".into(), after: None }),
        (reply("410 Gone", ""), refused("HTTP 410 Gone")),
        (reply("401 Who", ""), Answer::Denied { detail: "HTTP 401 Unauthorized".into() }),
        (reply("404 Where", "retry-after: 5\r\n"), refused("HTTP 404 Not Found")),
    ];
    let (replies, expected): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    assert_eq!(check(replies, &expected).await.len(), 7);
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let elsewhere = Receiver::start(vec![reply("200 OK", "")]).await;
    let reply = reply("307 Elsewhere", &format!("location: {}\r\n", elsewhere.url));
    assert_eq!(check(vec![reply], &[refused("HTTP 307 Temporary Redirect")]).await.len(), 1);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn silence_and_a_broken_answer_are_tried_again() {
    check(vec![Vec::new()], &[busy("no answer within 400 ms", None)]).await;
    let receiver = Receiver::start(vec![b"SMTP ready\r\n\r\n".to_vec()]).await;
    assert!(matches!(webhook(&receiver.url).deliver(&parcel()).await, Answer::Busy { after: None, .. }));
}

#[tokio::test]
async fn a_closed_port_is_tried_again_and_the_detail_hides_the_url() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let answer = webhook(&format!("http://127.0.0.1:{port}/token")).deliver(&parcel()).await;
    let Answer::Busy { detail, after: None } = answer else { panic!("{answer:?}") };
    assert!(detail.starts_with("cannot connect: ") && !detail.contains("token"), "{detail}");
}

#[tokio::test]
async fn a_body_is_read_to_its_bound_and_a_stalled_one_does_not_undo_the_status() {
    let mut small = b"HTTP/1.1 200 OK\r\ncontent-length: 65536\r\n\r\n".to_vec();
    small.resize(small.len() + 65_536, b'x');
    let mut huge = b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n".to_vec();
    huge.resize(huge.len() + 50_000_000, b'x');
    let stalled = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx".to_vec();
    let took = [accepted("HTTP 200 OK"), accepted("HTTP 200 OK"), accepted("HTTP 200 OK")];
    let seen = check(vec![small, huge, stalled], &took).await;
    // The small body leaves its connection usable; the huge one is cut off with its connection.
    assert_eq!(seen.iter().map(|request| request.connection).collect::<Vec<_>>(), [1, 1, 2]);
}

#[test]
fn a_client_for_https_is_made_with_ring() {
    let made = Webhook::new("https://example.com/", Secrets::parse(SECRET).unwrap(), Options::default(), clock());
    let shown = format!("{:?}", made.unwrap());
    assert_eq!(shown, "Webhook { host: Some(\"example.com\"), .. }");
}
