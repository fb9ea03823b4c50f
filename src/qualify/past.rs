//! A customer's past as one occasion sees it.

use super::{Ledger, Occasion, SENDS_MAX, pace};
use crate::model::campaign::WINDOW_MAX;
use crate::model::{Campaign, CampaignId, CapScope, Millis, ServerTime};
use std::borrow::Cow;

/// What all campaigns ask of the ledger about one occasion, looked up once for all of them. Times are in order.
#[derive(Debug)]
pub(super) struct Past<'a> {
    ledger: &'a Ledger,
    customer: Vec<ServerTime>,
    brand: Vec<ServerTime>,
    place: Vec<ServerTime>,
    region: Vec<ServerTime>,
    visit: Vec<&'a CampaignId>,
    age_in_words: String,
}

impl<'a> Past<'a> {
    /// The past that matters to an occasion.
    pub(super) fn new(ledger: &'a Ledger, occasion: &Occasion<'_>) -> Self {
        let mut past = Self {
            ledger,
            customer: ledger.sends.iter().map(|sent| sent.at).collect(),
            brand: Vec::new(),
            place: Vec::new(),
            region: Vec::new(),
            visit: Vec::new(),
            age_in_words: format!("{} after it happened", occasion.age),
        };
        for sent in &ledger.sends {
            if sent.brand == occasion.place.brand {
                past.brand.push(sent.at);
            }
            if sent.place == occasion.place.id {
                past.place.push(sent.at);
                // A fence and a beacon that mark the same place share a visit.
                if sent.visit == occasion.transition.visit {
                    past.visit.push(&sent.campaign);
                }
            }
            if sent.region == occasion.region.id {
                past.region.push(sent.at);
            }
        }
        past
    }

    /// When the messages were sent that a campaign's cap of that scope counts.
    pub(super) fn times(&self, scope: CapScope, campaign: &Campaign) -> Cow<'_, [ServerTime]> {
        let sends = self.ledger.sends.iter();
        match scope {
            CapScope::Customer => Cow::Borrowed(&self.customer),
            CapScope::Brand => Cow::Borrowed(&self.brand),
            CapScope::Place => Cow::Borrowed(&self.place),
            CapScope::Topic => sends.filter(|sent| sent.topic == campaign.topic).map(|sent| sent.at).collect(),
            CapScope::Campaign => sends.filter(|sent| sent.campaign == campaign.id).map(|sent| sent.at).collect(),
        }
    }

    /// When the last message for the region was sent.
    pub(super) fn last_of_region(&self) -> Option<ServerTime> {
        self.region.last().copied()
    }

    /// When the last message for the place was sent.
    pub(super) fn last_of_place(&self) -> Option<ServerTime> {
        self.place.last().copied()
    }

    /// When the last message for the brand was sent.
    pub(super) fn last_of_brand(&self) -> Option<ServerTime> {
        self.brand.last().copied()
    }

    /// Whether the visit had a message of the campaign.
    pub(super) fn visit_had(&self, campaign: &CampaignId) -> bool {
        self.visit.contains(&campaign)
    }

    /// How old the occasion is, such as `40 s after it happened`.
    pub(super) fn age_in_words(&self) -> &str {
        &self.age_in_words
    }

    /// When the ledger has room for the pace of a campaign; absent when it has.
    pub(super) fn pace_room(&self, campaign: &Campaign, now: ServerTime) -> Option<ServerTime> {
        if campaign.pace.is_none() || self.ledger.pace.contains_key(&campaign.id) {
            return None;
        }
        let past = pace::nanos(now - WINDOW_MAX);
        let kept: Vec<u64> = self.ledger.pace.values().copied().filter(|arrival| *arrival > past).collect();
        let first = kept.iter().min().filter(|_| kept.len() >= SENDS_MAX);
        first.map(|arrival| pace::time(*arrival) + WINDOW_MAX)
    }

    /// When all of the last `span` will be known again; absent when it is.
    pub(super) fn known_from(&self, span: Millis, now: ServerTime) -> Option<ServerTime> {
        self.ledger.forgotten.map(|forgotten| forgotten + span).filter(|known| *known > now)
    }

    /// The theoretical arrival time of the campaign's next message, for its pace.
    pub(super) fn arrival(&self, campaign: &CampaignId) -> u64 {
        self.ledger.arrival(campaign)
    }
}
