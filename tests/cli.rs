//! The command line against a real server: what people type, and what they read.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where something is amiss")]

mod support;

use doorstep::wire::v1::{self, device_service_client::DeviceServiceClient};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Server, connect, denver};

/// Wednesday 2026-07-15, 12:00 in Denver.
const NOON_MS: i64 = 1_784_138_400_000;

fn fixture(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/denver").join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// Runs a command; whether it succeeded, and what it wrote to standard output and to standard error.
fn run(address: &str, args: &[&str]) -> (bool, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_doorstep"))
        .args(args)
        .env("DOORSTEP_SERVER", format!("http://{address}"))
        .output()
        .expect("doorstep runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

/// Runs a command that succeeds and whose output holds all of `wants`.
fn check(server: &Server, args: &[&str], wants: &[&str]) -> String {
    let (good, out, err) = run(&server.address, args);
    assert!(good, "{args:?} failed: {err}");
    for want in wants {
        assert!(out.contains(want), "{args:?} does not say {want:?}:\n{out}");
    }
    out
}

/// Runs a command that fails with a complaint that holds `want` exactly once.
fn refused(address: &str, args: &[&str], want: &str) {
    let (good, out, err) = run(address, args);
    assert!(!good, "{args:?} succeeded: {out}");
    assert_eq!(err.matches(want).count(), 1, "{args:?} does not say {want:?} once:\n{err}");
}

fn check_json(server: &Server, args: &[&str], rows: usize) {
    let out = check(server, &[args, &["--json"]].concat(), &[]);
    assert_eq!(out.lines().count(), rows, "{args:?}: {out}");
    for line in out.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert!(value.is_object(), "{line}");
    }
}

fn register(server: &Server) {
    check(server, &["regions", "import", &fixture("regions.geojson")], &["regions imported"]);
    check(server, &["campaigns", "apply", "-f", &fixture("campaigns.yaml")], &["7 campaigns applied"]);
    check(server, &["customers", "apply", "-f", &fixture("customers.yaml")], &["4 customers applied"]);
}

#[test]
fn a_message_is_previewed_and_a_template_refused_by_line_and_column() {
    let server = Server::start(&[]);
    register(&server);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("worded.yaml");
    let text = "campaigns: [{ id: worded, regions: { brands: [roost] }, topic: offers, message: { title: 'Hi {{ customer.id }}', \
                body: '{{ place.brand }}', locale: en, translations: [{ locale: es, title: Hola, body: Pasa }] } }]";
    let path = file.to_str().expect("a path in UTF-8");
    std::fs::write(&file, text).expect("a file");
    let preview = ["campaigns", "preview", "worded"];
    check(&server, &[&preview[..], &["--file", path, "--customer", "maya"]].concat(), &["Hi maya", "roost", "en"]);
    check(&server, &["campaigns", "apply", "-f", path], &["1 campaign applied"]);
    check(&server, &[&preview[..], &["--locale", "es-MX"]].concat(), &["Hola", "Pasa", "es"]);
    check(&server, &[&preview[..], &["--json"]].concat(), &["\"title\": \"Hi sample\""]);
    check(
        &server,
        &["campaigns", "preview", "latte"],
        &["A latte on the way?", "https://roost.example/offers/latte"],
    );
    refused(&server.address, &[&preview[..], &["--region", "nowhere"]].concat(), "there is no regions/nowhere");

    std::fs::write(&file, text.replace("body: Pasa", "body: 'Pasa\n\n  {{ place.nmae }}'")).expect("a file");
    let wrong = "campaigns[0].message.translations[0].body at line 2, column 4: there is no place.nmae";
    refused(&server.address, &["campaigns", "apply", "-f", path], wrong);
    refused(&server.address, &[&preview[..], &["--file", path]].concat(), wrong);
}

#[test]
fn regions_survive_their_export() {
    let server = Server::start(&[]);
    check(&server, &["regions", "list"], &["no regions"]);
    check(&server, &["regions", "import", &fixture("regions.geojson")], &["0 replaced"]);
    let first = check(&server, &["regions", "export"], &["FeatureCollection"]);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("out.geojson");
    std::fs::write(&file, &first).expect("a file");
    check(&server, &["regions", "import", file.to_str().expect("UTF-8")], &[": 0 new"]);
    assert_eq!(check(&server, &["regions", "export"], &[]), first);
    let listed = check(&server, &["regions", "list"], &denver::DOORS);
    check_json(&server, &["regions", "list"], listed.lines().count() - 1);
    check(&server, &["regions", "lint"], &["regions: "]);
    check(&server, &["regions", "delete", "regions/roost-tremont"], &["region roost-tremont deleted"]);
    refused(&server.address, &["regions", "delete", "roost-tremont"], "there is no regions/roost-tremont");
}

#[test]
fn what_changes_no_area_is_repaired_and_said() {
    let server = Server::start(&[]);
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, ring: &str| {
        let path = directory.path().join(name);
        let text = format!(
            r#"{{"type": "FeatureCollection", "features": [{{"type": "Feature", "id": "hall", "properties": {{}},
               "geometry": {{"type": "Polygon", "coordinates": [{ring}]}}}}]}}"#
        );
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let open = file("open", "[[5,52],[5.001,52],[5.001,52.001],[5,52.001]]");
    let import = ["regions", "import", &open, "--brand", "roost", "--time-zone", "Europe/Amsterdam"];
    refused(&server.address, &import, "is not closed; the last point must be the same as the first");
    refused(&server.address, &import, "`--repair` may help, as features[0] (hall) ring 0 was not closed");
    check(&server, &["regions", "list"], &["no regions"]);
    let repair = [&import[..], &["--repair"]].concat();
    check(&server, &repair, &["repaired: features[0] (hall) ring 0 was not closed", "2 new"]);
    let crossing = file("crossing", "[[5,52],[5.001,52.001],[5.001,52],[5,52.001],[5,52]]");
    let repair = [&["regions", "import", &crossing][..], &repair[3..]].concat();
    refused(&server.address, &repair, "which crosses edge 0;");
}

/// A fix of a mock location app, in the middle of a café.
fn mock_ping(sequence: u64) -> v1::Ping {
    let walk = denver::walk(NOON_MS);
    let mut ping = walk.into_iter().nth(30).expect("a long walk");
    let door = denver::fixture("regions.geojson");
    let (_, regions) =
        doorstep::files::read_regions(&door, &doorstep::files::Defaults::default()).expect("good regions");
    for region in regions.iter().filter(|region| region.id.as_str() == "roost-tremont") {
        if let doorstep::model::Extent::Fence(doorstep::model::Fence::Circle(circle)) = &region.extent {
            let (latitude, longitude) = (circle.center.lat(), circle.center.lon());
            ping.fix = Some(v1::Fix { latitude, longitude, accuracy_m: 5.0, mock: true, ..Default::default() });
        }
    }
    ping.sequence = sequence;
    ping
}

#[tokio::test]
async fn a_mock_location_is_flagged_and_counts_only_for_testers() {
    for (args, decided) in [
        (&["--simulation-clock"][..], "no decisions"),
        (&["--simulation-clock", "--accept-mock-locations"][..], "enter roost-tremont"),
    ] {
        let server = Server::start(args);
        register(&server);
        let mut phone = DeviceServiceClient::new(connect(&server.address).await);
        let device = "customers/maya/devices/phone-1".to_owned();
        let upload = |pings| v1::UploadPingsRequest { device: device.clone(), want_transitions: false, pings };
        let mut before = mock_ping(1);
        before.fix = None;
        phone.upload_pings(upload(vec![before])).await.expect("an ack");
        check(&server, &["trace", "start", "maya/phone-1"], &["tracing"]);
        phone.upload_pings(upload(vec![mock_ping(2)])).await.expect("an ack");
        check(&server, &["decisions", "list"], &[decided]);
        let flag = if decided == "no decisions" { "  5   mock" } else { "  5   accepted" };
        check(&server, &["trace", "show", "maya/phone-1"], &["TAKEN", flag]);
    }
}

#[test]
fn campaigns_and_customers_come_and_go() {
    let server = Server::start(&[]);
    check(&server, &["campaigns", "list"], &["no campaigns"]);
    check(&server, &["customers", "list"], &["no customers"]);
    refused(
        &server.address,
        &["campaigns", "apply", "-f", &fixture("campaigns.yaml")],
        "names hallorans-shoes; there is no such region",
    );
    check(&server, &["campaigns", "list"], &["no campaigns"]);
    register(&server);
    check(&server, &["campaigns", "list"], &["brand roost", "quiet 4 h for the brand", "1 in 1 d for the customer"]);
    check_json(&server, &["campaigns", "list"], 7);
    check(&server, &["campaigns", "show", "latte"], &["\"name\": \"campaigns/latte\""]);
    check(&server, &["campaigns", "pause", "campaigns/latte"], &["campaign latte is paused"]);
    check(&server, &["campaigns", "resume", "latte"], &["campaign latte is running"]);
    check(&server, &["campaigns", "delete", "campaigns/latte"], &["campaign latte deleted"]);
    refused(&server.address, &["campaigns", "pause", "latte"], "there is no campaigns/latte");
    check_json(&server, &["customers", "list"], 4);
    check(&server, &["customers", "show", "sam"], &["phone-4", "tablet-4"]);
    check(&server, &["customers", "delete", "customers/sam"], &["known of sam is deleted"]);
    refused(&server.address, &["customers", "delete", "sam"], "there is no customers/sam");
    refused(&server.address, &["customers", "show", "sam"], "there is no customer sam");
}

#[test]
fn events_and_traits_are_recorded_and_shown() {
    let server = Server::start(&["--simulation-clock"]);
    register(&server);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("events.jsonl");
    let line = |customer: &str, id: &str| {
        format!(
            r#"{{"customer": "{customer}", "id": "{id}", "event": "purchase", "time": "2026-07-15T12:00:00-06:00", "channel": "till", "properties": {{"size": "large"}}, "value": 4.5, "currency": "USD"}}"#
        )
    };
    std::fs::write(&file, [line("maya", "r-1"), line("maya", "r-2")].join("\n")).expect("a file");
    let file = file.to_str().expect("UTF-8");
    check(&server, &["events", "record", file], &["2 of 2 events recorded\n"]);
    check(&server, &["events", "record", file], &["0 of 2 events recorded, 2 known already\n"]);
    std::fs::write(file, line("otto", "r-1")).expect("a file");
    refused(&server.address, &["events", "record", file], "events[0] (r-1): customers/otto does not exist");
    check(&server, &["events", "record", file, "--allow-missing"], &["1 of 1 event recorded\n"]);
    std::fs::write(file, line("maya", "r-3").replace("till", "shop")).expect("a file");
    refused(&server.address, &["events", "record", file], "line 1 unknown variant `shop`");
    check(
        &server,
        &["customers", "set-trait", "maya", "tier=gold", "points+=5", "vip"],
        &["3 traits of maya changed"],
    );
    refused(&server.address, &["customers", "set-trait", "maya", "tier+=1"], "adds to tier");
    let shown =
        ["\"tier\"", "\"gold\"", "\"event_name\": \"purchase\"", "\"count\": \"2\"", "\"value\": 9.0", "2026-07-15"];
    check(&server, &["customers", "show", "maya"], &shown);
}

#[test]
fn journeys_come_and_go_and_events_lead_through_them() {
    let server = Server::start(&["--simulation-clock"]);
    register(&server);
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).expect("a file");
        file.to_str().expect("UTF-8").to_owned()
    };
    let journey = "journeys:\n- id: loyal\n  brand: roost\n  stages:\n  - { id: browsed, enter: { event: { name: browse } } }\n  - { id: bought, enter: { event: { name: purchase, after_stage: true } } }\n";
    let campaign = "campaigns:\n- id: thanks\n  regions: { brands: [roost] }\n  topic: offers\n  message: { title: Thanks, body: Hi }\n  journey: { id: loyal, stage: browsed, advance: true }\n";
    let (journeys, campaigns) = (path("journeys.yaml", journey), path("campaigns.yaml", campaign));
    check(&server, &["journeys", "list"], &["no journeys"]);
    refused(&server.address, &["campaigns", "apply", "-f", &campaigns], "is journeys/loyal, which does not exist");
    check(&server, &["journeys", "apply", "-f", &journeys], &["1 journey applied"]);
    check(&server, &["campaigns", "apply", "-f", &campaigns], &["1 campaign applied"]);
    check(&server, &["journeys", "list", "--brand", "roost"], &["loyal", "browsed > bought"]);
    check_json(&server, &["journeys", "list"], 1);
    check(&server, &["journeys", "show", "loyal"], &["\"after_stage\": true"]);
    check(&server, &["campaigns", "show", "thanks"], &["\"advances_to_next\": true"]);
    let bad = path("bad.yaml", &journey.replace("id: bought", "id: browsed"));
    refused(&server.address, &["journeys", "apply", "-f", &bad], "journeys[0].stages[1].stage repeats browsed");
    let event = r#"{"customer": "maya", "id": "b-1", "event": "browse", "time": "2026-07-15T12:00:00-06:00", "channel": "web"}"#;
    check(&server, &["events", "record", &path("events.jsonl", event)], &["1 of 1 event recorded"]);
    check(&server, &["customers", "show", "maya"], &["\"journey\": \"journeys/loyal\"", "\"stage\": \"browsed\""]);
    refused(&server.address, &["journeys", "delete", "loyal"], "is named by campaigns/thanks");
    check(&server, &["campaigns", "delete", "thanks"], &["deleted"]);
    check(&server, &["journeys", "delete", "journeys/loyal"], &["journey loyal deleted"]);
}

#[test]
fn sensitive_places_are_kept_out_of() {
    let server = Server::start(&["--simulation-clock"]);
    register(&server);
    let directory = tempfile::tempdir().expect("a directory");
    let zones = |name: &str, lat: f64, kind: &str| {
        let file = directory.path().join(name);
        let text = format!(
            r#"{{"type": "FeatureCollection", "features": [{{"type": "Feature", "id": "st-anne",
                "properties": {{"kind": "{kind}", "radius_m": 50}},
                "geometry": {{"type": "Point", "coordinates": [-104.98905, {lat}]}}}}]}}"#
        );
        std::fs::write(&file, text).expect("a file");
        file.to_str().expect("UTF-8").to_owned()
    };
    check(&server, &["zones", "list"], &["no zones"]);
    let told = ["1 zone imported: 1 new, 0 replaced", "1 region over them, silent from now on: roost-tremont"];
    check(&server, &["zones", "import", &zones("a.geojson", 39.74296, "clinic")], &told);
    check(&server, &["zones", "list"], &["st-anne", "clinic", "0 pings kept by number alone"]);
    check_json(&server, &["zones", "list"], 1);
    check(&server, &["zones", "show", "st-anne"], &["regions/roost-tremont", "ZONE_KIND_CLINIC"]);
    check(&server, &["regions", "lint"], &["shares ground with the sensitive place st-anne"]);
    let regions = fixture("regions.geojson");
    refused(&server.address, &["regions", "import", &regions], "shares ground with zones/st-anne (clinic)");
    let bad = zones("b.geojson", 39.7, "bank");
    refused(&server.address, &["zones", "import", &bad], "features[0].properties.kind is \"bank\"");
    check(&server, &["zones", "delete", "st-anne"], &["zone st-anne deleted"]);
    check(&server, &["regions", "import", &regions], &["replaced"]);
}

#[test]
fn customers_choose_what_they_hear_of() {
    let server = Server::start(&["--simulation-clock"]);
    register(&server);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("topics.yaml");
    std::fs::write(&file, "topics:\n- { id: service, name: Notices, default: opt_out }\n").expect("a file");
    let file = file.to_str().expect("UTF-8");
    check(&server, &["topics", "list"], &["no topics"]);
    check(&server, &["topics", "apply", "-f", file], &["1 topic applied"]);
    check(&server, &["topics", "list"], &["service", "Notices", "opt out"]);
    check_json(&server, &["topics", "list"], 1);
    check(&server, &["topics", "show", "service"], &["OPT_OUT"]);
    let prefer = ["customers", "prefer", "maya", "news=out", "offers.push=out", "--source", "by phone"];
    check(&server, &prefer, &["2 choices of maya set"]);
    check(&server, &["customers", "list"], &["news=out offers.push=out offers.in-app=in"]);
    check(&server, &["customers", "stop", "maya"], &["nothing but what is transactional"]);
    check(&server, &["customers", "list"], &["stopped"]);
    check(&server, &["customers", "resume", "maya"], &["again"]);
    let told = ["opted out of offers by push", "by phone", "opted out of news", "stopped everything", "resumed"];
    check(&server, &["customers", "changes", "maya"], &told);
    check(&server, &["customers", "changes", "maya"], &["consent granted"]);
    refused(&server.address, &["customers", "prefer", "maya", "offers"], "must be such as offers=in");
    check(&server, &["topics", "delete", "service"], &["topic service deleted"]);
}

#[tokio::test]
async fn explain_names_the_rule_that_failed() {
    let server = Server::start(&["--simulation-clock"]);
    register(&server);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("regulars.yaml");
    let campaign = "campaigns:\n- id: regulars\n  regions: { brands: [roost] }\n  topic: offers\n  message: { title: Back again, body: Hi }\n  audience:\n    all:\n    - { event: { name: purchase, at_least: 2, within_days: 30 } }\n    - { visits: { at_least: 2 } }\n";
    std::fs::write(&file, campaign.replace("within_days: 30", "within_days: 300")).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let path = "campaigns[0].audience.all.rules[0].event.within_days is 300; must be 1 to 90";
    refused(&server.address, &["campaigns", "apply", "-f", file], path);
    std::fs::write(file, campaign).expect("a file");
    check(&server, &["campaigns", "apply", "-f", file], &["1 campaign applied"]);
    check(&server, &["campaigns", "list"], &["its audience alone"]);
    check(&server, &["campaigns", "show", "regulars"], &["\"within_days\": 30"]);
    let mut phone = DeviceServiceClient::new(connect(&server.address).await);
    for pings in denver::walk(NOON_MS).chunks(5) {
        let device = "customers/maya/devices/phone-1".to_owned();
        let request = v1::UploadPingsRequest { device, want_transitions: false, pings: pings.to_vec() };
        phone.upload_pings(request).await.expect("an ack");
    }
    let explain = ["explain", "--customer", "maya", "--region", "roost-tremont"];
    check(&server, &explain, &["suppressed, audience: needs event purchase at least 2 times in 30 d, had 0"]);
    check(&server, &["customers", "show", "maya"], &["\"visits\"", "\"brand\": \"roost\""]);
}

#[tokio::test]
async fn explain_answers_why_for_each_of_the_doors() {
    let server = Server::start(&["--simulation-clock"]);
    register(&server);
    check(&server, &["decisions", "list"], &["no decisions"]);
    let request = |pings: &[v1::Ping]| v1::UploadPingsRequest {
        device: "customers/maya/devices/phone-1".to_owned(),
        want_transitions: false,
        pings: pings.to_vec(),
    };
    let mut phone = DeviceServiceClient::new(connect(&server.address).await);
    for (index, pings) in denver::walk(NOON_MS).chunks(5).enumerate() {
        phone.upload_pings(request(pings)).await.expect("an ack");
        // The clock is that of the pings: a trace from before the first one would be over by now.
        if index == 0 {
            check(&server, &["trace", "start", "customers/maya/devices/phone-1", "--for", "24h"], &["tracing"]);
        }
    }
    for (door, name, reason) in [
        ("roost-tremont", "Tremont", "qualified"),
        ("roost-welton", "Welton", "brand cooldown"),
        ("kettle-california", "California", "customer cap"),
        ("roost-champa", "Champa", "brand cooldown"),
        ("kettle-arapahoe", "Arapahoe", "customer cap"),
    ] {
        let said = check(&server, &["explain", "--customer", "maya", "--region", door], &[name, "America/Denver"]);
        let sent = reason == "qualified" && said.contains("A latte on the way?");
        assert!(sent || said.contains(&format!("suppressed, {reason}")), "{door}: {said}");
    }
    let left = ["explain", "--customer", "maya", "--region", "roost-tremont"];
    check(&server, &left, &["left Roost at Tremont, the door after a visit of 1 min"]);
    let listed = check(&server, &["decisions", "list", "--customer", "customers/maya"], &["qualified latte"]);
    assert!(!listed.contains("sent latte"), "{listed}");
    check_json(&server, &["decisions", "list", "--verdict", "qualified"], 1);
    let told = ["campaign latte, 2026-", "visits, 1 qualified", "HELD BACK", "brand cooldown", "no lift: nobody"];
    check(&server, &["report", "latte"], &told);
    check_json(&server, &["report", "campaigns/latte"], 1);
    check(&server, &["report", "latte", "--to", "2000-01-01"], &["latte: nothing yet in these days"]);
    refused(&server.address, &["report", "nothing"], "there is no campaigns/nothing");
    refused(&server.address, &["report", "latte", "--from", "May"], "from_date is \"May\"; must be a date");
    let zone = ["decisions", "list", "--time-zone", "America/Denver"];
    check(&server, &zone, &["TIME (America/Denver)", "-06:00"]);
    check(&server, &["trace", "show", "maya/phone-1"], &["OBSERVED (UTC)", "enter roost-tremont", "accepted"]);
    check(&server, &["trace", "stop", "maya/phone-1"], &["no longer"]);
    check(&server, &["explain", "--customer", "noah"], &["noah has not granted consent for location messaging"]);
    check(&server, &["explain", "--customer", "priya"], &["Nothing is recorded"]);
    refused(&server.address, &["explain", "--customer", "nobody"], "there is no customer nobody");
    refused(&server.address, &["explain", "maya/x", "--campaign", "latte"], "cannot be used with");
    refused(&server.address, &["trace", "show", "maya/phone-9"], "there is no customers/maya/devices/phone-9");
}

#[test]
fn complaints_say_what_is_wrong() {
    refused("127.0.0.1:1", &["regions", "list"], "no server answers at http://127.0.0.1:1");
    let directory = tempfile::tempdir().expect("a directory");
    let bad = directory.path().join("bad");
    std::fs::write(&bad, "{ nonsense").expect("a file");
    let bad = bad.to_str().expect("UTF-8");
    let nobody = "127.0.0.1:1";
    refused(nobody, &["regions", "import", "absent.geojson"], "cannot read absent.geojson");
    refused(nobody, &["regions", "import", bad], "is no GeoJSON");
    refused(nobody, &["regions", "import", bad, "--brand", "roost"], "required arguments were not provided");
    refused(nobody, &["campaigns", "apply", "-f", bad], "does not read");
    refused(nobody, &["customers", "apply", "-f", bad], "does not read");
    refused(nobody, &["decisions", "list", "--time-zone", "Mars"], "is no IANA time zone");
}
