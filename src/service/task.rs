//! Work that a caller who goes away must not stop half way.

use super::errors::Failure;
use crate::store::StoreError;
use std::future::Future;
use tokio::task::JoinError;

/// Runs to the end, even if nobody waits for it any more: tonic drops a call's future when its client leaves.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    joined(tokio::spawn(work).await)?
}

/// The outcome of a task; its panic goes on here.
pub(super) fn joined<T>(ended: Result<T, JoinError>) -> Result<T, StoreError> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(outcome) => Ok(outcome),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // Only the end of the runtime cancels it.
        Err(Err(_cancelled)) => Err(StoreError::Closed),
    }
}
