//! Holdout, variants and conversions of campaigns, as YAML.

use super::messages::{Text, message};
use super::{parse_span, rules};
use crate::model::{Conversion, EventName, Invalid, Measure, Variant, VariantId};
use serde::Deserialize;

/// One of several messages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantEntry {
    id: String,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    message: Option<Text>,
}

/// An event that a message is to lead to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConversionEntry {
    event: String,
    within: String,
    #[serde(default)]
    properties: rules::Tests,
}

fn one() -> u32 {
    1
}

/// What a campaign is measured by, from the entries of its file.
pub(super) fn measure(
    holdout: Option<&str>,
    salt: Option<String>,
    variants: Vec<VariantEntry>,
    conversions: Vec<ConversionEntry>,
) -> Result<Measure, Invalid> {
    let variant = |(index, entry): (usize, VariantEntry)| {
        let parse = || {
            let message = entry.message.map(message).transpose().map_err(|why| why.under("message"))?;
            Ok(Variant { id: VariantId::parse("id", &entry.id)?, weight: entry.weight, message })
        };
        parse().map_err(|why: Invalid| why.at("variants", index))
    };
    let conversion = |(index, entry): (usize, ConversionEntry)| {
        self::conversion(entry).map_err(|why| why.at("conversions", index))
    };
    Ok(Measure {
        holdout: holdout.map(share).transpose()?.unwrap_or_default(),
        salt: salt.unwrap_or_default(),
        variants: variants.into_iter().enumerate().map(variant).collect::<Result<_, Invalid>>()?,
        conversions: conversions.into_iter().enumerate().map(conversion).collect::<Result<_, Invalid>>()?,
    })
}

fn conversion(entry: ConversionEntry) -> Result<Conversion, Invalid> {
    Ok(Conversion {
        event: EventName::parse("event", &entry.event)?,
        within: parse_span("within", &entry.within)?,
        properties: rules::tests("properties", entry.properties)?,
    })
}

/// `10%` or `2.5%`, in basis points.
fn share(text: &str) -> Result<u16, Invalid> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let points = percent.map(|percent| percent * 100.0).filter(|points| (0.0..=5_000.0).contains(points));
    // A hundredth of a per cent is the least that counts.
    let whole = points.filter(|points| (points - points.round()).abs() < 1e-6);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 5,000")]
    whole
        .map(|points| points.round() as u16)
        .ok_or_else(|| Invalid::new("holdout", format!("is {text:?}; must be 0% to 50%, such as 10% or 2.25%")))
}

#[cfg(test)]
mod tests {
    use crate::files::read_campaigns;
    use crate::model::Millis;

    const LATTE: &str = "campaigns:\n- id: latte\n  regions: { brands: [roost] }\n  topic: offers\n  message: { title: A latte, body: On us }\n  holdout: 2.5%\n  experiment_salt: spring\n  variants:\n  - { id: own, weight: 3 }\n  - { id: warm, message: { title: Warm, body: Come in } }\n  conversions:\n  - { event: purchase, within: 7d, properties: { size: { one_of: [large, huge] }, worth: { greater: 3 } } }\n";

    #[test]
    fn what_measures_a_campaign_reads() {
        let measure = read_campaigns(LATTE).unwrap().remove(0).measure;
        assert_eq!((measure.holdout, measure.salt.as_str()), (250, "spring"));
        let variants: Vec<_> = measure
            .variants
            .iter()
            .map(|own| (own.id.as_str(), own.weight, own.message.as_ref().map(|message| message.title.as_str())))
            .collect();
        assert_eq!(variants, [("own", 3, None), ("warm", 1, Some("Warm"))]);
        let conversion = &measure.conversions[0];
        assert_eq!((conversion.event.as_str(), conversion.within), ("purchase", Millis::from_days(7)));
        assert_eq!(conversion.properties[0].1.to_string(), "= large or huge");
    }

    #[test]
    fn refusals_say_where() {
        for (from, to, place) in [
            ("2.5%", "60%", "campaigns[0].holdout is \"60%\"; must be 0% to 50%"),
            ("2.5%", "0.1", "campaigns[0].holdout is \"0.1\""),
            ("2.5%", "1.005%", "campaigns[0].holdout is \"1.005%\""),
            ("id: own", "id: a b", "campaigns[0].variants[0].id"),
            ("within: 7d", "within: soon", "campaigns[0].conversions[0].within"),
            ("event: purchase", "event: a b", "campaigns[0].conversions[0].event"),
            (
                "greater: 3",
                "greater: much",
                "campaigns[0].conversions[0].properties.worth.greater must have a number",
            ),
            ("weight: 3", "wait: 3", "unknown field `wait`"),
        ] {
            let refusal = read_campaigns(&LATTE.replace(from, to)).unwrap_err();
            let refusal = format!("{:#}", anyhow::Error::from(refusal));
            assert!(refusal.contains(place), "{refusal}");
        }
    }
}
