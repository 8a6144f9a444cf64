//! The budgets: which slots an outbound peer and an attempt take.

use crate::command::DialKind;

/// Static, dynamic and feeler dials have slots of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    Static,
    Dynamic,
    Feeler,
}

impl Budget {
    pub(crate) const ALL: [Self; 3] = [Self::Static, Self::Dynamic, Self::Feeler];

    /// The budget of such a dial.
    pub(crate) const fn of(kind: DialKind) -> Self {
        match kind {
            DialKind::Static | DialKind::Requested => Self::Static,
            DialKind::Dynamic | DialKind::Bootnode => Self::Dynamic,
            DialKind::Feeler | DialKind::Reunion => Self::Feeler,
        }
    }

    /// The budget of a peer that was dialed so.
    pub(crate) const fn of_peer(kind: DialKind) -> Self {
        match kind {
            DialKind::Reunion => Self::Dynamic,
            DialKind::Static
            | DialKind::Requested
            | DialKind::Dynamic
            | DialKind::Bootnode
            | DialKind::Feeler => Self::of(kind),
        }
    }
}

/// One value for each budget.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PerBudget<T> {
    fixed: T,
    dynamic: T,
    feeler: T,
}

impl<T> PerBudget<T> {
    pub(crate) const fn new(fixed: T, dynamic: T, feeler: T) -> Self {
        Self { fixed, dynamic, feeler }
    }

    pub(crate) const fn get(&self, budget: Budget) -> &T {
        match budget {
            Budget::Static => &self.fixed,
            Budget::Dynamic => &self.dynamic,
            Budget::Feeler => &self.feeler,
        }
    }

    pub(crate) const fn get_mut(&mut self, budget: Budget) -> &mut T {
        match budget {
            Budget::Static => &mut self.fixed,
            Budget::Dynamic => &mut self.dynamic,
            Budget::Feeler => &mut self.feeler,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Budget, &T)> {
        Budget::ALL.into_iter().map(|budget| (budget, self.get(budget)))
    }

    #[cfg(feature = "serde")]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.fixed, &mut self.dynamic, &mut self.feeler].into_iter()
    }
}
