//! Serves `TopicService`.

use super::catalogue::CatalogueCell;
use super::errors::Failure;
use super::page::Wanted;
use super::stock;
use crate::model::Topic;
use crate::store::{CatalogueChange, Expect};
use crate::wire::{name, v1};
use tonic::{Request, Response, Status};

/// Serves `TopicService` over the live catalogue.
#[derive(Clone)]
pub(super) struct Topics {
    catalogue: CatalogueCell,
}

impl Topics {
    /// Serves and changes this catalogue.
    pub(super) fn new(catalogue: CatalogueCell) -> Self {
        Self { catalogue }
    }
}

#[tonic::async_trait]
impl v1::topic_service_server::TopicService for Topics {
    async fn create_topic(
        &self,
        request: Request<v1::CreateTopicRequest>,
    ) -> Result<Response<v1::CreateTopicResponse>, Status> {
        let topic = stock::create::<Topic>(&self.catalogue, request.into_inner().topic).await?;
        Ok(Response::new(v1::CreateTopicResponse { topic: Some(topic) }))
    }

    async fn get_topic(
        &self,
        request: Request<v1::GetTopicRequest>,
    ) -> Result<Response<v1::GetTopicResponse>, Status> {
        let topic = stock::get::<Topic>(&self.catalogue, &request.into_inner().name)?;
        Ok(Response::new(v1::GetTopicResponse { topic: Some(topic) }))
    }

    async fn list_topics(
        &self,
        request: Request<v1::ListTopicsRequest>,
    ) -> Result<Response<v1::ListTopicsResponse>, Status> {
        let mut request = request.into_inner();
        let wanted = Wanted::parse(request.page.take(), "topics", &request).map_err(Failure::from)?;
        let (topics, next_page_token) = stock::list::<Topic>(&self.catalogue, &wanted, |_, _| true)?;
        Ok(Response::new(v1::ListTopicsResponse { topics, next_page_token }))
    }

    async fn update_topic(
        &self,
        request: Request<v1::UpdateTopicRequest>,
    ) -> Result<Response<v1::UpdateTopicResponse>, Status> {
        let v1::UpdateTopicRequest { topic, update_mask, allow_missing } = request.into_inner();
        let topic = stock::update::<Topic>(&self.catalogue, topic, update_mask, allow_missing).await?;
        Ok(Response::new(v1::UpdateTopicResponse { topic: Some(topic) }))
    }

    async fn delete_topic(
        &self,
        request: Request<v1::DeleteTopicRequest>,
    ) -> Result<Response<v1::DeleteTopicResponse>, Status> {
        let id = name::topic("name", &request.into_inner().name).map_err(Failure::from)?;
        self.catalogue
            .change(move |shelf| {
                if !shelf.topics.contains_key(&id) {
                    return Err(stock::missing::<Topic>(&id));
                }
                Ok((vec![CatalogueChange::DeleteTopic(id, Expect::Any)], ()))
            })
            .await?;
        Ok(Response::new(v1::DeleteTopicResponse {}))
    }
}
