//! Why a node may not be dialed: every reason there is, named once.

use core::fmt;

use ipnet::IpNet;

use crate::network::Subnet;
use crate::time::Timestamp;

/// Why a node is not dialed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Refusal {
    /// It is this dialer itself.
    OwnId,
    /// It is neither static, nor known, nor a bootnode.
    Unknown,
    /// An attempt to reach it is under way.
    InAttempt {
        /// When what is under way is given up; `None`: never.
        until: Option<Timestamp>,
    },
    /// It is connected.
    Connected,
    /// It is connecting to us.
    InboundPending {
        /// When its handshakes will have expired.
        until: Timestamp,
    },
    /// Its id is banned.
    BannedId {
        /// The first instant at which it isn't; `None`: for ever.
        until: Option<Timestamp>,
    },
    /// Each of its addresses is banned or refused otherwise; this one bans.
    BannedNetwork {
        /// The network that is banned.
        network: IpNet,
        /// The first instant at which it isn't; `None`: for ever.
        until: Option<Timestamp>,
    },
    /// The restrict list excludes all its addresses (or it has none, in classic).
    Restricted,
    /// It has no addresses, and there is no discovery to resolve them.
    NoAddress,
    /// It has no addresses, and was resolved without success.
    ResolveDelay {
        /// When it may be resolved again.
        until: Timestamp,
    },
    /// It was dialed a short while ago, or failed.
    Cooling {
        /// When it may be dialed again.
        until: Timestamp,
    },
    /// Its addresses belong to a family (IPv4 or IPv6) that leads nowhere on this host, as it seems; only a probe
    /// goes there now and then.
    FamilyDown {
        /// When a probe may go there.
        until: Timestamp,
    },
    /// Too many outbound peers and attempts are in a subnet of its.
    SubnetFull {
        /// The subnet.
        subnet: Subnet,
    },
}

impl Refusal {
    /// The first instant at which this reason can be gone by itself; `None`: only an event ends it.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match *self {
            Self::InAttempt { until } | Self::BannedId { until } | Self::BannedNetwork { until, .. } => until,
            Self::InboundPending { until }
            | Self::ResolveDelay { until }
            | Self::Cooling { until }
            | Self::FamilyDown { until } => Some(until),
            Self::OwnId
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
            Self::NoAddress => f.write_str("it has no address, and there is no discovery to resolve one"),
            Self::ResolveDelay { until } => {
                write!(f, "it has no address, and may be resolved again at {until}")
            }
            Self::Cooling { until } => write!(f, "it is cooling down until {until}"),
            Self::FamilyDown { .. } => f.write_str("its address family leads nowhere on this host"),
            Self::SubnetFull { subnet } => write!(f, "its subnet {subnet} has enough peers"),
        }
    }
}

struct Until(&'static str, Option<Timestamp>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(until) => write!(f, "{} until {until}", self.0),
            None => write!(f, "{} for ever", self.0),
        }
    }
}
