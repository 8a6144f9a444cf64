//! How the containers are saved: what they hold, in its order; what can be found again from that is not saved.
//!
//! What is read is not trusted: a container with a `reindex` is usable only after that has accepted it.

use alloc::vec::Vec;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::bag::Bag;
use super::entries::Entries;
use super::heap::Heap;
use super::lanes::Lanes;
use super::paged::Paged;
use super::set::SlotSet;
use super::slab::Slab;
use super::slot::Slot;
use super::table::Table;

impl<K> Serialize for Slot<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.index().serialize(serializer)
    }
}

impl<'de, K> Deserialize<'de> for Slot<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = u32::deserialize(deserializer)?;
        Self::from_index(index).ok_or_else(|| D::Error::custom("a slot with the number of none"))
    }
}

impl<T: Serialize> Serialize for Paged<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.iter().collect::<Vec<_>>().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Paged<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|all| all.into_iter().collect())
    }
}

impl<K, T: Serialize> Serialize for Slab<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.cells(), self.free()).serialize(serializer)
    }
}

impl<'de, K, T: Deserialize<'de>> Deserialize<'de> for Slab<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (cells, free): (Vec<Option<T>>, Vec<u32>) = Deserialize::deserialize(deserializer)?;
        Self::from_parts(cells, &free).ok_or_else(|| D::Error::custom("free slots that are not free"))
    }
}

impl<S, K: Serialize, T: Serialize> Serialize for Table<S, K, T> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.slab().serialize(serializer)
    }
}

impl<'de, S, K: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for Table<S, K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Slab::deserialize(deserializer).map(Self::unindexed)
    }
}

impl<K> Serialize for Bag<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de, K> Deserialize<'de> for Bag<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|slots: Vec<_>| Self::from_slots(&slots))
    }
}

impl<K> Serialize for Heap<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries().serialize(serializer)
    }
}

impl<'de, K> Deserialize<'de> for Heap<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Entries::deserialize(deserializer).map(Self::unindexed)
    }
}

impl<K, const N: usize> Serialize for Lanes<K, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lanes().as_slice().serialize(serializer)
    }
}

impl<'de, K, const N: usize> Deserialize<'de> for Lanes<K, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lanes = Vec::<Entries>::deserialize(deserializer)?
            .try_into()
            .map_err(|_| D::Error::custom("another number of lanes"));
        lanes.map(Self::unindexed)
    }
}

impl<K> Serialize for SlotSet<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de, K> Deserialize<'de> for SlotSet<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::unindexed)
    }
}

#[cfg(test)]
#[cfg(feature = "record")]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use core::fmt::Debug;

    use serde::de::DeserializeOwned;
    use siphasher::sip::SipHasher13;

    use super::*;
    use crate::collections::testing::Draws;
    use crate::collections::{Link, List};

    enum Kind {}

    type At = Slot<Kind>;

    const SLOTS: u32 = 20;

    /// Reads damaged forms of a value. `use_it` says whether one was accepted, after it has used that.
    fn damage<T: Serialize + DeserializeOwned + Debug>(value: &T, use_it: impl Fn(T) -> bool) {
        let (saved, mut draws) = (postcard::to_allocvec(value).unwrap(), Draws::new(15));
        assert!(use_it(postcard::from_bytes(&saved).unwrap()));
        let mut accepted = [0u32; 2];
        for _ in 0..20_000 {
            let mut bytes = saved.clone();
            for _ in 0..=draws.below(3) {
                let at = draws.below(bytes.len() as u32) as usize;
                match draws.below(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes.insert(at, draws.next() as u8),
                    _ => bytes[at] = [0xff, 0, 1, draws.below(SLOTS) as u8][draws.below(4) as usize],
                }
            }
            if let Ok(read) = postcard::from_bytes(&bytes) {
                accepted[usize::from(use_it(read))] += 1;
            }
        }
        assert!(accepted.iter().all(|times| *times > 0), "{accepted:?}");
    }

    #[test]
    fn damaged_slabs() {
        let mut table = Table::<Kind, u64, u64>::new(SipHasher13::new_with_keys(1, 2));
        for key in 0..9 {
            table.insert(key, key);
        }
        for slot in [3, 7, 0].map(At::at) {
            table.remove(slot);
        }
        damage(&table, |mut table| {
            if !table.reindex(SipHasher13::new_with_keys(3, 4)) {
                return false;
            }
            let (filled, holes) = (table.len(), table.slots() - table.len());
            let fits = |slot| table.find(&table.key(slot).unwrap()) == Some(slot);
            assert!(table.iter().all(|(slot, _)| fits(slot)) && table.iter().count() as u32 == filled);
            // All holes are filled before there is another slot.
            let slots = table.slots();
            for hole in 0..u64::from(holes) {
                table.insert(1 << 60 | hole, 0);
            }
            assert_eq!((table.len(), table.slots()), (slots, slots));
            true
        });
    }

    #[test]
    fn damaged_queues() {
        let mut lanes = Lanes::<Kind, 2>::new();
        (0..12).for_each(|index| lanes.set(index as usize % 2, At::at(index), 100 - u64::from(index), index));
        damage(&lanes, |mut lanes| {
            if !lanes.reindex(SLOTS) {
                return false;
            }
            for lane in 0..2 {
                let len = lanes.len(lane) as usize;
                let items = core::iter::from_fn(|| lanes.remove(lane, lanes.peek(lane)?.key));
                let items: Vec<_> = items.collect();
                assert!(items.is_sorted() && items.len() == len);
                let only_here = |key: At| key.index() < SLOTS && lanes.get(1 - lane, key).is_none();
                assert!(items.iter().all(|item| only_here(item.key)));
            }
            true
        });
    }

    #[test]
    fn damaged_sets() {
        let mut set = SlotSet::<Kind>::new();
        for slot in [4, 9, 0, 13, 2].map(At::at) {
            set.insert(slot);
        }
        damage(&set, |mut set| {
            let fits = set.reindex(SLOTS);
            if fits {
                let slots: Vec<_> = set.iter().collect();
                assert!(
                    slots.iter().all(|slot| slot.index() < SLOTS && set.contains(*slot) && set.remove(*slot))
                );
                assert!(set.is_empty());
            }
            fits
        });
    }

    #[test]
    fn damaged_lists() {
        let (mut list, mut links) = (List::<Kind>::new(), Holder(alloc::vec![Link::NONE; 8]));
        for slot in [4, 2, 7, 0].map(At::at) {
            list.push(&mut links, slot);
        }
        damage(&(list, links.0), |(mut list, links)| {
            let fits = list.verify(|slot| links.get(slot.place()).copied());
            if fits {
                let mut links = Holder(links);
                let len = list.len();
                for _ in 0..len {
                    list.remove(&mut links, list.head().unwrap());
                }
                assert!(list.is_empty() && list.head().is_none());
            }
            fits
        });
    }

    struct Holder(Vec<Link<Kind>>);

    impl crate::collections::Links<Kind> for Holder {
        fn link(&mut self, slot: At) -> Option<&mut Link<Kind>> {
            self.0.get_mut(slot.place())
        }
    }

    /// A length that nothing follows must not be believed.
    #[test]
    fn absurd_lengths() {
        let length = postcard::to_allocvec(&(u64::MAX >> 4)).unwrap();
        assert!(postcard::from_bytes::<Paged<[u64; 16]>>(&length).is_err());
        assert!(postcard::from_bytes::<Slab<Kind, [u64; 16]>>(&length).is_err());
        assert!(postcard::from_bytes::<Heap<Kind>>(&length).is_err());
        assert!(postcard::from_bytes::<Lanes<Kind, 3>>(&length).is_err());
        assert!(postcard::from_bytes::<SlotSet<Kind>>(&length).is_err());
    }
}
