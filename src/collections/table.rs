//! Values by key: a slab, and an index of its keys.
//!
//! Keys may be of a stranger's choice, so they are hashed with SipHash and a secret; and the order of the hashes is
//! never to be seen.

use core::fmt;

use siphasher::sip::SipHasher13;

use super::index::Index;
use super::slab::Slab;
use super::slot::Slot;

/// A key, and how it is hashed: the same on every platform.
pub(crate) trait Key: Copy + Eq {
    fn hash(&self, hasher: &SipHasher13) -> u64;
}

impl Key for u64 {
    #[inline]
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        hasher.hash(&self.to_le_bytes())
    }
}

/// A map from keys to values. Each key has a slot of kind `S`, by which it is found without hashing.
pub(crate) struct Table<S, K, T> {
    slab: Slab<S, (K, T)>,
    index: Index<S>,
    hasher: SipHasher13,
}

impl<S, K: Key, T> Table<S, K, T> {
    #[inline]
    pub(crate) fn find(&self, key: &K) -> Option<Slot<S>> {
        if self.len() == 0 {
            return None;
        }
        self.find_hashed(key, key.hash(&self.hasher))
    }

    #[inline]
    fn find_hashed(&self, key: &K, hash: u64) -> Option<Slot<S>> {
        self.index.find(hash, |slot| self.slab.get(slot).is_some_and(|(other, _)| other == key))
    }

    /// Adds a key that is not in.
    pub(crate) fn insert(&mut self, key: K, value: T) -> Slot<S> {
        self.insert_hashed(key, key.hash(&self.hasher), value)
    }

    /// The slot of a key, which is added if it is not in.
    pub(crate) fn intern(&mut self, key: K, value: impl FnOnce() -> T) -> Slot<S> {
        let hash = key.hash(&self.hasher);
        self.find_hashed(&key, hash).unwrap_or_else(|| self.insert_hashed(key, hash, value()))
    }

    fn insert_hashed(&mut self, key: K, hash: u64, value: T) -> Slot<S> {
        let slot = self.slab.insert((key, value));
        self.index.insert(hash, slot);
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot<S>) -> Option<(K, T)> {
        let (key, value) = self.slab.remove(slot)?;
        self.index.take(key.hash(&self.hasher), |other| other == slot);
        Some((key, value))
    }

    /// Hashes the keys of a table that was read. Returns whether they are distinct; if not, the table is not usable.
    #[cfg(feature = "serde")]
    pub(crate) fn reindex(&mut self, hasher: SipHasher13) -> bool {
        self.hasher = hasher;
        self.index = Index::new();
        (0..self.slots()).all(|index| {
            let slot = Slot::at(index);
            let Some(key) = self.key(slot) else { return true };
            let hash = key.hash(&hasher);
            let is_new = self.find_hashed(&key, hash).is_none();
            self.index.insert(hash, slot);
            is_new
        })
    }
}

impl<S, K, T> Table<S, K, T> {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        Self { slab: Slab::new(), index: Index::new(), hasher }
    }

    #[inline]
    pub(crate) fn get(&self, slot: Slot<S>) -> Option<&T> {
        self.slab.get(slot).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: Slot<S>) -> Option<&mut T> {
        self.slab.get_mut(slot).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn key(&self, slot: Slot<S>) -> Option<K>
    where
        K: Copy,
    {
        self.slab.get(slot).map(|(key, _)| *key)
    }

    /// A key with its value.
    #[inline]
    pub(crate) fn entry(&self, slot: Slot<S>) -> Option<&(K, T)> {
        self.slab.get(slot)
    }

    /// In the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot<S>, &(K, T))> {
        self.slab.iter()
    }

    /// How many keys are in.
    pub(crate) const fn len(&self) -> u32 {
        self.slab.len()
    }

    /// How many slots there are, filled or not. The index of each is below this.
    pub(crate) fn slots(&self) -> u32 {
        self.slab.slots()
    }

    /// The most bytes that so many keys take.
    pub(crate) const fn bound(len: u64) -> u64 {
        Slab::<S, (K, T)>::bound(len).saturating_add(Index::<S>::bound(len))
    }

    /// A table as it was saved, without its index.
    #[cfg(feature = "serde")]
    pub(super) fn unindexed(slab: Slab<S, (K, T)>) -> Self {
        Self { slab, index: Index::new(), hasher: SipHasher13::new_with_keys(0, 0) }
    }

    #[cfg(feature = "serde")]
    pub(super) const fn slab(&self) -> &Slab<S, (K, T)> {
        &self.slab
    }
}

impl<S, K: Clone, T: Clone> Clone for Table<S, K, T> {
    fn clone(&self) -> Self {
        Self { slab: self.slab.clone(), index: self.index.clone(), hasher: self.hasher }
    }
}

impl<S, K: fmt::Debug, T: fmt::Debug> fmt::Debug for Table<S, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(_, (key, value))| (key, value))).finish()
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::BTreeMap;

    enum Kind {}

    type Model = BTreeMap<u64, (Slot<Kind>, u64)>;

    fn churn(table: &mut Table<Kind, u64, u64>, model: &mut Model, draws: &mut Draws, steps: u32) {
        for _ in 0..steps {
            let (key, value) = (u64::from(draws.below(300)), draws.next());
            let known = model.get(&key).copied();
            assert_eq!(table.find(&key), known.map(|(slot, _)| slot));
            match (draws.below(3), known) {
                (0, Some((slot, value))) => {
                    assert_eq!(table.remove(slot), Some((key, value)));
                    assert_eq!((table.remove(slot), table.get(slot), table.key(slot)), (None, None, None));
                    model.remove(&key);
                }
                (1, Some((slot, old))) => {
                    assert_eq!(table.entry(slot), Some(&(key, old)));
                    *table.get_mut(slot).unwrap() = value;
                    model.insert(key, (slot, value));
                }
                (1, None) => {
                    model.insert(key, (table.insert(key, value), value));
                }
                _ => {
                    let slot = table.intern(key, || value);
                    assert!(known.is_none_or(|(known, _)| known == slot));
                    model.entry(key).or_insert((slot, value));
                }
            }
            assert_eq!(table.len() as usize, model.len());
        }
        check(table, model);
    }

    fn check(table: &Table<Kind, u64, u64>, model: &Model) {
        for (key, &(slot, value)) in model {
            assert_eq!(
                (table.find(key), table.key(slot), table.get(slot)),
                (Some(slot), Some(*key), Some(&value))
            );
        }
        assert_eq!((table.iter().count(), table.index.len()), (model.len(), model.len()));
        assert!(table.iter().all(|(slot, (key, value))| model.get(key) == Some(&(slot, *value))));
    }

    fn hasher(key: u64) -> SipHasher13 {
        SipHasher13::new_with_keys(key, 2)
    }

    #[test]
    fn behaves_like_a_map() {
        let (mut table, mut model) = (Table::new(hasher(1)), Model::new());
        churn(&mut table, &mut model, &mut Draws::new(4), 20_000);
        assert!(model.len() > 100 && table.slots() <= 300);
        check(&table.clone(), &model);
    }

    #[test]
    fn it_takes_no_more_than_its_bound() {
        let mut table: Table<Kind, u64, u64> = Table::new(hasher(1));
        for key in 0..20_000 {
            table.insert(key, key);
            let bytes = table.slab.bytes() + table.index.bytes();
            assert!(bytes as u64 <= Table::<Kind, u64, u64>::bound(key + 1), "{key}: {bytes}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_saved_table_goes_on_as_before() {
        use crate::collections::testing::saved;
        let (mut table, mut model, mut draws) = (Table::new(hasher(1)), Model::new(), Draws::new(5));
        for steps in [0, 1, 100, 2_000] {
            churn(&mut table, &mut model, &mut draws, steps);
            table = saved(&table);
            assert!(table.reindex(hasher(u64::from(steps))));
            check(&table, &model);
        }
        churn(&mut table, &mut model, &mut draws, 2_000);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let reads = |json| serde_json::from_str::<Table<Kind, u64, u64>>(json).unwrap().reindex(hasher(1));
        assert!(reads("[[[1,0],null,[2,0]],[1]]"));
        assert!(!reads("[[[1,0],null,[1,0]],[1]]"));
    }
}
