//! A vector that grows without moving what it holds, so that no event waits while a million entries are copied.

use alloc::vec::Vec;

use super::bound::vector;

/// Entries in one piece: few enough to be set aside in microseconds, so many that the pieces are found at once.
pub(super) const CHUNK: usize = 1024;

/// A vector in pieces, which are filled one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<T> {
    /// It grows as any vector does, so that few entries take little, and are found as in any vector.
    first: Vec<T>,
    rest: Vec<Vec<T>>,
}

impl<T> Chunks<T> {
    pub(crate) const fn new() -> Self {
        Self { first: Vec::new(), rest: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        let last = self.rest.last().map_or(self.first.len(), Vec::len);
        self.rest.len().saturating_mul(CHUNK).saturating_add(last)
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        match at.checked_sub(CHUNK) {
            None => self.first.get(at),
            Some(at) => self.rest.get(at / CHUNK)?.get(at % CHUNK),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(CHUNK) {
            None => self.first.get_mut(at),
            Some(at) => self.rest.get_mut(at / CHUNK)?.get_mut(at % CHUNK),
        }
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.first.len() < CHUNK {
            return self.first.push(value);
        }
        if let Some(last) = self.rest.last_mut().filter(|last| last.len() < CHUNK) {
            return last.push(value);
        }
        let mut piece = Vec::with_capacity(CHUNK);
        piece.push(value);
        self.rest.push(piece);
    }

    /// Takes the last entry out. A piece that is empty is given back.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let Some(last) = self.rest.last_mut() else { return self.first.pop() };
        let value = last.pop();
        if last.is_empty() {
            self.rest.pop();
        }
        value
    }

    /// Takes an entry out, and puts the last one in its place.
    pub(crate) fn swap_remove(&mut self, at: usize) -> Option<T> {
        if at >= self.len() {
            return None;
        }
        let last = self.pop()?;
        match self.get_mut(at) {
            Some(gap) => Some(core::mem::replace(gap, last)),
            None => Some(last),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.first.iter().chain(self.rest.iter().flatten())
    }

    /// The most bytes for so many entries.
    pub(super) const fn bound(len: u64) -> u64 {
        let (chunk, each) = (CHUNK as u64, size_of::<T>());
        let rest = len.saturating_sub(chunk).div_ceil(chunk);
        let first = vector(if len < chunk { len } else { chunk }, each);
        let entries = first.saturating_add(rest.saturating_mul(vector(chunk, each)));
        entries.saturating_add(vector(rest, size_of::<Vec<T>>()))
    }
}

impl<T> FromIterator<T> for Chunks<T> {
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

    #[test]
    fn pieces_are_filled_one_after_the_other() {
        for len in [0, 1, 5, 1_000, 1_024, 1_025, 5_000, 10_240] {
            let mut chunks: Chunks<u64> = (0..len).collect();
            assert!(chunks.iter().copied().eq(0..len));
            assert_eq!((chunks.len() as u64, chunks.get(len as usize)), (len, None));
            for at in (0..len).step_by(7) {
                assert_eq!(chunks.get(at as usize), Some(&at));
                *chunks.get_mut(at as usize).unwrap() += 1;
                assert_eq!(chunks.get(at as usize), Some(&(at + 1)));
            }
            assert!(chunks.rest.iter().all(|piece| piece.capacity() == CHUNK));
            let pieces = chunks.rest.iter().chain([&chunks.first]);
            let entries: usize = pieces.map(|piece| piece.capacity() * size_of::<u64>()).sum();
            let bytes = entries + chunks.rest.capacity() * size_of::<Vec<u64>>();
            assert!(bytes as u64 <= Chunks::<u64>::bound(len), "{len}: {bytes}");
        }
    }

    #[test]
    fn what_is_taken_out_leaves_no_memory_behind() {
        let mut chunks: Chunks<u64> = (0..5_000).collect();
        assert_eq!(
            (chunks.swap_remove(5_000), chunks.swap_remove(4_999), chunks.len()),
            (None, Some(4_999), 4_999)
        );
        assert_eq!((chunks.swap_remove(7), chunks.get(7), chunks.len()), (Some(7), Some(&4_998), 4_998));
        for left in (0..4_998usize).rev() {
            assert!(chunks.pop().is_some());
            let pieces = left.saturating_sub(CHUNK).div_ceil(CHUNK);
            assert_eq!((chunks.len(), chunks.rest.len()), (left, pieces));
        }
        assert_eq!((chunks.pop(), chunks.swap_remove(0)), (None, None));
        chunks.push(1);
        assert!(chunks.iter().eq(&[1]));
    }
}
