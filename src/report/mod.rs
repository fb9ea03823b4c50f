//! What a campaign did: who got its message or would have, what they did afterwards, and how sure that is.
//!
//! ```text
//! decision ─▶ Note ─▶ Tally ─▶ DayCounts, one for each campaign and day ─▶ Report
//! event ─▶ Exposures ─▶ Note
//! ```
//!
//! [`Exposures`] are part of a customer's record: the messages that the customer got, and the ghosts in their stead, to
//! which later events are attributed. What is to be counted leaves the engine as [`Note`]s; a [`Tally`] sums them up
//! without any customer in it. [`report`] makes the figures, with intervals from [`interval`]. Formulas and sources are
//! in `docs/report.md`. Pure, like the rest of the core.

mod counts;
mod exposures;
pub mod interval;
mod note;
mod summary;
#[cfg(test)]
mod tests;

pub use counts::{ARMS_MAX, ArmCounts, CURRENCIES_MAX, DayCounts, REASONS_MAX, Tally};
pub use exposures::{EXPOSURES_MAX, Exposure, Exposures, SUBJECTS_MAX, Subject};
pub use note::{Note, What};
pub use summary::{Lift, Report, VariantReport, report};

use crate::model::ServerTime;

/// For how many days before the latest one the counts of a campaign are kept.
pub const DAYS_KEPT: i32 = 800;

const DAY_MS: i64 = 86_400_000;

/// The day of UTC since the Unix epoch.
pub fn day_of(at: ServerTime) -> i32 {
    i32::try_from(at.0.div_euclid(DAY_MS)).unwrap_or(if at.0 < 0 { i32::MIN } else { i32::MAX })
}
