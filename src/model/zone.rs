//! Sensitive places: areas in which nothing is decided, and nothing kept.

use super::ids::ZoneId;
use super::place::Fence;

/// Most zones.
pub const ZONES_MAX: usize = 10_000;

/// A sensitive place.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// What people call it.
    pub display_name: String,
    /// What it is.
    pub kind: ZoneKind,
    /// Where it is, the boundary included.
    pub fence: Fence,
}

/// What a sensitive place is. All kinds are treated alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZoneKind {
    /// A clinic, a hospital, a doctor's.
    Clinic,
    /// A school, a nursery.
    School,
    /// A shelter.
    Shelter,
    /// A place of worship.
    PlaceOfWorship,
    /// Anything else of which nothing should be known.
    Other,
}

impl ZoneKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Clinic, Self::School, Self::Shelter, Self::PlaceOfWorship, Self::Other];

    /// The kind in a word: `place-of-worship`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clinic => "clinic",
            Self::School => "school",
            Self::Shelter => "shelter",
            Self::PlaceOfWorship => "place-of-worship",
            Self::Other => "other",
        }
    }
}
