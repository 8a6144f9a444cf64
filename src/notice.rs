//! Notices: what an operator may want to know. They are fetched apart from the commands, bounded in number, and may be
//! ignored.

use core::fmt;

use crate::explain::LastOutcome;
use crate::network::Subnet;
use crate::node::{Hex, NodeId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Something that an operator may want to know, as [`Dialer::next_notice`](crate::Dialer::next_notice) returns it. It needs no
/// reaction, and has a `Display` for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Notice<I> {
    /// A static node can't be dialed until something changes. It stays static.
    StaticParked {
        /// The node.
        id: I,
        /// The rule that excludes it.
        reason: Refusal,
    },
    /// Classic: a static node was deleted because the restrict list excludes it, as in go-ethereum.
    StaticDeleted {
        /// The node.
        id: I,
        /// The rule that excludes it.
        reason: Refusal,
    },
    /// A requested dial was dropped, because a rule has come to exclude its node.
    RequestDropped {
        /// The node.
        id: I,
        /// The rule that excludes it.
        reason: Refusal,
    },
    /// A requested dial has come to its end. One that has connected is followed by nothing: when the peer is lost, its node is
    /// dialed again only if it is static or known.
    RequestEnded {
        /// The node.
        id: I,
        /// How it ended; `None`: it was given up, since `Change::Dialing`, a ban or another event has made it moot.
        outcome: Option<LastOutcome>,
    },
    /// A known node is no longer known: `NodeForgotten` said so, or it had to give way to another one at a cap in
    /// [`Limits`](crate::Limits). Whoever keeps something beside it, a key or a record, may drop that, unless the node is static,
    /// connected or in an attempt.
    ///
    /// These fill at most half of the room for notices. Where some may have been dropped
    /// ([`Stats::notices_dropped`](crate::Stats::notices_dropped)), compare with `Dialer::known_nodes`.
    KnownNodeForgotten {
        /// The node.
        id: I,
    },
    /// A node is dialed beyond the limit of its subnet, because there is no other candidate.
    DiversityRelaxed {
        /// The node.
        id: I,
        /// The subnet.
        subnet: Subnet,
    },
    /// An outage of this host's network is suspected. Failures still count; they are taken back if the network turns out to have
    /// been down.
    OfflineSuspected {
        /// The last success.
        since: Timestamp,
    },
    /// The suspected outage is over.
    Online,
    /// Time has jumped, as after a suspend. Tasks that are overdue have ended without a failure of their nodes, and dials
    /// start at the measured pace.
    TimeJumped {
        /// The instant at which the dialer had asked to be woken.
        expected: Timestamp,
    },
}

impl<I: NodeId> fmt::Display for Notice<I> {
    /// One sentence for an operator, with the bytes of ids in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaticParked { id, reason } => write!(f, "static node {} is parked: {reason}", Hex(id)),
            Self::StaticDeleted { id, reason } => write!(f, "static node {} is deleted: {reason}", Hex(id)),
            Self::RequestDropped { id, reason } => {
                write!(f, "the requested dial of {} is dropped: {reason}", Hex(id))
            }
            Self::RequestEnded { id, outcome: Some(outcome) } => {
                write!(f, "the requested dial of {} is over: {outcome}", Hex(id))
            }
            Self::RequestEnded { id, outcome: None } => {
                write!(f, "the requested dial of {} was given up", Hex(id))
            }
            Self::KnownNodeForgotten { id } => write!(f, "node {} is no longer known", Hex(id)),
            Self::DiversityRelaxed { id, subnet } => {
                write!(
                    f,
                    "{} is dialed although its subnet has enough peers ({subnet}): there is no other candidate",
                    Hex(id)
                )
            }
            Self::OfflineSuspected { since } => {
                write!(f, "the network seems to be down: nothing has succeeded since {since}")
            }
            Self::Online => f.write_str("the network works again"),
            Self::TimeJumped { expected } => {
                write!(f, "time has jumped: the dialer was to be woken at {expected}")
            }
        }
    }
}
