//! Which beacon regions hear a beacon.

use crate::model::{BeaconExtent, BeaconKey, Uuid};

/// UUID, major and minor, as far as a region names them.
type Pattern = (Uuid, Option<u16>, Option<u16>);

/// Beacon regions by what they listen for: sorted, so that each look-up is a binary search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Beacons(Box<[(Pattern, u32)]>);

impl Beacons {
    /// Builds the register from the regions' extents and numbers.
    pub(super) fn build<'a>(regions: impl Iterator<Item = (&'a BeaconExtent, u32)>) -> Self {
        let mut all: Vec<_> = regions.map(|(e, number)| ((e.uuid, e.major, e.minor), number)).collect();
        all.sort_unstable();
        Self(all.into_boxed_slice())
    }

    /// The numbers of the regions that match a beacon: those that name its minor value first, then those that name
    /// its major value, then those that name its UUID only; each in the order of the numbers.
    pub(super) fn heard(&self, beacon: &BeaconKey) -> impl Iterator<Item = u32> {
        let BeaconKey { uuid, major, minor } = *beacon;
        let patterns = [(uuid, Some(major), Some(minor)), (uuid, Some(major), None), (uuid, None, None)];
        patterns.into_iter().flat_map(|pattern| self.of(pattern))
    }

    /// The numbers of the regions that listen for the same as this one, itself included, in their order.
    pub(super) fn like(&self, extent: &BeaconExtent) -> impl Iterator<Item = u32> {
        self.of((extent.uuid, extent.major, extent.minor))
    }

    fn of(&self, pattern: Pattern) -> impl Iterator<Item = u32> {
        let start = self.0.partition_point(|(p, _)| *p < pattern);
        let rest = self.0.get(start..).unwrap_or_default();
        rest.iter().take_while(move |(p, _)| *p == pattern).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Proximity;

    #[test]
    fn only_exact_patterns_match() {
        let extent =
            |major, minor| BeaconExtent { uuid: Uuid(5), major, minor, proximity: Proximity::Far, group: None };
        let extents =
            [extent(Some(0), Some(0)), extent(Some(0), None), extent(None, None), extent(Some(65_535), Some(65_535))];
        let beacons = Beacons::build(extents.iter().zip(0..));
        let heard =
            |uuid, major, minor| beacons.heard(&BeaconKey { uuid: Uuid(uuid), major, minor }).collect::<Vec<_>>();
        for (key, expected) in [
            ((5, 0, 0), vec![0, 1, 2]),
            ((5, 0, 1), vec![1, 2]),
            ((5, 1, 0), vec![2]),
            ((5, 65_535, 65_535), vec![3, 2]),
            ((4, 0, 0), vec![]),
            ((6, 0, 0), vec![]),
        ] {
            assert_eq!(heard(key.0, key.1, key.2), expected, "{key:?}");
        }
    }
}
