//! The queues, and what a record says of the one that its node is in.

use crate::collections::{Item, Link, Links, Slot};
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
    /// The same of a static node that has failed often.
    StaticFailing,
    /// A known node, until its cooldown after a failure of the transport or the handshake ends.
    Cooling,
    /// The same of a node that was connected to once.
    CoolingGood,
    /// A known node, until its cooldown for another reason ends.
    Resting,
    /// A node that is no candidate now, until its cooldown ends.
    Idle,
    /// Among the ready ones, at this spot.
    Ready(Spot),
    /// For room in a subnet, under these rules.
    Crowded { rules: u32 },
    /// For a change of the rules or of its addresses, under these rules.
    Parked { rules: u32 },
}

/// What kinds of ready nodes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub(crate) enum Class {
    /// It was one of the last good peers before a restart.
    Anchor,
    /// It was connected to, and has not failed since.
    Good,
    /// It was connected to, and seems to have gone since.
    Lapsed,
    /// It was never tried, and was heard of a short while ago.
    Recent,
    /// It was never tried.
    Fresh,
    /// It was tried, and is alive.
    Answered,
    /// It did not answer when it was tried last.
    Failed,
    /// It has failed several times, and was never connected to.
    Unlikely,
    /// It is a bootnode, which serves all who join.
    Bootnode,
}

impl Class {
    pub(crate) const COUNT: usize = 9;
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Anchor,
        Self::Good,
        Self::Lapsed,
        Self::Recent,
        Self::Fresh,
        Self::Answered,
        Self::Failed,
        Self::Unlikely,
        Self::Bootnode,
    ];

    /// Whether its nodes were never tried.
    pub(super) const fn is_untried(self) -> bool {
        matches!(self, Self::Recent | Self::Fresh)
    }
}

/// Marks the slots of quarters: what one source has told of one subnet.
#[derive(Debug)]
pub(crate) enum OfQuarter {}

/// Where a ready node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Spot {
    pub(crate) class: Class,
    pub(super) quarter: Slot<OfQuarter>,
    /// The position among those that were never tried.
    pub(super) at: u32,
}

/// How many queues are ordered by time.
pub(super) const LANES: usize = 6;

impl Queue {
    /// The number of a queue that is ordered by time.
    pub(super) const fn lane(self) -> Option<usize> {
        match self {
            Self::Static => Some(0),
            Self::StaticFailing => Some(1),
            Self::Cooling => Some(2),
            Self::CoolingGood => Some(3),
            Self::Resting => Some(4),
            Self::Idle => Some(5),
            Self::None | Self::Ready(_) | Self::Crowded { .. } | Self::Parked { .. } => None,
        }
    }

    /// Whether a node waits here for nothing but its turn.
    pub(crate) const fn is_ready(self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// Whether a known node waits here for an instant.
    pub(crate) const fn is_cooling(self) -> bool {
        matches!(self, Self::Cooling | Self::CoolingGood | Self::Resting)
    }

    /// Whether a static node waits here.
    pub(crate) const fn is_static(self) -> bool {
        matches!(self, Self::Static | Self::StaticFailing)
    }

    /// The queues of known nodes that wait for an instant.
    pub(crate) const COOLING: [Self; 3] = [Self::CoolingGood, Self::Cooling, Self::Resting];
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

    /// Whether the node is among the ready ones of a class.
    pub(crate) fn is_ready_as(&self, class: Class) -> bool {
        self.spot().is_some_and(|spot| spot.class == class)
    }

    pub(super) const fn spot(&self) -> Option<Spot> {
        if let Queue::Ready(spot) = self.queue { Some(spot) } else { None }
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
