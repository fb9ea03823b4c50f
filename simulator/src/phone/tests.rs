//! A phone against a server that misbehaves as told.

use super::*;
use doorstep::model::{AppState, DeviceTime, Sequence};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response};

/// What the server does with the batches, one after the other over all streams; then it acks.
#[derive(Debug, Clone, Copy)]
enum Act {
    Ack,
    Break,
    Drain,
    Fail(Code),
    /// Refuses the batch's first ping and keeps the others.
    Refuse,
    /// Answers as if it had seen nothing.
    AckNothing,
}

/// What the server saw: the device of each first message, and the sequence numbers of each batch.
#[derive(Debug, Default)]
struct Seen {
    devices: Vec<String>,
    batches: Vec<Vec<u64>>,
}

#[derive(Clone)]
struct Moody {
    acts: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Seen>>,
}

type Answers = Pin<Box<dyn Stream<Item = Result<v1::StreamPingsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl v1::device_service_server::DeviceService for Moody {
    type StreamPingsStream = Answers;

    async fn stream_pings(
        &self,
        request: Request<Streaming<v1::StreamPingsRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let mut batches = request.into_inner();
        let (answers, receiver) = mpsc::channel(4);
        let moody = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(batch)) = batches.next().await {
                let answer = moody.answer(&batch);
                let ends = !matches!(answer, Some(Ok(v1::StreamPingsResponse { message: Some(Message::Ack(_)) })));
                if let Some(answer) = answer {
                    let _ = answers.send(answer).await;
                }
                if ends {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn upload_pings(
        &self,
        _: Request<v1::UploadPingsRequest>,
    ) -> Result<Response<v1::UploadPingsResponse>, Status> {
        Err(Status::unimplemented("a phone streams"))
    }

    async fn report_receipts(
        &self,
        _: Request<v1::ReportReceiptsRequest>,
    ) -> Result<Response<v1::ReportReceiptsResponse>, Status> {
        Err(Status::unimplemented("this server takes receipts on streams alone"))
    }
}

impl Moody {
    fn answer(&self, batch: &v1::StreamPingsRequest) -> Option<Result<v1::StreamPingsResponse, Status>> {
        let sequences: Vec<u64> = batch.pings.iter().map(|ping| ping.sequence).collect();
        let last = sequences.last().copied().unwrap_or_default();
        let mut seen = self.seen.lock().unwrap();
        if !batch.device.is_empty() {
            seen.devices.push(batch.device.clone());
        }
        seen.batches.push(sequences.clone());
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Ack);
        let ack = |last_kept_sequence, refusals| {
            let ack = v1::PingAck { last_kept_sequence, refusals, ..v1::PingAck::default() };
            Some(Ok(v1::StreamPingsResponse { message: Some(Message::Ack(ack)) }))
        };
        match act {
            Act::Ack => ack(last, Vec::new()),
            Act::AckNothing => ack(0, Vec::new()),
            Act::Refuse => {
                let reason = v1::RefusalReason::TooOld.into();
                ack(last, vec![v1::Refusal { sequence: sequences[0], reason, detail: "40 d".to_owned() }])
            }
            Act::Break => None,
            Act::Fail(code) => Some(Err(Status::new(code, "as told"))),
            Act::Drain => {
                let drain = v1::Drain { reconnect_after: None };
                Some(Ok(v1::StreamPingsResponse { message: Some(Message::Drain(drain)) }))
            }
        }
    }
}

/// Sends four pings in batches of two; returns what the phone reports and what the server saw.
async fn check(acts: &[Act]) -> (Result<PhoneReport>, Seen) {
    let moody = Moody { acts: Arc::new(Mutex::new(acts.iter().copied().collect())), seen: Arc::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = v1::device_service_server::DeviceServiceServer::new(moody.clone());
    let serving =
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let mut phone = Phone::new(channel, "customers/maya/devices/phone-1", 2);
    let walk = async {
        for sequence in 1..=4 {
            let ping = Ping {
                sequence: Sequence(sequence),
                observed: DeviceTime(1_000),
                fix: None,
                sightings: Vec::new(),
                app: AppState::Unknown,
            };
            phone.take(&ping).await?;
        }
        phone.finish().await
    };
    let report = walk.await;
    serving.abort();
    let seen = std::mem::take(&mut *moody.seen.lock().unwrap());
    (report, seen)
}

#[tokio::test]
async fn a_batch_goes_out_when_it_is_full_and_the_device_is_named_once() {
    let (report, seen) = check(&[]).await;
    assert_eq!(report.unwrap(), PhoneReport { kept: 4, ..PhoneReport::default() });
    assert_eq!(seen.batches, [[1, 2], [3, 4]]);
    assert_eq!(seen.devices, ["customers/maya/devices/phone-1"]);
}

#[tokio::test]
async fn what_was_not_acked_is_sent_again_under_the_same_numbers() {
    for (act, reconnects, drains) in [(Act::Break, 1, 0), (Act::Fail(Code::Unavailable), 1, 0), (Act::Drain, 0, 1)] {
        let (report, seen) = check(&[Act::Ack, act]).await;
        assert_eq!(report.unwrap(), PhoneReport { kept: 4, resent: 2, reconnects, drains, ..PhoneReport::default() });
        assert_eq!(seen.batches, [[1, 2], [3, 4], [3, 4]], "{act:?}");
        assert_eq!(seen.devices.len(), 2, "the device is named again on a new stream");
    }
}

#[tokio::test]
async fn a_refused_ping_is_given_up_and_told_of() {
    let (report, seen) = check(&[Act::Ack, Act::Refuse]).await;
    let report = report.unwrap();
    assert_eq!((report.kept, &report.refusals[..]), (3, &[(3, "too old: 40 d".to_owned())][..]));
    assert_eq!(seen.batches.len(), 2);
}

#[tokio::test]
async fn the_phone_gives_up_where_trying_again_is_in_vain() {
    let (report, seen) = check(&[Act::Fail(Code::NotFound)]).await;
    assert!(format!("{:#}", report.unwrap_err()).contains("cannot report pings of customers/maya/devices/phone-1"));
    assert_eq!(seen.batches.len(), 1);
    let (report, _) = check(&[Act::AckNothing]).await;
    assert!(report.unwrap_err().to_string().contains("leaves out ping 1"));
}
