//! The border: generated protobuf types, and their conversions to and from the model.
//!
//! This is the only module that names generated types; everything further in speaks the model's words.

/// The public contract, `proto/doorstep/v1`.
#[allow(clippy::pedantic, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("doorstep.v1");
}

/// Descriptors of every proto, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
