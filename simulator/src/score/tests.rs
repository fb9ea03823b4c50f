//! Scores of made-up suites.

use super::*;

#[test]
fn seeds_are_one_or_a_range_with_both_ends() {
    let check = |text: &str, expected: Option<&[u64]>| {
        let got = text.parse::<Seeds>().ok().map(|seeds| seeds.iter().collect::<Vec<_>>());
        assert_eq!(got.as_deref(), expected, "{text}");
    };
    check("7", Some(&[7]));
    check("1..3", Some(&[1, 2, 3]));
    check("1..=3", Some(&[1, 2, 3]));
    check("3..1", None);
    check("1..100000", None);
    check("some", None);
    check("", None);
}

/// Scores; returns what was printed, and the scores.
fn check(line: &[&str]) -> (String, Vec<Scored>) {
    #[derive(clap::Parser)]
    struct Parsed {
        #[command(flatten)]
        score: ScoreArgs,
    }
    let line = ["score"].iter().chain(line);
    let args = <Parsed as clap::Parser>::try_parse_from(line).unwrap().score;
    let mut out = Vec::new();
    let scored = run(&args, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), scored)
}

#[test]
fn rooms_are_scored_from_a_directory_as_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let args = SuiteArgs { kind: Kind::Rooms, out_dir: folder.path().to_owned(), seed: "2".parse().unwrap() };
    write_suites(&args, &mut Vec::new()).unwrap();
    let (_, in_memory) = check(&["--generate", "rooms", "--seed", "2"]);
    let path = folder.path().join("rooms_2");
    let (text, from_files) = check(&[path.to_str().unwrap(), "--json"]);
    assert_eq!(in_memory[0].graded, from_files[0].graded);
    assert!(text.contains("rooms_2: 8 phones"), "{text}");
    assert!(text.contains("time in the right room"), "{text}");
    let json: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(json["suites"][0]["kind"], "rooms");
    assert!(json["suites"][0]["grade"]["right"].as_f64().unwrap() > 0.95, "{json}");
}

#[test]
fn many_seeds_are_one_table_with_mean_and_worst() {
    let (text, scored) = check(&["--generate", "rooms,drive", "--seed", "1..2"]);
    assert_eq!(scored.len(), 4);
    assert!(text.contains("rooms, seeds 1 to 2: 2 suites, 16 phones"), "{text}");
    assert!(text.contains("drive, seeds 1 to 2: 2 suites, 12 phones, 14400 pings"), "{text}");
    let header = text.lines().find(|line| line.contains("worst")).unwrap();
    assert_eq!(header.split_whitespace().collect::<Vec<_>>(), ["mean", "worst", "goal", "reached", "by"]);
}

#[test]
fn what_is_missing_is_named() {
    let empty = tempfile::tempdir().unwrap();
    for (suites, part) in [
        (vec![], "nothing to score"),
        (vec![PathBuf::from("no/such")], "cannot read suite no/such"),
        (vec![empty.path().to_owned()], "has no pings.csv"),
    ] {
        let args = ScoreArgs { suites, ..ScoreArgs::default() };
        let shown = format!("{:#}", run(&args, &mut Vec::new()).unwrap_err());
        assert!(shown.contains(part), "{shown}");
    }
}
