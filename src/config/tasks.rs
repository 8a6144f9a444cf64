//! Deadlines and intervals of tasks, and the rate of dials.

use core::time::Duration;

use crate::time::secs;

/// Deadlines of tasks. After its deadline a task has failed, and a `Cancel` is issued for it. `None`: no deadline,
/// as in classic and scheduler. Each is at least 1 ms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Deadlines {
    /// Deadline of a dial, from its `Command::Dial`. Default 30 s: twice the 15 s that go-ethereum gives a TCP
    /// connect.
    pub dial: Option<Duration>,
    /// Deadline of a resolve. Default 30 s (a guess).
    pub resolve: Option<Duration>,
    /// Deadline of a lookup. Default 30 s (a guess).
    pub lookup: Option<Duration>,
    /// Time after which a pending inbound handshake is forgotten. Default 30 s (go-ethereum gives 5 s to each of
    /// its two handshakes), in classic too; 365 days in scheduler, where only `InboundEnded` ends one.
    pub inbound_handshake: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dial: Some(secs(30)),
            resolve: Some(secs(30)),
            lookup: Some(secs(30)),
            inbound_handshake: secs(30),
        }
    }
}

/// Intervals between lookups. Only one lookup runs at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Lookups {
    /// Time between the starts of the first few lookups. It doubles with every four of them, up to `interval`. At least
    /// 1 ms. Default 250 ms (a guess: a few round trips). Balanced only.
    pub first: Duration,
    /// Time between the starts of two lookups. At least 1 ms, at most `interval_max`. Default 4 s (go-ethereum's
    /// `lookupInterval`); 1 s in scheduler (a guess: the original reads from iterators).
    pub interval: Duration,
    /// Upper bound to which the interval doubles while lookups find no new nodes and any node is known. Default 60 s
    /// (reth, Zebra). Balanced only.
    pub interval_max: Duration,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), interval: secs(4), interval_max: secs(60) }
    }
}

/// Use of bootnodes while there are no outbound peers. Unused in scheduler, which dials none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Fallback {
    /// Time without an outbound peer until the first bootnode is dialed, and the first interval between two
    /// bootnodes. At least 1 ms, at most `max`. Default 20 s (go-ethereum's `fallbackInterval`).
    pub after: Duration,
    /// Upper bound to which the interval between two bootnodes doubles. Default 60 s (a guess). Balanced only.
    pub max: Duration,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { after: secs(20), max: secs(60) }
    }
}

/// Delays between two resolves of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Resolves {
    /// Delay after a resolve that found an address; after each one that found none, it doubles. At least 1 ms, at
    /// most `delay_max`. Default 60 s (go-ethereum's `initialResolveDelay`).
    pub delay: Duration,
    /// Upper bound of the delay. Default 1 h (go-ethereum's `maxResolveDelay`).
    pub delay_max: Duration,
}

impl Default for Resolves {
    fn default() -> Self {
        Self { delay: secs(60), delay_max: secs(3600) }
    }
}

/// Rate of dials, and the budget of static nodes. Static and dynamic dials are paced separately.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Pace {
    /// Largest number of concurrent attempts to static nodes and requested nodes. At least 1. Default 16. It is
    /// separate from the limit for dynamic attempts, so that neither kind starves the other. Unlimited in classic and scheduler.
    pub static_active: u32,
    /// Number of dials that may start at one instant, 1 to 2^20. Default 16.
    pub burst: u32,
    /// Time between two dials once the burst is used up; times `burst` at most 365 days. Zero: dials are not paced. Default
    /// 125 ms, 8 dials a second (Zebra: 100 ms, Bitcoin: 500 ms). Zero in classic and scheduler, which pace nothing.
    pub interval: Duration,
    /// Duration from which a dynamic dial no longer holds its slot, so that the next candidate can be dialed. Default 2 s
    /// (a guess: a few round trips between continents, and one lost packet). Balanced only.
    pub slow_after: Duration,
    /// Overdue time from which an event counts as a jump of time, as after a suspend of the host. The burst is then
    /// used up, and tasks that are overdue end without a failure of their nodes. At least 1 ms. Default 60 s (a
    /// guess).
    pub jump: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            static_active: 16,
            burst: 16,
            interval: Duration::from_millis(125),
            slow_after: secs(2),
            jump: secs(60),
        }
    }
}
