//! Which campaigns apply where.

use super::{campaign, id, place, region};
use crate::model::{Campaign, RegionSelector, TransitionKind};
use crate::qualify::CampaignBook;
use std::sync::Arc;

fn selecting(name: &str, regions: &[&str], brands: &[&str], tags: &[&str]) -> Campaign {
    let regions = RegionSelector {
        regions: regions.iter().map(|name| id!(RegionId, name)).collect(),
        brands: brands.iter().map(|name| id!(BrandId, name)).collect(),
        tags: tags.iter().map(|name| id!(Tag, name)).collect(),
    };
    Campaign { regions, ..campaign(name) }
}

fn check(kind: TransitionKind, door: &str, brand: &str, region_tags: &[&str], place_tags: &[&str], found: &[&str]) {
    let book = CampaignBook::build(
        [
            selecting("tagged", &[], &[], &["mall", "airport"]),
            selecting("both", &["door"], &["roost"], &["mall"]),
            selecting("branded", &[], &["roost"], &[]),
            selecting("named", &["door", "gate"], &[], &[]),
            Campaign { on: TransitionKind::Dwell, ..selecting("dwelling", &["door"], &["roost"], &[]) },
            Campaign { on: TransitionKind::Exit, paused: true, ..selecting("leaving", &["door"], &[], &[]) },
        ]
        .map(Arc::new),
    );
    let (mut region, mut place) = (region(door, "p"), place("p", brand));
    region.tags = region_tags.iter().map(|tag| id!(Tag, tag)).collect();
    place.tags = place_tags.iter().map(|tag| id!(Tag, tag)).collect();
    let applying: Vec<_> = book.applying(&region, &place, kind).map(|campaign| campaign.id.as_str()).collect();
    assert_eq!(applying, found);
    for name in found {
        assert_eq!(book.get(&id!(CampaignId, name)).unwrap().id.as_str(), *name);
    }
}

#[test]
fn each_applies_once_by_region_brand_or_tag() {
    use TransitionKind::{Dwell, Enter, Exit};
    check(Enter, "door", "roost", &["mall", "airport"], &["mall"], &["both", "branded", "named", "tagged"]);
    check(Enter, "gate", "none", &[], &[], &["named"]);
    check(Enter, "hall", "none", &[], &["airport"], &["tagged"]);
    check(Enter, "hall", "none", &["quiet"], &[], &[]);
    check(Enter, "hall", "roost", &[], &[], &["both", "branded"]);
    check(Dwell, "door", "roost", &["mall"], &[], &["dwelling"]);
    check(Exit, "door", "roost", &["mall"], &[], &["leaving"]);
}

#[test]
fn of_one_id_the_last_counts_and_an_empty_book_has_none() {
    let book = CampaignBook::build(
        [selecting("a", &["door"], &[], &[]), selecting("a", &[], &["roost"], &[])].map(Arc::new),
    );
    assert_eq!(book.applying(&region("door", "p"), &place("p", "none"), TransitionKind::Enter).count(), 0);
    assert_eq!(book.applying(&region("door", "p"), &place("p", "roost"), TransitionKind::Enter).count(), 1);
    assert_eq!(book.get(&id!(CampaignId, "b")), None);
    assert_eq!(CampaignBook::default().get(&id!(CampaignId, "a")), None);
}
