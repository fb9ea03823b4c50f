//! What a customer was sent, and the pace that is used up.

use super::{Occasion, pace};
use crate::model::campaign::WINDOW_MAX;
use crate::model::{
    BrandId, Campaign, CampaignId, Millis, PlaceId, RegionId, ServerTime, TopicId, TriggerId, VisitId,
};
use std::collections::BTreeMap;

/// Most sends that a ledger holds. A customer who got that many within [`WINDOW_MAX`] gets no more until the
/// oldest is that old: a ledger never forgets a send that a limit may still count. Eight a day; and as many as leave
/// room for the rest of the customer's record, which is one value of the store (the sum of all bounds is below
/// `VALUE_MAX_BYTES`, as a test in `wire` holds).
pub const SENDS_MAX: usize = 256;

/// What a customer was sent and the pace that is used up: part of the customer's record, and all the state that
/// the policies have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The sends by time, the oldest first, at most [`SENDS_MAX`]. Those refunded are not among them.
    pub sends: Vec<Sent>,
    /// For each campaign with a pace, GCRA's theoretical arrival time, in nanoseconds since the Unix epoch.
    /// At most [`SENDS_MAX`]: a campaign with a pace that has no entry is refused while that many others have one.
    pub pace: BTreeMap<CampaignId, u64>,
    /// The latest moment about which something was forgotten. Usually [`WINDOW_MAX`] or longer ago, where no limit
    /// looks. Where the clock has stepped back since, limits that look further back refuse: what is not known
    /// must not beat them.
    pub forgotten: Option<ServerTime>,
}

/// One message that a customer was sent, or is about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// When it qualified.
    pub at: ServerTime,
    /// The trigger; a ledger holds each once.
    pub trigger: TriggerId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The campaign's topic.
    pub topic: TopicId,
    /// The region that it was about.
    pub region: RegionId,
    /// The place of that region.
    pub place: PlaceId,
    /// The brand of that place.
    pub brand: BrandId,
    /// The visit that it was about.
    pub visit: VisitId,
    /// What it took of the campaign's pace; absent when the campaign had none.
    pub pace: Option<PaceTaken>,
    /// Whether the campaign was transactional: then caps and cooldowns of others do not count it.
    pub transactional: bool,
}

/// What one message took of its campaign's pace, kept so that a refund can give back just that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceTaken {
    /// GCRA's theoretical arrival time before the message, in nanoseconds since the Unix epoch; 0: none.
    pub before: u64,
    /// The pace's refill at that time.
    pub refill: Millis,
}

impl Ledger {
    /// Gives back the budget of a trigger that ended undelivered: in caps, cooldowns, pace and for the visit, all is
    /// as if the message had never been sent. Whether there was such a message: a second refund of a trigger, or
    /// one of a trigger that was forgotten, changes nothing.
    ///
    /// The pace is worked out anew from what it was before the message and the later messages of the campaign.
    /// Subtracting one refill would give too much where the pace had recovered in between.
    pub fn refund(&mut self, trigger: &TriggerId) -> bool {
        let Some(position) = self.sends.iter().position(|sent| sent.trigger == *trigger) else { return false };
        let refunded = self.sends.remove(position);
        if let Some(taken) = refunded.pace {
            self.refund_pace(&refunded.campaign, taken);
        }
        true
    }

    /// Forgets the sends at or before a moment, and the pace that was used up by then. Policies look back by at
    /// most [`WINDOW_MAX`].
    pub fn forget_before(&mut self, moment: ServerTime) {
        let kept = self.sends.partition_point(|sent| sent.at <= moment);
        let last_send = self.sends.drain(..kept).next_back().map(|sent| sent.at);
        let moment_ns = pace::nanos(moment);
        let mut last_pace = None;
        self.pace.retain(|_, arrival| {
            let keep = *arrival > moment_ns;
            if !keep {
                last_pace = last_pace.max(Some(pace::time(*arrival)));
            }
            keep
        });
        self.forgotten = self.forgotten.max(last_send).max(last_pace);
    }

    /// Writes a win down. Makes room first, by forgetting what no limit counts any more.
    pub(super) fn reserve(
        &mut self,
        trigger: TriggerId,
        campaign: &Campaign,
        occasion: &Occasion<'_>,
        now: ServerTime,
    ) {
        self.forget_before(now - WINDOW_MAX);
        let pace = campaign.pace.map(|pace| {
            let before = self.arrival(&campaign.id);
            self.pace.insert(campaign.id.clone(), pace::take(pace, before, now));
            PaceTaken { before, refill: pace.refill }
        });
        let sent = Sent {
            at: now,
            trigger,
            campaign: campaign.id.clone(),
            topic: campaign.topic.clone(),
            region: occasion.region.id.clone(),
            place: occasion.place.id.clone(),
            brand: occasion.place.brand.clone(),
            visit: occasion.transition.visit.clone(),
            pace,
            transactional: campaign.transactional,
        };
        // The clock may have stepped back since the last send.
        let position = self.sends.partition_point(|earlier| earlier.at <= now);
        self.sends.insert(position, sent);
    }

    /// The theoretical arrival time of a campaign's next message, in nanoseconds since the Unix epoch; what was
    /// forgotten is taken to have been used up at the last moment possible.
    pub(super) fn arrival(&self, campaign: &CampaignId) -> u64 {
        self.pace.get(campaign).copied().unwrap_or_else(|| self.forgotten.map_or(0, pace::nanos))
    }

    fn refund_pace(&mut self, campaign: &CampaignId, taken: PaceTaken) {
        // Each message leaves the arrival time later than it found it, whatever the clock did. So this is the
        // order in which they were charged.
        let mut later: Vec<(ServerTime, &mut PaceTaken)> = self
            .sends
            .iter_mut()
            .filter(|sent| sent.campaign == *campaign)
            .filter_map(|sent| sent.pace.as_mut().map(|pace| (sent.at, pace)))
            .filter(|(_, pace)| pace.before > taken.before)
            .collect();
        later.sort_by_key(|(_, pace)| pace.before);
        let mut arrival = taken.before;
        for (at, pace) in later {
            pace.before = arrival;
            arrival = pace::charge(arrival, pace.refill, at);
        }
        if arrival <= self.forgotten.map_or(0, pace::nanos) {
            // As much as is taken for granted of a campaign without an entry.
            self.pace.remove(campaign);
        } else {
            self.pace.insert(campaign.clone(), arrival);
        }
    }
}
