//! An ordered queue of slots, each in it at most once, out of which any can be taken.

use core::cmp::Ordering;
use core::marker::PhantomData;

use super::entries::{Entries, Entry, Places, nowhere};
use super::slot::Slot;

/// A slot in a queue. What is least in (`at`, `tie`, index of `key`) comes first.
pub(crate) struct Item<K> {
    pub(crate) key: Slot<K>,
    pub(crate) tie: u32,
    pub(crate) at: u64,
}

unbounded!(Copy: Item<K> { key, tie, at });

impl<K> Item<K> {
    #[inline]
    pub(super) const fn new(entry: Entry) -> Self {
        Self { key: Slot::at(entry.key), tie: entry.tie, at: entry.at }
    }

    const fn rank(&self) -> (u64, u32, u32) {
        (self.at, self.tie, self.key.index())
    }
}

impl<K> PartialEq for Item<K> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<K> Eq for Item<K> {}

impl<K> PartialOrd for Item<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Item<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// A queue.
pub(crate) struct Heap<K> {
    entries: Entries,
    places: Places,
    kind: PhantomData<fn() -> K>,
}

unbounded!(Clone, Default: Heap<K> { entries, places, kind });

impl<K> Heap<K> {
    pub(crate) const fn new() -> Self {
        Self { entries: Entries::new(), places: nowhere(), kind: PhantomData }
    }

    /// The first item.
    #[inline]
    pub(crate) fn peek(&self) -> Option<Item<K>> {
        self.entries.peek().map(Item::new)
    }

    #[inline]
    pub(crate) fn get(&self, key: Slot<K>) -> Option<Item<K>> {
        self.entries.get(&self.places, key.index()).map(Item::new)
    }

    pub(crate) fn len(&self) -> u32 {
        self.entries.len()
    }

    /// The keys, in no order that means anything.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Slot<K>> {
        self.entries.keys().map(Slot::at)
    }

    /// Puts a key in, or moves it if it is in already.
    pub(crate) fn set(&mut self, key: Slot<K>, at: u64, tie: u32) {
        self.entries.set(&mut self.places, key.index(), at, tie);
    }

    /// Takes a key out. Returns whether it was in.
    #[inline]
    pub(crate) fn remove(&mut self, key: Slot<K>) -> bool {
        self.entries.remove(&mut self.places, key.index())
    }

    /// Takes the first item out.
    pub(crate) fn pop(&mut self) -> Option<Item<K>> {
        let first = self.peek()?;
        self.remove(first.key);
        Some(first)
    }

    /// The most bytes that so many keys take whose indices are below `slots`.
    pub(crate) const fn bound(len: u64, slots: u64) -> u64 {
        Entries::bound(len).saturating_add(Places::bound(slots))
    }
}

#[cfg(feature = "serde")]
impl<K> Heap<K> {
    /// Puts a queue that was read in order. Returns whether its keys are distinct, and their indices below `slots`; if
    /// not, it is not usable.
    pub(crate) fn reindex(&mut self, slots: u32) -> bool {
        self.places = nowhere();
        self.entries.reindex(&mut self.places, slots)
    }

    /// A queue as it was saved, without its places.
    pub(super) const fn unindexed(entries: Entries) -> Self {
        Self { entries, places: nowhere(), kind: PhantomData }
    }

    pub(super) const fn entries(&self) -> &Entries {
        &self.entries
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::BTreeSet;

    enum Kind {}

    type Model = BTreeSet<Item<Kind>>;

    const SLOTS: u32 = 300;

    fn churn(heap: &mut Heap<Kind>, model: &mut Model, draws: &mut Draws, steps: u32) {
        for _ in 0..steps {
            let key = Slot::at(draws.below(SLOTS));
            let old = model.iter().find(|item| item.key == key).copied();
            assert_eq!(heap.get(key), old);
            match draws.below(5) {
                0 => {
                    assert_eq!(heap.remove(key), old.is_some());
                    old.map(|old| model.remove(&old));
                }
                1 => assert_eq!(heap.pop(), model.pop_first()),
                _ => {
                    // Few instants and fewer ties, so that all three parts of the order count.
                    let item = Item { at: u64::from(draws.below(40)), tie: draws.below(3), key };
                    heap.set(key, item.at, item.tie);
                    old.map(|old| model.remove(&old));
                    model.insert(item);
                }
            }
            assert_eq!((heap.peek(), heap.len() as usize), (model.first().copied(), model.len()));
        }
        let keys = |keys: &mut dyn Iterator<Item = Slot<Kind>>| keys.collect::<BTreeSet<_>>();
        assert_eq!(keys(&mut heap.keys()), keys(&mut model.iter().map(|item| item.key)));
    }

    #[test]
    fn behaves_like_an_ordered_set() {
        let (mut heap, mut model) = (Heap::new(), Model::new());
        churn(&mut heap, &mut model, &mut Draws::new(7), 50_000);
        assert!(model.len() > 50);
        assert_eq!((heap.get(Slot::at(u32::MAX)), heap.remove(Slot::at(SLOTS))), (None, false));
        let mut copy = heap.clone();
        assert!(core::iter::from_fn(|| copy.pop()).eq(model));
    }

    #[test]
    fn absurd_instants_are_in_order_too() {
        let mut heap = Heap::<Kind>::new();
        for (index, (at, tie)) in
            (0..).zip([(u64::MAX, 0), (u64::MAX, u32::MAX), (0, u32::MAX), (1 << 63, 0)])
        {
            heap.set(Slot::at(index), at, tie);
        }
        assert!(core::iter::from_fn(|| heap.pop()).map(|item| item.key.index()).eq([2, 3, 0, 1]));
    }

    #[test]
    fn it_takes_no_more_than_its_bound() {
        let mut heap = Heap::<Kind>::new();
        for index in 0..3_000u32 {
            heap.set(Slot::at(index * 2), u64::from(index), 0);
            let bytes = heap.entries.bytes() + heap.places.bytes();
            let bound = Heap::<Kind>::bound(u64::from(index) + 1, u64::from(index) * 2 + 1);
            assert!(bytes as u64 <= bound, "{index}: {bytes}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_saved_queue_goes_on_as_before() {
        use crate::collections::testing::saved;
        let (mut heap, mut model, mut draws) = (Heap::new(), Model::new(), Draws::new(8));
        for steps in [0, 1, 100, 2_000] {
            churn(&mut heap, &mut model, &mut draws, steps);
            heap = saved(&heap);
            assert!(heap.reindex(SLOTS) && heap.reindex(SLOTS));
        }
        churn(&mut heap, &mut model, &mut draws, 2_000);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn keys_out_of_range_and_keys_that_come_twice_are_refused() {
        let key = |key: u32, at: u64| serde_json::json!({ "key": key, "tie": 0, "at": at });
        let reads = |keys: &[(u32, u64)]| {
            let json: serde_json::Value = keys.iter().map(|(index, at)| key(*index, *at)).collect();
            let mut heap: Heap<Kind> = serde_json::from_value(json).unwrap();
            heap.reindex(10).then(|| heap.pop().map(|item| item.key.index()))
        };
        // Its order is made anew.
        assert_eq!(reads(&[(9, 5), (3, 4), (0, 6)]), Some(Some(3)));
        assert_eq!(reads(&[]), Some(None));
        for wrong in [[(10, 5), (3, 4)], [(3, 5), (3, 4)], [(0, 1), (u32::MAX, 1)]] {
            assert_eq!(reads(&wrong), None);
        }
    }
}
