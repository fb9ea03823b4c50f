//! What people keep in files: regions and zones as GeoJSON, campaigns, customers, journeys and topics as YAML.
//!
//! Files are read into the model and refused with a path and a sentence, as requests are. Serving does not
//! depend on any of this: the command line, the simulator and the tests do.

mod campaigns;
mod customers;
mod events;
mod hours;
mod journeys;
mod measure;
mod messages;
mod regions;
mod repair;
mod rules;
mod span;
mod topics;
mod zones;

pub use campaigns::read_campaigns;
pub use customers::{Roster, read_customers};
pub use events::{Told, read_events, read_scalar};
pub use journeys::{read_journey, read_journeys};
pub use messages::read_message;
pub use regions::{Defaults, read_regions, write_regions};
pub use repair::repair_regions;
pub use rules::read_rule;
pub use span::parse_span;
pub use topics::{read_choice, read_topics};
pub use zones::{read_zone_kind, read_zones};

use crate::model::{Invalid, ServerTime};
use thiserror::Error;

/// Why the text of a file was not taken.
#[derive(Debug, Error)]
pub enum FileError {
    /// It is not GeoJSON at all.
    #[error("is no GeoJSON FeatureCollection (RFC 7946): {0}")]
    GeoJson(String),
    /// It is not the YAML that was expected; the message names line and column.
    #[error("does not read")]
    Yaml(#[from] serde_norway::Error),
    /// A value is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// A moment with its offset, such as `2026-05-01T00:00:00-06:00` (RFC 3339).
fn moment(field: &str, text: &str) -> Result<ServerTime, Invalid> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| {
        Invalid::new(field, format!("is {text:?}; must be a moment with an offset such as 2026-05-01T00:00:00-06:00"))
    })?;
    Ok(ServerTime(moment.as_millisecond()))
}
