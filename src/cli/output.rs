//! What people and programs read: tables, ProtoJSON lines, complaints.

use anyhow::Context;
use doorstep::wire::DESCRIPTORS;
use doorstep::wire::v1::{DeliveryState, FixOutcome, SuppressionReason, TransitionKind};
use jiff::tz::TimeZone;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use tonic_types::StatusExt;

/// Writes a line to standard output. A reader that has gone away, as `head` does, ends the program quietly.
pub fn line(text: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        std::process::exit(i32::from(error.kind() != ErrorKind::BrokenPipe));
    }
}

/// Writes a message as one line of ProtoJSON with the field names of the proto.
pub fn json(type_name: &str, message: &impl Message) -> anyhow::Result<()> {
    let (dynamic, options) = dynamic(type_name, message)?;
    let mut text = Vec::new();
    dynamic.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options)?;
    line(&String::from_utf8_lossy(&text));
    Ok(())
}

/// Writes a message as ProtoJSON over several lines, for people.
pub fn pretty(type_name: &str, message: &impl Message) -> anyhow::Result<()> {
    let (dynamic, options) = dynamic(type_name, message)?;
    let mut text = Vec::new();
    dynamic.serialize_with_options(&mut serde_json::Serializer::pretty(&mut text), &options)?;
    line(&String::from_utf8_lossy(&text));
    Ok(())
}

fn dynamic(type_name: &str, message: &impl Message) -> anyhow::Result<(DynamicMessage, SerializeOptions)> {
    let pool = DescriptorPool::decode(DESCRIPTORS).context("cannot read the descriptors")?;
    let descriptor = pool
        .get_message_by_name(&format!("doorstep.v1.{type_name}"))
        .with_context(|| format!("there is no message {type_name}"))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    Ok((dynamic, SerializeOptions::new().use_proto_field_name(true)))
}

/// Writes rows under a heading, the columns aligned; without rows, says that there are no `what`.
pub fn list<const N: usize>(what: &str, heading: [&str; N], rows: &[[String; N]]) {
    if rows.is_empty() { line(&format!("no {what}")) } else { table(heading, rows) }
}

/// Writes rows under a heading, the columns aligned.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heading[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let aligned = |cells: [&str; N]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.trim_end().to_owned()
    };
    line(&aligned(heading));
    for row in rows {
        line(&aligned(std::array::from_fn(|column| row[column].as_str())));
    }
}

/// A resource name without its collection: `roost-tremont` of `regions/roost-tremont`.
pub fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The full name of what was given by its id or by its full name: `customers/sam` of either.
pub fn full(collection: &str, given: &str) -> String {
    if given.starts_with(&format!("{collection}/")) { given.to_owned() } else { format!("{collection}/{given}") }
}

/// `1 ring`, `2 rings`: a count of things whose name takes an s.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// The first few of many, separated by commas: `a, b, c and 4 more`.
pub fn few(all: &[String], most: usize) -> String {
    let shown = all.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > most { format!("{shown} and {} more", all.len() - most) } else { shown }
}

/// In which time zone moments are shown.
#[derive(Debug, Clone, clap::Args)]
pub struct Zone {
    /// Show times in this time zone, an IANA name such as America/Denver.
    #[arg(long, default_value = "UTC", value_name = "ZONE", value_parser = zone)]
    time_zone: TimeZone,
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "is no IANA time zone; must be such as America/Denver".to_owned())
}

impl Zone {
    /// A moment as RFC 3339 to the second: in UTC with a Z, elsewhere with the offset of that moment.
    pub fn moment(&self, time: Option<&prost_types::Timestamp>) -> String {
        let time = time.and_then(|time| jiff::Timestamp::new(time.seconds, 0).ok());
        time.map_or_else(String::new, |time| {
            if self.time_zone == TimeZone::UTC {
                return time.to_string();
            }
            let local = self.time_zone.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S").to_string();
            let minutes = self.time_zone.to_offset(time).seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{local}{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        })
    }

    /// A column's heading that says the time zone: `TIME (America/Denver)`.
    pub fn heading(&self, title: &str) -> String {
        format!("{title} ({})", self.time_zone.iana_name().unwrap_or("UTC"))
    }
}

/// Writes an error with its causes and, where a server refused, each field that was wrong.
#[expect(clippy::print_stderr, reason = "the command line's own output")]
pub fn complain(error: &anyhow::Error) {
    let Some(at) = error.chain().position(<dyn std::error::Error>::is::<tonic::Status>) else {
        eprintln!("error: {error:#}");
        return;
    };
    let contexts: Vec<String> = error.chain().take(at).map(ToString::to_string).collect();
    let Some(status) = error.chain().nth(at).and_then(|cause| cause.downcast_ref::<tonic::Status>()) else { return };
    let told: Vec<&str> = contexts.iter().map(String::as_str).chain([status.message()]).collect();
    eprintln!("error: {}", told.join(": "));
    let details = status.get_error_details();
    for violation in details.bad_request().map_or(&[][..], |bad| &bad.field_violations) {
        let violation = format!("{} {}", violation.field, violation.description);
        // The message tells the first ones itself.
        if !status.message().contains(&violation) {
            eprintln!("  {violation}");
        }
    }
}

/// A transition kind in a word: `enter`.
pub fn kind(kind: TransitionKind) -> String {
    word(kind.as_str_name(), "TRANSITION_KIND_")
}

/// What became of a fix in a word: `accepted`.
pub fn outcome(outcome: FixOutcome) -> String {
    word(outcome.as_str_name(), "FIX_OUTCOME_")
}

/// A delivery state in a word: `pending`.
pub fn state(state: DeliveryState) -> String {
    word(state.as_str_name(), "DELIVERY_STATE_")
}

/// A suppression reason in words: `brand cooldown`.
pub fn reason(reason: SuppressionReason) -> String {
    word(reason.as_str_name(), "SUPPRESSION_REASON_")
}

fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', " ")
}
