//! The catalogue that is live: read without waiting, changed one commit after another.
//!
//! A change is decided against the catalogue as it was last committed, checked, committed, built into the next
//! snapshot, and swapped in. Readers hold the snapshot that they began with, and never stop.

use super::errors::Failure;
use super::task;
use crate::engine::Catalogue;
use crate::locate::{Shape, Zones};
use crate::message::{self, MessageBook};
use crate::model::topic::TOPICS_MAX;
use crate::model::zone::ZONES_MAX;
use crate::model::{
    Campaign, CampaignId, Extent, Fence, Invalid, Journey, JourneyId, Place, PlaceId, Region, RegionId, Topic,
    TopicId, Zone, ZoneId,
};
use crate::qualify::{CampaignBook, JourneyBook};
use crate::store::{CatalogueChange, CommitError, Records, StoreError, Table};
use crate::wire::name;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The live catalogue. Clones share it.
#[derive(Clone)]
pub struct CatalogueCell {
    live: Arc<ArcSwap<Live>>,
    records: Records,
    changing: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Live {
    shelf: Arc<Shelf>,
    catalogue: Arc<Catalogue>,
}

/// Everything in the catalogue by its id.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// The places, with and without regions.
    pub places: BTreeMap<PlaceId, Arc<Place>>,
    /// The regions. Their places exist.
    pub regions: BTreeMap<RegionId, Arc<Region>>,
    /// The campaigns. The regions that they name exist.
    pub campaigns: BTreeMap<CampaignId, Arc<Campaign>>,
    /// The journeys. The stages that campaigns and rules name exist.
    pub journeys: BTreeMap<JourneyId, Arc<Journey>>,
    /// The topics that are registered; campaigns may name others.
    pub topics: BTreeMap<TopicId, Arc<Topic>>,
    /// The sensitive places.
    pub zones: BTreeMap<ZoneId, Arc<Zone>>,
    /// The regions that keep silent, since they share ground with these zones.
    pub silenced: BTreeMap<RegionId, Vec<ZoneId>>,
    /// The sensitive places, by position.
    pub guard: Arc<Zones>,
}

impl CatalogueCell {
    /// Loads the catalogue. A region or campaign that does not fit the rest counts as damaged.
    pub fn load(records: Records) -> Result<Self, StoreError> {
        let stored = records.load_catalogue()?;
        let shelf = Shelf {
            places: stored.places.into_iter().map(|place| (place.id.clone(), Arc::new(place))).collect(),
            regions: stored.regions.into_iter().map(|region| (region.id.clone(), Arc::new(region))).collect(),
            campaigns: stored.campaigns.into_iter().map(|own| (own.id.clone(), Arc::new(own))).collect(),
            journeys: stored.journeys.into_iter().map(|own| (own.id.clone(), Arc::new(own))).collect(),
            topics: stored.topics.into_iter().map(|own| (own.id.clone(), Arc::new(own))).collect(),
            zones: stored.zones.into_iter().map(|own| (own.id.clone(), Arc::new(own))).collect(),
            ..Shelf::default()
        };
        let live = Live::build(shelf, &Live::default()).map_err(|why| StoreError::Damaged {
            table: Table::Regions,
            key: why.field.clone(),
            problem: why.problem.clone(),
        })?;
        Ok(Self { live: Arc::new(ArcSwap::from_pointee(live)), records, changing: Arc::default() })
    }

    /// What the engine decides by, as it stands now.
    pub fn snapshot(&self) -> Arc<Catalogue> {
        Arc::clone(&self.live.load().catalogue)
    }

    /// The same by id, for people.
    pub fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.live.load().shelf)
    }

    /// Changes the catalogue as `decide` says, all of it or nothing. On `Ok` the change is durable, and live for
    /// the next ping. A caller that goes away does not stop a change that has begun.
    pub async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&Shelf) -> Result<(Vec<CatalogueChange>, T), Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = Arc::clone(&self.changing).lock_owned().await;
        let cell = self.clone();
        task::to_the_end(async move {
            let _turn = turn;
            cell.change_in_turn(decide).await
        })
        .await
    }

    async fn change_in_turn<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&Shelf) -> Result<(Vec<CatalogueChange>, T), Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let before = self.live.load_full();
        // Checking and indexing thousands of polygons takes its time, which pings must not wait for.
        let built = tokio::task::spawn_blocking(move || {
            let (changes, answer) = decide(&before.shelf)?;
            let mut shelf = Shelf::clone(&before.shelf);
            for change in &changes {
                shelf.apply(change);
            }
            let next = Live::build(shelf, &before)?;
            Ok::<_, Failure>((changes, next, answer))
        });
        let (changes, next, answer) = task::joined(built.await)??;
        self.records.commit_catalogue(changes).await.map_err(|error| match error {
            CommitError::Conflict { .. } => Failure::Contended { name: "the catalogue".to_owned() },
            CommitError::Store(error) => Failure::Store(error),
        })?;
        self.live.store(Arc::new(next));
        Ok(answer)
    }
}

impl Live {
    fn build(mut shelf: Shelf, before: &Self) -> Result<Self, Invalid> {
        let places = shelf.places.values().cloned();
        let mut atlas = before.catalogue.atlas.rebuild(places, shelf.regions.values().cloned())?;
        // Ten thousand zones take their time to prepare, and seldom change.
        let same = shelf.zones.len() == before.shelf.zones.len()
            && shelf.zones.values().zip(before.shelf.zones.values()).all(|(own, other)| Arc::ptr_eq(own, other));
        if !same {
            shelf.guard = Arc::new(Zones::build(shelf.zones.values().cloned())?);
        }
        let zones = Arc::clone(&shelf.guard);
        shelf.silenced = zones.silenced(&atlas);
        if !shelf.silenced.is_empty() {
            atlas = atlas.without(&shelf.silenced);
        }
        let campaigns = CampaignBook::with_topics(shelf.campaigns.values().cloned(), shelf.topics.values().cloned());
        let messages = MessageBook::build(shelf.campaigns.values());
        let journeys = JourneyBook::build(shelf.journeys.values().cloned());
        Ok(Self {
            shelf: Arc::new(shelf),
            catalogue: Arc::new(Catalogue { atlas, campaigns, journeys, zones, messages }),
        })
    }
}

impl Shelf {
    /// Checks that a region fits in: its place exists, its fence can be measured, and shares no ground with
    /// a sensitive place. The field is a path within
    /// the region.
    pub fn check_region(&self, region: &Region) -> Result<(), Invalid> {
        if !self.places.contains_key(&region.place) {
            return Err(Invalid::new(
                "place",
                format!("is {}, which does not exist", name::place_name(&region.place)),
            ));
        }
        match &region.extent {
            Extent::Fence(fence) => {
                let shape = Shape::prepare(fence)?;
                self.guard.under(fence, &shape).first().map_or(Ok(()), |zone| Err(sensitive(fence, zone)))
            }
            Extent::Beacon(_) => Ok(()),
        }
    }

    /// Checks that a campaign fits in: the regions and stages that it names exist, and its templates print. The field is a path within the
    /// campaign.
    pub fn check_campaign(&self, campaign: &Campaign) -> Result<(), Invalid> {
        match campaign.regions.regions.iter().find(|region| !self.regions.contains_key(*region)) {
            None => message::check(campaign).and_then(|()| self.check_stages_of(campaign)),
            Some(region) => {
                let problem = format!("has {}, which does not exist", name::region_name(region));
                Err(Invalid::new("regions.regions", problem))
            }
        }
    }

    /// Checks that there is room for a topic.
    pub fn check_topic(&self, topic: &Topic) -> Result<(), Invalid> {
        if self.topics.len() < TOPICS_MAX || self.topics.contains_key(&topic.id) {
            return Ok(());
        }
        Err(Invalid::new("name", format!("is new, but there are {TOPICS_MAX} topics; delete one first")))
    }

    /// Checks that there is room for a zone, and that it can be measured.
    pub fn check_zone(&self, zone: &Zone) -> Result<(), Invalid> {
        if self.zones.len() >= ZONES_MAX && !self.zones.contains_key(&zone.id) {
            return Err(Invalid::new("name", format!("is new, but there are {ZONES_MAX} zones; delete one first")));
        }
        Shape::prepare(&zone.fence).map(drop)
    }

    fn apply(&mut self, change: &CatalogueChange) {
        match change {
            CatalogueChange::PutPlace(place, _) => {
                self.places.insert(place.id.clone(), Arc::new(place.clone()));
            }
            CatalogueChange::PutRegion(region, _) => {
                self.regions.insert(region.id.clone(), Arc::new(region.clone()));
            }
            CatalogueChange::PutCampaign(campaign, _) => {
                self.campaigns.insert(campaign.id.clone(), Arc::from(campaign.clone()));
            }
            CatalogueChange::PutJourney(journey, _) => {
                self.journeys.insert(journey.id.clone(), Arc::from(journey.clone()));
            }
            CatalogueChange::PutTopic(topic, _) => {
                self.topics.insert(topic.id.clone(), Arc::new(topic.clone()));
            }
            CatalogueChange::PutZone(zone, _) => {
                self.zones.insert(zone.id.clone(), Arc::new(zone.clone()));
            }
            CatalogueChange::DeletePlace(id, _) => drop(self.places.remove(id)),
            CatalogueChange::DeleteRegion(id, _) => drop(self.regions.remove(id)),
            CatalogueChange::DeleteCampaign(id, _) => drop(self.campaigns.remove(id)),
            CatalogueChange::DeleteJourney(id, _) => drop(self.journeys.remove(id)),
            CatalogueChange::DeleteTopic(id, _) => drop(self.topics.remove(id)),
            CatalogueChange::DeleteZone(id, _) => drop(self.zones.remove(id)),
        }
    }
}

/// The refusal of a region over a sensitive place.
fn sensitive(fence: &Fence, zone: &Zone) -> Invalid {
    let field = match fence {
        Fence::Circle(_) => "circle",
        Fence::Polygon(_) => "polygon",
        Fence::MultiPolygon(_) => "multi_polygon",
    };
    let (zone, what) = (name::zone_name(&zone.id), zone.kind.word());
    let problem =
        format!("shares ground with {zone} ({what}), a sensitive place in which nothing is decided; must keep off");
    Invalid::new(field, problem)
}
