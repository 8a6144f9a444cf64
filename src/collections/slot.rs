//! Typed handles: which of its slots a container holds something in.

use core::cmp::Ordering;
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU32;

/// The number of a slot. `K` says what is in it, so that a slot of one kind can't be taken for one of another; nothing
/// is required of `K`. An `Option<Slot<K>>` takes four bytes too.
///
/// It stays valid until what is in the slot is removed; then the slot is given to something else.
#[repr(transparent)]
pub(crate) struct Slot<K> {
    /// The index plus one.
    number: NonZeroU32,
    kind: PhantomData<fn() -> K>,
}

impl<K> Slot<K> {
    /// The slot with an index; `None` for `u32::MAX`, which no slot has.
    #[inline]
    pub(crate) const fn from_index(index: u32) -> Option<Self> {
        match NonZeroU32::new(index.wrapping_add(1)) {
            Some(number) => Some(Self { number, kind: PhantomData }),
            None => None,
        }
    }

    /// The slot with an index below `u32::MAX`; for `u32::MAX` itself, the last slot.
    #[inline]
    pub(crate) const fn at(index: u32) -> Self {
        Self { number: NonZeroU32::MIN.saturating_add(index), kind: PhantomData }
    }

    #[inline]
    pub(crate) const fn index(self) -> u32 {
        self.number.get().wrapping_sub(1)
    }

    /// The same as a place in a vector.
    #[inline]
    pub(super) const fn place(self) -> usize {
        self.index() as usize
    }
}

impl<K> Clone for Slot<K> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Slot<K> {}

impl<K> PartialEq for Slot<K> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<K> Eq for Slot<K> {}

impl<K> PartialOrd for Slot<K> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Slot<K> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl<K> fmt::Debug for Slot<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.index()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not even `Copy` is required of a kind.
    struct Kind;

    #[test]
    fn an_optional_slot_takes_four_bytes() {
        assert_eq!((size_of::<Slot<Kind>>(), size_of::<Option<Slot<Kind>>>()), (4, 4));
    }

    #[test]
    fn an_index_comes_back_as_it_was() {
        for index in [0, 1, 7, u32::MAX - 1] {
            let slot = Slot::<Kind>::from_index(index);
            assert_eq!((slot, slot.map(Slot::index)), (Some(Slot::at(index)), Some(index)));
        }
        assert_eq!(Slot::<Kind>::from_index(u32::MAX), None);
        assert_eq!(Slot::<Kind>::at(u32::MAX).index(), u32::MAX - 1);
        assert_eq!(alloc::format!("{:?}", Slot::<Kind>::at(3)), "Slot(3)");
    }

    #[test]
    fn slots_are_ordered_by_index() {
        let [a, b] = [3, 4].map(Slot::<Kind>::at);
        assert!(a < b && Some(a) > None);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_is_saved_as_its_index() {
        use crate::collections::testing::saved;
        for slot in [None, Slot::<Kind>::from_index(0), Slot::from_index(u32::MAX - 1)] {
            assert_eq!(saved(&slot), slot);
        }
        assert_eq!(serde_json::to_string(&[Slot::<Kind>::from_index(5), None]).unwrap(), "[5,null]");
        assert!(serde_json::from_str::<Slot<Kind>>("4294967294").is_ok());
        for wrong in ["4294967295", "4294967296", "-1", "null", "\"1\""] {
            assert!(serde_json::from_str::<Slot<Kind>>(wrong).is_err(), "{wrong}");
        }
    }
}
