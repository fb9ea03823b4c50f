//! What people and programs read: tables, ProtoJSON lines, complaints.

use anyhow::Context;
use doorstep::wire::DESCRIPTORS;
use doorstep::wire::v1::{SuppressionReason, TransitionKind};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
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
    let pool = DescriptorPool::decode(DESCRIPTORS).context("cannot read the descriptors")?;
    let descriptor = pool
        .get_message_by_name(&format!("doorstep.v1.{type_name}"))
        .with_context(|| format!("there is no message {type_name}"))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    let options = prost_reflect::SerializeOptions::new().use_proto_field_name(true);
    let mut text = Vec::new();
    dynamic.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options)?;
    line(&String::from_utf8_lossy(&text));
    Ok(())
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

/// A moment as RFC 3339 in UTC, to the second.
pub fn moment(time: Option<&prost_types::Timestamp>) -> String {
    time.and_then(|time| jiff::Timestamp::new(time.seconds, 0).ok()).map_or_else(String::new, |time| time.to_string())
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
        eprintln!("  {} {}", violation.field, violation.description);
    }
}

/// A transition kind in a word: `enter`.
pub fn kind(kind: TransitionKind) -> String {
    word(kind.as_str_name(), "TRANSITION_KIND_")
}

/// A suppression reason in words: `brand cooldown`.
pub fn reason(reason: SuppressionReason) -> String {
    word(reason.as_str_name(), "SUPPRESSION_REASON_")
}

fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', " ")
}
