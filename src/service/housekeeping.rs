//! What must be done now and then: erasures finished, traces and history erased when their time is over.

use super::clock::Clock;
use crate::model::Millis;
use crate::store::{CommitError, Records};
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked for what is too old.
const EVERY: Duration = Duration::from_secs(600);

/// How often the log of counts is folded, so that it stays short.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// Folds the log of counts into the figures of campaigns, until the server drains.
pub(super) async fn count(records: Records, mut draining: watch::Receiver<bool>) {
    loop {
        let pause = match records.fold_counts().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => FOLD_EVERY,
            Err(error) => {
                tracing::error!(%error, "cannot fold the counts of campaigns");
                EVERY
            }
        };
        tokio::select! {
            _ = draining.wait_for(|draining| *draining) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Keeps house until the server drains: finishes erasures that were left unfinished, and erases decisions, ended
/// triggers and traces as their time comes. What fails is logged and tried again at the next turn.
pub(super) async fn keep(records: Records, clock: Clock, history: Millis, mut draining: watch::Receiver<bool>) {
    loop {
        if let Err(error) = records.finish_erasures().await {
            tracing::error!(%error, "cannot finish erasures");
        }
        if let Err(error) = tidy(&records, &clock, history).await {
            tracing::error!(%error, "cannot erase what is too old");
        }
        tokio::select! {
            _ = draining.wait_for(|draining| *draining) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn tidy(records: &Records, clock: &Clock, history: Millis) -> Result<(), CommitError> {
    let now = clock.now();
    while records.purge_history(now - history).await? > 0 {}
    let mut after = None;
    loop {
        let (_, next) = records.purge_traces(now, after.as_ref()).await?;
        if next.is_none() {
            return Ok(());
        }
        after = next;
    }
}
