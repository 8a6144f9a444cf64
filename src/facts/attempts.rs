//! All attempts under way.
//!
//! Invariant: an attempt is in the sets of its budget, or in that of revalidations, and of its phase, and in no other; it
//! has an open token and a deadline only while a task of its is in flight.

use super::attempt::{Attempt, Stage};
use super::budget::{Budget, PerBudget};
use super::slots::{AttemptSlot, NodeSlot, OfAttempt};
use crate::collections::{Heap, Slab, SlotSet, Tokens, bytes};
use crate::command::{DialKind, Task};
use crate::time::Timestamp;

/// The most revalidations at once (a guess).
pub(crate) const MOST_REVALIDATIONS: u32 = 16;

/// All attempts under way.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Attempts<A> {
    all: Slab<OfAttempt, Attempt<A>>,
    /// Those with a task in flight, by their tokens.
    #[cfg_attr(feature = "serde", serde(skip))]
    open: Tokens<OfAttempt>,
    /// When the task in flight is overdue.
    deadlines: Heap<OfAttempt>,
    active: PerBudget<SlotSet<OfAttempt>>,
    /// Those whose node is connected outbound in the same budget: few, if any.
    met: PerBudget<SlotSet<OfAttempt>>,
    /// Revalidations, which are in no budget.
    revalidations: SlotSet<OfAttempt>,
    /// In the stages `Resolve` and `Dial`, in the order of their turns: those that wait for nothing else, and dials that wait
    /// for the pace of their budget.
    at_once: Heap<OfAttempt>,
    paced: PerBudget<Heap<OfAttempt>>,
    /// In the stage `Stuck`.
    stuck: SlotSet<OfAttempt>,
}

impl<A> Attempts<A> {
    pub(super) const fn new() -> Self {
        const EMPTY: SlotSet<OfAttempt> = SlotSet::new();
        Self {
            all: Slab::new(),
            open: Tokens::new(),
            deadlines: Heap::new(),
            active: PerBudget::new(EMPTY, EMPTY, EMPTY),
            met: PerBudget::new(EMPTY, EMPTY, EMPTY),
            revalidations: EMPTY,
            at_once: Heap::new(),
            paced: PerBudget::new(Heap::new(), Heap::new(), Heap::new()),
            stuck: EMPTY,
        }
    }

    pub(crate) fn get(&self, attempt: AttemptSlot) -> Option<&Attempt<A>> {
        self.all.get(attempt)
    }

    pub(super) fn get_mut(&mut self, attempt: AttemptSlot) -> Option<&mut Attempt<A>> {
        self.all.get_mut(attempt)
    }

    pub(crate) const fn len(&self) -> u32 {
        self.all.len()
    }

    /// How many slots there are, used or not.
    pub(crate) fn slots(&self) -> u32 {
        self.all.slots()
    }

    /// In the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (AttemptSlot, &Attempt<A>)> {
        self.all.iter()
    }

    /// Attempts under way in a budget, in the order of their starts but for gaps that were filled.
    pub(crate) const fn of_budget(&self, budget: Budget) -> &SlotSet<OfAttempt> {
        self.active.get(budget)
    }

    /// How many attempts are under way in a budget.
    pub(crate) fn active(&self, budget: Budget) -> u32 {
        self.active.get(budget).len()
    }

    /// Those of them that are to nodes that do not hold a slot of the budget as a peer already.
    pub(crate) fn unmet_of(&self, budget: Budget) -> impl Iterator<Item = AttemptSlot> {
        let met = self.met.get(budget);
        self.active.get(budget).iter().filter(|attempt| !met.contains(*attempt))
    }

    /// How many of them are to nodes that do not hold a slot of the budget as a peer already.
    pub(crate) fn unmet(&self, budget: Budget) -> u32 {
        self.active(budget).saturating_sub(self.met.get(budget).len())
    }

    /// Revalidations under way, in the order of their starts but for gaps that were filled.
    pub(crate) const fn revalidations(&self) -> &SlotSet<OfAttempt> {
        &self.revalidations
    }

    /// The attempt whose next command is owed for the longest time.
    pub(crate) fn next_owed(&self) -> Option<AttemptSlot> {
        let paced = self.paced.iter().map(|(_, heap)| heap);
        let heads = paced.chain([&self.at_once]).filter_map(Heap::peek);
        heads.min().map(|item| item.key)
    }

    /// The same among those that wait for no pace: resolves, and dials that were requested.
    pub(crate) fn next_at_once(&self) -> Option<AttemptSlot> {
        self.at_once.peek().map(|item| item.key)
    }

    /// The same among the dials of a budget that wait for its pace.
    pub(crate) fn next_paced(&self, budget: Budget) -> Option<AttemptSlot> {
        self.paced.get(budget).peek().map(|item| item.key)
    }

    /// An attempt that can't go on.
    pub(crate) fn next_stuck(&self) -> Option<AttemptSlot> {
        self.stuck.last()
    }

    /// The attempt that is overdue first, and when.
    pub(crate) fn first_deadline(&self) -> Option<(AttemptSlot, Timestamp)> {
        self.deadlines.peek().map(|item| (item.key, Timestamp::from_nanos(item.at)))
    }

    /// When the task in flight of an attempt is overdue.
    pub(crate) fn deadline(&self, attempt: AttemptSlot) -> Option<Timestamp> {
        self.deadlines.get(attempt).map(|item| Timestamp::from_nanos(item.at))
    }

    /// Adds an attempt in the stage `Resolve` or `Dial`, whose first command is issued at once, or `Stuck`. `met`: its node is a
    /// peer of the same budget already.
    pub(super) fn insert(&mut self, attempt: Attempt<A>, met: bool) -> AttemptSlot {
        let (budget, stage, revalidates) = (attempt.budget(), attempt.stage, attempt.revalidates);
        let slot = self.all.insert(attempt);
        if revalidates {
            self.revalidations.insert(slot);
            return slot;
        }
        self.active.get_mut(budget).insert(slot);
        if met {
            self.met.get_mut(budget).insert(slot);
        }
        if stage == Stage::Stuck {
            self.stuck.insert(slot);
        }
        slot
    }

    /// Notes whether the node of an attempt is an outbound peer, and in which budget.
    pub(super) fn set_met(&mut self, attempt: AttemptSlot, peer: Option<Budget>) {
        let of = self.all.get(attempt).filter(|of| !of.revalidates);
        let Some(budget) = of.map(Attempt::budget) else { return };
        let met = self.met.get_mut(budget);
        if peer == Some(budget) { _ = met.insert(attempt) } else { _ = met.remove(attempt) }
    }

    /// An attempt goes on with a resolve or a dial when its turn comes.
    pub(super) fn owe(&mut self, attempt: AttemptSlot, stage: Stage, turn: u64) {
        if let Some(of) = self.all.get_mut(attempt) {
            of.stage = stage;
            let at_once = stage == Stage::Resolve || of.kind == DialKind::Requested;
            let owed = if at_once { &mut self.at_once } else { self.paced.get_mut(of.budget()) };
            owed.set(attempt, turn, 0);
        }
    }

    fn is_owed(&self, attempt: AttemptSlot) -> bool {
        let paced = self.paced.iter().any(|(_, heap)| heap.get(attempt).is_some());
        paced || self.at_once.get(attempt).is_some()
    }

    fn unowe(&mut self, attempt: AttemptSlot, budget: Budget) {
        self.at_once.remove(attempt);
        self.paced.get_mut(budget).remove(attempt);
    }

    /// The next task of an attempt is in flight, under a token that is in no use. Returns the attempt.
    pub(super) fn issue(
        &mut self,
        attempt: AttemptSlot,
        token: u64,
        deadline: Option<Timestamp>,
    ) -> Option<&Attempt<A>> {
        let Self { all, open, .. } = self;
        let of = all.get_mut(attempt)?;
        of.stage = match of.stage {
            Stage::Resolve => Stage::Resolving,
            Stage::Dial => Stage::Dialing,
            Stage::Resolving | Stage::Dialing | Stage::Stuck => return None,
        };
        of.token = token;
        let budget = of.budget();
        open.push(token, attempt);
        self.unowe(attempt, budget);
        if let Some(deadline) = deadline {
            self.deadlines.set(attempt, deadline.as_nanos(), 0);
        }
        self.all.get(attempt)
    }

    /// The attempt whose task has this token, if that is in flight in this stage.
    pub(super) fn flying(&self, token: u64, stage: Stage) -> Option<AttemptSlot> {
        self.open.find(token).filter(|slot| self.all.get(*slot).is_some_and(|of| of.stage == stage))
    }

    /// Whether the task with this token is in flight.
    pub(super) fn is_open(&self, token: u64) -> bool {
        self.open.find(token).is_some()
    }

    /// Ends the task with this token, if it is in flight in this stage. Returns its attempt.
    pub(super) fn answer(&mut self, token: u64, stage: Stage) -> Option<AttemptSlot> {
        let Self { all, open, .. } = self;
        let attempt = open.take(token, |slot| all.get(slot).is_some_and(|of| of.stage == stage))?;
        self.deadlines.remove(attempt);
        Some(attempt)
    }

    /// Ends the task of an attempt that nobody has answered.
    pub(super) fn close(&mut self, attempt: AttemptSlot) -> Option<Task> {
        let of = self.all.get(attempt)?;
        let (task, token, stage) = (of.task()?, of.token, of.stage);
        self.answer(token, stage).map(|_| task)
    }

    /// Takes out an attempt that has no task in flight.
    pub(super) fn remove(&mut self, attempt: AttemptSlot) -> Option<Attempt<A>> {
        let of = self.all.remove(attempt)?;
        match of.stage {
            Stage::Resolve | Stage::Dial => self.unowe(attempt, of.budget()),
            Stage::Stuck => _ = self.stuck.remove(attempt),
            Stage::Resolving | Stage::Dialing => {}
        }
        if of.revalidates {
            self.revalidations.remove(attempt);
            return Some(of);
        }
        self.active.get_mut(of.budget()).remove(attempt);
        self.met.get_mut(of.budget()).remove(attempt);
        Some(of)
    }

    /// How many attempts have a command owed.
    fn owed(&self) -> u32 {
        let paced = self.paced.iter().map(|(_, heap)| heap.len());
        paced.fold(self.at_once.len(), u32::saturating_add)
    }

    /// Whether every attempt is where its stage and kind say; `met` says in which budget a node is connected.
    pub(crate) fn verify(&self, tokens: u64, met: impl Fn(NodeSlot) -> Option<Budget>) -> bool {
        let (mut open, mut owed) = (0, 0);
        for (slot, attempt) in self.all.iter() {
            let flies = attempt.task().is_some();
            let owes = matches!(attempt.stage, Stage::Resolve | Stage::Dial);
            let timed = self.deadlines.get(slot).is_some();
            let phased = (self.open.find(attempt.token) == Some(slot)) == flies
                && self.is_owed(slot) == owes
                && self.stuck.contains(slot) == (attempt.stage == Stage::Stuck)
                && (flies || !timed)
                && attempt.token <= tokens;
            let budgeted = Budget::ALL.into_iter().all(|of| {
                let own = of == attempt.budget() && !attempt.revalidates;
                self.active.get(of).contains(slot) == own
                    && self.met.get(of).contains(slot) == (own && met(attempt.node) == Some(of))
            });
            let asked = self.revalidations.contains(slot) == attempt.revalidates;
            if !phased || !budgeted || !asked {
                return false;
            }
            open = u32::saturating_add(open, u32::from(flies));
            owed = u32::saturating_add(owed, u32::from(owes));
        }
        let exists = |slot| self.all.get(slot).is_some();
        let sets = [&self.active, &self.met].into_iter().flat_map(PerBudget::iter);
        sets.flat_map(|(_, set)| set.iter())
            .chain(self.revalidations.iter())
            .chain(self.stuck.iter())
            .chain(self.deadlines.keys())
            .all(exists)
            && [self.open.len() as u32, self.owed()] == [open, owed]
    }

    /// Makes what was read usable. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self) -> bool {
        let slots = self.all.slots();
        let sets = self
            .active
            .iter_mut()
            .chain(self.met.iter_mut())
            .chain([&mut self.revalidations, &mut self.stuck]);
        let indexed = { sets }.all(|set| set.reindex(slots));
        let heaps = self.paced.iter_mut().chain([&mut self.at_once, &mut self.deadlines]);
        let queued = { heaps }.all(|heap| heap.reindex(slots));
        if !indexed || !queued {
            return false;
        }
        let flying = self.all.iter().filter(|(_, of)| of.task().is_some());
        let mut flying: alloc::vec::Vec<_> = flying.map(|(slot, of)| (of.token, slot)).collect();
        flying.sort_unstable();
        self.open = Tokens::new();
        flying.into_iter().all(|(token, slot)| {
            let is_new = self.open.find(token).is_none();
            self.open.push(token, slot);
            is_new
        })
    }

    /// The most bytes for so many attempts.
    pub(crate) fn bound(attempts: u64) -> u64 {
        bytes::sum(&[
            Slab::<OfAttempt, Attempt<A>>::bound(attempts),
            Tokens::<OfAttempt>::bound(attempts),
            SlotSet::<OfAttempt>::bound(attempts, attempts).saturating_mul(8),
            Heap::<OfAttempt>::bound(attempts, attempts).saturating_mul(5),
        ])
    }
}
