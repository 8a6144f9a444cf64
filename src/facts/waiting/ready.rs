//! Ready nodes: by class, and within a class by where they are, so that nobody fills the turns by numbers alone. The sources
//! take turns, within a source the subnets do (coarse: /16 or /32), and within a subnet a node is chosen.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use rand_core::Rng;
use siphasher::sip::SipHasher13;

use super::place::{Class, OfQuarter, Spot};
use crate::collections::{Key, Links, List, Slot, Table, bytes};
use crate::facts::slots::{NodeSlot, OfNode};
use crate::network::SubnetKey;
use crate::node::Source;
use crate::sample::below;

/// What the nodes of a quarter have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Corner {
    class: Class,
    source: Source,
    subnet: SubnetKey,
}

impl Key for Corner {
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        let mut bytes = [0; 10];
        let all = self.subnet.bytes().into_iter().chain([self.source.0, self.class as u8]);
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        hasher.hash(&bytes)
    }
}

/// The ready nodes of one class, source and subnet.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Quarter {
    /// When its turn was last, as a number that grows with each turn of any.
    turn: u64,
    /// Its place among those with the same turn, which nobody outside can foresee.
    tie: u64,
    /// Nodes that were never tried, of which a random one is next.
    untried: Vec<NodeSlot>,
    /// Nodes that were tried, the one that became ready first is next.
    tried: List<OfNode>,
}

/// A quarter by its class and source, and by its turn.
type Turn = (Class, Source, (u64, u64), Slot<OfQuarter>);

/// All ready nodes.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Ready {
    quarters: Table<OfQuarter, Corner, Quarter>,
    /// The quarters of each class and source, the one whose turn is longest ago first.
    #[cfg_attr(feature = "serde", serde(skip))]
    turns: BTreeSet<Turn>,
    /// The source whose turn was last, by class.
    last: [Source; Class::COUNT],
    turn: u64,
    lens: [u32; Class::COUNT],
    /// What makes the ties.
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
            quarters: Table::new(hasher),
            turns: BTreeSet::new(),
            last: [Source(u8::MAX); Class::COUNT],
            turn: 0,
            lens: [0; Class::COUNT],
            hasher,
        }
    }

    pub(super) const fn len(&self, class: Class) -> u32 {
        let [anchor, good, fresh, answered, failed] = self.lens;
        match class {
            Class::Anchor => anchor,
            Class::Good => good,
            Class::Fresh => fresh,
            Class::Answered => answered,
            Class::Failed => failed,
        }
    }

    fn len_mut(&mut self, class: Class) -> Option<&mut u32> {
        self.lens.get_mut(class as usize)
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
        let corner = Corner { class, source, subnet };
        let (turn, hasher) = (self.turn, &self.hasher);
        let new = || Quarter { turn, tie: corner.hash(hasher), untried: Vec::new(), tried: List::new() };
        let quarter = self.quarters.intern(corner, new);
        let mut at = 0;
        if let Some(of) = self.quarters.get_mut(quarter) {
            if of.is_empty() {
                self.turns.insert((class, source, (of.turn, of.tie), quarter));
            }
            if class == Class::Fresh {
                at = of.untried.len() as u32;
                of.untried.push(node);
            } else {
                of.tried.push(links, node);
            }
        }
        if let Some(len) = self.len_mut(class) {
            *len = len.saturating_add(1);
        }
        Spot { class, quarter, at }
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
        if spot.class == Class::Fresh {
            of.untried.swap_remove(spot.at as usize);
            moved = of.untried.get(spot.at as usize).copied();
        } else {
            of.tried.remove(links, node);
        }
        let (empty, turn) = (of.is_empty(), (of.turn, of.tie));
        if let Some(len) = self.len_mut(spot.class) {
            *len = len.saturating_sub(1);
        }
        if empty {
            if let Some((address, _)) = self.quarters.remove(spot.quarter) {
                self.turns.remove(&(address.class, address.source, turn, spot.quarter));
            }
        }
        moved
    }

    /// The next node of a class, which stays in: one draw from the rng for nodes that were never tried. The turn passes to
    /// another source and subnet, if there is one.
    pub(super) fn draw(&mut self, class: Class, rng: &mut impl Rng) -> Option<NodeSlot> {
        let last = self.last.get(class as usize).copied().unwrap_or_default();
        let (_, source, (turn, tie), quarter) = *self.first_after(class, last)?;
        self.turns.remove(&(class, source, (turn, tie), quarter));
        self.turn = self.turn.saturating_add(1);
        self.turns.insert((class, source, (self.turn, tie), quarter));
        if let Some(last) = self.last.get_mut(class as usize) {
            *last = source;
        }
        let of = self.quarters.get_mut(quarter)?;
        of.turn = self.turn;
        match class {
            Class::Fresh => of.untried.get(below(rng, of.untried.len() as u32) as usize).copied(),
            Class::Anchor | Class::Good | Class::Answered | Class::Failed => of.tried.head(),
        }
    }

    /// The first quarter of the first source of a class after another source, in a circle.
    fn first_after(&self, class: Class, last: Source) -> Option<&Turn> {
        let of_class = |found: &&Turn| found.0 == class;
        let first = Slot::at(0);
        let next = last.0.checked_add(1).map(Source);
        let after = next.and_then(|next| self.turns.range((class, next, (0, 0), first)..).next());
        let from_start = || self.turns.range((class, Source(0), (0, 0), first)..).next();
        after.filter(of_class).or_else(from_start).filter(of_class)
    }

    /// Whether a node stands at a spot.
    pub(super) fn stands(&self, node: NodeSlot, spot: Spot, source: Source) -> bool {
        let Some((address, of)) = self.quarters.entry(spot.quarter) else { return false };
        let untried = spot.class != Class::Fresh || of.untried.get(spot.at as usize) == Some(&node);
        untried && address.class == spot.class && address.source == source
    }

    /// Whether the quarters hold as many nodes as `lens` says stand in each class, and have their turns.
    pub(super) fn verify<'a>(
        &self,
        lens: [u32; Class::COUNT],
        place: &impl Fn(NodeSlot) -> Option<&'a super::place::Place>,
    ) -> bool {
        let mut held = [0u32; Class::COUNT];
        for (slot, (address, of)) in self.quarters.iter() {
            let link = |node| {
                place(node).filter(|of| of.spot().is_some_and(|s| s.quarter == slot)).map(|of| of.link)
            };
            let listed = self.turns.contains(&(address.class, address.source, (of.turn, of.tie), slot));
            if of.is_empty() || !listed || !of.tried.verify(link) {
                return false;
            }
            if let Some(held) = held.get_mut(address.class as usize) {
                *held = held.saturating_add(of.tried.len()).saturating_add(of.untried.len() as u32);
            }
        }
        held == lens && lens == self.lens && self.turns.len() == self.quarters.len() as usize
    }

    /// Makes what was read usable. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13) -> bool {
        let keyed = self.quarters.reindex(hasher);
        let all = self.quarters.iter();
        let turn = |of: &Quarter| (of.turn, of.tie);
        self.turns = all.map(|(slot, (corner, of))| (corner.class, corner.source, turn(of), slot)).collect();
        self.hasher = hasher;
        keyed
    }

    /// The most bytes for so many ready nodes: each may be a quarter of its own, whose vector has room for four, as it has
    /// for every node of a larger one.
    pub(super) fn bound(nodes: u64) -> u64 {
        bytes::sum(&[
            Table::<OfQuarter, Corner, Quarter>::bound(nodes),
            bytes::tree(nodes, size_of::<Turn>()),
            nodes.saturating_mul(16),
        ])
    }
}

impl Quarter {
    fn is_empty(&self) -> bool {
        self.untried.is_empty() && self.tried.is_empty()
    }
}
