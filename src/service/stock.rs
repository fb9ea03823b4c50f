//! What places, regions, campaigns, journeys, topics and zones have in common: the standard methods of things in the catalogue.

use super::catalogue::{CatalogueCell, Shelf};
use super::errors::Failure;
use super::page::Wanted;
use crate::model::{
    Campaign, CampaignId, Invalid, Journey, JourneyId, Place, PlaceId, Region, RegionId, Topic, TopicId, Zone, ZoneId,
};
use crate::store::{CatalogueChange, Expect};
use crate::wire::mask::{Maskable, merge};
use crate::wire::{name, required, v1};
use prost_types::FieldMask;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Bound;
use std::sync::Arc;

/// A thing in the catalogue.
pub(super) trait Item: TryFrom<Self::Wire, Error = Invalid> + Send + Sync + 'static {
    /// Its id.
    type Id: Ord + Display + Clone + Send + 'static;
    /// The message that carries it.
    type Wire: Maskable + prost::Message + for<'a> From<&'a Self> + Send;
    /// The field of a request that carries it.
    const FIELD: &'static str;

    fn id(&self) -> &Self::Id;
    fn wire_name(wire: &Self::Wire) -> &str;
    fn parse_name(field: &str, name: &str) -> Result<Self::Id, Invalid>;
    fn parse_id(field: &str, id: &str) -> Result<Self::Id, Invalid>;
    fn name(id: &Self::Id) -> String;
    fn all(shelf: &Shelf) -> &BTreeMap<Self::Id, Arc<Self>>;
    /// Whether it fits with the rest of the catalogue.
    fn check(&self, shelf: &Shelf) -> Result<(), Invalid>;
    fn put(self, expect: Expect) -> CatalogueChange;
}

/// Adds a thing.
pub(super) async fn create<I: Item>(cell: &CatalogueCell, wire: Option<I::Wire>) -> Result<I::Wire, Failure> {
    let item = parse::<I>(required(I::FIELD, wire)?)?;
    cell.change(move |shelf| {
        if I::all(shelf).contains_key(item.id()) {
            return Err(Failure::AlreadyExists { name: I::name(item.id()) });
        }
        put(shelf, item, Expect::Absent)
    })
    .await
}

/// Returns a thing by its name.
pub(super) fn get<I: Item>(cell: &CatalogueCell, name: &str) -> Result<I::Wire, Failure> {
    let id = I::parse_name("name", name)?;
    I::all(&cell.shelf()).get(&id).map(|item| I::Wire::from(item.as_ref())).ok_or_else(|| missing::<I>(&id))
}

/// Returns a page of the things that `keep` keeps, by id.
pub(super) fn list<I: Item>(
    cell: &CatalogueCell,
    wanted: &Wanted,
    keep: impl Fn(&I, &Shelf) -> bool,
) -> Result<(Vec<I::Wire>, String), Failure> {
    let shelf = cell.shelf();
    let start = wanted.after_id(I::parse_id)?.map_or(Bound::Unbounded, Bound::Excluded);
    let kept = I::all(&shelf).range((start, Bound::Unbounded)).filter(|(_, item)| keep(item, &shelf));
    Ok(wanted.take(kept.map(|(id, item)| (id, I::Wire::from(item.as_ref())))))
}

/// Changes the named fields of a thing.
pub(super) async fn update<I: Item>(
    cell: &CatalogueCell,
    wire: Option<I::Wire>,
    mask: Option<FieldMask>,
    allow_missing: bool,
) -> Result<I::Wire, Failure> {
    let patch = required(I::FIELD, wire)?;
    let id = I::parse_name("name", I::wire_name(&patch)).map_err(|why| why.under(I::FIELD))?;
    cell.change(move |shelf| match I::all(shelf).get(&id) {
        Some(item) => {
            put(shelf, parse::<I>(merge(I::Wire::from(item.as_ref()), &patch, mask.as_ref())?)?, Expect::Any)
        }
        None if allow_missing => put(shelf, parse::<I>(patch)?, Expect::Absent),
        None => Err(missing::<I>(&id)),
    })
    .await
}

/// There is no such thing.
pub(super) fn missing<I: Item>(id: &I::Id) -> Failure {
    Failure::NotFound { name: I::name(id) }
}

fn parse<I: Item>(wire: I::Wire) -> Result<I, Invalid> {
    I::try_from(wire).map_err(|why| why.under(I::FIELD))
}

fn put<I: Item>(shelf: &Shelf, item: I, expect: Expect) -> Result<(Vec<CatalogueChange>, I::Wire), Failure> {
    item.check(shelf).map_err(|why| why.under(I::FIELD))?;
    let wire = I::Wire::from(&item);
    Ok((vec![item.put(expect)], wire))
}

macro_rules! item {
    ($model:ident, $id:ident, $field:literal, $parse:ident, $format:ident, $all:ident, $put:expr, $check:expr) => {
        impl Item for $model {
            type Id = $id;
            type Wire = v1::$model;
            const FIELD: &'static str = $field;

            fn id(&self) -> &$id {
                &self.id
            }
            fn wire_name(wire: &v1::$model) -> &str {
                &wire.name
            }
            fn parse_name(field: &str, name: &str) -> Result<$id, Invalid> {
                name::$parse(field, name)
            }
            fn parse_id(field: &str, id: &str) -> Result<$id, Invalid> {
                $id::parse(field, id)
            }
            fn name(id: &$id) -> String {
                name::$format(id)
            }
            fn all(shelf: &Shelf) -> &BTreeMap<$id, Arc<Self>> {
                &shelf.$all
            }
            fn check(&self, shelf: &Shelf) -> Result<(), Invalid> {
                let check: fn(&Shelf, &Self) -> Result<(), Invalid> = $check;
                check(shelf, self)
            }
            fn put(self, expect: Expect) -> CatalogueChange {
                let put: fn(Self, Expect) -> CatalogueChange = $put;
                put(self, expect)
            }
        }
    };
}

item!(Place, PlaceId, "place", place, place_name, places, CatalogueChange::PutPlace, |_, _| Ok(()));
item!(Region, RegionId, "region", region, region_name, regions, CatalogueChange::PutRegion, Shelf::check_region);
item!(
    Campaign,
    CampaignId,
    "campaign",
    campaign,
    campaign_name,
    campaigns,
    |campaign, expect| CatalogueChange::PutCampaign(Box::new(campaign), expect),
    Shelf::check_campaign
);
item!(
    Journey,
    JourneyId,
    "journey",
    journey,
    journey_name,
    journeys,
    |journey, expect| CatalogueChange::PutJourney(Box::new(journey), expect),
    Shelf::check_journey
);
item!(Zone, ZoneId, "zone", zone, zone_name, zones, CatalogueChange::PutZone, Shelf::check_zone);
item!(Topic, TopicId, "topic", topic, topic_name, topics, CatalogueChange::PutTopic, Shelf::check_topic);
