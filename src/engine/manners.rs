//! What a deployment decides for all of its customers.

use crate::model::{Customer, DailySpan, Millis, QuietHours};

/// What a deployment decides for all of its customers, where they or the campaigns do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manners {
    /// The quiet hours of customers who set none, on their own clock; none when absent.
    pub quiet_hours: Option<DailySpan>,
    /// How long a message that qualifies waits for others of the same customer, of which one is then chosen; 0: it does
    /// not wait.
    pub settle: Millis,
}

impl Manners {
    /// Those that `doorstep serve` has where it is not told otherwise: nobody expects an offer at night, nor feels a
    /// delay of three seconds, in which two doors of a street, or two devices of a person, are heard of.
    pub fn usual() -> Self {
        Self { quiet_hours: DailySpan::new("21:00", "08:00").ok(), settle: Millis::from_secs(3) }
    }

    /// The quiet hours that hold for a customer.
    pub(super) fn quiet_hours_of(self, customer: &Customer) -> Option<DailySpan> {
        match customer.quiet_hours {
            Some(QuietHours::Daily(hours)) => Some(hours),
            Some(QuietHours::None) => None,
            None => self.quiet_hours,
        }
    }
}
