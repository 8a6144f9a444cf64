//! Events: what a dialer is told.

use alloc::vec::Vec;
use core::fmt;

use ipnet::IpNet;

use crate::address::Addrs;
use crate::command::{DialId, DialKind, LookupId, ResolveId, Task};
use crate::node::{KnownNode, Node, Source};
use crate::time::Timestamp;

/// Something that happened, told to a dialer with [`Dialer::handle`](crate::Dialer::handle). `I` is the id of a node, `A` an
/// address.
///
/// Duplicate, contradictory, late and out-of-order events are either harmless or refused with an
/// [`EventError`](crate::EventError). No event panics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[non_exhaustive]
pub enum Event<I, A> {
    /// A static node was added: it is to be kept connected until it is removed. For a node that is static already,
    /// the addresses are replaced, and it may be resolved at once; `scheduler` ignores that.
    ///
    /// In `balanced` these addresses are dialed as long as the node is static, also when a resolve has found others. A dynamic
    /// peer that becomes static keeps its slot there; `churn` does not replace it, and a lower target ends its connection last.
    /// It is dialed again then, as a static node.
    ///
    /// Errors: `OwnId`; `Full` at [`Limits::statics`](crate::Limits::statics).
    StaticAdded(Node<I, A>),
    /// A static node was removed. Its connection stays. If it is added again, it may be dialed at once, but in `scheduler`,
    /// where its history goes on. In `balanced` an attempt to reach it is cancelled. Ignored for a node that is not static.
    StaticRemoved(I),
    /// A node was discovered. For a node that is known already, the addresses are updated, unless the new list is
    /// empty. At the caps in [`Limits`](crate::Limits) it takes the place of another known node or is dropped. In `balanced`
    /// ignored for the own id, and for a node all of whose addresses can't be dialed.
    NodeDiscovered {
        /// The node.
        node: Node<I, A>,
        /// Who told of the node: 0 to 254, since 255 stands for lookups.
        source: Source,
        /// Whether the caller vouches for the addresses, as for those in a record that the node has signed: they replace
        /// the known ones, and a node that was connected to once and has left counts as back. Otherwise an address that
        /// works is kept beside them.
        vouched: bool,
    },
    /// A node was known before a restart: an entry of `Dialer::known_nodes`. The first
    /// [`Config::anchors`](crate::Config::anchors) anchors among them are dialed before other nodes.
    NodeRestored(KnownNode<I, A>),
    /// A known node is no longer wanted as a candidate. Ignored for a node that is not known.
    NodeForgotten(I),
    /// A connection is up that is not the answer to a dial: an inbound one, or one that another part of this program has
    /// opened. For one that a `Command::Dial` has led to, [`DialConnected`](Self::DialConnected) says everything.
    ///
    /// When an inbound connection is up, send this first and `InboundEnded` second: in the other order the node would be
    /// free to be dialed in between. In `balanced` this is also the moment at which a dial of ours to the same node is
    /// cancelled, if our id is the larger one; `InboundPending` only keeps new dials from being started.
    ///
    /// Errors: `OwnId`: we have connected to ourselves; close the connection, and forget the address.
    PeerAdded {
        /// The node.
        id: I,
        /// Which side opened the connection.
        kind: PeerKind,
        /// The address of the connection, if known. For an inbound one: its other end as it is seen here. Restrict list and
        /// bans apply to its IP. It is never dialed, since its port is that of one connection; if the node has told an
        /// address at which it accepts connections, send that in a `NodeDiscovered`.
        addr: Option<A>,
    },
    /// A node has no connection any more. Ignored for a node that is not connected.
    ///
    /// While another connection with the node is up, send nothing, or the reason `Duplicate`. If of two connections the one
    /// breaks that was to stay, while the other still works: send this with `Local`, and then a `PeerAdded` for the other.
    /// A [`Sessions`](crate::driver::Sessions) keeps count of all that.
    PeerRemoved {
        /// The node.
        id: I,
        /// Why the session ended.
        reason: RemovalReason,
    },
    /// An inbound handshake has begun. Its node is not dialed until the handshake ends or
    /// [`Deadlines::inbound_handshake`](crate::Deadlines::inbound_handshake) has passed.
    InboundPending {
        /// A number of the caller's for the connection.
        connection: ConnectionId,
        /// The node at the other end, as far as is known.
        id: I,
    },
    /// An inbound handshake has ended, successfully or not; if it has led to a connection, after the `PeerAdded`. Ignored for a connection that is not pending.
    InboundEnded {
        /// The number given in `InboundPending`.
        connection: ConnectionId,
    },
    /// The answer to a `Command::Dial` that has not led to a connection.
    ///
    /// Send it before the deadline of the dial: at the deadline the dialer gives the task up, and what `tried` would have
    /// told of the addresses is lost. A [`Race`](crate::driver::Race) takes care of that.
    ///
    /// With `Connected` it is the second of two events, after a `PeerAdded` with `PeerKind::Outbound`: for programs in which
    /// two different parts learn of the connection and of the end of the dial. All others use `DialConnected`.
    ///
    /// Errors: `UnknownTask`; `EndedTask`; `NotConnected` for `Connected` without a `PeerAdded` before it.
    DialFinished {
        /// The token of the dial.
        dial: DialId,
        /// The outcome of the dial as a whole.
        outcome: DialOutcome,
        /// The outcome for each address that was tried. Empty: `outcome` holds for all addresses.
        tried: Vec<AddrOutcome<A>>,
    },
    /// The answer to `Command::Resolve`.
    ///
    /// Errors: `UnknownTask`; `EndedTask`.
    ResolveFinished {
        /// The token of the resolve.
        resolve: ResolveId,
        /// The addresses found, best first. Empty: none.
        addrs: Addrs<A>,
    },
    /// The answer to `Command::Lookup`.
    ///
    /// Errors: `UnknownTask`; `EndedTask`.
    LookupFinished {
        /// The token of the lookup.
        lookup: LookupId,
        /// The nodes found. Empty: none.
        nodes: Vec<Node<I, A>>,
    },
    /// A dial of this node was requested. It gets one attempt in the static budget, regardless of cooldown, target,
    /// pace and limits per subnet. An unknown node is resolved first; to dial it at an address of yours, tell that before with
    /// `NodeDiscovered`. `Notice::RequestEnded` tells what came of it.
    ///
    /// The peer takes no slot of the dynamic target. When it is lost, its node is dialed again only if it is static or known.
    ///
    /// Errors: `NotDialable` if another rule refuses the node (own id, connected, in an attempt, banned, restricted …), while
    /// [`Config::dialing`](crate::Config::dialing) is off, or if it has no address and
    /// [`Config::discovery`](crate::Config::discovery) is off; `Full` at [`Limits::requested`](crate::Limits::requested).
    DialRequested(I),
    /// A node or network was banned: it is not dialed, and its peers are disconnected, until the ban ends. A ban of
    /// the same subject is replaced. One that has ended already replaces it too, and so lifts it.
    ///
    /// Errors: `Full` at [`Limits::banned_ids`](crate::Limits::banned_ids) or
    /// [`Limits::banned_networks`](crate::Limits::banned_networks).
    Banned {
        /// The node or network.
        subject: BanSubject<I>,
        /// The instant at which the ban ends; `None`: never.
        until: Option<Timestamp>,
    },
    /// A ban was lifted. Ignored if there is none.
    Unbanned(BanSubject<I>),
    /// This host has a new interface or address. In `balanced` cooldowns after failures of the transport end, and dials start at
    /// the measured pace; cooldowns after failures of the protocol stay. `classic` and `scheduler` change nothing.
    NetworkChanged,
    /// A part of the configuration has changed.
    ///
    /// Errors: `InvalidChange`.
    Reconfigured(Change<I, A>),
    /// Time has passed, and nothing else has happened.
    Tick,
    /// A dial has led to a connection: the node is a peer of the kind `PeerKind::Outbound`, and the dial is answered.
    ///
    /// Errors: `UnknownTask`; `EndedTask`: the dialer does not want the connection any more, so close it.
    DialConnected {
        /// The token of the dial.
        dial: DialId,
        /// The address of the connection. `None`: the one that has connected according to `tried`, or else the first one
        /// of the dial.
        addr: Option<A>,
        /// The outcome for each address that was tried; empty if nothing is known of the others.
        tried: Vec<AddrOutcome<A>>,
    },
    /// This program was restarted, and the dialer was restored from a snapshot: no task is under way, no handshake is
    /// pending and nobody is connected any more. All of these end at once. No node is blamed for it or rests because of it,
    /// and no command follows for them: whoever was asked to dial is gone. In `balanced` the first
    /// [`Config::anchors`](crate::Config::anchors) of the dynamic peers, those connected longest, are dialed first, as after
    /// [`NodeRestored`](Self::NodeRestored).
    ///
    /// Send it as the first event after `Dialer::restore`, with the same `now`. Sent where tasks and connections have
    /// survived, it makes the dialer forget them: answers to these tasks are `EndedTask`, and the nodes are dialed
    /// once more.
    Restarted,
}

impl<I, A> Event<I, A> {
    /// The task that the event answers, if it is an answer: whatever else still runs for that task can be aborted.
    #[must_use]
    pub const fn answered(&self) -> Option<Task> {
        match *self {
            Self::DialConnected { dial, .. } | Self::DialFinished { dial, .. } => Some(Task::Dial(dial)),
            Self::ResolveFinished { resolve, .. } => Some(Task::Resolve(resolve)),
            Self::LookupFinished { lookup, .. } => Some(Task::Lookup(lookup)),
            Self::StaticAdded(_)
            | Self::StaticRemoved(_)
            | Self::NodeDiscovered { .. }
            | Self::NodeRestored(_)
            | Self::NodeForgotten(_)
            | Self::PeerAdded { .. }
            | Self::PeerRemoved { .. }
            | Self::InboundPending { .. }
            | Self::InboundEnded { .. }
            | Self::DialRequested(_)
            | Self::Banned { .. }
            | Self::Unbanned(_)
            | Self::NetworkChanged
            | Self::Reconfigured(_)
            | Self::Tick
            | Self::Restarted => None,
        }
    }
}

/// Which side opened a connection, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum PeerKind {
    /// The other side.
    Inbound,
    /// This side, with the kind of its `Command::Dial`.
    Outbound(DialKind),
    /// This side, but not for a `Command::Dial`: another part of the program has opened it. It counts as a static peer, as a
    /// requested one does: it takes no slot of the dynamic target.
    External,
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbound => f.write_str("inbound"),
            Self::Outbound(kind) => write!(f, "outbound {kind}"),
            Self::External => f.write_str("outbound external"),
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RemovalReason {
    /// The connection was closed by the other side, or broke.
    Closed,
    /// The other side has no free slot.
    TooManyPeers,
    /// The node is of no use: it belongs to another network or shares no protocol with us.
    Useless,
    /// The node violated the protocol.
    Misbehaved,
    /// This side closed the connection for a reason that says nothing about the node. In `balanced` a node that was dialed
    /// rests for [`Backoff::short`](crate::Backoff::short) all the same, so that it is not dialed again at once; no failure counts.
    /// After a restart of the program send [`Event::Restarted`] instead.
    Local,
    /// One of two connections to the node was closed, as `DisconnectReason::Duplicate` asked. The node stays
    /// connected by the other one.
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

/// A number of the caller's for an inbound connection, unique among those whose handshake is under way. It is not the number that
/// a [`Runner`](crate::driver::Runner) gives a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a plain number")]
pub struct ConnectionId(pub u64);

/// How a dial ended, or the dial of one of its addresses. In `balanced` it decides how long the node rests. With the feature
/// `std` it comes from an `io::Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DialOutcome {
    /// The node is connected.
    Connected,
    /// There was no connection: no route to the host, connection reset, name not found …
    Unreachable,
    /// The host refused the connection.
    Refused,
    /// There was no answer in time.
    TimedOut,
    /// There was a connection, but the handshake failed.
    HandshakeFailed,
    /// Another node answered.
    WrongIdentity,
    /// The node has no free slot.
    TooManyPeers,
    /// The node is of no use: it belongs to another network or shares no protocol with us.
    Useless,
    /// The dial failed on this host: no file descriptors, no interface … Not counted as a failure of the node; all
    /// dials pause for a moment.
    LocalError,
    /// The dial was abandoned. Not counted as a failure of the node.
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

/// How a dial ended for one address: an item of `tried`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers build")]
pub struct AddrOutcome<A> {
    /// The address.
    pub addr: A,
    /// The outcome.
    pub outcome: DialOutcome,
}

/// Who is banned: a node, or all addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "the two ways to name a node")]
pub enum BanSubject<I> {
    /// A node.
    Id(I),
    /// All addresses of a network.
    Network(IpNet),
}

/// A change to the configuration of a running dialer: what [`Event::Reconfigured`] carries. Its consequences follow as commands and notices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[non_exhaustive]
pub enum Change<I, A> {
    /// A new `Config::dynamic_target`. In balanced dynamic peers above a lower target are disconnected, the newest first; in
    /// classic and scheduler peers stay.
    DynamicTarget(u32),
    /// A new `Config::max_active_dials`. Dials above a lower limit go on.
    MaxActiveDials(u32),
    /// A new `Config::restrict`. In balanced peers outside of it are disconnected, and dials are cancelled; in classic and
    /// scheduler peers stay.
    Restrict(Option<Vec<IpNet>>),
    /// A new `Config::bootnodes`.
    Bootnodes(Vec<Node<I, A>>),
    /// A new `Config::dialing`. With false dials, resolves and the lookup under way are cancelled with the next drain, and nobody
    /// is charged for it (in `classic` and `scheduler` the history of each node holds); with true everything that has become due
    /// meanwhile follows at its pace. Requested dials that wait are kept, one that is under way is given up
    /// (`Notice::RequestEnded`), and new ones are refused.
    Dialing(bool),
}
