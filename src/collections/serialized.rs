//! How the containers are saved: what they hold, in its order; what can be found again from that is not saved.
//!
//! What is read is not trusted: a container with a `reindex` is usable only after that has accepted it.

use alloc::vec::Vec;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

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
