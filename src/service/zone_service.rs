//! Serves `ZoneService`.

use super::catalogue::{CatalogueCell, Shelf};
use super::errors::Failure;
use super::page::Wanted;
use super::region_service::parse_entries;
use super::stock;
use crate::model::zone::ZONES_MAX;
use crate::model::{Invalid, Zone, ZoneId};
use crate::store::{CatalogueChange, Expect};
use crate::wire::{name, v1};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::{Request, Response, Status};

/// How many pings were kept by their number alone since the server began. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct HushedPings(Arc<AtomicU64>);

impl HushedPings {
    /// Counts so many more.
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn count(&self) -> i64 {
        i64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }
}

/// Serves `ZoneService` over the live catalogue.
#[derive(Clone)]
pub(super) struct ZonesService {
    catalogue: CatalogueCell,
    hushed: HushedPings,
}

impl ZonesService {
    /// Serves and changes this catalogue, and tells this count.
    pub(super) fn new(catalogue: CatalogueCell, hushed: HushedPings) -> Self {
        Self { catalogue, hushed }
    }

    /// The regions that keep silent for some of the zones.
    fn silent(&self, of: impl Fn(&ZoneId) -> bool) -> Vec<String> {
        let shelf = self.catalogue.shelf();
        let silent = shelf.silenced.iter().filter(|(_, zones)| zones.iter().any(&of));
        silent.map(|(region, _)| name::region_name(region)).collect()
    }

    fn silent_of(&self, zone: &v1::Zone) -> Result<Vec<String>, Failure> {
        let id = name::zone("name", &zone.name)?;
        Ok(self.silent(|zone| *zone == id))
    }
}

#[tonic::async_trait]
impl v1::zone_service_server::ZoneService for ZonesService {
    async fn create_zone(
        &self,
        request: Request<v1::CreateZoneRequest>,
    ) -> Result<Response<v1::CreateZoneResponse>, Status> {
        let zone = stock::create::<Zone>(&self.catalogue, request.into_inner().zone).await?;
        let silent_regions = self.silent_of(&zone)?;
        Ok(Response::new(v1::CreateZoneResponse { zone: Some(zone), silent_regions }))
    }

    async fn get_zone(&self, request: Request<v1::GetZoneRequest>) -> Result<Response<v1::GetZoneResponse>, Status> {
        let zone = stock::get::<Zone>(&self.catalogue, &request.into_inner().name)?;
        let silent_regions = self.silent_of(&zone)?;
        Ok(Response::new(v1::GetZoneResponse { zone: Some(zone), silent_regions }))
    }

    async fn list_zones(
        &self,
        request: Request<v1::ListZonesRequest>,
    ) -> Result<Response<v1::ListZonesResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "zones", &request).map_err(Failure::from)?;
        let (zones, next_page_token) = stock::list::<Zone>(&self.catalogue, &wanted, |_, _| true)?;
        Ok(Response::new(v1::ListZonesResponse { zones, next_page_token, hushed_pings: self.hushed.count() }))
    }

    async fn update_zone(
        &self,
        request: Request<v1::UpdateZoneRequest>,
    ) -> Result<Response<v1::UpdateZoneResponse>, Status> {
        let v1::UpdateZoneRequest { zone, update_mask, allow_missing } = request.into_inner();
        let zone = stock::update::<Zone>(&self.catalogue, zone, update_mask, allow_missing).await?;
        let silent_regions = self.silent_of(&zone)?;
        Ok(Response::new(v1::UpdateZoneResponse { zone: Some(zone), silent_regions }))
    }

    async fn delete_zone(
        &self,
        request: Request<v1::DeleteZoneRequest>,
    ) -> Result<Response<v1::DeleteZoneResponse>, Status> {
        let id = name::zone("name", &request.into_inner().name).map_err(Failure::from)?;
        self.catalogue
            .change(move |shelf| {
                if !shelf.zones.contains_key(&id) {
                    return Err(stock::missing::<Zone>(&id));
                }
                Ok((vec![CatalogueChange::DeleteZone(id, Expect::Any)], ()))
            })
            .await?;
        Ok(Response::new(v1::DeleteZoneResponse {}))
    }

    async fn batch_upsert_zones(
        &self,
        request: Request<v1::BatchUpsertZonesRequest>,
    ) -> Result<Response<v1::BatchUpsertZonesResponse>, Status> {
        let wire = request.into_inner().zones;
        if wire.is_empty() || wire.len() > ZONES_MAX {
            let problem = format!("has {} entries; must have 1 to {ZONES_MAX}", wire.len());
            return Err(Failure::from(Invalid::new("zones", problem)).into());
        }
        let mut bad = Vec::new();
        let zones = parse_entries("zones", wire, |zone: &Zone| name::zone_name(&zone.id), &mut bad);
        if !bad.is_empty() {
            return Err(Failure::Invalid(bad).into());
        }
        let (total, ids) =
            (zones.len(), zones.iter().map(|zone| zone.id.clone()).collect::<std::collections::BTreeSet<_>>());
        let created = self.catalogue.change(move |shelf| upsert(shelf, zones)).await?;
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        Ok(Response::new(v1::BatchUpsertZonesResponse {
            created: count(created),
            updated: count(total - created),
            silent_regions: self.silent(|zone| ids.contains(zone)),
        }))
    }
}

/// All of the batch, or none when an entry does not fit; returns how many are new.
fn upsert(shelf: &Shelf, zones: Vec<Zone>) -> Result<(Vec<CatalogueChange>, usize), Failure> {
    let new = zones.iter().filter(|zone| !shelf.zones.contains_key(&zone.id)).count();
    if shelf.zones.len() + new > ZONES_MAX {
        let problem =
            format!("has {new} new entries beside {} others; at most {ZONES_MAX} are allowed", shelf.zones.len());
        return Err(Invalid::new("zones", problem).into());
    }
    let checked = zones.iter().enumerate().map(|(index, zone)| (index, crate::locate::Shape::prepare(&zone.fence)));
    let misfits: Vec<Invalid> =
        checked.filter_map(|(index, prepared)| prepared.err().map(|why| why.at("zones", index))).collect();
    if !misfits.is_empty() {
        return Err(Failure::Invalid(misfits));
    }
    let put = |zone: Zone| {
        let expect = if shelf.zones.contains_key(&zone.id) { Expect::Any } else { Expect::Absent };
        CatalogueChange::PutZone(zone, expect)
    };
    Ok((zones.into_iter().map(put).collect(), new))
}
