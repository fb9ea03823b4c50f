//! `holdout=50% salt=x variants=a:1,b:3 converts=purchase/7d` of a campaign, and `report latte`.

use super::words::{Read, id, number, span};
use doorstep::files::read_scalar;
use doorstep::model::rule::Test;
use doorstep::model::{
    CampaignId, Conversion, Currency, EventName, Measure, Message, Money, PropertyName, Variant, VariantId,
};
use doorstep::report::{ArmCounts, Tally, report};

/// Takes one setting of a campaign, if it is one of these.
pub(super) fn set(measure: &mut Measure, key: &str, text: &str) -> Read<bool> {
    match key {
        "holdout" => {
            let percent = text.strip_suffix('%').ok_or_else(|| format!("has holdout={text}; must be such as 10%"))?;
            measure.holdout = number::<u16>(key, percent)? * 100;
        }
        "salt" => text.clone_into(&mut measure.salt),
        "variants" => measure.variants = text.split(',').map(variant).collect::<Read<_>>()?,
        "converts" => measure.conversions.push(conversion(text)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// `a:3`: its title is its id.
fn variant(text: &str) -> Read<Variant> {
    let (name, weight) = text.split_once(':').unwrap_or((text, "1"));
    let message = Message { title: name.to_owned(), body: name.to_owned(), ..Message::default() };
    Ok(Variant {
        id: id("variants", name, VariantId::parse)?,
        weight: number("weight", weight)?,
        message: Some(message),
    })
}

/// `purchase/7d` or `purchase/7d/size=large`.
fn conversion(text: &str) -> Read<Conversion> {
    let wrong = || format!("has converts={text}; must be such as converts=purchase/7d");
    let mut parts = text.split('/');
    let event = id("converts", parts.next().unwrap_or_default(), EventName::parse)?;
    let within = span("converts", parts.next().ok_or_else(wrong)?)?;
    let property = |text: &str| {
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        Ok((id("property", name, PropertyName::parse)?, Test::Equals(read_scalar(value))))
    };
    Ok(Conversion { event, within, properties: parts.map(property).collect::<Read<_>>()? })
}

/// What there is to report of a campaign: the figures other than 0.
pub(super) fn told(tally: &Tally, campaign: &CampaignId) -> Vec<String> {
    let of = tally.days.iter().filter(|((own, _), _)| own == campaign);
    let days = of.map(|((_, day), counts)| (*day, counts.clone())).collect();
    let report = report(&days, None, None);
    let mut told = figures(&[("visits", report.visits)], "");
    told.extend(arm(&report.sent, "sent", ""));
    for variant in &report.variants {
        told.extend(arm(&variant.sent, "sent", &format!(" of {}", variant.variant)));
    }
    told.extend(arm(&report.held_out, "held out", " of held out"));
    told.extend(report.held_back.iter().map(|(reason, count)| format!("held back {count}: {reason}")));
    told
}

fn arm(counts: &ArmCounts, exposed: &str, of: &str) -> Vec<String> {
    let suffix = if exposed == "held out" { "" } else { of };
    let mut told = figures(&[(exposed, counts.exposed)], suffix);
    told.extend(figures(
        &[
            ("converted", counts.converted),
            ("conversions", counts.conversions),
            ("buyers", counts.buyers),
            ("bought again", counts.repeat_buyers),
        ],
        of,
    ));
    let worth = |(currency, micros): (&Currency, &i64)| {
        format!("worth {}{of}", Money { micros: *micros, currency: *currency })
    };
    told.extend(counts.worth.iter().map(worth));
    told
}

fn figures(figures: &[(&str, u64)], of: &str) -> Vec<String> {
    figures.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what} {count}{of}")).collect()
}
