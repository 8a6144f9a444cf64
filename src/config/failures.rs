//! Consequences of failures: cooldowns, and the detection of an outage.

use core::time::Duration;

use crate::time::secs;

/// Cooldowns: the time from the end of a dial or session until the node may be dialed again. A cooldown doubles with
/// each failure in a row, up to a maximum. Every cooldown is then spread by `jitter_percent`, the longest too: 60 s become up
/// to 72 s, and 1 h up to 72 min. All but `history` are of balanced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Backoff {
    /// Classic: cooldown after every dial, whatever its outcome. Default 30 s (go-ethereum's
    /// `dialHistoryExpiration`). Scheduler: the same from the start of every attempt, 35 s (go-ethereum's
    /// `inboundThrottleTime` and 5 s). Unused in balanced.
    pub history: Duration,
    /// Cooldown of a static node after its first failure. At least 1 ms, at most `static_max`. Default 5 s
    /// (Tendermint).
    pub static_first: Duration,
    /// Longest cooldown of a static node, before its jitter. Default 60 s (a guess; cosmos-sdk#2436 reports nodes given up after
    /// 20 min).
    pub static_max: Duration,
    /// First cooldown after `Unreachable`, `Refused`, `TimedOut`, or a session that was `Closed` or ended with `Local`. At
    /// least 1 ms, at most `max`. Default 30 s (reth's low severity).
    pub short: Duration,
    /// First cooldown after `TooManyPeers` or `HandshakeFailed`. At least 1 ms, at most `max`. Default 3 min (reth's
    /// medium severity).
    pub medium: Duration,
    /// First cooldown after `Useless`, `WrongIdentity` or `Misbehaved`. At least 1 ms, at most `max`. Default 15 min
    /// (reth's high severity).
    pub long: Duration,
    /// Longest cooldown of a node that is not static, before its jitter. Default 1 h (reth).
    pub max: Duration,
    /// Largest deviation of a cooldown to either side, in percent, 0 to 90. Default 20 (Tendermint and LND spread
    /// theirs, too).
    pub jitter_percent: u32,
    /// Length of a session that resets the failures of a node to zero. Default 10 min (LND).
    pub stable_session: Duration,
    /// First pause of all dials after a `LocalError`. At least 1 ms, at most `local_pause_max`. Default 1 s (a
    /// guess).
    pub local_pause: Duration,
    /// Upper bound to which the pause doubles while local errors follow each other. Default 30 s (a guess).
    pub local_pause_max: Duration,
    /// Number of failures in a row above which a node is evicted before others, 1 to 255. Default 6 (reth removes a
    /// node after 5).
    pub worn_after: u32,
    /// Number of nodes with fewer failures below which nodes with many failures are kept, too. Default 32 (a guess,
    /// see reth#26051).
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

/// Detection of an outage of this host's own network. While an outage is suspected, dials are slowed down. Failures
/// are counted as usual; if a node answers, those since the last success are taken back. Balanced only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Outage {
    /// Number of failed attempts since the last success from which an outage is suspected, 1 to 2^20. Default 8 (a
    /// guess).
    pub failures: u32,
    /// Time since the last success from which an outage is suspected. Default 30 s (a guess).
    pub silence: Duration,
    /// Time between two dials at the beginning of a suspected outage; after each dial it is a quarter shorter. At least 1 ms.
    /// Default 5 s (a guess).
    ///
    /// It is also the time between two early dials. Where peers are missing and all nodes cool down, one is dialed before its
    /// cooldown ends, but not before [`Backoff::short`] has passed since its last attempt, and not while some cooldown ends
    /// within 1 s.
    pub probe: Duration,
    /// Changes of the network within this time of each other count as one. Default 30 s: the deadline of a dial.
    pub changes: Duration,
}

impl Default for Outage {
    fn default() -> Self {
        Self { failures: 8, silence: secs(30), probe: secs(5), changes: secs(30) }
    }
}
