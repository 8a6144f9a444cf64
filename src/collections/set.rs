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

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;

    enum Kind {}

    const SLOTS: u32 = 100;

    fn churn(set: &mut SlotSet<Kind>, model: &mut Vec<Slot<Kind>>, draws: &mut Draws, steps: u32) {
        for _ in 0..steps {
            let slot = Slot::at(draws.below(SLOTS));
            let at = model.iter().position(|other| *other == slot);
            assert_eq!(set.contains(slot), at.is_some());
            match draws.below(50) {
                0 => {
                    while set.pop().is_some() {}
                    model.clear();
                }
                1..9 => assert_eq!(set.pop(), model.pop()),
                9..20 => {
                    assert_eq!(set.remove(slot), at.is_some());
                    at.map(|at| model.swap_remove(at));
                }
                _ => {
                    assert_eq!(set.insert(slot), at.is_none());
                    model.extend(at.is_none().then_some(slot));
                }
            }
            check(set, model);
        }
    }

    fn check(set: &SlotSet<Kind>, model: &[Slot<Kind>]) {
        assert!(set.iter().eq(model.iter().copied()));
        assert_eq!((set.len() as usize, set.is_empty()), (model.len(), model.is_empty()));
        assert_eq!((set.get(3), set.last()), (model.get(3).copied(), model.last().copied()));
        assert!((0..=SLOTS).map(Slot::at).all(|slot| set.contains(slot) == model.contains(&slot)));
    }

    #[test]
    fn behaves_like_a_vector_without_duplicates() {
        let (mut set, mut model) = (SlotSet::new(), Vec::new());
        churn(&mut set, &mut model, &mut Draws::new(11), 20_000);
        check(&set.clone(), &model);
        assert!(!set.contains(Slot::at(u32::MAX)) && !set.remove(Slot::at(u32::MAX)));
    }

    #[test]
    fn it_takes_no_more_than_its_bound() {
        let mut set = SlotSet::<Kind>::new();
        for index in 0..3_000u32 {
            set.insert(Slot::at(index * 2));
            let bytes = (set.slots.capacity() + set.places.capacity()) * 4;
            let bound = SlotSet::<Kind>::bound(u64::from(index) + 1, u64::from(index) * 2 + 1);
            assert!(bytes as u64 <= bound, "{index}: {bytes}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_saved_set_goes_on_as_before() {
        use crate::collections::testing::saved;
        let (mut set, mut model, mut draws) = (SlotSet::new(), Vec::new(), Draws::new(12));
        for steps in [0, 1, 10, 2_000] {
            churn(&mut set, &mut model, &mut draws, steps);
            set = saved(&set);
            assert!(set.reindex(SLOTS));
            check(&set, &model);
        }
        churn(&mut set, &mut model, &mut draws, 2_000);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn slots_out_of_range_and_slots_that_come_twice_are_refused() {
        let reads = |json| serde_json::from_str::<SlotSet<Kind>>(json).unwrap().reindex(10);
        assert!(reads("[]") && reads("[9,0,3]"));
        assert!(!reads("[10]") && !reads("[3,0,3]") && !reads("[4294967294]"));
    }
}
