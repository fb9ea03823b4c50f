//! The `AdminService`: backups.

use super::clock::Clock;
use super::errors;
use crate::store::backup::Writer;
use crate::store::{Records, StoreError};
use crate::wire::v1::admin_service_server::AdminService;
use crate::wire::v1::{BackupRequest, BackupResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// A chunk is sent once it has this many bytes; a record may lengthen it, and then it is cut.
const CHUNK_BYTES: usize = 256 * 1024;
/// The largest chunk in bytes.
const CHUNK_MAX_BYTES: usize = 1 << 20;
/// Chunks that wait for the client; beyond it, reading waits.
const CHUNKS: usize = 4;

/// The service.
pub(super) struct Admin {
    records: Records,
}

impl Admin {
    /// Over these records.
    pub(super) fn new(records: Records) -> Self {
        Self { records }
    }
}

type Chunks = mpsc::Sender<Result<BackupResponse, Status>>;

#[tonic::async_trait]
impl AdminService for Admin {
    type BackupStream = ReceiverStream<Result<BackupResponse, Status>>;

    async fn backup(&self, _: Request<BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        let (chunks, stream) = mpsc::channel(CHUNKS);
        let records = self.records.clone();
        // sled reads from the disk where it must, which would hold up the others of a runtime's thread.
        tokio::task::spawn_blocking(move || {
            match send(&records, &chunks) {
                Ok(Some(count)) => tracing::info!(records = count, "a backup was taken"),
                Ok(None) => tracing::info!("a backup was given up by its client"),
                Err(error) => {
                    // A client that is gone needs no answer.
                    let _ = chunks.blocking_send(Err(errors::store(&error)));
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// Sends everything; how many records, or nothing when the client has gone.
fn send(records: &Records, chunks: &Chunks) -> Result<Option<u64>, StoreError> {
    let mut snapshot = records.snapshot()?;
    let mut bytes = Vec::with_capacity(2 * CHUNK_BYTES);
    // The machine's clock, whatever the pings tell.
    let mut writer = Writer::begin(snapshot.revision(), Clock::System.now().0, &mut bytes);
    let mut count = 0;
    loop {
        let part = snapshot.next()?;
        let is_end = part.is_empty();
        for (table, entry) in part {
            count += 1;
            writer.record(table, entry, &mut bytes);
            if bytes.len() >= CHUNK_BYTES && !flush(chunks, &mut bytes) {
                return Ok(None);
            }
        }
        if is_end {
            writer.end(&mut bytes);
            return Ok(flush(chunks, &mut bytes).then_some(count));
        }
    }
}

/// Whether the client took them.
fn flush(chunks: &Chunks, bytes: &mut Vec<u8>) -> bool {
    let all = std::mem::take(bytes);
    all.chunks(CHUNK_MAX_BYTES)
        .all(|chunk| chunks.blocking_send(Ok(BackupResponse { chunk: chunk.to_vec() })).is_ok())
}
