//! What a naive trigger does on the walks of the fixtures, and what there is to pass.
#![allow(clippy::expect_used, reason = "a test stops where something is amiss")]

use doorstep::files::{Defaults, read_campaigns, read_regions};
use doorstep::locate::Atlas;
use doorstep::model::{Millis, Sequence};
use doorstep::qualify::CampaignBook;
use simulator::naive::{doors_passed, naive_alerts};
use simulator::noise::{Noise, Surroundings};
use simulator::pings;
use simulator::route::Route;
use simulator::track::Track;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

/// The doors on a walk, and the naive alerts on it for each of the seeds 1 to 20.
fn check(walk: &str, noise: Surroundings) -> (Vec<String>, Vec<usize>) {
    let read = |name: &str| std::fs::read_to_string(fixture(name)).expect("a fixture");
    let (places, regions) = read_regions(&read("denver/regions.geojson"), &Defaults::default()).expect("regions");
    let atlas = Atlas::build(places.into_iter().map(Arc::new), regions.into_iter().map(Arc::new)).expect("an atlas");
    let campaigns = read_campaigns(&read("denver/campaigns.yaml")).expect("campaigns");
    let campaigns = CampaignBook::build(campaigns.into_iter().map(Arc::new));
    let track = Track::read(&fixture(&format!("walks/{walk}.gpx"))).expect("a track");
    let route = Route::new(&track, 1.4, None).expect("a route");
    let doors = doors_passed(&atlas, &route).iter().map(|door| door.region.to_string()).collect();
    let alerts = (1..=20).map(|seed| {
        let mut noise = Noise::new(noise, seed);
        let pings = pings::walk(&route, Millis::from_secs(1), &mut noise, &[], Sequence(1));
        naive_alerts(&atlas, &campaigns, &pings).len()
    });
    (doors, alerts.collect())
}

#[test]
fn the_walk_passes_eight_doors_and_a_naive_trigger_nags_at_the_five_cafes() {
    let (doors, alerts) = check("sixteenth_street", Surroundings::Street);
    let expected = [
        "roost-tremont",
        "roost-welton",
        "kettle-california",
        "larkspur-stout",
        "roost-champa",
        "kettle-arapahoe",
        "tall-pine-blake",
        "union-hall",
    ];
    assert_eq!(doors, expected);
    assert!(alerts.iter().all(|alerts| *alerts >= 5), "{alerts:?}");
    assert!(alerts.iter().any(|alerts| *alerts > 8), "{alerts:?}");
    let (_, without_noise) = check("sixteenth_street", Surroundings::None);
    assert!(without_noise.iter().all(|alerts| *alerts == 5), "{without_noise:?}");
}

#[test]
fn lingering_at_the_edge_is_where_a_naive_trigger_is_worst() {
    let (_, alerts) = check("lingering_at_the_edge", Surroundings::Street);
    assert!(alerts.iter().all(|alerts| *alerts >= 10), "{alerts:?}");
}
