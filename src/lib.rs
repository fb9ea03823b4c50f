//! Doorstep knows when a customer is on your doorstep, and knocks once.
//!
//! Data flows one way, and the modules stand in that order:
//!
//! ```text
//! ping ─▶ locate ─▶ presence ─▶ qualify ─▶ store ─▶ deliver ─▶ phone
//! ```

pub mod model;

pub mod locate;
pub mod presence;
pub mod qualify;
pub mod report;

pub mod message;

pub mod engine;

pub mod wire;

pub mod store;

pub mod deliver;

pub mod service;

pub mod files;
