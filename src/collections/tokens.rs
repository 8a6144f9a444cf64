//! Slots by numbers that only grow, such as those of tasks.

use alloc::collections::VecDeque;

use super::slot::Slot;

/// Slots by token, in the order of the tokens: a token is found by binary search.
///
/// A token that is taken out leaves a gap, until all before it are gone too, or until there is no room: then all gaps are closed,
/// and there is room for as many tokens again as are in use. So a token costs a few steps, and the room is at most twice what was
/// ever in use, or for a few more.
pub(crate) struct Tokens<K> {
    all: VecDeque<(u64, Option<Slot<K>>)>,
}

unbounded!(Clone, Default: Tokens<K> { all });

/// The least room to spare.
const SPARE: usize = 8;

impl<K> Tokens<K> {
    pub(crate) const fn new() -> Self {
        Self { all: VecDeque::new() }
    }

    /// Adds a token, which has to be larger than all before it.
    #[inline]
    pub(crate) fn push(&mut self, token: u64, slot: Slot<K>) {
        if self.all.len() == self.all.capacity() {
            self.close_gaps();
        }
        self.all.push_back((token, Some(slot)));
    }

    #[cold]
    fn close_gaps(&mut self) {
        self.all.retain(|(_, slot)| slot.is_some());
        self.all.reserve_exact(self.all.len().max(SPARE));
    }

    fn place(&self, token: u64) -> Option<usize> {
        self.all.binary_search_by_key(&token, |(token, _)| *token).ok()
    }

    /// The slot of a token.
    pub(crate) fn find(&self, token: u64) -> Option<Slot<K>> {
        self.all.get(self.place(token)?)?.1
    }

    /// Takes a token out, if its slot is the wanted one.
    pub(crate) fn take(&mut self, token: u64, wanted: impl Fn(Slot<K>) -> bool) -> Option<Slot<K>> {
        let place = self.place(token)?;
        let taken = self.all.get_mut(place)?.1.take_if(|slot| wanted(*slot));
        while self.all.front().is_some_and(|(_, slot)| slot.is_none()) {
            self.all.pop_front();
        }
        taken
    }

    /// How many tokens are in.
    pub(crate) fn len(&self) -> usize {
        self.all.iter().filter(|(_, slot)| slot.is_some()).count()
    }

    /// The most bytes for so many tokens at once.
    pub(crate) const fn bound(len: u64) -> u64 {
        let spare = if len > SPARE as u64 { len } else { SPARE as u64 };
        len.saturating_add(spare).saturating_mul(size_of::<(u64, Option<Slot<K>>)>() as u64)
    }

    /// The bytes that it takes.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.all.capacity().saturating_mul(size_of::<(u64, Option<Slot<K>>)>())
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;
    use alloc::collections::BTreeMap;

    enum Kind {}

    #[test]
    fn it_agrees_with_a_map_and_keeps_its_bound() {
        for seed in 0..20 {
            let (mut draws, most) = (Draws::new(seed), [1, 3, 9, 100][seed as usize % 4]);
            let (mut tokens, mut model) = (Tokens::<Kind>::new(), BTreeMap::new());
            let (mut token, mut peak) = (0, 0);
            for _ in 0..4_000 {
                let slot = Slot::at(draws.below(200));
                if model.len() < most && draws.below(3) > 0 {
                    token += u64::from(draws.below(3)) + 1;
                    tokens.push(token, slot);
                    model.insert(token, slot);
                } else {
                    let oldest = model.keys().next().copied().unwrap_or_default();
                    let wanted = oldest + u64::from(draws.below(10));
                    assert_eq!(tokens.find(wanted), model.get(&wanted).copied());
                    assert_eq!(tokens.take(wanted, |_| false), None);
                    assert_eq!(tokens.take(wanted, |_| true), model.remove(&wanted));
                    assert_eq!((tokens.find(wanted), tokens.take(wanted, |_| true)), (None, None));
                }
                peak = peak.max(model.len() as u64);
                assert_eq!(tokens.len(), model.len());
                assert!(tokens.bytes() as u64 <= Tokens::<Kind>::bound(peak.max(1)), "{peak}");
            }
        }
    }

    #[test]
    fn a_token_in_use_for_ever_costs_the_others_nothing() {
        let mut tokens = Tokens::<Kind>::new();
        tokens.push(1, Slot::at(7));
        for token in 2..10_000 {
            tokens.push(token, Slot::at(1));
            assert_eq!(tokens.take(token, |_| true), Some(Slot::at(1)));
        }
        assert_eq!(tokens.find(1), Some(Slot::at(7)));
        assert!(tokens.bytes() as u64 <= Tokens::<Kind>::bound(2));
    }
}
