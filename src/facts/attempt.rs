//! An attempt: resolve, dial, and for static nodes resolve and dial once more. A revalidation is a resolve alone.
//!
//! An attempt is one thing from its start to its end. It carries its own copy of the addresses; its resolve delay is
//! that of the static node it came from.

use super::budget::Budget;
use super::slots::NodeSlot;
use crate::address::Addrs;
use crate::backoff::ResolveDelay;
use crate::command::{DialId, DialKind, ResolveId, Task};
use crate::event::DialOutcome;
use crate::time::Timestamp;

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Stage {
    /// It is to be resolved.
    Resolve,
    Resolving,
    /// It is to be dialed.
    Dial,
    Dialing,
    /// It has no address, and may not be resolved: it ends when the plan says so.
    Stuck,
}

/// Where an attempt came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Origin {
    /// The operator's list.
    Static,
    /// The operator's list, from which the node was removed since, or to which it was added anew. The resolve delay of
    /// then is the attempt's own now.
    Replaced(ResolveDelay),
    /// Anywhere else. No later attempt can tell from it when the node may be resolved.
    Other,
}

/// One attempt to reach a node.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Attempt<A> {
    pub(super) node: NodeSlot,
    pub(super) kind: DialKind,
    pub(super) addrs: Addrs<A>,
    pub(super) stage: Stage,
    pub(super) began: Timestamp,
    pub(super) origin: Origin,
    /// Whether this is the resolve and dial after a first failed dial.
    pub(super) again: bool,
    pub(super) token: u64,
    /// Whether its node was connected at any time since it began.
    #[cfg_attr(feature = "serde", serde(default))]
    pub(super) reached: bool,
    /// Whether it only asks discovery for a node that may be gone, and ends with the answer.
    pub(super) revalidates: bool,
}

impl<A> Attempt<A> {
    /// An attempt that begins.
    #[inline]
    pub(super) const fn new(
        node: NodeSlot,
        kind: DialKind,
        addrs: Addrs<A>,
        stage: Stage,
        began: Timestamp,
    ) -> Self {
        Self {
            node,
            kind,
            addrs,
            stage,
            began,
            origin: Origin::Other,
            again: false,
            token: 0,
            reached: false,
            revalidates: false,
        }
    }

    /// A revalidation that begins.
    pub(super) fn revalidation(node: NodeSlot, began: Timestamp) -> Self {
        let attempt = Self::new(node, DialKind::Dynamic, Addrs::new(), Stage::Resolve, began);
        Self { revalidates: true, ..attempt }
    }

    pub(crate) const fn node(&self) -> NodeSlot {
        self.node
    }

    pub(crate) const fn kind(&self) -> DialKind {
        self.kind
    }

    pub(crate) const fn budget(&self) -> Budget {
        Budget::of(self.kind)
    }

    pub(crate) const fn addrs(&self) -> &Addrs<A> {
        &self.addrs
    }

    pub(crate) const fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) const fn began(&self) -> Timestamp {
        self.began
    }

    /// Whether its node was connected at any time since it began.
    pub(crate) const fn is_reached(&self) -> bool {
        self.reached
    }

    /// Whether it belongs to the list of static nodes as that is now.
    pub(crate) fn is_current(&self) -> bool {
        self.origin == Origin::Static
    }

    /// Whether its node was removed from the list of static nodes, or added anew, since it began.
    pub(crate) const fn is_replaced(&self) -> bool {
        matches!(self.origin, Origin::Replaced(_))
    }

    /// Whether it only asks discovery for a node that may be gone, and ends with the answer.
    pub(crate) const fn is_revalidation(&self) -> bool {
        self.revalidates
    }

    /// Whether this is the resolve and dial after a first failed dial.
    pub(crate) const fn is_second(&self) -> bool {
        self.again
    }

    /// The task in flight.
    pub(crate) const fn task(&self) -> Option<Task> {
        match self.stage {
            Stage::Dialing => Some(Task::Dial(DialId::from_raw(self.token))),
            Stage::Resolving => Some(Task::Resolve(ResolveId::from_raw(self.token))),
            Stage::Resolve | Stage::Dial | Stage::Stuck => None,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Dial(DialOutcome),
    /// No address was found.
    Unresolved,
    /// It was a revalidation, and the node was found.
    Found,
    /// The driver did not answer in time.
    Overdue,
    /// An event or the rules made it moot; nobody is charged.
    Moot,
}
