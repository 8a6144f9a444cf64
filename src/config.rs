//! Every constant of both profiles, with its unit, its range and its origin.
//!
//! Durations may be anything up to [`MAX_DURATION`], except where a field says more.

mod validate;

use alloc::vec::Vec;
use core::time::Duration;

use ipnet::IpNet;

use crate::address::Addrs;
use crate::node::Node;

/// The longest duration that a config may hold: 365 days.
pub const MAX_DURATION: Duration = secs(365 * 24 * 3600);

/// Which policy plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Profile {
    /// go-ethereum's `dialstate` as of v1.8.27, to the letter.
    Classic,
    /// The dialer one would choose today: the default.
    Balanced,
}

/// What a dialer is told at the start. Set the fields that matter; `Dialer::new` checks them all.
///
/// ```
/// # type Config = dialstate::Config<[u8; 32], core::net::SocketAddr>;
/// let mut config = Config::default();
/// config.dynamic_target = 50;
/// config.restrict = Some(vec!["10.0.0.0/8".parse().unwrap()]);
/// assert!(config.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[non_exhaustive]
pub struct Config<I, A> {
    /// Which policy plans; set by [`Config::classic`] and [`Config::balanced`].
    pub profile: Profile,
    /// How many dynamic outbound peers to keep. 0: only static nodes are dialed. Default 16 (geth: 50 / 3).
    pub dynamic_target: u32,
    /// How many dynamic and bootnode attempts may be under way at once. At least 1. Default 16 (geth's
    /// `maxActiveDialTasks`); unlimited in classic, where the limit belonged to the server.
    pub max_active_dials: u32,
    /// Whether nodes can be resolved and looked up. Default true.
    pub discovery: bool,
    /// Nodes to fall back on when there is nobody else. Default none.
    pub bootnodes: Vec<Node<I, A>>,
    /// Only addresses within these networks are dialed. `None` (the default): all; an empty list: none.
    pub restrict: Option<Vec<IpNet>>,
    /// How many addresses of one node are kept, 1 to [`Addrs::MAX`]. Default 4 (a guess: IPv4 and IPv6 of two
    /// uplinks).
    pub max_addrs: u32,
    /// How long after one address of a dial the next is started. Default 250 ms (RFC 8305, section 5).
    pub stagger: Duration,
    /// When tasks are given up.
    pub deadlines: Deadlines,
    /// Lookups, resolves and bootnodes.
    pub discover: Discover,
    /// When a node that was dialed may be dialed again.
    pub backoff: Backoff,
    /// How dials are spread over static and dynamic nodes and over time.
    pub pace: Pace,
    /// When the network of this host is thought to be down.
    pub outage: Outage,
    /// How many peers may share a subnet; `None`: any number.
    pub diversity: Option<Diversity>,
    /// Caps of all collections.
    pub limits: Limits,
    /// What is off by default.
    pub options: Options,
}

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
    pub inbound: Duration,
}

/// Lookups, resolves and bootnodes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Discover {
    /// Between the starts of two lookups. At least 1 ms. Default 4 s (geth's `lookupInterval`).
    pub lookup_interval: Duration,
    /// What the interval doubles to while lookups bring nothing new. Default 60 s (reth, Zebra); unused in
    /// classic.
    pub lookup_interval_max: Duration,
    /// How long without an outbound peer before a bootnode is tried, and between two of them at first. At
    /// least 1 ms. Default 20 s (geth's `fallbackInterval`).
    pub fallback: Duration,
    /// What the time between two bootnodes doubles to. Default 60 s (a guess); unused in classic.
    pub fallback_max: Duration,
    /// How long before a node is resolved again. At least 1 ms. Default 60 s (geth's `initialResolveDelay`).
    pub resolve_delay: Duration,
    /// What it doubles to. Default 1 h (geth's `maxResolveDelay`).
    pub resolve_delay_max: Duration,
}

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
    /// If at an event a timer is overdue by more than this, the host has slept: the burst is used up, and
    /// tasks that were overdue end uncharged. Default 60 s (a guess).
    pub jump: Duration,
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
    /// While it is suspected, one dial goes out each such time. At least 1 ms. Default 5 s (a guess).
    pub probe: Duration,
}

/// How many outbound peers and attempts may share a subnet. Private and loopback networks are exempt. At
/// least 1 each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Diversity {
    /// Per IPv4 /24. Default 2 (geth's table).
    pub v4_24: u32,
    /// Per IPv4 /16. Default 4 (Bitcoin: 1 of 8).
    pub v4_16: u32,
    /// Per IPv6 /48. Default 2.
    pub v6_48: u32,
    /// Per IPv6 /32. Default 4.
    pub v6_32: u32,
    /// Addresses without an IP. Default 4.
    pub no_ip: u32,
    /// One slot is filled against these limits after slots were free for this long, with no candidate that
    /// keeps them. Default 60 s.
    pub relax_after: Duration,
}

/// Caps of all collections: they bound the memory, whatever strangers send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limits {
    /// Known nodes that were connected once. Default 4,096.
    pub good: u32,
    /// Other known nodes. Default 12,288.
    pub others: u32,
    /// Static nodes. Default 2^20.
    pub statics: u32,
    /// Peers that the memory bound counts with. Default 4,096. More are accepted, as a fact.
    pub peers: u32,
    /// Banned ids. Default 2^20.
    pub banned_ids: u32,
    /// Banned networks. Default 65,536.
    pub banned_networks: u32,
    /// Pending inbound handshakes; the oldest gives way. Default 1,024.
    pub inbound: u32,
    /// Requested dials that wait. Default 64.
    pub requested: u32,
    /// Bootnodes. Default 64.
    pub bootnodes: u32,
    /// Nodes from lookups that wait to be dialed in classic; further ones are dropped. Default 65,536.
    pub lookup_buffer: u32,
    /// Notices that nobody has fetched; further ones are dropped and counted. Default 256.
    pub notices: u32,
}

/// What is off by default.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Options {
    /// Probe a node that was never tried once in about this time, in one extra slot. `None`: never. At least
    /// 1 ms. Bitcoin: 2 min.
    pub feeler: Option<Duration>,
    /// Nodes to dial first: the last good peers before a restart. At most [`Options::MAX_ANCHORS`]. Bitcoin: 2.
    pub anchors: u32,
    /// Advise to close one dynamic peer once in such a time (least, most), when all slots are filled. `None`:
    /// never. geth: 3 to 7 min.
    pub churn: Option<(Duration, Duration)>,
    /// A peer younger than this is not churned. Default 10 min (geth).
    pub churn_age: Duration,
    /// Whether dials stop to use an address family that never works (go-libp2p's black hole detection).
    pub family_health: bool,
}

impl Options {
    /// The largest number of anchors.
    pub const MAX_ANCHORS: u32 = 16;
}

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

impl<I, A> Config<I, A> {
    /// The default profile.
    #[must_use]
    pub fn balanced() -> Self {
        Self {
            profile: Profile::Balanced,
            dynamic_target: 16,
            max_active_dials: 16,
            discovery: true,
            bootnodes: Vec::new(),
            restrict: None,
            max_addrs: 4,
            stagger: Duration::from_millis(250),
            deadlines: Deadlines::default(),
            discover: Discover::default(),
            backoff: Backoff::default(),
            pace: Pace::default(),
            outage: Outage::default(),
            diversity: Some(Diversity::default()),
            limits: Limits::default(),
            options: Options::default(),
        }
    }

    /// go-ethereum's `dialstate`, v1.8.27: no deadlines, no pace, no limit of attempts, no diversity.
    #[must_use]
    pub fn classic() -> Self {
        Self {
            profile: Profile::Classic,
            max_active_dials: u32::MAX,
            max_addrs: Addrs::<A>::MAX as u32,
            deadlines: Deadlines { dial: None, resolve: None, lookup: None, ..Deadlines::default() },
            pace: Pace { static_active: u32::MAX, interval: Duration::ZERO, ..Pace::default() },
            diversity: None,
            ..Self::balanced()
        }
    }
}

impl<I, A> Default for Config<I, A> {
    fn default() -> Self {
        Self::balanced()
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { dial: Some(secs(30)), resolve: Some(secs(30)), lookup: Some(secs(30)), inbound: secs(30) }
    }
}

impl Default for Discover {
    fn default() -> Self {
        Self {
            lookup_interval: secs(4),
            lookup_interval_max: secs(60),
            fallback: secs(20),
            fallback_max: secs(60),
            resolve_delay: secs(60),
            resolve_delay_max: secs(3600),
        }
    }
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

impl Default for Pace {
    fn default() -> Self {
        Self { static_active: 16, burst: 16, interval: Duration::from_millis(125), jump: secs(60) }
    }
}

impl Default for Outage {
    fn default() -> Self {
        Self { failures: 8, silence: secs(30), probe: secs(5) }
    }
}

impl Default for Diversity {
    fn default() -> Self {
        Self { v4_24: 2, v4_16: 4, v6_48: 2, v6_32: 4, no_ip: 4, relax_after: secs(60) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            good: 4_096,
            others: 12_288,
            statics: 1 << 20,
            peers: 4_096,
            banned_ids: 1 << 20,
            banned_networks: 65_536,
            inbound: 1_024,
            requested: 64,
            bootnodes: 64,
            lookup_buffer: 65_536,
            notices: 256,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { feeler: None, anchors: 0, churn: None, churn_age: secs(600), family_health: false }
    }
}
