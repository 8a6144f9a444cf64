//! Vectors that grow by an eighth: little room is to spare in them, and each entry is moved a few times.

use alloc::vec::Vec;

/// The room to spare in a vector that has grown for `len` entries.
pub(crate) const fn spare(len: u64) -> u64 {
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

/// Makes a vector `len` entries long that is shorter. What it had not is a copy of `value`.
#[cold]
pub(crate) fn lengthen<T: Clone>(all: &mut Vec<T>, len: usize, value: T) {
    make_room(all, len);
    all.resize(len, value);
}

/// Entries of a page: few enough to be allocated in microseconds, so many that a list of pages stays short.
pub(crate) const PAGE: usize = 1024;

/// Makes room for `len` entries in a page, and for an eighth of `total` to spare, up to the full size of a page.
pub(crate) fn make_room_in_page<T>(page: &mut Vec<T>, len: usize, total: usize) {
    if page.capacity() < len {
        let room = page.len().saturating_add(spare(total as u64) as usize).max(len).min(PAGE);
        page.reserve_exact(room.saturating_sub(page.len()));
    }
}

/// The most bytes of the entries in pages, where there are `len` in all.
pub(crate) const fn bound_in_pages(len: u64, each: usize) -> u64 {
    let pages = len.div_ceil(PAGE as u64);
    let whole = pages.saturating_mul(PAGE as u64).saturating_mul(each as u64);
    let some = bound(len, each);
    if some < whole { some } else { whole }
}

/// The most bytes of a vector of `len` entries in which [`make_room`] made the room.
pub(crate) const fn bound(len: u64, each: usize) -> u64 {
    if len == 0 { 0 } else { len.saturating_add(spare(len)).saturating_mul(each as u64) }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_to_spare() {
        let (mut all, mut moves) = (Vec::new(), 0);
        assert_eq!(bound(0, size_of::<u64>()), 0);
        for len in 1..=5_000u64 {
            let before = all.capacity();
            make_room(&mut all, len as usize);
            all.push(len);
            moves += u32::from(all.capacity() != before);
            let (bytes, bound) = ((all.capacity() * size_of::<u64>()) as u64, bound(len, size_of::<u64>()));
            assert!(bytes <= bound && bound <= len * 9 + 32, "{len}: {bytes}, {bound}");
        }
        assert!(moves < 60, "{moves}");
    }

    #[test]
    fn absurd_lengths_saturate() {
        assert_eq!(bound(u64::MAX, 16), u64::MAX);
    }
}
