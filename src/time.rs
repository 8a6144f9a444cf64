//! Instants on the caller's timeline. Nothing here reads a clock.

use core::fmt;
use core::time::Duration;

/// An instant on a timeline of the caller's, in nanoseconds since its origin.
///
/// Only differences count: the origin may be the Unix epoch, the start of the process or the start of a simulation.
/// Arithmetic saturates. The `now` of an event may be anything up to [`Timestamp::MAX_NOW`].
///
/// ```
/// use dialstate::Timestamp;
/// use std::time::Duration;
///
/// let later = Timestamp::from_secs(3).saturating_add(Duration::from_millis(250));
/// assert_eq!(later.as_millis(), 3_250);
/// assert_eq!(later.saturating_since(Timestamp::from_secs(1)), Duration::from_millis(2_250));
/// assert_eq!(later.to_string(), "3.250s");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin of the timeline.
    pub const ZERO: Self = Self(0);

    /// The largest `now` of an event: 2^63 − 1 ns (292 years).
    ///
    /// Deadlines may be later, so that the sum of a `now` and a delay of the config never saturates.
    pub const MAX_NOW: Self = Self(i64::MAX as u64);

    /// The instant `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `millis` milliseconds after the origin; saturates.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The instant `secs` seconds after the origin; saturates.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the origin, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The instant `delay` later; saturates.
    #[must_use]
    pub const fn saturating_add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(nanos(delay)))
    }

    /// The instant `delay` earlier; saturates at the origin.
    #[must_use]
    pub const fn saturating_sub(self, delay: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(delay)))
    }

    /// The time since `earlier`; zero if that is later than this instant.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant so many nanoseconds later; saturates.
    pub(crate) const fn plus_nanos(self, delay: u64) -> Self {
        Self(self.0.saturating_add(delay))
    }

    /// The instant 1 ns later: the earliest that a `Sleep` may name.
    pub(crate) const fn next(self) -> Self {
        self.plus_nanos(1)
    }
}

impl fmt::Display for Timestamp {
    /// Seconds since the origin, with three decimals: `12.345s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.as_millis();
        write!(f, "{}.{:03}s", millis / 1000, millis % 1000)
    }
}

/// A duration of so many seconds.
pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A duration in whole nanoseconds; saturates (584 years).
pub(crate) const fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let last = Timestamp::from_nanos(u64::MAX);
        assert_eq!(last.saturating_add(Duration::from_secs(1)), last);
        assert_eq!(last.next(), last);
        assert_eq!(Timestamp::from_secs(u64::MAX), last);
        assert_eq!(Timestamp::ZERO.saturating_sub(Duration::MAX), Timestamp::ZERO);
        assert_eq!(Timestamp::ZERO.saturating_since(last), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(1_500).saturating_since(Timestamp::from_secs(1)).as_millis(), 500);
    }

    #[test]
    fn display_is_in_seconds() {
        assert_eq!(alloc::format!("{}", Timestamp::from_millis(61_007)), "61.007s");
    }
}
