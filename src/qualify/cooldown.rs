//! Was a message for this region, place or brand sent too recently?

use super::asking::{Asking, pass, refuse};
use crate::model::{Detail, Millis, PolicyStep, Reason, ServerTime};

/// One answer each for visit, region, place and brand, where the campaign asks for it. That of the visit passes unless
/// the visit had a message of any campaign. Each of the others passes once the campaign's cooldown has gone by, to the
/// millisecond, since the latest message of any campaign for the same; transactional ones do not count.
pub(super) fn ask(asking: &Asking<'_>) -> impl Iterator<Item = PolicyStep> {
    let (past, cooldown) = (asking.past, asking.campaign.cooldown);
    [
        cooldown.visit.then(|| visit(past.visit_had_any())),
        one(asking, "region-cooldown", cooldown.region, past.last_of_region(), |until| Reason::RegionCooldown {
            until,
        }),
        one(asking, "place-cooldown", cooldown.place, past.last_of_place(), |until| Reason::PlaceCooldown { until }),
        one(asking, "brand-cooldown", cooldown.brand, past.last_of_brand(), |until| Reason::BrandCooldown { until }),
    ]
    .into_iter()
    .flatten()
}

fn visit(had_any: bool) -> PolicyStep {
    const NAME: &str = "visit-cooldown";
    if had_any {
        refuse(NAME, Reason::VisitCooldown, "this visit had a message")
    } else {
        pass(NAME, "no message in this visit")
    }
}

/// Whether a time that is asked for has gone by since the last message that counts.
pub(super) fn one(
    asking: &Asking<'_>,
    name: &'static str,
    cooldown: Option<Millis>,
    last: Option<ServerTime>,
    reason: impl Fn(ServerTime) -> Reason,
) -> Option<PolicyStep> {
    let asked = cooldown?;
    let now = asking.now;
    // One dated after `now` counts too: the clock has stepped back since.
    let free = last.map(|last| last + asked).filter(|free| *free > now);
    let known = asking.past.known_from(asked, now);
    let detail = Detail::Cooldown { since: last.map(|last| now - last), asked };
    Some(match free.max(known) {
        Some(until) if free.is_some() => refuse(name, reason(until), detail),
        Some(until) => refuse(name, reason(until), "earlier messages are forgotten"),
        None => pass(name, detail),
    })
}
