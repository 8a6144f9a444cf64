//! What an operator may want to know: drained apart from the commands, bounded, and free to be ignored.

use core::fmt;

use crate::network::Subnet;
use crate::node::{Hex, NodeId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Something worth knowing, with no need to act.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Notice<I> {
    /// A static node can't be dialed until something changes. It stays static.
    StaticParked {
        /// The node.
        id: I,
        /// What excludes it.
        reason: Refusal,
    },
    /// Classic has deleted a static node, as go-ethereum does with its own id and where the restrict list
    /// excludes it.
    StaticDeleted {
        /// The node.
        id: I,
        /// What excludes it.
        reason: Refusal,
    },
    /// A requested dial was dropped, because something now excludes the node.
    RequestDropped {
        /// The node.
        id: I,
        /// What excludes it.
        reason: Refusal,
    },
    /// A free slot is filled against the limits of diversity, because nothing else was to be had.
    DiversityRelaxed {
        /// The node.
        id: I,
        /// The subnet that was full.
        subnet: Subnet,
    },
    /// The network of this host seems to be down: failures are not counted until something succeeds.
    OfflineSuspected {
        /// The last time that anything succeeded.
        since: Timestamp,
    },
    /// The network of this host works again.
    Online,
    /// Time jumped, as after a suspend: tasks that were overdue have ended uncharged, and dials are paced.
    TimeJumped {
        /// When the dialer had asked to be woken.
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
            Self::DiversityRelaxed { id, subnet } => {
                write!(
                    f,
                    "{} is dialed although its subnet {subnet} has enough peers: there is no other candidate",
                    Hex(id)
                )
            }
            Self::OfflineSuspected { since } => {
                write!(f, "the network seems to be down: nothing has succeeded since {since}")
            }
            Self::Online => f.write_str("the network works again"),
            Self::TimeJumped { expected } => write!(f, "time jumped: a wake-up was due at {expected}"),
        }
    }
}
