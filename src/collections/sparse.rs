//! Small values by index, of which most may be missing.

use alloc::vec::Vec;

use super::growth::{self, PAGE};

/// Values in pages, of which a page is allocated when something is first put into it. So a single call fills no more than a page,
/// however large the index is, and nothing is moved when more are added; a range of indices without values takes next to nothing.
#[derive(Clone, Debug)]
pub(crate) struct Sparse<T> {
    /// The value of an index at which nothing was put.
    nothing: T,
    /// Apart from the others, so that small indices are found as in any vector.
    first: Vec<T>,
    rest: Vec<Vec<T>>,
}

impl<T: Copy> Sparse<T> {
    /// Nothing at any index, for which this value stands.
    pub(crate) const fn new(nothing: T) -> Self {
        Self { nothing, first: Vec::new(), rest: Vec::new() }
    }

    #[inline]
    fn at(&self, index: u32) -> Option<&T> {
        self.first.get(index as usize).or_else(|| {
            let at = (index as usize).checked_sub(PAGE)?;
            self.rest.get(at / PAGE)?.get(at % PAGE)
        })
    }

    /// The entry at an index, if there is room for it: [`make_room`](Self::make_room) makes some.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        let Self { first, rest, .. } = self;
        first.get_mut(index as usize).or_else(|| {
            let at = (index as usize).checked_sub(PAGE)?;
            rest.get_mut(at / PAGE)?.get_mut(at % PAGE)
        })
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> T {
        self.at(index).map_or(self.nothing, |value| *value)
    }

    /// Puts a value where there is room for one.
    #[inline]
    pub(crate) fn set(&mut self, index: u32, value: T) {
        if let Some(to) = self.get_mut(index) {
            *to = value;
        }
    }

    /// Makes room for a value at an index. Returns what is there.
    #[inline]
    pub(crate) fn make_room(&mut self, index: u32) -> T {
        match self.at(index) {
            Some(value) => *value,
            None => self.lengthen(index as usize),
        }
    }

    /// Puts a value where there may be no room yet. Returns what was there.
    pub(crate) fn put(&mut self, index: u32, value: T) -> T {
        let old = self.make_room(index);
        self.set(index, value);
        old
    }

    #[cold]
    fn lengthen(&mut self, index: usize) -> T {
        let (number, len) = (index / PAGE, (index % PAGE).saturating_add(1));
        if self.rest.len() < number {
            growth::lengthen(&mut self.rest, number, Vec::new());
        }
        let page = match number.checked_sub(1) {
            None => Some(&mut self.first),
            Some(number) => self.rest.get_mut(number),
        };
        if let Some(page) = page {
            growth::make_room_in_page(page, len, index);
            page.resize(len, self.nothing);
        }
        self.nothing
    }

    /// The most bytes for indices below this.
    pub(crate) const fn bound(indices: u64) -> u64 {
        let list = growth::bound(indices.div_ceil(PAGE as u64).saturating_sub(1), size_of::<Vec<T>>());
        growth::bound_in_pages(indices, size_of::<T>()).saturating_add(list)
    }

    /// The bytes that they take.
    #[cfg(test)]
    #[allow(clippy::arithmetic_side_effects, reason = "for tests")]
    pub(super) fn bytes(&self) -> usize {
        let pages: usize = self.rest.iter().chain([&self.first]).map(Vec::capacity).sum();
        pages * size_of::<T>() + self.rest.capacity() * size_of::<Vec<T>>()
    }
}

impl<T: Copy + Default> Default for Sparse<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::BTreeMap;

    const NOWHERE: u32 = u32::MAX;

    #[test]
    fn behaves_like_a_map() {
        let (mut places, mut model, mut draws) = (Sparse::new(NOWHERE), BTreeMap::new(), Draws::new(21));
        for step in 0..20_000u32 {
            // The first page is full before long; of the others some are left out.
            let index = draws.below(1_500) + draws.below(3) * 40_000;
            let old = model.get(&index).copied().unwrap_or(NOWHERE);
            assert_eq!(places.get(index), old);
            if draws.below(4) > 0 {
                model.insert(index, step);
                assert_eq!(places.put(index, step), old);
            } else if old != NOWHERE {
                model.remove(&index);
                places.set(index, NOWHERE);
            }
        }
        assert!((0..90_000).all(|index| places.get(index) == *model.get(&index).unwrap_or(&NOWHERE)));
        // There is no room for this one.
        places.set(90_000_000, 5);
        assert_eq!(places.get(90_000_000), NOWHERE);
    }

    #[test]
    fn one_place_takes_one_page() {
        let mut places = Sparse::new(NOWHERE);
        places.make_room(10_000_000);
        let list = 10_000_000 / PAGE * size_of::<Vec<u32>>();
        assert!(places.bytes() < list * 9 / 8 + PAGE * 4, "{}", places.bytes());
    }

    #[test]
    fn they_take_no_more_than_their_bound() {
        let (mut places, mut apart) = (Sparse::new(NOWHERE), Sparse::new(NOWHERE));
        assert_eq!((places.bytes(), Sparse::<u32>::bound(0)), (0, 0));
        for index in 0..12_000 {
            places.make_room(index);
            assert!(
                places.bytes() as u64 <= Sparse::<u32>::bound(u64::from(index) + 1),
                "{index}: {}",
                places.bytes()
            );
            apart.make_room(index * 777);
            let bound = Sparse::<u32>::bound(u64::from(index) * 777 + 1);
            assert!(apart.bytes() as u64 <= bound, "{index}: {}", apart.bytes());
        }
        assert_eq!(Sparse::<u32>::bound(u64::MAX), u64::MAX);
    }
}
