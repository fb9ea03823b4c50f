//! Places, regions, campaigns, journeys, topics and zones.

use super::{PAGE_MAX, Records, decode, put};
use crate::model::{
    Campaign, CampaignId, Journey, JourneyId, Place, PlaceId, Region, RegionId, Topic, TopicId, Zone, ZoneId,
};
use crate::store::{CommitError, Expect, Revision, Scan, StoreError, Table, Write};
use crate::wire::record::Record;

/// All places, regions, campaigns, journeys, topics and zones, each by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredCatalogue {
    /// The places.
    pub places: Vec<Place>,
    /// The regions.
    pub regions: Vec<Region>,
    /// The campaigns.
    pub campaigns: Vec<Campaign>,
    /// The journeys.
    pub journeys: Vec<Journey>,
    /// The topics.
    pub topics: Vec<Topic>,
    /// The zones.
    pub zones: Vec<Zone>,
}

/// One change of the catalogue, and what must be there before.
#[derive(Debug, Clone, PartialEq)]
pub enum CatalogueChange {
    /// Adds or replaces a place.
    PutPlace(Place, Expect),
    /// Deletes a place, if there is one.
    DeletePlace(PlaceId, Expect),
    /// Adds or replaces a region.
    PutRegion(Region, Expect),
    /// Deletes a region, if there is one.
    DeleteRegion(RegionId, Expect),
    /// Adds or replaces a campaign.
    PutCampaign(Box<Campaign>, Expect),
    /// Deletes a campaign, if there is one.
    DeleteCampaign(CampaignId, Expect),
    /// Adds or replaces a journey.
    PutJourney(Box<Journey>, Expect),
    /// Deletes a journey, if there is one.
    DeleteJourney(JourneyId, Expect),
    /// Adds or replaces a topic.
    PutTopic(Topic, Expect),
    /// Deletes a topic, if there is one.
    DeleteTopic(TopicId, Expect),
    /// Adds or replaces a zone.
    PutZone(Zone, Expect),
    /// Deletes a zone, if there is one.
    DeleteZone(ZoneId, Expect),
}

impl Records {
    /// Reads the whole catalogue.
    pub fn load_catalogue(&self) -> Result<StoredCatalogue, StoreError> {
        Ok(StoredCatalogue {
            places: self.all(Table::Places)?,
            regions: self.all(Table::Regions)?,
            campaigns: self.all(Table::Campaigns)?,
            journeys: self.all(Table::Journeys)?,
            topics: self.all(Table::Topics)?,
            zones: self.all(Table::Zones)?,
        })
    }

    /// Makes all of the changes in one commit, or none of them.
    pub async fn commit_catalogue(&self, changes: Vec<CatalogueChange>) -> Result<Revision, CommitError> {
        self.store.commit(changes.into_iter().map(write).collect()).await
    }

    fn all<R: Record>(&self, table: Table) -> Result<Vec<R>, StoreError> {
        let mut all = Vec::new();
        let mut scan = Scan { limit: PAGE_MAX, ..Scan::default() };
        loop {
            let entries = self.store.scan(table, &scan)?;
            for entry in &entries {
                all.push(decode(table, entry)?);
            }
            match entries.last() {
                Some(last) if entries.len() == PAGE_MAX => scan.after = Some(last.key.clone()),
                Some(_) | None => return Ok(all),
            }
        }
    }
}

fn write(change: CatalogueChange) -> Write {
    let key = |id: &str| id.as_bytes().to_vec();
    let delete = |table, id: &str, expect| Write::Delete { table, key: key(id), expect };
    match change {
        CatalogueChange::PutPlace(place, expect) => put(Table::Places, key(place.id.as_str()), &place, expect),
        CatalogueChange::DeletePlace(place, expect) => delete(Table::Places, place.as_str(), expect),
        CatalogueChange::PutRegion(region, expect) => put(Table::Regions, key(region.id.as_str()), &region, expect),
        CatalogueChange::DeleteRegion(region, expect) => delete(Table::Regions, region.as_str(), expect),
        CatalogueChange::PutCampaign(campaign, expect) => {
            put(Table::Campaigns, key(campaign.id.as_str()), &*campaign, expect)
        }
        CatalogueChange::DeleteCampaign(campaign, expect) => delete(Table::Campaigns, campaign.as_str(), expect),
        CatalogueChange::PutJourney(journey, expect) => {
            put(Table::Journeys, key(journey.id.as_str()), &*journey, expect)
        }
        CatalogueChange::DeleteJourney(journey, expect) => delete(Table::Journeys, journey.as_str(), expect),
        CatalogueChange::PutTopic(topic, expect) => put(Table::Topics, key(topic.id.as_str()), &topic, expect),
        CatalogueChange::DeleteTopic(topic, expect) => delete(Table::Topics, topic.as_str(), expect),
        CatalogueChange::PutZone(zone, expect) => put(Table::Zones, key(zone.id.as_str()), &zone, expect),
        CatalogueChange::DeleteZone(zone, expect) => delete(Table::Zones, zone.as_str(), expect),
    }
}
