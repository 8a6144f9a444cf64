//! A token bucket without a clock: one instant says how full it is.

use crate::config::Pace;
use crate::facts::budget::Budget;
use crate::time::{Timestamp, nanos};

/// Holds up to `burst` tokens, one more every `interval`. It is full at first.
///
/// What is kept is the instant at which it is full again (the generic cell rate algorithm, as in ATM).
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Bucket {
    full_at: u64,
}

impl Bucket {
    /// All tokens are there.
    pub(super) const FULL: Self = Self { full_at: 0 };

    /// When the next token is there: now, or later.
    pub(super) fn next(&self, pace: &Pace, now: Timestamp) -> Timestamp {
        let spare = nanos(pace.interval).saturating_mul(u64::from(pace.burst.saturating_sub(1)));
        Timestamp::from_nanos(self.full_at.saturating_sub(spare)).max(now)
    }

    /// Takes a token that is there.
    pub(super) fn take(&mut self, pace: &Pace, now: Timestamp) {
        self.full_at = self.full_at.max(now.as_nanos()).saturating_add(nanos(pace.interval));
    }

    /// Takes all tokens.
    pub(super) fn drain(&mut self, pace: &Pace, now: Timestamp) {
        let burst = nanos(pace.interval).saturating_mul(u64::from(pace.burst));
        self.full_at = now.as_nanos().saturating_add(burst);
    }
}

/// A bucket for static dials, and one for all others, so that neither starves the other.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Paces {
    statics: Bucket,
    others: Bucket,
}

impl Paces {
    /// All tokens are there.
    pub(super) const FULL: Self = Self { statics: Bucket::FULL, others: Bucket::FULL };

    pub(super) const fn get(&self, budget: Budget) -> &Bucket {
        match budget {
            Budget::Static => &self.statics,
            Budget::Dynamic | Budget::Feeler => &self.others,
        }
    }

    pub(super) const fn get_mut(&mut self, budget: Budget) -> &mut Bucket {
        match budget {
            Budget::Static => &mut self.statics,
            Budget::Dynamic | Budget::Feeler => &mut self.others,
        }
    }

    /// Takes all tokens.
    pub(super) fn drain(&mut self, pace: &Pace, now: Timestamp) {
        self.statics.drain(pace, now);
        self.others.drain(pace, now);
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;

    /// How many tokens can be taken in `for_ms` from `from_ms` on, as soon as each is there.
    fn taken(bucket: &mut Bucket, from_ms: u64, for_ms: u64) -> u32 {
        let (pace, mut now, mut count) = (Pace::default(), Timestamp::from_millis(from_ms), 0);
        let end = Timestamp::from_millis(from_ms + for_ms);
        loop {
            now = bucket.next(&pace, now);
            if now > end {
                return count;
            }
            bucket.take(&pace, now);
            count += 1;
        }
    }

    #[test]
    fn a_burst_then_eight_a_second() {
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, 0, 0), 16);
        assert_eq!(taken(&mut bucket, 0, 1_000), 8);
        assert_eq!(taken(&mut bucket, 10_000, 1_000), 24);
    }

    #[test]
    fn drained_it_gives_eight_in_the_first_second() {
        let mut bucket = Bucket::default();
        bucket.drain(&Pace::default(), Timestamp::from_secs(100));
        assert_eq!(taken(&mut bucket, 100_000, 1_000), 8);
        assert_eq!(taken(&mut bucket, 101_000, 1_000), 8);
    }

    #[test]
    fn no_interval_is_no_pace() {
        let pace = Pace { interval: core::time::Duration::ZERO, ..Pace::default() };
        let (mut bucket, now) = (Bucket::default(), Timestamp::from_secs(1));
        for _ in 0..100 {
            assert_eq!(bucket.next(&pace, now), now);
            bucket.take(&pace, now);
        }
        bucket.drain(&pace, now);
        assert_eq!(bucket.next(&pace, now), now);
    }
}
