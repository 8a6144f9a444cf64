//! Slots in groups, ordered within a group by a size that grows and shrinks by one: the largest is found at once, and each
//! change moves one slot to a neighbouring level.
//!
//! It is the frequency list of a cache that evicts the least frequently used (Shah, Mitra and Matani 2010), turned over.

use alloc::vec::Vec;
use core::iter::successors;

use super::bytes::vector;
use super::list::{Link, Links, List};
use super::slab::Slab;
use super::slot::Slot;

/// Marks the slots of levels.
#[derive(Debug)]
pub(crate) enum OfLevel {}

type At = Option<Slot<OfLevel>>;

/// Where a slot stands, kept with what is in it.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = ""))]
pub(crate) struct Rung<K> {
    level: At,
    link: Link<K>,
}

unbounded!(Copy: Rung<K> { level, link });

impl<K> Rung<K> {
    /// The rung of a slot of size zero, which stands nowhere.
    pub(crate) const NONE: Self = Self { level: None, link: Link::NONE };
}

/// Whatever stores the rungs of slots.
pub(crate) trait Rungs<K> {
    fn rung(&mut self, slot: Slot<K>) -> Option<&mut Rung<K>>;
}

struct ByRung<'a, R>(&'a mut R);

impl<K, R: Rungs<K>> Links<K> for ByRung<'_, R> {
    fn link(&mut self, slot: Slot<K>) -> Option<&mut Link<K>> {
        self.0.rung(slot).map(|rung| &mut rung.link)
    }
}

/// All slots of one size in a group.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = ""))]
struct Level<K> {
    size: u32,
    lower: At,
    higher: At,
    slots: List<K>,
}

/// The first and the last level of a group.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Ends {
    lowest: At,
    highest: At,
}

/// Slots by size, for each of a few groups, which are numbered from zero on.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = ""))]
pub(crate) struct Levels<K> {
    levels: Slab<OfLevel, Level<K>>,
    groups: Vec<Ends>,
}

unbounded!(Copy: Level<K> { size, lower, higher, slots });
unbounded!(Clone, Default: Levels<K> { levels, groups });

impl<K> Levels<K> {
    pub(crate) const fn new() -> Self {
        Self { levels: Slab::new(), groups: Vec::new() }
    }

    /// The slots of a group, the largest first; of equal ones the one that has been so large for the longest time, or was
    /// passed over before the others. `rung` reads the rung of a slot.
    pub(crate) fn descending<'a>(
        &'a self,
        group: u8,
        rung: impl Fn(Slot<K>) -> Option<&'a Rung<K>> + Copy + 'a,
    ) -> impl Iterator<Item = Slot<K>> {
        let highest = self.groups.get(usize::from(group)).and_then(|ends| ends.highest);
        let levels = successors(highest, |at| self.levels.get(*at)?.lower);
        levels
            .filter_map(|at| self.levels.get(at))
            .flat_map(move |level| successors(level.slots.head(), move |slot| rung(*slot)?.link.next()))
    }

    /// Puts a slot behind all others of its size.
    pub(crate) fn pass_over(&mut self, rungs: &mut impl Rungs<K>, slot: Slot<K>) {
        let level = rungs.rung(slot).and_then(|rung| rung.level);
        if let Some(level) = level.and_then(|level| self.levels.get_mut(level)) {
            level.slots.remove(&mut ByRung(rungs), slot);
            level.slots.push(&mut ByRung(rungs), slot);
        }
    }

    /// How large a slot is, by its rung.
    pub(crate) fn size(&self, rung: &Rung<K>) -> u32 {
        rung.level.and_then(|level| self.levels.get(level)).map_or(0, |level| level.size)
    }

    /// A slot of a group grows by one.
    pub(crate) fn grow(&mut self, rungs: &mut impl Rungs<K>, group: u8, slot: Slot<K>) {
        let Some(rung) = rungs.rung(slot).copied() else { return };
        let size = self.size(&rung).saturating_add(1);
        let higher = match rung.level {
            Some(level) => self.levels.get(level).and_then(|level| level.higher),
            None => self.ends(group).and_then(|ends| ends.lowest),
        };
        let to = self.level(group, size, rung.level, higher, higher);
        self.put(rungs, group, slot, Some(to));
    }

    /// A slot of a group shrinks by one; of size zero, it stands nowhere.
    pub(crate) fn shrink(&mut self, rungs: &mut impl Rungs<K>, group: u8, slot: Slot<K>) {
        let Some(rung) = rungs.rung(slot).copied() else { return };
        let size = self.size(&rung).saturating_sub(1);
        let lower = rung.level.and_then(|level| self.levels.get(level)).and_then(|level| level.lower);
        let to = (size > 0).then(|| self.level(group, size, lower, rung.level, lower));
        self.put(rungs, group, slot, to);
    }

    fn ends(&mut self, group: u8) -> Option<&mut Ends> {
        let at = usize::from(group);
        if self.groups.len() <= at {
            self.groups.resize(at.saturating_add(1), Ends::default());
        }
        self.groups.get_mut(at)
    }

    /// The level of a size: `beside`, if that is it, or a new one between two neighbours.
    fn level(&mut self, group: u8, size: u32, lower: At, higher: At, beside: At) -> Slot<OfLevel> {
        if let Some(beside) = beside.filter(|at| self.levels.get(*at).is_some_and(|of| of.size == size)) {
            return beside;
        }
        let new = self.levels.insert(Level { size, lower, higher, slots: List::new() });
        self.join(group, lower, Some(new));
        self.join(group, Some(new), higher);
        new
    }

    /// Makes two levels neighbours; one that is none is beyond an end of the group.
    fn join(&mut self, group: u8, lower: At, higher: At) {
        match lower.and_then(|lower| self.levels.get_mut(lower)) {
            Some(level) => level.higher = higher,
            None => self.ends(group).into_iter().for_each(|ends| ends.lowest = higher),
        }
        match higher.and_then(|higher| self.levels.get_mut(higher)) {
            Some(level) => level.lower = lower,
            None => self.ends(group).into_iter().for_each(|ends| ends.highest = lower),
        }
    }

    /// Moves a slot from its level to another one. A level without slots ends.
    fn put(&mut self, rungs: &mut impl Rungs<K>, group: u8, slot: Slot<K>, to: At) {
        let Some(rung) = rungs.rung(slot) else { return };
        let from = core::mem::replace(&mut rung.level, to);
        if let Some(level) = from.and_then(|from| self.levels.get_mut(from)) {
            level.slots.remove(&mut ByRung(rungs), slot);
            if level.slots.is_empty() {
                let Level { lower, higher, .. } = *level;
                from.map(|from| self.levels.remove(from));
                self.join(group, lower, higher);
            }
        }
        if let Some(level) = to.and_then(|to| self.levels.get_mut(to)) {
            level.slots.push(&mut ByRung(rungs), slot);
        }
    }

    /// How many slots there are, if they and their levels fit together. `rung` reads the rung of a slot; it answers `None`
    /// where the slot can't be in that group.
    pub(crate) fn verify(&self, rung: impl Fn(u8, Slot<K>) -> Option<Rung<K>>) -> Option<u32> {
        let (mut slots, mut levels) = (0u32, 0u32);
        for (group, ends) in (0u8..=u8::MAX).zip(&self.groups) {
            let (mut lower, mut below, mut here) = (None, 0, ends.lowest);
            while let Some(at) = here {
                let link = |slot| rung(group, slot).filter(|of| of.level == here).map(|of| of.link);
                let of = self.levels.get(at).filter(|of| of.lower == lower && of.size > below)?;
                if of.slots.is_empty() || !of.slots.verify(link) {
                    return None;
                }
                (lower, below, here) = (here, of.size, of.higher);
                slots = slots.saturating_add(of.slots.len());
                levels = levels.saturating_add(1);
            }
            if ends.highest != lower {
                return None;
            }
        }
        (levels == self.levels.len() && self.groups.len() <= 1 << 8).then_some(slots)
    }

    /// The most bytes for slots whose sizes add up to so much, in all groups: a group with so many levels adds up to at
    /// least half of the square of that.
    pub(crate) const fn bound(sum: u64) -> u64 {
        const GROUPS: u64 = 1 << 8;
        let levels = sum.saturating_mul(2 * GROUPS).isqrt();
        let levels = if levels < sum { levels } else { sum };
        Slab::<OfLevel, Level<K>>::bound(levels).saturating_add(vector(GROUPS, size_of::<Ends>()))
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test")]
mod tests {
    use super::*;
    use crate::collections::testing::Draws;

    enum Kind {}

    const SLOTS: u32 = 60;

    impl Rungs<Kind> for Vec<Rung<Kind>> {
        fn rung(&mut self, slot: Slot<Kind>) -> Option<&mut Rung<Kind>> {
            self.get_mut(slot.place())
        }
    }

    /// Sizes, and in which of all steps each slot got its own.
    type Model = Vec<(u32, u64)>;

    const fn group(slot: Slot<Kind>) -> u8 {
        (slot.index() % 3) as u8
    }

    fn check(levels: &Levels<Kind>, rungs: &[Rung<Kind>], model: &Model) {
        for of in 0..4 {
            let mut all: Vec<_> = (0..SLOTS)
                .map(Slot::at)
                .filter(|slot| group(*slot) == of && model[slot.place()].0 > 0)
                .collect();
            all.sort_by_key(|slot| (u32::MAX - model[slot.place()].0, model[slot.place()].1));
            assert!(levels.descending(of, |slot| rungs.get(slot.place())).eq(all));
        }
        let rung = |of, slot: Slot<Kind>| rungs.get(slot.place()).copied().filter(|_| group(slot) == of);
        let filled = model.iter().filter(|(size, _)| *size > 0).count();
        assert_eq!(levels.verify(rung), Some(filled as u32));
        assert!(rungs.iter().zip(model).all(|(rung, (size, _))| levels.size(rung) == *size));
    }

    fn churn(
        levels: &mut Levels<Kind>,
        rungs: &mut Vec<Rung<Kind>>,
        model: &mut Model,
        draws: &mut Draws,
        steps: u32,
    ) {
        for _ in 0..steps {
            let slot = Slot::at(draws.below(SLOTS));
            let step = model.iter().map(|(_, since)| *since).max().unwrap_or(0) + 1;
            let (size, since) = &mut model[slot.place()];
            if draws.below(10) == 0 {
                levels.pass_over(rungs, slot);
                *since = step;
                check(levels, rungs, model);
                continue;
            }
            // Few are large, so that levels come and go.
            if draws.below(*size + 3) < 2 {
                levels.grow(rungs, group(slot), slot);
                (*size, *since) = (*size + 1, step);
            } else {
                levels.shrink(rungs, group(slot), slot);
                (*size, *since) = (size.saturating_sub(1), step);
            }
            check(levels, rungs, model);
        }
    }

    fn empty() -> (Levels<Kind>, Vec<Rung<Kind>>, Model) {
        (Levels::new(), alloc::vec![Rung::NONE; SLOTS as usize], alloc::vec![(0, 0); SLOTS as usize])
    }

    #[test]
    fn the_largest_is_the_largest() {
        let (mut levels, mut rungs, mut model) = empty();
        check(&levels, &rungs, &model);
        churn(&mut levels, &mut rungs, &mut model, &mut Draws::new(12), 20_000);
        assert!(levels.levels.len() > 5 && levels.levels.slots() < 40);
        check(&levels.clone(), &rungs, &model);
        // A slot that nobody knows is in no level.
        levels.grow(&mut rungs, 0, Slot::at(SLOTS));
        levels.pass_over(&mut rungs, Slot::at(SLOTS));
        check(&levels, &rungs, &model);
    }

    #[test]
    fn they_take_no_more_than_their_bound() {
        for groups in [1, 256u32] {
            let mut levels = Levels::<Kind>::new();
            let mut rungs = Vec::new();
            let mut sum = 0;
            // As many levels as there can be: one slot of each size in each group.
            for size in 1..40 {
                for group in 0..groups {
                    let slot = Slot::at(rungs.len() as u32);
                    rungs.push(Rung::NONE);
                    for _ in 0..size {
                        levels.grow(&mut rungs, group as u8, slot);
                        sum += 1;
                    }
                    let bytes = levels.levels.bytes() + levels.groups.capacity() * size_of::<Ends>();
                    assert!(bytes as u64 <= Levels::<Kind>::bound(sum), "{sum}: {bytes}");
                }
            }
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn saved_levels_go_on_as_before() {
        use crate::collections::testing::saved;
        let ((mut levels, mut rungs, mut model), mut draws) = (empty(), Draws::new(13));
        for steps in [0, 1, 100, 2_000] {
            churn(&mut levels, &mut rungs, &mut model, &mut draws, steps);
            levels = saved(&levels);
            rungs = rungs.iter().map(saved).collect();
        }
        churn(&mut levels, &mut rungs, &mut model, &mut draws, 2_000);
    }
}
