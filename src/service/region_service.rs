//! Serves `RegionService`: places and regions.

use super::catalogue::{CatalogueCell, Shelf};
use super::errors::Failure;
use super::page::Wanted;
use super::stock;
use super::task::joined;
use crate::model::{BrandId, Invalid, Place, PlaceId, Region, RegionId, Tag};
use crate::store::{CatalogueChange, Expect};
use crate::wire::{lint, name, v1};
use std::collections::BTreeMap;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most places and regions of one batch.
const BATCH_MAX: usize = 10_000;

/// Serves `RegionService` over the live catalogue.
#[derive(Clone)]
pub(super) struct Regions {
    catalogue: CatalogueCell,
}

impl Regions {
    /// Serves and changes this catalogue.
    pub(super) fn new(catalogue: CatalogueCell) -> Self {
        Self { catalogue }
    }

    /// What there is to say about regions that were just stored.
    async fn warnings(&self, registered: Vec<RegionId>) -> Result<Vec<v1::RegionWarning>, Failure> {
        let catalogue = self.catalogue.snapshot();
        // Thousands of regions take their time, which pings must not wait for.
        let linted = tokio::task::spawn_blocking(move || lint::warnings(&catalogue.atlas, &registered));
        Ok(joined(linted.await)?)
    }
}

#[tonic::async_trait]
impl v1::region_service_server::RegionService for Regions {
    async fn create_place(
        &self,
        request: Request<v1::CreatePlaceRequest>,
    ) -> Result<Response<v1::CreatePlaceResponse>, Status> {
        let place = stock::create::<Place>(&self.catalogue, request.into_inner().place).await?;
        Ok(Response::new(v1::CreatePlaceResponse { place: Some(place) }))
    }

    async fn get_place(
        &self,
        request: Request<v1::GetPlaceRequest>,
    ) -> Result<Response<v1::GetPlaceResponse>, Status> {
        let place = stock::get::<Place>(&self.catalogue, &request.into_inner().name)?;
        Ok(Response::new(v1::GetPlaceResponse { place: Some(place) }))
    }

    async fn list_places(
        &self,
        request: Request<v1::ListPlacesRequest>,
    ) -> Result<Response<v1::ListPlacesResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "places", &request).map_err(Failure::from)?;
        let brand = filter(&request.brand, |id| BrandId::parse("brand", id))?;
        let tag = filter(&request.tag, |id| Tag::parse("tag", id))?;
        let (places, next_page_token) = stock::list::<Place>(&self.catalogue, &wanted, |place, _| {
            matches(brand.as_ref(), &place.brand) && tag.as_ref().is_none_or(|tag| place.tags.contains(tag))
        })?;
        Ok(Response::new(v1::ListPlacesResponse { places, next_page_token }))
    }

    async fn update_place(
        &self,
        request: Request<v1::UpdatePlaceRequest>,
    ) -> Result<Response<v1::UpdatePlaceResponse>, Status> {
        let v1::UpdatePlaceRequest { place, update_mask, allow_missing } = request.into_inner();
        let place = stock::update::<Place>(&self.catalogue, place, update_mask, allow_missing).await?;
        Ok(Response::new(v1::UpdatePlaceResponse { place: Some(place) }))
    }

    async fn delete_place(
        &self,
        request: Request<v1::DeletePlaceRequest>,
    ) -> Result<Response<v1::DeletePlaceResponse>, Status> {
        let id = name::place("name", &request.into_inner().name).map_err(Failure::from)?;
        self.catalogue.change(move |shelf| delete_place(shelf, id)).await?;
        Ok(Response::new(v1::DeletePlaceResponse {}))
    }

    async fn create_region(
        &self,
        request: Request<v1::CreateRegionRequest>,
    ) -> Result<Response<v1::CreateRegionResponse>, Status> {
        let region = stock::create::<Region>(&self.catalogue, request.into_inner().region).await?;
        let warnings = self.warnings(vec![name::region("name", &region.name).map_err(Failure::from)?]).await?;
        Ok(Response::new(v1::CreateRegionResponse { region: Some(region), warnings }))
    }

    async fn get_region(
        &self,
        request: Request<v1::GetRegionRequest>,
    ) -> Result<Response<v1::GetRegionResponse>, Status> {
        let region = stock::get::<Region>(&self.catalogue, &request.into_inner().name)?;
        Ok(Response::new(v1::GetRegionResponse { region: Some(region) }))
    }

    async fn list_regions(
        &self,
        request: Request<v1::ListRegionsRequest>,
    ) -> Result<Response<v1::ListRegionsResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "regions", &request).map_err(Failure::from)?;
        let place = filter(&request.place, |name| name::place("place", name))?;
        let brand = filter(&request.brand, |id| BrandId::parse("brand", id))?;
        let tag = filter(&request.tag, |id| Tag::parse("tag", id))?;
        let (regions, next_page_token) = stock::list::<Region>(&self.catalogue, &wanted, |region, shelf| {
            let home = shelf.places.get(&region.place);
            let bears = |tag| region.tags.contains(tag) || home.is_some_and(|home| home.tags.contains(tag));
            matches(place.as_ref(), &region.place)
                && home.is_some_and(|home| matches(brand.as_ref(), &home.brand))
                && tag.as_ref().is_none_or(bears)
        })?;
        Ok(Response::new(v1::ListRegionsResponse { regions, next_page_token }))
    }

    async fn update_region(
        &self,
        request: Request<v1::UpdateRegionRequest>,
    ) -> Result<Response<v1::UpdateRegionResponse>, Status> {
        let v1::UpdateRegionRequest { region, update_mask, allow_missing } = request.into_inner();
        let region = stock::update::<Region>(&self.catalogue, region, update_mask, allow_missing).await?;
        let warnings = self.warnings(vec![name::region("name", &region.name).map_err(Failure::from)?]).await?;
        Ok(Response::new(v1::UpdateRegionResponse { region: Some(region), warnings }))
    }

    async fn delete_region(
        &self,
        request: Request<v1::DeleteRegionRequest>,
    ) -> Result<Response<v1::DeleteRegionResponse>, Status> {
        let id = name::region("name", &request.into_inner().name).map_err(Failure::from)?;
        self.catalogue.change(move |shelf| delete_region(shelf, id)).await?;
        Ok(Response::new(v1::DeleteRegionResponse {}))
    }

    async fn batch_upsert_regions(
        &self,
        request: Request<v1::BatchUpsertRegionsRequest>,
    ) -> Result<Response<v1::BatchUpsertRegionsResponse>, Status> {
        let (places, regions) = parse_batch(request.into_inner())?;
        let total = places.len() + regions.len();
        let registered = regions.iter().map(|region| region.id.clone()).collect();
        let created = self.catalogue.change(move |shelf| upsert(shelf, places, regions)).await?;
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        Ok(Response::new(v1::BatchUpsertRegionsResponse {
            created: count(created),
            updated: count(total - created),
            warnings: self.warnings(registered).await?,
        }))
    }
}

/// The value of a filter; none when the field is empty.
pub(super) fn filter<T>(value: &str, parse: impl Fn(&str) -> Result<T, Invalid>) -> Result<Option<T>, Failure> {
    Ok((!value.is_empty()).then(|| parse(value)).transpose()?)
}

/// Whether a value passes a filter.
pub(super) fn matches<T: PartialEq>(filter: Option<&T>, value: &T) -> bool {
    filter.is_none_or(|wanted| wanted == value)
}

type Decided<T> = Result<(Vec<CatalogueChange>, T), Failure>;

fn delete_place(shelf: &Shelf, id: PlaceId) -> Decided<()> {
    if !shelf.places.contains_key(&id) {
        return Err(stock::missing::<Place>(&id));
    }
    let mut regions = shelf.regions.values().filter(|region| region.place == id);
    if let Some(first) = regions.next() {
        let (first, more) = (name::region_name(&first.id), regions.count());
        return Err(Failure::Precondition {
            reason: "PLACE_HAS_REGIONS",
            subject: name::place_name(&id),
            problem: format!("has {} regions, such as {first}; delete them first", more + 1),
        });
    }
    Ok((vec![CatalogueChange::DeletePlace(id, Expect::Any)], ()))
}

fn delete_region(shelf: &Shelf, id: RegionId) -> Decided<()> {
    if !shelf.regions.contains_key(&id) {
        return Err(stock::missing::<Region>(&id));
    }
    if let Some(campaign) = shelf.campaigns.values().find(|campaign| campaign.regions.regions.contains(&id)) {
        return Err(Failure::Precondition {
            reason: "REGION_IN_CAMPAIGN",
            subject: name::region_name(&id),
            problem: format!("is named by {}; take it out there first", name::campaign_name(&campaign.id)),
        });
    }
    Ok((vec![CatalogueChange::DeleteRegion(id, Expect::Any)], ()))
}

/// Parses the entries of a batch, naming each bad one.
fn parse_batch(wire: v1::BatchUpsertRegionsRequest) -> Result<(Vec<Place>, Vec<Region>), Failure> {
    let total = wire.places.len() + wire.regions.len();
    if total > BATCH_MAX {
        let problem = format!("and places have {total} entries together; at most {BATCH_MAX} are allowed");
        return Err(Invalid::new("regions", problem).into());
    }
    let mut bad = Vec::new();
    let places = parse_entries("places", wire.places, |place: &Place| name::place_name(&place.id), &mut bad);
    let regions = parse_entries("regions", wire.regions, |region: &Region| name::region_name(&region.id), &mut bad);
    if bad.is_empty() { Ok((places, regions)) } else { Err(Failure::Invalid(bad)) }
}

/// Parses the entries of a list, naming each bad one, and each that comes twice.
pub(super) fn parse_entries<W, M: TryFrom<W, Error = Invalid>>(
    list: &str,
    wire: Vec<W>,
    name_of: impl Fn(&M) -> String,
    bad: &mut Vec<Invalid>,
) -> Vec<M> {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut good = Vec::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        match M::try_from(wire) {
            Ok(entry) => {
                let name = name_of(&entry);
                match first.get(&name) {
                    Some(twin) => {
                        let problem = format!("is {name}, as in {list}[{twin}]; each may come once in a batch");
                        bad.push(Invalid::new("name", problem).at(list, index));
                    }
                    None => drop(first.insert(name, index)),
                }
                good.push(entry);
            }
            Err(why) => bad.push(why.at(list, index)),
        }
    }
    good
}

/// All of the batch, or none when an entry does not fit; returns how many are new.
fn upsert(shelf: &Shelf, places: Vec<Place>, regions: Vec<Region>) -> Decided<usize> {
    let mut after = Shelf { places: shelf.places.clone(), guard: shelf.guard.clone(), ..Shelf::default() };
    after.places.extend(places.iter().map(|place| (place.id.clone(), Arc::new(place.clone()))));
    let misfits: Vec<Invalid> = regions
        .iter()
        .enumerate()
        .filter_map(|(index, region)| after.check_region(region).err().map(|why| why.at("regions", index)))
        .collect();
    if !misfits.is_empty() {
        return Err(Failure::Invalid(misfits));
    }
    let mut created = 0;
    let mut expect = |known: bool| {
        created += usize::from(!known);
        if known { Expect::Any } else { Expect::Absent }
    };
    let mut changes = Vec::with_capacity(places.len() + regions.len());
    for place in places {
        let expect = expect(shelf.places.contains_key(&place.id));
        changes.push(CatalogueChange::PutPlace(place, expect));
    }
    for region in regions {
        let expect = expect(shelf.regions.contains_key(&region.id));
        changes.push(CatalogueChange::PutRegion(region, expect));
    }
    Ok((changes, created))
}
