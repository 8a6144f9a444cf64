//! A vector that grows without moving what it holds, so that no single call copies a million entries.

use alloc::vec::Vec;

use super::bytes::vector;

/// A vector in pages, which are filled one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Paged<T> {
    /// It grows as any vector does, so that few entries take little memory, and are found as in any vector.
    first: Vec<T>,
    rest: Vec<Vec<T>>,
}

impl<T> Paged<T> {
    /// Entries of a page: few enough to be allocated in microseconds, so many that the list of pages stays short.
    pub(crate) const PAGE: usize = 1024;

    pub(crate) const fn new() -> Self {
        Self { first: Vec::new(), rest: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        let last = self.rest.last().map_or(self.first.len(), Vec::len);
        self.rest.len().saturating_mul(Self::PAGE).saturating_add(last)
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        match at.checked_sub(Self::PAGE) {
            None => self.first.get(at),
            Some(at) => self.rest.get(at / Self::PAGE)?.get(at % Self::PAGE),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(Self::PAGE) {
            None => self.first.get_mut(at),
            Some(at) => self.rest.get_mut(at / Self::PAGE)?.get_mut(at % Self::PAGE),
        }
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.first.len() < Self::PAGE {
            return self.first.push(value);
        }
        if let Some(last) = self.rest.last_mut().filter(|last| last.len() < Self::PAGE) {
            return last.push(value);
        }
        let mut page = Vec::with_capacity(Self::PAGE);
        page.push(value);
        self.rest.push(page);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.first.iter().chain(self.rest.iter().flatten())
    }

    /// The most bytes that so many entries take.
    pub(crate) const fn bound(len: u64) -> u64 {
        let (page, each) = (Self::PAGE as u64, size_of::<T>());
        let rest = len.saturating_sub(page).div_ceil(page);
        let first = vector(if len < page { len } else { page }, each);
        let entries = first.saturating_add(rest.saturating_mul(vector(page, each)));
        entries.saturating_add(vector(rest, size_of::<Vec<T>>()))
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

    const PAGE: usize = Paged::<u64>::PAGE;

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
    fn nothing_moves_but_the_first_page() {
        for len in [0, 1, 5, 1_000, 1_024, 1_025, 5_000, 10_240] {
            let paged: Paged<u64> = (0..len).collect();
            assert!(paged.rest.iter().all(|page| page.capacity() == PAGE));
            assert!(paged.bytes() as u64 <= Paged::<u64>::bound(len), "{len}: {}", paged.bytes());
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_is_saved_as_a_vector() {
        use crate::collections::testing::saved;
        for len in [0, 1, 1_024, 3_000] {
            let read = saved(&(0..len).collect::<Paged<u64>>());
            assert!(read.iter().copied().eq(0..len));
            assert!(read.rest.iter().all(|page| page.capacity() == PAGE));
        }
    }
}
