//! The ledger, as it is stored.

use super::store::v1 as stored;
use super::{each, required, time};
use crate::model::invalid::at_most;
use crate::model::{BrandId, CampaignId, Invalid, PlaceId, RegionId, TopicId, TriggerId, VisitId};
use crate::qualify::{Ledger, PaceTaken, SENDS_MAX, Sent};

impl From<&Ledger> for stored::Ledger {
    fn from(ledger: &Ledger) -> Self {
        let pace = |(campaign, arrival): (&CampaignId, &u64)| stored::PaceUsed {
            campaign: campaign.to_string(),
            arrival_ns: *arrival,
        };
        Self {
            sends: ledger.sends.iter().map(Into::into).collect(),
            pace: ledger.pace.iter().map(pace).collect(),
            forgotten_time: ledger.forgotten.map(Into::into),
        }
    }
}

impl TryFrom<stored::Ledger> for Ledger {
    type Error = Invalid;

    fn try_from(record: stored::Ledger) -> Result<Self, Invalid> {
        at_most("sends", record.sends.len(), SENDS_MAX)?;
        let sends: Vec<Sent> = each("sends", record.sends, Sent::try_from)?;
        if !sends.is_sorted_by_key(|sent| sent.at) {
            return Err(Invalid::new("sends", "are not in the order of their times; the oldest must be first"));
        }
        at_most("pace", record.pace.len(), SENDS_MAX)?;
        let pace =
            each("pace", record.pace, |used| Ok((CampaignId::parse("campaign", &used.campaign)?, used.arrival_ns)))?;
        let forgotten = record.forgotten_time.map(|at| time::server_time("forgotten_time", at)).transpose()?;
        Ok(Self { sends, pace: pace.into_iter().collect(), forgotten })
    }
}

impl From<&Sent> for stored::Sent {
    fn from(sent: &Sent) -> Self {
        Self {
            qualify_time: Some(sent.at.into()),
            trigger: sent.trigger.to_string(),
            campaign: sent.campaign.to_string(),
            topic: sent.topic.to_string(),
            region: sent.region.to_string(),
            place: sent.place.to_string(),
            brand: sent.brand.to_string(),
            visit: sent.visit.to_string(),
            pace: sent
                .pace
                .map(|taken| stored::PaceTaken { before_ns: taken.before, refill: Some(taken.refill.into()) }),
            transactional: sent.transactional,
        }
    }
}

impl TryFrom<stored::Sent> for Sent {
    type Error = Invalid;

    fn try_from(record: stored::Sent) -> Result<Self, Invalid> {
        let taken = |taken: stored::PaceTaken| {
            let refill = time::millis("pace.refill", required("pace.refill", taken.refill)?)?;
            Ok(PaceTaken { before: taken.before_ns, refill })
        };
        Ok(Self {
            at: time::server_time("qualify_time", required("qualify_time", record.qualify_time)?)?,
            trigger: TriggerId::parse("trigger", &record.trigger)?,
            campaign: CampaignId::parse("campaign", &record.campaign)?,
            topic: TopicId::parse("topic", &record.topic)?,
            region: RegionId::parse("region", &record.region)?,
            place: PlaceId::parse("place", &record.place)?,
            brand: BrandId::parse("brand", &record.brand)?,
            visit: VisitId::parse("visit", &record.visit)?,
            pace: record.pace.map(taken).transpose()?,
            transactional: record.transactional,
        })
    }
}
