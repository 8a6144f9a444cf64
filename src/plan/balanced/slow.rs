//! Dynamic dials that take long: they no longer keep their slot from the next candidate ("hedged requests", Dean and
//! Barroso 2013).

use crate::collections::{Heap, SlotSet};
use crate::facts::slots::{AttemptSlot, OfAttempt};
use crate::time::Timestamp;

/// Dynamic dials in flight to nodes that are not connected.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct SlowDials {
    /// When each of the others becomes slow.
    brisk: Heap<OfAttempt>,
    slow: SlotSet<OfAttempt>,
}

impl SlowDials {
    pub(super) const fn new() -> Self {
        Self { brisk: Heap::new(), slow: SlotSet::new() }
    }

    /// A dial has gone out, and will be slow from an instant on.
    pub(super) fn dialed(&mut self, attempt: AttemptSlot, at: Timestamp) {
        self.brisk.set(attempt, at.as_nanos(), 0);
    }

    /// A dial has been answered, given up, or its node is connected.
    pub(super) fn remove(&mut self, attempt: AttemptSlot) {
        self.brisk.remove(attempt);
        self.slow.remove(attempt);
    }

    /// Takes in that time has passed. Returns a dial that has become slow with that, if there is one.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<AttemptSlot> {
        let first = self.brisk.peek().filter(|item| item.at <= now.as_nanos())?;
        self.brisk.remove(first.key);
        self.slow.insert(first.key);
        Some(first.key)
    }

    /// When the next dial becomes slow.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.brisk.peek().map(|item| Timestamp::from_nanos(item.at))
    }

    /// How many dials are slow.
    pub(super) fn len(&self) -> u32 {
        self.slow.len()
    }

    pub(super) fn is_slow(&self, attempt: AttemptSlot) -> bool {
        self.slow.contains(attempt)
    }

    /// Whether all of them are attempts for which this holds.
    pub(super) fn verify(&self, holds: impl Fn(AttemptSlot) -> bool) -> bool {
        self.brisk.keys().chain(self.slow.iter()).all(holds)
    }

    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, slots: u32) -> bool {
        self.brisk.reindex(slots) && self.slow.reindex(slots)
    }

    /// The most bytes for so many attempts.
    pub(super) fn bound(attempts: u64) -> u64 {
        Heap::<OfAttempt>::bound(attempts, attempts)
            .saturating_add(SlotSet::<OfAttempt>::bound(attempts, attempts))
    }
}
