//! Dynamic dials that take long: they no longer keep their slot from the next candidate ("hedged requests", Dean and
//! Barroso 2013).

use core::time::Duration;

use super::Balanced;
use crate::address::Address;
use crate::collections::{Heap, SlotSet};
use crate::facts::Facts;
use crate::facts::attempt::Attempt;
use crate::facts::slots::{AttemptSlot, OfAttempt};
use crate::node::NodeId;
use crate::time::{Timestamp, nanos};

/// Slots are freed one after the other, so that those who are dialed instead do not all take long at once too: this part of
/// the time after which a dial is slow lies between two (a guess).
const STEPS: u64 = 8;

/// Dynamic dials in flight to nodes that are not connected.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct SlowDials {
    /// When each becomes slow that is not yet.
    brisk: Heap<OfAttempt>,
    /// Slow ones that still hold their slots, and since when.
    holding: Heap<OfAttempt>,
    /// Slow ones that don't.
    released: SlotSet<OfAttempt>,
    /// When the next slot may be freed.
    next: Timestamp,
}

impl SlowDials {
    pub(super) const fn new() -> Self {
        Self { brisk: Heap::new(), holding: Heap::new(), released: SlotSet::new(), next: Timestamp::ZERO }
    }

    /// A dial has gone out, and will be slow from an instant on.
    pub(super) fn dialed(&mut self, attempt: AttemptSlot, at: Timestamp) {
        self.brisk.set(attempt, at.as_nanos(), 0);
    }

    /// A dial has been answered, given up, or its node is connected.
    pub(super) fn remove(&mut self, attempt: AttemptSlot) {
        if !self.brisk.remove(attempt) && !self.holding.remove(attempt) {
            self.released.remove(attempt);
        }
    }

    /// A dial that has become slow by now, if there is one that was not taken in yet.
    pub(super) fn next_slow(&mut self, now: Timestamp) -> Option<AttemptSlot> {
        let first = self.brisk.peek().filter(|item| item.at <= now.as_nanos())?;
        self.brisk.remove(first.key);
        self.holding.set(first.key, first.at, 0);
        Some(first.key)
    }

    /// Frees the slots of the slowest dials for which it is time: one, unless no time lies between two.
    pub(super) fn release(&mut self, now: Timestamp, slow_after: Duration) {
        while self.holding.peek().is_some() && self.next <= now {
            self.release_slowest();
            self.next = now.plus_nanos(nanos(slow_after) / STEPS);
        }
    }

    #[cold]
    fn release_slowest(&mut self) {
        if let Some(slowest) = self.holding.pop() {
            self.released.insert(slowest.key);
        }
    }

    /// How many dials are not slow yet.
    pub(super) fn brisk(&self) -> u32 {
        self.brisk.len()
    }

    /// When the next dial becomes slow.
    pub(super) fn next_to_be_slow(&self) -> Option<Timestamp> {
        self.brisk.peek().map(|first| Timestamp::from_nanos(first.at))
    }

    /// When the next slot is freed.
    pub(super) fn next_release(&self) -> Option<Timestamp> {
        let first = self.holding.peek().or(self.brisk.peek())?;
        Some(Timestamp::from_nanos(first.at).max(self.next))
    }

    /// How many dials are slow.
    pub(super) fn len(&self) -> u32 {
        self.holding.len().saturating_add(self.released.len())
    }

    /// How many dials hold no slot.
    pub(super) fn released(&self) -> u32 {
        self.released.len()
    }

    pub(super) fn is_slow(&self, attempt: AttemptSlot) -> bool {
        self.is_released(attempt) || self.holding.get(attempt).is_some()
    }

    pub(super) fn is_released(&self, attempt: AttemptSlot) -> bool {
        self.released.contains(attempt)
    }

    /// Whether all of them are attempts for which this holds.
    pub(super) fn verify(&self, holds: impl Fn(AttemptSlot) -> bool) -> bool {
        self.brisk.keys().chain(self.holding.keys()).chain(self.released.iter()).all(holds)
    }

    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, slots: u32) -> bool {
        self.brisk.reindex(slots) && self.holding.reindex(slots) && self.released.reindex(slots)
    }

    /// The most bytes for so many attempts.
    pub(super) fn bound(attempts: u64) -> u64 {
        let heaps = Heap::<OfAttempt>::bound(attempts, attempts).saturating_mul(2);
        heaps.saturating_add(SlotSet::<OfAttempt>::bound(attempts, attempts))
    }
}

impl<A: Address> Balanced<A> {
    /// Dials that have taken long by now no longer hold a slot.
    pub(super) fn note_slow<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        while let Some(attempt) = self.slow.next_slow(facts.now) {
            let node = facts.attempts.get(attempt).map(Attempt::node);
            if let Some(notes) = node.and_then(|node| facts.nodes.notes_mut(node)) {
                notes.slow = true;
            }
        }
        self.slow.release(facts.now, facts.config.pace.slow_after);
    }
}
