//! An ordered queue of small numbers, each in it at most once, from which any can be taken out.

use alloc::vec::Vec;

use super::slab::NONE;

/// An entry: what is least in (`at`, `tie`, `key`) comes first.
///
/// The fields stand in memory as in their rank, so that two loads make it (where words are little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) key: u32,
    pub(crate) tie: u32,
    pub(crate) at: u64,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Entry {
    /// The order of entries as one number, which compares without branches.
    #[inline]
    const fn rank(self) -> u128 {
        (self.at as u128) << 64 | (self.tie as u128) << 32 | self.key as u128
    }
}

/// A heap with four children a node (four entries are one cache line). Where each key stands is the caller's to keep,
/// because queues of which a key is in one at most can share that.
///
/// Keys are slots, so they are dense, and a vector says where each stands. Nothing is ever left behind by a
/// removal, so the queue is as long as what waits in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries(Vec<Entry>);

/// Where each key stands in the queue that it is in, or `NONE`.
pub(crate) type Places = Vec<u32>;

const CHILDREN: usize = 4;

impl Entries {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// A queue as it was saved, to be indexed.
    #[cfg(feature = "serde")]
    pub(crate) const fn unindexed(entries: Vec<Entry>) -> Self {
        Self(entries)
    }

    /// Puts everything in order again. Returns whether all keys are below `slots`, and in no queue of these places.
    #[cfg(feature = "serde")]
    pub(crate) fn index(&mut self, places: &mut Places, slots: u32) -> bool {
        core::mem::take(self).0.into_iter().all(|Entry { at, tie, key }| {
            let fits = key < slots && places.get(key as usize).is_none_or(|place| *place == NONE);
            if fits {
                self.set(places, key, at, tie);
            }
            fits
        })
    }

    /// The entries, in no order that means anything.
    pub(crate) fn as_slice(&self) -> &[Entry] {
        &self.0
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<Entry> {
        self.0.first().copied()
    }

    #[inline]
    pub(crate) fn get(&self, places: &Places, key: u32) -> Option<Entry> {
        let place = *places.get(key as usize)?;
        self.0.get(place as usize).copied().filter(|entry| entry.key == key)
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.len() as u32
    }

    /// How many come before a key, counted up to `most`. Only entries that do and their children are looked at.
    pub(crate) fn ahead(&self, places: &Places, key: u32, most: u32) -> Option<u32> {
        let of = self.get(places, key)?;
        let mut count = 0u32;
        let mut open = alloc::vec![0usize];
        while let Some(place) = open.pop() {
            let before = self.0.get(place).is_some_and(|entry| *entry < of);
            if !before || count >= most {
                continue;
            }
            count = count.saturating_add(1);
            let first = place.saturating_mul(CHILDREN).saturating_add(1);
            open.extend((first..).take(CHILDREN));
        }
        Some(count)
    }

    /// Puts a key in that is in no other queue of these places, or moves it if it is in already.
    pub(crate) fn set(&mut self, places: &mut Places, key: u32, at: u64, tie: u32) {
        let entry = Entry { at, tie, key };
        if places.len() <= key as usize {
            places.resize((key as usize).saturating_add(1), NONE);
        }
        let place = places.get(key as usize).map_or(NONE, |place| *place) as usize;
        match self.0.get_mut(place).filter(|old| old.key == key) {
            None => {
                self.0.push(entry);
                self.rise(places, self.0.len().saturating_sub(1), entry);
            }
            Some(old) => {
                let sinks = old.rank() < entry.rank();
                *old = entry;
                if sinks { self.sink(places, place, entry) } else { self.rise(places, place, entry) }
            }
        }
    }

    /// Takes a key out; returns its entry if it was in.
    pub(crate) fn remove(&mut self, places: &mut Places, key: u32) -> Option<Entry> {
        if self.0.is_empty() {
            return None;
        }
        let place = *places.get(key as usize)? as usize;
        let removed = self.0.get(place).copied().filter(|entry| entry.key == key)?;
        stand(places, key, NONE as usize);
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

    /// Moves the hole at `place` towards the root until `entry` fits.
    fn rise(&mut self, places: &mut Places, mut place: usize, entry: Entry) {
        let (entries, places) = (self.0.as_mut_slice(), places.as_mut_slice());
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

    /// Moves the hole at `place` towards the leaves until `entry` fits.
    fn sink(&mut self, places: &mut Places, mut place: usize, entry: Entry) {
        let (entries, places) = (self.0.as_mut_slice(), places.as_mut_slice());
        let rank = entry.rank();
        while let Some((at, child)) = least_child(entries, place) {
            if child.rank() >= rank {
                break;
            }
            put(entries, places, place, child);
            place = at;
        }
        put(entries, places, place, entry);
    }
}

/// The least child of a place, and where it is.
#[inline]
fn least_child(entries: &[Entry], place: usize) -> Option<(usize, Entry)> {
    let first = place.saturating_mul(CHILDREN).saturating_add(1);
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
fn put(entries: &mut [Entry], places: &mut [u32], place: usize, entry: Entry) {
    if let Some(to) = entries.get_mut(place) {
        *to = entry;
    }
    stand(places, entry.key, place);
}

/// Notes where a key stands.
#[inline]
fn stand(places: &mut [u32], key: u32, place: usize) {
    if let Some(to) = places.get_mut(key as usize) {
        *to = place as u32;
    }
}

/// A queue with places of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    entries: Entries,
    places: Places,
}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self { entries: Entries::new(), places: Places::new() }
    }

    /// A queue as it was saved, to be indexed.
    #[cfg(feature = "serde")]
    pub(crate) const fn unindexed(entries: Entries) -> Self {
        Self { entries, places: Places::new() }
    }

    /// Puts everything in order again. Returns whether all keys are distinct and below `slots`.
    #[cfg(feature = "serde")]
    pub(crate) fn index(&mut self, slots: u32) -> bool {
        self.places.clear();
        self.entries.index(&mut self.places, slots)
    }

    #[cfg(feature = "serde")]
    pub(crate) const fn entries(&self) -> &Entries {
        &self.entries
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<Entry> {
        self.entries.peek()
    }

    #[inline]
    pub(crate) fn get(&self, key: u32) -> Option<Entry> {
        self.entries.get(&self.places, key)
    }

    pub(crate) fn len(&self) -> u32 {
        self.entries.len()
    }

    /// The keys, in no order that means anything.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u32> {
        self.entries.as_slice().iter().map(|entry| entry.key)
    }

    /// Puts a key in, or moves it if it is in already.
    pub(crate) fn set(&mut self, key: u32, at: u64, tie: u32) {
        self.entries.set(&mut self.places, key, at, tie);
    }

    /// Takes a key out; returns its entry if it was in.
    pub(crate) fn remove(&mut self, key: u32) -> Option<Entry> {
        self.entries.remove(&mut self.places, key)
    }

    pub(crate) fn pop(&mut self) -> Option<Entry> {
        self.remove(self.peek()?.key)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn behaves_like_an_ordered_set() {
        let mut heap = Heap::new();
        let mut model: BTreeSet<Entry> = BTreeSet::new();
        let mut state = 1u64;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for step in 0..50_000 {
            let key = draw(300) as u32;
            let old = model.iter().find(|entry| entry.key == key).copied();
            assert_eq!(heap.get(key), old);
            match draw(4) {
                0 => {
                    assert_eq!(heap.remove(key), old);
                    old.map(|old| model.remove(&old));
                }
                1 => assert_eq!(heap.pop(), model.pop_first()),
                _ => {
                    let entry = Entry { at: draw(40), tie: draw(3) as u32, key };
                    heap.set(key, entry.at, entry.tie);
                    old.map(|old| model.remove(&old));
                    model.insert(entry);
                }
            }
            assert_eq!(
                (heap.peek(), heap.len() as usize),
                (model.first().copied(), model.len()),
                "step {step}"
            );
            let ahead = heap.get(key).map(|entry| model.range(..entry).count() as u32);
            assert_eq!(heap.entries.ahead(&heap.places, key, u32::MAX), ahead);
            assert_eq!(heap.entries.ahead(&heap.places, key, 5), ahead.map(|ahead| ahead.min(5)));
        }
    }
}
