//! From hashes to slots: a hash map whose work for one insertion is bounded, however large it is.

use hashbrown::HashTable;

/// From this size on entries move a few at a time; below it all at once takes microseconds.
const LARGE: usize = 1 << 12;

/// How many buckets of the old table are cleared with each insertion. A new table has room for more insertions
/// than a sixteenth of the old one's buckets, so the old one is gone before the next is due.
const STEP: usize = 16;

/// Slots by the hashes of their keys. Never iterated in an order that could reach an output.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    table: HashTable<u32>,
    /// What `table` takes over, bucket by bucket, and how many of its buckets are cleared.
    old: HashTable<u32>,
    cleared: usize,
}

impl Index {
    pub(crate) const fn new() -> Self {
        Self { table: HashTable::new(), old: HashTable::new(), cleared: 0 }
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let found = self.table.find(hash, |&slot| same(slot));
        if found.is_some() || self.old.is_empty() {
            return found.copied();
        }
        self.old.find(hash, |&slot| same(slot)).copied()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty() && self.old.is_empty()
    }

    /// Adds a slot that is not in; `hash_of` says the hash of any slot that is.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        if self.table.len() == self.table.capacity() && self.table.num_buckets() >= LARGE {
            self.renew(&hash_of);
        }
        self.table.insert_unique(hash, slot, |&slot| hash_of(slot));
        if !self.old.is_empty() {
            self.clear_some(STEP, &hash_of);
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        for table in [&mut self.table, &mut self.old] {
            if let Ok(entry) = table.find_entry(hash, |&other| other == slot) {
                entry.remove();
                break;
            }
        }
        self.drop_cleared();
    }

    /// No bucket is left: a table of twice the size takes over, or one of the same size if the buckets were used up by
    /// entries that are gone.
    fn renew(&mut self, hash_of: &impl Fn(u32) -> u64) {
        self.clear_some(usize::MAX, hash_of);
        let (len, buckets) = (self.table.len(), self.table.num_buckets());
        // What a table with so many buckets has room for.
        let room = len.saturating_mul(2).max((buckets / 8).saturating_mul(7));
        self.old = core::mem::replace(&mut self.table, HashTable::with_capacity(room));
        self.cleared = 0;
    }

    /// Moves what is in the next few buckets of the old table, and drops that with the last entry.
    fn clear_some(&mut self, buckets: usize, hash_of: &impl Fn(u32) -> u64) {
        let end = self.cleared.saturating_add(buckets).min(self.old.num_buckets());
        for bucket in self.cleared..end {
            if let Ok(entry) = self.old.get_bucket_entry(bucket) {
                let (slot, _) = entry.remove();
                self.table.insert_unique(hash_of(slot), slot, |&slot| hash_of(slot));
            }
        }
        self.cleared = end;
        self.drop_cleared();
    }

    fn drop_cleared(&mut self) {
        if self.old.is_empty() && self.cleared > 0 {
            self.old = HashTable::new();
            self.cleared = 0;
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Any spread does: these are no keys of strangers.
    const fn hash_of(slot: u32) -> u64 {
        (slot as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn whatever_was_put_in_is_found_while_it_moves() {
        let mut index = Index::new();
        let mut moving = 0u32;
        for slot in 0..50_000 {
            index.insert(hash_of(slot), slot, hash_of);
            moving += u32::from(!index.old.is_empty());
            // One of the first, the last, and one that is not in.
            for wanted in [slot / 2, slot] {
                assert_eq!(index.find(hash_of(wanted), |other| other == wanted), Some(wanted));
            }
            assert_eq!(index.find(hash_of(slot + 1), |other| other == slot + 1), None);
        }
        assert!(moving > 1_000, "entries have moved a few at a time, during {moving} insertions");
        for slot in 0..50_000 {
            index.remove(hash_of(slot), slot);
            assert_eq!(index.find(hash_of(slot), |other| other == slot), None);
        }
        assert!(index.is_empty());
    }

    /// Under a steady coming and going the table keeps its size, and an old one is gone before the next is due.
    #[test]
    fn churn_takes_no_more_room() {
        let mut index = Index::new();
        let sizes: Vec<usize> = (0..600_000u32)
            .map(|slot| {
                let begins = index.old.is_empty();
                index.insert(hash_of(slot), slot, hash_of);
                assert!(
                    index.old.is_empty() || begins || index.cleared > STEP,
                    "the old table is taken over before a new one is begun"
                );
                if let Some(last) = slot.checked_sub(20_000) {
                    index.remove(hash_of(last), last);
                }
                index.table.num_buckets()
            })
            .collect();
        assert_eq!((index.table.len() + index.old.len(), sizes.last()), (20_000, sizes.get(50_000)));
    }
}
