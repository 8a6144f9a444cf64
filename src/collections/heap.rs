//! An ordered queue of slots, each in it at most once, out of which any can be taken.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::bytes::vector;
use super::slot::Slot;

/// A slot in a queue. What is least in (`at`, `tie`, index of `key`) comes first.
///
/// The fields are in memory as in that order, so that two loads make it one number (where words are little-endian).
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = ""))]
#[repr(C)]
pub(crate) struct Item<K> {
    pub(crate) key: Slot<K>,
    pub(crate) tie: u32,
    pub(crate) at: u64,
}

unbounded!(Copy: Item<K> { key, tie, at });

impl<K> Item<K> {
    /// The order of items as one number, which is compared without branches.
    #[inline]
    const fn rank(self) -> u128 {
        (self.at as u128) << 64 | (self.tie as u128) << 32 | self.key.number() as u128
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

/// Where each slot is in its queue, by its index, or `NONE`.
pub(super) type Places = Vec<u32>;

const NONE: u32 = u32::MAX;

/// Each node of the tree has so many children: their items are one cache line.
const CHILDREN: usize = 4;

/// The items of one queue, as a heap in a vector. The places are the caller's, since queues of which a slot is in one at
/// most can share them.
///
/// A removal leaves nothing behind, so the vector is as long as the queue.
pub(super) struct Items<K>(Vec<Item<K>>);

impl<K> Items<K> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The items, in no order that means anything.
    pub(super) fn as_slice(&self) -> &[Item<K>] {
        &self.0
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Slot<K>> {
        self.0.iter().map(|item| item.key)
    }

    pub(super) fn len(&self) -> u32 {
        self.0.len() as u32
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<Item<K>> {
        self.0.first().copied()
    }

    #[inline]
    pub(super) fn get(&self, places: &Places, key: Slot<K>) -> Option<Item<K>> {
        let place = *places.get(key.place())?;
        self.0.get(place as usize).copied().filter(|item| item.key == key)
    }

    /// Looks only at items that come before the key, and at their children.
    pub(super) fn ahead(&self, places: &Places, key: Slot<K>, most: u32) -> Option<u32> {
        let of = self.get(places, key)?;
        let mut count = 0u32;
        let mut open = alloc::vec![0usize];
        while let Some(place) = open.pop() {
            let before = self.0.get(place).is_some_and(|item| *item < of);
            if !before || count >= most {
                continue;
            }
            count = count.saturating_add(1);
            open.extend((first_child(place)..).take(CHILDREN));
        }
        Some(count)
    }

    pub(super) fn set(&mut self, places: &mut Places, key: Slot<K>, at: u64, tie: u32) {
        let item = Item { at, tie, key };
        if places.len() <= key.place() {
            places.resize(key.place().saturating_add(1), NONE);
        }
        let place = places.get(key.place()).map_or(NONE, |place| *place) as usize;
        match self.0.get_mut(place).filter(|old| old.key == key) {
            None => {
                self.0.push(item);
                self.rise(places, self.0.len().saturating_sub(1), item);
            }
            Some(old) => {
                let sinks = old.rank() < item.rank();
                *old = item;
                if sinks { self.sink(places, place, item) } else { self.rise(places, place, item) }
            }
        }
    }

    pub(super) fn remove(&mut self, places: &mut Places, key: Slot<K>) -> Option<Item<K>> {
        if self.0.is_empty() {
            return None;
        }
        let place = *places.get(key.place())? as usize;
        let removed = self.0.get(place).copied().filter(|item| item.key == key)?;
        note(places, key, NONE as usize);
        let last = self.0.pop()?;
        if place < self.0.len() {
            if last.rank() < removed.rank() {
                self.rise(places, place, last)
            } else {
                self.sink(places, place, last)
            }
        }
        Some(removed)
    }

    /// Moves the hole at `place` towards the root until `item` fits.
    fn rise(&mut self, places: &mut Places, mut place: usize, item: Item<K>) {
        let (items, places) = (self.0.as_mut_slice(), places.as_mut_slice());
        let rank = item.rank();
        while let Some(up) = place.checked_sub(1) {
            let parent = up / CHILDREN;
            match items.get(parent) {
                Some(&above) if rank < above.rank() => put(items, places, place, above),
                Some(_) | None => break,
            }
            place = parent;
        }
        put(items, places, place, item);
    }

    /// Moves the hole at `place` towards the leaves until `item` fits.
    fn sink(&mut self, places: &mut Places, mut place: usize, item: Item<K>) {
        let (items, places) = (self.0.as_mut_slice(), places.as_mut_slice());
        let rank = item.rank();
        while let Some((at, child)) = least_child(items, place) {
            if child.rank() >= rank {
                break;
            }
            put(items, places, place, child);
            place = at;
        }
        put(items, places, place, item);
    }

    /// The most bytes that so many items take.
    pub(super) const fn bound(len: u64) -> u64 {
        vector(len, size_of::<Item<K>>())
    }
}

#[cfg(feature = "serde")]
impl<K> Items<K> {
    /// Puts items that were read in order. Returns whether the keys are below `slots`, and in no queue of these places.
    pub(super) fn reindex(&mut self, places: &mut Places, slots: u32) -> bool {
        core::mem::take(self).0.into_iter().all(|Item { at, tie, key }| {
            let is_free = places.get(key.place()).is_none_or(|place| *place == NONE);
            let fits = is_free && key.index() < slots;
            if fits {
                self.set(places, key, at, tie);
            }
            fits
        })
    }

    /// Items as they were saved.
    pub(super) const fn unordered(items: Vec<Item<K>>) -> Self {
        Self(items)
    }
}

impl<K> Clone for Items<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for Items<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> core::fmt::Debug for Items<K> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

const fn first_child(place: usize) -> usize {
    place.saturating_mul(CHILDREN).saturating_add(1)
}

/// The least child of a place, and where it is.
#[inline]
fn least_child<K>(items: &[Item<K>], place: usize) -> Option<(usize, Item<K>)> {
    let first = first_child(place);
    let children = items.get(first..)?;
    if let Some(&[a, b, c, d]) = children.first_chunk::<CHILDREN>() {
        let (i, left) = if b.rank() < a.rank() { (1, b) } else { (0, a) };
        let (j, right) = if d.rank() < c.rank() { (3, d) } else { (2, c) };
        let (k, least) = if right.rank() < left.rank() { (j, right) } else { (i, left) };
        return Some((first.saturating_add(k), least));
    }
    let last = (first..).zip(children).min_by_key(|(_, child)| child.rank());
    last.map(|(at, child)| (at, *child))
}

#[inline]
fn put<K>(items: &mut [Item<K>], places: &mut [u32], place: usize, item: Item<K>) {
    if let Some(to) = items.get_mut(place) {
        *to = item;
    }
    note(places, item.key, place);
}

/// Notes where a key is.
#[inline]
fn note<K>(places: &mut [u32], key: Slot<K>, place: usize) {
    if let Some(to) = places.get_mut(key.place()) {
        *to = place as u32;
    }
}

/// A queue.
pub(crate) struct Heap<K> {
    items: Items<K>,
    places: Places,
}

unbounded!(Clone, Default: Heap<K> { items, places });

impl<K> Heap<K> {
    pub(crate) const fn new() -> Self {
        Self { items: Items::new(), places: Places::new() }
    }

    /// The first item.
    #[inline]
    pub(crate) fn peek(&self) -> Option<Item<K>> {
        self.items.peek()
    }

    #[inline]
    pub(crate) fn get(&self, key: Slot<K>) -> Option<Item<K>> {
        self.items.get(&self.places, key)
    }

    pub(crate) fn len(&self) -> u32 {
        self.items.len()
    }

    /// The keys, in no order that means anything.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Slot<K>> {
        self.items.keys()
    }

    /// Puts a key in, or moves it if it is in already.
    pub(crate) fn set(&mut self, key: Slot<K>, at: u64, tie: u32) {
        self.items.set(&mut self.places, key, at, tie);
    }

    /// Takes a key out; returns its item if it was in.
    pub(crate) fn remove(&mut self, key: Slot<K>) -> Option<Item<K>> {
        self.items.remove(&mut self.places, key)
    }

    /// Takes the first item out.
    pub(crate) fn pop(&mut self) -> Option<Item<K>> {
        self.remove(self.peek()?.key)
    }

    /// How many come before a key, counted up to `most`; the work is in proportion to that. `None` if it is not in.
    pub(crate) fn ahead(&self, key: Slot<K>, most: u32) -> Option<u32> {
        self.items.ahead(&self.places, key, most)
    }

    /// The most bytes that so many keys take whose indices are below `slots`.
    pub(crate) const fn bound(len: u64, slots: u64) -> u64 {
        Items::<K>::bound(len).saturating_add(vector(slots, size_of::<u32>()))
    }
}

#[cfg(feature = "serde")]
impl<K> Heap<K> {
    /// Puts a queue that was read in order. Returns whether its keys are distinct, and their indices below `slots`; if
    /// not, it is not usable.
    pub(crate) fn reindex(&mut self, slots: u32) -> bool {
        self.places.clear();
        self.items.reindex(&mut self.places, slots)
    }

    /// A queue as it was saved, without its places.
    pub(super) const fn unindexed(items: Items<K>) -> Self {
        Self { items, places: Places::new() }
    }

    pub(super) const fn items(&self) -> &Items<K> {
        &self.items
    }
}
