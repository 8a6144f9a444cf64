//! Which known node gives way when the table is full: one that failed too often, then one of the largest group.
//!
//! A group is what one source has told of one subnet (coarse: /16 or /32). Good nodes are in no group: they are kept
//! apart, and displace only each other.

use siphasher::sip::SipHasher13;

use crate::collections::{Bag, Heap, Key, Levels, Rung, Rungs, Slot, Sparse, Table, bytes};
use crate::facts::slots::{NodeSlot, OfNode};
use crate::network::SubnetKey;
use crate::node::Source;
use crate::time::Timestamp;

/// Sources are numbered by one byte.
const SOURCES: u32 = 256;
/// How many of the largest groups are looked at for a node that may go, and how many members of each.
const GROUPS: usize = 16;
const MEMBERS: usize = 16;

/// Marks the numbers of sources.
#[derive(Debug)]
enum OfSource {}
/// Marks the slots of groups.
#[derive(Debug)]
enum OfGroup {}

/// What a group has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Group {
    source: Source,
    subnet: SubnetKey,
}

impl Key for Group {
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        let mut bytes = [0; 9];
        let all = self.subnet.bytes().into_iter().chain([self.source.0]);
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        hasher.hash(&bytes)
    }
}

/// Where a node stands in its group.
#[derive(Clone, Copy, Debug)]
struct Membership {
    group: Slot<OfGroup>,
    at: u32,
}

/// Who is in a group, and where it stands among those of its source.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Members {
    nodes: Bag<OfNode>,
    rung: Rung<OfGroup>,
}

type Groups = Table<OfGroup, Group, Members>;

impl Rungs<OfGroup> for Groups {
    fn rung(&mut self, group: Slot<OfGroup>) -> Option<&mut Rung<OfGroup>> {
        self.get_mut(group).map(|members| &mut members.rung)
    }
}

/// Known nodes by what speaks for their eviction.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Eviction {
    groups: Groups,
    #[cfg_attr(feature = "serde", serde(skip))]
    places: Sparse<Option<Membership>>,
    /// The groups by size, those of each source apart.
    by_size: Levels<OfGroup>,
    /// The sources, the one with most nodes first.
    sources: Heap<OfSource>,
    /// Nodes with too many failures, least recently tried first.
    worn: Heap<OfNode>,
    /// Nodes that were connected to, the one whose connection is longest ago first.
    good: Heap<OfNode>,
}

/// An order in which the largest comes first.
const fn largest(size: u64) -> u64 {
    u64::MAX.saturating_sub(size)
}

fn slot(source: Source) -> Option<Slot<OfSource>> {
    Slot::from_index(u32::from(source.0))
}

impl Eviction {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self {
            groups: Table::new(hasher),
            places: Sparse::new(None),
            by_size: Levels::new(),
            sources: Heap::new(),
            worn: Heap::new(),
            good: Heap::new(),
        }
    }

    /// Adds a node that is not in.
    pub(super) fn insert(&mut self, node: NodeSlot, source: Source, subnet: SubnetKey) {
        let empty = || Members { nodes: Bag::new(), rung: Rung::NONE };
        let group = self.groups.intern(Group { source, subnet }, empty);
        let Some(Members { nodes, .. }) = self.groups.get_mut(group) else { return };
        let place = Membership { group, at: nodes.push(node) };
        self.places.put(node.index(), Some(place));
        self.by_size.grow(&mut self.groups, source.0, group);
        self.count(source, 1);
    }

    /// Takes a node out of its group, if it is in one.
    fn leave(&mut self, node: NodeSlot) {
        self.worn.remove(node);
        let place = self.places.get_mut(node.index()).and_then(Option::take);
        let Some(Membership { group, at }) = place else { return };
        let Some(Group { source, .. }) = self.groups.key(group) else { return };
        let Some(Members { nodes, .. }) = self.groups.get_mut(group) else { return };
        let (moved, empty) = (nodes.remove(at), nodes.is_empty());
        if let Some(Some(place)) = moved.and_then(|moved| self.places.get_mut(moved.index())) {
            place.at = at;
        }
        self.by_size.shrink(&mut self.groups, source.0, group);
        if empty {
            self.groups.remove(group);
        }
        self.count(source, -1);
    }

    /// Forgets a node.
    pub(super) fn remove(&mut self, node: NodeSlot) {
        self.leave(node);
        self.good.remove(node);
    }

    /// A node was connected to now, and is good from now on.
    pub(super) fn promote(&mut self, node: NodeSlot, now: Timestamp) {
        self.leave(node);
        self.good.set(node, now.as_nanos(), 0);
    }

    /// How many nodes are good.
    pub(super) fn good(&self) -> u32 {
        self.good.len()
    }

    /// Takes out the good node whose connection is longest ago.
    pub(super) fn pop_good(&mut self) -> Option<NodeSlot> {
        self.good.pop().map(|item| item.key)
    }

    /// Notes that a node has failed too often, or does not count as such any more.
    pub(super) fn set_worn(&mut self, node: NodeSlot, tried: Option<Timestamp>) {
        match tried {
            Some(tried) => self.worn.set(node, tried.as_nanos(), 0),
            None => _ = self.worn.remove(node),
        }
    }

    /// How many nodes have failed too often.
    pub(super) fn worn(&self) -> u32 {
        self.worn.len()
    }

    /// The worn node that was tried longest ago.
    pub(super) fn most_worn(&self) -> Option<NodeSlot> {
        self.worn.peek().map(|item| item.key)
    }

    /// The largest groups of the largest source, the largest first.
    fn largest_groups(&self) -> impl Iterator<Item = Slot<OfGroup>> {
        let source = self.sources.peek().map(|item| item.key.index() as u8);
        let rung = |group| self.groups.get(group).map(|members| &members.rung);
        source.into_iter().flat_map(move |source| self.by_size.descending(source, rung))
    }

    /// Some members of the largest groups of the largest source, in each from a place on that `bits` choose.
    pub(super) fn largest(&self, bits: u32) -> impl Iterator<Item = NodeSlot> {
        let groups = self.largest_groups().take(GROUPS).filter_map(|group| self.groups.get(group));
        groups.flat_map(move |Members { nodes, .. }| {
            let nodes = nodes.as_slice();
            let start = (u64::from(bits).saturating_mul(nodes.len() as u64) >> 32) as usize;
            nodes.iter().cycle().skip(start).take(nodes.len().min(MEMBERS)).copied()
        })
    }

    /// Looks at the largest group after all others of its size, since none of its members may go now.
    pub(super) fn pass_over(&mut self) {
        let first = self.largest_groups().next();
        first.into_iter().for_each(|first| self.by_size.pass_over(&mut self.groups, first));
    }

    /// How many nodes a source has here.
    fn of_source(&self, source: Source) -> u64 {
        slot(source).and_then(|source| self.sources.get(source)).map_or(0, |item| largest(item.at))
    }

    /// A source has more nodes here, or fewer.
    fn count(&mut self, source: Source, by: i64) {
        let total = self.of_source(source).saturating_add_signed(by);
        let Some(source) = slot(source) else { return };
        match total {
            0 => _ = self.sources.remove(source),
            _ => self.sources.set(source, largest(total), 0),
        }
    }

    /// Whether everything is where it says, for the good and the other known nodes; `source` says where a node that is
    /// not good was heard of.
    pub(super) fn verify(
        &self,
        good: u32,
        others: u32,
        is_good: impl Fn(NodeSlot) -> bool,
        source: impl Fn(NodeSlot) -> Option<Source>,
    ) -> Result<(), &'static str> {
        let mut members = 0u32;
        for (_, (group, Members { nodes, rung })) in self.groups.iter() {
            let listed = self.by_size.size(rung) == nodes.len();
            let belong = nodes.as_slice().iter().all(|node| source(*node) == Some(group.source));
            if !listed || nodes.is_empty() || !belong {
                return Err("a group of known nodes");
            }
            members = members.saturating_add(nodes.len());
        }
        let of_source = |source, slot| {
            let (_, members) = self.groups.entry(slot).filter(|(group, _)| group.source == Source(source))?;
            Some(members.rung)
        };
        let sound = self.by_size.verify(of_source) == Some(self.groups.len())
            && members == others
            && self.good.len() == good
            && self.good.keys().all(is_good)
            && self.worn.keys().all(|node| source(node).is_some());
        if sound { Ok(()) } else { Err("the sizes of groups") }
    }

    /// Makes what was read usable, for so many slots of nodes. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13, slots: u32) -> bool {
        let keyed = self.groups.reindex(hasher);
        self.places = Sparse::new(None);
        for (group, (_, members)) in self.groups.iter() {
            for (at, node) in (0u32..).zip(members.nodes.as_slice()) {
                if node.index() >= slots
                    || self.places.put(node.index(), Some(Membership { group, at })).is_some()
                {
                    return false;
                }
            }
        }
        keyed && self.sources.reindex(SOURCES) && self.worn.reindex(slots) && self.good.reindex(slots)
    }

    /// The most bytes for so many known and good nodes among so many slots. Each may be a group of its own.
    pub(super) fn bound(known: u64, good: u64, slots: u64) -> u64 {
        bytes::sum(&[
            Bag::<OfNode>::bound(known),
            Sparse::<Option<Membership>>::bound(slots),
            Groups::bound(known),
            Levels::<OfGroup>::bound(known),
            Heap::<OfSource>::bound(SOURCES.into(), SOURCES.into()),
            Heap::<OfNode>::bound(known, slots),
            Heap::<OfNode>::bound(good, slots),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn subnet(byte: u8) -> SubnetKey {
        SubnetKey::coarse(Some([byte, 1, 1, 1].into()))
    }

    fn node(number: u32) -> NodeSlot {
        Slot::from_index(number).unwrap()
    }

    #[test]
    fn the_largest_group_of_the_largest_source_gives_way() {
        let mut eviction = Eviction::new(SipHasher13::new_with_keys(3, 4));
        for number in 0..10 {
            eviction.insert(node(number), Source(1), subnet(if number < 6 { 1 } else { 2 }));
        }
        for number in 10..17 {
            eviction.insert(node(number), Source(2), subnet(3));
        }
        let victims = |eviction: &Eviction, first: usize| {
            let mut all: Vec<u32> = eviction.largest(0x8000_0000).take(first).map(Slot::index).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(victims(&eviction, 6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(victims(&eviction, 20).len(), 10, "source 2 has fewer");
        for number in 0..3 {
            eviction.remove(node(number));
        }
        // Source 1 has 7 nodes, and so has source 2: the smaller number goes first.
        assert_eq!(victims(&eviction, 4), [6, 7, 8, 9]);
        eviction.remove(node(7));
        assert_eq!(victims(&eviction, 20), [10, 11, 12, 13, 14, 15, 16]);
        for number in 0..20 {
            eviction.remove(node(number));
        }
        assert!(victims(&eviction, 20).is_empty() && eviction.groups.len() == 0);
    }

    #[test]
    fn worn_nodes_are_ordered_by_their_last_attempt() {
        let mut eviction = Eviction::new(SipHasher13::new_with_keys(3, 4));
        eviction.insert(node(1), Source(0), subnet(1));
        eviction.insert(node(2), Source(0), subnet(1));
        eviction.set_worn(node(1), Some(Timestamp::from_secs(20)));
        eviction.set_worn(node(2), Some(Timestamp::from_secs(10)));
        assert_eq!((eviction.most_worn(), eviction.worn()), (Some(node(2)), 2));
        eviction.remove(node(2));
        eviction.set_worn(node(1), None);
        assert_eq!(eviction.most_worn(), None);
    }
}
