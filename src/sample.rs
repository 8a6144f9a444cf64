//! Random choices that cost the same on every platform: a fixed number of draws, no rejection, no `usize`.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use crate::time::{Timestamp, nanos};

/// A number below `bound`, or 0 if there is none: one draw. The bias is below `bound` / 2^64.
pub(crate) fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    within(rng, u64::from(bound)) as u32
}

/// The same for a wider range.
fn within(rng: &mut impl Rng, bound: u64) -> u64 {
    let scaled = u128::from(rng.next_u64()).saturating_mul(u128::from(bound));
    (scaled >> 64) as u64
}

/// An instant between `least` and `most` from now: one draw.
pub(crate) fn instant(rng: &mut impl Rng, now: Timestamp, least: Duration, most: Duration) -> Timestamp {
    let width = nanos(most).saturating_sub(nanos(least));
    now.saturating_add(least).plus_nanos(within(rng, width))
}

/// 32 random bytes: four draws, each little-endian.
pub(crate) fn bytes(rng: &mut impl Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&rng.next_u64().to_le_bytes());
    }
    bytes
}

/// Draws distinct numbers below `n`, one at a time: the first steps of a Fisher–Yates shuffle of 0..n, with only
/// the swapped places remembered. An rng of zeros draws 0, 1, 2 …
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Shuffle {
    drawn: u32,
    /// What stands at a place beyond `drawn` instead of its own number, by place: at most one entry a draw.
    swaps: Vec<(u32, u32)>,
}

impl Shuffle {
    pub(crate) const fn new() -> Self {
        Self { drawn: 0, swaps: Vec::new() }
    }

    /// Starts over, and keeps the memory.
    pub(crate) fn reset(&mut self) {
        self.drawn = 0;
        self.swaps.clear();
    }

    /// The next number below `n`, which must be the same in all calls since the start; `None` when all are
    /// drawn. One draw from the rng.
    pub(crate) fn next(&mut self, rng: &mut impl Rng, n: u32) -> Option<u32> {
        let left = n.checked_sub(self.drawn).filter(|left| *left > 0)?;
        let here = self.drawn;
        self.drawn = here.saturating_add(1);
        let place = here.saturating_add(below(rng, left));
        let at_here = self.take(here);
        if place == here {
            return Some(at_here);
        }
        match self.find(place) {
            Ok(swapped) => self.swaps.get_mut(swapped).map(|(_, held)| core::mem::replace(held, at_here)),
            Err(gap) => {
                self.swaps.insert(gap, (place, at_here));
                Some(place)
            }
        }
    }

    /// What stands at a place that is not asked for again.
    fn take(&mut self, place: u32) -> u32 {
        self.find(place).map_or(place, |found| self.swaps.remove(found).1)
    }

    fn find(&self, place: u32) -> Result<usize, usize> {
        self.swaps.binary_search_by_key(&place, |(at, _)| *at)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use alloc::vec;
    use core::convert::Infallible;
    use rand_core::TryRng;

    /// SplitMix64: enough to test the sampling with.
    struct Mix(u64);

    impl TryRng for Mix {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(self.try_next_u64()? as u32)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            Ok(z ^ (z >> 31))
        }

        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
            for chunk in dst.chunks_mut(8) {
                let bytes = self.try_next_u64()?.to_le_bytes();
                chunk.copy_from_slice(&bytes[..chunk.len()]);
            }
            Ok(())
        }
    }

    fn draw(seed: u64, n: u32, k: usize) -> Vec<u32> {
        let (mut rng, mut shuffle) = (Mix(seed), Shuffle::new());
        core::iter::from_fn(|| shuffle.next(&mut rng, n)).take(k).collect()
    }

    #[test]
    fn a_pinned_vector() {
        // Computed apart from this code, with a whole array shuffled in place.
        assert_eq!(draw(1, 10, 10), vec![5, 7, 9, 6, 3, 8, 2, 0, 1, 4]);
        assert_eq!(draw(2, 1_000_000, 3), vec![591_189, 749_149, 595_638]);
    }

    #[test]
    fn a_whole_shuffle_is_a_permutation() {
        for seed in 0..50 {
            let mut all = draw(seed, 20, 100);
            all.sort_unstable();
            assert_eq!(all, (0..20).collect::<Vec<_>>());
        }
    }

    /// Each ordered pair of 6 comes equally often: chi-squared over 30 cells, 29 degrees of freedom. The seeds
    /// are fixed, so it passes always or never; 58 is the bound for one false alarm in a thousand.
    #[test]
    fn picks_are_uniform() {
        let mut counts = [0u32; 36];
        for seed in 0..30_000 {
            let pair = draw(seed * 7_919, 6, 2);
            counts[(pair[0] * 6 + pair[1]) as usize] += 1;
        }
        let chi: f64 = (0..36)
            .filter(|cell| cell % 7 != 0)
            .map(|cell| (f64::from(counts[cell]) - 1000.0).powi(2) / 1000.0)
            .sum();
        assert!(chi < 58.0, "chi-squared {chi}");
        assert_eq!((0..6).map(|i| counts[i * 7]).sum::<u32>(), 0);
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Mix(3);
        assert!((0..1_000).all(|_| below(&mut rng, 7) < 7));
        assert_eq!(below(&mut rng, 0), 0);
    }
}
