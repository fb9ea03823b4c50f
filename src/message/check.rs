//! What is wrong with a campaign's message, found before anybody gets it.

use super::wording::Wording;
use super::{Rendered, Scene, Speechless, Wordings, names};
use crate::model::{
    BrandId, Campaign, Circle, Customer, CustomerId, Extent, Fence, Invalid, Metres, Millis, Place, PlaceId,
    Position, Region, RegionId, ServerTime,
};
use crate::qualify::Events;
use liquid_core::Value;

/// What a sample customer's traits and events say. The blank shows where a link lacks `url_encode`.
const SAMPLE: &str = "a sample";

/// Checks a campaign's message: that its templates parse and mention only names that there are, and that it prints in
/// each language for a customer of whom everything is known. Without a fallback it must print, too, for one of whom
/// nothing is known. The field is a path within the campaign.
pub fn check(campaign: &Campaign) -> Result<(), Invalid> {
    let made_up = MadeUp::of(campaign)?;
    let scene = made_up.scene(campaign, "");
    let wordings = Wordings::parse(campaign);
    std::iter::once(&wordings.own).chain(wordings.variants.values()).try_for_each(|own| check_one(own, &scene))
}

fn check_one(wording: &Wording, scene: &Scene<'_>) -> Result<(), Invalid> {
    for language in 0..wording.languages() {
        wording.print(language, &|path| known(path, scene))?;
    }
    for language in (0..wording.languages()).filter(|_| !wording.has_fallback()) {
        wording.print(language, &|path| names::value(path, scene)).map_err(|mut why| {
            why.problem.push_str(
                " in a sample of whom nothing is known: print it with a default, such as \
                 {{ customer.traits.name | default: \"you\" }}, only if it is there, or give the message a fallback",
            );
            why
        })?;
    }
    Ok(())
}

/// What a campaign says to a made-up customer of whom everything is known.
pub fn sample(scene: &Scene<'_>) -> Result<Rendered, Speechless> {
    let wordings = Wordings::parse(scene.campaign);
    let wording = wordings.of(scene.variant);
    let printed = wording.print(wording.chosen(scene.locale), &|path| known(path, scene));
    printed.map(|message| Rendered { message, fell_back: None }).map_err(|why| Speechless { why: why.to_string() })
}

/// The value of a name, made up where nothing is known.
fn known(path: &[String], scene: &Scene<'_>) -> Option<Value> {
    names::value(path, scene).or_else(|| {
        Some(match path.last().map(String::as_str) {
            Some("count") if path.len() == 4 => Value::scalar(1_i64),
            Some("date") if path.len() <= 4 => Value::scalar("2026-07-15"),
            Some(_) | None => Value::scalar(SAMPLE),
        })
    })
}

/// Somebody at some place.
struct MadeUp {
    customer: Customer,
    place: Place,
    region: Region,
    events: Events,
}

impl MadeUp {
    fn of(campaign: &Campaign) -> Result<Self, Invalid> {
        let brand = match campaign.regions.brands.first() {
            Some(brand) => brand.clone(),
            None => BrandId::parse("brand", "sample")?,
        };
        let center = Position::new(0.0, 0.0)?;
        Ok(Self {
            customer: Customer::new(CustomerId::parse("customer", "sample")?),
            place: Place {
                id: PlaceId::parse("place", "sample")?,
                display_name: SAMPLE.to_owned(),
                brand,
                time_zone: "UTC".to_owned(),
                tags: Vec::new(),
                opening_hours: None,
            },
            region: Region {
                id: RegionId::parse("region", "sample")?,
                place: PlaceId::parse("place", "sample")?,
                display_name: SAMPLE.to_owned(),
                extent: Extent::Fence(Fence::Circle(Circle { center, radius: Metres(50.0) })),
                dwell: Millis::from_mins(5),
                tags: Vec::new(),
            },
            events: Events::NONE,
        })
    }

    fn scene<'a>(&'a self, campaign: &'a Campaign, locale: &'a str) -> Scene<'a> {
        Scene {
            campaign,
            variant: None,
            customer: &self.customer,
            locale,
            events: &self.events,
            place: &self.place,
            region: &self.region,
            on: campaign.on,
            happened: ServerTime(1_784_138_400_000),
            zone: "UTC",
        }
    }
}
