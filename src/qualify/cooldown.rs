//! Was a message for this region, place or brand sent too recently?

use super::asking::{Asking, pass, refuse};
use crate::model::{Millis, PolicyStep, Reason, ServerTime};

/// One answer each for region, place and brand. Each passes once the campaign's cooldown has gone by, to the
/// millisecond, since the latest message of any campaign for the same.
pub(super) fn ask(asking: &Asking<'_>) -> [PolicyStep; 3] {
    let (past, cooldown) = (asking.past, asking.campaign.cooldown);
    [
        one(asking, "region-cooldown", cooldown.region, past.last_of_region(), |until| Reason::RegionCooldown {
            until,
        }),
        one(asking, "place-cooldown", cooldown.place, past.last_of_place(), |until| Reason::PlaceCooldown { until }),
        one(asking, "brand-cooldown", cooldown.brand, past.last_of_brand(), |until| Reason::BrandCooldown { until }),
    ]
}

fn one(
    asking: &Asking<'_>,
    name: &'static str,
    cooldown: Option<Millis>,
    last: Option<ServerTime>,
    reason: impl Fn(ServerTime) -> Reason,
) -> PolicyStep {
    let Some(cooldown) = cooldown else { return pass(name, "none asked") };
    let now = asking.now;
    // One dated after `now` counts too: the clock has stepped back since.
    let free = last.map(|last| last + cooldown).filter(|free| *free > now);
    let known = asking.past.known_from(cooldown, now);
    match (last, free.max(known)) {
        (Some(last), Some(until)) if free.is_some() => {
            refuse(name, reason(until), format!("{} since the last, {cooldown} asked", now - last))
        }
        (_, Some(until)) => refuse(name, reason(until), "earlier messages are forgotten"),
        (Some(last), None) => pass(name, format!("{} since the last, {cooldown} asked", now - last)),
        (None, None) => pass(name, format!("none yet, {cooldown} asked")),
    }
}
