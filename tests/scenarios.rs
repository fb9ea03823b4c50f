//! Every `fixtures/scenarios/**/*.scenario`, played through the core.
//!
//! `UPDATE_SCENARIOS=1 cargo test --test scenarios` writes what comes into the files: read the difference before
//! you keep it.

mod scenario;

use std::path::{Path, PathBuf};

/// Scenarios that tell what is wanted and not there yet. Each must fail, so that none stays here for longer.
const NOT_YET: &[&str] = &[];

#[test]
fn every_scenario_holds() {
    let files = scenarios(&scenario::fixtures().join("scenarios"));
    assert!(files.len() >= 20, "only {} scenarios were found", files.len());
    let updating = std::env::var_os("UPDATE_SCENARIOS").is_some();
    let reports: Vec<String> = files.iter().filter_map(|path| report(path, updating).err()).collect();
    assert!(reports.is_empty(), "\n{}\n", reports.join("\n"));
    for name in NOT_YET {
        assert!(files.iter().any(|path| is(path, name)), "{name} is in NOT_YET, but there is no such file");
    }
}

fn report(path: &Path, updating: bool) -> Result<(), String> {
    match (NOT_YET.iter().any(|name| is(path, name)), scenario::check(path)) {
        (false, Err(_)) if updating => scenario::update(path),
        (false, held) => held,
        (true, Err(_)) => Ok(()),
        (true, Ok(())) => Err(format!("{} holds now; take it from NOT_YET", path.display())),
    }
}

fn is(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|file| file == name)
}

/// All scenario files below a folder, by name.
fn scenarios(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(scenarios(&path));
        } else if path.extension().is_some_and(|extension| extension == "scenario") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A café, a customer, and these lines.
fn told(lines: &str) -> String {
    let setting = "\
        day 2026-07-15 America/Denver\n\
        spot street 39.74,-104.990\n\
        place roost brand=roost\n\
        fence roost place=roost at 39.74,-104.987 radius=40m dwell=1h\n\
        campaign latte brand=roost cooldown.brand=4h\n\
        customer maya consent=yes topics=offers devices=phone-1\n";
    format!("{setting}{lines}\n")
}

#[test]
fn a_wrong_expectation_is_told_with_its_line() {
    let right = told("at 12:00 walk phone-1 from street to roost staying 3m  -> enter roost, sent latte");
    assert_eq!(scenario::judge("walk", &right), Ok(()));
    for (wrong, expected) in [
        (right.replace(", sent latte", ""), "enter roost"),
        (right.replace("enter roost, sent latte", "nothing"), "nothing"),
        (right.replace("enter roost, sent latte", "sent latte, enter roost"), "sent latte, enter roost"),
        (right.replace("  -> enter roost, sent latte", ""), "(nothing is written)"),
    ] {
        let report = scenario::judge("walk", &wrong).unwrap_err();
        let right = format!(
            "walk:7: at 12:00 walk phone-1 from street to roost staying 3m\n  expected: {expected}\n  got:      enter roost, sent latte"
        );
        assert_eq!(report, right);
    }
}

#[test]
fn an_update_writes_what_came_and_leaves_the_rest() {
    let before = told(
        "# To the door.\n\
         at 12:00   walk phone-1 from street to roost staying 3m   -> nothing  # really?\n\
         at 12:10   ping phone-1 roost   ->   nothing\n\
         at 12:20   walk phone-1 from roost to street staying 3m\n    -> enter roost\n    -> sent latte",
    );
    let after = told(
        "# To the door.\n\
         at 12:00   walk phone-1 from street to roost staying 3m   -> enter roost, sent latte  # really?\n\
         at 12:10   ping phone-1 roost   ->   nothing\n\
         at 12:20   walk phone-1 from roost to street staying 3m  -> exit roost",
    );
    assert_eq!(scenario::rewrite("walk", &before), Ok(after.clone()));
    assert_eq!(scenario::rewrite("walk", &after), Ok(after));
}

#[test]
fn every_manner_of_reporting_is_read() {
    let lines = "at 12:00 ping phone-1 street ±8.5 speed=1.4m/s course=315° app=foreground seq=7  -> nothing\n\
                 at 12:01 ping phone-1 39.74,-104.990 mock app=background  -> set aside: mock\n\
                 at 12:02 ping phone-1 hears f7826da6-4fa2-4e98-8024-bc5b71e0893e/1/2@-63dBm  -> nothing\n\
                 at 12:03 ping phone-1 street seq=7 observed=12:02:30  -> refused: duplicate";
    assert_eq!(scenario::judge("manners", &told(lines)), Ok(()));
}

#[test]
fn what_cannot_be_read_says_where_and_what_would_be_right() {
    for (line, report) in [
        ("at noon ping phone-1 street", "has the time \"noon\"; must be such as 12:04:10 or 2026-07-16T12:04"),
        (
            "at 12:00 fly phone-1 street",
            "does \"fly\"; must be ping, walk, stay, wait, event, trait, connect, disconnect, withdraw, grant, prefer, stop, resume, refund or report",
        ),
        ("at 12:00 ping phone-9 street", "has the device phone-9, which no customer has; known are phone-1"),
        ("at 12:00 ping phone-1 ±8", "says nothing; give LAT,LON or hears UUID/MAJOR/MINOR@-63dBm"),
        ("at 12:00 ping phone-1 alley", "has \"alley\"; must be LAT,LON such as 39.74296,-104.98905, or the name"),
        ("at 12:00 ping phone-1 95,4", "latitude is 95; must be -90 to 90 degrees"),
        ("at 12:00 ping phone-1 street ±0", "accuracy_m is 0; must be"),
        ("at 12:00 ping phone-1 street speed=5", "has speed \"5\"; must end in m/s"),
        ("at 12:00 ping phone-1 street 8m", "has \"8m\", which is not known here; known are ±8, speed=1.4m/s"),
        ("at 12:00 ping phone-1 hears a/1@-60dBm", "hears \"a/1@-60dBm\"; must be such as store/15/2@-63dBm"),
        ("at 12:00 stay phone-1 street", "ends where \"for\" is due"),
        ("at 12:00 stay phone-1 street for 10h every 1s", "stands for 36001 pings; at most 2000 are allowed"),
        ("at 12:00 walk phone-1 from street to roost at 5", "has at \"5\"; must end in m/s"),
        ("at 12:00 withdraw otto", "has the customer otto, whom no line brings in with a device"),
        ("at 12:00 ping phone-1 street ->", "expects what? Write what follows after ->, or nothing"),
        ("-> nothing", "begins with ->; must follow an at line directly"),
        ("fence door place=roost radius=40m", "must have either at LAT,LON and radius=40m, or outline=A;B;C"),
        ("fence door at street radius=4m place=roost", "radius_m is 4; must be 10 to 100000 metres"),
        ("campaign tea brand=roost cap=3", "has cap=3; must be such as cap=1/day"),
        ("campaign tea brand=roost holdout=0.1", "has holdout=0.1; must be such as 10%"),
        ("campaign tea brand=roost converts=purchase", "has converts=purchase; must be such as converts=purchase/7d"),
        ("campaign tea brand=roost colour=red", "has \"colour\", which is not known here; known are region="),
        ("campaign tea", "applies nowhere; write region=…, brand=… or tag=…"),
        ("customer otto devices=phone-1", "gives phone-1 to otto, but maya has it"),
        ("use denver/streets", "has \"denver/streets\", which is not known here; known are SET"),
        ("zone clinic bank at street radius=40m", "kind is \"bank\"; must be one of clinic, school, shelter"),
        ("suddenly", "begins with \"suddenly\"; must begin with at, day, use"),
    ] {
        let refused = scenario::judge("broken", &told(line)).unwrap_err();
        let wanted = format!("broken:7: {report}");
        assert!(refused.starts_with(&wanted), "{line}\n  wanted: {wanted}\n  got:    {refused}");
    }
}

#[test]
fn acts_stand_in_order_and_below_their_setting() {
    for (lines, report) in [
        (
            "zone a clinic at street radius=40m\nfence b place=roost at street radius=40m",
            "broken:8: shares ground with the zone a",
        ),
        ("at 12:00 withdraw maya\nat 11:00 grant maya", "broken:8: is at 11:00, before line 7; must stand above it"),
        ("at 12:00 withdraw maya\nspot late 39,-104", "broken:8: says \"spot\" after the first at line"),
        ("", "broken: nothing happens"),
    ] {
        let refused = scenario::judge("broken", &told(lines)).unwrap_err();
        assert!(refused.starts_with(report), "{refused}");
    }
}
