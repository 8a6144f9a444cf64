//! Refusals: every reason for which a node may not be dialed.

use core::fmt;

use ipnet::IpNet;

use crate::network::Subnet;
use crate::time::Timestamp;

/// Why a node is not dialed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Refusal {
    /// `Config::dialing` is off: nobody is dialed.
    DialingOff,
    /// It has the dialer's own id.
    OwnId,
    /// It is neither a static node, nor a known node, nor a bootnode, nor one that was found and waits to be dialed.
    Unknown,
    /// An attempt to reach it is under way.
    InAttempt {
        /// The instant at which the attempt is given up; `None`: never.
        until: Option<Timestamp>,
    },
    /// It is connected.
    Connected,
    /// An inbound handshake with it is under way.
    InboundPending {
        /// The instant at which the handshake expires.
        until: Timestamp,
    },
    /// Its id is banned.
    BannedId {
        /// The instant at which the ban ends; `None`: never.
        until: Option<Timestamp>,
    },
    /// All its addresses are banned or excluded otherwise; this is one of the bans.
    BannedNetwork {
        /// The banned network.
        network: IpNet,
        /// The instant at which the ban ends; `None`: never.
        until: Option<Timestamp>,
    },
    /// The restrict list excludes all its addresses. In classic also: there is a list, and the node has no address.
    Restricted,
    /// It has no address, and without discovery it can't be resolved.
    NoAddress,
    /// It has no address, and the last resolve found none.
    ResolveDelay {
        /// The instant from which it may be resolved again.
        until: Timestamp,
    },
    /// It cools down after a dial or a session.
    Cooling {
        /// The instant at which its cooldown ends. Where peers are missing and nobody else is ready, balanced may dial it
        /// earlier: `Explanation::earliest` says when at the earliest.
        until: Timestamp,
    },
    /// Its addresses are of a family (IPv4 or IPv6) in which almost no dial of this host succeeds. Only a probe is
    /// dialed from time to time.
    FamilyDown {
        /// The instant from which a probe may be dialed.
        until: Timestamp,
    },
    /// The limit of outbound peers and attempts in one of its subnets is reached.
    SubnetFull {
        /// The subnet.
        subnet: Subnet,
    },
}

impl Refusal {
    /// The earliest instant at which this reason can end by itself; `None`: only an event ends it.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match *self {
            Self::InAttempt { until } | Self::BannedId { until } | Self::BannedNetwork { until, .. } => until,
            Self::InboundPending { until }
            | Self::ResolveDelay { until }
            | Self::Cooling { until }
            | Self::FamilyDown { until } => Some(until),
            Self::DialingOff
            | Self::OwnId
            | Self::Unknown
            | Self::Connected
            | Self::Restricted
            | Self::NoAddress
            | Self::SubnetFull { .. } => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DialingOff => f.write_str("dialing is off: Change::Dialing(true) turns it on"),
            Self::OwnId => f.write_str("it is this node itself"),
            Self::Unknown => f.write_str("it is not known"),
            Self::InAttempt { .. } => f.write_str("an attempt to reach it is under way"),
            Self::Connected => f.write_str("it is connected"),
            Self::InboundPending { .. } => f.write_str("it is connecting to us"),
            Self::BannedId { until } => Until("it is banned", *until).fmt(f),
            Self::BannedNetwork { network, until } => {
                write!(f, "its network {network} is ")?;
                Until("banned", *until).fmt(f)
            }
            Self::Restricted => f.write_str("the restrict list excludes its addresses"),
            Self::NoAddress => f.write_str(
                "it has no address, and there is no discovery to resolve one: tell one with NodeDiscovered",
            ),
            Self::ResolveDelay { until } => {
                write!(f, "it has no address, and may be resolved again at {until}")
            }
            Self::Cooling { until } => write!(f, "it is cooling down until {until}"),
            Self::FamilyDown { .. } => f.write_str("its address family does not work on this host"),
            Self::SubnetFull { subnet } => write!(f, "its subnet has enough peers ({subnet})"),
        }
    }
}

struct Until(&'static str, Option<Timestamp>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(until) => write!(f, "{} until {until}", self.0),
            None => write!(f, "{} forever", self.0),
        }
    }
}
