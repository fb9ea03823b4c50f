//! Talks to a server over gRPC on behalf of the person who runs the walk: registers what a walk needs, and reads
//! back what was decided.

use crate::timeline::Names;
use anyhow::{Context, Result, ensure};
use doorstep::files::Told;
use doorstep::model::{
    Campaign, Customer, CustomerId, Decision, DecisionId, Device, DeviceTime, Millis, Place, Region,
};
use doorstep::store::TraceEntry;
use doorstep::wire::{self, v1};
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use v1::campaign_service_client::CampaignServiceClient;
use v1::customer_service_client::CustomerServiceClient;
use v1::decision_service_client::DecisionServiceClient;
use v1::event_service_client::EventServiceClient;
use v1::region_service_client::RegionServiceClient;

/// Entries of one page of a list.
const PAGE: i32 = 1_000;
/// Most pages that are read of one list.
const PAGES_MAX: usize = 1_000;
/// The largest message, in bytes.
const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most decisions of which the server is asked for its sentences.
const EXPLAINED_MAX: usize = crate::report::EVENTS_MAX;
/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A server at the other end of a channel.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// Connects to a server, such as `http://127.0.0.1:50051`.
    pub async fn connect(server: &str) -> Result<Self> {
        let subject = || format!("cannot connect to {server}");
        let endpoint = Endpoint::from_shared(server.to_owned()).with_context(subject)?;
        let endpoint = endpoint.connect_timeout(CONNECT_WITHIN).tcp_nodelay(true);
        Ok(Self { channel: endpoint.connect().await.with_context(subject)? })
    }

    /// The connection, for a phone to share.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Adds or replaces places and regions.
    pub async fn upsert_regions(&self, places: &[Place], regions: &[Region]) -> Result<()> {
        let request = v1::BatchUpsertRegionsRequest {
            places: places.iter().map(Into::into).collect(),
            regions: regions.iter().map(Into::into).collect(),
        };
        RegionServiceClient::new(self.channel())
            .batch_upsert_regions(request)
            .await
            .context("cannot add the regions")?;
        Ok(())
    }

    /// Adds or replaces a campaign.
    pub async fn upsert_campaign(&self, campaign: &Campaign) -> Result<()> {
        let request = v1::UpdateCampaignRequest {
            campaign: Some(campaign.into()),
            update_mask: Some(everything()),
            allow_missing: true,
        };
        let mut service = CampaignServiceClient::new(self.channel());
        service.update_campaign(request).await.with_context(|| format!("cannot add campaign {}", campaign.id))?;
        Ok(())
    }

    /// Adds or replaces a customer with devices.
    pub async fn upsert_customer(&self, customer: &Customer, devices: &[Device]) -> Result<()> {
        let mut service = CustomerServiceClient::new(self.channel());
        let request = v1::UpdateCustomerRequest {
            customer: Some(customer.into()),
            update_mask: Some(everything()),
            allow_missing: true,
        };
        service.update_customer(request).await.with_context(|| format!("cannot add customer {}", customer.id))?;
        for device in devices {
            let request = v1::UpdateDeviceRequest {
                device: Some(wire::customer::device_message(&customer.id, device)),
                update_mask: Some(everything()),
                allow_missing: true,
            };
            let subject = || format!("cannot add device {} of customer {}", device.id, customer.id);
            service.update_device(request).await.with_context(subject)?;
        }
        Ok(())
    }

    /// Records what customers did on other channels. Fails where one is refused.
    pub async fn record_events(&self, events: &[Told]) -> Result<()> {
        let events = events.iter().map(|told| wire::event::event_message(&told.customer, &told.event)).collect();
        let request = v1::RecordEventsRequest { events, allow_missing: false };
        let answer = EventServiceClient::new(self.channel()).record_events(request).await;
        let refusals = answer.context("cannot record the events")?.into_inner().refusals;
        let refused = refusals.first().map(|refusal| format!("event {}: {}", refusal.index, refusal.detail));
        ensure!(refused.is_none(), "refused: {}", refused.unwrap_or_default());
        Ok(())
    }

    /// Reads all places, regions and campaigns.
    pub async fn names(&self) -> Result<Names> {
        let mut names = Names::default();
        let mut regions = RegionServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let mut pages = Pages::default();
        while let page @ Some(_) = pages.next()? {
            let request = v1::ListPlacesRequest { page, ..v1::ListPlacesRequest::default() };
            let response = regions.list_places(request).await.context("cannot list the places")?.into_inner();
            for place in response.places {
                let place = Place::try_from(place)?;
                names.places.insert(place.id.clone(), place);
            }
            pages.turn(response.next_page_token);
        }
        let mut pages = Pages::default();
        while let page @ Some(_) = pages.next()? {
            let request = v1::ListRegionsRequest { page, ..v1::ListRegionsRequest::default() };
            let response = regions.list_regions(request).await.context("cannot list the regions")?.into_inner();
            for region in response.regions {
                let region = Region::try_from(region)?;
                names.regions.insert(region.id.clone(), region);
            }
            pages.turn(response.next_page_token);
        }
        let mut campaigns = CampaignServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let mut pages = Pages::default();
        while let page @ Some(_) = pages.next()? {
            let request = v1::ListCampaignsRequest { page, ..v1::ListCampaignsRequest::default() };
            let response = campaigns.list_campaigns(request).await.context("cannot list the campaigns")?.into_inner();
            for campaign in response.campaigns {
                let campaign = Campaign::try_from(campaign)?;
                names.campaigns.insert(campaign.id.clone(), campaign);
            }
            pages.turn(response.next_page_token);
        }
        Ok(names)
    }

    /// Reads a customer's decisions of pings observed from one time to another, the oldest first.
    pub async fn decisions(&self, customer: &CustomerId, from: DeviceTime, to: DeviceTime) -> Result<Vec<Decision>> {
        let mut service = DecisionServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let mut decisions = Vec::new();
        let mut pages = Pages::default();
        while let page @ Some(_) = pages.next()? {
            let request = v1::ListDecisionsRequest {
                parent: wire::name::customer_name(customer),
                page,
                ..v1::ListDecisionsRequest::default()
            };
            let response = service.list_decisions(request).await;
            let response = response.with_context(|| format!("cannot list the decisions of {customer}"))?.into_inner();
            for decision in response.decisions {
                let decision = Decision::try_from(decision)?;
                if (from..=to).contains(&decision.observed) {
                    decisions.push(decision);
                }
            }
            pages.turn(response.next_page_token);
        }
        decisions.sort_by_key(|decision| (decision.observed, decision.sequence));
        Ok(decisions)
    }

    /// What the server says about these decisions, in its own sentences. Of at most so many decisions of one walk.
    pub async fn sentences(&self, decisions: &[Decision]) -> Result<BTreeMap<DecisionId, Vec<String>>> {
        let mut service = DecisionServiceClient::new(self.channel());
        let mut told = BTreeMap::new();
        for decision in decisions
            .iter()
            .filter(|one| !one.transitions.is_empty() || !one.assessments.is_empty())
            .take(EXPLAINED_MAX)
        {
            let name = wire::name::decision_name(&decision.customer, &decision.id);
            let answer = service.explain_decision(v1::ExplainDecisionRequest { name: name.clone() }).await;
            let answer = answer.with_context(|| format!("cannot explain {name}"))?.into_inner();
            told.insert(decision.id.clone(), answer.sentences);
        }
        Ok(told)
    }

    /// Puts a device under trace for so long by the server's clock, 24 hours at most.
    pub async fn start_trace(&self, device: &str, duration: Millis) -> Result<()> {
        let duration = duration.clamp(Millis::from_secs(1), Millis::from_hours(24));
        let request = v1::StartTraceRequest { device: device.to_owned(), duration: Some(duration.into()) };
        let mut service = DecisionServiceClient::new(self.channel());
        service.start_trace(request).await.with_context(|| format!("cannot trace {device}"))?;
        Ok(())
    }

    /// Ends the trace of a device.
    pub async fn stop_trace(&self, device: &str) -> Result<()> {
        let request = v1::StopTraceRequest { device: device.to_owned() };
        let mut service = DecisionServiceClient::new(self.channel());
        service.stop_trace(request).await.with_context(|| format!("cannot end the trace of {device}"))?;
        Ok(())
    }

    /// Reads what was traced of a device for pings observed from one time to another, the oldest first.
    pub async fn traces(&self, device: &str, from: DeviceTime, to: DeviceTime) -> Result<Vec<TraceEntry>> {
        let mut service = DecisionServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let mut entries = Vec::new();
        let mut pages = Pages::default();
        while let page @ Some(_) = pages.next()? {
            let request = v1::ListTraceEntriesRequest { parent: device.to_owned(), page };
            let response = service.list_trace_entries(request).await;
            let response = response.with_context(|| format!("cannot list the trace of {device}"))?.into_inner();
            for entry in response.entries {
                let entry = wire::trace::entry(entry)?;
                if (from..=to).contains(&entry.decision.observed) {
                    entries.push(entry);
                }
            }
            pages.turn(response.next_page_token);
        }
        Ok(entries)
    }

    /// Where a walk stands that this device is to go on with: the highest sequence number that the server has kept
    /// of it. Sends an empty batch.
    pub async fn last_kept(&self, device: &str) -> Result<u64> {
        let request = v1::StreamPingsRequest { device: device.to_owned(), ..v1::StreamPingsRequest::default() };
        let mut service = v1::device_service_client::DeviceServiceClient::new(self.channel());
        let subject = || format!("cannot report as {device}");
        let mut answers =
            service.stream_pings(tokio_stream::iter([request])).await.with_context(subject)?.into_inner();
        let answer = answers.message().await.with_context(subject)?;
        match answer.and_then(|answer| answer.message) {
            Some(v1::stream_pings_response::Message::Ack(ack)) => Ok(ack.last_kept_sequence),
            Some(
                v1::stream_pings_response::Message::Drain(_)
                | v1::stream_pings_response::Message::InApp(_)
                | v1::stream_pings_response::Message::Withdrawn(_),
            )
            | None => {
                anyhow::bail!("cannot report as {device}: the server is about to close")
            }
        }
    }
}

/// Turns the pages of a list, and ends for certain.
#[derive(Default)]
struct Pages {
    token: String,
    turned: usize,
    ended: bool,
}

impl Pages {
    fn next(&self) -> Result<Option<v1::Page>> {
        ensure!(self.turned < PAGES_MAX, "a list has more than {PAGES_MAX} pages");
        Ok((!self.ended).then(|| v1::Page { size: PAGE, token: self.token.clone() }))
    }

    fn turn(&mut self, next_page_token: String) {
        self.turned += 1;
        self.ended = next_page_token.is_empty();
        self.token = next_page_token;
    }
}

fn everything() -> prost_types::FieldMask {
    prost_types::FieldMask { paths: vec!["*".to_owned()] }
}
