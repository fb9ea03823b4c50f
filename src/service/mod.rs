//! The tonic services: convert, call, convert; with the server that assembles and drains them.

mod admin_service;
mod campaign_service;
mod catalogue;
mod clock;
mod customer_service;
mod decision_service;
mod device_service;
mod edge;
mod errors;
mod event_service;
mod hot;
mod housekeeping;
mod in_app;
mod ingest;
mod journey_service;
mod journeys;
mod page;
mod preview;
mod receipts;
mod region_service;
mod sentences;
mod server;
mod stand_in;
mod stock;
mod task;
mod timers;
mod topic_service;
mod watchman;
mod zone_service;

pub use catalogue::{CatalogueCell, Shelf};
pub use clock::Clock;
pub use errors::Failure;
pub use ingest::{Ingest, IngestError, Kept};
pub use server::{Running, ServeConfig, ServeError, start};
pub use stand_in::stand_in;
pub use watchman::Fault;

#[cfg(test)]
mod tests;
