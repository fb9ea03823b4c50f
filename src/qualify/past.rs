//! A customer's past as one occasion sees it.

use super::{Ledger, Occasion, SENDS_MAX, pace};
use crate::model::campaign::WINDOW_MAX;
use crate::model::{Campaign, CampaignId, CapScope, Millis, ServerTime};
use std::collections::BTreeMap;

/// What all campaigns ask of the ledger about one occasion, looked up once for all of them. Times are in order.
#[derive(Debug)]
pub(super) struct Past<'a> {
    ledger: &'a Ledger,
    customer: Vec<ServerTime>,
    brand: Vec<ServerTime>,
    place: Vec<ServerTime>,
    region: Vec<ServerTime>,
    visit: Vec<&'a CampaignId>,
    any: Vec<ServerTime>,
    topics: BTreeMap<&'a str, Vec<ServerTime>>,
    campaigns: BTreeMap<&'a str, Vec<ServerTime>>,
    /// When the ledger has room for one more campaign's pace; absent when it has.
    pace_room: Option<ServerTime>,
}

impl<'a> Past<'a> {
    /// The past that matters to an occasion.
    pub(super) fn new(ledger: &'a Ledger, occasion: &Occasion<'_>, now: ServerTime) -> Self {
        let mut past = Self {
            ledger,
            customer: Vec::new(),
            brand: Vec::new(),
            place: Vec::new(),
            region: Vec::new(),
            visit: Vec::new(),
            any: ledger.sends.iter().map(|sent| sent.at).collect(),
            topics: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            pace_room: pace_room(ledger, now),
        };
        for sent in &ledger.sends {
            past.campaigns.entry(sent.campaign.as_str()).or_default().push(sent.at);
            // A fence and a beacon that mark the same place share a visit.
            if sent.place == occasion.place.id && sent.visit == occasion.transition.visit {
                past.visit.push(&sent.campaign);
            }
            if sent.transactional {
                continue;
            }
            past.customer.push(sent.at);
            past.topics.entry(sent.topic.as_str()).or_default().push(sent.at);
            if sent.brand == occasion.place.brand {
                past.brand.push(sent.at);
            }
            if sent.place == occasion.place.id {
                past.place.push(sent.at);
            }
            if sent.region == occasion.region.id {
                past.region.push(sent.at);
            }
        }
        past
    }

    /// When the messages were sent that a campaign's cap of that scope counts: transactional ones only where it counts
    /// the campaign's own.
    pub(super) fn times(&self, scope: CapScope, campaign: &Campaign) -> &[ServerTime] {
        match scope {
            CapScope::Customer => &self.customer,
            CapScope::Brand => &self.brand,
            CapScope::Place => &self.place,
            CapScope::Topic => self.topics.get(campaign.topic.as_str()).map_or(&[], Vec::as_slice),
            CapScope::Campaign => self.campaigns.get(campaign.id.as_str()).map_or(&[], Vec::as_slice),
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

    /// When all messages were sent.
    pub(super) fn all(&self) -> &[ServerTime] {
        &self.any
    }

    /// When the last message was sent.
    pub(super) fn last_of_any(&self) -> Option<ServerTime> {
        self.any.last().copied()
    }

    /// Whether the visit had a message of any campaign.
    pub(super) fn visit_had_any(&self) -> bool {
        !self.visit.is_empty()
    }

    /// Whether the visit had a message of the campaign.
    pub(super) fn visit_had(&self, campaign: &CampaignId) -> bool {
        self.visit.contains(&campaign)
    }

    /// When the ledger has room for the pace of a campaign; absent when it has.
    pub(super) fn pace_room(&self, campaign: &Campaign) -> Option<ServerTime> {
        campaign.pace?;
        self.pace_room.filter(|_| !self.ledger.pace.contains_key(&campaign.id))
    }

    /// The latest moment about which something was forgotten.
    pub(super) fn forgotten(&self) -> Option<ServerTime> {
        self.ledger.forgotten
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

/// When a full ledger has room for one more campaign's pace.
fn pace_room(ledger: &Ledger, now: ServerTime) -> Option<ServerTime> {
    let past = pace::nanos(now - WINDOW_MAX);
    let kept: Vec<u64> = ledger.pace.values().copied().filter(|arrival| *arrival > past).collect();
    let first = kept.iter().min().filter(|_| kept.len() >= SENDS_MAX);
    first.map(|arrival| pace::time(*arrival) + WINDOW_MAX)
}
