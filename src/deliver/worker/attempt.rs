//! One attempt, from the claimed entry to the durable record of what became of it.

use super::queue::Job;
use crate::deliver::{Answer, Clock, DETAIL_MAX_CHARS, Provider, backoff, compose};
use crate::model::{DeliveryAttempt, DeliveryState, Millis, ServerTime, TriggerId};
use crate::store::{Claim, CommitError, OutboxEntry, Records, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// What attempts share.
pub(super) struct Desk {
    pub(super) records: Records,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) clock: Clock,
    /// Makes the jitter differ from one server to another.
    pub(super) seed: u64,
    /// How long a provider may take.
    pub(super) patience: Duration,
}

/// How a job came back.
pub(super) enum Landing {
    /// Its trigger has ended.
    Ended,
    /// It is to be taken up again.
    Again { job: Job<OutboxEntry>, due: ServerTime },
    /// The store takes no more commits.
    Broken(StoreError),
}

impl Desk {
    /// Takes up a job: ends its trigger when it has expired, makes one attempt otherwise.
    pub(super) async fn attempt(&self, job: Job<OutboxEntry>) -> Landing {
        let at = (self.clock)();
        let claim = match self.records.claim(&job.entry, at) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Landing::Ended,
            Err(error) => return self.stumble(job, error.into()),
        };
        if claim.trigger.expires <= at {
            return self.end(job, None, DeliveryState::Expired).await;
        }
        let begun = Instant::now();
        let answer = self.ask(&claim).await;
        let attempt = DeliveryAttempt {
            at,
            provider: self.provider.name().into(),
            accepted: matches!(answer, Answer::Accepted { .. }),
            detail: answer.detail().chars().take(DETAIL_MAX_CHARS).collect(),
            latency: Millis(i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX)),
        };
        match answer {
            Answer::Accepted { .. } => self.end(job, Some(attempt), DeliveryState::Delivered).await,
            Answer::Refused { .. } | Answer::Gone { .. } => {
                self.end(job, Some(attempt), DeliveryState::Refused).await
            }
            Answer::Denied { .. } => self.retry(job, &claim, attempt, None).await,
            Answer::Retry { after, .. } | Answer::Busy { after, .. } => self.retry(job, &claim, attempt, after).await,
        }
    }

    /// Puts a job aside after something that is no attempt on record, such as a failed read or a panic.
    pub(super) fn set_aside(&self, mut job: Job<OutboxEntry>) -> Landing {
        job.failed = job.failed.saturating_add(1);
        let due = (self.clock)() + backoff::wait(job.failed, self.jitter(&job.entry.trigger, job.failed));
        Landing::Again { job, due }
    }

    async fn ask(&self, claim: &Claim) -> Answer {
        if !claim.consents {
            return Answer::Refused { detail: "consent withdrawn".into() };
        }
        let Some(device) = &claim.device else {
            return Answer::Refused { detail: "the device was removed".into() };
        };
        let parcel = compose(&claim.trigger, device);
        match timeout(self.patience, self.provider.deliver(&parcel)).await {
            Ok(answer) => answer,
            Err(_) => Answer::Retry { detail: format!("no end within {} s", self.patience.as_secs()), after: None },
        }
    }

    async fn end(&self, job: Job<OutboxEntry>, attempt: Option<DeliveryAttempt>, state: DeliveryState) -> Landing {
        match self.records.record_delivery(&job.entry, attempt, state, None).await {
            Ok(()) => Landing::Ended,
            Err(error) => self.stumble(job, error),
        }
    }

    async fn retry(
        &self,
        mut job: Job<OutboxEntry>,
        claim: &Claim,
        attempt: DeliveryAttempt,
        after: Option<Millis>,
    ) -> Landing {
        job.failed = job.failed.max(claim.attempts_made).saturating_add(1);
        let pause = backoff::pause(job.failed, self.jitter(&job.entry.trigger, job.failed), after);
        // Not beyond its end, so that the budget comes back then.
        let due = ((self.clock)() + pause).min(claim.trigger.expires);
        match self.records.record_delivery(&job.entry, Some(attempt), DeliveryState::Pending, Some(due)).await {
            Ok(()) => Landing::Again { job, due },
            Err(error) => self.stumble(job, error),
        }
    }

    /// A store that takes no more commits ends the work; anything else is tried again.
    fn stumble(&self, job: Job<OutboxEntry>, error: CommitError) -> Landing {
        match error {
            CommitError::Store(error @ (StoreError::Write(_) | StoreError::Closed | StoreError::Open { .. })) => {
                Landing::Broken(error)
            }
            CommitError::Conflict { .. }
            | CommitError::Store(
                StoreError::Read(_)
                | StoreError::Damaged { .. }
                | StoreError::TooLarge { .. }
                | StoreError::Key { .. }
                | StoreError::CommitTooLarge { .. },
            ) => {
                tracing::error!(trigger = %job.entry.trigger, %error, "cannot take up a trigger; trying again");
                self.set_aside(job)
            }
        }
    }

    /// A number that differs from trigger to trigger and from attempt to attempt (XXH3, xxHash specification).
    fn jitter(&self, trigger: &TriggerId, failed: u32) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(trigger.as_str().as_bytes(), self.seed.wrapping_add(failed.into()))
    }
}
