//! The channel in the app: offered on the device's stream, then confirmed by the app, or withdrawn before the next
//! channel is tried.
//!
//! An offer takes no room among the attempts in flight: it is written down, made, and looked at again when its time is
//! over. A confirmation ends the trigger by itself, wherever it comes in.

use super::attempt::{Desk, Landing, UNWANTED, recipient};
use super::queue::Job;
use crate::deliver::compose;
use crate::model::{DeliveryAttempt, DeliveryState, Millis, ServerTime, Trigger};
use crate::store::{Claim, IN_APP};

impl Desk {
    /// Offers a trigger to its app, or withdraws it when its time is over.
    pub(super) async fn in_app(&self, job: Job, claim: &Claim, at: ServerTime) -> Landing {
        let device = match recipient(claim) {
            Ok(device) => device,
            Err(why) => {
                let attempt = self.refused(claim, at, why.to_owned());
                return self.end(job, Some(attempt), DeliveryState::Refused).await;
            }
        };
        if claim.unwanted {
            let attempt = self.refused(claim, at, UNWANTED.to_owned());
            return self.fall_back(job, claim, attempt).await;
        }
        let Some(offered) = claim.offered else {
            let due = self.due(&claim.trigger, at);
            return match self.records.record_offer(&job.entry, at, due).await {
                Ok(true) => {
                    self.apps.offer(compose(&claim.trigger, device));
                    Landing::Again { job: Box::new(job), due: Some(due) }
                }
                Ok(false) => Landing::Ended,
                Err(error) => self.stumble(job, error),
            };
        };
        let due = self.due(&claim.trigger, offered);
        if at < due {
            // After a restart the app is not yet known to be offered it.
            self.apps.offer(compose(&claim.trigger, device));
            return Landing::Again { job: Box::new(job), due: Some(due) };
        }
        let attempt = self.refused(claim, offered, format!("not confirmed within {}: withdrawn", due - offered));
        self.fall_back(job, claim, attempt).await
    }

    /// Ends an attempt by one channel, and goes on with the next; where there is none, the trigger is refused.
    pub(super) async fn fall_back(&self, job: Job, claim: &Claim, attempt: DeliveryAttempt) -> Landing {
        // What nobody may get any more, no channel brings.
        let next = match recipient(claim) {
            Ok(_) if claim.trigger.channels.len() > 1 => {
                self.records.record_fall_back(&job.entry, attempt.clone()).await
            }
            Ok(_) | Err(_) => Ok(false),
        };
        // From here on the offer does not stand, and only now the next channel begins.
        let Trigger { customer, device, id, .. } = &claim.trigger;
        self.apps.withdraw(customer, device, id);
        match next {
            Ok(true) => Landing::Again { job: Box::new(job), due: None },
            Ok(false) => self.end(job, Some(attempt), DeliveryState::Refused).await,
            Err(error) => self.stumble(job, error),
        }
    }

    /// When an offer made then is withdrawn: after the time for confirmations, but early enough for another channel.
    fn due(&self, trigger: &Trigger, offered: ServerTime) -> ServerTime {
        let left = Millis((trigger.expires - offered).0.max(0) / 2);
        offered + self.confirm.min(left)
    }

    fn refused(&self, _: &Claim, at: ServerTime, detail: String) -> DeliveryAttempt {
        let latency = (self.clock)() - at;
        DeliveryAttempt { at, provider: IN_APP.to_owned(), accepted: false, detail, latency }
    }
}
