//! Exposures and the figures of campaigns, as they are stored.

use super::measure::variant;
use super::record::Record;
use super::store::v1 as stored;
use super::{each, required, time};
use crate::model::invalid::at_most;
use crate::model::{Arm, CampaignId, Currency, Invalid, TriggerId, VisitId};
use crate::report::{
    ARMS_MAX, ArmCounts, CURRENCIES_MAX, DayCounts, EXPOSURES_MAX, Exposure, Exposures, REASONS_MAX, SUBJECTS_MAX,
    Subject, Tally,
};
use prost::Message as _;

fn variant_text(arm: &Arm) -> String {
    arm.variant.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn arm(id: &str, held_out: bool) -> Result<Arm, Invalid> {
    Ok(Arm { variant: variant("variant", id)?, held_out })
}

impl From<&Exposures> for stored::Exposures {
    fn from(exposures: &Exposures) -> Self {
        let subject = |(campaign, own): (&CampaignId, &Subject)| stored::Subject {
            campaign: campaign.to_string(),
            variant: variant_text(&own.arm),
            held_out: own.arm.held_out,
            exposed: own.exposed,
            converted: own.converted,
            conversions: own.conversions,
            last_time: Some(own.last.into()),
        };
        Self {
            recent: exposures.recent.iter().map(Into::into).collect(),
            subjects: exposures.subjects.iter().map(subject).collect(),
        }
    }
}

impl TryFrom<stored::Exposures> for Exposures {
    type Error = Invalid;

    fn try_from(record: stored::Exposures) -> Result<Self, Invalid> {
        at_most("recent", record.recent.len(), EXPOSURES_MAX)?;
        at_most("subjects", record.subjects.len(), SUBJECTS_MAX)?;
        let recent = each("recent", record.recent, Exposure::try_from)?;
        if !recent.is_sorted_by_key(|own| own.at) {
            return Err(Invalid::new("recent", "are not in the order of their times; the oldest must be first"));
        }
        let subjects = each("subjects", record.subjects, |own| {
            let subject = Subject {
                arm: arm(&own.variant, own.held_out)?,
                exposed: own.exposed,
                converted: own.converted,
                conversions: own.conversions,
                last: time::server_time("last_time", required("last_time", own.last_time)?)?,
            };
            Ok((CampaignId::parse("campaign", &own.campaign)?, subject))
        })?;
        Ok(Self { recent, subjects: subjects.into_iter().collect() })
    }
}

impl From<&Exposure> for stored::Exposure {
    fn from(own: &Exposure) -> Self {
        Self {
            qualify_time: Some(own.at.into()),
            trigger: own.trigger.to_string(),
            campaign: own.campaign.to_string(),
            visit: own.visit.to_string(),
            variant: variant_text(&own.arm),
            held_out: own.arm.held_out,
            converted: own.converted,
        }
    }
}

impl TryFrom<stored::Exposure> for Exposure {
    type Error = Invalid;

    fn try_from(record: stored::Exposure) -> Result<Self, Invalid> {
        Ok(Self {
            at: time::server_time("qualify_time", required("qualify_time", record.qualify_time)?)?,
            trigger: TriggerId::parse("trigger", &record.trigger)?,
            campaign: CampaignId::parse("campaign", &record.campaign)?,
            visit: VisitId::parse("visit", &record.visit)?,
            arm: arm(&record.variant, record.held_out)?,
            converted: record.converted,
        })
    }
}

fn arm_message((arm, counts): (&Arm, &ArmCounts)) -> stored::ArmCounts {
    stored::ArmCounts {
        variant: variant_text(arm),
        held_out: arm.held_out,
        exposed: counts.exposed,
        customers: counts.customers,
        delivered: counts.delivered,
        opened: counts.opened,
        converted: counts.converted,
        conversions: counts.conversions,
        buyers: counts.buyers,
        repeat_buyers: counts.repeat_buyers,
        exposed_squares: counts.exposed_squares,
        converted_squares: counts.converted_squares,
        exposed_by_converted: counts.exposed_by_converted,
        currencies: counts.worth.keys().map(ToString::to_string).collect(),
        worth_micros: counts.worth.values().copied().collect(),
        worth_left_out: counts.worth_left_out,
    }
}

fn arm_counts(record: stored::ArmCounts) -> Result<(Arm, ArmCounts), Invalid> {
    at_most("currencies", record.currencies.len(), CURRENCIES_MAX)?;
    let currencies = each("currencies", &record.currencies, |code| Currency::parse("", code))?;
    if currencies.len() != record.worth_micros.len() {
        return Err(Invalid::new("worth_micros", "must have one entry for each of the currencies"));
    }
    let counts = ArmCounts {
        exposed: record.exposed,
        customers: record.customers,
        delivered: record.delivered,
        opened: record.opened,
        converted: record.converted,
        conversions: record.conversions,
        buyers: record.buyers,
        repeat_buyers: record.repeat_buyers,
        exposed_squares: record.exposed_squares,
        converted_squares: record.converted_squares,
        exposed_by_converted: record.exposed_by_converted,
        worth: currencies.into_iter().zip(record.worth_micros).collect(),
        worth_left_out: record.worth_left_out,
    };
    Ok((arm(&record.variant, record.held_out)?, counts))
}

impl From<&DayCounts> for stored::DayCounts {
    fn from(counts: &DayCounts) -> Self {
        Self {
            visits: counts.visits,
            held_back: counts.held_back.iter().map(|(reason, count)| (reason.clone(), *count)).collect(),
            arms: counts.arms.iter().map(arm_message).collect(),
        }
    }
}

impl TryFrom<stored::DayCounts> for DayCounts {
    type Error = Invalid;

    fn try_from(record: stored::DayCounts) -> Result<Self, Invalid> {
        at_most("held_back", record.held_back.len(), REASONS_MAX)?;
        at_most("arms", record.arms.len(), ARMS_MAX)?;
        let arms = each("arms", record.arms, arm_counts)?;
        Ok(Self {
            visits: record.visits,
            held_back: record.held_back.into_iter().collect(),
            arms: arms.into_iter().collect(),
        })
    }
}

impl Record for DayCounts {
    fn encode(&self) -> Vec<u8> {
        stored::DayCounts::from(self).encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let record = stored::DayCounts::decode(bytes).map_err(|error| error.to_string())?;
        Self::try_from(record).map_err(|why| why.to_string())
    }
}

impl Record for Tally {
    fn encode(&self) -> Vec<u8> {
        let day = |((campaign, day), counts): (&(CampaignId, i32), &DayCounts)| stored::CampaignDay {
            campaign: campaign.to_string(),
            day: *day,
            counts: Some(counts.into()),
        };
        stored::TallyRecord { days: self.days.iter().map(day).collect() }.encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let record = stored::TallyRecord::decode(bytes).map_err(|error| error.to_string())?;
        let days = each("days", record.days, |own| {
            let counts = required("counts", own.counts)?;
            let counts = DayCounts::try_from(counts).map_err(|why| why.under("counts"))?;
            Ok(((CampaignId::parse("campaign", &own.campaign)?, own.day), counts))
        });
        Ok(Self { days: days.map_err(|why| why.to_string())?.into_iter().collect() })
    }
}
