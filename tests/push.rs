//! Triggers through FCM, APNs, Web Push and a webhook, to a stand-in that holds them to the rules of libraries which
//! others wrote. Where these are missing, the test says that it was skipped and passes.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test stops where something is amiss")]

mod support;

use doorstep::deliver::webpush::Vapid;
use doorstep::files::read_campaigns;
use doorstep::wire::v1::{
    self, campaign_service_client::CampaignServiceClient, customer_service_client::CustomerServiceClient,
    device_service_client::DeviceServiceClient,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use support::{Server, connect, denver};
use tonic::transport::Channel;

const IMPORTS: &str = "import jwt, http_ece, standardwebhooks, cloudevents.core, googleapiclient, hypercorn";
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const CAMPAIGN: &str = "
campaigns:
  - id: hello
    regions: { brands: [roost] }
    on: enter
    topic: offers
    message: { title: Hello, body: It is warm in here ☕, deep_link: 'https://roost.example/', data: { offer: seven } }
    caps: [ { scope: customer, limit: 1, window: 24h } ]
";

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys").join(name)
}

fn text(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

/// The `web-push-testing` server of npm, where it is installed.
fn web_push_testing() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&paths).map(|folder| folder.join("web-push-testing")).find(|file| file.exists())?;
    Some(found.canonicalize().ok()?.parent()?.join("server.js")).filter(|script| script.exists())
}

/// A stand-in, killed when dropped.
struct StandIn {
    port: u16,
    child: Child,
}

impl StandIn {
    /// The one that speaks Python, for all providers.
    fn python() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/push.py");
        let (apns, fcm) = (key("ec.pub.pem"), key("rsa.pub.pem"));
        let secrets = format!("{NEW},{OLD}");
        Self::start("python3", Path::new(script), &[text(&apns), text(&fcm), secrets])
    }

    fn start(program: &str, script: &Path, args: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut command = Command::new(program);
        let child = command.arg(script).arg(port.to_string()).args(args).spawn().expect("it was there a moment ago");
        Self { port, child }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Sends JSON to a path, or nothing where it is null, and reads the JSON that comes back.
    fn ask(&self, path: &str, body: &Value) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let (method, body) = if body.is_null() { ("GET", String::new()) } else { ("POST", body.to_string()) };
        let fields = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n{body}").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// Waits until an answer is as wanted.
    async fn until(&self, path: &str, body: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        for _ in 0..200 {
            match self.ask(path, body) {
                Some(answer) if wanted(&answer) => return answer,
                answer => last = answer,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{path} stays at {last:?}");
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(stand_in: &StandIn, folder: &Path) -> Server {
    let (secret, account) = (folder.join("secret"), folder.join("account.json"));
    std::fs::write(&secret, format!("# new\n{NEW}\n# old\n{OLD}\n")).expect("the secrets are written");
    let file = json!({
        "type": "service_account", "project_id": "roost-7", "client_email": "push@roost.example",
        "private_key": std::fs::read_to_string(key("rsa.pem")).expect("a key"), "private_key_id": "k7",
        "token_uri": stand_in.url("/token")
    });
    std::fs::write(&account, file.to_string()).expect("the account is written");
    let args = [
        ("--webhook-url", stand_in.url("/hook")),
        ("--webhook-secret-file", text(&secret)),
        ("--fcm-account-file", text(&account)),
        ("--fcm-address", stand_in.url("")),
        ("--apns-key-file", text(&key("ec.pem"))),
        ("--apns-key-id", "ABC123DEFG".to_owned()),
        ("--apns-team-id", "DEF123GHIJ".to_owned()),
        ("--apns-topic", "com.roost.app".to_owned()),
        ("--apns-address", stand_in.url("")),
        ("--web-push-key-file", text(&key("ec.pem"))),
        ("--web-push-subject", "mailto:push@roost.example".to_owned()),
    ];
    let mut all = vec!["--simulation-clock", "--allow-private-web-push"];
    all.extend(args.iter().flat_map(|(name, value)| [*name, value.as_str()]));
    Server::start_in(&folder.join("store"), &all)
}

#[tokio::test]
async fn every_provider_gets_what_its_own_rules_ask_for() {
    let there = Command::new("python3").args(["-c", IMPORTS]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        println!(
            "skipped: Python's push libraries are not installed (pip install pyjwt cryptography http_ece \
             standardwebhooks cloudevents google-api-python-client hypercorn)"
        );
        return;
    }
    let (stand_in, folder) = (StandIn::python(), tempfile::tempdir().expect("a directory"));
    let subscription = stand_in.until("/subscription", &Value::Null, |_| true).await.to_string();
    let server = serve(&stand_in, folder.path());
    let channel = prepared(&server).await;
    let mut expected = BTreeMap::new();
    for (customer, platform, address, provider) in [
        ("andy", v1::Platform::Android, "fcm-token:APA91b".to_owned(), "fcm"),
        ("ines", v1::Platform::Ios, "00fc13adff785122b4ad28809a342098".to_owned(), "apns"),
        ("wanda", v1::Platform::Web, subscription, "webpush"),
        ("hugo", v1::Platform::Ios, String::new(), "webhook"),
    ] {
        walk(&channel, customer, platform, address).await;
        expected.insert(provider.to_owned(), 1_usize);
    }
    let all = |report: &Value| report.as_array().is_some_and(|all| all.len() >= 4);
    let report = stand_in.until("/report", &Value::Null, all).await;
    let mut came = BTreeMap::new();
    for entry in report.as_array().expect("a list") {
        assert!(entry["trigger"].is_string(), "{entry}");
        *came.entry(entry["provider"].as_str().expect("a provider").to_owned()).or_insert(0_usize) += 1;
    }
    assert_eq!(came, expected);
}

#[tokio::test]
async fn a_browser_decrypts_its_message_and_one_that_is_gone_is_forgotten() {
    let Some(script) = web_push_testing() else {
        println!("skipped: web-push-testing is not installed (npm install -g web-push-testing)");
        return;
    };
    let (stand_in, folder) = (StandIn::start("node", &script, &[]), tempfile::tempdir().expect("a directory"));
    let server = serve(&stand_in, folder.path());
    let channel = prepared(&server).await;
    let vapid = Vapid::read(&key("ec.pem"), "mailto:push@roost.example").expect("a key").public();
    let options = json!({"userVisibleOnly": "true", "applicationServerKey": vapid});
    let mut hashes = Vec::new();
    for (customer, expires) in [("wanda", false), ("will", true)] {
        let mut subscription = stand_in.until("/subscribe", &options, |_| true).await["data"].take();
        let hash = subscription["clientHash"].as_str().expect("a hash").to_owned();
        // The server listens on this host by its name, which may be of IPv6 only.
        subscription["endpoint"] = stand_in.url(&format!("/notify/{hash}")).into();
        if expires {
            stand_in.ask(&format!("/expire-subscription/{hash}"), &json!({}));
        }
        walk(&channel, customer, v1::Platform::Web, subscription.to_string()).await;
        hashes.push(hash);
    }
    let asked = json!({"clientHash": hashes[0]});
    let came = |answer: &Value| answer["data"]["messages"].is_array();
    let messages = stand_in.until("/get-notifications", &asked, came).await["data"]["messages"].take();
    let message: Value = serde_json::from_str(messages[0].as_str().expect("a text")).expect("JSON");
    assert_eq!((&message["title"], &message["data"]["offer"]), (&json!("Hello"), &json!("seven")));
    let name = "customers/will/devices/d1".to_owned();
    let mut customers = CustomerServiceClient::new(channel);
    for _ in 0..100 {
        let device = customers.get_device(v1::GetDeviceRequest { name: name.clone() }).await.expect("a device");
        if device.into_inner().device.expect("a device").push_address.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the address that nobody is at is still there");
}

/// Registers the street with one campaign.
async fn prepared(server: &Server) -> Channel {
    let channel = connect(&server.address).await;
    denver::register(&channel).await;
    let mut campaigns = CampaignServiceClient::new(channel.clone());
    for campaign in read_campaigns(&denver::fixture("campaigns.yaml")).expect("good campaigns") {
        let name = v1::Campaign::from(&campaign).name;
        campaigns.delete_campaign(v1::DeleteCampaignRequest { name }).await.expect("it goes");
    }
    for campaign in read_campaigns(CAMPAIGN).expect("a good campaign") {
        let campaign = Some((&campaign).into());
        campaigns.create_campaign(v1::CreateCampaignRequest { campaign }).await.expect("it is taken");
    }
    channel
}

/// Adds a customer and walks down the street.
async fn walk(channel: &Channel, customer: &str, platform: v1::Platform, address: String) {
    let device = add(channel, customer, platform, address).await;
    for pings in denver::walk(jiff::Timestamp::now().as_millisecond()).chunks(100) {
        let request = v1::UploadPingsRequest { device: device.clone(), pings: pings.to_vec(), ..Default::default() };
        DeviceServiceClient::new(channel.clone()).upload_pings(request).await.expect("an ack");
    }
}

/// Adds a customer who wants offers, with one device; returns the device's name.
async fn add(channel: &Channel, customer: &str, platform: v1::Platform, address: String) -> String {
    let mut customers = CustomerServiceClient::new(channel.clone());
    let name = format!("customers/{customer}");
    let consent = Some(v1::LocationConsent { granted: true, source: "test".to_owned(), ..Default::default() });
    let new = v1::Customer {
        name: name.clone(),
        location_consent: consent,
        topics: vec!["offers".to_owned()],
        ..Default::default()
    };
    customers.create_customer(v1::CreateCustomerRequest { customer: Some(new) }).await.expect("taken");
    let device = v1::Device {
        name: format!("{name}/devices/d1"),
        platform: platform.into(),
        push_address: address,
        ..Default::default()
    };
    let created = customers.create_device(v1::CreateDeviceRequest { device: Some(device) }).await.expect("taken");
    created.into_inner().device.expect("a device").name
}

#[test]
fn what_is_wrong_with_the_configuration_is_said_at_once() {
    let folder = tempfile::tempdir().expect("a directory");
    let bad = folder.path().join("bad");
    std::fs::write(&bad, "secret-nonsense").expect("it is written");
    let bad = bad.to_str().expect("a plain path");
    let ec = key("ec.pem");
    let ec = ec.to_str().expect("a plain path");
    for (args, problem) in [
        (vec!["--fcm-account-file", bad], "an FCM service account in"),
        (vec!["--fcm-account-file", "/nowhere"], "cannot read an FCM service account from /nowhere"),
        (vec!["--apns-key-file", ec], "--apns-key-id"),
        (
            vec![
                "--apns-key-file",
                ec,
                "--apns-key-id",
                "short",
                "--apns-team-id",
                "DEF123GHIJ",
                "--apns-topic",
                "a",
            ],
            "goes with the key id \"short\"",
        ),
        (vec!["--web-push-key-file", bad, "--web-push-subject", "mailto:a@b.example"], "a Web Push key in"),
        (vec!["--web-push-key-file", ec, "--web-push-subject", "me"], "goes with the subject \"me\""),
        (vec!["--webhook-url", "https://10.0.0.1/", "--webhook-secret-file", bad], "webhook secrets in"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_doorstep"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("store"))
            .args(&args)
            .output()
            .expect("doorstep starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(problem), "{args:?}: {said}");
        assert!(!said.contains("nonsense"), "{args:?}: {said}");
    }
}
