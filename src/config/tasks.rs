//! Lookups, resolves, bootnodes, deadlines of tasks, and how dials are spread over time.

use core::time::Duration;

use crate::time::secs;

/// Deadlines of tasks; `None`: no deadline, as in classic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Deadlines {
    /// Of a dial. Default 30 s: twice the 15 s that geth's transport gives a TCP connect.
    pub dial: Option<Duration>,
    /// Of a resolve. Default 30 s (a guess).
    pub resolve: Option<Duration>,
    /// Of a lookup. Default 30 s (a guess).
    pub lookup: Option<Duration>,
    /// Of a pending inbound handshake. Default 30 s (geth's handshakes: 5 s each). Always finite.
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

/// When a lookup begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Lookups {
    /// Between the first few lookups. It doubles with every four of them, up to `interval`. At least 1 ms. Default 250 ms
    /// (a guess: a few round trips); unused in classic.
    pub first: Duration,
    /// Between the starts of two lookups. At least 1 ms. Default 4 s (geth's `lookupInterval`).
    pub interval: Duration,
    /// What the interval doubles to while lookups bring nothing new, if any node is known. Default 60 s (reth, Zebra);
    /// unused in classic.
    pub interval_max: Duration,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), interval: secs(4), interval_max: secs(60) }
    }
}

/// When a bootnode is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Fallback {
    /// How long without an outbound peer before a bootnode is tried, and between two of them at first. At
    /// least 1 ms. Default 20 s (geth's `fallbackInterval`).
    pub after: Duration,
    /// What the time between two bootnodes doubles to. Default 60 s (a guess); unused in classic.
    pub max: Duration,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { after: secs(20), max: secs(60) }
    }
}

/// When a node is resolved again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Resolves {
    /// How long before a node is resolved again. At least 1 ms. Default 60 s (geth's `initialResolveDelay`).
    pub delay: Duration,
    /// What it doubles to. Default 1 h (geth's `maxResolveDelay`).
    pub delay_max: Duration,
}

impl Default for Resolves {
    fn default() -> Self {
        Self { delay: secs(60), delay_max: secs(3600) }
    }
}

/// How dials are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Pace {
    /// How many attempts of static nodes and of requests may be under way at once. At least 1. Default 16,
    /// beside the dynamic ones, so that neither starves the other; unlimited in classic.
    pub static_active: u32,
    /// How many dials may start at one instant, of the static and of the dynamic ones each. At least 1.
    /// Default 16.
    pub burst: u32,
    /// After a burst, the time between two dials. Default 125 ms, so 8/s (Zebra: 100 ms, Bitcoin: 500 ms).
    /// Zero: dials are not paced.
    pub interval: Duration,
    /// A dynamic dial that has taken this long no longer keeps its slot from the next candidate. Default 2 s (a guess: a
    /// few round trips between continents, and one lost packet); unused in classic.
    pub slow_after: Duration,
    /// If at an event a timer is overdue by more than this, the host has slept: the burst is used up, and
    /// tasks that were overdue end uncharged. Default 60 s (a guess).
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
