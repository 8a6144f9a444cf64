//! Everything that is left to chance: a keyed hash of what for, who, and how many times before.
//!
//! So a draw does not depend on what else was drawn: in the same seed every profile lives in the same world, with the
//! same people who come and go at the same instants.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// What a draw is for: two purposes never share one.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Draw {
    Id = 1,
    Shuffle,
    Model,
    Subnet,
    Host,
    Access,
    Path,
    Reachable,
    Listed,
    Stable,
    Down,
    ClockAhead,
    ClockDrift,
    Dialer,
    Session,
    Absence,
    FirstUp,
    Join,
    Side,
    Silence,
    Role,
    Link,
    Check,
    Lie,
    Restart,
    Replace,
    Pick,
}

/// The source of all draws of one seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    seed: u64,
}

impl Draws {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// 64 random bits.
    pub(crate) fn bits(self, what: Draw, who: u64, time: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.seed, what as u64);
        hasher.write_u64(who);
        hasher.write_u64(time);
        hasher.finish()
    }

    /// A number below `bound`.
    pub(crate) fn below(self, what: Draw, who: u64, time: u64, bound: u64) -> u64 {
        let product = u128::from(self.bits(what, who, time)) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// Whether something happens that does so `share` times in a thousand.
    pub(crate) fn hits(self, what: Draw, who: u64, time: u64, share: u64) -> bool {
        self.below(what, who, time, 1_000) < share
    }

    /// A span with a Weibull distribution, in nanoseconds, at most 60 days.
    ///
    /// The logarithm and the power are those of `libm`, which computes them in software: the same bits on every machine.
    pub(crate) fn weibull(self, what: Draw, who: u64, time: u64, shape: f64, scale: u64) -> u64 {
        const MOST: f64 = 60.0 * 86_400e9;
        // 53 bits, never zero.
        let unit = ((self.bits(what, who, time) >> 11) + 1) as f64 / 9_007_199_254_740_992.0;
        let span = libm::pow(-libm::log(unit), 1.0 / shape) * scale as f64;
        span.min(MOST) as u64
    }
}
