//! Was a message for this region, place or brand sent too recently?

use super::asking::{Asking, pass, refuse};
use crate::model::{Cooldown, Detail, Millis, PolicyStep, Reason, ServerTime};

/// One answer each for visit, region, place and brand, where the campaign asks for it. That of the visit passes unless
/// the visit had a message of any campaign. Each of the others passes once the campaign's cooldown has gone by, to the
/// millisecond, since the latest message of any campaign for the same; transactional ones do not count.
pub(super) fn ask(asking: &Asking<'_>, steps: &mut Vec<PolicyStep>) {
    let (past, Cooldown { visit, region, place, brand }) = (asking.past, asking.campaign.cooldown);
    if visit {
        steps.push(self::visit(past.visit_had_any()));
    }
    if let Some(asked) = region {
        let reason = |until| Reason::RegionCooldown { until };
        steps.push(one(asking, "region-cooldown", asked, past.last_of_region(), reason));
    }
    if let Some(asked) = place {
        let reason = |until| Reason::PlaceCooldown { until };
        steps.push(one(asking, "place-cooldown", asked, past.last_of_place(), reason));
    }
    if let Some(asked) = brand {
        let reason = |until| Reason::BrandCooldown { until };
        steps.push(one(asking, "brand-cooldown", asked, past.last_of_brand(), reason));
    }
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
    asked: Millis,
    last: Option<ServerTime>,
    reason: impl Fn(ServerTime) -> Reason,
) -> PolicyStep {
    let now = asking.now;
    // One dated after `now` counts too: the clock has stepped back since.
    let free = last.map(|last| last + asked).filter(|free| *free > now);
    let known = asking.past.known_from(asked, now);
    let detail = Detail::Cooldown { since: last.map(|last| now - last), asked };
    match free.max(known) {
        Some(until) if free.is_some() => refuse(name, reason(until), detail),
        Some(until) => refuse(name, reason(until), "earlier messages are forgotten"),
        None => pass(name, detail),
    }
}
