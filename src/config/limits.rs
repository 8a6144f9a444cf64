//! Limits: outbound peers per subnet, sizes of collections, and the replacement of peers.

use core::time::Duration;

use crate::network::{SubnetKey, SubnetWidth};
use crate::time::secs;

/// Limits on the outbound peers and attempts of one subnet, each at least 1. Private, loopback and link-local networks
/// have no limit; inbound peers don't count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Diversity {
    /// Limit per IPv4 /24. Default 2 (go-ethereum's node table).
    pub v4_24: u32,
    /// Limit per IPv4 /16. Default 4 (a guess; Bitcoin allows 1 of 8).
    pub v4_16: u32,
    /// Limit per IPv6 /48. Default 2 (as for an IPv4 /24).
    pub v6_48: u32,
    /// Limit per IPv6 /32. Default 4 (as for an IPv4 /16).
    pub v6_32: u32,
    /// Limit for all addresses without an IP together. Default 4 (a guess).
    pub no_ip: u32,
    /// Time for which slots stay free, with no candidate within the limits, until one slot is filled beyond them.
    /// At least 1 ms. Default 60 s (a guess).
    pub relax_after: Duration,
}

impl Diversity {
    /// The limit for this subnet.
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

/// Caps on the size of every collection: they bound the memory whatever other nodes send. Each is from 0 to 2^30, unless
/// its field says otherwise. Where a default has no origin it is a guess, far above what nodes have. A cap costs nothing until
/// so much is there; [`Config::memory_bound`](super::Config::memory_bound) computes the bytes that all of them allow together,
/// most of which are for static nodes and bans (2^20 each).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limits {
    /// Known nodes that have been connected once. At least 1. Default 4,096 (as many as peers).
    pub good: u32,
    /// Other known nodes. At least 1. Default 12,288 (with the good ones 16,384: a hundred times what a lookup brings).
    pub others: u32,
    /// Static nodes; beyond this a `StaticAdded` is refused. Default 2^20.
    pub statics: u32,
    /// Peers that the memory bound allows for. More are accepted: what is connected is a fact. At least 1. Default
    /// 4,096.
    pub peers: u32,
    /// Banned ids; beyond this a ban is refused. Default 2^20.
    pub banned_ids: u32,
    /// Banned networks; beyond this a ban is refused. Default 65,536.
    pub banned_networks: u32,
    /// Pending inbound handshakes; beyond this the oldest is forgotten. At least 1. Default 1,024.
    pub inbound_handshakes: u32,
    /// Requested dials that wait for a slot, at most 2^20; beyond this a request is refused. Default 64.
    pub requested: u32,
    /// Bootnodes, at most 2^20; with more the config is invalid. Default 64.
    pub bootnodes: u32,
    /// Nodes found by lookups that wait to be dialed; beyond this they are dropped. Classic, and
    /// scheduler for its stream of candidates. Default 65,536.
    pub lookup_buffer: u32,
    /// Nodes that are taken from one answer to a lookup, at least 1 and at most 2^20; further ones are dropped, and counted.
    /// Default 256: a Kademlia lookup brings 16 or 20. Classic and scheduler: 65,536.
    pub lookup_answer: u32,
    /// Notices that wait to be fetched, at most 2^20; beyond this they are dropped, and counted. Default 256.
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

/// Replacement of dynamic peers: while all dynamic slots are filled, one peer at a time is disconnected after a random
/// time, so that the network mixes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Churn {
    /// Shortest time between two replacements. At least 1 ms, at most `max`. Default 3 min (go-ethereum).
    pub min: Duration,
    /// Longest time between two replacements. Default 7 min (go-ethereum).
    pub max: Duration,
    /// Age from which a peer may be replaced. Default 10 min (go-ethereum).
    pub min_age: Duration,
}

impl Default for Churn {
    fn default() -> Self {
        Self { min: secs(180), max: secs(420), min_age: secs(600) }
    }
}
