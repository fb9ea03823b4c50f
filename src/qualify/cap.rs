//! Did the customer get as many messages as the campaign allows?

use super::SENDS_MAX;
use super::asking::{Asking, pass, refuse};
use crate::model::campaign::WINDOW_MAX;
use crate::model::{Cap, CapScope, CapWindow, Detail, Millis, PolicyStep, Reason, ServerTime};

/// One answer for each of the campaign's caps.
///
/// Exact. Of a calendar day or week: a message is let through only if the one that the customer's clock shows at `now`
/// holds fewer than `limit`. Of a rolling window: a message is let through at `now` only if fewer than `limit` were sent after `now - window`, those dated
/// after `now` included. Any window of that length that holds the new message lies after `now - window`, so it
/// holds at most `limit`; the other windows are as before. This needs no order of clocks, and taking a send
/// away by a refund can't break it.
pub(super) fn ask(asking: &Asking<'_>, steps: &mut Vec<PolicyStep>) {
    for cap in &asking.campaign.caps {
        steps.push(one(asking, *cap));
    }
}

/// The ledger's own bound, as a cap that every campaign has, and that speaks only when it is reached: at most [`SENDS_MAX`] in [`WINDOW_MAX`], and the pace of
/// that many campaigns.
pub(super) fn ask_room(asking: &Asking<'_>) -> Option<PolicyStep> {
    const NAME: &str = "ledger";
    let times = asking.past.all();
    let sends = room(younger(times, WINDOW_MAX, asking.now), SENDS_MAX, WINDOW_MAX);
    let until = sends.max(asking.past.pace_room(asking.campaign))?;
    let limit = u32::try_from(SENDS_MAX).unwrap_or(u32::MAX);
    Some(refuse(NAME, Reason::Cap { scope: CapScope::Customer, limit, until }, "full"))
}

fn one(asking: &Asking<'_>, cap: Cap) -> PolicyStep {
    let Cap { scope, limit, window } = cap;
    let times = asking.past.times(scope, asking.campaign);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let (sent, full, until) = match window {
        CapWindow::Rolling(window) => {
            let times = younger(times, window, asking.now);
            let full = room(times, most, window);
            (times.len(), full, full.max(asking.past.known_from(window, asking.now)))
        }
        CapWindow::Calendar(calendar) => {
            let full = asking.local.room(calendar, times, most, None);
            let forgotten = asking.past.forgotten();
            let until = if forgotten.is_none() { full } else { asking.local.room(calendar, times, most, forgotten) };
            (asking.local.count(calendar, times), full, until)
        }
    };
    let sent = u32::try_from(sent).unwrap_or(u32::MAX);
    let detail = Detail::Cap { sent, limit, window, forgotten: until.is_some() && full.is_none() };
    match until {
        None => pass(name(scope), detail),
        Some(until) => refuse(name(scope), Reason::Cap { scope, limit, until }, detail),
    }
}

/// Those within the last `window`, and those dated after `now`: the clock has stepped back since, and a cap holds in
/// every window, those to come included. One exactly `window` ago is past.
fn younger(times: &[ServerTime], window: Millis, now: ServerTime) -> &[ServerTime] {
    times.get(times.partition_point(|at| *at <= now - window)..).unwrap_or_default()
}

/// When fewer than `limit` of these messages will be younger than `window`; absent when that is so.
fn room(times: &[ServerTime], limit: usize, window: Millis) -> Option<ServerTime> {
    let surplus = times.len().checked_sub(limit.max(1))?;
    // Once this one is past, `limit - 1` are left.
    times.get(surplus).map(|at| *at + window)
}

fn name(scope: CapScope) -> &'static str {
    match scope {
        CapScope::Customer => "customer-cap",
        CapScope::Brand => "brand-cap",
        CapScope::Topic => "topic-cap",
        CapScope::Place => "place-cap",
        CapScope::Campaign => "campaign-cap",
    }
}
