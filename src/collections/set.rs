//! A set of slots in a vector, so that one can be drawn at random.

use alloc::vec::Vec;

use super::bytes::vector;
use super::slot::Slot;

/// The place of a slot that is not in.
const NONE: u32 = u32::MAX;

/// A set of slots. A removal moves the last one into the gap, so the order depends on nothing but the calls.
pub(crate) struct SlotSet<K> {
    slots: Vec<Slot<K>>,
    /// Where each slot is in the vector, by its index.
    places: Vec<u32>,
}

unbounded!(Clone, Default: SlotSet<K> { slots, places });

impl<K> SlotSet<K> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), places: Vec::new() }
    }

    /// The slots, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot<K>> + Clone {
        self.slots.iter().copied()
    }

    /// The slot at a position in their order.
    pub(crate) fn get(&self, at: u32) -> Option<Slot<K>> {
        self.slots.get(at as usize).copied()
    }

    pub(crate) fn last(&self) -> Option<Slot<K>> {
        self.slots.last().copied()
    }

    pub(crate) fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(crate) fn contains(&self, slot: Slot<K>) -> bool {
        self.places.get(slot.place()).is_some_and(|place| *place != NONE)
    }

    /// Appends a slot. Returns whether it was not in before.
    pub(crate) fn insert(&mut self, slot: Slot<K>) -> bool {
        if self.places.len() <= slot.place() {
            self.places.resize(slot.place().saturating_add(1), NONE);
        }
        let next = self.len();
        let Some(place) = self.places.get_mut(slot.place()).filter(|place| **place == NONE) else {
            return false;
        };
        *place = next;
        self.slots.push(slot);
        true
    }

    /// Takes the last slot out.
    pub(crate) fn pop(&mut self) -> Option<Slot<K>> {
        let last = self.slots.pop()?;
        if let Some(place) = self.places.get_mut(last.place()) {
            *place = NONE;
        }
        Some(last)
    }

    /// Takes a slot out. Returns whether it was in.
    pub(crate) fn remove(&mut self, slot: Slot<K>) -> bool {
        let Some(place) = self.places.get_mut(slot.place()).filter(|place| **place != NONE) else {
            return false;
        };
        let gap = core::mem::replace(place, NONE);
        self.slots.swap_remove(gap as usize);
        let moved = self.slots.get(gap as usize).and_then(|moved| self.places.get_mut(moved.place()));
        if let Some(place) = moved {
            *place = gap;
        }
        true
    }

    /// Takes all slots out, in as many steps as there are.
    pub(crate) fn clear(&mut self) {
        while self.pop().is_some() {}
    }

    /// The most bytes that so many slots take whose indices are below `slots`.
    pub(crate) const fn bound(len: u64, slots: u64) -> u64 {
        vector(len, size_of::<Slot<K>>()).saturating_add(vector(slots, size_of::<u32>()))
    }
}

#[cfg(feature = "serde")]
impl<K> SlotSet<K> {
    /// Finds the places of the slots of a set that was read. Returns whether the slots are distinct and their indices
    /// below `slots`; if not, the set is not usable.
    pub(crate) fn reindex(&mut self, slots: u32) -> bool {
        let read = core::mem::take(self).slots;
        read.into_iter().all(|slot| slot.index() < slots && self.insert(slot))
    }

    /// A set as it was saved, without its places.
    pub(super) const fn unindexed(slots: Vec<Slot<K>>) -> Self {
        Self { slots, places: Vec::new() }
    }

    pub(super) fn as_slice(&self) -> &[Slot<K>] {
        &self.slots
    }
}
