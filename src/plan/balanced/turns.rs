//! Which class of ready nodes is next, by share, so that none starves another.

use crate::facts::waiting::Class;

/// How much a turn costs each class: the less, the larger its share. Of 64 turns, where all have nodes, good nodes have 32,
/// recent ones 24, fresh ones four, such that answered two, and failed ones and unlikely ones one each. (In a network with
/// churn some 75, 40, 28 and 20 % of dials to the first four connect, and less to others: docs/network.md. A larger share for
/// good ones would be a burden where all of these are gone: docs/decisions.md, 4.) Anchors come
/// before all others, and bootnodes after them.
const fn cost(class: Class) -> u64 {
    match class {
        Class::Anchor | Class::Bootnode => 0,
        Class::Good => 3,
        Class::Recent => 4,
        Class::Fresh => 24,
        Class::Answered => 48,
        Class::Lapsed | Class::Failed | Class::Unlikely => 96,
    }
}

/// When the next turn of each class is (stride scheduling, Waldspurger 1995).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Turns {
    next: [u64; Class::COUNT],
    /// Where the class stood that was chosen last. One that stands before that had no nodes for a while, and begins anew.
    now: u64,
}

impl Turns {
    pub(super) const NEW: Self = Self { next: [0; Class::COUNT], now: 1 };

    /// The class that is next among those with nodes, and the turns after that. Anchors come before all others.
    pub(super) fn next(mut self, has_nodes: impl Fn(Class) -> bool) -> Option<(Class, Self)> {
        if has_nodes(Class::Anchor) {
            return Some((Class::Anchor, self));
        }
        let mut first: Option<(u64, Class)> = None;
        for (class, next) in Class::ALL.into_iter().zip(&mut self.next).filter(|(class, _)| has_nodes(*class))
        {
            if *next < self.now {
                *next = self.now.saturating_add(cost(class));
            }
            if first.is_none_or(|(at, _)| *next < at) {
                first = Some((*next, class));
            }
        }
        let (at, class) = first?;
        self.now = at;
        if let Some(next) = self.next.get_mut(class as usize) {
            *next = at.saturating_add(cost(class));
        }
        Some((class, self))
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
        let all = drawn(&mut Turns { ..Turns::NEW }, 640, |class| {
            !matches!(class, Class::Anchor | Class::Lapsed | Class::Bootnode)
        });
        let count = |class| all.iter().filter(|other| **other == class).count();
        let counts = Class::ALL.map(count);
        assert_eq!(counts, [0, 320, 0, 240, 40, 20, 10, 10, 0]);
    }

    #[test]
    fn a_class_that_was_empty_has_saved_nothing_up() {
        let mut turns = Turns::NEW;
        drawn(&mut turns, 1_000, |class| class == Class::Good);
        let both = drawn(&mut turns, 27, |class| matches!(class, Class::Good | Class::Fresh));
        assert_eq!(both.iter().filter(|class| **class == Class::Good).count(), 24);
    }

    #[test]
    fn anchors_come_first_and_nothing_comes_of_nothing() {
        assert_eq!(drawn(&mut Turns { ..Turns::NEW }, 3, |_| true), [Class::Anchor; 3]);
        assert_eq!(drawn(&mut Turns { ..Turns::NEW }, 3, |_| false), []);
    }
}
