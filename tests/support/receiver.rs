//! A webhook receiver on a thread: verifies each signature and remembers what came.

use standardwebhooks::Webhook;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The secret that the tests sign with.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Listens until the process ends.
pub struct Receiver {
    /// Where to post to.
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// One verified delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The `webhook-id`.
    pub id: String,
    /// The body.
    pub body: serde_json::Value,
}

impl Receiver {
    /// Starts on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let shelf = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = shelf.clone();
                std::thread::spawn(move || while answer(&stream, &shelf).is_some() {});
            }
        });
        Self { url, received }
    }

    /// All deliveries so far, in the order in which they came.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic while receiving").clone()
    }
}

/// Answers one request; none when the connection is over.
fn answer(mut stream: &TcpStream, shelf: &Mutex<Vec<Received>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut headers = http::HeaderMap::new();
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let name: http::HeaderName = name.parse().ok()?;
        headers.insert(name, value.trim().parse().ok()?);
    }
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let verified = Webhook::new(SECRET).expect("a good secret").verify(&body, &headers).is_ok();
    if verified {
        let id = headers.get("webhook-id")?.to_str().ok()?.to_owned();
        let body = serde_json::from_slice(&body).ok()?;
        shelf.lock().ok()?.push(Received { id, body });
    }
    let status = if verified { "204 No Content" } else { "401 Unauthorized" };
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()
}
