//! Serves `DecisionService`: why somebody did, or did not, get a message.

use super::catalogue::CatalogueCell;
use super::clock::Clock;
use super::customer_service::{change, missing_device};
use super::errors::Failure;
use super::page::Wanted;
use super::region_service::filter;
use super::sentences::{Told, sentences};
use crate::engine::DeviceState;
use crate::model::{CampaignId, CustomerId, DeviceId, Invalid, Millis, ServerTime, Verdict, VerdictKind};
use crate::store::{DecisionFilter, LogCursor, LogPlace, Records, StoredTrigger};
use crate::wire::{name, time, trigger::trigger_message, v1};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

/// Records that are read at once.
const READ_AT_ONCE: usize = 256;
/// Triggers that wait for a slow reader before its stream stops being fed.
const TRIGGERS_QUEUED: usize = 16;
/// Commits that come within this time are looked at together.
const TOGETHER: Duration = Duration::from_millis(5);
const TRACE_DEFAULT: Millis = Millis::from_hours(1);
const TRACE_MIN: Millis = Millis::from_secs(1);
const TRACE_MAX: Millis = Millis::from_hours(24);

/// Serves `DecisionService` over the records.
#[derive(Clone)]
pub(super) struct Decisions {
    records: Records,
    catalogue: CatalogueCell,
    clock: Clock,
    draining: watch::Receiver<bool>,
}

impl Decisions {
    /// Serves these records; streams end when `draining` turns true.
    pub(super) fn new(
        records: Records,
        catalogue: CatalogueCell,
        clock: Clock,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self { records, catalogue, clock, draining }
    }

    fn list(&self, mut request: v1::ListDecisionsRequest) -> Result<v1::ListDecisionsResponse, Failure> {
        let wanted = Wanted::parse(request.page.take(), "decisions", &request)?;
        let page =
            self.records.list_decisions(&filter_of(&request)?, wanted.after_cursor()?.as_ref(), wanted.size)?;
        Ok(v1::ListDecisionsResponse {
            decisions: page.items.iter().map(Into::into).collect(),
            next_page_token: wanted.token(page.next),
        })
    }

    fn explain(&self, name: &str) -> Result<v1::ExplainDecisionResponse, Failure> {
        let (customer, id) = name::decision("name", name)?;
        let decision = self.records.get_decision(&customer, &id)?;
        let decision = decision.ok_or_else(|| Failure::NotFound { name: name::decision_name(&customer, &id) })?;
        let mut triggers = Vec::new();
        for assessment in &decision.assessments {
            match &assessment.verdict {
                Verdict::Qualified(trigger) => triggers.extend(self.records.get_trigger(&customer, trigger)?),
                Verdict::Suppressed(_) | Verdict::Held { .. } => {}
            }
        }
        let told: Vec<Told<'_>> = triggers
            .iter()
            .map(|stored| Told {
                trigger: &stored.trigger,
                state: stored.state,
                attempts: &stored.attempts,
                receipts: &stored.receipts,
            })
            .collect();
        Ok(v1::ExplainDecisionResponse {
            sentences: sentences(&decision, &told, &self.catalogue.shelf()),
            triggers: triggers.iter().map(message).collect(),
            decision: Some((&decision).into()),
        })
    }

    /// Sets until when a device is under trace.
    async fn trace(&self, device: &str, until: ServerTime) -> Result<(), Failure> {
        let (customer, id) = name::device("device", device)?;
        change(&self.records, &customer, |before| {
            let mut state = before.ok_or_else(|| missing_device(&customer, &id))?;
            let own: &mut DeviceState = state.devices.get_mut(&id).ok_or_else(|| missing_device(&customer, &id))?;
            own.trace_until = Some(until);
            Ok(state)
        })
        .await
        .map(drop)
    }

    fn entries(&self, mut request: v1::ListTraceEntriesRequest) -> Result<v1::ListTraceEntriesResponse, Failure> {
        let wanted = Wanted::parse(request.page.take(), "traces", &request)?;
        let (customer, device) = name::device("parent", &request.parent)?;
        self.own(&customer, &device)?;
        let page = self.records.list_traces(&customer, &device, wanted.after_cursor()?.as_ref(), wanted.size)?;
        Ok(v1::ListTraceEntriesResponse {
            entries: page.items.iter().map(Into::into).collect(),
            next_page_token: wanted.token(page.next),
        })
    }

    fn own(&self, customer: &CustomerId, device: &DeviceId) -> Result<(), Failure> {
        let known =
            self.records.load_customer(customer)?.is_some_and(|(state, _)| state.devices.contains_key(device));
        if known { Ok(()) } else { Err(missing_device(customer, device)) }
    }

    /// Parses the cursor of a watch, and checks that going on from it leaves nothing out.
    fn resume(&self, cursor: &str) -> Result<Option<LogCursor>, Failure> {
        let Some(cursor) = filter(cursor, |cursor| LogCursor::parse("cursor", cursor))? else { return Ok(None) };
        match self.records.find_in_log(&cursor)? {
            LogPlace::Good => Ok(Some(cursor)),
            LogPlace::Ahead => {
                let problem = "lies after all that is kept; must be that of a trigger which this server sent";
                Err(Invalid::new("cursor", problem).into())
            }
            LogPlace::Purged => {
                let problem = "is older than what is kept, and triggers after it are gone; leave it empty to start \
                               from the first trigger kept";
                Err(Failure::Gone(Invalid::new("cursor", problem)))
            }
        }
    }

    /// Sends the triggers after the cursor, then each new one as it becomes durable, until the reader goes away
    /// or the server drains.
    async fn follow(
        mut self,
        mut cursor: Option<LogCursor>,
        campaign: Option<CampaignId>,
        out: &mpsc::Sender<Result<v1::WatchTriggersResponse, Status>>,
    ) -> Result<(), Failure> {
        let mut commits = self.records.watch();
        loop {
            // Marked as seen before the read, so that a commit after it wakes this stream again.
            commits.borrow_and_update();
            let part = self.records.read_log(cursor.as_ref(), READ_AT_ONCE)?;
            for (stored, at) in part.triggers {
                if campaign.as_ref().is_some_and(|wanted| stored.trigger.campaign != *wanted) {
                    continue;
                }
                let response = v1::WatchTriggersResponse { trigger: Some(message(&stored)), cursor: at.to_string() };
                tokio::select! {
                    sent = out.send(Ok(response)) => if sent.is_err() { return Ok(()) },
                    () = drained(&mut self.draining) => return Err(Failure::Draining),
                }
            }
            let end = part.next.is_none();
            cursor = part.next.or(cursor);
            if end {
                tokio::select! {
                    changed = commits.changed() => if changed.is_err() { return Err(Failure::Draining) },
                    () = out.closed() => return Ok(()),
                    () = drained(&mut self.draining) => return Err(Failure::Draining),
                }
                tokio::time::sleep(TOGETHER).await;
            }
        }
    }
}

type Triggers = Pin<Box<dyn Stream<Item = Result<v1::WatchTriggersResponse, Status>> + Send>>;

#[tonic::async_trait]
impl v1::decision_service_server::DecisionService for Decisions {
    type WatchTriggersStream = Triggers;

    async fn list_decisions(
        &self,
        request: Request<v1::ListDecisionsRequest>,
    ) -> Result<Response<v1::ListDecisionsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner())?))
    }

    async fn explain_decision(
        &self,
        request: Request<v1::ExplainDecisionRequest>,
    ) -> Result<Response<v1::ExplainDecisionResponse>, Status> {
        Ok(Response::new(self.explain(&request.into_inner().name)?))
    }

    async fn watch_triggers(&self, request: Request<v1::WatchTriggersRequest>) -> Result<Response<Triggers>, Status> {
        let v1::WatchTriggersRequest { cursor, campaign } = request.into_inner();
        let cursor = self.resume(&cursor)?;
        let campaign = filter(&campaign, |name| name::campaign("campaign", name))?;
        let (out, triggers) = mpsc::channel(TRIGGERS_QUEUED);
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(failure) = service.follow(cursor, campaign, &out).await {
                let _ = out.send(Err(failure.into())).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(triggers))))
    }

    async fn start_trace(
        &self,
        request: Request<v1::StartTraceRequest>,
    ) -> Result<Response<v1::StartTraceResponse>, Status> {
        let v1::StartTraceRequest { device, duration } = request.into_inner();
        let duration = duration.map(|span| time::millis_within("duration", span, TRACE_MIN, TRACE_MAX));
        let duration = duration.transpose().map_err(Failure::from)?.unwrap_or(TRACE_DEFAULT);
        let until = self.clock.now() + duration;
        self.trace(&device, until).await?;
        Ok(Response::new(v1::StartTraceResponse { expire_time: Some(until.into()) }))
    }

    async fn stop_trace(
        &self,
        request: Request<v1::StopTraceRequest>,
    ) -> Result<Response<v1::StopTraceResponse>, Status> {
        self.trace(&request.into_inner().device, self.clock.now()).await?;
        Ok(Response::new(v1::StopTraceResponse {}))
    }

    async fn list_trace_entries(
        &self,
        request: Request<v1::ListTraceEntriesRequest>,
    ) -> Result<Response<v1::ListTraceEntriesResponse>, Status> {
        Ok(Response::new(self.entries(request.into_inner())?))
    }
}

fn filter_of(request: &v1::ListDecisionsRequest) -> Result<DecisionFilter, Failure> {
    let everybody = request.parent == name::EVERY_CUSTOMER;
    let problem = || format!("is {}; must be QUALIFIED, SUPPRESSED, HELD, or unset for all", request.verdict);
    Ok(DecisionFilter {
        customer: (!everybody).then(|| name::customer("parent", &request.parent)).transpose()?,
        campaign: filter(&request.campaign, |name| name::campaign("campaign", name))?,
        region: filter(&request.region, |name| name::region("region", name))?,
        verdict: match v1::Verdict::try_from(request.verdict) {
            Ok(v1::Verdict::Unspecified) => None,
            Ok(v1::Verdict::Qualified) => Some(VerdictKind::Qualified),
            Ok(v1::Verdict::Suppressed) => Some(VerdictKind::Suppressed),
            Ok(v1::Verdict::Held) => Some(VerdictKind::Held),
            Err(_) => return Err(Invalid::new("verdict", problem()).into()),
        },
        start: request.start_time.map(|at| time::server_time("start_time", at)).transpose()?,
        end: request.end_time.map(|at| time::server_time("end_time", at)).transpose()?,
    })
}

/// Waits until the server drains.
async fn drained(draining: &mut watch::Receiver<bool>) {
    // Nobody who could say so is left: that is drained, too.
    let _ = draining.wait_for(|draining| *draining).await;
}

/// The trigger as it stands.
fn message(stored: &StoredTrigger) -> v1::Trigger {
    trigger_message(&stored.trigger, stored.state, &stored.attempts, &stored.receipts, stored.offered)
}
