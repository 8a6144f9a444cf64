//! Ready nodes: by class, and within a class by where they are, so that nobody fills the turns by numbers alone. The sources
//! take turns, within a source the subnets do (coarse: /16 or /32), and within a subnet a node is chosen.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Unbounded};

use rand_core::Rng;
use siphasher::sip::SipHasher13;

use super::place::{Class, OfQuarter, Spot};
use crate::collections::{Bag, Key, Links, List, Slab, Slot, bytes};
use crate::facts::slots::{NodeSlot, OfNode};
use crate::network::SubnetKey;
use crate::node::Source;
use crate::sample::below;

/// The ready nodes of one class, source and subnet.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Quarter {
    class: Class,
    source: Source,
    /// Its place in the circle of its source: a keyed hash of the subnet, which nobody outside can foresee.
    turn: u64,
    /// Nodes that were never tried, of which a random one is next.
    untried: Bag<OfNode>,
    /// Nodes that were tried, the one that became ready first is next.
    tried: List<OfNode>,
}

/// The quarters of one class and source, which take turns in a circle.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Circle {
    class: Class,
    source: Source,
    /// Whose turn it was last.
    last: u64,
    #[cfg_attr(feature = "serde", serde(skip))]
    quarters: BTreeMap<u64, Slot<OfQuarter>>,
}

/// All ready nodes.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Ready {
    quarters: Slab<OfQuarter, Quarter>,
    /// By class and source. One that is empty stays, with where its turns stand.
    circles: Vec<Circle>,
    /// The source whose turn was last, by class.
    last: [Source; Class::COUNT],
    lens: [u32; Class::COUNT],
    /// What makes the turns.
    #[cfg_attr(feature = "serde", serde(skip, default = "unkeyed"))]
    hasher: SipHasher13,
}

#[cfg(feature = "serde")]
fn unkeyed() -> SipHasher13 {
    SipHasher13::new_with_keys(0, 0)
}

impl Ready {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self {
            quarters: Slab::new(),
            circles: Vec::new(),
            last: [Source(u8::MAX); Class::COUNT],
            lens: [0; Class::COUNT],
            hasher,
        }
    }

    pub(super) const fn len(&self, class: Class) -> u32 {
        let [anchor, good, lapsed, recent, fresh, answered, failed, unlikely, bootnode] = self.lens;
        match class {
            Class::Anchor => anchor,
            Class::Good => good,
            Class::Lapsed => lapsed,
            Class::Recent => recent,
            Class::Fresh => fresh,
            Class::Answered => answered,
            Class::Failed => failed,
            Class::Unlikely => unlikely,
            Class::Bootnode => bootnode,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.quarters.len() == 0
    }

    fn len_mut(&mut self, class: Class) -> Option<&mut u32> {
        self.lens.get_mut(class as usize)
    }

    /// Where the circle of a class and source is, or would be.
    fn circle(&self, class: Class, source: Source) -> Result<usize, usize> {
        self.circles.binary_search_by_key(&(class, source), Circle::key)
    }

    /// Adds a node that is not in. Returns where it stands.
    pub(super) fn insert(
        &mut self,
        links: &mut impl Links<OfNode>,
        node: NodeSlot,
        class: Class,
        source: Source,
        subnet: SubnetKey,
    ) -> Spot {
        let turn = subnet.hash(&self.hasher);
        let quarter = self.quarter(class, source, turn);
        let mut at = 0;
        if let Some(of) = self.quarters.get_mut(quarter) {
            if class.is_untried() {
                at = of.untried.push(node);
            } else {
                of.tried.push(links, node);
            }
        }
        if let Some(len) = self.len_mut(class) {
            *len = len.saturating_add(1);
        }
        Spot { class, quarter, at }
    }

    /// The quarter with a turn in the circle of a class and source, which is added if it is not in.
    fn quarter(&mut self, class: Class, source: Source, turn: u64) -> Slot<OfQuarter> {
        let new = || Quarter { class, source, turn, untried: Bag::new(), tried: List::new() };
        let at = self.circle(class, source).unwrap_or_else(|at| {
            self.circles.insert(at, Circle { class, source, last: 0, quarters: BTreeMap::new() });
            at
        });
        let Self { circles, quarters, .. } = self;
        match circles.get_mut(at) {
            Some(circle) => *circle.quarters.entry(turn).or_insert_with(|| quarters.insert(new())),
            None => quarters.insert(new()),
        }
    }

    /// Takes a node out. Returns the node that has moved to its place, if one has.
    pub(super) fn remove(
        &mut self,
        links: &mut impl Links<OfNode>,
        node: NodeSlot,
        spot: Spot,
    ) -> Option<NodeSlot> {
        let of = self.quarters.get_mut(spot.quarter)?;
        let mut moved = None;
        if spot.class.is_untried() {
            moved = of.untried.remove(spot.at);
        } else {
            of.tried.remove(links, node);
        }
        let (empty, source, turn) = (of.is_empty(), of.source, of.turn);
        if let Some(len) = self.len_mut(spot.class) {
            *len = len.saturating_sub(1);
        }
        if empty {
            self.quarters.remove(spot.quarter);
            let circle = self.circle(spot.class, source).ok().and_then(|at| self.circles.get_mut(at));
            circle.and_then(|circle| circle.quarters.remove(&turn));
        }
        moved
    }

    /// The next node of a class, which stays in: one draw from the rng for nodes that were never tried. The turn passes to
    /// another source and subnet, if there is one.
    pub(super) fn draw(&mut self, class: Class, rng: &mut impl Rng) -> Option<NodeSlot> {
        let (at, turn, quarter) = self.next_quarter(class)?;
        let circle = self.circles.get_mut(at)?;
        circle.last = turn;
        *self.last.get_mut(class as usize)? = circle.source;
        let of = self.quarters.get(quarter)?;
        if class.is_untried() { of.untried.get(below(rng, of.untried.len())) } else { of.tried.head() }
    }

    /// Whom [`draw`](Self::draw) would choose, of nodes that were tried.
    pub(super) fn next_of(&self, class: Class) -> Option<NodeSlot> {
        let (_, _, quarter) = self.next_quarter(class)?;
        self.quarters.get(quarter)?.tried.head()
    }

    /// The circle whose turn it is in a class, and in that circle the turn and its quarter.
    fn next_quarter(&self, class: Class) -> Option<(usize, u64, Slot<OfQuarter>)> {
        let last = *self.last.get(class as usize)?;
        let next = self.circles.partition_point(|circle| circle.key() <= (class, last));
        let has_turn = |at: &usize| {
            self.circles.get(*at).is_some_and(|circle| circle.class == class && !circle.quarters.is_empty())
        };
        let at = (next..self.circles.len()).chain(0..next).find(has_turn)?;
        let (turn, quarter) = self.circles.get(at)?.next()?;
        Some((at, turn, quarter))
    }

    /// Whether a node stands at a spot.
    pub(super) fn stands(&self, node: NodeSlot, spot: Spot, source: Source) -> bool {
        let Some(of) = self.quarters.get(spot.quarter) else { return false };
        let untried = !spot.class.is_untried() || of.untried.get(spot.at) == Some(node);
        untried && of.class == spot.class && of.source == source
    }

    /// Whether the quarters hold as many nodes as `lens` says stand in each class, and have their turns.
    pub(super) fn verify<'a>(
        &self,
        lens: [u32; Class::COUNT],
        place: &impl Fn(NodeSlot) -> Option<&'a super::place::Place>,
    ) -> bool {
        let mut held = [0u32; Class::COUNT];
        for (slot, of) in self.quarters.iter() {
            let link = |node| {
                place(node).filter(|of| of.spot().is_some_and(|s| s.quarter == slot)).map(|of| of.link)
            };
            let circle = self.circle(of.class, of.source).ok().and_then(|at| self.circles.get(at));
            let listed = circle.is_some_and(|circle| circle.quarters.get(&of.turn) == Some(&slot));
            if of.is_empty() || !listed || !of.tried.verify(link) {
                return false;
            }
            if let Some(held) = held.get_mut(of.class as usize) {
                *held = held.saturating_add(of.tried.len()).saturating_add(of.untried.len());
            }
        }
        let listed: usize = self.circles.iter().map(|circle| circle.quarters.len()).sum();
        held == lens && lens == self.lens && listed == self.quarters.len() as usize
    }

    /// Makes what was read usable. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13) -> bool {
        self.hasher = hasher;
        self.circles.iter_mut().for_each(|circle| circle.quarters.clear());
        let sorted = self.circles.is_sorted_by(|a, b| a.key() < b.key());
        sorted
            && self.quarters.iter().all(|(slot, of)| {
                let at = self.circles.binary_search_by_key(&(of.class, of.source), Circle::key);
                let circle = at.ok().and_then(|at| self.circles.get_mut(at));
                circle.is_some_and(|circle| circle.quarters.insert(of.turn, slot).is_none())
            })
    }

    /// The most bytes for so many ready nodes: each may be a quarter of its own.
    pub(super) fn bound(nodes: u64) -> u64 {
        let circles = (Class::COUNT as u64).saturating_mul(1 << 8);
        bytes::sum(&[
            Slab::<OfQuarter, Quarter>::bound(nodes),
            bytes::vector(circles, size_of::<Circle>()),
            // Each circle has a node of its tree that may be almost empty.
            bytes::tree(
                nodes.saturating_add(circles.min(nodes).saturating_mul(5)),
                size_of::<(u64, Slot<OfQuarter>)>(),
            ),
            Bag::<OfNode>::bound(nodes),
        ])
    }
}

impl Circle {
    const fn key(&self) -> (Class, Source) {
        (self.class, self.source)
    }

    /// The quarter whose turn it is, and that turn.
    fn next(&self) -> Option<(u64, Slot<OfQuarter>)> {
        let next = self.quarters.range((Excluded(self.last), Unbounded)).next();
        let (turn, quarter) = next.or_else(|| self.quarters.first_key_value())?;
        Some((*turn, *quarter))
    }
}

impl Quarter {
    fn is_empty(&self) -> bool {
        self.untried.is_empty() && self.tried.is_empty()
    }
}
