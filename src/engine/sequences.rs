//! Which sequence numbers of a device were kept, as a few ranges.

use crate::model::Sequence;

/// Most ranges that are kept apart.
const RANGES_MAX: usize = 64;

/// A bounded set of sequence numbers.
///
/// A phone that reports in order makes one range; one that uploads its backlog later makes two, until they
/// meet. Past 64 ranges the lowest gap is closed: its numbers count as kept from then on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sequences {
    /// First and last number of each range, ascending, never touching.
    ranges: Vec<(u64, u64)>,
}

impl Sequences {
    /// The set of these ranges, which must be ascending and apart, as [`Sequences::ranges`] gives them.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        Self { ranges: ranges.into_iter().collect() }
    }

    /// First and last number of each range, ascending.
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    /// Whether the number was kept.
    pub fn contains(&self, sequence: Sequence) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= sequence.0);
        after > 0 && self.ranges.get(after - 1).is_some_and(|&(_, last)| sequence.0 <= last)
    }

    /// The highest number kept, or 0.
    pub fn highest(&self) -> Sequence {
        Sequence(self.ranges.last().map_or(0, |&(_, last)| last))
    }

    /// Keeps a number.
    pub fn insert(&mut self, sequence: Sequence) {
        if self.contains(sequence) {
            return;
        }
        let n = sequence.0;
        let at = self.ranges.partition_point(|&(first, _)| first < n);
        let meets_left = at > 0 && self.ranges.get(at - 1).is_some_and(|&(_, last)| last.checked_add(1) == Some(n));
        let meets_right = self.ranges.get(at).is_some_and(|&(first, _)| n.checked_add(1) == Some(first));
        match (meets_left, meets_right) {
            (true, true) => {
                let (_, last) = self.ranges.remove(at);
                self.ranges[at - 1].1 = last;
            }
            (true, false) => self.ranges[at - 1].1 = n,
            (false, true) => self.ranges[at].0 = n,
            (false, false) => self.ranges.insert(at, (n, n)),
        }
        if self.ranges.len() > RANGES_MAX {
            let (first, _) = self.ranges.remove(0);
            self.ranges[0].0 = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u64], ranges: &[(u64, u64)]) {
        let mut kept = Sequences::default();
        for &n in numbers {
            kept.insert(Sequence(n));
            assert!(kept.contains(Sequence(n)));
        }
        assert_eq!(kept.ranges(), ranges, "{numbers:?}");
    }

    #[test]
    fn ranges_grow_and_meet() {
        check(&[], &[]);
        check(&[1, 2, 3], &[(1, 3)]);
        check(&[10, 11, 1, 2], &[(1, 2), (10, 11)]);
        check(&[1, 3, 2, 2], &[(1, 3)]);
        check(&[5, 4], &[(4, 5)]);
        check(&[u64::MAX, u64::MAX - 1], &[(u64::MAX - 1, u64::MAX)]);
    }

    #[test]
    fn past_its_bound_the_lowest_gap_closes() {
        let mut kept = Sequences::default();
        for n in 0..200 {
            kept.insert(Sequence(1 + 2 * n));
        }
        assert_eq!(kept.ranges().len(), RANGES_MAX);
        assert!(kept.contains(Sequence(2)), "the lowest gaps count as kept");
        assert!(!kept.contains(Sequence(398)), "the highest gap stays open");
    }
}
