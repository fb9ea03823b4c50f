//! What a customer did elsewhere.

use super::{CustomerState, Engine};
use crate::model::{Event, ServerTime};
use crate::qualify::Recorded;

impl Engine<'_> {
    /// Takes one event of a customer: whatever the order in which events come, and however often, the sums are the
    /// same. One that is refused, or was recorded before, changes nothing.
    pub fn record(&self, state: &mut CustomerState, event: &Event, now: ServerTime) -> Recorded {
        state.events.record(event, now)
    }
}
