//! Which class of nodes is next, so that none starves another: ready ones by share, those that cool down by turns.

use crate::facts::waiting::{Class, Queue};
use crate::time::Timestamp;

/// How much a turn costs each class: the less, the larger its share. Of 69 turns, where all have nodes, good nodes have 48,
/// recent ones 12, fresh ones four, such that answered two, and failed ones, unlikely ones and bootnodes one each. (In a
/// network with churn some 75, 40, 28 and 20 % of dials to the first four connect, and less to others: docs/network.md.)
const fn cost(class: Class) -> u64 {
    match class {
        Class::Anchor => 0,
        Class::Good => 2,
        Class::Recent => 8,
        Class::Fresh => 24,
        Class::Answered => 48,
        Class::Failed | Class::Unlikely | Class::Bootnode => 96,
    }
}

/// What each class has used up (stride scheduling, Waldspurger 1995).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Turns {
    used: [u64; Class::COUNT],
    /// Where the class stood that was chosen last. One that had no nodes for a while begins there.
    now: u64,
}

impl Turns {
    pub(super) const NEW: Self = Self { used: [0; Class::COUNT], now: 0 };

    /// The class that is next among those with nodes, and the turns after that. Anchors come before all others.
    pub(super) fn next(mut self, has_nodes: impl Fn(Class) -> bool) -> Option<(Class, Self)> {
        let used = |class: Class| self.used.get(class as usize).map_or(0, |used| (*used).max(self.now));
        let mut classes = Class::ALL.into_iter().filter(|class| has_nodes(*class));
        let first = classes.next()?;
        if first == Class::Anchor {
            return Some((first, self));
        }
        let class = classes.fold(first, |best, class| if used(class) < used(best) { class } else { best });
        self.now = used(class);
        if let Some(used) = self.used.get_mut(class as usize) {
            *used = self.now.saturating_add(cost(class));
        }
        Some((class, self))
    }
}

/// Early dials of nodes that cool down: those that were connected to once and the others in turn.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct EarlyTurns {
    /// When the last one went out.
    last: Option<Timestamp>,
    /// Whether the next one goes to a node that was never connected to.
    unproven: bool,
}

impl EarlyTurns {
    pub(super) const NEW: Self = Self { last: None, unproven: false };

    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Where to look first, and where else.
    pub(super) fn order(&self) -> [Queue; 2] {
        if self.unproven {
            [Queue::Cooling, Queue::CoolingGood]
        } else {
            [Queue::CoolingGood, Queue::Cooling]
        }
    }

    /// One goes out.
    pub(super) fn taken(&mut self, now: Timestamp) {
        *self = Self { last: Some(now), unproven: !self.unproven };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn drawn(turns: &mut Turns, count: usize, has_nodes: impl Fn(Class) -> bool) -> Vec<Class> {
        let mut next = || {
            let (class, after) = turns.next(&has_nodes)?;
            *turns = after;
            Some(class)
        };
        (0..count).filter_map(|_| next()).collect()
    }

    #[test]
    fn every_class_has_its_share() {
        let all = drawn(&mut Turns { ..Turns::NEW }, 690, |class| class != Class::Anchor);
        let count = |class| all.iter().filter(|other| **other == class).count();
        let counts = Class::ALL.map(count);
        assert_eq!(counts, [0, 480, 120, 40, 20, 10, 10, 10]);
    }

    #[test]
    fn a_class_that_was_empty_has_saved_nothing_up() {
        let mut turns = Turns::NEW;
        drawn(&mut turns, 1_000, |class| class == Class::Good);
        let both = drawn(&mut turns, 26, |class| matches!(class, Class::Good | Class::Fresh));
        assert_eq!(both.iter().filter(|class| **class == Class::Good).count(), 24);
    }

    #[test]
    fn anchors_come_first_and_nothing_comes_of_nothing() {
        assert_eq!(drawn(&mut Turns { ..Turns::NEW }, 3, |_| true), [Class::Anchor; 3]);
        assert_eq!(drawn(&mut Turns { ..Turns::NEW }, 3, |_| false), []);
    }
}
