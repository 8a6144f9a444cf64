//! How many bytes of the heap the standard collections take at most.

/// A vector of `len` entries that has doubled whenever it was full.
pub(crate) const fn vector(len: u64, each: usize) -> u64 {
    let room = match len {
        0 => 0,
        1..=4 => 4,
        _ => len.next_power_of_two(),
    };
    room.saturating_mul(each as u64)
}

/// A B-tree of `len` entries. A node of it has room for eleven and holds at least five; the rest is for inner nodes.
pub(crate) const fn tree(len: u64, each: usize) -> u64 {
    len.saturating_mul((each as u64).saturating_mul(11) / 5).saturating_add(len.saturating_mul(12))
}

pub(crate) fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_vector_never_takes_more_than_its_bound() {
        let mut all = Vec::new();
        assert_eq!(vector(0, size_of::<u64>()), 0);
        for len in 1..=5_000u64 {
            all.push(len);
            assert!((all.capacity() * size_of::<u64>()) as u64 <= vector(len, size_of::<u64>()), "{len}");
        }
    }

    #[test]
    fn absurd_lengths_saturate() {
        assert_eq!(vector(1 << 63, 16), u64::MAX);
        assert_eq!(tree(u64::MAX, 16), u64::MAX);
        assert_eq!((sum(&[]), sum(&[1, 2, 3]), sum(&[1, u64::MAX])), (0, 6, u64::MAX));
    }
}
