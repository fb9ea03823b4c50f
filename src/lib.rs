//! Doorstep knows when a customer is on your doorstep, and knocks once.
//!
//! Data flows one way, and the modules stand in that order:
//!
//! ```text
//! ping ─▶ locate ─▶ presence ─▶ qualify ─▶ store ─▶ deliver ─▶ phone
//! ```

pub mod deliver;
pub mod model;
pub mod store;
pub mod wire;
