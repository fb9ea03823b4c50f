//! What a campaign is measured by: who is held out, which variant a customer gets, and what counts as a conversion.

use super::event::Event;
use super::ids::{CampaignId, CustomerId, EventName, PropertyName, VariantId};
use super::message::Message;
use super::rule::Test;
use super::time::Millis;
use xxhash_rust::xxh3::xxh3_64;

/// The largest holdout, in basis points: half of the customers.
pub const HOLDOUT_MAX: u16 = 5_000;
/// Most variants of one campaign.
pub const VARIANTS_MAX: usize = 8;
/// The largest weight of a variant.
pub const WEIGHT_MAX: u32 = 1_000;
/// Most conversions of one campaign.
pub const CONVERSIONS_MAX: usize = 4;
/// The longest salt, in characters.
pub const SALT_MAX: usize = 64;

const BASIS_POINTS: u64 = 10_000;

/// What a campaign is measured by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measure {
    /// The share of customers who are decided in full and sent nothing, in basis points: 0 to [`HOLDOUT_MAX`].
    pub holdout: u16,
    /// Another salt draws holdout and variants anew; at most [`SALT_MAX`] characters.
    pub salt: String,
    /// Of these, a customer gets always the same one; none: all get the campaign's message. At most [`VARIANTS_MAX`],
    /// each id once.
    pub variants: Vec<Variant>,
    /// What a message is to lead to; at most [`CONVERSIONS_MAX`]. An event that is several of them counts once.
    pub conversions: Vec<Conversion>,
}

/// One of several messages that a campaign tries against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its id, unique within the campaign.
    pub id: VariantId,
    /// Its share of the customers, in proportion to the weights of the others: 1 to [`WEIGHT_MAX`].
    pub weight: u32,
    /// What it says; absent: the campaign's own message.
    pub message: Option<Message>,
}

/// An event that a message is to lead to.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// The event.
    pub event: EventName,
    /// Within which time after the trigger, 1 s to 31 days.
    pub within: Millis,
    /// What its properties must be; at most [`TESTS_MAX`](super::rule::TESTS_MAX).
    pub properties: Vec<(PropertyName, Test)>,
}

/// In which part of the experiment a customer is, of one campaign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Arm {
    /// The variant that the customer gets, or would get; absent where the campaign has none.
    pub variant: Option<VariantId>,
    /// Whether the customer is sent nothing.
    pub held_out: bool,
}

impl Measure {
    /// In which part of the experiment a customer is: a pure function of the campaign's id, the salt, the customer's id,
    /// holdout and weights, so that a customer stays where they are for as long as those stay. Two independent draws,
    /// each by XXH3 (64 bits; xxHash specification) of purpose, campaign, salt and customer, set apart by a byte that
    /// none of them holds: who is held out of one campaign is no more or less so in another, or in one variant.
    ///
    /// A larger holdout keeps those who are in it already.
    pub fn arm(&self, campaign: &CampaignId, customer: &CustomerId) -> Arm {
        let draw = |purpose: &str, below: u64| {
            let text = [purpose, campaign.as_str(), &self.salt, customer.as_str()].join("\0");
            // The high half of the product is even over the range, to one in 2^64 / range (Lemire 2019).
            let product = u128::from(xxh3_64(text.as_bytes())) * u128::from(below);
            u64::try_from(product >> 64).unwrap_or(0)
        };
        let held_out = self.holdout > 0 && draw("holdout", BASIS_POINTS) < u64::from(self.holdout);
        let weights: u64 = self.variants.iter().map(|variant| u64::from(variant.weight)).sum();
        let mut rest = if weights == 0 { 0 } else { draw("variant", weights) };
        let taken = self.variants.iter().find(|variant| {
            let weight = u64::from(variant.weight);
            let taken = rest < weight;
            rest = rest.saturating_sub(weight);
            taken
        });
        Arm { variant: taken.map(|variant| variant.id.clone()), held_out }
    }

    /// What a customer of that arm is told, where the campaign's message is `own`.
    pub fn message<'m>(&'m self, arm: &Arm, own: &'m Message) -> &'m Message {
        let variant = self.variants.iter().find(|variant| Some(&variant.id) == arm.variant.as_ref());
        variant.and_then(|variant| variant.message.as_ref()).unwrap_or(own)
    }

    /// Whether an event counts, so long after a trigger.
    pub fn counts(&self, event: &Event, after: Millis) -> bool {
        self.conversions.iter().any(|conversion| {
            conversion.event == event.name
                && (0..=conversion.within.0).contains(&after.0)
                && conversion.properties.iter().all(|(name, test)| test.passes(event.properties.get(name)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Message;

    fn campaign(n: usize) -> CampaignId {
        CampaignId::parse("c", &format!("campaign-{n}")).unwrap()
    }

    fn customer(n: usize) -> CustomerId {
        CustomerId::parse("c", &format!("customer-{n}")).unwrap()
    }

    fn measure(holdout: u16, weights: &[u32]) -> Measure {
        let variant = |(n, weight): (usize, &u32)| Variant {
            id: VariantId::parse("v", &format!("v{n}")).unwrap(),
            weight: *weight,
            message: (n > 0).then(|| Message { title: format!("title {n}"), ..Message::default() }),
        };
        Measure { holdout, variants: weights.iter().enumerate().map(variant).collect(), ..Measure::default() }
    }

    /// Whether so many of 20,000 are within four standard deviations of a share: wrong once in 16,000 times.
    fn check(what: &str, count: usize, share: f64) {
        let (n, count) = (20_000.0, count as f64);
        let bound = 4.0 * (n * share * (1.0 - share)).sqrt();
        assert!((count - n * share).abs() <= bound, "{what}: {count} of {n}, expected {} ± {bound}", n * share);
    }

    #[test]
    fn shares_are_as_asked_for() {
        for holdout in [0, 1, 100, 1_000, 2_500, 5_000] {
            let measure = measure(holdout, &[1, 2, 5]);
            let arms: Vec<Arm> = (0..20_000).map(|n| measure.arm(&campaign(1), &customer(n))).collect();
            let share = f64::from(holdout) / 10_000.0;
            check("held out", arms.iter().filter(|arm| arm.held_out).count(), share);
            for (variant, part) in ["v0", "v1", "v2"].into_iter().zip([0.125, 0.25, 0.625]) {
                let of = |arm: &&Arm| arm.variant.as_ref().is_some_and(|own| own.as_str() == variant);
                check(variant, arms.iter().filter(of).count(), part);
                check(variant, arms.iter().filter(of).filter(|arm| arm.held_out).count(), part * share);
            }
        }
        assert_eq!(measure(0, &[]).arm(&campaign(1), &customer(1)), Arm::default());
    }

    #[test]
    fn campaigns_and_salts_draw_independently() {
        let (own, salted) =
            (measure(3_000, &[1, 1]), Measure { salt: "again".to_owned(), ..measure(3_000, &[1, 1]) });
        let first: Vec<Arm> = (0..20_000).map(|n| own.arm(&campaign(1), &customer(n))).collect();
        for (what, other) in [("campaign", (&own, campaign(2))), ("salt", (&salted, campaign(1)))] {
            let second = (0..20_000).map(|n| other.0.arm(&other.1, &customer(n)));
            let both: Vec<(&Arm, Arm)> = first.iter().zip(second).collect();
            check(what, both.iter().filter(|(a, b)| a.held_out && b.held_out).count(), 0.09);
            check(what, both.iter().filter(|(a, b)| a.held_out && !b.held_out).count(), 0.21);
            check(what, both.iter().filter(|(a, b)| a.variant == b.variant).count(), 0.5);
        }
    }

    #[test]
    fn a_customer_stays_and_a_larger_holdout_keeps_who_is_in_it() {
        for n in 0..2_000 {
            let small = measure(500, &[1]).arm(&campaign(1), &customer(n));
            assert_eq!(small, measure(500, &[1]).arm(&campaign(1), &customer(n)));
            assert!(!small.held_out || measure(900, &[1]).arm(&campaign(1), &customer(n)).held_out);
        }
    }

    #[test]
    fn a_variant_without_a_message_says_what_the_campaign_says() {
        let (measure, own) = (measure(0, &[1, 1]), Message { title: "own".to_owned(), ..Message::default() });
        for (variant, title) in [(None, "own"), (Some("v0"), "own"), (Some("v1"), "title 1"), (Some("gone"), "own")] {
            let variant = variant.map(|id| VariantId::parse("v", id).unwrap());
            assert_eq!(measure.message(&Arm { variant, held_out: false }, &own).title, title);
        }
    }
}
