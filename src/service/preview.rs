//! What a campaign would say, without anybody hearing it.

use super::catalogue::Shelf;
use super::errors::Failure;
use super::{Clock, stock};
use crate::engine::CustomerState;
use crate::message::{self, MessageBook, Scene};
use crate::model::{Campaign, Customer, CustomerId, Invalid, Locale, Place, Region, VariantId};
use crate::qualify::Events;
use crate::store::Records;
use crate::wire::{name, required, time, v1};

/// Prints the message of a request.
pub(super) fn preview(
    shelf: &Shelf,
    records: &Records,
    clock: &Clock,
    request: v1::PreviewMessageRequest,
) -> Result<v1::PreviewMessageResponse, Failure> {
    let campaign = campaign(shelf, required("campaign", request.campaign)?)?;
    let (region, place) = site(shelf, &campaign, &request.region)?;
    let customer = match request.customer.as_str() {
        "" => None,
        named => Some(load(records, named)?),
    };
    let at = request.time.map(|at| time::server_time("time", at)).transpose()?;
    let device = customer.as_ref().and_then(|state| state.devices.values().next()).map(|own| &own.device);
    let wanted = match request.locale.as_str() {
        "" => device.map(|device| device.locale.clone()).unwrap_or_default(),
        tag => Locale::parse("locale", tag)?.as_str().to_owned(),
    };
    let nothing = Events::NONE;
    let variant = variant(&campaign, &request.variant, customer.as_ref())?;
    let nobody = Customer::new(CustomerId::parse("customer", "sample")?);
    let scene = Scene {
        campaign: &campaign,
        variant: variant.as_ref(),
        customer: customer.as_ref().map_or(&nobody, |state| &state.customer),
        locale: &wanted,
        events: customer.as_ref().map_or(&nothing, |state| &state.events),
        place,
        region,
        on: campaign.on,
        happened: at.unwrap_or_else(|| clock.now()),
        zone: device.and_then(|device| device.time_zone.as_deref()).unwrap_or(&place.time_zone),
    };
    let printed = match &customer {
        Some(_) => MessageBook::default().render(&scene),
        None => message::sample(&scene),
    };
    Ok(match printed {
        Ok(printed) => v1::PreviewMessageResponse {
            message: Some((&printed.message).into()),
            failure: printed.fell_back.unwrap_or_default(),
        },
        Err(speechless) => v1::PreviewMessageResponse { message: None, failure: speechless.why },
    })
}

/// The campaign of a request: one that is stored, where there is nothing but a name.
fn campaign(shelf: &Shelf, wire: v1::Campaign) -> Result<Campaign, Failure> {
    let bare = v1::Campaign { name: wire.name.clone(), ..v1::Campaign::default() };
    if wire == bare {
        let id = name::campaign("campaign.name", &wire.name)?;
        let stored = shelf.campaigns.get(&id).ok_or_else(|| stock::missing::<Campaign>(&id))?;
        return Ok(Campaign::clone(stored));
    }
    let campaign = Campaign::try_from(wire).map_err(|why| why.under("campaign"))?;
    shelf.check_campaign(&campaign).map_err(|why| why.under("campaign"))?;
    Ok(campaign)
}

/// The region of a request, or the first to which the campaign applies.
fn site<'s>(shelf: &'s Shelf, campaign: &Campaign, named: &str) -> Result<(&'s Region, &'s Place), Failure> {
    let with_place = |region: &'s Region| Some((region, shelf.places.get(&region.place)?.as_ref()));
    if !named.is_empty() {
        let id = name::region("region", named)?;
        let region = shelf.regions.get(&id).and_then(|region| with_place(region));
        return region.ok_or_else(|| stock::missing::<Region>(&id));
    }
    let applies = |(region, place): &(&Region, &Place)| {
        let selects = &campaign.regions;
        selects.regions.contains(&region.id)
            || selects.brands.contains(&place.brand)
            || region.tags.iter().chain(&place.tags).any(|tag| selects.tags.contains(tag))
    };
    let found = shelf.regions.values().filter_map(|region| with_place(region)).find(applies);
    let problem = "is empty, and the campaign applies to no region that there is; name one";
    found.ok_or_else(|| Invalid::new("region", problem).into())
}

/// The variant of a request, or the one that the customer gets.
fn variant(campaign: &Campaign, named: &str, customer: Option<&CustomerState>) -> Result<Option<VariantId>, Failure> {
    if named.is_empty() {
        return Ok(customer.and_then(|state| campaign.measure.arm(&campaign.id, &state.customer.id).variant));
    }
    let id = VariantId::parse("variant", named)?;
    if campaign.measure.variants.iter().any(|own| own.id == id) {
        return Ok(Some(id));
    }
    let all: Vec<&str> = campaign.measure.variants.iter().map(|own| own.id.as_str()).collect();
    Err(Invalid::new("variant", format!("is {id}; the campaign has {}", all.join(", "))).into())
}

fn load(records: &Records, named: &str) -> Result<CustomerState, Failure> {
    let id = name::customer("customer", named)?;
    let found = records.load_customer(&id)?;
    found.map(|(state, _)| state).ok_or_else(|| Failure::NotFound { name: named.to_owned() })
}
