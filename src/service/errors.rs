//! The one map from errors to gRPC status, with google.rpc details that a client can act on.
//!
//! | What | Code | Details, besides `ErrorInfo` with a reason of the domain `doorstep` |
//! |---|---|---|
//! | a field is wrong | `INVALID_ARGUMENT` | `BadRequest`: each field by its path |
//! | there is no such resource | `NOT_FOUND` | `ResourceInfo` |
//! | the name is taken | `ALREADY_EXISTS` | `ResourceInfo` |
//! | a cursor is older than what is kept | `OUT_OF_RANGE` | `BadRequest`: the field |
//! | a message is too large | `RESOURCE_EXHAUSTED` | `ErrorInfo` names the limit |
//! | something else must be done first | `FAILED_PRECONDITION` | `PreconditionFailure` |
//! | others kept changing the record | `ABORTED` | `RetryInfo` |
//! | this server is draining | `UNAVAILABLE` | `RetryInfo` |
//! | the store is at fault, or not available | `UNAVAILABLE` | `RetryInfo` |
//! | a record would grow too large | `RESOURCE_EXHAUSTED` | |
//! | a record is damaged | `DATA_LOSS` | |

use super::ingest::IngestError;
use crate::model::Invalid;
use crate::store::StoreError;
use crate::wire::name;
use std::collections::HashMap;
use std::time::Duration;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// The domain of all reasons.
pub(super) const DOMAIN: &str = "doorstep";
/// Most field violations in one status. Details travel in the trailers, which clients take up to about 16 KiB.
const VIOLATIONS_MAX: usize = 50;
/// Most bytes of field violations in one status.
const VIOLATIONS_MAX_BYTES: usize = 4_096;
/// The longest text in one violation, in characters.
const TEXT_MAX: usize = 1_000;
/// After a conflict, the next attempt may succeed at once.
const RETRY_CONTENDED: Duration = Duration::from_millis(100);
/// Time for another server to take over.
const RETRY_DRAINING: Duration = Duration::from_secs(1);
/// A store that failed does not come back before it is opened again.
const RETRY_STORE: Duration = Duration::from_secs(5);

/// Why a call was refused, or failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// Fields are wrong; at least one.
    #[error("{}", summary(.0))]
    Invalid(Vec<Invalid>),
    /// There is no such resource.
    #[error("there is no {name}")]
    NotFound {
        /// Its name, such as `places/roost`.
        name: String,
    },
    /// The name is taken.
    #[error("{name} exists already")]
    AlreadyExists {
        /// The name, such as `places/roost`.
        name: String,
    },
    /// Something else must be done first.
    #[error("{subject} {problem}")]
    Precondition {
        /// A stable reason for programs.
        reason: &'static str,
        /// The resource that stands in the way.
        subject: String,
        /// How, and what to do about it.
        problem: String,
    },
    /// What was asked for is not kept any more.
    #[error("{0}")]
    Gone(Invalid),
    /// A message of a client has more bytes than are taken.
    #[error("the message is too large; at most {limit} bytes are taken")]
    Oversized {
        /// The largest message in bytes.
        limit: usize,
    },
    /// Other commits kept changing the record.
    #[error("{name} was changed by others again and again; try once more")]
    Contended {
        /// What was to be changed.
        name: String,
    },
    /// This server is about to close.
    #[error("this server is draining; connect again and resume")]
    Draining,
    /// The store can't be used at present.
    #[error("the store is not available at present; come back later")]
    Waiting,
    /// The store is at fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(vec![invalid])
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Invalid(all) => bad_request(message, &all),
            Failure::NotFound { name } => {
                let mut details = because("NOT_FOUND", &name);
                details.set_resource_info(resource_type(&name), &name, "", &message);
                Self::with_error_details(Code::NotFound, &message, details)
            }
            Failure::AlreadyExists { name } => {
                let mut details = because("ALREADY_EXISTS", &name);
                details.set_resource_info(resource_type(&name), &name, "", &message);
                Self::with_error_details(Code::AlreadyExists, &message, details)
            }
            Failure::Precondition { reason, subject, problem } => {
                let mut details = because(reason, &subject);
                details.add_precondition_failure_violation(reason, subject, problem);
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            Failure::Gone(invalid) => {
                let mut details = because("CURSOR_PURGED", "");
                details.set_bad_request(vec![FieldViolation::new(&invalid.field, short(&invalid.problem))]);
                Self::with_error_details(Code::OutOfRange, message, details)
            }
            Failure::Oversized { limit } => {
                let metadata = HashMap::from([("limit_bytes".to_owned(), limit.to_string())]);
                let details = ErrorDetails::with_error_info("MESSAGE_TOO_LARGE", DOMAIN, metadata);
                Self::with_error_details(Code::ResourceExhausted, message, details)
            }
            Failure::Contended { name } => {
                let mut details = because("CONTENDED", &name);
                details.set_retry_info(Some(RETRY_CONTENDED));
                Self::with_error_details(Code::Aborted, message, details)
            }
            Failure::Draining => {
                let mut details = because("DRAINING", "");
                details.set_retry_info(Some(RETRY_DRAINING));
                Self::with_error_details(Code::Unavailable, message, details)
            }
            Failure::Waiting => {
                let mut details = because("STORE_UNAVAILABLE", "");
                details.set_retry_info(Some(RETRY_STORE));
                Self::with_error_details(Code::Unavailable, message, details)
            }
            Failure::Store(error) => store(&error),
        }
    }
}

/// The status of one wrong field.
pub(super) fn invalid(invalid: &Invalid) -> Status {
    Failure::from(invalid.clone()).into()
}

/// The status of a batch of pings that was not decided.
pub(super) fn ingest(error: &IngestError) -> Status {
    match error {
        IngestError::NoDevice { customer, device } => {
            Failure::NotFound { name: name::device_name(customer, device) }.into()
        }
        IngestError::Contended { customer } => Failure::Contended { name: name::customer_name(customer) }.into(),
        IngestError::Store(error) => store(error),
    }
}

/// The status of a fault of the store, which is logged here with what a client should not see.
pub(super) fn store(error: &StoreError) -> Status {
    tracing::error!(%error, "the store failed a call");
    let status = |code, reason, message: &str, retry: Option<Duration>| {
        let mut details = because(reason, "");
        if retry.is_some() {
            details.set_retry_info(retry);
        }
        Status::with_error_details(code, message, details)
    };
    match error {
        StoreError::Open { .. } | StoreError::Read(_) | StoreError::Write(_) | StoreError::Closed => status(
            Code::Unavailable,
            "STORE_UNAVAILABLE",
            "the store is not available; what was not answered may be sent again",
            Some(RETRY_STORE),
        ),
        StoreError::Damaged { .. } => status(Code::DataLoss, "RECORD_DAMAGED", &error.to_string(), None),
        StoreError::TooLarge { .. } | StoreError::Key { .. } | StoreError::CommitTooLarge { .. } => {
            status(Code::ResourceExhausted, "TOO_LARGE", &error.to_string(), None)
        }
    }
}

fn bad_request(message: String, all: &[Invalid]) -> Status {
    let mut room = VIOLATIONS_MAX_BYTES;
    let violations: Vec<FieldViolation> = all
        .iter()
        .take(VIOLATIONS_MAX)
        .map(|invalid| FieldViolation::new(&invalid.field, short(&invalid.problem)))
        .take_while(|violation| {
            room = room.saturating_sub(violation.field.len() + violation.description.len());
            room > 0
        })
        .collect();
    let mut details = because("INVALID_FIELD", "");
    details.set_bad_request(violations);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

fn because(reason: &str, subject: &str) -> ErrorDetails {
    let mut metadata = HashMap::new();
    if !subject.is_empty() {
        metadata.insert("name".to_owned(), subject.to_owned());
    }
    ErrorDetails::with_error_info(reason, DOMAIN, metadata)
}

/// The first violation, and how many more there are.
fn summary(all: &[Invalid]) -> String {
    let first = all.first().map(|invalid| short(&invalid.to_string())).unwrap_or_default();
    match all.len() {
        0 | 1 => first,
        2 => format!("{first}; and 1 more"),
        n => format!("{first}; and {} more", n - 1),
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

/// `doorstep/Place` for `places/roost`, and so on: the last collection decides.
fn resource_type(name: &str) -> &'static str {
    match name.rsplit('/').nth(1) {
        Some("places") => "doorstep/Place",
        Some("regions") => "doorstep/Region",
        Some("campaigns") => "doorstep/Campaign",
        Some("journeys") => "doorstep/Journey",
        Some("zones") => "doorstep/Zone",
        Some("topics") => "doorstep/Topic",
        Some("customers") => "doorstep/Customer",
        Some("devices") => "doorstep/Device",
        Some("decisions") => "doorstep/Decision",
        Some("triggers") => "doorstep/Trigger",
        Some(_) | None => "doorstep/Resource",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failure: Failure, code: Code, reason: &str) -> ErrorDetails {
        let status = Status::from(failure);
        assert_eq!(status.code(), code, "{status}");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, DOMAIN));
        details
    }

    #[test]
    fn each_failure_has_its_code_and_details() {
        let name = || "customers/maya/devices/phone-1".to_owned();
        let details = check(Failure::NotFound { name: name() }, Code::NotFound, "NOT_FOUND");
        assert_eq!(details.resource_info().unwrap().resource_type, "doorstep/Device");
        let details = check(Failure::AlreadyExists { name: name() }, Code::AlreadyExists, "ALREADY_EXISTS");
        assert_eq!(details.resource_info().unwrap().resource_name, name());
        let failure =
            Failure::Precondition { reason: "PLACE_HAS_REGIONS", subject: "places/a".into(), problem: "has".into() };
        let details = check(failure, Code::FailedPrecondition, "PLACE_HAS_REGIONS");
        assert_eq!(details.precondition_failure().unwrap().violations[0].subject, "places/a");
        let details = check(Failure::Contended { name: name() }, Code::Aborted, "CONTENDED");
        assert!(details.retry_info().is_some());
        let details = check(Failure::Gone(Invalid::new("cursor", "is old")), Code::OutOfRange, "CURSOR_PURGED");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "cursor");
        let details = check(Failure::Oversized { limit: 7 }, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
        assert_eq!(details.error_info().unwrap().metadata["limit_bytes"], "7");
        let details = check(Failure::Draining, Code::Unavailable, "DRAINING");
        assert!(details.retry_info().is_some());
        let details = check(StoreError::Closed.into(), Code::Unavailable, "STORE_UNAVAILABLE");
        assert!(details.retry_info().is_some());
    }

    #[test]
    fn violations_are_named_and_bounded() {
        let all: Vec<Invalid> =
            (0..10_000).map(|n| Invalid::new(format!("regions[{n}].place"), "is ".repeat(40))).collect();
        let status = Status::from(Failure::Invalid(all));
        assert!(status.message().ends_with("and 9999 more"), "{status}");
        assert!(status.details().len() < 8_192, "{}", status.details().len());
        let details = status.get_error_details();
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[1].field, "regions[1].place");
    }
}
