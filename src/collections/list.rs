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

    /// The slot that is next in the list.
    pub(super) const fn next(&self) -> Option<Slot<K>> {
        self.next
    }
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

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::VecDeque;
    use alloc::vec;
    use alloc::vec::Vec;

    enum Kind {}

    const SLOTS: u32 = 40;

    impl Links<Kind> for Vec<Link<Kind>> {
        fn link(&mut self, slot: Slot<Kind>) -> Option<&mut Link<Kind>> {
            self.get_mut(slot.place())
        }
    }

    fn is_sound(list: &List<Kind>, links: &[Link<Kind>]) -> bool {
        list.verify(|slot| links.get(slot.place()).copied())
    }

    /// Two lists over the same links, in the same order as two queues.
    fn churn(
        lists: &mut [List<Kind>; 2],
        links: &mut Vec<Link<Kind>>,
        models: &mut [VecDeque<u32>; 2],
        draws: &mut Draws,
    ) {
        for _ in 0..2_000 {
            let index = draws.below(SLOTS);
            let here = models.iter().position(|model| model.contains(&index));
            let of = here.unwrap_or(draws.below(2) as usize);
            let (list, model) = (&mut lists[of], &mut models[of]);
            if here.is_some() {
                list.remove(links, Slot::at(index));
                model.retain(|other| *other != index);
            } else {
                list.push(links, Slot::at(index));
                model.push_back(index);
            }
            for (list, model) in lists.iter().zip(&*models) {
                assert_eq!((list.len() as usize, list.is_empty()), (model.len(), model.is_empty()));
                assert_eq!(list.head().map(Slot::index), model.front().copied());
                assert_eq!(list.tail.map(Slot::index), model.back().copied());
                assert!(is_sound(list, links));
            }
        }
    }

    #[test]
    fn behaves_like_a_queue_out_of_which_any_can_be_taken() {
        let mut lists = [List::new(); 2];
        let (mut links, mut models) = (vec![Link::NONE; SLOTS as usize], [VecDeque::new(), VecDeque::new()]);
        churn(&mut lists, &mut links, &mut models, &mut Draws::new(13));
        for (list, model) in lists.iter_mut().zip(models) {
            assert!(model.len() > 3);
            for index in model {
                assert_eq!(list.head(), Some(Slot::at(index)));
                list.remove(&mut links, Slot::at(index));
            }
            assert!(list.is_empty() && list.head().is_none() && is_sound(list, &links));
        }
        assert!(links.iter().all(|link| link.prev.is_none() && link.next.is_none()));
    }

    #[test]
    fn a_slot_without_a_link_is_not_taken_in() {
        let (mut list, mut links) = (List::new(), vec![Link::NONE; 2]);
        list.push(&mut links, Slot::at(2));
        assert!(list.is_empty() && list.head().is_none());
        list.push(&mut links, Slot::at(1));
        list.remove(&mut links, Slot::at(2));
        assert_eq!((list.len(), list.head()), (1, Some(Slot::at(1))));
    }

    /// Whatever single link or part of the list is changed, it shows.
    #[test]
    fn links_that_do_not_fit_together_are_found() {
        let (mut list, mut links) = (List::new(), vec![Link::NONE; 5]);
        (0..4).for_each(|index| list.push(&mut links, Slot::at(index)));
        let slots = || (0..6).map(Slot::at).map(Some).chain([None]);
        for (wrong, index) in slots().flat_map(|wrong| (0..4).map(move |index| (wrong, index))) {
            for part in 0..2 {
                let mut broken = links.clone();
                let part = if part == 0 { &mut broken[index].prev } else { &mut broken[index].next };
                let changed = core::mem::replace(part, wrong) != wrong;
                assert_eq!(is_sound(&list, &broken), !changed, "{index} {wrong:?}");
            }
        }
        for wrong in slots() {
            assert_eq!(is_sound(&List { head: wrong, ..list }, &links), wrong == list.head);
            assert_eq!(is_sound(&List { tail: wrong, ..list }, &links), wrong == list.tail);
        }
        for len in [0, 3, 5, u32::MAX] {
            assert!(!is_sound(&List { len, ..list }, &links), "{len}");
        }
        assert!(!list.verify(|slot| links.get(slot.place()).copied().filter(|_| slot.index() != 2)));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn saved_lists_go_on_as_before() {
        use crate::collections::testing::saved;
        let mut lists = [List::new(); 2];
        let (mut links, mut models) = (vec![Link::NONE; SLOTS as usize], [VecDeque::new(), VecDeque::new()]);
        let mut draws = Draws::new(14);
        for _ in 0..3 {
            churn(&mut lists, &mut links, &mut models, &mut draws);
            (lists, links) = (saved(&lists), saved(&links));
        }
    }
}
