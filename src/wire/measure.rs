//! What campaigns are measured by: holdout, variants, conversions.

use super::{each, limits, required, rule, v1};
use crate::model::invalid::{at_most, text};
use crate::model::measure::{CONVERSIONS_MAX, HOLDOUT_MAX, SALT_MAX, VARIANTS_MAX, WEIGHT_MAX};
use crate::model::{Conversion, EventName, Invalid, Measure, Message, Variant, VariantId};
use std::collections::BTreeSet;

/// What a campaign is measured by, from the fields of the campaign.
pub(super) fn measure(
    holdout: i32,
    salt: String,
    variants: Vec<v1::Variant>,
    conversions: Vec<v1::Conversion>,
) -> Result<Measure, Invalid> {
    at_most("variants", variants.len(), VARIANTS_MAX)?;
    at_most("conversions", conversions.len(), CONVERSIONS_MAX)?;
    text("experiment_salt", &salt, 0, SALT_MAX)?;
    if salt.contains(char::is_control) {
        return Err(Invalid::new("experiment_salt", "has control characters; must have none"));
    }
    let variants = each("variants", variants, Variant::try_from)?;
    let mut ids = BTreeSet::new();
    if let Some(again) = variants.iter().position(|variant| !ids.insert(&variant.id)) {
        let problem = format!("repeats {}; each may come once", variants[again].id);
        return Err(Invalid::new("variant", problem).at("variants", again));
    }
    let share = u16::try_from(holdout).ok().filter(|share| *share <= HOLDOUT_MAX);
    let holdout = share.ok_or_else(|| {
        Invalid::new(
            "holdout_basis_points",
            format!("is {holdout}; must be 0 to {HOLDOUT_MAX}, half of the customers"),
        )
    })?;
    Ok(Measure { holdout, salt, variants, conversions: each("conversions", conversions, Conversion::try_from)? })
}

/// A variant's id; none where it is empty.
pub(super) fn variant(field: &str, id: &str) -> Result<Option<VariantId>, Invalid> {
    (!id.is_empty()).then(|| VariantId::parse(field, id)).transpose()
}

impl TryFrom<v1::Variant> for Variant {
    type Error = Invalid;

    fn try_from(wire: v1::Variant) -> Result<Self, Invalid> {
        Ok(Self {
            id: VariantId::parse("variant", &wire.variant)?,
            weight: super::count("weight", wire.weight.unwrap_or(1), WEIGHT_MAX)?,
            message: wire.message.map(Message::try_from).transpose().map_err(|why| why.under("message"))?,
        })
    }
}

impl From<&Variant> for v1::Variant {
    fn from(variant: &Variant) -> Self {
        Self {
            variant: variant.id.to_string(),
            weight: Some(variant.weight.cast_signed()),
            message: variant.message.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::Conversion> for Conversion {
    type Error = Invalid;

    fn try_from(wire: v1::Conversion) -> Result<Self, Invalid> {
        Ok(Self {
            event: EventName::parse("event_name", &wire.event_name)?,
            within: limits::window("within", required("within", wire.within)?)?,
            properties: rule::properties("properties", wire.properties)?,
        })
    }
}

impl From<&Conversion> for v1::Conversion {
    fn from(conversion: &Conversion) -> Self {
        Self {
            event_name: conversion.event.to_string(),
            within: Some(conversion.within.into()),
            properties: rule::properties_message(&conversion.properties),
        }
    }
}
