//! Serves `CampaignService`.

use super::catalogue::CatalogueCell;
use super::errors::Failure;
use super::page::Wanted;
use super::region_service::{filter, matches};
use super::{Clock, preview, stock};
use crate::model::{Campaign, Invalid, TopicId};
use crate::report;
use crate::store::{CatalogueChange, CommitError, Expect, Records};
use crate::wire::{name, report as wire, v1};
use tonic::{Request, Response, Status};

/// Serves `CampaignService` over the live catalogue.
#[derive(Clone)]
pub(super) struct Campaigns {
    catalogue: CatalogueCell,
    records: Records,
    clock: Clock,
}

impl Campaigns {
    /// Serves and changes this catalogue, previews messages to the customers of these records, and reports
    /// from them.
    pub(super) fn new(catalogue: CatalogueCell, records: Records, clock: Clock) -> Self {
        Self { catalogue, records, clock }
    }

    async fn report(&self, request: v1::GetCampaignReportRequest) -> Result<v1::CampaignReport, Failure> {
        let id = name::campaign("name", &request.name)?;
        let first = wire::day("from_date", &request.from_date)?;
        let last = wire::day("to_date", &request.to_date)?;
        if first.zip(last).is_some_and(|(first, last)| last < first) {
            return Err(Invalid::new("to_date", "is before from_date; must not be").into());
        }
        let days = self.records.counts_of(&id).await.map_err(|error| match error {
            CommitError::Conflict { .. } => Failure::Contended { name: request.name.clone() },
            CommitError::Store(error) => Failure::Store(error),
        })?;
        if days.is_empty() && !self.catalogue.shelf().campaigns.contains_key(&id) {
            return Err(stock::missing::<Campaign>(&id));
        }
        Ok(wire::report_message(&id, &report::report(&days, first, last)))
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

    async fn get_campaign_report(
        &self,
        request: Request<v1::GetCampaignReportRequest>,
    ) -> Result<Response<v1::GetCampaignReportResponse>, Status> {
        // Folding the log goes on when the caller leaves, or is done again by the next: it is no matter.
        let report = self.report(request.into_inner()).await?;
        Ok(Response::new(v1::GetCampaignReportResponse { report: Some(report) }))
    }

    async fn preview_message(
        &self,
        request: Request<v1::PreviewMessageRequest>,
    ) -> Result<Response<v1::PreviewMessageResponse>, Status> {
        let shelf = self.catalogue.shelf();
        Ok(Response::new(preview::preview(&shelf, &self.records, &self.clock, request.into_inner())?))
    }
}
