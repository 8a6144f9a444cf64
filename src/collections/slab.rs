//! Values in numbered slots, which are used again once they are free.

use core::fmt;
use core::marker::PhantomData;

use super::paged::Paged;
use super::slot::Slot;

/// The end of the chain of free cells.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
enum Cell<T> {
    Filled(T),
    Free { next: u32 },
}

impl<T> Cell<T> {
    #[inline]
    const fn value(&self) -> Option<&T> {
        match self {
            Self::Filled(value) => Some(value),
            Self::Free { .. } => None,
        }
    }
}

/// A vector with holes, which are filled first, the last freed first.
pub(crate) struct Slab<K, T> {
    cells: Paged<Cell<T>>,
    free: u32,
    filled: u32,
    kind: PhantomData<fn() -> K>,
}

impl<K, T> Slab<K, T> {
    pub(crate) const fn new() -> Self {
        Self { cells: Paged::new(), free: NONE, filled: 0, kind: PhantomData }
    }

    pub(crate) fn insert(&mut self, value: T) -> Slot<K> {
        self.filled = self.filled.saturating_add(1);
        if let Some(cell) = self.cells.get_mut(self.free as usize) {
            let index = self.free;
            if let Cell::Free { next } = *cell {
                self.free = next;
            }
            *cell = Cell::Filled(value);
            return Slot::at(index);
        }
        // Four billion values don't fit into memory, so the number is below `NONE`.
        let index = self.slots();
        self.cells.push(Cell::Filled(value));
        Slot::at(index)
    }

    /// Takes a value out, if there is one in the slot.
    pub(crate) fn remove(&mut self, slot: Slot<K>) -> Option<T> {
        let cell = self.cells.get_mut(slot.place())?;
        if matches!(cell, Cell::Free { .. }) {
            return None;
        }
        let old = core::mem::replace(cell, Cell::Free { next: self.free });
        self.free = slot.index();
        self.filled = self.filled.saturating_sub(1);
        match old {
            Cell::Filled(value) => Some(value),
            Cell::Free { .. } => None,
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: Slot<K>) -> Option<&T> {
        self.cells.get(slot.place())?.value()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: Slot<K>) -> Option<&mut T> {
        match self.cells.get_mut(slot.place()) {
            Some(Cell::Filled(value)) => Some(value),
            Some(Cell::Free { .. }) | None => None,
        }
    }

    /// The values, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot<K>, &T)> {
        (0u32..).zip(self.cells.iter()).filter_map(|(index, cell)| Some((Slot::at(index), cell.value()?)))
    }

    /// How many values there are.
    pub(crate) const fn len(&self) -> u32 {
        self.filled
    }

    /// How many slots there are, filled or not. The index of each is below this.
    pub(crate) fn slots(&self) -> u32 {
        self.cells.len() as u32
    }

    /// The most bytes that so many values take.
    pub(crate) const fn bound(len: u64) -> u64 {
        Paged::<Cell<T>>::bound(len)
    }

    /// The bytes that it takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.cells.bytes()
    }
}

#[cfg(feature = "serde")]
impl<K, T> Slab<K, T> {
    /// What is in each slot.
    pub(super) fn cells(&self) -> alloc::vec::Vec<Option<&T>> {
        self.cells.iter().map(Cell::value).collect()
    }

    /// The free slots, in the order in which they are filled.
    pub(super) fn free(&self) -> alloc::vec::Vec<u32> {
        let next = |index: &u32| match self.cells.get(*index as usize) {
            Some(Cell::Free { next }) => Some(*next),
            Some(Cell::Filled(_)) | None => None,
        };
        core::iter::successors(Some(self.free), next).filter(|index| *index != NONE).collect()
    }

    /// The slab of which `cells` and `free` have said this; `None` if they don't fit together.
    pub(super) fn from_parts(cells: alloc::vec::Vec<Option<T>>, free: &[u32]) -> Option<Self> {
        u32::try_from(cells.len()).ok().filter(|slots| *slots < NONE)?;
        let filled = cells.iter().flatten().count();
        let holes = cells.len().saturating_sub(filled);
        let fill = |cell: Option<T>| cell.map_or(Cell::Free { next: NONE }, Cell::Filled);
        let cells = cells.into_iter().map(fill).collect();
        let mut slab = Self { cells, filled: filled as u32, ..Self::new() };
        // Chained from the last one back. Each hole has to come once: so many as there are, and none twice.
        let mut chained = alloc::collections::BTreeSet::new();
        for &index in free.iter().rev() {
            match slab.cells.get_mut(index as usize) {
                Some(Cell::Free { next }) if chained.insert(index) => {
                    *next = core::mem::replace(&mut slab.free, index);
                }
                Some(_) | None => return None,
            }
        }
        (chained.len() == holes).then_some(slab)
    }
}

impl<K, T: Clone> Clone for Slab<K, T> {
    fn clone(&self) -> Self {
        Self { cells: self.cells.clone(), kind: PhantomData, ..*self }
    }
}

impl<K, T: fmt::Debug> fmt::Debug for Slab<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    enum Kind {}

    /// A slab, and what it should hold.
    #[derive(Default)]
    struct Pair {
        slab: Slab<Kind, u64>,
        values: BTreeMap<u32, u64>,
        /// In the order in which they were freed.
        free: Vec<u32>,
    }

    impl Pair {
        fn insert(&mut self, value: u64) {
            let index = self.free.pop().unwrap_or(self.values.len() as u32);
            self.values.insert(index, value);
            assert_eq!(self.slab.insert(value), Slot::at(index));
        }

        fn remove(&mut self, index: u32) {
            let value = self.values.remove(&index);
            self.free.extend(value.map(|_| index));
            assert_eq!(self.slab.remove(Slot::at(index)), value);
        }

        fn check(&self) {
            let slots = self.values.len() + self.free.len();
            assert_eq!((self.slab.len() as usize, self.slab.slots() as usize), (self.values.len(), slots));
            let values = self.values.iter().map(|(index, value)| (Slot::at(*index), value));
            assert!(self.slab.iter().eq(values));
            assert!(self.slab.bytes() as u64 <= Slab::<Kind, u64>::bound(slots as u64));
        }

        fn churn(&mut self, draws: &mut Draws, steps: u32) {
            for _ in 0..steps {
                let index = draws.below(self.slab.slots() + 3);
                match draws.below(2) {
                    0 => self.remove(index),
                    _ => self.insert(draws.next()),
                }
                assert_eq!(self.slab.get(Slot::at(index)), self.values.get(&index));
                assert_eq!(self.slab.get_mut(Slot::at(index)), self.values.get_mut(&index));
            }
            self.check();
        }
    }

    #[test]
    fn behaves_like_a_map_that_uses_the_last_freed_slot_first() {
        let (mut pair, mut draws) = (Pair::default(), Draws::new(2));
        for _ in 0..100 {
            pair.churn(&mut draws, 200);
        }
        (0..3_000).for_each(|value| pair.insert(value));
        pair.check();
        assert_eq!(pair.slab.clone().iter().count(), pair.values.len());
        assert_eq!(pair.slab.get(Slot::at(u32::MAX)), None);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_saved_slab_goes_on_as_before() {
        use crate::collections::testing::saved;
        let (mut pair, mut draws) = (Pair::default(), Draws::new(3));
        for steps in [0, 1, 2, 50, 3_000] {
            pair.churn(&mut draws, steps);
            pair.slab = saved(&pair.slab);
            pair.check();
        }
        pair.churn(&mut draws, 3_000);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn what_does_not_fit_together_is_refused() {
        let read = |json| serde_json::from_str::<Slab<Kind, u64>>(json).map(|slab| slab.len()).ok();
        assert_eq!(read("[[7,null,8,null],[3,1]]"), Some(2));
        for wrong in
            ["[[7,null],[]]", "[[7],[0]]", "[[null,null],[1,1]]", "[[null],[0,0]]", "[[],[4294967295]]"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
