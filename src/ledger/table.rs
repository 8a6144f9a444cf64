//! Values by key: a slab, and an index over it that strangers cannot attack.
//!
//! The only hash map of the crate. Keys come from strangers, so the hash is SipHash with a key from the rng; the
//! map is never iterated, so no order of it can reach an output.

use siphasher::sip::SipHasher13;

use super::index::Index;
use super::slab::Slab;
use crate::network::SubnetKey;
use crate::node::NodeId;

/// What can be hashed by its bytes.
pub(crate) trait Key: Copy + Eq {
    fn hash(&self, hasher: &SipHasher13) -> u64;
}

impl<I: NodeId> Key for I {
    #[inline]
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        hasher.hash(self.as_bytes())
    }
}

impl Key for u64 {
    #[inline]
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        hasher.hash(&self.to_le_bytes())
    }
}

impl Key for SubnetKey {
    #[inline]
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        hasher.hash(&self.bytes())
    }
}

/// A map from keys to values that also have a slot: a number to be remembered instead of the key.
#[derive(Clone)]
pub(crate) struct Table<K, T> {
    slab: Slab<(K, T)>,
    index: Index,
    hasher: SipHasher13,
}

impl<K: Key, T> Table<K, T> {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        Self { slab: Slab::new(), index: Index::new(), hasher }
    }

    #[inline]
    pub(crate) fn find(&self, key: &K) -> Option<u32> {
        if self.len() == 0 {
            return None;
        }
        self.find_hashed(key, key.hash(&self.hasher))
    }

    #[inline]
    fn find_hashed(&self, key: &K, hash: u64) -> Option<u32> {
        self.index.find(hash, |slot| self.slab.get(slot).is_some_and(|(other, _)| other == key))
    }

    /// The slot of a key, which is added if it is not there yet.
    pub(crate) fn intern(&mut self, key: K, value: impl FnOnce() -> T) -> u32 {
        let hash = key.hash(&self.hasher);
        self.find_hashed(&key, hash).unwrap_or_else(|| self.insert_hashed(key, hash, value()))
    }

    /// Adds a key that is not there yet; the caller has looked.
    pub(crate) fn insert(&mut self, key: K, value: T) -> u32 {
        self.insert_hashed(key, key.hash(&self.hasher), value)
    }

    fn insert_hashed(&mut self, key: K, hash: u64, value: T) -> u32 {
        let slot = self.slab.insert((key, value));
        self.list(hash, slot);
        slot
    }

    /// Adds a filled slot to the index.
    fn list(&mut self, hash: u64, slot: u32) {
        let Self { slab, index, hasher } = self;
        index.insert(hash, slot, |slot| slab.get(slot).map_or(0, |(key, _)| key.hash(hasher)));
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<(K, T)> {
        let (key, value) = self.slab.remove(slot)?;
        self.index.take(key.hash(&self.hasher), |other| other == slot);
        Some((key, value))
    }
}

#[cfg(feature = "serde")]
impl<K: Key, T> Table<K, T> {
    /// Hashes all keys again. Returns whether they are distinct.
    pub(crate) fn index(&mut self, hasher: SipHasher13) -> bool {
        self.hasher = hasher;
        self.index = Index::new();
        (0..self.slab.slots()).all(|slot| {
            let Some(&(key, _)) = self.slab.get(slot) else { return true };
            let hash = key.hash(&hasher);
            let new = self.find_hashed(&key, hash).is_none();
            self.list(hash, slot);
            new
        })
    }
}

#[cfg(feature = "serde")]
impl<K, T> Table<K, T> {
    /// A table as it was saved, to be indexed.
    pub(crate) fn unindexed(slab: Slab<(K, T)>) -> Self {
        Self { slab, ..Self::default() }
    }

    pub(crate) const fn slab(&self) -> &Slab<(K, T)> {
        &self.slab
    }
}

impl<K, T> Default for Table<K, T> {
    /// An empty table with no key to speak of: for what is found again after reading.
    fn default() -> Self {
        Self { slab: Slab::new(), index: Index::new(), hasher: SipHasher13::new_with_keys(0, 0) }
    }
}

impl<K, T> Table<K, T> {
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.slab.get(slot).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slab.get_mut(slot).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn key(&self, slot: u32) -> Option<K>
    where
        K: Copy,
    {
        self.slab.get(slot).map(|(key, _)| *key)
    }

    /// A key with its value.
    #[inline]
    pub(crate) fn entry(&self, slot: u32) -> Option<&(K, T)> {
        self.slab.get(slot)
    }

    /// In the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &(K, T))> {
        self.slab.iter()
    }

    pub(crate) const fn len(&self) -> u32 {
        self.slab.len()
    }

    /// The most bytes for so many keys.
    pub(super) const fn bound(len: u64) -> u64 {
        Slab::<(K, T)>::bound(len).saturating_add(Index::bound(len))
    }

    /// How many slots there are, used or not.
    pub(crate) fn slots(&self) -> u32 {
        self.slab.slots()
    }
}

impl<K: core::fmt::Debug, T: core::fmt::Debug> core::fmt::Debug for Table<K, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter().map(|(_, (key, value))| (key, value))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[test]
    fn behaves_like_a_map() {
        let mut table = Table::new(SipHasher13::new_with_keys(1, 2));
        let mut model = BTreeMap::new();
        for step in 0u64..10_000 {
            let key = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
            match table.find(&key) {
                Some(slot) if step % 3 == 0 => {
                    assert_eq!(table.remove(slot), model.remove_entry(&key));
                }
                Some(slot) => assert_eq!(table.get(slot), model.get(&key)),
                None => {
                    assert_eq!(model.insert(key, step), None);
                    let slot = table.insert(key, step);
                    assert_eq!((table.key(slot), table.find(&key)), (Some(key), Some(slot)));
                }
            }
            assert_eq!(table.len() as usize, model.len());
        }
        assert!(model.len() > 50);
    }
}
