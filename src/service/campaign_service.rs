//! Serves `CampaignService`.

use super::catalogue::CatalogueCell;
use super::errors::Failure;
use super::page::Wanted;
use super::region_service::{filter, matches};
use super::stock;
use crate::model::{Campaign, TopicId};
use crate::store::{CatalogueChange, Expect};
use crate::wire::{name, v1};
use tonic::{Request, Response, Status};

/// Serves `CampaignService` over the live catalogue.
#[derive(Clone)]
pub(super) struct Campaigns {
    catalogue: CatalogueCell,
}

impl Campaigns {
    /// Serves and changes this catalogue.
    pub(super) fn new(catalogue: CatalogueCell) -> Self {
        Self { catalogue }
    }
}

#[tonic::async_trait]
impl v1::campaign_service_server::CampaignService for Campaigns {
    async fn create_campaign(
        &self,
        request: Request<v1::CreateCampaignRequest>,
    ) -> Result<Response<v1::CreateCampaignResponse>, Status> {
        let campaign = stock::create::<Campaign>(&self.catalogue, request.into_inner().campaign).await?;
        Ok(Response::new(v1::CreateCampaignResponse { campaign: Some(campaign) }))
    }

    async fn get_campaign(
        &self,
        request: Request<v1::GetCampaignRequest>,
    ) -> Result<Response<v1::GetCampaignResponse>, Status> {
        let campaign = stock::get::<Campaign>(&self.catalogue, &request.into_inner().name)?;
        Ok(Response::new(v1::GetCampaignResponse { campaign: Some(campaign) }))
    }

    async fn list_campaigns(
        &self,
        request: Request<v1::ListCampaignsRequest>,
    ) -> Result<Response<v1::ListCampaignsResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "campaigns", &request).map_err(Failure::from)?;
        let topic = filter(&request.topic, |id| TopicId::parse("topic", id))?;
        let (campaigns, next_page_token) = stock::list::<Campaign>(&self.catalogue, &wanted, |campaign, _| {
            matches(topic.as_ref(), &campaign.topic)
        })?;
        Ok(Response::new(v1::ListCampaignsResponse { campaigns, next_page_token }))
    }

    async fn update_campaign(
        &self,
        request: Request<v1::UpdateCampaignRequest>,
    ) -> Result<Response<v1::UpdateCampaignResponse>, Status> {
        let v1::UpdateCampaignRequest { campaign, update_mask, allow_missing } = request.into_inner();
        let campaign = stock::update::<Campaign>(&self.catalogue, campaign, update_mask, allow_missing).await?;
        Ok(Response::new(v1::UpdateCampaignResponse { campaign: Some(campaign) }))
    }

    async fn delete_campaign(
        &self,
        request: Request<v1::DeleteCampaignRequest>,
    ) -> Result<Response<v1::DeleteCampaignResponse>, Status> {
        let id = name::campaign("name", &request.into_inner().name).map_err(Failure::from)?;
        self.catalogue
            .change(move |shelf| {
                if !shelf.campaigns.contains_key(&id) {
                    return Err(stock::missing::<Campaign>(&id));
                }
                Ok((vec![CatalogueChange::DeleteCampaign(id, Expect::Any)], ()))
            })
            .await?;
        Ok(Response::new(v1::DeleteCampaignResponse {}))
    }
}
