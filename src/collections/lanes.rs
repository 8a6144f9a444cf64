//! Several ordered queues, of which a slot is in one at most.

use core::marker::PhantomData;

use super::bytes::sum;
use super::entries::{Entries, Places, nowhere};
use super::heap::Item;
use super::slot::Slot;

/// `N` queues, each as a [`Heap`](super::Heap) is. They share their places, so all of them together take four bytes
/// for a slot that is in none.
pub(crate) struct Lanes<K, const N: usize> {
    lanes: [Entries; N],
    places: Places,
    kind: PhantomData<fn() -> K>,
}

unbounded!(Clone, Default: Lanes<K, const N: usize> { lanes, places, kind });

impl<K, const N: usize> Lanes<K, N> {
    pub(crate) const fn new() -> Self {
        Self { lanes: [const { Entries::new() }; N], places: nowhere(), kind: PhantomData }
    }

    /// The first item of a lane.
    #[inline]
    pub(crate) fn peek(&self, lane: usize) -> Option<Item<K>> {
        self.lanes.get(lane)?.peek().map(Item::new)
    }

    #[inline]
    pub(crate) fn get(&self, lane: usize, key: Slot<K>) -> Option<Item<K>> {
        self.lanes.get(lane)?.get(&self.places, key.index()).map(Item::new)
    }

    pub(crate) fn len(&self, lane: usize) -> u32 {
        self.lanes.get(lane).map_or(0, Entries::len)
    }

    /// At most `count` keys of a lane, the first one and others from all over it.
    pub(crate) fn sample(&self, lane: usize, count: u32) -> impl Iterator<Item = Slot<K>> {
        let apart = self.len(lane).div_ceil(count).max(1) as usize;
        let entries = self.lanes.get(lane).map(Entries::as_slice).unwrap_or_default();
        entries.iter().step_by(apart).map(|entry| Slot::at(entry.key))
    }

    /// Puts a key in that is in no other lane, or moves it within its lane.
    #[inline]
    pub(crate) fn set(&mut self, lane: usize, key: Slot<K>, at: u64, tie: u32) {
        if let Some(entries) = self.lanes.get_mut(lane) {
            entries.set(&mut self.places, key.index(), at, tie);
        }
    }

    /// Takes a key out of a lane; returns its item if it was in there.
    #[inline]
    pub(crate) fn remove(&mut self, lane: usize, key: Slot<K>) -> Option<Item<K>> {
        let item = self.get(lane, key)?;
        self.lanes.get_mut(lane)?.remove(&mut self.places, key.index());
        Some(item)
    }

    /// How many of a lane come before a key, counted up to `most`; the work is in proportion to that. `None` if the key
    /// is not in this lane.
    pub(crate) fn ahead(&self, lane: usize, key: Slot<K>, most: u32) -> Option<u32> {
        self.lanes.get(lane)?.ahead(&self.places, key.index(), most)
    }

    /// The most bytes that so many keys in each lane take, whose indices are below `slots`.
    pub(crate) fn bound(lens: [u64; N], slots: u64) -> u64 {
        sum(&lens.map(Entries::bound)).saturating_add(Places::bound(slots))
    }
}

#[cfg(feature = "serde")]
impl<K, const N: usize> Lanes<K, N> {
    /// Puts queues that were read in order. Returns whether each key is in one of them once, and its index is below
    /// `slots`; if not, they are not usable.
    pub(crate) fn reindex(&mut self, slots: u32) -> bool {
        let Self { lanes, places, .. } = self;
        *places = nowhere();
        lanes.iter_mut().all(|entries| entries.reindex(places, slots))
    }

    /// Queues as they were saved, without their places.
    pub(super) const fn unindexed(lanes: [Entries; N]) -> Self {
        Self { lanes, places: nowhere(), kind: PhantomData }
    }

    pub(super) const fn lanes(&self) -> &[Entries; N] {
        &self.lanes
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::BTreeSet;

    enum Kind {}

    const LANES: usize = 3;
    const SLOTS: u32 = 200;

    type Model = [BTreeSet<Item<Kind>>; LANES];

    fn churn(lanes: &mut Lanes<Kind, LANES>, model: &mut Model, draws: &mut Draws, steps: u32) {
        for _ in 0..steps {
            let (lane, key) = (draws.below(3) as usize, Slot::at(draws.below(SLOTS)));
            let here = (0..LANES)
                .find_map(|lane| model[lane].iter().find(|item| item.key == key).map(|item| (lane, *item)));
            let item = Item { at: u64::from(draws.below(40)), tie: draws.below(3), key };
            match here {
                // It may move within its lane only.
                Some((other, old)) if draws.below(2) == 0 => {
                    lanes.set(other, key, item.at, item.tie);
                    model[other].remove(&old);
                    model[other].insert(item);
                }
                // No lane but its own has it.
                Some((other, old)) => {
                    assert_eq!(lanes.remove(lane, key), (lane == other).then_some(old));
                    if lane == other {
                        model[lane].remove(&old);
                    }
                }
                None => {
                    assert_eq!(lanes.remove(lane, key), None);
                    lanes.set(lane, key, item.at, item.tie);
                    model[lane].insert(item);
                }
            }
            check(lanes, model, key);
        }
    }

    fn check(lanes: &Lanes<Kind, LANES>, model: &Model, key: Slot<Kind>) {
        for (lane, model) in model.iter().enumerate() {
            let item = model.iter().find(|item| item.key == key).copied();
            assert_eq!((lanes.get(lane, key), lanes.peek(lane)), (item, model.first().copied()));
            assert_eq!(lanes.len(lane) as usize, model.len());
            let ahead = item.map(|item| model.range(..item).count() as u32);
            assert_eq!(lanes.ahead(lane, key, u32::MAX), ahead);
            assert_eq!(lanes.ahead(lane, key, 2), ahead.map(|ahead| ahead.min(2)));
        }
    }

    #[test]
    fn behaves_like_several_ordered_sets() {
        let (mut lanes, mut model) = (Lanes::new(), Model::default());
        churn(&mut lanes, &mut model, &mut Draws::new(9), 30_000);
        assert!(model.iter().all(|lane| lane.len() > 10));
        for lane in [LANES, usize::MAX] {
            lanes.set(lane, Slot::at(0), 0, 0);
            assert_eq!((lanes.peek(lane), lanes.len(lane)), (None, 0));
            assert_eq!((lanes.get(lane, Slot::at(0)), lanes.remove(lane, Slot::at(0))), (None, None));
        }
        for (lane, model) in model.iter().enumerate() {
            let first = core::iter::from_fn(|| lanes.remove(lane, lanes.peek(lane)?.key));
            assert!(first.eq(model.iter().copied()));
        }
    }

    #[test]
    fn they_take_no_more_than_their_bound() {
        let mut lanes = Lanes::<Kind, LANES>::new();
        let mut lens = [0; LANES];
        for index in 0..3_000u32 {
            let lane = if index % 5 == 0 { 1 } else { 2 };
            lanes.set(lane, Slot::at(index), 0, 0);
            lens[lane] += 1;
            let bytes = lanes.lanes.iter().map(Entries::bytes).sum::<usize>() + lanes.places.bytes();
            assert!(
                bytes as u64 <= Lanes::<Kind, LANES>::bound(lens, u64::from(index) + 1),
                "{index}: {bytes}"
            );
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn saved_lanes_go_on_as_before() {
        use crate::collections::testing::saved;
        let (mut lanes, mut model, mut draws) = (Lanes::new(), Model::default(), Draws::new(10));
        for steps in [0, 1, 100, 2_000] {
            churn(&mut lanes, &mut model, &mut draws, steps);
            lanes = saved(&lanes);
            assert!(lanes.reindex(SLOTS) && lanes.reindex(SLOTS));
        }
        churn(&mut lanes, &mut model, &mut draws, 2_000);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_key_in_two_lanes_is_refused() {
        let reads = |first: &[u32], second: &[u32]| {
            let lane = |keys: &[u32]| -> serde_json::Value {
                keys.iter().map(|key| serde_json::json!({ "key": key, "tie": 0, "at": 0 })).collect()
            };
            let json = serde_json::json!([lane(first), lane(second)]);
            serde_json::from_value::<Lanes<Kind, 2>>(json).unwrap().reindex(10)
        };
        assert!(reads(&[1, 2], &[0, 9]));
        assert!(!reads(&[1, 2], &[0, 1]) && !reads(&[1, 1], &[]) && !reads(&[], &[10]));
        for other in ["[]", "[[]]", "[[],[],[]]"] {
            assert!(serde_json::from_str::<Lanes<Kind, 2>>(other).is_err(), "{other}");
        }
    }
}
