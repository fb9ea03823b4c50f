//! Reports of campaigns, on their way out; and the days that are asked for.

use super::{name, tame, v1};
use crate::model::{CampaignId, Currency, Invalid, Money};
use crate::report::interval::Interval;
use crate::report::{ArmCounts, Lift, Report, VariantReport};
use jiff::Span;
use jiff::civil::Date;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// The report of a campaign.
pub fn report_message(campaign: &CampaignId, report: &Report) -> v1::CampaignReport {
    let held_back = |(reason, count): &(String, u64)| v1::HeldBack { reason: reason.clone(), count: whole(*count) };
    v1::CampaignReport {
        campaign: name::campaign_name(campaign),
        first_date: report.days.map(|(first, _)| date(first)).unwrap_or_default(),
        last_date: report.days.map(|(_, last)| date(last)).unwrap_or_default(),
        visit_count: whole(report.visits),
        qualified_count: whole(report.qualified()),
        held_back: report.held_back.iter().map(held_back).collect(),
        sent: Some(arm_message(&report.sent, report.sent_rate)),
        held_out: Some(arm_message(&report.held_out, report.held_out_rate)),
        lift: report.lift.map(Into::into),
        variants: report.variants.iter().map(Into::into).collect(),
    }
}

/// A day of UTC since the Unix epoch, from its date such as `2026-07-15`; none where it is empty.
pub fn day(field: &str, text: &str) -> Result<Option<i32>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let shown: String = text.chars().take(40).collect();
    let date: Date =
        text.parse().map_err(|_| Invalid::new(field, format!("is {shown:?}; must be a date such as 2026-07-15")))?;
    Ok(date.since(EPOCH).ok().map(|span| span.get_days()))
}

/// The date of a day since the Unix epoch; empty beyond the year 9999.
fn date(day: i32) -> String {
    let date = Span::new().try_days(day).and_then(|days| EPOCH.checked_add(days));
    date.map(|date| date.to_string()).unwrap_or_default()
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn arm_message(counts: &ArmCounts, rate: Option<Interval>) -> v1::ArmReport {
    let amount = |(currency, micros): (&Currency, &i64)| v1::Amount {
        value: Money { micros: *micros, currency: *currency }.units(),
        currency: currency.to_string(),
    };
    v1::ArmReport {
        count: whole(counts.exposed),
        customer_count: whole(counts.customers),
        delivered_count: whole(counts.delivered),
        opened_count: whole(counts.opened),
        converted_count: whole(counts.converted),
        conversion_count: whole(counts.conversions),
        conversion_rate: rate.map(Into::into),
        order_values: counts.worth.iter().map(amount).collect(),
        worth_left_out_count: whole(counts.worth_left_out),
        buyer_count: whole(counts.buyers),
        repeat_buyer_count: whole(counts.repeat_buyers),
        first_to_repeat: counts.first_to_repeat(),
        purchase_frequency: counts.purchase_frequency(),
    }
}

impl From<Interval> for v1::Estimate {
    fn from(interval: Interval) -> Self {
        Self { value: tame(interval.value), low: tame(interval.low), high: tame(interval.high) }
    }
}

impl From<Lift> for v1::Lift {
    fn from(lift: Lift) -> Self {
        Self { difference: Some(lift.difference.into()), relative: lift.relative.map(Into::into) }
    }
}

impl From<&VariantReport> for v1::VariantReport {
    fn from(own: &VariantReport) -> Self {
        Self {
            variant: own.variant.to_string(),
            sent: Some(arm_message(&own.sent, own.rate)),
            lift: own.lift.map(Into::into),
            against_first: own.against_first.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        for (text, number) in [("1970-01-01", 0), ("2026-07-15", 20_649), ("1969-12-31", -1)] {
            assert_eq!(day("from_date", text), Ok(Some(number)));
            assert_eq!(date(number), text);
        }
        assert_eq!(day("from_date", ""), Ok(None));
        for wrong in ["2026-02-30", "15.7.2026", "yesterday"] {
            let refusal = day("from_date", wrong).unwrap_err().to_string();
            assert!(refusal.starts_with("from_date is ") && refusal.ends_with("such as 2026-07-15"), "{refusal}");
        }
        assert_eq!(date(i32::MAX), "");
    }
}
