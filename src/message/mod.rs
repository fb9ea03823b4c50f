//! Win → message: what a campaign says to this customer, here and now, in the customer's language.
//!
//! Texts of campaigns are templates in Liquid, parsed once for each snapshot of the catalogue and run for the one
//! message that won. `scan` knows which names, tags and filters there may be, and says line and column of what there
//! may not; `filters` is the language, without what reads a clock or may run long; `names` fills in the values.
//! [`check()`] is asked when a campaign is registered.

mod check;
mod filters;
mod names;
mod scan;
#[cfg(test)]
mod tests;
mod text;
mod view;
mod wording;

pub use check::{check, sample};
pub use scan::is_template;

use crate::model::{Campaign, CampaignId, Customer, Message, Place, Region, ServerTime, TransitionKind, VariantId};
use crate::qualify::Events;
use std::collections::BTreeMap;
use std::sync::Arc;
use wording::Wording;

/// Of whom, where and when a message speaks.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The campaign that speaks.
    pub campaign: &'a Campaign,
    /// The variant of the campaign that the customer gets; absent: it has none.
    pub variant: Option<&'a VariantId>,
    /// To whom.
    pub customer: &'a Customer,
    /// The customer's language, a BCP 47 tag; empty where it is not known.
    pub locale: &'a str,
    /// What the customer did elsewhere.
    pub events: &'a Events,
    /// Where.
    pub place: &'a Place,
    /// Where there.
    pub region: &'a Region,
    /// What happened there.
    pub on: TransitionKind,
    /// When, by the server's time.
    pub happened: ServerTime,
    /// The customer's time zone, an IANA name.
    pub zone: &'a str,
}

/// A message as the phone shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// It.
    pub message: Message,
    /// Why it is not the one of the customer's language, where a template failed.
    pub fell_back: Option<String>,
}

/// Why there is nothing to say: every template that could speak failed, and the campaign has no fallback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speechless {
    /// The first failure, such as `message.body at line 1, column 4: …`.
    pub why: String,
}

/// The messages of the campaigns, parsed. Immutable: built once for each change of the catalogue.
#[derive(Debug, Default)]
pub struct MessageBook {
    wordings: BTreeMap<CampaignId, Wordings>,
}

/// The messages of one campaign: its own, and those of its variants that have one.
#[derive(Debug)]
struct Wordings {
    own: Wording,
    variants: BTreeMap<VariantId, Wording>,
}

impl Wordings {
    fn parse(campaign: &Campaign) -> Self {
        let variants = campaign.measure.variants.iter().enumerate();
        let parsed = variants.filter_map(|(index, variant)| {
            let message = variant.message.as_ref()?;
            Some((variant.id.clone(), Wording::parse(&format!("variants[{index}].message"), message)))
        });
        Self { own: Wording::parse("message", &campaign.message), variants: parsed.collect() }
    }

    /// What a variant says; what it does not say itself is the campaign's own.
    fn of(&self, variant: Option<&VariantId>) -> &Wording {
        variant.and_then(|variant| self.variants.get(variant)).unwrap_or(&self.own)
    }
}

impl MessageBook {
    /// A book of these campaigns' messages. Of several with one id, the last counts.
    pub fn build<'a>(campaigns: impl IntoIterator<Item = &'a Arc<Campaign>>) -> Self {
        let parsed = |own: &Arc<Campaign>| (own.id.clone(), Wordings::parse(own));
        Self { wordings: campaigns.into_iter().map(parsed).collect() }
    }

    /// What a campaign of the book says: in the language that lookup finds (RFC 4647, section 3.4), else in that of
    /// the message itself. Where that fails, the message itself speaks, and then its fallback.
    pub fn render(&self, scene: &Scene<'_>) -> Result<Rendered, Speechless> {
        match self.wordings.get(&scene.campaign.id) {
            Some(wordings) => wordings.of(scene.variant).render(scene),
            None => Wordings::parse(scene.campaign).of(scene.variant).render(scene),
        }
    }
}
