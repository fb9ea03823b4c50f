//! Is the place open?

use super::asking::{Asking, pass, refuse};
use super::local::Local;
use crate::model::{Detail, OpeningHours, PolicyStep, Reason, ServerTime};
use std::cell::OnceCell;

const NAME: &str = "open";

/// The doors of the place at hand. Whether they are open is worked out when it is asked for, once.
#[derive(Debug)]
pub(super) struct Doors<'a> {
    hours: Option<&'a OpeningHours>,
    local: Local<'a>,
    closed: OnceCell<Option<Closed>>,
}

/// When a closed place opens, where that is known.
#[derive(Debug, Clone, Copy)]
struct Closed(Option<ServerTime>);

impl<'a> Doors<'a> {
    /// The doors of a place with these opening hours, on its own clock.
    pub(super) fn new(hours: Option<&'a OpeningHours>, local: Local<'a>) -> Self {
        Self { hours, local, closed: OnceCell::new() }
    }

    fn closed(&self, hours: &OpeningHours) -> Option<Closed> {
        *self.closed.get_or_init(|| {
            let shown = self.local.clock();
            hours.is_closed(shown).then(|| Closed(self.local.next_opening(hours)))
        })
    }
}

/// No answer where the opening hours are not known, or the campaign speaks at a closed place, too. Passes while the
/// place is open. A refusal ends when it opens.
pub(super) fn ask(asking: &Asking<'_>) -> Option<PolicyStep> {
    let doors = asking.doors;
    let hours = doors.hours.filter(|_| !asking.campaign.while_closed)?;
    let shown = doors.local.clock();
    Some(match doors.closed(hours) {
        None => pass(NAME, Detail::Open { shown, open: true }),
        Some(Closed(until)) => refuse(NAME, Reason::PlaceClosed { until }, Detail::Open { shown, open: false }),
    })
}
