//! Attempts under way: resolve, dial, and for static nodes resolve and dial once more.
//!
//! An attempt is one thing from its start to its end. It carries its own copy of the addresses; its resolve delay is
//! that of the static node it came from.

use super::dense::Dense;
use super::groups::Held;
use super::heap::Heap;
use super::index::Index;
use super::slab::Slab;
use crate::address::Addrs;
use crate::backoff::ResolveDelay;
use crate::command::DialKind;
use crate::event::DialOutcome;
use crate::time::Timestamp;

/// Which slots an attempt or a peer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    Static,
    Dynamic,
    Feeler,
}

impl Budget {
    pub(crate) const ALL: [Self; 3] = [Self::Static, Self::Dynamic, Self::Feeler];

    pub(crate) const fn of(kind: DialKind) -> Self {
        match kind {
            DialKind::Static | DialKind::Requested => Self::Static,
            DialKind::Dynamic | DialKind::Bootnode => Self::Dynamic,
            DialKind::Feeler => Self::Feeler,
        }
    }
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Phase {
    /// It is to be resolved.
    Resolve,
    Resolving,
    /// It is to be dialed.
    Dial,
    Dialing,
    /// Classic: the resolve was refused; it ends after the round that began it.
    Refused,
}

/// Where an attempt came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Origin {
    /// The operator's list.
    Static,
    /// The operator's list, from which the node was removed since, or to which it was added anew. The resolve delay of
    /// then is the attempt's own now.
    Replaced(ResolveDelay),
    /// Anywhere else. No later attempt can tell from it when the node may be resolved.
    Other,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Attempt<A> {
    pub(crate) node: u32,
    pub(crate) kind: DialKind,
    pub(crate) addrs: Addrs<A>,
    pub(crate) phase: Phase,
    pub(crate) began: Timestamp,
    pub(crate) origin: Origin,
    /// Whether this is the resolve and dial after a first failed dial.
    pub(crate) again: bool,
    pub(super) token: u64,
    /// The groups that it counts in, until its node is connected.
    pub(crate) held: Held,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Dial(DialOutcome),
    /// No address was found.
    Unresolved,
    /// The driver did not answer in time.
    Overdue,
    /// An event or the rules made it moot; nobody is charged.
    Moot,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Attempts<A> {
    pub(super) slab: Slab<Attempt<A>>,
    /// Those in flight, by their tokens.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) open: Index,
    /// By budget.
    pub(super) active: [Dense; 3],
    /// By budget: those whose node is not connected outbound in the same budget.
    pub(super) unmet: [Dense; 3],
    /// In phase `Resolve` or `Dial`, oldest first.
    pub(super) owed: Heap,
    /// In phase `Refused`.
    pub(crate) refused: Dense,
}

/// A hash for a number that the dialer itself counted up, so any spread will do. (A damaged snapshot may bring others: the
/// index bounds what these can do.)
const fn spread(token: u64) -> u64 {
    token.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<A> Attempts<A> {
    pub(crate) const fn new() -> Self {
        Self {
            slab: Slab::new(),
            open: Index::new(),
            active: [const { Dense::new() }; 3],
            unmet: [const { Dense::new() }; 3],
            owed: Heap::new(),
            refused: Dense::new(),
        }
    }

    pub(crate) fn get(&self, attempt: u32) -> Option<&Attempt<A>> {
        self.slab.get(attempt)
    }

    /// Gives an attempt a token that is in no use: its task is in flight.
    pub(super) fn open(&mut self, attempt: u32, token: u64) {
        let Self { slab, open, .. } = self;
        if let Some(of) = slab.get_mut(attempt) {
            of.token = token;
        }
        open.insert(spread(token), attempt, |slot| slab.get(slot).map_or(0, |of| spread(of.token)));
    }

    /// The attempt with this token, if it is in flight in this phase. The token is spent.
    pub(super) fn spend(&mut self, token: u64, phase: Phase) -> Option<u32> {
        let Self { slab, open, .. } = self;
        let same =
            |slot| slab.get(slot).is_some_and(|of: &Attempt<A>| of.token == token && of.phase == phase);
        open.take(spread(token), same)
    }

    /// Whether the token of an attempt is open.
    pub(super) fn is_open(&self, token: u64) -> bool {
        let same = |slot| self.slab.get(slot).is_some_and(|of| of.token == token);
        self.open.find(spread(token), same).is_some()
    }

    fn set(sets: &[Dense; 3], budget: Budget) -> &Dense {
        let [fixed, dynamic, feeler] = sets;
        match budget {
            Budget::Static => fixed,
            Budget::Dynamic => dynamic,
            Budget::Feeler => feeler,
        }
    }

    pub(super) fn set_mut(sets: &mut [Dense; 3], budget: Budget) -> &mut Dense {
        let [fixed, dynamic, feeler] = sets;
        match budget {
            Budget::Static => fixed,
            Budget::Dynamic => dynamic,
            Budget::Feeler => feeler,
        }
    }

    /// Attempts under way in a budget.
    pub(crate) fn active(&self, budget: Budget) -> u32 {
        self.of_budget(budget).len()
    }

    pub(crate) fn of_budget(&self, budget: Budget) -> &Dense {
        Self::set(&self.active, budget)
    }

    /// Attempts whose node does not hold a slot of the budget as a peer already.
    pub(crate) fn unmet(&self, budget: Budget) -> u32 {
        Self::set(&self.unmet, budget).len()
    }

    /// Notes whether the node of an attempt is an outbound peer in the attempt's budget.
    pub(crate) fn set_met(&mut self, attempt: u32, peer: Option<Budget>) {
        let Some(budget) = self.slab.get(attempt).map(|attempt| Budget::of(attempt.kind)) else { return };
        let unmet = Self::set_mut(&mut self.unmet, budget);
        if peer == Some(budget) { unmet.remove(attempt) } else { unmet.insert(attempt) }
    }

    /// The attempt that has waited longest for its next command.
    pub(crate) fn next_owed(&self) -> Option<u32> {
        self.owed.peek().map(|entry| entry.key)
    }

    /// How many slots of attempts there are, used or not.
    pub(crate) fn slots(&self) -> u32 {
        self.slab.slots()
    }
}
