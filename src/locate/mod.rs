//! Ping → regions near it.
//!
//! ```text
//! model::Region ─▶ Shape::prepare: draft ─▶ check ─▶ outlines in a chart
//!                                                         │
//! position ─▶ Atlas::near: R-tree of boxes in space ─▶ signed distance in metres ─▶ Near
//! beacon ───▶ Atlas::heard: sorted patterns
//! Atlas ────▶ lint: what to expect of each fence
//! Zones ────▶ sensitive places: may a fix be in one?
//! ```
//!
//! The R-tree's boxes stand in earth-centred space, where ±180° and the poles are places like any other and where
//! a chord is never longer than its arc: a cube of so many metres around a position meets the box of all that is
//! so near, at any latitude, and nothing is stored twice.

mod atlas;
mod beacons;
mod chart;
mod check;
mod draft;
mod earth;
pub mod lint;
mod outline;
mod overlap;
mod shape;
mod zones;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;

pub use atlas::{Atlas, Near, Site};
pub use earth::Bounds;
pub use shape::Shape;
pub use zones::Zones;
