//! A vector that grows without moving what it holds, so that no event waits while a million entries are copied.

use alloc::vec::Vec;

use super::bound::vector;

/// Entries in one piece: few enough to be set aside in microseconds, so many that the pieces are found at once.
const CHUNK: usize = 1024;

/// A vector in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<T> {
    /// One after the other is filled. The first grows as any vector does, so that few entries take little.
    pieces: Vec<Vec<T>>,
    len: usize,
}

impl<T> Chunks<T> {
    pub(crate) const fn new() -> Self {
        Self { pieces: Vec::new(), len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.pieces.get(at / CHUNK)?.get(at % CHUNK)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.pieces.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    pub(crate) fn push(&mut self, value: T) {
        let piece = self.len / CHUNK;
        if piece == self.pieces.len() {
            self.pieces.push(if piece == 0 { Vec::new() } else { Vec::with_capacity(CHUNK) });
        }
        if let Some(piece) = self.pieces.get_mut(piece) {
            piece.push(value);
            self.len = self.len.saturating_add(1);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.pieces.iter().flatten()
    }

    /// The most bytes for so many entries.
    pub(super) const fn bound(len: u64) -> u64 {
        let chunk = CHUNK as u64;
        let pieces = len.div_ceil(chunk);
        let entries = if len <= chunk {
            vector(len, size_of::<T>())
        } else {
            pieces.saturating_mul(chunk).saturating_mul(size_of::<T>() as u64)
        };
        entries.saturating_add(vector(pieces, size_of::<Vec<T>>()))
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
            assert!(chunks.pieces.iter().skip(1).all(|piece| piece.capacity() == CHUNK));
            let entries: usize = chunks.pieces.iter().map(|piece| piece.capacity() * size_of::<u64>()).sum();
            let bytes = entries + chunks.pieces.capacity() * size_of::<Vec<u64>>();
            assert!(bytes as u64 <= Chunks::<u64>::bound(len), "{len}: {bytes}");
        }
    }
}
