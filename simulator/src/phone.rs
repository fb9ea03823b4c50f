//! A virtual phone: streams pings over gRPC as the contract asks of an app.
//!
//! It sends batches over one stream, waits for the ack of each, and forgets a ping only once it was acked or
//! refused for good. When the stream breaks it reconnects, with growing pauses, and sends what is left again under
//! the same sequence numbers; when the server drains it comes back after the time that it was told.

use anyhow::{Context, Result, bail, ensure};
use doorstep::model::{Ping, Transition};
use doorstep::wire::v1;
use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use v1::device_service_client::DeviceServiceClient;
use v1::stream_pings_response::Message;

/// Most pings in one batch, by the contract.
pub const BATCH_MAX: usize = 1_000;
/// Most pings that a phone keeps until they are acked.
pub const UNACKED_MAX: usize = 100_000;
/// Reconnects without any ack in between, until the phone gives up.
const RECONNECTS_MAX: u32 = 8;
/// How long an ack may take.
const ACK_WITHIN: Duration = Duration::from_secs(30);
/// The first and the longest pause before a reconnect.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// The longest pause that the contract lets a draining server ask for.
const DRAIN_PAUSE_MAX: Duration = Duration::from_secs(30);

/// One phone that reports to one server.
#[derive(Debug)]
pub struct Phone {
    client: DeviceServiceClient<Channel>,
    device: String,
    batch: usize,
    unacked: VecDeque<v1::Ping>,
    link: Option<Link>,
    report: PhoneReport,
    /// What it was shown in the app and has not told of yet.
    receipts: Vec<v1::Receipt>,
}

/// What came of a phone's pings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhoneReport {
    /// Pings that the server has kept, or had kept before.
    pub kept: u64,
    /// Pings that were sent again, since no ack had come.
    pub resent: u64,
    /// Times that the stream was opened again after it broke.
    pub reconnects: u32,
    /// Times that the server asked the phone to come back later.
    pub drains: u32,
    /// Pings that were refused for good: sequence number and reason. Duplicates are not among them: they are kept.
    pub refusals: Vec<(u64, String)>,
    /// The transitions that the acks told of.
    pub transitions: Vec<Transition>,
}

impl PhoneReport {
    /// Says what the server refused, if anything: how many pings, and why the first one.
    pub fn print_refusals(&self, out: &mut dyn Write) -> Result<()> {
        if let Some((sequence, why)) = self.refusals.first() {
            let count = self.refusals.len();
            writeln!(out, "\nthe server refused {count} pings; the first one is ping {sequence}: {why}")?;
        }
        Ok(())
    }
}

/// An open stream.
#[derive(Debug)]
struct Link {
    batches: mpsc::Sender<v1::StreamPingsRequest>,
    answers: Streaming<v1::StreamPingsResponse>,
    introduced: bool,
}

/// How sending one batch ended.
enum Sent {
    Acked(v1::PingAck),
    Drained(Duration),
    Broken(Status),
}

impl Phone {
    /// A phone with a device's name, `customers/{customer}/devices/{device}`, that sends batches of so many pings, 1
    /// to 1,000. It connects when it first has something to send.
    pub fn new(channel: Channel, device: impl Into<String>, batch: usize) -> Self {
        Self {
            client: DeviceServiceClient::new(channel),
            device: device.into(),
            batch: batch.clamp(1, BATCH_MAX),
            unacked: VecDeque::new(),
            link: None,
            report: PhoneReport::default(),
            receipts: Vec::new(),
        }
    }

    /// Takes a ping, and sends as soon as a batch is full. Their sequence numbers must grow.
    pub async fn take(&mut self, ping: &Ping) -> Result<()> {
        ensure!(self.unacked.len() < UNACKED_MAX, "the phone keeps {UNACKED_MAX} pings that nobody has acked");
        self.unacked.push_back(ping.into());
        if self.unacked.len() >= self.batch { self.flush().await } else { Ok(()) }
    }

    /// Sends what there is, and returns once all of it is acked or refused.
    pub async fn flush(&mut self) -> Result<()> {
        let (mut fruitless, mut sent_up_to) = (0, 0);
        while !self.unacked.is_empty() {
            let count = self.batch.min(self.unacked.len());
            let pings: Vec<v1::Ping> = self.unacked.iter().take(count).cloned().collect();
            self.report.resent += pings.iter().filter(|ping| ping.sequence <= sent_up_to).count() as u64;
            sent_up_to = pings.last().map_or(sent_up_to, |last| last.sequence.max(sent_up_to));
            match self.send(pings).await {
                Sent::Acked(ack) => {
                    self.settle(count, ack)?;
                    fruitless = 0;
                }
                Sent::Drained(pause) => {
                    self.link = None;
                    self.report.drains += 1;
                    tokio::time::sleep(pause).await;
                }
                Sent::Broken(status) => {
                    self.link = None;
                    if is_permanent(status.code()) || fruitless >= RECONNECTS_MAX {
                        return Err(status).with_context(|| format!("cannot report pings of {}", self.device));
                    }
                    tracing::debug!(%status, fruitless, "the stream broke");
                    tokio::time::sleep(PAUSE.1.min(PAUSE.0 * 2u32.pow(fruitless))).await;
                    fruitless += 1;
                    self.report.reconnects += 1;
                }
            }
        }
        Ok(())
    }

    /// What came of the pings so far.
    pub fn report(&self) -> &PhoneReport {
        &self.report
    }

    /// Sends what is left and closes the stream.
    pub async fn finish(mut self) -> Result<PhoneReport> {
        self.flush().await?;
        if !self.receipts.is_empty() {
            self.send(Vec::new()).await;
        }
        if let Some(Link { batches, mut answers, .. }) = self.link.take() {
            drop(batches);
            // All is acked: how the stream ends makes no difference any more.
            while let Ok(Ok(Some(_))) = tokio::time::timeout(ACK_WITHIN, answers.message()).await {}
        }
        Ok(self.report)
    }

    /// Sends one batch and waits for its answer.
    async fn send(&mut self, pings: Vec<v1::Ping>) -> Sent {
        if self.link.is_none() {
            match self.open().await {
                Ok(link) => self.link = Some(link),
                Err(status) => return Sent::Broken(status),
            }
        }
        let Some(link) = &mut self.link else { return Sent::Broken(Status::unavailable("there is no stream")) };
        let device = if link.introduced { String::new() } else { self.device.clone() };
        link.introduced = true;
        let receipts = self.receipts.clone();
        let told = receipts.len();
        // When this fails the server has ended the stream, and its answers say how.
        let _ = link.batches.send(v1::StreamPingsRequest { device, want_transitions: true, pings, receipts }).await;
        let answer = loop {
            let answer = tokio::time::timeout(ACK_WITHIN, link.answers.message()).await;
            match answer {
                Ok(Ok(Some(v1::StreamPingsResponse { message: Some(Message::InApp(shown)) }))) => {
                    let kind = v1::ReceiptKind::Received.into();
                    self.receipts.push(v1::Receipt { trigger: shown.trigger, kind, ..v1::Receipt::default() });
                }
                Ok(Ok(Some(v1::StreamPingsResponse { message: Some(Message::Withdrawn(_)) }))) => {}
                answer => break answer,
            }
        };
        match answer {
            Err(_) => Sent::Broken(Status::deadline_exceeded(format!("no ack within {ACK_WITHIN:?}"))),
            Ok(Err(status)) => Sent::Broken(status),
            Ok(Ok(None)) => Sent::Broken(Status::unavailable("the server ended the stream")),
            Ok(Ok(Some(v1::StreamPingsResponse {
                message: None | Some(Message::InApp(_) | Message::Withdrawn(_)),
            }))) => Sent::Broken(Status::unavailable("the server answered with nothing")),
            Ok(Ok(Some(v1::StreamPingsResponse { message: Some(Message::Ack(ack)) }))) => {
                self.receipts.drain(..told);
                Sent::Acked(ack)
            }
            Ok(Ok(Some(v1::StreamPingsResponse { message: Some(Message::Drain(drain)) }))) => {
                let asked =
                    drain.reconnect_after.and_then(|after| Duration::try_from(after).ok()).unwrap_or_default();
                Sent::Drained(asked.min(DRAIN_PAUSE_MAX))
            }
        }
    }

    async fn open(&mut self) -> Result<Link, Status> {
        let (batches, outgoing) = mpsc::channel(1);
        let answers = self.client.stream_pings(ReceiverStream::new(outgoing)).await?.into_inner();
        Ok(Link { batches, answers, introduced: false })
    }

    /// Forgets the acked batch, the first `count` pings: each was kept or refused.
    fn settle(&mut self, count: usize, ack: v1::PingAck) -> Result<()> {
        let forgotten = |ping: &&v1::Ping| {
            ping.sequence > ack.last_kept_sequence && ack.refusals.iter().all(|no| no.sequence != ping.sequence)
        };
        if let Some(ping) = self.unacked.iter().take(count).find(forgotten) {
            bail!("the server's ack leaves out ping {} of {}, and refuses it not", ping.sequence, self.device);
        }
        let mut settled = self.unacked.drain(..count).count() as u64;
        for refusal in ack.refusals {
            match refusal.reason() {
                v1::RefusalReason::Duplicate => {}
                reason @ (v1::RefusalReason::Unspecified
                | v1::RefusalReason::Invalid
                | v1::RefusalReason::FromTheFuture
                | v1::RefusalReason::TooOld
                | v1::RefusalReason::NoConsent) => {
                    settled = settled.saturating_sub(1);
                    let words = reason.as_str_name().trim_start_matches("REFUSAL_REASON_").to_lowercase();
                    let detail =
                        if refusal.detail.is_empty() { String::new() } else { format!(": {}", refusal.detail) };
                    self.report.refusals.push((refusal.sequence, words.replace('_', " ") + &detail));
                }
            }
        }
        self.report.kept += settled;
        for transition in ack.transitions {
            self.report.transitions.push(transition.try_into().context("the server's ack has a bad transition")?);
        }
        Ok(())
    }
}

/// Whether trying again would end the same way.
fn is_permanent(code: Code) -> bool {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => true,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => false,
    }
}

#[cfg(test)]
mod tests;
