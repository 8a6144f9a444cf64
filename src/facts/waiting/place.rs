//! The queues, and what a record says of the one that its node is in.

use crate::collections::{Item, Link, Links};
use crate::facts::slots::{NodeSlot, OfNode, SubnetSlot};
use crate::node::Source;
use crate::time::Timestamp;

/// The queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Queue {
    /// None: it is no candidate now, or is found otherwise.
    None,
    /// A static node, since it may be dialed or until it may.
    Static,
    /// A known node, until its cooldown ends.
    Cooling,
    /// A node that is no candidate now, until its cooldown ends.
    Idle,
    /// Ready, ordered by the last attempt: a node that was connected to.
    Good,
    /// Ready, ordered by the last attempt: a node that was tried, and never connected.
    Failed,
    /// Ready: a node that was never tried.
    Fresh { at: u32 },
    /// For room in a subnet, under these rules.
    Crowded { rules: u32 },
    /// For a change of the rules or of its addresses, under these rules.
    Parked { rules: u32 },
}

/// The number of the lane of a queue that is ordered by time.
pub(super) const STATIC: usize = 0;
pub(super) const COOLING: usize = 1;
pub(super) const IDLE: usize = 2;
pub(super) const GOOD: usize = 3;
pub(super) const FAILED: usize = 4;

impl Queue {
    pub(super) const fn lane(self) -> Option<usize> {
        match self {
            Self::Static => Some(STATIC),
            Self::Cooling => Some(COOLING),
            Self::Idle => Some(IDLE),
            Self::Good => Some(GOOD),
            Self::Failed => Some(FAILED),
            Self::None | Self::Fresh { .. } | Self::Crowded { .. } | Self::Parked { .. } => None,
        }
    }

    /// Whether a node waits here for nothing but its turn.
    pub(crate) const fn is_ready(self) -> bool {
        matches!(self, Self::Good | Self::Failed | Self::Fresh { .. })
    }
}

/// The place of one node, kept in its record.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Place {
    pub(super) queue: Queue,
    /// The subnet that it waits for, or that let it back among the ready ones.
    pub(super) subnet: Option<SubnetSlot>,
    pub(super) link: Link<OfNode>,
}

impl Place {
    pub(crate) const NONE: Self = Self { queue: Queue::None, subnet: None, link: Link::NONE };

    pub(crate) const fn queue(&self) -> Queue {
        self.queue
    }
}

/// Whatever holds the places, by node.
pub(crate) trait Places {
    fn place(&mut self, node: NodeSlot) -> Option<&mut Place>;
    fn source(&self, node: NodeSlot) -> Source;
}

/// The links of lists, which are in the places.
pub(super) struct ByPlace<'a, P>(pub(super) &'a mut P);

impl<P: Places> Links<OfNode> for ByPlace<'_, P> {
    fn link(&mut self, node: NodeSlot) -> Option<&mut Link<OfNode>> {
        self.0.place(node).map(|place| &mut place.link)
    }
}

/// An instant, and the place among those with the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) tie: u32,
}

impl From<Item<OfNode>> for Due {
    fn from(item: Item<OfNode>) -> Self {
        Self { at: Timestamp::from_nanos(item.at), tie: item.tie }
    }
}
