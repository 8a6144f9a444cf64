//! Values by a small number that is reused once it is free.

#[cfg(feature = "serde")]
use alloc::vec::Vec;

use super::chunks::Chunks;

/// No slot: the end of a list, or nothing.
pub(crate) const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
enum Cell<T> {
    Used(T),
    Free { next: u32 },
}

/// A vector with holes, which are filled first, the last freed first.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    cells: Chunks<Cell<T>>,
    free: u32,
    used: u32,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { cells: Chunks::new(), free: NONE, used: 0 }
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.used = self.used.saturating_add(1);
        if let Some(cell) = self.cells.get_mut(self.free as usize) {
            let slot = self.free;
            if let Cell::Free { next } = *cell {
                self.free = next;
            }
            *cell = Cell::Used(value);
            return slot;
        }
        self.cells.push(Cell::Used(value));
        // The caps of the config keep this far below `NONE`.
        (self.cells.len() as u32).saturating_sub(1)
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let cell = self.cells.get_mut(slot as usize)?;
        if matches!(cell, Cell::Free { .. }) {
            return None;
        }
        let old = core::mem::replace(cell, Cell::Free { next: self.free });
        self.free = slot;
        self.used = self.used.saturating_sub(1);
        match old {
            Cell::Used(value) => Some(value),
            Cell::Free { .. } => None,
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        match self.cells.get(slot as usize) {
            Some(Cell::Used(value)) => Some(value),
            Some(Cell::Free { .. }) | None => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        match self.cells.get_mut(slot as usize) {
            Some(Cell::Used(value)) => Some(value),
            Some(Cell::Free { .. }) | None => None,
        }
    }

    /// What the slots hold, free ones included.
    #[cfg(feature = "serde")]
    pub(crate) fn cells(&self) -> Vec<Option<&T>> {
        (0..self.slots()).map(|slot| self.get(slot)).collect()
    }

    /// The free slots, in the order in which they are filled.
    #[cfg(feature = "serde")]
    pub(crate) fn free_cells(&self) -> Vec<u32> {
        let next = |slot: &u32| match self.cells.get(*slot as usize) {
            Some(Cell::Free { next }) => Some(*next),
            Some(Cell::Used(_)) | None => None,
        };
        core::iter::successors(Some(self.free), next).filter(|slot| *slot != NONE).collect()
    }

    /// The reverse of the two; `None` if they don't fit together.
    #[cfg(feature = "serde")]
    pub(crate) fn from_cells(cells: Vec<Option<T>>, free: &[u32]) -> Option<Self> {
        let used = cells.iter().flatten().count();
        let holes = cells.len().saturating_sub(used);
        let fill = |cell: Option<T>| cell.map_or(Cell::Free { next: NONE }, Cell::Used);
        let mut slab = Self { cells: cells.into_iter().map(fill).collect(), free: NONE, used: used as u32 };
        // Linked from the last one back. A slot that came twice would be reached twice, and another not at all.
        let mut linked = alloc::collections::BTreeSet::new();
        for &slot in free.iter().rev() {
            match slab.cells.get_mut(slot as usize) {
                Some(Cell::Free { next }) if linked.insert(slot) => {
                    *next = core::mem::replace(&mut slab.free, slot)
                }
                Some(_) | None => return None,
            }
        }
        (linked.len() == holes).then_some(slab)
    }

    /// In the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0u32..).zip(self.cells.iter()).filter_map(|(slot, cell)| match cell {
            Cell::Used(value) => Some((slot, value)),
            Cell::Free { .. } => None,
        })
    }

    /// The most bytes for so many values.
    pub(super) const fn bound(len: u64) -> u64 {
        Chunks::<Cell<T>>::bound(len)
    }

    /// How many slots there are, used or not.
    pub(crate) fn slots(&self) -> u32 {
        self.cells.len() as u32
    }

    pub(crate) const fn len(&self) -> u32 {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn slots_are_reused_last_freed_first() {
        let mut slab = Slab::new();
        let slots: Vec<_> = (0..4).map(|i| slab.insert(i)).collect();
        assert_eq!(slots, vec![0, 1, 2, 3]);
        assert_eq!(
            (slab.remove(1), slab.remove(2), slab.remove(2), slab.remove(9)),
            (Some(1), Some(2), None, None)
        );
        assert_eq!((slab.insert(12), slab.insert(11), slab.insert(14)), (2, 1, 4));
        assert_eq!(slab.iter().map(|(_, v)| *v).collect::<Vec<_>>(), vec![0, 11, 12, 3, 14]);
        assert_eq!((slab.len(), slab.get(2), slab.get(NONE)), (5, Some(&12), None));
    }
}
