//! An ordered queue of slots, each in it at most once, out of which any can be taken.

use core::cmp::Ordering;
use core::marker::PhantomData;

use super::bytes::vector;
use super::entries::{Entries, Entry, Places};
use super::slot::Slot;

/// A slot in a queue. What is least in (`at`, `tie`, index of `key`) comes first.
pub(crate) struct Item<K> {
    pub(crate) key: Slot<K>,
    pub(crate) tie: u32,
    pub(crate) at: u64,
}

unbounded!(Copy: Item<K> { key, tie, at });

impl<K> Item<K> {
    #[inline]
    pub(super) const fn new(entry: Entry) -> Self {
        Self { key: Slot::at(entry.key), tie: entry.tie, at: entry.at }
    }

    const fn rank(&self) -> (u64, u32, u32) {
        (self.at, self.tie, self.key.index())
    }
}

impl<K> PartialEq for Item<K> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<K> Eq for Item<K> {}

impl<K> PartialOrd for Item<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Item<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// A queue.
pub(crate) struct Heap<K> {
    entries: Entries,
    places: Places,
    kind: PhantomData<fn() -> K>,
}

unbounded!(Clone, Default: Heap<K> { entries, places, kind });

impl<K> Heap<K> {
    pub(crate) const fn new() -> Self {
        Self { entries: Entries::new(), places: Places::new(), kind: PhantomData }
    }

    /// The first item.
    #[inline]
    pub(crate) fn peek(&self) -> Option<Item<K>> {
        self.entries.peek().map(Item::new)
    }

    #[inline]
    pub(crate) fn get(&self, key: Slot<K>) -> Option<Item<K>> {
        self.entries.get(&self.places, key.index()).map(Item::new)
    }

    pub(crate) fn len(&self) -> u32 {
        self.entries.len()
    }

    /// The keys, in no order that means anything.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Slot<K>> {
        self.entries.keys().map(Slot::at)
    }

    /// Puts a key in, or moves it if it is in already.
    pub(crate) fn set(&mut self, key: Slot<K>, at: u64, tie: u32) {
        self.entries.set(&mut self.places, key.index(), at, tie);
    }

    /// Takes a key out; returns its item if it was in.
    pub(crate) fn remove(&mut self, key: Slot<K>) -> Option<Item<K>> {
        self.entries.remove(&mut self.places, key.index()).map(Item::new)
    }

    /// Takes the first item out.
    pub(crate) fn pop(&mut self) -> Option<Item<K>> {
        self.remove(self.peek()?.key)
    }

    /// How many come before a key, counted up to `most`; the work is in proportion to that. `None` if it is not in.
    pub(crate) fn ahead(&self, key: Slot<K>, most: u32) -> Option<u32> {
        self.entries.ahead(&self.places, key.index(), most)
    }

    /// The most bytes that so many keys take whose indices are below `slots`.
    pub(crate) const fn bound(len: u64, slots: u64) -> u64 {
        Entries::bound(len).saturating_add(vector(slots, size_of::<u32>()))
    }
}

#[cfg(feature = "serde")]
impl<K> Heap<K> {
    /// Puts a queue that was read in order. Returns whether its keys are distinct, and their indices below `slots`; if
    /// not, it is not usable.
    pub(crate) fn reindex(&mut self, slots: u32) -> bool {
        self.places.clear();
        self.entries.reindex(&mut self.places, slots)
    }

    /// A queue as it was saved, without its places.
    pub(super) const fn unindexed(entries: Entries) -> Self {
        Self { entries, places: Places::new(), kind: PhantomData }
    }

    pub(super) const fn entries(&self) -> &Entries {
        &self.entries
    }
}
