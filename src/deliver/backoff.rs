//! When to try again.

use crate::model::Millis;
use std::time::Duration;

/// The most that the first wait can be.
pub const BASE: Millis = Millis::from_secs(1);
/// The most that any wait can be.
pub const CAP: Millis = Millis::from_mins(5);

/// How long to wait after so many failed attempts (1 or more): a time anywhere between nothing and twice the most
/// of the time before, from [`BASE`] up to [`CAP`].
///
/// Exponential backoff with full jitter, `random(0, min(cap, base · 2^attempt))` with the attempts counted from 0:
/// Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Whoever failed together comes back
/// spread over the whole time. `random` may be any number; equal numbers give equal waits.
pub fn wait(failed: u32, random: u64) -> Millis {
    let most = most(failed);
    // The high 64 bits of the product are below `most + 1` and, for uniform numbers, uniform.
    let within = (u128::from(random) * (u128::from(most) + 1)) >> 64;
    Millis(i64::try_from(within).unwrap_or(CAP.0))
}

/// When the next attempt is due: `after` has passed where the other side asked for it, and then the wait, so that
/// those who were asked at once do not return at once.
pub fn pause(failed: u32, random: u64, after: Option<Millis>) -> Millis {
    let asked = after.unwrap_or_default().0.max(0);
    Millis(asked.saturating_add(wait(failed, random).0))
}

/// A time anywhere between nothing and `most`.
pub fn part(most: Duration, random: u64) -> Duration {
    let within = (u128::from(random) * (most.as_millis() + 1)) >> 64;
    Duration::from_millis(u64::try_from(within).unwrap_or(u64::MAX)).min(most)
}

/// The most that the wait can be, in milliseconds.
fn most(failed: u32) -> u64 {
    let doublings = failed.saturating_sub(1).min(32);
    (BASE.0.unsigned_abs() << doublings).min(CAP.0.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_doubles_up_to_the_cap() {
        for (failed, most) in [
            (0, 1_000),
            (1, 1_000),
            (2, 2_000),
            (3, 4_000),
            (9, 256_000),
            (10, 300_000),
            (64, 300_000),
            (u32::MAX, 300_000),
        ] {
            assert_eq!(wait(failed, u64::MAX), Millis(most), "after {failed}");
            assert_eq!(wait(failed, 0), Millis(0), "after {failed}");
        }
    }

    #[test]
    fn waits_are_spread_evenly_from_nothing_to_the_longest() {
        let mut tenths = [0_u32; 10];
        for n in 0..10_000_u64 {
            let random = xxhash_rust::xxh3::xxh3_64_with_seed(&n.to_le_bytes(), 7);
            let tenth = wait(4, random).0 * 10 / 8_001;
            tenths[usize::try_from(tenth).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (850..1_150).contains(count)), "{tenths:?}");
    }

    #[test]
    fn what_was_asked_for_comes_first() {
        assert_eq!(pause(1, 0, Some(Millis(30_000))), Millis(30_000));
        assert_eq!(pause(1, u64::MAX, Some(Millis(30_000))), Millis(31_000));
        assert_eq!(pause(1, u64::MAX, Some(Millis(-5))), Millis(1_000));
        assert_eq!(pause(1, u64::MAX, Some(Millis(i64::MAX))), Millis(i64::MAX));
    }
}
