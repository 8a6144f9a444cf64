//! How long a node is left alone: classes of failure, doubling, jitter.

use siphasher::sip::SipHasher13;

use crate::config::{Backoff, Resolves};
use crate::event::{DialOutcome, RemovalReason};
use crate::time::{Timestamp, nanos};

/// Why a node cools down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Cause {
    /// It doesn't, or only waits for its turn.
    #[default]
    None,
    /// The history of classic: every dial leaves it.
    History,
    /// The transport failed: forgiven when the network changes.
    Transport,
    /// A connection was made, but the handshake failed or somebody else answered: forgiven after an outage, since a captive
    /// portal does that too.
    Handshake,
    /// The node refused us, or is of no use: not forgiven.
    Protocol,
    /// It has no address, and none was found.
    Resolve,
}

/// How an attempt or a session that has ended is judged: which delay of `Backoff` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DelayClass {
    Success,
    Short,
    Medium,
    Long,
    /// Not the node's fault.
    Uncharged,
}

impl DelayClass {
    pub(crate) const fn of_dial(outcome: DialOutcome) -> Self {
        match outcome {
            DialOutcome::Connected => Self::Success,
            DialOutcome::Unreachable | DialOutcome::Refused | DialOutcome::TimedOut => Self::Short,
            DialOutcome::HandshakeFailed | DialOutcome::TooManyPeers => Self::Medium,
            DialOutcome::WrongIdentity | DialOutcome::Useless => Self::Long,
            DialOutcome::LocalError | DialOutcome::Cancelled => Self::Uncharged,
        }
    }

    pub(crate) const fn of_removal(reason: RemovalReason) -> Self {
        match reason {
            RemovalReason::Closed => Self::Short,
            RemovalReason::TooManyPeers => Self::Medium,
            RemovalReason::Useless | RemovalReason::Misbehaved => Self::Long,
            RemovalReason::Local | RemovalReason::Duplicate => Self::Uncharged,
        }
    }
}

impl Cause {
    /// Why a node cools down after a dial that ended so.
    pub(crate) const fn of_dial(outcome: DialOutcome) -> Self {
        match outcome {
            DialOutcome::Unreachable | DialOutcome::Refused | DialOutcome::TimedOut => Self::Transport,
            DialOutcome::HandshakeFailed | DialOutcome::WrongIdentity => Self::Handshake,
            DialOutcome::TooManyPeers | DialOutcome::Useless => Self::Protocol,
            DialOutcome::Connected | DialOutcome::LocalError | DialOutcome::Cancelled => Self::None,
        }
    }

    /// Why a node cools down after a session that ended so.
    pub(crate) const fn of_removal(reason: RemovalReason) -> Self {
        match reason {
            RemovalReason::Closed => Self::Transport,
            RemovalReason::TooManyPeers | RemovalReason::Useless | RemovalReason::Misbehaved => {
                Self::Protocol
            }
            RemovalReason::Local | RemovalReason::Duplicate => Self::None,
        }
    }
}

/// Whether an outcome shows that the network of this host works: a node of the network answered, and not some captive
/// portal in its place.
pub(crate) const fn proves_network(outcome: DialOutcome) -> bool {
    match outcome {
        DialOutcome::Connected | DialOutcome::TooManyPeers | DialOutcome::Useless => true,
        DialOutcome::HandshakeFailed
        | DialOutcome::WrongIdentity
        | DialOutcome::Unreachable
        | DialOutcome::Refused
        | DialOutcome::TimedOut
        | DialOutcome::LocalError
        | DialOutcome::Cancelled => false,
    }
}

/// Whether a dial has left this host, whatever came of it.
pub(crate) fn left_host(outcome: DialOutcome) -> bool {
    DelayClass::of_dial(outcome) != DelayClass::Uncharged
}

/// Whether the host at the address of a node is alive.
pub(crate) const fn is_answer(outcome: DialOutcome) -> bool {
    match outcome {
        DialOutcome::Connected
        | DialOutcome::Refused
        | DialOutcome::HandshakeFailed
        | DialOutcome::WrongIdentity
        | DialOutcome::TooManyPeers
        | DialOutcome::Useless => true,
        DialOutcome::Unreachable
        | DialOutcome::TimedOut
        | DialOutcome::LocalError
        | DialOutcome::Cancelled => false,
    }
}

/// Whether the socket failed, so that a static node may have moved: go-ethereum's `dialError`, but for errors
/// of this host.
pub(crate) const fn may_have_moved(outcome: DialOutcome) -> bool {
    matches!(outcome, DialOutcome::Unreachable | DialOutcome::Refused | DialOutcome::TimedOut)
}

/// `first`, doubled for every failure after the first one, at most `most`: nanoseconds.
pub(crate) const fn doubled(first: u64, failures: u32, most: u64) -> u64 {
    let doublings = failures.saturating_sub(1);
    let delay = if doublings < 64 { first.saturating_mul(1 << doublings) } else { u64::MAX };
    if delay < most { delay } else { most }
}

/// The delay of a known node after `failures` failures in a row, the last of this class.
pub(crate) fn known(backoff: &Backoff, class: DelayClass, failures: u32) -> u64 {
    let first = match class {
        DelayClass::Success | DelayClass::Uncharged | DelayClass::Short => backoff.short,
        DelayClass::Medium => backoff.medium,
        DelayClass::Long => backoff.long,
    };
    doubled(nanos(first), failures, nanos(backoff.max))
}

/// The delay of a static node.
pub(crate) fn fixed(backoff: &Backoff, failures: u32) -> u64 {
    doubled(nanos(backoff.static_first), failures, nanos(backoff.static_max))
}

/// A source of jitter that depends on nothing but the seed, the node and the number of its attempt, so that one
/// node's history never shifts another's.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(SipHasher13);

impl Default for Jitter {
    fn default() -> Self {
        Self(SipHasher13::new_with_keys(0, 0))
    }
}

impl Jitter {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        Self(hasher)
    }

    /// 64 bits for one attempt of one node.
    pub(crate) fn bits(&self, id: &[u8], attempt: u32) -> u64 {
        // In one piece where it fits, which is twice as fast, and the same hash.
        let mut bytes = [0; 68];
        let (head, tail) = bytes.split_at_mut(4);
        let Some(room) = tail.get_mut(..id.len()) else { return self.streamed(id, attempt) };
        head.copy_from_slice(&attempt.to_le_bytes());
        room.copy_from_slice(id);
        self.0.hash(bytes.get(..id.len().saturating_add(4)).unwrap_or_default())
    }

    fn streamed(&self, id: &[u8], attempt: u32) -> u64 {
        use core::hash::Hasher;
        let mut hasher = self.0;
        hasher.write(&attempt.to_le_bytes());
        hasher.write(id);
        hasher.finish()
    }
}

/// `delay` within ± `percent` of itself, linear in the upper half of `bits`; the lower half is for ties.
pub(crate) fn spread(delay: u64, percent: u32, bits: u64) -> u64 {
    let part = (delay / 100).saturating_mul(u64::from(percent.min(100)));
    // The width is twice the part: so it is shifted by one bit less than the 32 that are used.
    let into = u128::from(part).wrapping_mul(u128::from(bits >> 32)) >> 31;
    delay.saturating_sub(part).saturating_add(u64::try_from(into).unwrap_or(u64::MAX))
}

/// When a node may be resolved again: go-ethereum's `lastResolved` and `resolveDelay`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct ResolveDelay {
    /// The next resolve; zero: at once.
    pub(crate) next: Timestamp,
    /// What was waited last, in nanoseconds; zero: nothing yet.
    delay: u64,
}

impl ResolveDelay {
    pub(crate) fn allows(&self, now: Timestamp) -> bool {
        self.next <= now
    }

    /// The answer was an address: the next resolve is one delay away.
    pub(crate) fn succeeded(&mut self, now: Timestamp, config: &Resolves) {
        self.wait(now, nanos(config.delay));
    }

    /// There was no address: the delay doubles, from twice the first one.
    pub(crate) fn failed(&mut self, now: Timestamp, config: &Resolves) {
        let last = self.delay.max(nanos(config.delay));
        self.wait(now, last.saturating_mul(2).min(nanos(config.delay_max)));
    }

    fn wait(&mut self, now: Timestamp, delay: u64) {
        self.delay = delay;
        self.next = now.plus_nanos(delay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn delays_double_up_to_the_cap() {
        let secs = |class, failures| known(&Backoff::default(), class, failures) / 1_000_000_000;
        assert_eq!(
            [0, 1, 2, 3, 7, 8, 200].map(|n| secs(DelayClass::Short, n)),
            [30, 30, 60, 120, 1920, 3600, 3600]
        );
        assert_eq!([1, 2, 5, 6].map(|n| secs(DelayClass::Medium, n)), [180, 360, 2880, 3600]);
        assert_eq!([1, 2, 3].map(|n| secs(DelayClass::Long, n)), [900, 1800, 3600]);
        let fixed = |n| fixed(&Backoff::default(), n) / 1_000_000_000;
        assert_eq!([1, 2, 3, 4, 5, 100].map(fixed), [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn the_spread_reaches_both_ends_and_no_further() {
        assert_eq!([spread(1_000, 20, 0), spread(1_000, 20, u64::from(u32::MAX))], [800, 800]);
        assert_eq!(spread(1_000_000, 20, u64::MAX), 1_199_999);
        assert_eq!([spread(1_000, 20, u64::MAX / 2), spread(1_000, 20, 1 << 63)], [999, 1_000]);
        assert_eq!(spread(u64::MAX, 90, u64::MAX), u64::MAX);
        assert_eq!(
            [spread(7, 0, u64::MAX), spread(1_000, 200, 0), spread(1_000, 200, u64::MAX)],
            [7, 0, 1_999]
        );
    }

    #[test]
    fn jitter_differs_by_node_and_attempt() {
        let jitter = Jitter::new(SipHasher13::new_with_keys(1, 2));
        let of = |id: &[u8], attempt| jitter.bits(id, attempt);
        assert_eq!(of(b"a", 1), of(b"a", 1));
        assert_ne!(of(b"a", 1), of(b"a", 2));
        assert_ne!(of(b"a", 1), of(b"b", 1));
        for length in [0, 1, 32, 63, 64, 65, 200] {
            let id = [7; 200];
            assert_eq!(jitter.bits(&id[..length], 9), jitter.streamed(&id[..length], 9), "{length} bytes");
        }
    }

    #[test]
    fn the_resolve_delay_is_gos() {
        let config = Resolves::default();
        let mut delay = ResolveDelay::default();
        let mut now = Timestamp::ZERO;
        assert!(delay.allows(now));
        for gap in [120, 240, 480, 960, 1920, 3600, 3600] {
            delay.failed(now, &config);
            assert_eq!(delay.next.saturating_since(now), Duration::from_secs(gap));
            now = delay.next;
            assert!(delay.allows(now) && !delay.allows(now.saturating_sub(Duration::from_nanos(1))));
        }
        delay.succeeded(now, &config);
        assert_eq!(delay.next.saturating_since(now), Duration::from_secs(60));
    }
}
