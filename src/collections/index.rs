//! From hashes to slots: a hash map whose work for one insertion is bounded, however large it is.
//!
//! It is extendible hashing: some bits of a hash say which segment it belongs to, and a segment that is full splits in
//! two. So nothing ever moves but the entries of one segment, and no more than one is allocated at once.

use alloc::vec::Vec;

use hashbrown::HashTable;

use super::bytes::vector;
use super::slot::Slot;

/// Buckets of a segment: the lowest bits of a hash choose one.
const BUCKETS: usize = 512;
/// How many entries they have room for.
const ROOM: usize = BUCKETS / 8 * 7;
/// The bits of a hash from this one on choose the segment.
const SHIFT: u32 = BUCKETS.trailing_zeros();

/// A slot, and as much of the hash of its key as is ever looked at. Without it, growing would mean to fetch and hash the
/// key of each entry that moves.
struct Entry<K> {
    hash: u32,
    slot: Slot<K>,
}

impl<K> Entry<K> {
    /// The hash for the map of a segment, which looks at the lowest and the highest bits.
    #[inline]
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

#[inline]
const fn spread(hash: u32) -> u64 {
    (hash as u64) << 32 | hash as u64
}

struct Segment<K> {
    table: HashTable<Entry<K>>,
    /// How many bits of a hash all its entries share.
    depth: u32,
}

/// Slots by the hashes of their keys, which are kept elsewhere. It can't be iterated, so that no order of hashes gets out.
pub(crate) struct Index<K> {
    /// Which segment, by as many bits as choose one; a segment of fewer bits stands here several times.
    directory: Vec<u32>,
    segments: Vec<Segment<K>>,
}

unbounded!(Copy: Entry<K> { hash, slot });
unbounded!(Clone, Default: Segment<K> { table, depth });
unbounded!(Clone, Default: Index<K> { directory, segments });

impl<K> Index<K> {
    pub(crate) const fn new() -> Self {
        Self { directory: Vec::new(), segments: Vec::new() }
    }

    /// Which segment a hash belongs to. The length of the directory is a power of two.
    #[inline]
    fn segment(&self, hash: u32) -> usize {
        let mask = self.directory.len().saturating_sub(1);
        self.directory.get((hash >> SHIFT) as usize & mask).map_or(0, |segment| *segment as usize)
    }

    /// A slot with this hash that is the `same` as the wanted one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(Slot<K>) -> bool) -> Option<Slot<K>> {
        let hash = hash as u32;
        let segment = self.segments.get(self.segment(hash))?;
        let wanted = |entry: &Entry<K>| entry.hash == hash && same(entry.slot);
        segment.table.find(spread(hash), wanted).map(|entry| entry.slot)
    }

    /// Adds a slot that is not in.
    pub(crate) fn insert(&mut self, hash: u64, slot: Slot<K>) {
        let hash = hash as u32;
        if self.segments.is_empty() {
            self.segments.push(Segment::new());
            self.directory.push(0);
        }
        let mut at = self.segment(hash);
        // What was read from a snapshot may have hashes of a stranger's choice. Where these don't spread, one segment
        // grows, as any hash map does, and not the directory.
        let spreads = self.directory.len() <= self.segments.len().saturating_mul(8);
        if spreads && self.segments.get(at).is_some_and(Segment::is_full) {
            self.split(at);
            at = self.segment(hash);
        }
        if let Some(segment) = self.segments.get_mut(at) {
            segment.table.insert_unique(spread(hash), Entry { hash, slot }, Entry::spread);
        }
    }

    /// Takes a slot out.
    pub(crate) fn take(&mut self, hash: u64, same: impl Fn(Slot<K>) -> bool) -> Option<Slot<K>> {
        let hash = hash as u32;
        let at = self.segment(hash);
        let wanted = |entry: &Entry<K>| entry.hash == hash && same(entry.slot);
        let entry = self.segments.get_mut(at)?.table.find_entry(spread(hash), wanted).ok()?;
        Some(entry.remove().0.slot)
    }

    /// How many slots are in.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.table.len()).sum()
    }

    /// Moves the entries of a segment whose next bit is set to a new one.
    fn split(&mut self, at: usize) {
        let new = self.segments.len() as u32;
        let Some(old) = self.segments.get_mut(at) else { return };
        let bit = 1usize << old.depth;
        old.depth = old.depth.saturating_add(1);
        let mut table = HashTable::with_capacity(ROOM);
        let belongs = |entry: &mut Entry<K>| (entry.hash >> SHIFT) as usize & bit != 0;
        for entry in old.table.extract_if(belongs) {
            table.insert_unique(entry.spread(), entry, Entry::spread);
        }
        let depth = old.depth;
        self.segments.push(Segment { table, depth });
        if self.directory.len() == bit {
            self.directory.extend_from_within(..);
        }
        // Every place that led to the old segment, and has the bit set, leads to the new one.
        for (place, segment) in self.directory.iter_mut().enumerate() {
            if *segment == at as u32 && place & bit != 0 {
                *segment = new;
            }
        }
    }

    /// The most bytes that so many slots take: eight for an entry and one of control in each bucket. A segment splits when
    /// it is half full at the least (the rest of its buckets used up by what is gone), so each half is a quarter full.
    pub(crate) const fn bound(len: u64) -> u64 {
        /// An entry and a byte of control.
        const BUCKET: u64 = 9;
        let room = ROOM as u64;
        let segments = len.div_ceil(room / 4);
        let buckets = if len <= room / 4 {
            len.saturating_mul(8).next_power_of_two()
        } else {
            segments.saturating_mul(BUCKETS as u64)
        };
        let directory = segments.saturating_mul(16 * 4);
        let own = buckets.saturating_mul(BUCKET).saturating_add(segments.saturating_mul(16));
        own.saturating_add(vector(segments, size_of::<Segment<K>>())).saturating_add(directory)
    }

    /// The bytes that it takes.
    #[cfg(test)]
    #[allow(clippy::arithmetic_side_effects, reason = "for tests")]
    pub(super) fn bytes(&self) -> usize {
        let tables: usize = self.segments.iter().map(|segment| segment.table.allocation_size()).sum();
        tables + self.directory.capacity() * 4 + self.segments.capacity() * size_of::<Segment<K>>()
    }
}

impl<K> Segment<K> {
    const fn new() -> Self {
        Self { table: HashTable::new(), depth: 0 }
    }

    /// Whether the next entry would make the table grow beyond its buckets. (If few of them are in use, and the rest were
    /// used up by entries that are gone, it clears those itself, in place.)
    fn is_full(&self) -> bool {
        let no_room = self.table.len() == self.table.capacity() && self.table.num_buckets() >= BUCKETS;
        no_room && self.table.len() >= ROOM / 2
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::BTreeSet;

    enum Kind {}

    type At = Slot<Kind>;

    /// Any spread does: these are no keys of strangers.
    fn hash_of(slot: At) -> u64 {
        u64::from(slot.index()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn behaves_like_a_set() {
        let (mut index, mut model, mut draws) = (Index::new(), BTreeSet::new(), Draws::new(6));
        assert_eq!(index.find(1, |_| true), None);
        assert_eq!(index.take(1, |_| true), None);
        // Few hashes, so that many slots have the same.
        let hash_of = |slot: At| hash_of(At::at(slot.index() / 3));
        for step in 0..60_000 {
            let slot = At::at(draws.below(20_000));
            let (hash, is_in) = (hash_of(slot), model.contains(&slot));
            assert_eq!(index.find(hash, |other| other == slot), is_in.then_some(slot));
            if is_in && draws.below(2) == 0 {
                assert_eq!(index.take(hash, |other| other == slot), Some(slot));
                model.remove(&slot);
            } else if !is_in {
                assert_eq!(index.take(hash, |other| other == slot), None);
                index.insert(hash, slot);
                model.insert(slot);
            }
            if step % 1_000 == 0 {
                assert_eq!(index.clone().len(), model.len());
            }
        }
        assert!(model.len() > 5_000 && index.segments.len() > 10);
        assert!(model.iter().all(|slot| index.find(hash_of(*slot), |other| other == *slot) == Some(*slot)));
    }

    #[test]
    fn it_takes_no_more_than_its_bound() {
        let mut index = Index::new();
        for number in 0..50_000 {
            index.insert(hash_of(At::at(number)), At::at(number));
            assert!(
                index.bytes() as u64 <= Index::<Kind>::bound(u64::from(number) + 1),
                "{number}: {}",
                index.bytes()
            );
        }
    }

    /// No insertion makes room for more than one segment, and a steady coming and going makes none at all.
    #[test]
    fn it_grows_by_single_segments_and_churn_takes_no_more_room() {
        let mut index = Index::new();
        let mut before = 0;
        for number in 0..600_000u32 {
            let slot = At::at(number);
            index.insert(hash_of(slot), slot);
            let segments = index.segments.len();
            assert!(segments <= before + 1 || before == 0);
            assert!(index.segments.iter().skip(before).all(|segment| segment.table.num_buckets() <= BUCKETS));
            before = segments;
            if let Some(last) = number.checked_sub(20_000).map(At::at) {
                assert_eq!(index.take(hash_of(last), |other| other == last), Some(last));
            }
        }
        assert!(index.segments.iter().all(|segment| segment.table.num_buckets() == BUCKETS));
        assert!(before < 20_000 / (ROOM / 4), "{before} segments for 20,000 entries");
        assert_eq!(index.len(), 20_000);
    }

    /// Hashes that were chosen so that each split tells one entry from all the others. The low bits put that one where its
    /// bucket is free again once it is gone, so that the next one makes the segment full.
    #[test]
    fn hashes_that_do_not_spread_do_not_swell_the_directory() {
        let most = ROOM as u32 - 1;
        let chosen = |slot: At| match slot.index().checked_sub(most) {
            None => u64::from(slot.index()),
            Some(bit) => 1 << (SHIFT + bit) | 480,
        };
        let mut index = Index::new();
        let slots = || (0..most + 20).map(At::at);
        for slot in slots() {
            index.insert(chosen(slot), slot);
        }
        assert!(index.segments.len() > 4, "{} segments", index.segments.len());
        assert!(index.directory.len() <= index.segments.len() * 16, "{}", index.directory.len());
        for slot in slots() {
            assert_eq!(index.find(chosen(slot), |other| other == slot), Some(slot));
        }
    }
}
