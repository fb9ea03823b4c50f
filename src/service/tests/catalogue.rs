//! Places, regions and campaigns.

use super::*;
use crate::engine::Catalogue;
use crate::store::{CatalogueChange, Expect};

#[tokio::test]
async fn a_place_is_made_changed_and_deleted() {
    let Bench { regions, .. } = bench().await;
    let create = |place| regions.create_place(Request::new(v1::CreatePlaceRequest { place }));
    let update = |place, update_mask, allow_missing| {
        let request = v1::UpdatePlaceRequest { place: Some(place), update_mask, allow_missing };
        regions.update_place(Request::new(request))
    };
    let get = |name: &str| regions.get_place(Request::new(v1::GetPlaceRequest { name: name.into() }));
    let delete = |name: &str| regions.delete_place(Request::new(v1::DeletePlaceRequest { name: name.into() }));

    invalid(create(None).await, "place");
    invalid(create(Some(v1::Place { time_zone: "Mars".into(), ..place("x") })).await, "place.time_zone");
    refused(create(Some(place("welton"))).await, Code::AlreadyExists);
    assert_eq!(ok(create(Some(place("x"))).await).place.unwrap().display_name, "x");

    let changed = v1::Place { brand: "bean".into(), ..named("places/x") };
    let after = ok(update(changed.clone(), None, false).await).place.unwrap();
    assert_eq!((after.brand.as_str(), after.time_zone.as_str()), ("bean", "America/Denver"));
    invalid(update(changed.clone(), mask(&["colour"]), false).await, "update_mask.paths[0]");
    invalid(update(changed.clone(), mask(&["*"]), false).await, "place.time_zone");
    invalid(update(named("x"), None, false).await, "place.name");
    refused(update(place("y"), None, false).await, Code::NotFound);
    ok(update(place("y"), None, true).await);
    assert_eq!(ok(get("places/x").await).place, Some(after));

    invalid(get("regions/x").await, "name");
    refused(get("places/z").await, Code::NotFound);
    invalid(delete("x").await, "name");
    refused(delete("places/z").await, Code::NotFound);
    refused(delete("places/welton").await, Code::FailedPrecondition);
    ok(delete("places/x").await);
    refused(get("places/x").await, Code::NotFound);
}

#[tokio::test]
async fn a_region_is_live_at_once_and_after_a_restart() {
    let Bench { regions, catalogue, records, .. } = bench().await;
    let door = RegionId::parse("", "new-door").unwrap();
    let before = catalogue.snapshot();
    let create = |region| regions.create_region(Request::new(v1::CreateRegionRequest { region: Some(region) }));
    invalid(create(region("new-door", "nowhere")).await, "region.place");
    ok(create(region("new-door", "welton")).await);
    assert!(before.atlas.site(&door).is_none(), "a reader keeps the snapshot that it began with");
    assert_eq!(catalogue.snapshot().atlas.site(&door).unwrap().place.id.as_str(), "welton");
    let again = CatalogueCell::load(records).unwrap();
    assert_eq!(again.snapshot().atlas.len(), 3);
    assert!(again.snapshot().campaigns.get(&CampaignId::parse("", "latte").unwrap()).is_some());

    let points = [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)];
    let points = points.map(|(latitude, longitude)| v1::LatLng { latitude, longitude }).to_vec();
    let bow_tie = v1::region::Extent::Polygon(v1::Polygon { rings: vec![v1::Ring { points }] });
    let crossed = v1::Region { extent: Some(bow_tie), ..region("bow-tie", "welton") };
    invalid(create(crossed).await, "region.polygon.rings[0]");

    let delete = |name: &str| regions.delete_region(Request::new(v1::DeleteRegionRequest { name: name.into() }));
    refused(delete("regions/welton-door").await, Code::FailedPrecondition);
    ok(delete("regions/new-door").await);
    assert!(catalogue.snapshot().atlas.site(&door).is_none());
}

#[tokio::test]
async fn a_batch_is_taken_whole_or_not_at_all() {
    let Bench { regions, catalogue, .. } = bench().await;
    let upsert = |places, regions_| {
        regions.batch_upsert_regions(Request::new(v1::BatchUpsertRegionsRequest { places, regions: regions_ }))
    };
    let bad = v1::Region { extent: None, ..region("a", "welton") };
    let fields = refused(
        upsert(vec![place("new"), named("new")], vec![region("b", "new"), bad, region("b", "new")]).await,
        Code::InvalidArgument,
    );
    assert_eq!(fields, ["places[1].name", "regions[1].extent", "regions[2].name"]);
    let lost = refused(
        upsert(vec![place("new")], vec![region("b", "new"), region("c", "nowhere")]).await,
        Code::InvalidArgument,
    );
    assert_eq!(lost, ["regions[1].place"]);
    invalid(upsert(Vec::new(), vec![v1::Region::default(); 10_001]).await, "regions");
    assert_eq!(catalogue.shelf().regions.len(), 2);
    let counts = ok(upsert(vec![place("new"), place("welton")], vec![region("b", "new")]).await);
    assert_eq!((counts.created, counts.updated), (2, 1));
    assert_eq!(catalogue.snapshot().atlas.len(), 3);
}

#[tokio::test]
async fn whoever_registers_a_region_hears_what_to_expect_of_it() {
    let Bench { regions, .. } = bench().await;
    let circle = |latitude, radius_m| {
        let center = Some(v1::LatLng { latitude, longitude: 10.0 });
        Some(v1::region::Extent::Circle(v1::Circle { center, radius_m }))
    };
    let sized =
        |id: &str, latitude, radius_m| v1::Region { extent: circle(latitude, radius_m), ..region(id, "welton") };
    let said = |warnings: Vec<v1::RegionWarning>| -> Vec<_> {
        warnings.into_iter().map(|w| (w.region.clone(), w.kind(), w.severity())).collect()
    };
    let (small, overlaps) = (v1::RegionWarningKind::TooSmall, v1::RegionWarningKind::Overlaps);
    let (note, warning) = (v1::RegionWarningSeverity::Note, v1::RegionWarningSeverity::Warning);
    let create = |region| regions.create_region(Request::new(v1::CreateRegionRequest { region: Some(region) }));
    assert_eq!(said(ok(create(sized("a", 10.0, 40.0)).await).warnings), []);
    assert_eq!(said(ok(create(sized("b", 20.0, 10.0)).await).warnings), [("regions/b".into(), small, warning)]);
    let update = v1::UpdateRegionRequest {
        region: Some(sized("b", 20.0, 20.0)),
        update_mask: mask(&["circle"]),
        allow_missing: false,
    };
    let updated = ok(regions.update_region(Request::new(update)).await);
    assert_eq!(said(updated.warnings), [("regions/b".into(), small, note)]);
    // Two that overlap, and one of them overlaps one that was there.
    let batch = vec![sized("c", 30.0, 40.0), sized("d", 30.0004, 40.0), sized("e", 10.0003, 40.0)];
    let batch = v1::BatchUpsertRegionsRequest { places: Vec::new(), regions: batch };
    let warnings = ok(regions.batch_upsert_regions(Request::new(batch)).await).warnings;
    let expected = [("regions/d".into(), overlaps, note), ("regions/e".into(), overlaps, note)];
    assert_eq!(said(warnings), expected);
}

#[tokio::test]
async fn a_list_is_filtered_and_comes_in_pages() {
    let Bench { regions, .. } = bench().await;
    let all = (0..25).map(|n| region(&format!("r{n:02}"), "tremont")).collect();
    let batch = v1::BatchUpsertRegionsRequest { places: Vec::new(), regions: all };
    ok(regions.batch_upsert_regions(Request::new(batch)).await);
    let list = |place: &str, tag: &str, token: &str| {
        let page = Some(v1::Page { size: 10, token: token.into() });
        let request = v1::ListRegionsRequest {
            page,
            place: place.into(),
            tag: tag.into(),
            ..v1::ListRegionsRequest::default()
        };
        regions.list_regions(Request::new(request))
    };
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let page = ok(list("", "near-tremont", &token).await);
        names.extend(page.regions.into_iter().map(|region| region.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        invalid(list("places/tremont", "near-tremont", &token).await, "page.token");
    }
    assert_eq!(names.len(), 26);
    assert!(names.is_sorted());
    assert_eq!(ok(list("places/welton", "", "").await).regions.len(), 1);
    invalid(list("welton", "", "").await, "place");
    invalid(list("", "-", "").await, "tag");
    let request = v1::ListPlacesRequest { brand: "bean".into(), ..v1::ListPlacesRequest::default() };
    assert!(ok(regions.list_places(Request::new(request)).await).places.is_empty());
}

#[tokio::test]
async fn a_campaign_speaks_about_regions_that_exist() {
    let Bench { campaigns, catalogue, .. } = bench().await;
    let create = |campaign| campaigns.create_campaign(Request::new(v1::CreateCampaignRequest { campaign }));
    let mut lost = campaign("lost");
    lost.regions.as_mut().unwrap().regions.push("regions/nowhere".into());
    invalid(create(Some(lost)).await, "campaign.regions.regions");
    invalid(create(None).await, "campaign");
    refused(create(Some(campaign("latte"))).await, Code::AlreadyExists);

    let paused = v1::Campaign { name: "campaigns/latte".into(), paused: true, ..v1::Campaign::default() };
    let request =
        v1::UpdateCampaignRequest { campaign: Some(paused), update_mask: mask(&["paused"]), allow_missing: false };
    let after = ok(campaigns.update_campaign(Request::new(request)).await).campaign.unwrap();
    assert!(after.paused && after.topic == "offers");
    assert!(catalogue.snapshot().campaigns.get(&CampaignId::parse("", "latte").unwrap()).unwrap().paused);

    let list = |topic: &str| v1::ListCampaignsRequest { page: None, topic: topic.into() };
    assert_eq!(ok(campaigns.list_campaigns(Request::new(list("offers"))).await).campaigns, [after]);
    assert!(ok(campaigns.list_campaigns(Request::new(list("news"))).await).campaigns.is_empty());
    let get = || campaigns.get_campaign(Request::new(v1::GetCampaignRequest { name: "campaigns/latte".into() }));
    ok(get().await);
    let delete =
        || campaigns.delete_campaign(Request::new(v1::DeleteCampaignRequest { name: "campaigns/latte".into() }));
    ok(delete().await);
    refused(delete().await, Code::NotFound);
    refused(get().await, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_swapped_without_stopping_its_readers() {
    const CHANGES: u32 = 1_000;
    let Bench { catalogue, .. } = bench().await;
    let doors = ["welton-door", "tremont-door"].map(|id| RegionId::parse("", id).unwrap());
    // Both doors always change together.
    let radius = {
        let doors = doors.clone();
        move |snapshot: &Catalogue| {
            let [one, other] = doors.each_ref().map(|id| match &snapshot.atlas.site(id).unwrap().region.extent {
                Extent::Fence(Fence::Circle(circle)) => circle.radius.0,
                extent => panic!("{extent:?} is no circle"),
            });
            assert!(one.to_bits() == other.to_bits(), "half of a change is seen: {one} m and {other} m");
            one
        }
    };
    let held = catalogue.snapshot();
    let (first, last) = (radius(&held), 50.0 + f64::from(CHANGES - 1));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (catalogue, radius) = (catalogue.clone(), radius.clone());
            std::thread::spawn(move || {
                let (mut before, mut reads) = (0.0, 0_usize);
                while before < last {
                    let now = radius(&catalogue.snapshot());
                    assert!(now >= before || before.to_bits() == first.to_bits(), "{now} m came after {before} m");
                    (before, reads) = (now, reads + 1);
                }
                reads
            })
        })
        .collect();
    for n in 0..CHANGES {
        let doors = doors.clone();
        let change = catalogue.change(move |shelf| {
            let put = doors.iter().map(|id| {
                let mut region = Region::clone(&shelf.regions[id]);
                let Extent::Fence(Fence::Circle(circle)) = &mut region.extent else { panic!("no circle") };
                circle.radius = Metres(50.0 + f64::from(n));
                CatalogueChange::PutRegion(region, Expect::Any)
            });
            Ok((put.collect(), ()))
        });
        change.await.unwrap();
    }
    for reader in readers {
        let reads = reader.join().unwrap();
        assert!(reads > CHANGES as usize, "a reader stood still: {reads} reads in {CHANGES} changes");
    }
    assert!(radius(&held).to_bits() == first.to_bits(), "who holds a snapshot keeps it");
}
