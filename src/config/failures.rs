//! What follows from failures: cooldowns, and an outage of this host.

use core::time::Duration;

use crate::time::secs;

/// When a node that was dialed may be dialed again. A delay doubles with each failure in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Backoff {
    /// Classic: after every dial, whatever came of it. Default 30 s (geth's `dialHistoryExpiration`).
    pub history: Duration,
    /// A static node, after its first failure. At least 1 ms. Default 5 s (Tendermint's reconnect).
    pub static_first: Duration,
    /// A static node, at most. Default 60 s (below the 20 min at which cosmos-sdk#2436 gave up).
    pub static_max: Duration,
    /// After unreachable, refused, timed out or closed. At least 1 ms. Default 30 s (reth's low class).
    pub short: Duration,
    /// After too many peers or a failed handshake. At least 1 ms. Default 3 min (reth's medium class).
    pub medium: Duration,
    /// After useless, wrong identity or a broken protocol. At least 1 ms. Default 15 min (reth's high class).
    pub long: Duration,
    /// Any known node, at most. Default 1 h (reth).
    pub max: Duration,
    /// How far a delay is spread to both sides, in percent, 0 to 90. Default 20 (Tendermint, LND spread too).
    pub jitter_percent: u32,
    /// A session as long as this clears a node's failures. Default 10 min (LND).
    pub stable_session: Duration,
    /// After a failure of this host, all dials pause this long. At least 1 ms. Default 1 s (a guess).
    pub local_pause: Duration,
    /// What the pause doubles to. Default 30 s (a guess).
    pub local_pause_max: Duration,
    /// With more failures in a row than this a node is the first to be evicted. Default 6 (reth drops it
    /// after 5).
    pub worn_after: u32,
    /// The known nodes that are not worn never fall below this by eviction of worn ones: with fewer, worn
    /// nodes are kept too. Default 32 (a guess, against reth#26051).
    pub keep_usable: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            history: secs(30),
            static_first: secs(5),
            static_max: secs(60),
            short: secs(30),
            medium: secs(180),
            long: secs(900),
            max: secs(3600),
            jitter_percent: 20,
            stable_session: secs(600),
            local_pause: secs(1),
            local_pause_max: secs(30),
            worn_after: 6,
            keep_usable: 32,
        }
    }
}

/// When the network of this host is thought to be down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Outage {
    /// Attempts that must have failed since the last success. Default 8.
    pub failures: u32,
    /// How long since the last success. Default 30 s.
    pub silence: Duration,
    /// While it is suspected, dials are this far apart at first, and a quarter less after each; and where peers are missing
    /// and all nodes cool down, one of these is dialed each such time. At least 1 ms. Default 5 s (a guess).
    pub probe: Duration,
    /// Changes of the network within this time of each other count as one. Default 30 s: the deadline of a dial.
    pub changes: Duration,
}

impl Default for Outage {
    fn default() -> Self {
        Self { failures: 8, silence: secs(30), probe: secs(5), changes: secs(30) }
    }
}
