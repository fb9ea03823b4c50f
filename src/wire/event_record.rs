//! What is kept of a customer's events, visits and journeys, as it is stored.

use super::store::v1 as stored;
use super::{choice, each, event, required, time, v1};
use crate::model::invalid::at_most;
use crate::model::journey::JOURNEYS_MAX;
use crate::model::{BrandId, Currency, EventName, Invalid, JourneyId, Money, StageId, TriggerId, VisitId};
use crate::qualify::{
    AtStage, BRANDS_MAX, BrandVisits, CURRENCIES_MAX, DAY_SUMS_MAX, DaySum, EVENT_NAMES_MAX, Events, RECENT_MAX,
    Sending, Stages, Tally, Visits,
};
use std::collections::BTreeMap;

impl From<&Events> for stored::Events {
    fn from(events: &Events) -> Self {
        Self {
            tallies: events.tallies.iter().map(|(name, tally)| tally_message(name, tally)).collect(),
            recent: events.recent.iter().copied().collect(),
        }
    }
}

impl TryFrom<stored::Events> for Events {
    type Error = Invalid;

    fn try_from(record: stored::Events) -> Result<Self, Invalid> {
        at_most("tallies", record.tallies.len(), EVENT_NAMES_MAX)?;
        at_most("recent", record.recent.len(), RECENT_MAX)?;
        let tallies = each("tallies", record.tallies, tally)?;
        Ok(Self { tallies: tallies.into_iter().collect(), recent: record.recent.into() })
    }
}

fn tally_message(name: &EventName, tally: &Tally) -> stored::EventTally {
    let day = |(day, sum): (&i32, &DaySum)| {
        let micros = tally.totals.keys().map(|currency| sum.worth.get(currency).copied().unwrap_or(0));
        let micros = if sum.worth.is_empty() { Vec::new() } else { micros.collect() };
        stored::EventDaySum { day: *day, count: sum.count, micros }
    };
    stored::EventTally {
        event_name: name.to_string(),
        count: tally.count,
        first_time: Some(tally.first.into()),
        last_time: Some(tally.last.into()),
        last_channel: v1::EventChannel::from(tally.channel).into(),
        last_properties: event::scalars_message(&tally.properties),
        last_micros: tally.worth.map(|worth| worth.micros),
        last_currency: tally.worth.map(|worth| worth.currency.to_string()).unwrap_or_default(),
        currencies: tally.totals.keys().map(ToString::to_string).collect(),
        total_micros: tally.totals.values().copied().collect(),
        days: tally.days.iter().map(day).collect(),
    }
}

fn tally(record: stored::EventTally) -> Result<(EventName, Tally), Invalid> {
    let name = EventName::parse("event_name", &record.event_name)?;
    let moment = |field: &str, at| time::server_time(field, required(field, at)?);
    at_most("currencies", record.currencies.len(), CURRENCIES_MAX)?;
    at_most("days", record.days.len(), DAY_SUMS_MAX)?;
    let currencies = each("currencies", &record.currencies, |code| Currency::parse("", code))?;
    if currencies.len() != record.total_micros.len() {
        return Err(Invalid::new("total_micros", "must have one entry for each of the currencies"));
    }
    let worth = record.last_micros.map(|micros| {
        Ok::<_, Invalid>(Money { micros, currency: Currency::parse("last_currency", &record.last_currency)? })
    });
    let known = choice("last_channel", record.last_channel, "a channel")?;
    Ok((
        name,
        Tally {
            count: record.count,
            first: moment("first_time", record.first_time)?,
            last: moment("last_time", record.last_time)?,
            channel: event::channel("last_channel", known)?,
            properties: event::properties("last_properties", record.last_properties)?,
            worth: worth.transpose()?,
            days: record.days.into_iter().map(|day| day_sum(day, &currencies)).collect(),
            totals: currencies.into_iter().zip(record.total_micros).collect(),
        },
    ))
}

fn day_sum(record: stored::EventDaySum, currencies: &[Currency]) -> (i32, DaySum) {
    let worth: BTreeMap<Currency, i64> = currencies.iter().copied().zip(record.micros).collect();
    let worth = worth.into_iter().filter(|(_, micros)| *micros != 0).collect();
    (record.day, DaySum { count: record.count, worth })
}

impl From<&Visits> for stored::Visits {
    fn from(visits: &Visits) -> Self {
        let brand = |(brand, own): (&BrandId, &BrandVisits)| stored::BrandVisits {
            brand: brand.to_string(),
            count: own.count,
            first_time: Some(own.first.into()),
            last_time: Some(own.last.into()),
            visit: own.visit.to_string(),
        };
        Self { brands: visits.brands.iter().map(brand).collect() }
    }
}

impl TryFrom<stored::Visits> for Visits {
    type Error = Invalid;

    fn try_from(record: stored::Visits) -> Result<Self, Invalid> {
        at_most("brands", record.brands.len(), BRANDS_MAX)?;
        let moment = |field: &str, at| time::server_time(field, required(field, at)?);
        let brands = each("brands", record.brands, |own| {
            let visits = BrandVisits {
                count: own.count,
                first: moment("first_time", own.first_time)?,
                last: moment("last_time", own.last_time)?,
                visit: VisitId::parse("visit", &own.visit)?,
            };
            Ok((BrandId::parse("brand", &own.brand)?, visits))
        })?;
        Ok(Self { brands: brands.into_iter().collect() })
    }
}

impl From<&Stages> for stored::Stages {
    fn from(stages: &Stages) -> Self {
        let at = |(journey, at): (&JourneyId, &AtStage)| stored::AtStage {
            journey: journey.to_string(),
            stage: at.stage.to_string(),
            since_time: Some(at.since.into()),
            located: at.located,
            sent: at.sent.as_ref().map(|sent| stored::StageSending {
                trigger: sent.trigger.to_string(),
                from_stage: sent.from.to_string(),
                from_since_time: Some(sent.since.into()),
                from_located: sent.located,
            }),
        };
        Self { journeys: stages.journeys.iter().map(at).collect() }
    }
}

impl TryFrom<stored::Stages> for Stages {
    type Error = Invalid;

    fn try_from(record: stored::Stages) -> Result<Self, Invalid> {
        at_most("journeys", record.journeys.len(), JOURNEYS_MAX)?;
        let moment = |field: &str, at| time::server_time(field, required(field, at)?);
        let sending = |sent: stored::StageSending| {
            Ok::<_, Invalid>(Sending {
                trigger: TriggerId::parse("trigger", &sent.trigger)?,
                from: StageId::parse("from_stage", &sent.from_stage)?,
                since: moment("from_since_time", sent.from_since_time)?,
                located: sent.from_located,
            })
        };
        let journeys = each("journeys", record.journeys, |at| {
            let stage = AtStage {
                stage: StageId::parse("stage", &at.stage)?,
                since: moment("since_time", at.since_time)?,
                located: at.located,
                sent: at.sent.map(sending).transpose().map_err(|why| why.under("sent"))?,
            };
            Ok((JourneyId::parse("journey", &at.journey)?, stage))
        })?;
        Ok(Self { journeys: journeys.into_iter().collect() })
    }
}
