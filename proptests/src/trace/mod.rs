//! The trace format: what its lines hold, and how they are read and written. Nothing here drives a dialer.

mod header;
mod id;
mod lines;
mod output;
mod policy;
mod wire;
mod words;

use core::net::SocketAddr;

use dialstate::ipnet::IpNet;
use dialstate::{Node, Timestamp};
use serde::{Deserialize, Serialize};

pub use header::{Draw, Header, TraceSeed};
pub use id::{Id, Names, TraceId};
pub use lines::{Drain, InputLine, Lines, Text, TraceError};
pub use output::{Closing, Output, OutputLine, TaskKind};
pub use policy::Policy;
pub use words::{Ended, Kind, Link, Outcome};

/// An instant as a line says it: whole milliseconds where they are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    /// Milliseconds.
    #[serde(rename = "at_ms")]
    Millis(u64),
    /// Nanoseconds.
    #[serde(rename = "at_ns")]
    Nanos(u64),
}

impl From<Timestamp> for At {
    fn from(at: Timestamp) -> Self {
        if at == Timestamp::from_millis(at.as_millis()) {
            Self::Millis(at.as_millis())
        } else {
            Self::Nanos(at.as_nanos())
        }
    }
}

/// A node: its id and its address, or several of them, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceNode {
    /// Who.
    pub id: TraceId,
    /// The only address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addr: Option<SocketAddr>,
    /// More than one address, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addrs: Vec<SocketAddr>,
}

impl TraceNode {
    /// A node as a line shows it.
    pub fn new<'a>(id: TraceId, addrs: impl IntoIterator<Item = &'a SocketAddr>) -> Self {
        let (addr, addrs) = one_or_many(addrs);
        Self { id, addr, addrs }
    }

    /// The node itself.
    pub fn node(&self, names: &mut Names) -> Node<Id, SocketAddr> {
        Node::new(names.note(self.id), self.addr.into_iter().chain(self.addrs.iter().copied()))
    }
}

impl From<&Node<Id, SocketAddr>> for TraceNode {
    fn from(node: &Node<Id, SocketAddr>) -> Self {
        Self::new(node.id.into(), &node.addrs)
    }
}

/// Splits addresses into the fields `addr` and `addrs`.
fn one_or_many<'a>(addrs: impl IntoIterator<Item = &'a SocketAddr>) -> (Option<SocketAddr>, Vec<SocketAddr>) {
    let mut addrs: Vec<_> = addrs.into_iter().copied().collect();
    if addrs.len() == 1 { (addrs.pop(), addrs) } else { (None, addrs) }
}

/// How a dial went for one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriedAddr {
    /// The address.
    pub addr: SocketAddr,
    /// How it went.
    pub outcome: Outcome,
}

/// A change of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceChange {
    /// `Change::DynamicTarget`.
    DynamicTarget(u32),
    /// `Change::MaxActiveDials`.
    MaxActiveDials(u32),
    /// `Change::Restrict`; null: no list.
    Restrict(Option<Vec<IpNet>>),
    /// `Change::Bootnodes`.
    Bootnodes(Vec<TraceNode>),
    /// `Change::Dialing`.
    Dialing(bool),
}

/// Whom a ban concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A node.
    Id(TraceId),
    /// A network.
    Network(IpNet),
}

/// The event of an input line.
///
/// The answers to dials, resolves and lookups name the node, whose task in flight is meant. Only where there
/// is none, or another is meant, a recording gives the `token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of the format and of `dialstate::Event`")]
pub enum Input {
    /// The first line, and only the first.
    Config(Box<Header>),
    /// Time has passed.
    Tick {},
    /// A static node.
    StaticAdded { node: TraceNode },
    /// No static node any more.
    StaticRemoved { id: TraceId },
    /// Several nodes heard of at once, from source 0.
    NodesDiscovered { nodes: Vec<TraceNode> },
    /// A node heard of.
    NodeDiscovered {
        node: TraceNode,
        #[serde(default)]
        source: u8,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        vouched: bool,
    },
    /// `Event::NodeRestored`.
    NodeRestored {
        /// The node.
        node: TraceNode,
        /// Where it was heard of.
        #[serde(default)]
        source: u8,
        /// Whether it was connected to once.
        #[serde(default)]
        good: bool,
        /// Failures in a row.
        #[serde(default)]
        failures: u32,
        /// How long ago it was last tried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_tried_ns: Option<u64>,
        /// Whether it is to be dialed first.
        #[serde(default)]
        anchor: bool,
    },
    /// A known node is gone.
    NodeForgotten { id: TraceId },
    /// A peer.
    PeerAdded {
        id: TraceId,
        kind: Link,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        addr: Option<SocketAddr>,
    },
    /// No peer any more; without a reason: closed.
    PeerRemoved {
        id: TraceId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Ended>,
    },
    /// An inbound handshake has begun.
    InboundPending { connection: u64, id: TraceId },
    /// An inbound handshake has ended.
    InboundEnded { connection: u64 },
    /// The answer to a dial.
    DialFinished {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<TraceId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<u64>,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tried: Vec<TriedAddr>,
    },
    /// The answer to a dial that has connected.
    DialConnected {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<TraceId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        addr: Option<SocketAddr>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tried: Vec<TriedAddr>,
    },
    /// The answer to a resolve. Of `node` only the addresses count.
    ResolveFinished {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<TraceId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<u64>,
        node: Option<TraceNode>,
    },
    /// The answer to a lookup.
    LookupFinished {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<u64>,
        nodes: Vec<TraceNode>,
    },
    /// An operator's wish.
    DialRequested { id: TraceId },
    /// A ban; without `until_ns` for ever.
    Banned {
        subject: Subject,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ns: Option<u64>,
    },
    /// A ban is lifted.
    Unbanned { subject: Subject },
    /// This host has a new interface or address.
    NetworkChanged {},
    /// The program was restarted: tasks, handshakes and peers are gone.
    Restarted {},
    /// The configuration has changed.
    Reconfigured { change: TraceChange },
}
