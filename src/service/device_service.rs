//! The phone's side: a batch up, an ack down.

use super::edge;
use super::errors;
use super::in_app;
use super::ingest::{Ingest, Kept};
use super::server::MESSAGE_MAX_BYTES;
use crate::deliver::{Connection, Notice};
use crate::model::{CustomerId, DeviceId, Ping, Sequence};
use crate::wire::v1;
use crate::wire::{each, name, ping, required, trigger::receipt};
use std::pin::Pin;
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

/// Most pings in one batch.
const BATCH_MAX: usize = 1_000;
/// Most receipts in one message.
const RECEIPTS_MAX: usize = 100;
/// Acks that wait for a slow phone before its stream stops being read.
const ACKS_QUEUED: usize = 4;
/// Phones reconnect within this time after a drain, spread by their names.
const RECONNECT_WITHIN_MS: u64 = 30_000;

/// Serves `DeviceService`.
#[derive(Clone)]
pub(super) struct Devices {
    ingest: Ingest,
    draining: watch::Receiver<bool>,
}

impl Devices {
    pub(super) fn new(ingest: Ingest, draining: watch::Receiver<bool>) -> Self {
        Self { ingest, draining }
    }

    /// Parses a batch, decides the good pings, and answers for all of them.
    async fn answer(
        &self,
        (customer, device): &(CustomerId, DeviceId),
        pings: Vec<v1::Ping>,
        want_transitions: bool,
    ) -> Result<v1::PingAck, Status> {
        if pings.len() > BATCH_MAX {
            let problem = format!("has {} entries; at most {BATCH_MAX} are allowed", pings.len());
            return Err(errors::invalid(&crate::model::Invalid::new("pings", problem)));
        }
        let mut good: Vec<Ping> = Vec::with_capacity(pings.len());
        let (mut refusals, mut unread) = (Vec::new(), Vec::new());
        for (index, message) in pings.into_iter().enumerate() {
            let sequence = message.sequence;
            match ping::parse(message) {
                Ok(ping) => good.push(ping),
                Err(invalid) => {
                    unread.push(Sequence(sequence));
                    refusals.push(ping::refused(sequence, &invalid.at("pings", index)));
                }
            }
        }
        // What came of a sensitive place is nobody's to know.
        let Kept { last_kept, refusals: refused, transitions, advice, hushed: _ } =
            self.ingest.batch(customer, device, good, unread).await.map_err(|error| errors::ingest(&error))?;
        refusals.extend(refused.iter().map(|(sequence, refusal)| ping::refusal(*sequence, refusal)));
        refusals.sort_by_key(|refusal| refusal.sequence);
        let transitions =
            if want_transitions { transitions.iter().map(v1::Transition::from).collect() } else { Vec::new() };
        Ok(v1::PingAck {
            last_kept_sequence: last_kept.0,
            refusals,
            transitions,
            next_report: advice.map(v1::ReportAdvice::from),
            unknown_triggers: Vec::new(),
        })
    }

    /// Notes what the app tells of messages; gives the ids of those that the device has none of.
    async fn note(
        &self,
        (customer, device): &(CustomerId, DeviceId),
        receipts: Vec<v1::Receipt>,
    ) -> Result<Vec<String>, Status> {
        let count = receipts.len();
        if count > RECEIPTS_MAX {
            let problem = format!("has {count} entries; at most {RECEIPTS_MAX} are allowed");
            return Err(errors::invalid(&crate::model::Invalid::new("receipts", problem)));
        }
        let now = self.ingest.now();
        let receipts = each("receipts", receipts, |wire| receipt(&wire, now)).map_err(|why| errors::invalid(&why))?;
        let unknown = self.ingest.note(customer, device, &receipts).await.map_err(|error| errors::ingest(&error))?;
        Ok(unknown.iter().map(ToString::to_string).collect())
    }

    /// Reads batches until the phone is done or the server drains.
    async fn converse(
        mut self,
        mut batches: Streaming<v1::StreamPingsRequest>,
        answers: mpsc::Sender<Result<v1::StreamPingsResponse, Status>>,
    ) -> Result<(), Status> {
        use v1::stream_pings_response::Message;
        let mut stream: Option<Opened> = None;
        let mut line: Option<Connection> = None;
        loop {
            let batch = tokio::select! {
                biased;
                () = asked(&mut self.draining) => {
                    let drain = drain(stream.as_ref());
                    let _ = answers.send(Ok(v1::StreamPingsResponse { message: Some(Message::Drain(drain)) })).await;
                    return Ok(());
                }
                notice = next(&mut line) => {
                    let message = in_app::message(notice);
                    if answers.send(Ok(v1::StreamPingsResponse { message: Some(message) })).await.is_err() {
                        return Ok(());
                    }
                    continue;
                }
                batch = batches.next() => batch,
            };
            let batch = batch.transpose().map_err(|status| {
                if edge::is_oversized(&status) { edge::oversized(&status, MESSAGE_MAX_BYTES) } else { status }
            })?;
            let Some(batch) = batch else { return Ok(()) };
            let opened = match stream.take() {
                Some(opened) => opened.same(&batch.device)?,
                None => Opened::by(&batch)?,
            };
            let (customer, device) = &opened.device;
            line.get_or_insert_with(|| self.ingest.apps().connect(customer, device));
            let unknown_triggers = match batch.receipts {
                none if none.is_empty() => Vec::new(),
                receipts => self.note(&opened.device, receipts).await?,
            };
            let ack = self.answer(&opened.device, batch.pings, opened.want_transitions).await?;
            let ack = v1::PingAck { unknown_triggers, ..ack };
            stream = Some(opened);
            let answer = v1::StreamPingsResponse { message: Some(Message::Ack(ack)) };
            if answers.send(Ok(answer)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Waits until the server drains. A server that is gone drains, too.
async fn asked(draining: &mut watch::Receiver<bool>) {
    let _ = draining.wait_for(|draining| *draining).await;
}

/// What the app is to be told next; nothing, for ever, before its stream is known and when another took its place.
async fn next(line: &mut Option<Connection>) -> Notice {
    if let Some(connection) = line
        && let Some(notice) = connection.next().await
    {
        return notice;
    }
    std::future::pending().await
}

/// What the first message of a stream settled.
struct Opened {
    name: String,
    device: (CustomerId, DeviceId),
    want_transitions: bool,
}

impl Opened {
    fn by(first: &v1::StreamPingsRequest) -> Result<Self, Status> {
        let device = name::device("device", &first.device).map_err(|invalid| errors::invalid(&invalid))?;
        Ok(Self { name: first.device.clone(), device, want_transitions: first.want_transitions })
    }

    fn same(self, device: &str) -> Result<Self, Status> {
        if device.is_empty() || device == self.name {
            return Ok(self);
        }
        let problem = format!("is {device:?}; must stay {:?} within one stream, or be empty", self.name);
        Err(errors::invalid(&crate::model::Invalid::new("device", problem)))
    }
}

/// Spreads the phones over the time in which they may come back, without a random number: by their names.
fn drain(stream: Option<&Opened>) -> v1::Drain {
    let spread = stream.map_or(0, |opened| xxhash_rust::xxh3::xxh3_64(opened.name.as_bytes()) % RECONNECT_WITHIN_MS);
    let after = prost_types::Duration {
        seconds: (spread / 1_000).cast_signed(),
        nanos: i32::try_from(spread % 1_000 * 1_000_000).unwrap_or_default(),
    };
    v1::Drain { reconnect_after: Some(after) }
}

type Answers = Pin<Box<dyn Stream<Item = Result<v1::StreamPingsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl v1::device_service_server::DeviceService for Devices {
    type StreamPingsStream = Answers;

    async fn stream_pings(
        &self,
        request: Request<Streaming<v1::StreamPingsRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let (answers, receiver) = mpsc::channel(ACKS_QUEUED);
        let devices = self.clone();
        tokio::spawn(async move {
            let failed = answers.clone();
            if let Err(status) = devices.converse(request.into_inner(), answers).await {
                let _ = failed.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn upload_pings(
        &self,
        request: Request<v1::UploadPingsRequest>,
    ) -> Result<Response<v1::UploadPingsResponse>, Status> {
        let v1::UploadPingsRequest { device, want_transitions, pings } = request.into_inner();
        let device = name::device("device", &device).map_err(|invalid| errors::invalid(&invalid))?;
        let ack = self.answer(&device, pings, want_transitions).await?;
        Ok(Response::new(v1::UploadPingsResponse { ack: Some(ack) }))
    }

    async fn report_receipts(
        &self,
        request: Request<v1::ReportReceiptsRequest>,
    ) -> Result<Response<v1::ReportReceiptsResponse>, Status> {
        let v1::ReportReceiptsRequest { device, receipts } = request.into_inner();
        let device = name::device("device", &device).map_err(|invalid| errors::invalid(&invalid))?;
        let first = receipts.first();
        required("receipts", first).map_err(|invalid| errors::invalid(&invalid))?;
        let unknown_triggers = self.note(&device, receipts).await?;
        Ok(Response::new(v1::ReportReceiptsResponse { unknown_triggers }))
    }
}
