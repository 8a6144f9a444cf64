//! Every constant of both profiles, with its unit, its range and its origin.
//!
//! Durations may be anything up to [`MAX_DURATION`], except where a field says more.

mod failures;
mod limits;
mod setters;
mod tasks;
mod validate;

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use ipnet::IpNet;

use crate::address::Addrs;
use crate::node::Node;
use crate::time::secs;

pub use failures::{Backoff, Outage};
pub use limits::{Churn, Diversity, Limits};
pub use tasks::{Deadlines, Fallback, Lookups, Pace, Resolves};

/// The longest duration that a config may hold: 365 days.
pub const MAX_DURATION: Duration = secs(365 * 24 * 3600);

/// Which policy plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Profile {
    /// go-ethereum's `dialstate` as of v1.8.27, to the letter.
    Classic,
    /// go-ethereum's present dial scheduler as of commit 02b73d4, to the letter.
    Scheduler,
    /// The dialer one would choose today: the default.
    Balanced,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "classic",
            Self::Scheduler => "scheduler",
            Self::Balanced => "balanced",
        })
    }
}

/// The configuration of a dialer. `Dialer::new` checks every field.
///
/// Each field, here and in the parts, has a setter that chains; what is not set keeps its default.
///
/// ```
/// use std::time::Duration;
///
/// use dialstate::Churn;
/// # type Config = dialstate::Config<[u8; 32], core::net::SocketAddr>;
///
/// let mut config = Config::default()
///     .with_dynamic_target(50)
///     .with_restrict(Some(vec!["10.0.0.0/8".parse().unwrap()]))
///     .with_churn(Some(Churn::default().with_min_age(Duration::from_secs(3_600))));
/// config.backoff.static_max = Duration::from_secs(300); // fields are public, too
/// assert_eq!((config.dynamic_target, config.pace.burst), (50, 16));
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
    profile: Profile,
    /// How many dynamic outbound peers to keep. 0: only static nodes are dialed. Default 16 (geth: 50 / 3).
    pub dynamic_target: u32,
    /// How many dynamic attempts may be under way at once; a bootnode may come on top. At least 1. Default 32: twice the
    /// target, so that dials that take long leave as many others room (geth: 50; its `maxActiveDialTasks` was 16); unlimited
    /// in classic, where the limit belonged to the server.
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
    /// When a lookup begins.
    pub lookups: Lookups,
    /// When a bootnode is tried.
    pub fallback: Fallback,
    /// When a node is resolved again.
    pub resolves: Resolves,
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
    /// Probe a node that was never tried once in about this time, in one extra slot. `None` (the default): never.
    /// At least 1 ms. Bitcoin: 2 min. (Balanced only.)
    pub feeler_interval: Option<Duration>,
    /// Nodes to dial first: the last good peers before a restart. At most [`Config::MAX_ANCHORS`]. Default 0.
    /// Bitcoin: 2. (Balanced only.)
    pub anchors: u32,
    /// Advise to close a dynamic peer now and then when all slots are filled. Default `None`: never. (Balanced
    /// only.)
    pub churn: Option<Churn>,
    /// Whether dials stop to use an address family that never works. Default false. go-libp2p's black hole
    /// detection. (Balanced only.)
    pub family_health: bool,
}

impl<I, A> Config<I, A> {
    /// The largest number of anchors.
    pub const MAX_ANCHORS: u32 = 16;

    /// Which policy plans. A config has the profile that it was constructed with.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// go-ethereum's present dial scheduler, commit 02b73d4: no deadlines, no pace, no diversity.
    ///
    /// [`dynamic_target`](Self::dynamic_target) is its `maxDialPeers`, which counts static peers too, and
    /// [`max_active_dials`](Self::max_active_dials) its `maxActiveDials`. It dials twice as many nodes as peers are
    /// missing, so that there may be more peers than the target. Discovered nodes are its candidates: each is read once,
    /// in order, when a slot is free. When none is left, a lookup is asked for, which stands for its iterators.
    #[must_use]
    pub fn scheduler() -> Self {
        Self {
            profile: Profile::Scheduler,
            max_active_dials: 50,
            lookups: Lookups { interval: secs(1), ..Lookups::default() },
            deadlines: Deadlines { inbound_handshake: MAX_DURATION, ..Self::classic().deadlines },
            backoff: Backoff { history: secs(35), ..Backoff::default() },
            ..Self::classic()
        }
    }

    /// The default profile.
    #[must_use]
    pub fn balanced() -> Self {
        Self {
            profile: Profile::Balanced,
            dynamic_target: 16,
            max_active_dials: 32,
            discovery: true,
            bootnodes: Vec::new(),
            restrict: None,
            max_addrs: 4,
            stagger: Duration::from_millis(250),
            deadlines: Deadlines::default(),
            lookups: Lookups::default(),
            fallback: Fallback::default(),
            resolves: Resolves::default(),
            backoff: Backoff::default(),
            pace: Pace::default(),
            outage: Outage::default(),
            diversity: Some(Diversity::default()),
            limits: Limits::default(),
            feeler_interval: None,
            anchors: 0,
            churn: None,
            family_health: false,
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
            limits: Limits { lookup_answer: 65_536, ..Limits::default() },
            ..Self::balanced()
        }
    }
}

impl<I, A> Default for Config<I, A> {
    fn default() -> Self {
        Self::balanced()
    }
}
