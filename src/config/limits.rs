//! How many of what there may be: peers of a subnet, and entries of a collection.

use core::time::Duration;

use crate::network::{SubnetKey, SubnetWidth};
use crate::time::secs;

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

impl Diversity {
    /// How many may share this subnet.
    pub(crate) const fn limit(&self, subnet: SubnetKey) -> u32 {
        match subnet.width() {
            SubnetWidth::V4_24 => self.v4_24,
            SubnetWidth::V4_16 => self.v4_16,
            SubnetWidth::V6_48 => self.v6_48,
            SubnetWidth::V6_32 => self.v6_32,
            SubnetWidth::NoIp => self.no_ip,
        }
    }
}

impl Default for Diversity {
    fn default() -> Self {
        Self { v4_24: 2, v4_16: 4, v6_48: 2, v6_32: 4, no_ip: 4, relax_after: secs(60) }
    }
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
    pub inbound_handshakes: u32,
    /// Requested dials that wait. Default 64.
    pub requested: u32,
    /// Bootnodes. Default 64.
    pub bootnodes: u32,
    /// Nodes from lookups that wait to be dialed in classic; further ones are dropped. Default 65,536.
    pub lookup_buffer: u32,
    /// Nodes that are taken from one answer to a lookup; further ones are dropped and counted. Default 256: Kademlia brings 16
    /// or 20. 65,536 in classic and scheduler, as their originals take all.
    pub lookup_answer: u32,
    /// Notices that nobody has fetched; further ones are dropped and counted. Default 256.
    pub notices: u32,
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
            inbound_handshakes: 1_024,
            requested: 64,
            bootnodes: 64,
            lookup_buffer: 65_536,
            lookup_answer: 256,
            notices: 256,
        }
    }
}

/// When a dynamic peer is replaced although it does well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Churn {
    /// The shortest time between two. At least 1 ms. Default 3 min (geth).
    pub min: Duration,
    /// The longest time between two. Default 7 min (geth).
    pub max: Duration,
    /// A peer younger than this is not replaced. Default 10 min (geth).
    pub min_age: Duration,
}

impl Default for Churn {
    fn default() -> Self {
        Self { min: secs(180), max: secs(420), min_age: secs(600) }
    }
}
