//! The tonic services: convert, call, convert; with the server that assembles and drains them.

mod device_service;
mod hot;
mod ingest;
mod server;

pub use ingest::{Ingest, IngestError, Kept};
pub use server::{Running, ServeConfig, ServeError, start};
