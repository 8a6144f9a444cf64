//! Several ordered queues, of which a slot is in one at most.

use core::marker::PhantomData;

use super::bytes::{sum, vector};
use super::entries::{Entries, Places};
use super::heap::Item;
use super::slot::Slot;

/// `N` queues, each as a [`Heap`](super::Heap) is. They share one vector of places, so all of them together take four
/// bytes for a slot that is in none.
pub(crate) struct Lanes<K, const N: usize> {
    lanes: [Entries; N],
    places: Places,
    kind: PhantomData<fn() -> K>,
}

unbounded!(Clone, Default: Lanes<K, const N: usize> { lanes, places, kind });

impl<K, const N: usize> Lanes<K, N> {
    pub(crate) const fn new() -> Self {
        Self { lanes: [const { Entries::new() }; N], places: Places::new(), kind: PhantomData }
    }

    /// The first item of a lane.
    #[inline]
    pub(crate) fn peek(&self, lane: usize) -> Option<Item<K>> {
        self.lanes.get(lane)?.peek().map(Item::new)
    }

    #[inline]
    pub(crate) fn get(&self, lane: usize, key: Slot<K>) -> Option<Item<K>> {
        self.lanes.get(lane)?.get(&self.places, key.index()).map(Item::new)
    }

    pub(crate) fn len(&self, lane: usize) -> u32 {
        self.lanes.get(lane).map_or(0, Entries::len)
    }

    /// The keys of a lane, in no order that means anything.
    pub(crate) fn keys(&self, lane: usize) -> impl Iterator<Item = Slot<K>> {
        self.lanes.get(lane).into_iter().flat_map(Entries::keys).map(Slot::at)
    }

    /// Puts a key in that is in no other lane, or moves it within its lane.
    #[inline]
    pub(crate) fn set(&mut self, lane: usize, key: Slot<K>, at: u64, tie: u32) {
        if let Some(entries) = self.lanes.get_mut(lane) {
            entries.set(&mut self.places, key.index(), at, tie);
        }
    }

    /// Takes a key out of a lane; returns its item if it was in there.
    #[inline]
    pub(crate) fn remove(&mut self, lane: usize, key: Slot<K>) -> Option<Item<K>> {
        self.lanes.get_mut(lane)?.remove(&mut self.places, key.index()).map(Item::new)
    }

    /// How many of a lane come before a key, counted up to `most`; the work is in proportion to that. `None` if the key
    /// is not in this lane.
    pub(crate) fn ahead(&self, lane: usize, key: Slot<K>, most: u32) -> Option<u32> {
        self.lanes.get(lane)?.ahead(&self.places, key.index(), most)
    }

    /// The most bytes that so many keys in each lane take, whose indices are below `slots`.
    pub(crate) fn bound(lens: [u64; N], slots: u64) -> u64 {
        sum(&lens.map(Entries::bound)).saturating_add(vector(slots, size_of::<u32>()))
    }
}

#[cfg(feature = "serde")]
impl<K, const N: usize> Lanes<K, N> {
    /// Puts queues that were read in order. Returns whether each key is in one of them once, and its index is below
    /// `slots`; if not, they are not usable.
    pub(crate) fn reindex(&mut self, slots: u32) -> bool {
        let Self { lanes, places, .. } = self;
        places.clear();
        lanes.iter_mut().all(|entries| entries.reindex(places, slots))
    }

    /// Queues as they were saved, without their places.
    pub(super) const fn unindexed(lanes: [Entries; N]) -> Self {
        Self { lanes, places: Places::new(), kind: PhantomData }
    }

    pub(super) const fn lanes(&self) -> &[Entries; N] {
        &self.lanes
    }
}
