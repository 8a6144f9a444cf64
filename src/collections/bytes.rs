//! How many bytes of the heap the standard collections take at most.

use alloc::vec::Vec;

/// A vector of `len` entries that has doubled whenever it was full.
pub(crate) const fn vector(len: u64, each: usize) -> u64 {
    let room = match len {
        0 => 0,
        1..=4 => 4,
        _ => len.next_power_of_two(),
    };
    room.saturating_mul(each as u64)
}

/// The room to spare in a vector of `len` entries that grows by an eighth.
const fn spare(len: u64) -> u64 {
    if len / 8 > 4 { len / 8 } else { 4 }
}

/// Makes room for `len` entries, and for an eighth more, where there is no room for them.
#[cold]
pub(crate) fn make_room<T>(all: &mut Vec<T>, len: usize) {
    if all.capacity() < len {
        let room = len.saturating_add(spare(len as u64) as usize);
        all.reserve_exact(room.saturating_sub(all.len()));
    }
}

/// A vector of `len` entries in which [`make_room`] made the room.
pub(crate) const fn roomy(len: u64, each: usize) -> u64 {
    if len == 0 { 0 } else { len.saturating_add(spare(len)).saturating_mul(each as u64) }
}

/// A B-tree of `len` entries. A node of it has room for eleven and holds at least five; the rest is for inner nodes.
pub(crate) const fn tree(len: u64, each: usize) -> u64 {
    len.saturating_mul((each as u64).saturating_mul(11) / 5).saturating_add(len.saturating_mul(12))
}

pub(crate) fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;

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
    fn a_vector_that_grows_by_an_eighth_has_little_to_spare() {
        let (mut all, mut moves) = (Vec::new(), 0);
        assert_eq!(roomy(0, size_of::<u64>()), 0);
        for len in 1..=5_000u64 {
            let before = all.capacity();
            make_room(&mut all, len as usize);
            all.push(len);
            moves += u32::from(all.capacity() != before);
            let (bytes, bound) = ((all.capacity() * size_of::<u64>()) as u64, roomy(len, size_of::<u64>()));
            assert!(bytes <= bound && bound <= len * 9 + 32, "{len}: {bytes}, {bound}");
        }
        assert!(moves < 60, "{moves}");
    }

    #[test]
    fn absurd_lengths_saturate() {
        assert_eq!(vector(1 << 63, 16), u64::MAX);
        assert_eq!((tree(u64::MAX, 16), roomy(u64::MAX, 16)), (u64::MAX, u64::MAX));
        assert_eq!((sum(&[]), sum(&[1, 2, 3]), sum(&[1, u64::MAX])), (0, 6, u64::MAX));
    }
}
