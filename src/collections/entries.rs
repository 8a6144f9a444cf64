//! The heap behind the ordered queues, in terms of bare indices: it is compiled once, and not for each kind of slot.

use alloc::vec::Vec;

use super::growth::{self, make_room};
use super::sparse::Sparse;

/// An index in a queue. What is least in (`at`, `tie`, `key`) comes first.
///
/// The fields are in memory as in that order, so that two loads make it one number (where words are little-endian).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(C)]
pub(super) struct Entry {
    pub(super) key: u32,
    pub(super) tie: u32,
    pub(super) at: u64,
}

impl Entry {
    /// The order of entries as one number, which is compared without branches.
    #[inline]
    const fn rank(self) -> u128 {
        (self.at as u128) << 64 | (self.tie as u128) << 32 | self.key as u128
    }
}

/// Where each slot is in its queue, by its index.
pub(super) type Places = Sparse<u32>;

/// The place of a slot that is in no queue: none is so long.
const NOWHERE: u32 = u32::MAX;

/// The places of slots that are in no queue.
pub(super) const fn nowhere() -> Places {
    Sparse::new(NOWHERE)
}

/// Each node of the tree has so many children: their entries are one cache line.
const CHILDREN: usize = 4;

/// The entries of one queue, as a heap in a vector. The places are the caller's, since queues of which a slot is in one at
/// most can share them.
///
/// A removal leaves nothing behind, so the vector is as long as the queue.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Entries(Vec<Entry>);

impl Entries {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// In no order that means anything, but from the first one on.
    pub(super) fn as_slice(&self) -> &[Entry] {
        &self.0
    }

    /// The keys, in no order that means anything.
    pub(super) fn keys(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|entry| entry.key)
    }

    pub(super) fn len(&self) -> u32 {
        self.0.len() as u32
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<Entry> {
        self.0.first().copied()
    }

    #[inline]
    pub(super) fn get(&self, places: &Places, key: u32) -> Option<Entry> {
        self.0.get(places.get(key) as usize).copied().filter(|entry| entry.key == key)
    }

    /// Looks only at entries that come before the key, and at their children.
    pub(super) fn ahead(&self, places: &Places, key: u32, most: u32) -> Option<u32> {
        let of = self.get(places, key)?;
        let mut count = 0u32;
        let mut open = alloc::vec![0usize];
        while let Some(place) = open.pop() {
            let before = self.0.get(place).is_some_and(|entry| entry.rank() < of.rank());
            if !before || count >= most {
                continue;
            }
            count = count.saturating_add(1);
            open.extend((first_child(place)..).take(CHILDREN));
        }
        Some(count)
    }

    pub(super) fn set(&mut self, places: &mut Places, key: u32, at: u64, tie: u32) {
        let entry = Entry { at, tie, key };
        let place = places.make_room(key) as usize;
        match self.0.get_mut(place).filter(|old| old.key == key) {
            None => {
                let last = self.0.len();
                if last == self.0.capacity() {
                    make_room(&mut self.0, last.saturating_add(1));
                }
                self.0.push(entry);
                self.rise(places, last, entry);
            }
            Some(old) => {
                let sinks = old.rank() < entry.rank();
                *old = entry;
                if sinks { self.sink(places, place, entry) } else { self.rise(places, place, entry) }
            }
        }
    }

    /// Takes a key out. Returns whether it was in; many queues are empty most of the time.
    #[inline]
    pub(super) fn remove(&mut self, places: &mut Places, key: u32) -> bool {
        !self.0.is_empty() && self.take_out(places, key)
    }

    fn take_out(&mut self, places: &mut Places, key: u32) -> bool {
        let place = places.get(key) as usize;
        let Some(&removed) = self.0.get(place).filter(|entry| entry.key == key) else { return false };
        places.set(key, NOWHERE);
        if let Some(last) = self.0.pop().filter(|_| place < self.0.len()) {
            if last.rank() < removed.rank() {
                self.rise(places, place, last)
            } else {
                self.sink(places, place, last)
            }
        }
        true
    }

    /// Moves the hole at `place` towards the root until `entry` fits.
    #[inline]
    fn rise(&mut self, places: &mut Places, mut place: usize, entry: Entry) {
        let entries = self.0.as_mut_slice();
        let rank = entry.rank();
        while let Some(up) = place.checked_sub(1) {
            let parent = up / CHILDREN;
            match entries.get(parent) {
                Some(&above) if rank < above.rank() => put(entries, places, place, above),
                Some(_) | None => break,
            }
            place = parent;
        }
        put(entries, places, place, entry);
    }

    /// Moves the hole at `place` to a leaf, and from there back until `entry` fits: most entries belong near the leaves
    /// (Wegener 1993, "bottom-up heapsort").
    fn sink(&mut self, places: &mut Places, mut place: usize, entry: Entry) {
        let entries = self.0.as_mut_slice();
        while let Some((at, child)) = least_child(entries, place) {
            put(entries, places, place, child);
            place = at;
        }
        self.rise(places, place, entry);
    }

    /// The most bytes that so many entries take.
    pub(super) const fn bound(len: u64) -> u64 {
        growth::bound(len, size_of::<Entry>())
    }

    /// The bytes that they take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<Entry>())
    }
}

#[cfg(feature = "serde")]
impl Entries {
    /// Puts entries that were read in order. Returns whether the keys are below `slots`, and in no queue of these places.
    pub(super) fn reindex(&mut self, places: &mut Places, slots: u32) -> bool {
        core::mem::take(self).0.into_iter().all(|Entry { at, tie, key }| {
            let fits = places.get(key) == NOWHERE && key < slots;
            if fits {
                self.set(places, key, at, tie);
            }
            fits
        })
    }
}

const fn first_child(place: usize) -> usize {
    place.saturating_mul(CHILDREN).saturating_add(1)
}

/// The least child of a place, and where it is.
#[inline]
fn least_child(entries: &[Entry], place: usize) -> Option<(usize, Entry)> {
    let first = first_child(place);
    let children = entries.get(first..)?;
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
fn put(entries: &mut [Entry], places: &mut Places, place: usize, entry: Entry) {
    if let Some(to) = entries.get_mut(place) {
        *to = entry;
    }
    places.set(entry.key, place as u32);
}
