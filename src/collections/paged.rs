//! A vector that grows without moving what it holds, so that no single call copies a million entries.

use alloc::vec::Vec;

use super::bytes::vector;
use super::growth::{self, PAGE};

/// A vector in pages, which are filled one after the other. The page that is being filled grows by an eighth of all entries, up to
/// its full size: so little room is to spare, and from eight pages on each new one is whole at once.
#[derive(Clone, Debug)]
pub(crate) struct Paged<T> {
    /// Apart from the others, so that few entries are found as in any vector.
    first: Vec<T>,
    rest: Vec<Vec<T>>,
}

impl<T> Paged<T> {
    pub(crate) const fn new() -> Self {
        Self { first: Vec::new(), rest: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        let last = self.rest.last().map_or(self.first.len(), Vec::len);
        self.rest.len().saturating_mul(PAGE).saturating_add(last)
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        match at.checked_sub(PAGE) {
            None => self.first.get(at),
            Some(at) => self.rest.get(at / PAGE)?.get(at % PAGE),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(PAGE) {
            None => self.first.get_mut(at),
            Some(at) => self.rest.get_mut(at / PAGE)?.get_mut(at % PAGE),
        }
    }

    pub(crate) fn push(&mut self, value: T) {
        let len = self.len();
        if self.rest.last().unwrap_or(&self.first).len() == PAGE {
            self.rest.push(Vec::new());
        }
        let page = self.rest.last_mut().unwrap_or(&mut self.first);
        growth::make_room_in_page(page, page.len().saturating_add(1), len);
        page.push(value);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.first.iter().chain(self.rest.iter().flatten())
    }

    /// The most bytes that so many entries take.
    pub(crate) const fn bound(len: u64) -> u64 {
        let list = vector(len.div_ceil(PAGE as u64).saturating_sub(1), size_of::<Vec<T>>());
        growth::bound_in_pages(len, size_of::<T>()).saturating_add(list)
    }

    /// The bytes that it takes.
    #[cfg(test)]
    #[allow(clippy::arithmetic_side_effects, reason = "for tests")]
    pub(super) fn bytes(&self) -> usize {
        let pages = self.rest.iter().chain([&self.first]);
        let entries: usize = pages.map(|page| page.capacity() * size_of::<T>()).sum();
        entries + self.rest.capacity() * size_of::<Vec<T>>()
    }
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> FromIterator<T> for Paged<T> {
    fn from_iter<U: IntoIterator<Item = T>>(values: U) -> Self {
        let mut all = Self::new();
        values.into_iter().for_each(|value| all.push(value));
        all
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;

    #[test]
    fn behaves_like_a_vector() {
        let (mut paged, mut model, mut draws) = (Paged::new(), Vec::new(), Draws::new(1));
        for _ in 0..8_000 {
            let at = draws.below(model.len() as u32 + 2) as usize;
            let value = draws.next();
            paged.push(value);
            model.push(value);
            assert_eq!((paged.len(), paged.get(at)), (model.len(), model.get(at)));
            if let (Some(new), Some(old)) = (paged.get_mut(at), model.get_mut(at)) {
                (*new, *old) = (*new ^ 1, *old ^ 1);
            }
        }
        assert!(paged.iter().eq(&model));
        let again: Paged<u64> = model.iter().copied().collect();
        assert!(again.iter().eq(&model));
    }

    #[test]
    fn at_most_an_eighth_is_to_spare() {
        for len in [0, 1, 5, 1_000, 1_024, 1_025, 1_500, 5_000, 10_240, 10_241] {
            let paged: Paged<u64> = (0..len).collect();
            assert!(paged.bytes() as u64 <= Paged::<u64>::bound(len), "{len}: {}", paged.bytes());
            let pages = paged.rest.iter().chain([&paged.first]);
            let spare: usize = pages.map(|page| page.capacity() - page.len()).sum();
            assert!(spare <= (len as usize / 8).clamp(4, PAGE), "{len}: {spare}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_is_saved_as_a_vector() {
        use crate::collections::testing::saved;
        for len in [0, 1, 1_024, 3_000] {
            let read = saved(&(0..len).collect::<Paged<u64>>());
            assert!(read.iter().copied().eq(0..len));
            assert!(read.rest.iter().rev().skip(1).all(|page| page.len() == PAGE));
        }
    }
}
