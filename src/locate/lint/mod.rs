//! What to expect of each region, before anybody has walked into it.
//!
//! ```text
//! noise    what GPS errors do to a fence of a size: missed visits, false enters
//! measure  inscribed circles, overlaps, gaps
//! alone    what a region shows by itself
//! pairs    what it shows next to others
//! text     the sentences
//! ```
//!
//! A finding is for somebody to look at; no region is refused because of one. A good fence has none.

mod alone;
mod measure;
mod noise;
mod pairs;
mod text;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use noise::{Expectation, PASS_WITHIN, Surroundings, VISIT_S, false_enter};

use super::atlas::{Atlas, Site};
use super::zones::Zones;
use crate::model::{Metres, RegionId, ZoneId};
use std::collections::BTreeSet;

/// Something about a region that its owner will want to know. As text, it is a sentence for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The region.
    pub region: RegionId,
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub kind: Kind,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know; it may be meant so.
    Note,
    /// Visitors will be missed or confused, or hear of what they should not.
    Warning,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Too small for the accuracy that GPS usually has: visitors are missed.
    TooSmall {
        /// The radius of the largest circle that fits in.
        inscribed: Metres,
        /// Whether it is a circle.
        is_circle: bool,
        /// What to expect, where it begins to be bad.
        expectation: Expectation,
        /// A radius that would do, ...
        better: Metres,
        /// ... and the share of visits that would be missed then.
        better_missed_visits: f64,
    },
    /// So large that an enter says little.
    TooLarge {
        /// How wide it is where it is widest: the diameter of the largest circle that fits in.
        across: Metres,
    },
    /// It has a hole that is narrower than the accuracy that GPS usually has.
    NarrowHole {
        /// How wide the hole is where it is widest.
        across: Metres,
    },
    /// It shares ground with another fence of its place or brand.
    Overlaps {
        /// The other one.
        other: RegionId,
        /// What they have in common.
        kinship: Kinship,
        /// Share of the smaller one's area that lies in both, 0 to 1.
        share: f64,
    },
    /// It lies within another fence of its place or brand.
    Nested {
        /// The one around it.
        outer: RegionId,
        /// What they have in common.
        kinship: Kinship,
        /// Its area as a share of the outer one's, 0 to 1.
        size: f64,
    },
    /// It is so near to a fence of another brand that GPS can't tell them apart.
    Confusable {
        /// The other one.
        other: RegionId,
        /// How far apart the edges are; 0 when they meet or overlap.
        gap: Metres,
        /// Share of the smaller one's area that lies in both, 0 to 1.
        share: f64,
    },
    /// Very many fences meet it; only the worst are named.
    Crowded {
        /// How many have a finding with it, as far as they were looked at.
        others: usize,
    },
    /// It shares ground with a sensitive place, and keeps silent.
    Sensitive {
        /// The zone.
        zone: ZoneId,
    },
    /// A beacon region of another place listens for the same beacons.
    SameBeacon {
        /// The first of them by id.
        other: RegionId,
        /// How many there are, as far as they were looked at.
        others: usize,
    },
}

/// What two regions have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// Their place.
    SamePlace,
    /// Their brand, not their place.
    SameBrand,
}

/// All findings about all regions, the worst first, then by region. What concerns two regions comes once, with the
/// smaller one.
///
/// Cost: a region is compared with at most 256 neighbours, found by the R-tree; thousands of regions take a second.
pub fn lint(atlas: &Atlas) -> Vec<Finding> {
    ordered(atlas.sites().flat_map(|site| findings(atlas, site, &|_| true)).collect())
}

/// The regions that keep silent for a sensitive place, each once.
pub fn lint_sensitive(atlas: &Atlas, zones: &Zones) -> Vec<Finding> {
    let finding = |(region, zones): (RegionId, Vec<ZoneId>)| {
        let zone = zones.into_iter().next()?;
        Some(Finding { region, severity: Severity::Warning, kind: Kind::Sensitive { zone } })
    };
    zones.silenced(atlas).into_iter().filter_map(finding).collect()
}

/// The findings about one region, the worst first, with those that concern another one as well; none for a region
/// that the atlas does not have.
pub fn lint_region(atlas: &Atlas, region: &RegionId) -> Vec<Finding> {
    lint_regions(atlas, [region])
}

/// The findings about some regions, as they were just registered, the worst first. What concerns two of them comes
/// once, with the smaller one.
pub fn lint_regions<'a>(atlas: &Atlas, regions: impl IntoIterator<Item = &'a RegionId>) -> Vec<Finding> {
    let asked: BTreeSet<&RegionId> = regions.into_iter().collect();
    let sites = asked.iter().filter_map(|id| atlas.site(id));
    ordered(sites.flat_map(|site| findings(atlas, site, &|other| asked.contains(other))).collect())
}

/// What to expect of a fence in surroundings from the best to the worst; absent for a beacon region.
pub fn expectations(site: &Site) -> Option<[Expectation; 3]> {
    let inscribed = measure::inscribed(site.shape()?);
    Some(Surroundings::ALL.map(|surroundings| Expectation::new(inscribed, surroundings)))
}

/// The diameter of the largest circle that fits in a fence, within 3 %; absent for a beacon region.
pub fn across(site: &Site) -> Option<Metres> {
    site.shape().map(|shape| Metres(2.0 * measure::inscribed(shape).0))
}

/// The findings about one region. Of a pair, the smaller one speaks where `speaks` says that the other is asked too.
fn findings(atlas: &Atlas, site: &Site, speaks: &dyn Fn(&RegionId) -> bool) -> Vec<Finding> {
    let found = alone::findings(site).into_iter().chain(pairs::findings(atlas, site, speaks));
    found.map(|(severity, kind)| Finding { region: site.region.id.clone(), severity, kind }).collect()
}

fn ordered(mut findings: Vec<Finding>) -> Vec<Finding> {
    // A stable sort: what was found about one region stays in the order in which it was found.
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.region.cmp(&b.region)));
    findings
}
