//! What goes in: events, facts in the past tense.

use alloc::vec::Vec;
use core::fmt;

use ipnet::IpNet;

use crate::address::Addrs;
use crate::command::{DialId, DialKind, LookupId, ResolveId};
use crate::node::{KnownNode, Node, Source};
use crate::time::Timestamp;

/// Something that happened. Duplicate, contradictory, late and out-of-order events are harmless or refused
/// with an [`EventError`](crate::EventError); none panics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[non_exhaustive]
pub enum Event<I, A> {
    /// Keep this node connected for ever. Adding it again replaces its addresses and allows a resolve at once.
    StaticAdded(Node<I, A>),
    /// Stop keeping this node connected. Its connection stays; removing and adding a node makes it eligible
    /// at once. Harmless if it was not static.
    StaticRemoved(I),
    /// A node was heard of. Hearing of it again replaces its addresses, unless the new list is empty.
    NodeDiscovered {
        /// The node.
        node: Node<I, A>,
        /// Where it was heard of.
        source: Source,
        /// Whether the caller answers for the addresses, as for those of a signed record of the node itself: they replace
        /// what is known. Otherwise they are hearsay, which is kept beside an address that works.
        vouched: bool,
    },
    /// A node was known before a restart. At most `Config::anchors` of them are dialed first.
    NodeRestored(KnownNode<I, A>),
    /// A discovered node is gone. Harmless if it was not known.
    NodeForgotten(I),
    /// A node is connected. A peer is added before the `DialFinished` of its dial.
    PeerAdded {
        /// The node.
        id: I,
        /// Who opened the connection.
        kind: PeerKind,
        /// The address that connected, where it is known.
        addr: Option<A>,
    },
    /// A node is not connected any more. Harmless if it was not.
    PeerRemoved {
        /// The node.
        id: I,
        /// Why the session ended.
        reason: RemovalReason,
    },
    /// An inbound handshake with this node is under way: it is not dialed meanwhile. Expires by itself.
    InboundPending {
        /// The caller's number for the connection.
        connection: ConnectionId,
        /// Who is at the other end, as far as is known.
        id: I,
    },
    /// An inbound handshake has ended, well or badly. Harmless if it was not pending.
    InboundEnded {
        /// The number given with `InboundPending`.
        connection: ConnectionId,
    },
    /// The answer to `Command::Dial`.
    DialFinished {
        /// The token of the dial.
        dial: DialId,
        /// How it went as a whole.
        outcome: DialOutcome,
        /// How it went for each address; empty: the same for all.
        tried: Vec<AddrOutcome<A>>,
    },
    /// The answer to `Command::Resolve`.
    ResolveFinished {
        /// The token of the resolve.
        resolve: ResolveId,
        /// What was found; empty: nothing.
        addrs: Addrs<A>,
    },
    /// The answer to `Command::Lookup`.
    LookupFinished {
        /// The token of the lookup.
        lookup: LookupId,
        /// What was found; empty: nothing.
        nodes: Vec<Node<I, A>>,
    },
    /// An operator's wish: one attempt, whatever cooldown, limits and pace say; an unknown id is resolved.
    DialRequested(I),
    /// Never dial these until the ban ends; those connected are disconnected. A second ban of the same
    /// subject replaces the first.
    Banned {
        /// Who.
        subject: BanSubject<I>,
        /// The first instant at which the ban has ended; `None`: never.
        until: Option<Timestamp>,
    },
    /// A ban is lifted. Harmless if there was none.
    Unbanned(BanSubject<I>),
    /// This host has a new interface or address: failures of the transport are forgiven.
    NetworkChanged,
    /// The configuration has changed.
    Reconfigured(Change<I, A>),
    /// Time has passed; nothing else.
    Tick,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum PeerKind {
    /// The other side did.
    Inbound,
    /// We did, with the kind that the `Dial` said.
    Outbound(DialKind),
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbound => f.write_str("inbound"),
            Self::Outbound(kind) => write!(f, "outbound {kind}"),
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RemovalReason {
    /// The connection was closed or broke.
    Closed,
    /// The other side has too many peers.
    TooManyPeers,
    /// It has nothing for us: another network, a protocol that we don't share.
    Useless,
    /// It broke the protocol.
    Misbehaved,
    /// We closed it for a reason of our own.
    Local,
    /// One of two connections to this node was closed, as `DisconnectReason::Duplicate` asked. The node stays
    /// connected.
    Duplicate,
}

impl fmt::Display for RemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::TooManyPeers => "too many peers",
            Self::Useless => "useless",
            Self::Misbehaved => "misbehaved",
            Self::Local => "closed by us",
            Self::Duplicate => "duplicate connection",
        })
    }
}

/// The caller's number for an inbound connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a plain number")]
pub struct ConnectionId(pub u64);

/// How a dial went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DialOutcome {
    /// The node is connected.
    Connected,
    /// No connection could be made: no route to the host, connection reset, name not found …
    Unreachable,
    /// The host refused the connection.
    Refused,
    /// No answer in time.
    TimedOut,
    /// A connection was made, but the handshake failed.
    HandshakeFailed,
    /// Somebody else answered.
    WrongIdentity,
    /// The node has no room.
    TooManyPeers,
    /// The node has nothing for us: another network, a protocol that we don't share.
    Useless,
    /// It failed on this host: no file descriptors, no interface. Nobody is charged for it.
    LocalError,
    /// The dial was given up. Nobody is charged for it.
    Cancelled,
}

impl fmt::Display for DialOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connected => "connected",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::TimedOut => "timed out",
            Self::HandshakeFailed => "handshake failed",
            Self::WrongIdentity => "wrong identity",
            Self::TooManyPeers => "too many peers",
            Self::Useless => "useless",
            Self::LocalError => "local error",
            Self::Cancelled => "cancelled",
        })
    }
}

/// How a dial went for one address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers build")]
pub struct AddrOutcome<A> {
    /// The address.
    pub addr: A,
    /// How it went.
    pub outcome: DialOutcome,
}

/// Whom a ban concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "the two ways to name a node")]
pub enum BanSubject<I> {
    /// One node.
    Id(I),
    /// Every address of a network.
    Network(IpNet),
}

/// A change to the configuration of a running dialer. Its consequences come out as commands and notices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[non_exhaustive]
pub enum Change<I, A> {
    /// `Config::dynamic_target`. Peers above a lower target are disconnected, the newest first.
    DynamicTarget(u32),
    /// `Config::max_active_dials`. Dials above a lower limit are left to end by themselves.
    MaxActiveDials(u32),
    /// `Config::restrict`. Peers and dials that it excludes are disconnected and cancelled.
    Restrict(Option<Vec<IpNet>>),
    /// `Config::bootnodes`.
    Bootnodes(Vec<Node<I, A>>),
}
