//! Serves `JourneyService`.

use super::catalogue::CatalogueCell;
use super::errors::Failure;
use super::page::Wanted;
use super::region_service::{filter, matches};
use super::stock;
use crate::model::{BrandId, Journey};
use crate::store::{CatalogueChange, Expect};
use crate::wire::{name, v1};
use tonic::{Request, Response, Status};

/// Serves `JourneyService` over the live catalogue.
#[derive(Clone)]
pub(super) struct Journeys {
    catalogue: CatalogueCell,
}

impl Journeys {
    /// Serves and changes this catalogue.
    pub(super) fn new(catalogue: CatalogueCell) -> Self {
        Self { catalogue }
    }
}

#[tonic::async_trait]
impl v1::journey_service_server::JourneyService for Journeys {
    async fn create_journey(
        &self,
        request: Request<v1::CreateJourneyRequest>,
    ) -> Result<Response<v1::CreateJourneyResponse>, Status> {
        let journey = stock::create::<Journey>(&self.catalogue, request.into_inner().journey).await?;
        Ok(Response::new(v1::CreateJourneyResponse { journey: Some(journey) }))
    }

    async fn get_journey(
        &self,
        request: Request<v1::GetJourneyRequest>,
    ) -> Result<Response<v1::GetJourneyResponse>, Status> {
        let journey = stock::get::<Journey>(&self.catalogue, &request.into_inner().name)?;
        Ok(Response::new(v1::GetJourneyResponse { journey: Some(journey) }))
    }

    async fn list_journeys(
        &self,
        request: Request<v1::ListJourneysRequest>,
    ) -> Result<Response<v1::ListJourneysResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "journeys", &request).map_err(Failure::from)?;
        let brand = filter(&request.brand, |id| BrandId::parse("brand", id))?;
        let (journeys, next_page_token) =
            stock::list::<Journey>(&self.catalogue, &wanted, |journey, _| matches(brand.as_ref(), &journey.brand))?;
        Ok(Response::new(v1::ListJourneysResponse { journeys, next_page_token }))
    }

    async fn update_journey(
        &self,
        request: Request<v1::UpdateJourneyRequest>,
    ) -> Result<Response<v1::UpdateJourneyResponse>, Status> {
        let v1::UpdateJourneyRequest { journey, update_mask, allow_missing } = request.into_inner();
        let journey = stock::update::<Journey>(&self.catalogue, journey, update_mask, allow_missing).await?;
        Ok(Response::new(v1::UpdateJourneyResponse { journey: Some(journey) }))
    }

    async fn delete_journey(
        &self,
        request: Request<v1::DeleteJourneyRequest>,
    ) -> Result<Response<v1::DeleteJourneyResponse>, Status> {
        let id = name::journey("name", &request.into_inner().name).map_err(Failure::from)?;
        self.catalogue
            .change(move |shelf| {
                if !shelf.journeys.contains_key(&id) {
                    return Err(stock::missing::<Journey>(&id));
                }
                if let Some(user) = shelf.user_of(&id) {
                    return Err(Failure::Precondition {
                        reason: "JOURNEY_IN_USE",
                        subject: name::journey_name(&id),
                        problem: format!("is named by {user}; change that first"),
                    });
                }
                Ok((vec![CatalogueChange::DeleteJourney(id, Expect::Any)], ()))
            })
            .await?;
        Ok(Response::new(v1::DeleteJourneyResponse {}))
    }
}
