//! From hashes to slots: a hash map whose work for one insertion is bounded, however large it is.
//!
//! It is extendible hashing: some bits of a hash say which segment it belongs to, and a segment that is full splits in
//! two. So nothing ever moves but the entries of one segment, and no more than one is allocated at once.

use alloc::vec::Vec;

use hashbrown::HashTable;

use super::bytes::vector;
use super::slot::Slot;

/// Buckets of a segment.
const BUCKETS: usize = 512;
/// How many entries they have room for.
const ROOM: usize = BUCKETS / 8 * 7;
/// The bits of a hash from this one on choose the segment: within it the map looks at the lowest and the highest ones.
const SHIFT: u32 = 32;

struct Segment<K> {
    table: HashTable<Slot<K>>,
    /// How many bits of a hash all its entries share.
    depth: u32,
}

/// Slots by the hashes of their keys, which are kept elsewhere. It can't be iterated, so that no order of hashes gets out.
pub(crate) struct Index<K> {
    /// Which segment, by as many bits as choose one; a segment of fewer bits stands here several times.
    directory: Vec<u32>,
    segments: Vec<Segment<K>>,
}

unbounded!(Clone, Default: Segment<K> { table, depth });
unbounded!(Clone, Default: Index<K> { directory, segments });

impl<K> Index<K> {
    pub(crate) const fn new() -> Self {
        Self { directory: Vec::new(), segments: Vec::new() }
    }

    /// Which segment a hash belongs to. The length of the directory is a power of two.
    #[inline]
    fn segment(&self, hash: u64) -> usize {
        let mask = self.directory.len().saturating_sub(1);
        self.directory.get((hash >> SHIFT) as usize & mask).map_or(0, |segment| *segment as usize)
    }

    /// A slot with this hash that is the `same` as the wanted one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(Slot<K>) -> bool) -> Option<Slot<K>> {
        let segment = self.segments.get(self.segment(hash))?;
        segment.table.find(hash, |slot| same(*slot)).copied()
    }

    /// Adds a slot that is not in; `hash_of` says the hash of any slot that is.
    pub(crate) fn insert(&mut self, hash: u64, slot: Slot<K>, hash_of: impl Fn(Slot<K>) -> u64) {
        if self.segments.is_empty() {
            self.segments.push(Segment::new());
            self.directory.push(0);
        }
        let mut at = self.segment(hash);
        // What was read from a snapshot may have hashes of a stranger's choice. Where these don't spread, one segment
        // grows, as any hash map does, and not the directory.
        let spread = self.directory.len() <= self.segments.len().saturating_mul(8);
        if spread && self.segments.get(at).is_some_and(Segment::is_full) {
            self.split(at, &hash_of);
            at = self.segment(hash);
        }
        if let Some(segment) = self.segments.get_mut(at) {
            segment.table.insert_unique(hash, slot, |slot| hash_of(*slot));
        }
    }

    /// Takes a slot out.
    pub(crate) fn take(&mut self, hash: u64, same: impl Fn(Slot<K>) -> bool) -> Option<Slot<K>> {
        let at = self.segment(hash);
        let entry = self.segments.get_mut(at)?.table.find_entry(hash, |slot| same(*slot)).ok()?;
        Some(entry.remove().0)
    }

    /// How many slots are in.
    pub(crate) fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.table.len()).sum()
    }

    /// Moves the entries of a segment whose next bit is set to a new one.
    fn split(&mut self, at: usize, hash_of: &impl Fn(Slot<K>) -> u64) {
        let new = self.segments.len() as u32;
        let Some(old) = self.segments.get_mut(at) else { return };
        let bit = 1usize << old.depth;
        old.depth = old.depth.saturating_add(1);
        let belongs = |hash: u64| (hash >> SHIFT) as usize & bit != 0;
        let mut table = HashTable::with_capacity(ROOM);
        for bucket in 0..old.table.num_buckets() {
            let Ok(entry) = old.table.get_bucket_entry(bucket) else { continue };
            let hash = hash_of(*entry.get());
            if belongs(hash) {
                let (slot, _) = entry.remove();
                table.insert_unique(hash, slot, |slot| hash_of(*slot));
            }
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

    /// The most bytes that so many slots take: four for a slot and one of control in each bucket. A segment splits when
    /// it is half full at the least (the rest of its buckets used up by what is gone), so each half is a quarter full.
    pub(crate) const fn bound(len: u64) -> u64 {
        /// A slot and a byte of control.
        const BUCKET: u64 = 5;
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
