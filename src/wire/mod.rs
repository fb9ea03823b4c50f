//! The border: generated protobuf types, and their conversions to and from the model.
//!
//! This is the only module that names generated types; everything further in speaks the model's words. What
//! comes in is parsed once: `TryFrom<v1::…>` gives a model value that is valid ever after, or an
//! [`Invalid`] that names the field by its path and says what would be right. What goes
//! out is `From<&…>` and can't fail. Where a conversion needs more than the message, it is a function.

mod campaign;
pub mod customer;
pub mod decision;
pub mod event;
mod event_record;
mod held;
mod hours;
mod journey;
mod ledger;
mod limits;
pub mod lint;
pub mod mask;
mod measure;
mod message;
pub mod name;
pub mod ping;
mod place;
pub mod preferences;
mod presence;
pub(crate) mod record;
pub mod report;
mod report_record;
mod rule;
pub mod time;
mod topic;
pub mod trace;
pub mod trigger;
mod zone;

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
pub(crate) mod arbitrary_events;
#[cfg(test)]
pub(crate) mod arbitrary_messages;
#[cfg(test)]
pub(crate) mod arbitrary_preferences;
#[cfg(test)]
pub(crate) mod arbitrary_report;
#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod record_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;

use crate::model::Invalid;
use crate::model::invalid::in_range;
use std::fmt::Display;

/// The public contract, `proto/doorstep/v1`.
#[allow(clippy::pedantic, missing_docs, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("doorstep.v1");
}

/// Stored records, `proto/doorstep/store`. The folders are those of the proto packages, by which generated code finds
/// its neighbours.
mod store {
    #[allow(clippy::pedantic, missing_docs, unreachable_pub, reason = "generated code")]
    pub(crate) mod v1 {
        tonic::include_proto!("doorstep.store.v1");
    }
}

/// Descriptors of every proto, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The message in a field that must be set.
pub fn required<T>(field: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(field, "is absent; it is required"))
}

/// The value of an enum field; `known` lists the right ones.
fn choice<E: TryFrom<i32>>(field: &str, value: i32, known: &str) -> Result<E, Invalid> {
    E::try_from(value).map_err(|_| unknown_choice(field, value, known))
}

fn unknown_choice(field: &str, value: impl Display, known: &str) -> Invalid {
    Invalid::new(field, format!("is {value}; must be {known}"))
}

/// Parses each entry of a list, naming the entry that fails.
pub(crate) fn each<W, M>(
    field: &str,
    wire: impl IntoIterator<Item = W>,
    parse: impl Fn(W) -> Result<M, Invalid>,
) -> Result<Vec<M>, Invalid> {
    wire.into_iter().enumerate().map(|(index, entry)| parse(entry).map_err(|why| why.at(field, index))).collect()
}

/// Parses a list of ids, of which each may come once.
fn ids<T: Ord + Display>(
    field: &str,
    wire: &[String],
    most: usize,
    parse: impl Fn(&str, &str) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    crate::model::invalid::at_most(field, wire.len(), most)?;
    let all = each(field, wire, |id| parse("", id))?;
    let mut seen = std::collections::BTreeSet::new();
    for (index, id) in all.iter().enumerate() {
        if !seen.insert(id) {
            return Err(Invalid::new("", format!("repeats {id}; each may come once")).at(field, index));
        }
    }
    Ok(all)
}

/// A number of 1 to `most`.
fn count(field: &str, value: i32, most: u32) -> Result<u32, Invalid> {
    u32::try_from(value)
        .ok()
        .filter(|n| (1..=most).contains(n))
        .ok_or_else(|| Invalid::new(field, format!("is {value}; must be 1 to {most}")))
}

/// A value of an iBeacon's major or minor field.
fn sixteen_bits(field: &str, value: u32) -> Result<u16, Invalid> {
    u16::try_from(value).map_err(|_| Invalid::new(field, format!("is {value}; must be 0 to 65,535")))
}

/// Checks that a number is finite.
fn finite(field: &str, value: f64) -> Result<f64, Invalid> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Invalid::new(field, format!("is {value}; must be a finite number")))
    }
}

/// Checks a probability.
fn probability(field: &str, value: f64) -> Result<f64, Invalid> {
    in_range(field, value, 0.0, 1.0, "as a probability")
}

/// The nearest finite number, so that what is sent out can be read back; not-a-number counts as 0.
fn tame(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}
