//! Slots in no order: a few of them need no memory beside the bag, and what shrinks gives memory back.

use smallvec::SmallVec;

use super::slot::Slot;

/// So many slots take no more room than the pointer, the length and the capacity of a vector.
const INLINE: usize = 4;

/// Slots in no order, each at a place that it keeps until another one is taken out.
pub(crate) struct Bag<K> {
    slots: SmallVec<[Slot<K>; INLINE]>,
}

unbounded!(Clone, Default: Bag<K> { slots });

impl<K> Bag<K> {
    pub(crate) fn new() -> Self {
        Self { slots: SmallVec::new() }
    }

    /// Adds a slot. Returns its place.
    pub(crate) fn push(&mut self, slot: Slot<K>) -> u32 {
        let at = self.slots.len() as u32;
        self.slots.push(slot);
        at
    }

    /// Takes out what is at a place. Returns the slot that stands there now, if another one has moved.
    pub(crate) fn remove(&mut self, at: u32) -> Option<Slot<K>> {
        let at = at as usize;
        if at >= self.slots.len() {
            return None;
        }
        self.slots.swap_remove(at);
        let moved = self.slots.get(at).copied();
        if self.slots.spilled() && self.slots.len().saturating_mul(4) < self.slots.capacity() {
            self.slots.shrink_to_fit();
        }
        moved
    }

    /// The slots of a bag that was saved.
    #[cfg(feature = "serde")]
    pub(super) fn from_slots(slots: &[Slot<K>]) -> Self {
        Self { slots: SmallVec::from_slice(slots) }
    }

    pub(crate) fn as_slice(&self) -> &[Slot<K>] {
        &self.slots
    }

    pub(crate) fn get(&self, at: u32) -> Option<Slot<K>> {
        self.slots.get(at as usize).copied()
    }

    pub(crate) fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The most bytes beside the bags themselves, of so many slots in any number of bags: at least a quarter of the room is used.
    pub(crate) const fn bound(slots: u64) -> u64 {
        slots.saturating_mul(4).saturating_mul(size_of::<Slot<()>>() as u64)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::vec::Vec;

    enum Kind {}

    fn bytes(bag: &Bag<Kind>) -> u64 {
        if bag.slots.spilled() { bag.slots.capacity() as u64 * 4 } else { 0 }
    }

    #[test]
    fn behaves_like_a_vector_and_gives_memory_back() {
        let (mut bag, mut model, mut draws) = (Bag::<Kind>::new(), Vec::new(), Draws::new(8));
        let mut most = 0;
        for step in 0..60_000u32 {
            // It grows for a while, and shrinks for a while.
            if draws.below(10) < if step / 4_000 % 2 == 0 { 8 } else { 2 } {
                assert_eq!(bag.push(Slot::at(step)), model.len() as u32);
                model.push(Slot::at(step));
            } else if !model.is_empty() {
                let at = draws.below(model.len() as u32);
                model.swap_remove(at as usize);
                assert_eq!(bag.remove(at), model.get(at as usize).copied());
            }
            assert_eq!((bag.as_slice(), bag.len() as usize), (model.as_slice(), model.len()));
            assert_eq!((bag.get(3), bag.is_empty()), (model.get(3).copied(), model.is_empty()));
            assert!(bytes(&bag) <= Bag::<Kind>::bound(bag.len().into()), "{step}");
            most = most.max(bag.len());
        }
        assert!(most > 2_000);
        assert_eq!(bag.remove(bag.len()), None);
    }

    #[test]
    fn a_few_take_no_more_room_than_a_vector() {
        assert_eq!(size_of::<Bag<Kind>>(), size_of::<Vec<u32>>());
    }
}
