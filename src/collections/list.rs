//! Queues, first in, first out, whose links are stored with what waits in them.

use super::slot::Slot;

/// The neighbours of a slot in the one list that it is in.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = ""))]
pub(crate) struct Link<K> {
    prev: Option<Slot<K>>,
    next: Option<Slot<K>>,
}

unbounded!(Copy: Link<K> { prev, next });

impl<K> Link<K> {
    /// The link of a slot that is in no list.
    pub(crate) const NONE: Self = Self { prev: None, next: None };
}

impl<K> Default for Link<K> {
    fn default() -> Self {
        Self::NONE
    }
}

/// Whatever stores the links of slots.
pub(crate) trait Links<K> {
    fn link(&mut self, slot: Slot<K>) -> Option<&mut Link<K>>;
}

/// A queue out of which any slot can be taken.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = ""))]
pub(crate) struct List<K> {
    head: Option<Slot<K>>,
    tail: Option<Slot<K>>,
    len: u32,
}

unbounded!(Copy: List<K> { head, tail, len });

impl<K> List<K> {
    pub(crate) const fn new() -> Self {
        Self { head: None, tail: None, len: 0 }
    }

    /// The slot that has been in for the longest time.
    pub(crate) const fn head(&self) -> Option<Slot<K>> {
        self.head
    }

    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a slot that is in no list.
    pub(crate) fn push(&mut self, links: &mut impl Links<K>, slot: Slot<K>) {
        let Some(link) = links.link(slot) else { return };
        *link = Link { prev: self.tail, next: None };
        match self.tail.and_then(|tail| links.link(tail)) {
            Some(tail) => tail.next = Some(slot),
            None => self.head = Some(slot),
        }
        self.tail = Some(slot);
        self.len = self.len.saturating_add(1);
    }

    /// Takes a slot out that is in this list.
    pub(crate) fn remove(&mut self, links: &mut impl Links<K>, slot: Slot<K>) {
        let Some(link) = links.link(slot) else { return };
        let Link { prev, next } = core::mem::take(link);
        match prev.and_then(|prev| links.link(prev)) {
            Some(before) => before.next = next,
            None => self.head = next,
        }
        match next.and_then(|next| links.link(next)) {
            Some(after) => after.prev = prev,
            None => self.tail = prev,
        }
        self.len = self.len.saturating_sub(1);
    }

    /// Whether the links fit together both ways, and to this list. `link` reads the link of a slot; it answers `None`
    /// where there is none, or where the slot can't be in this list.
    pub(crate) fn verify(&self, link: impl Fn(Slot<K>) -> Option<Link<K>>) -> bool {
        let (mut before, mut here) = (None, self.head);
        for _ in 0..self.len {
            // No slot comes twice, since it would have to point back to two others.
            let Some(link) = here.and_then(&link).filter(|link| link.prev == before) else { return false };
            before = core::mem::replace(&mut here, link.next);
        }
        here.is_none() && self.tail == before
    }
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self::new()
    }
}
