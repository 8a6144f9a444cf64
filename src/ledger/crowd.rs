//! Who gives way when the table of known nodes is full: those that failed too often, then the largest crowd.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use siphasher::sip::SipHasher13;

use super::bound::{queue, tree, vector};
use super::fresh::SOURCES;
use super::heap::Heap;
use super::slab::NONE;
use super::table::{Key, Table};
use crate::network::SubnetKey;
use crate::node::Source;

/// One source's nodes of one subnet (coarse: /16 or /32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Bucket {
    pub(super) source: Source,
    pub(super) group: SubnetKey,
}

impl Key for Bucket {
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        let mut bytes = [0; 9];
        let all = self.group.bytes().into_iter().chain([self.source.0]);
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        hasher.hash(&bytes)
    }
}

/// Where a node stands in its bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) bucket: u32,
    pub(super) at: u32,
}

impl Place {
    pub(super) const NONE: Self = Self { bucket: NONE, at: NONE };
}

/// A bucket by its source and size.
pub(super) type Size = (Source, u64, u32);

/// Known nodes that were never connected, by source and subnet, largest first.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Crowd {
    pub(super) buckets: Table<Bucket, Vec<u32>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) places: Vec<Place>,
    /// The buckets of each source, the largest first.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) by_size: BTreeSet<Size>,
    /// The sources, the one with most nodes first.
    pub(super) sources: Heap,
    /// Nodes with too many failures, least recently tried first.
    pub(super) worn: Heap,
}

/// An order in which the largest comes first.
const fn largest(size: u64) -> u64 {
    u64::MAX.saturating_sub(size)
}

/// Where a bucket of so many members stands among those of its source.
pub(super) const fn by_size(source: Source, members: u64, bucket: u32) -> Size {
    (source, largest(members), bucket)
}

impl Crowd {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        let buckets = Table::new(hasher);
        Self {
            buckets,
            places: Vec::new(),
            by_size: BTreeSet::new(),
            sources: Heap::new(),
            worn: Heap::new(),
        }
    }

    /// Adds a node that is not in.
    pub(crate) fn insert(&mut self, node: u32, source: Source, group: SubnetKey) {
        let key = Bucket { source, group };
        let bucket = self.buckets.intern(key, Vec::new);
        let Some(members) = self.buckets.get_mut(bucket) else { return };
        let place = Place { bucket, at: members.len() as u32 };
        members.push(node);
        if self.places.len() <= node as usize {
            self.places.resize((node as usize).saturating_add(1), Place::NONE);
        }
        if let Some(to) = self.places.get_mut(node as usize) {
            *to = place;
        }
        self.resize(source, bucket, 1);
    }

    /// Takes a node out, if it is in.
    pub(crate) fn remove(&mut self, node: u32) {
        self.worn.remove(node);
        let Some(place) = self.places.get_mut(node as usize) else { return };
        let Place { bucket, at } = core::mem::replace(place, Place::NONE);
        let Some(Bucket { source, .. }) = self.buckets.key(bucket) else { return };
        let Some(members) = self.buckets.get_mut(bucket) else { return };
        members.swap_remove(at as usize);
        if let Some(moved) = members.get(at as usize).and_then(|&moved| self.places.get_mut(moved as usize)) {
            moved.at = at;
        }
        // What was a crowd once leaves no memory behind.
        if members.capacity() > 4 && members.len() < members.capacity() / 4 {
            members.shrink_to(members.len().saturating_mul(2));
        }
        self.resize(source, bucket, -1);
    }

    /// The most bytes for so many members among so many nodes: each may be a bucket of its own, whose vector has room for
    /// four, as it has for every member of a larger one.
    pub(super) fn bound(members: u64, nodes: u64) -> u64 {
        let buckets = Table::<Bucket, Vec<u32>>::bound(members);
        let by_size = tree(members, size_of::<Size>());
        let each = [members.saturating_mul(16), vector(nodes, size_of::<Place>())];
        let worn = queue(members).saturating_add(vector(nodes, 4));
        let few = queue(SOURCES.into()).saturating_add(vector(SOURCES.into(), 4));
        each.into_iter().chain([buckets, by_size, worn, few]).fold(0, u64::saturating_add)
    }

    /// Notes that a node has failed too often, or does not count as such any more.
    pub(crate) fn set_worn(&mut self, node: u32, tried: Option<u64>) {
        match tried {
            Some(tried) => self.worn.set(node, tried, 0),
            None => {
                self.worn.remove(node);
            }
        }
    }

    pub(crate) fn worn(&self) -> u32 {
        self.worn.len()
    }

    /// The worn node that was tried longest ago.
    pub(crate) fn most_worn(&self) -> Option<u32> {
        self.worn.peek().map(|entry| entry.key)
    }

    /// Some members of the largest bucket of the largest source, from a place that `bits` choose.
    pub(crate) fn largest(&self, bits: u32) -> impl Iterator<Item = u32> {
        let source = self.sources.peek().map(|entry| Source(entry.key as u8));
        let first =
            source.and_then(|source| self.by_size.range((source, 0, 0)..=(source, u64::MAX, NONE)).next());
        let members = first.and_then(|(.., bucket)| self.buckets.get(*bucket)).map_or(&[][..], Vec::as_slice);
        let start = (u64::from(bits).saturating_mul(members.len() as u64) >> 32) as usize;
        members.iter().cycle().skip(start).take(members.len().min(16)).copied()
    }

    /// How many nodes a source has here.
    fn of_source(&self, source: Source) -> u64 {
        self.sources.get(u32::from(source.0)).map_or(0, |entry| largest(entry.at))
    }

    fn resize(&mut self, source: Source, bucket: u32, by: i64) {
        let size = self.buckets.get(bucket).map_or(0, |members| members.len() as u64);
        let total = self.of_source(source).saturating_add_signed(by);
        self.by_size.remove(&by_size(source, size.saturating_add_signed(by.saturating_neg()), bucket));
        if size > 0 {
            self.by_size.insert(by_size(source, size, bucket));
        } else {
            self.buckets.remove(bucket);
        }
        match total {
            0 => _ = self.sources.remove(u32::from(source.0)),
            _ => self.sources.set(u32::from(source.0), largest(total), 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(byte: u8) -> SubnetKey {
        SubnetKey::coarse(Some([byte, 1, 1, 1].into()))
    }

    #[test]
    fn the_largest_bucket_of_the_largest_source_gives_way() {
        let mut crowd = Crowd::new(SipHasher13::new_with_keys(3, 4));
        for node in 0..10 {
            crowd.insert(node, Source(1), group(if node < 6 { 1 } else { 2 }));
        }
        for node in 10..17 {
            crowd.insert(node, Source(2), group(3));
        }
        let victims = |crowd: &Crowd| {
            let mut all: Vec<u32> = crowd.largest(0x8000_0000).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(victims(&crowd), [0, 1, 2, 3, 4, 5]);
        for node in 0..3 {
            crowd.remove(node);
        }
        // Source 1 has 7 nodes, and so has source 2: the smaller number goes first.
        assert_eq!(victims(&crowd), [6, 7, 8, 9]);
        crowd.remove(7);
        assert_eq!(victims(&crowd), [10, 11, 12, 13, 14, 15, 16]);
        for node in 0..20 {
            crowd.remove(node);
        }
        assert!(victims(&crowd).is_empty() && crowd.buckets.len() == 0);
    }

    #[test]
    fn worn_nodes_are_ordered_by_their_last_attempt() {
        let mut crowd = Crowd::new(SipHasher13::new_with_keys(3, 4));
        crowd.insert(1, Source(0), group(1));
        crowd.insert(2, Source(0), group(1));
        crowd.set_worn(1, Some(20));
        crowd.set_worn(2, Some(10));
        assert_eq!((crowd.most_worn(), crowd.worn()), (Some(2), 2));
        crowd.remove(2);
        crowd.set_worn(1, None);
        assert_eq!(crowd.most_worn(), None);
    }
}
