//! A set of small numbers in a vector, from which one can be drawn at random.

use alloc::vec::Vec;

use super::bound::vector;
use super::slab::NONE;

/// A set of slots. A removal moves the last one into the gap, so the order depends on nothing but the calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dense {
    keys: Vec<u32>,
    places: Vec<u32>,
}

impl Dense {
    pub(crate) const fn new() -> Self {
        Self { keys: Vec::new(), places: Vec::new() }
    }

    /// A set as it was saved, to be indexed.
    #[cfg(feature = "serde")]
    pub(crate) const fn unindexed(keys: Vec<u32>) -> Self {
        Self { keys, places: Vec::new() }
    }

    /// Finds again where each key stands. Returns whether all keys are distinct and below `slots`.
    #[cfg(feature = "serde")]
    pub(crate) fn index(&mut self, slots: u32) -> bool {
        let keys = core::mem::take(self).keys;
        keys.into_iter().all(|key| {
            let fits = key < slots && !self.contains(key);
            if fits {
                self.insert(key);
            }
            fits
        })
    }

    #[cfg(feature = "serde")]
    pub(crate) const fn keys(&self) -> &Vec<u32> {
        &self.keys
    }

    /// The keys, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + Clone {
        self.keys.iter().copied()
    }

    /// The key at a place in their order.
    pub(crate) fn get(&self, at: u32) -> Option<u32> {
        self.keys.get(at as usize).copied()
    }

    pub(crate) fn last(&self) -> Option<u32> {
        self.keys.last().copied()
    }

    pub(crate) fn len(&self) -> u32 {
        self.keys.len() as u32
    }

    pub(crate) fn contains(&self, key: u32) -> bool {
        self.places.get(key as usize).is_some_and(|&place| place != NONE)
    }

    /// Appends a key, if it is not in.
    pub(crate) fn insert(&mut self, key: u32) {
        if self.places.len() <= key as usize {
            self.places.resize((key as usize).saturating_add(1), NONE);
        }
        let next = self.len();
        if let Some(place) = self.places.get_mut(key as usize).filter(|place| **place == NONE) {
            *place = next;
            self.keys.push(key);
        }
    }

    /// Takes the last key out.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let last = self.keys.pop()?;
        if let Some(place) = self.places.get_mut(last as usize) {
            *place = NONE;
        }
        Some(last)
    }

    /// Takes a key out, if it is in.
    pub(crate) fn remove(&mut self, key: u32) {
        let Some(place) = self.places.get_mut(key as usize).filter(|place| **place != NONE) else { return };
        let gap = core::mem::replace(place, NONE);
        self.keys.swap_remove(gap as usize);
        let moved = self.keys.get(gap as usize).and_then(|moved| self.places.get_mut(*moved as usize));
        if let Some(place) = moved {
            *place = gap;
        }
    }

    /// The most bytes for so many keys below `slots`.
    pub(super) const fn bound(len: u64, slots: u64) -> u64 {
        vector(len, 4).saturating_add(vector(slots, 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_moves_the_last_into_the_gap() {
        let mut set = Dense::new();
        for key in [5, 3, 9, 3, 7] {
            set.insert(key);
        }
        assert!(set.iter().eq([5, 3, 9, 7]));
        set.remove(3);
        set.remove(3);
        set.remove(1_000);
        assert!(set.iter().eq([5, 7, 9]));
        set.remove(9);
        set.insert(3);
        assert!(set.iter().eq([5, 7, 3]) && set.contains(3) && !set.contains(9));
        assert_eq!((set.get(1), set.get(3), set.last()), (Some(7), None, Some(3)));
    }
}
