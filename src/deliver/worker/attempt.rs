//! One attempt, from the claimed entry to the durable record of what became of it.

use super::breaker::Signal;
use super::lanes::NONE;
use super::queue::Job;
use crate::deliver::{Answer, Apps, Clock, DETAIL_MAX_CHARS, Provider, Routes, backoff, compose};
use crate::model::campaign::PRIORITY_DEFAULT;
use crate::model::{Channel, DeliveryAttempt, DeliveryState, Device, Millis, ServerTime, Trigger, TriggerId};
use crate::store::crash::{self, Point};
use crate::store::{Claim, CommitError, Gone, IN_APP, OutboxEntry, Records, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// What attempts share.
pub(super) struct Desk {
    pub(super) records: Records,
    pub(super) routes: Routes,
    /// The apps that can be spoken to.
    pub(super) apps: Apps,
    /// How long an app may take to confirm what it was offered.
    pub(super) confirm: Millis,
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
    /// It is to be taken up again, at once or when it is due.
    Again { job: Box<Job>, due: Option<ServerTime> },
    /// The store takes no more commits.
    Broken(StoreError),
}

/// How a job came back, and what that says of its lane.
pub(super) struct Landed {
    pub(super) landing: Landing,
    pub(super) signal: Signal,
    /// What the provider answered.
    pub(super) detail: String,
}

impl Landed {
    /// The provider was not asked.
    fn unasked(landing: Landing) -> Self {
        Self { landing, signal: Signal::Nothing, detail: String::new() }
    }
}

/// Whom a claim goes to.
struct Way<'a> {
    provider: &'a Arc<dyn Provider>,
    device: &'a Device,
    lane: &'static str,
}

impl Desk {
    /// The job that an entry is, with the lane that it would take at this moment. None where it has ended.
    pub(super) fn place(&self, entry: OutboxEntry) -> Option<Job> {
        let failed = entry.attempts_made;
        match self.records.claim(&entry, (self.clock)()) {
            Ok(Some(claim)) => {
                let lane = self.lane(&claim);
                let Claim { brand, transactional, priority, trigger, .. } = claim;
                Some(Job { entry, failed, lane, brand, urgent: transactional, priority, expires: trigger.expires })
            }
            Ok(None) => None,
            // Taking it up will meet the same error, and try again.
            Err(_) => Some(Job {
                entry,
                failed,
                lane: NONE,
                brand: None,
                urgent: false,
                priority: PRIORITY_DEFAULT,
                expires: ServerTime(i64::MAX),
            }),
        }
    }

    /// Takes up a job: ends its trigger when it has expired, makes one attempt otherwise.
    pub(super) async fn attempt(&self, mut job: Job) -> Landed {
        let at = (self.clock)();
        let claim = match self.records.claim(&job.entry, at) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Landed::unasked(Landing::Ended),
            Err(error) => return Landed::unasked(self.stumble(job, error.into())),
        };
        let Trigger { customer, device, id, channels, expires, .. } = &claim.trigger;
        if *expires <= at {
            self.apps.withdraw(customer, device, id);
            return Landed::unasked(self.end(job, None, DeliveryState::Expired).await);
        }
        match channels.first() {
            Some(Channel::InApp) if job.lane != IN_APP => {
                job.lane = IN_APP;
                return Landed::unasked(Landing::Again { job: Box::new(job), due: None });
            }
            Some(Channel::InApp) => return Landed::unasked(self.in_app(job, &claim, at).await),
            Some(Channel::Push) | None => {}
        }
        let begun = Instant::now();
        let (provider, answer) = match self.way(&claim) {
            Err(detail) => (NONE, Answer::Unfit { detail }),
            Ok(way) if way.lane != job.lane => {
                // The device changed since the job was placed, or it could not be read then.
                (job.lane, job.brand, job.urgent) = (way.lane, claim.brand, claim.transactional);
                job.expires = claim.trigger.expires;
                return Landed::unasked(Landing::Again { job: Box::new(job), due: None });
            }
            Ok(way) => {
                crash::pass(Point::BeforeSend);
                (way.provider.name(), self.ask(&claim, &way).await)
            }
        };
        crash::pass(Point::AfterSend);
        let attempt = DeliveryAttempt {
            at,
            provider: provider.into(),
            accepted: matches!(answer, Answer::Accepted { .. }),
            detail: answer.detail().chars().take(DETAIL_MAX_CHARS).collect(),
            latency: Millis(i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX)),
        };
        let (signal, detail) = (signal(&answer), attempt.detail.clone());
        let landing = match answer {
            Answer::Accepted { .. } => self.end(job, Some(attempt), DeliveryState::Delivered).await,
            Answer::Refused { .. } | Answer::Unfit { .. } => self.fall_back(job, &claim, attempt).await,
            // Where another channel is left, the next push learns of the address.
            Answer::Gone { .. } if claim.trigger.channels.len() > 1 => self.fall_back(job, &claim, attempt).await,
            Answer::Gone { since, .. } => self.drop_address(job, &claim, attempt, since).await,
            Answer::Retry { after, .. } | Answer::Busy { after, .. } => self.retry(job, &claim, attempt, after).await,
            Answer::Denied { .. } => self.retry(job, &claim, attempt, None).await,
        };
        Landed { landing, signal, detail }
    }

    /// Puts a job aside after something that is no attempt on record, such as a failed read or a panic.
    pub(super) fn set_aside(&self, mut job: Job) -> Landing {
        job.failed = job.failed.saturating_add(1);
        let due = (self.clock)() + backoff::wait(job.failed, self.jitter(&job.entry.trigger, job.failed));
        Landing::Again { job: Box::new(job), due: Some(due) }
    }

    /// A number that differs from one occasion to another (XXH3, xxHash specification).
    pub(super) fn random(&self, what: &[u8], count: u32) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(what, self.seed.wrapping_add(count.into()))
    }

    /// The lane that a claim takes at this moment.
    fn lane(&self, claim: &Claim) -> &'static str {
        match claim.trigger.channels.first() {
            Some(Channel::InApp) => IN_APP,
            Some(Channel::Push) | None => self.way(claim).map_or(NONE, |way| way.lane),
        }
    }

    /// Whom a claim goes to by push, or why nobody.
    fn way<'a>(&'a self, claim: &'a Claim) -> Result<Way<'a>, String> {
        let device = recipient(claim)?;
        if claim.unwanted {
            return Err(UNWANTED.to_owned());
        }
        let provider = self.routes.route(device)?;
        Ok(Way { provider, device, lane: provider.lane(&device.push_address) })
    }

    async fn ask(&self, claim: &Claim, way: &Way<'_>) -> Answer {
        let parcel = compose(&claim.trigger, way.device);
        match timeout(self.patience, way.provider.deliver(&parcel)).await {
            Ok(answer) => answer,
            Err(_) => Answer::Busy { detail: format!("no end within {} s", self.patience.as_secs()), after: None },
        }
    }

    pub(super) async fn end(&self, job: Job, attempt: Option<DeliveryAttempt>, state: DeliveryState) -> Landing {
        match self.records.record_delivery(&job.entry, attempt, state, None).await {
            Ok(()) => {
                crash::pass(Point::AfterRecord);
                Landing::Ended
            }
            Err(error) => self.stumble(job, error),
        }
    }

    /// Ends a trigger whose device has an address that nobody is at, and drops that.
    async fn drop_address(
        &self,
        job: Job,
        claim: &Claim,
        attempt: DeliveryAttempt,
        since: Option<ServerTime>,
    ) -> Landing {
        let Some(device) = &claim.device else { return self.end(job, Some(attempt), DeliveryState::Refused).await };
        // What was registered while the provider was asked is not what it spoke of.
        let since = since.unwrap_or(attempt.at);
        let gone = Gone { device: &device.id, address: &device.push_address, since };
        match self.records.record_gone(&job.entry, attempt, gone).await {
            Ok(()) => Landing::Ended,
            Err(error) => self.stumble(job, error),
        }
    }

    async fn retry(&self, mut job: Job, claim: &Claim, attempt: DeliveryAttempt, after: Option<Millis>) -> Landing {
        job.failed = job.failed.max(claim.attempts_made).saturating_add(1);
        let pause = backoff::pause(job.failed, self.jitter(&job.entry.trigger, job.failed), after);
        // Not beyond its end, so that the budget comes back then.
        let due = ((self.clock)() + pause).min(claim.trigger.expires);
        match self.records.record_delivery(&job.entry, Some(attempt), DeliveryState::Pending, Some(due)).await {
            Ok(()) => Landing::Again { job: Box::new(job), due: Some(due) },
            Err(error) => self.stumble(job, error),
        }
    }

    /// A store that takes no more commits ends the work; anything else is tried again.
    pub(super) fn stumble(&self, job: Job, error: CommitError) -> Landing {
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

    fn jitter(&self, trigger: &TriggerId, failed: u32) -> u64 {
        self.random(trigger.as_str().as_bytes(), failed)
    }
}

/// Why a channel is passed over.
pub(super) const UNWANTED: &str = "the customer does not want its topic by this channel any more";

/// What an answer says of the lane.
fn signal(answer: &Answer) -> Signal {
    match answer {
        Answer::Accepted { .. } | Answer::Retry { .. } | Answer::Gone { .. } | Answer::Refused { .. } => {
            Signal::Works
        }
        Answer::Busy { after, .. } => Signal::Busy(*after),
        Answer::Denied { .. } => Signal::Denied,
        Answer::Unfit { .. } => Signal::Nothing,
    }
}

/// The device that a trigger goes to, or why it goes nowhere.
pub(super) fn recipient(claim: &Claim) -> Result<&Device, &'static str> {
    if let Some(why) = claim.silenced {
        return Err(why);
    }
    claim.device.as_ref().ok_or("the device was removed")
}
