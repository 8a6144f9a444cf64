//! The configuration: every constant of the profiles, with its unit, range, default and the origin of the default.
//!
//! A duration may be anything from zero to [`MAX_DURATION`], unless its field states a minimum.

mod failures;
mod limits;
mod setters;
mod tasks;
mod validate;

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use ipnet::IpNet;

use crate::address::Addrs;
use crate::error::UnknownProfile;
use crate::node::Node;
use crate::time::secs;

pub use failures::{Backoff, Outage};
pub use limits::{Churn, Diversity, Limits};
pub use tasks::{Deadlines, Fallback, Lookups, Pace, Resolves};

/// The longest duration that a config may hold: 365 days.
pub const MAX_DURATION: Duration = secs(365 * 24 * 3600);

/// The policy that decides which node is dialed next. The constructors of [`Config`] choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Profile {
    /// The rules of go-ethereum's `dialstate`, v1.8.27, exactly.
    Classic,
    /// The rules of go-ethereum's present dial scheduler, commit 02b73d4, exactly.
    Scheduler,
    /// The default: separate budgets for static and dynamic nodes, backoff by kind of failure, paced dials,
    /// limits per subnet, and deadlines.
    Balanced,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Classic, Self::Scheduler, Self::Balanced];

    /// The word that it is shown as.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Scheduler => "scheduler",
            Self::Balanced => "balanced",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// From its name.
impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.name() == name).ok_or(UnknownProfile)
    }
}

/// The configuration of a dialer: every constant that a user may want to change, with unit, range, default and the origin of the
/// default.
///
/// `Dialer::new` checks every field. A duration may be anything from zero to [`MAX_DURATION`], unless its field states a
/// minimum. Defaults are those of `balanced`; other profiles are named where they differ.
///
/// Each field, here and in the parts, has a setter that chains; what is not set keeps its default. `I` is the id of a node,
/// `A` an address.
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
    /// The policy; set by the constructors only.
    profile: Profile,
    /// Number of dynamic outbound peers to keep, 0 to 2^20. With 0 only static and requested nodes are dialed, and
    /// feelers if [`feeler_interval`](Self::feeler_interval) is set. Default 16
    /// (go-ethereum: a third of 50 peers). In scheduler static peers count too.
    pub dynamic_target: u32,
    /// Largest number of concurrent attempts to dynamic nodes and bootnodes. At least 1.
    /// Default 32: twice the target, so that dials that take long leave room for as many others (go-ethereum: 50; its
    /// `maxActiveDialTasks` was 16). Unlimited in classic, where this limit belongs to the server around `dialstate`; 50 in
    /// scheduler, for all attempts.
    pub max_active_dials: u32,
    /// Whether anything is dialed, resolved or looked up at all. While it is false, what is under way is cancelled, nothing begins,
    /// and peers stay; bans and handshakes end in time. Default true (Bitcoin Core: `setnetworkactive`).
    pub dialing: bool,
    /// Whether the driver can resolve nodes and look them up. Without discovery no `Resolve` and no `Lookup` is
    /// issued, and a node without an address is not dialed. Default true.
    pub discovery: bool,
    /// Nodes that are dialed when there are no outbound peers (in classic: no peers at all; in scheduler: never). At most
    /// [`Limits::bootnodes`]; the dialer's own id is refused. Default none.
    pub bootnodes: Vec<Node<I, A>>,
    /// Networks that dials are restricted to. With `None`, the default, any address may be dialed; with an empty
    /// list none may.
    pub restrict: Option<Vec<IpNet>>,
    /// Number of addresses kept for each node, 1 to [`Addrs::MAX`]. Default 4 (a guess: IPv4 and IPv6 over two
    /// uplinks); 16 in classic and scheduler.
    pub max_addrs: u32,
    /// Delay between the starts of two addresses of one dial; each `Command::Dial` carries it. Default 250 ms (RFC 8305, section 5).
    pub stagger: Duration,
    /// Deadlines of tasks.
    pub deadlines: Deadlines,
    /// Intervals between lookups.
    pub lookups: Lookups,
    /// Use of bootnodes.
    pub fallback: Fallback,
    /// Delays between resolves of one node.
    pub resolves: Resolves,
    /// Cooldowns of nodes after dials and sessions.
    pub backoff: Backoff,
    /// Rate of dials, and the budget of static nodes.
    pub pace: Pace,
    /// Detection of an outage of this host's own network.
    pub outage: Outage,
    /// Limits on outbound peers per subnet; `None`: no limits. Default on; `None` in classic and scheduler.
    pub diversity: Option<Diversity>,
    /// Caps on the size of every collection.
    pub limits: Limits,
    /// Average time between two feelers: dials in one extra slot that only check whether a node that was never
    /// tried answers. At least 1 ms. Default `None`: no feelers (Bitcoin: 2 min). Balanced only.
    pub feeler_interval: Option<Duration>,
    /// Number of anchors, 0 to [`Config::MAX_ANCHORS`]: peers of the time before a restart that are dialed before
    /// other nodes. Default 0 (Bitcoin: 2). Balanced only.
    pub anchors: u32,
    /// Replacement of dynamic peers while all slots are filled. Default `None`: peers are kept. Balanced only.
    pub churn: Option<Churn>,
    /// Whether an address family (IPv4, IPv6) in which almost no dial succeeds is left out, except for probes.
    /// Default false (go-libp2p: black hole detection). Balanced only.
    pub family_health: bool,
    /// Whether discovery is asked for a node that was connected to once and may be gone, before it is dialed: with a
    /// `Command::Resolve`, also ahead of need. Default true. If resolves find nobody, nodes are dialed unasked. Without
    /// [`discovery`](Self::discovery) it does nothing. Balanced only.
    pub revalidation: bool,
}

impl<I, A> Config<I, A> {
    /// The largest number of anchors (a guess: the default number of peers).
    pub const MAX_ANCHORS: u32 = 16;

    /// The bootnode with an id.
    pub(crate) fn bootnode(&self, id: &I) -> Option<&Node<I, A>>
    where
        I: PartialEq,
    {
        self.bootnodes.iter().find(|node| node.id == *id)
    }

    /// The config of a profile: what [`balanced`](Self::balanced), [`classic`](Self::classic) or
    /// [`scheduler`](Self::scheduler) gives.
    #[must_use]
    pub fn for_profile(profile: Profile) -> Self {
        match profile {
            Profile::Classic => Self::classic(),
            Profile::Scheduler => Self::scheduler(),
            Profile::Balanced => Self::balanced(),
        }
    }

    /// The policy of this config, as chosen by the constructor.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// The rules of go-ethereum's present dial scheduler, commit 02b73d4: profile [`Scheduler`](Profile::Scheduler),
    /// without deadlines, pacing and limits per subnet.
    ///
    /// [`dynamic_target`](Self::dynamic_target) is its `maxDialPeers`, which counts static peers too, and
    /// [`max_active_dials`](Self::max_active_dials) its `maxActiveDials`. It dials twice as many nodes as peers are
    /// missing, so there may be more peers than the target. Discovered nodes are its candidates: each is read once,
    /// in order, when a slot is free. When none is left, a lookup is issued, which stands for its iterators.
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

    /// A dialer for today's networks: profile [`Balanced`](Profile::Balanced), which is the default.
    #[must_use]
    pub fn balanced() -> Self {
        Self {
            profile: Profile::Balanced,
            dynamic_target: 16,
            max_active_dials: 32,
            dialing: true,
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
            revalidation: true,
        }
    }

    /// The rules of go-ethereum's `dialstate`, v1.8.27: profile [`Classic`](Profile::Classic), without deadlines, pacing, a limit
    /// of attempts and limits per subnet.
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
