//! Queues of nodes in the order in which they came, linked through the nodes' records.

use super::slab::NONE;

/// A record's place in the one list that it is in.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Link {
    pub(super) prev: u32,
    pub(super) next: u32,
}

impl Link {
    pub(crate) const NONE: Self = Self { prev: NONE, next: NONE };
}

/// Whatever holds the links, by slot.
pub(crate) trait Links {
    fn link(&mut self, slot: u32) -> Option<&mut Link>;
}

/// First in, first out; any can be taken out.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) len: u32,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self { head: NONE, tail: NONE, len: 0 }
    }

    pub(crate) const fn head(&self) -> Option<u32> {
        if self.head == NONE { None } else { Some(self.head) }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Appends a slot that is in no list.
    pub(crate) fn push(&mut self, links: &mut impl Links, slot: u32) {
        if let Some(link) = links.link(slot) {
            *link = Link { prev: self.tail, next: NONE };
        }
        match links.link(self.tail) {
            Some(tail) => tail.next = slot,
            None => self.head = slot,
        }
        self.tail = slot;
        self.len = self.len.saturating_add(1);
    }

    /// Takes a slot out that is in this list.
    pub(crate) fn remove(&mut self, links: &mut impl Links, slot: u32) {
        let Some(link) = links.link(slot) else { return };
        let Link { prev, next } = core::mem::replace(link, Link::NONE);
        match links.link(prev) {
            Some(before) => before.next = next,
            None => self.head = next,
        }
        match links.link(next) {
            Some(after) => after.prev = prev,
            None => self.tail = prev,
        }
        self.len = self.len.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    impl Links for Vec<Link> {
        fn link(&mut self, slot: u32) -> Option<&mut Link> {
            self.get_mut(slot as usize)
        }
    }

    #[test]
    fn first_in_first_out_with_gaps() {
        let mut links = vec![Link::NONE; 8];
        let mut list = List::new();
        for slot in [3, 1, 4, 5, 0] {
            list.push(&mut links, slot);
        }
        for gone in [3, 0, 4] {
            list.remove(&mut links, gone);
        }
        list.push(&mut links, 3);
        assert_eq!(list.len(), 3);
        let mut order = Vec::new();
        while let Some(head) = list.head() {
            list.remove(&mut links, head);
            order.push(head);
        }
        assert_eq!((order, list.len(), list.tail), (vec![1, 5, 3], 0, NONE));
    }
}
