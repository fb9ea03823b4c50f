//! How often a customer visited each brand.

use crate::model::{BrandId, ServerTime, VisitId};
use std::collections::BTreeMap;

/// Of most brands whose visits are counted; the one that was visited longest ago makes room.
pub const BRANDS_MAX: usize = 200;

/// How often a customer visited each brand. Derived from positions, so it goes with the consent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visits {
    /// By brand; at most [`BRANDS_MAX`].
    pub brands: BTreeMap<BrandId, BrandVisits>,
}

/// A customer's visits to one brand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrandVisits {
    /// How many began.
    pub count: u32,
    /// When the first one began.
    pub first: ServerTime,
    /// When the last one began.
    pub last: ServerTime,
    /// The one that was counted last.
    pub visit: VisitId,
}

impl Visits {
    /// Counts a visit that began at a moment, unless it was the last that was counted.
    pub fn count(&mut self, brand: &BrandId, visit: &VisitId, at: ServerTime) {
        let own = self.brands.entry(brand.clone()).or_insert_with(|| BrandVisits {
            count: 0,
            first: at,
            last: at,
            visit: visit.clone(),
        });
        if own.count > 0 && own.visit == *visit {
            return;
        }
        own.count = own.count.saturating_add(1);
        own.first = own.first.min(at);
        own.last = own.last.max(at);
        own.visit = visit.clone();
        if self.brands.len() > BRANDS_MAX {
            let stalest = self.brands.iter().min_by_key(|(_, own)| own.last).map(|(brand, _)| brand.clone());
            stalest.map(|brand| self.brands.remove(&brand));
        }
    }

    /// How often the brand was visited.
    pub fn of(&self, brand: &BrandId) -> u32 {
        self.brands.get(brand).map_or(0, |own| own.count)
    }
}
