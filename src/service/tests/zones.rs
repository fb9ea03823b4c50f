//! Sensitive places, the regions over them, and the pings from them.

use super::super::zone_service::{HushedPings, ZonesService};
use super::preferences::{LAT, come, maya, visited, whereabouts};
use super::*;
use crate::store::Table;
use v1::zone_service_server::ZoneService as _;

fn zone(id: &str, latitude: f64) -> v1::Zone {
    let center = Some(v1::LatLng { latitude, longitude: -104.99 });
    v1::Zone {
        name: format!("zones/{id}"),
        kind: v1::ZoneKind::Clinic.into(),
        area: Some(v1::zone::Area::Circle(v1::Circle { center, radius_m: 30.0 })),
        ..v1::Zone::default()
    }
}

#[tokio::test]
async fn zones_come_change_and_go_and_name_the_regions_that_keep_silent() {
    let bench = bench().await;
    let zones = ZonesService::new(bench.catalogue.clone(), HushedPings::default());
    let create = |zone| zones.create_zone(Request::new(v1::CreateZoneRequest { zone: Some(zone) }));
    let heard = || bench.catalogue.snapshot().atlas.len();
    assert_eq!(heard(), 2);

    assert_eq!(ok(create(zone("far", 39.8)).await).silent_regions, Vec::<String>::new());
    let made = ok(create(zone("near", 39.7445)).await);
    assert_eq!(made.zone.unwrap().display_name, "near");
    assert_eq!(made.silent_regions, ["regions/tremont-door", "regions/welton-door"]);
    assert_eq!(heard(), 0);
    refused(create(zone("near", 39.8)).await, Code::AlreadyExists);
    invalid(create(v1::Zone { kind: 0, ..zone("x", 39.8) }).await, "zone.kind");
    invalid(create(v1::Zone { area: None, ..zone("x", 39.8) }).await, "zone.area");
    invalid(create(zone("a b", 39.8)).await, "zone.name");

    let moved = |id: &str, latitude| v1::UpdateZoneRequest {
        zone: Some(zone(id, latitude)),
        update_mask: mask(&["circle"]),
        allow_missing: false,
    };
    let update = |request| zones.update_zone(Request::new(request));
    assert_eq!(ok(update(moved("near", 39.8)).await).silent_regions, Vec::<String>::new());
    assert_eq!(heard(), 2, "they speak again");
    assert_eq!(ok(update(moved("near", 39.744)).await).silent_regions.len(), 2);
    refused(update(moved("nowhere", 39.8)).await, Code::NotFound);
    let get = |id: &str| zones.get_zone(Request::new(v1::GetZoneRequest { name: format!("zones/{id}") }));
    assert_eq!(ok(get("near").await).silent_regions.len(), 2);

    let reloaded = CatalogueCell::load(bench.records.clone()).unwrap();
    assert_eq!((reloaded.snapshot().atlas.len(), reloaded.snapshot().zones.len()), (0, 2));
    let listed = ok(zones.list_zones(Request::new(v1::ListZonesRequest::default())).await);
    let names: Vec<&str> = listed.zones.iter().map(|zone| zone.name.as_str()).collect();
    assert_eq!((names, listed.hushed_pings), (vec!["zones/far", "zones/near"], 0));

    let delete = || zones.delete_zone(Request::new(v1::DeleteZoneRequest { name: "zones/near".into() }));
    ok(delete().await);
    assert_eq!(heard(), 2);
    refused(delete().await, Code::NotFound);
    refused(get("near").await, Code::NotFound);
}

#[tokio::test]
async fn a_batch_of_zones_is_taken_whole_or_not_at_all() {
    let bench = bench().await;
    let zones = ZonesService::new(bench.catalogue.clone(), HushedPings::default());
    let batch = |zones_of: Vec<v1::Zone>| {
        zones.batch_upsert_zones(Request::new(v1::BatchUpsertZonesRequest { zones: zones_of }))
    };
    invalid(batch(vec![]).await, "zones");
    let bad = v1::Zone { kind: 77, ..zone("b", 39.8) };
    assert_eq!(
        refused(batch(vec![zone("a", 39.744), bad, zone("a", 39.8)]).await, Code::InvalidArgument),
        ["zones[1].kind", "zones[2].name"]
    );
    assert!(bench.catalogue.shelf().zones.is_empty());
    let answer = ok(batch(vec![zone("a", 39.744), zone("b", 39.8)]).await);
    assert_eq!((answer.created, answer.updated, answer.silent_regions.len()), (2, 0, 2));
    let answer = ok(batch(vec![zone("b", 39.8), zone("c", 39.9)]).await);
    assert_eq!((answer.created, answer.updated, answer.silent_regions.len()), (1, 1, 0));
}

#[tokio::test]
async fn a_region_over_a_zone_is_refused_by_the_name_of_the_zone() {
    let bench = bench().await;
    let zones = ZonesService::new(bench.catalogue.clone(), HushedPings::default());
    ok(zones.create_zone(Request::new(v1::CreateZoneRequest { zone: Some(zone("st-anne", 39.75)) })).await);
    let over = |latitude| {
        let center = Some(v1::LatLng { latitude, longitude: -104.99 });
        let circle = v1::region::Extent::Circle(v1::Circle { center, radius_m: 40.0 });
        v1::Region { extent: Some(circle), ..region("new", "welton") }
    };
    let create = |region| bench.regions.create_region(Request::new(v1::CreateRegionRequest { region: Some(region) }));
    let status = create(over(39.7505)).await.unwrap_err();
    assert!(status.message().contains("zones/st-anne (clinic)"), "{status}");
    invalid(create(over(39.7505)).await, "region.circle");
    let batch = v1::BatchUpsertRegionsRequest { places: vec![], regions: vec![over(39.75)] };
    invalid(bench.regions.batch_upsert_regions(Request::new(batch)).await, "regions[0].circle");
    ok(create(over(39.751)).await);
    let update = v1::UpdateRegionRequest {
        region: Some(over(39.75)),
        update_mask: mask(&["circle.center"]),
        allow_missing: false,
    };
    invalid(bench.regions.update_region(Request::new(update)).await, "region.circle");
}

#[tokio::test]
async fn nothing_is_kept_of_a_ping_from_a_zone_but_its_number() {
    let (bench, ingest) = visited().await;
    let zones = ZonesService::new(bench.catalogue.clone(), ingest.hushed());
    // The zone comes while maya stands in it.
    let (before, _) = bench.records.load_customer(&maya()).unwrap().unwrap();
    ok(zones.create_zone(Request::new(v1::CreateZoneRequest { zone: Some(zone("st-anne", LAT)) })).await);
    let tables = || whereabouts(&bench.store);
    let earlier = tables();
    assert_eq!(come(&ingest, 31..=33).await, 0, "it is kept");
    assert_eq!(come(&ingest, 31..=33).await, 4, "and known when it comes again");
    let (after, _) = bench.records.load_customer(&maya()).unwrap().unwrap();
    let own = after.devices.values().next().unwrap();
    assert_eq!(own.kept.highest(), Sequence(38));
    assert!(own.presence.track.is_none() && own.presence.fences.is_empty() && own.order.waiting.is_empty());
    assert_eq!(own.presence, own.history);
    assert!(after.held.is_empty() && after.visits == before.visits && after.stages == before.stages);
    let added: Vec<_> = tables().into_iter().filter(|own| !earlier.contains(own)).collect();
    assert_eq!(added, [], "no decision, no trigger, no trace");
    assert!(!tables().iter().any(|(table, _)| *table == Table::Customers) || !before.visits.brands.is_empty());
    let listed = ok(zones.list_zones(Request::new(v1::ListZonesRequest::default())).await);
    assert_eq!(listed.hushed_pings, 4);
    ingest.tick(&maya(), NOW + Millis::from_hours(9)).await.unwrap();
    let added: Vec<_> = tables().into_iter().filter(|own| !earlier.contains(own)).collect();
    assert_eq!(added, [], "nor does silence tell");
}
