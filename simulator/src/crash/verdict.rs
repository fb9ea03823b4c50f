//! What was acked against what arrived.

use super::street::Expected;
use crate::provider::Arrival;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What came of a run. Its JSON form is a contract: fields may be added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Servers that were killed with SIGKILL.
    pub kills: u32,
    /// Alerts that acked pings caused, as the core has it when nothing disturbs it.
    pub acked: usize,
    /// Of these, such as the provider took.
    pub delivered: usize,
    /// Acked, and never taken by the provider.
    pub lost: usize,
    /// Sent again though they had been taken, and were not under way at a kill.
    pub doubled: usize,
    /// Sent again because they were under way at a kill: sent, and no end of it on record.
    pub resent: usize,
    /// Alerts under an id that no undisturbed walk causes.
    pub resent_other_id: usize,
    /// Sent again because the provider had answered with a failure, or not at all.
    pub retried: usize,
    /// Pings that were acked.
    pub acked_pings: u64,
    /// Of these, such as a killed server's store did not hold.
    pub forgotten_pings: u64,
    /// Left in the outbox at the end.
    pub pending: usize,
}

impl Verdict {
    /// Counts what arrived. `under_way` has the outbox as each life left it, by the number of the life.
    pub fn count(expected: &Expected, arrivals: &[Arrival], under_way: &BTreeMap<u32, BTreeSet<String>>) -> Self {
        let mut verdict = Self { acked: expected.len(), ..Self::default() };
        let mut by_id: BTreeMap<&str, BTreeMap<u32, Vec<&Arrival>>> = BTreeMap::new();
        for arrival in arrivals {
            by_id.entry(&arrival.id).or_default().entry(arrival.life).or_default().push(arrival);
        }
        for (id, lives) in &by_id {
            if expected.get(*id).is_none_or(|about| lives.values().flatten().any(|arrival| arrival.about != *about)) {
                verdict.resent_other_id += 1;
            }
            verdict.count_one(id, lives, under_way);
        }
        let taken =
            |id: &&String| by_id.get(id.as_str()).is_some_and(|lives| lives.values().flatten().any(|a| a.taken));
        verdict.delivered = expected.keys().filter(taken).count();
        verdict.lost = verdict.acked - verdict.delivered;
        verdict
    }

    fn count_one(
        &mut self,
        id: &str,
        lives: &BTreeMap<u32, Vec<&Arrival>>,
        under_way: &BTreeMap<u32, BTreeSet<String>>,
    ) {
        for (index, (life, arrivals)) in lives.iter().enumerate() {
            if index > 0 {
                let before = life.checked_sub(1).and_then(|before| under_way.get(&before));
                if before.is_some_and(|outbox| outbox.contains(id)) {
                    self.resent += 1;
                } else {
                    self.doubled += 1;
                }
            }
            for again in arrivals.windows(2) {
                match again {
                    [before, _] if before.taken => self.doubled += 1,
                    _ => self.retried += 1,
                }
            }
        }
    }

    /// Whether everything is as promised.
    pub fn is_good(&self) -> bool {
        self.lost + self.doubled + self.resent_other_id + self.pending == 0 && self.forgotten_pings == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(id: &str, life: u32, taken: bool) -> Arrival {
        Arrival { id: id.into(), about: ["c".into(), "k".into(), id.into()], life, taken }
    }

    /// Of a, b and c, and a kill after life 1 with b in the outbox: lost, doubled, resent, other id, retried.
    fn check(arrivals: &[(&str, u32, bool)], counts: [usize; 5]) {
        let arrivals: Vec<Arrival> = arrivals.iter().map(|(id, life, taken)| arrival(id, *life, *taken)).collect();
        let expected = ["a", "b", "c"].map(|id| (id.to_owned(), ["c".into(), "k".into(), id.to_owned()])).into();
        let under_way = BTreeMap::from([(1, BTreeSet::from(["b".to_owned()]))]);
        let found = Verdict::count(&expected, &arrivals, &under_way);
        assert_eq!(
            [found.lost, found.doubled, found.resent, found.resent_other_id, found.retried],
            counts,
            "{arrivals:?}"
        );
        assert_eq!(found.is_good(), counts[0] + counts[1] + counts[3] == 0);
    }

    #[test]
    fn each_repeat_is_told_by_its_cause() {
        let once = [("a", 1, true), ("b", 1, true), ("c", 2, true)];
        let and = |more: &[(&'static str, u32, bool)]| [&once[..], more].concat();
        check(&once, [0; 5]);
        check(&once[..2], [1, 0, 0, 0, 0]);
        check(&and(&[("b", 2, true)]), [0, 0, 1, 0, 0]);
        check(&and(&[("a", 2, true)]), [0, 1, 0, 0, 0]);
        check(&and(&[("b", 3, true)]), [0, 1, 0, 0, 0]);
        check(&and(&[("a", 1, true)]), [0, 1, 0, 0, 0]);
        check(&and(&[("z", 2, true)]), [0, 0, 0, 1, 0]);
        check(&[("a", 1, false), ("a", 1, true), ("b", 1, false), ("c", 1, true)], [1, 0, 0, 0, 1]);
        check(&[("a", 1, true), ("b", 1, false), ("b", 2, true), ("c", 1, true)], [0, 0, 1, 0, 0]);
    }
}
