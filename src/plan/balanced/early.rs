//! Dials of nodes that still cool down, where peers are missing and there is nobody else.

use core::time::Duration;

use super::Balanced;
use crate::address::Address;
use crate::backoff::Cause;
use crate::command::{DialKind, WakeReason};
use crate::facts::Facts;
use crate::facts::budget::Budget;
use crate::facts::slots::NodeSlot;
use crate::facts::waiting::Queue;
use crate::node::NodeId;
use crate::plan::policy::Step;
use crate::refusal::Refusal;
use crate::rules::Subject;
use crate::time::Timestamp;

/// An early dial is not worth while if some cooldown has ended by then, or ends within this time after it (a guess).
const SOON: Duration = Duration::from_secs(1);

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

impl<A: Address> Balanced<A> {
    /// Slots are free, and all nodes cool down: now and then one is dialed before its time, those that were connected to
    /// once and the others in turn. `first` is when the first cooldown ends.
    pub(super) fn early_dial<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        first: Option<Timestamp>,
    ) -> Option<Step> {
        let from = self.early_spacing(facts).unwrap_or_default().max(facts.now);
        let too_late = |at: Timestamp| first.is_none_or(|first| first <= at.saturating_add(SOON));
        if too_late(from) {
            return None;
        }
        let most_rested = |queue| self.most_rested(facts, queue);
        let (rested, node) = self
            .early
            .order()
            .into_iter()
            .filter_map(most_rested)
            .min_by_key(|(at, _)| (*at).max(facts.now))?;
        let at = from.max(rested);
        // Whatever it waits for, it may be too late when it could go out at last.
        let held = self.held_until(facts, DialKind::Dynamic).into_iter().map(|(_, until)| until);
        if too_late(held.fold(at, Timestamp::max)) {
            return None;
        }
        if at > facts.now {
            self.waits.add(WakeReason::Redial, at);
            return None;
        }
        if !self.may_dial(facts, DialKind::Dynamic) {
            return None;
        }
        let permit = self.permit_past(facts, node, DialKind::Dynamic, |refusal| {
            matches!(refusal, Refusal::Cooling { .. })
        })?;
        self.early.taken(facts.now);
        self.begin_or_defer(facts, node, permit)
    }

    /// When the next one may go out. After a success it follows at once: if the network was to blame, it is not any more.
    fn early_spacing<I: NodeId>(&self, facts: &Facts<I, A>) -> Option<Timestamp> {
        let last = self.early.last().filter(|last| self.outage.last_success() < *last)?;
        Some(last.saturating_add(facts.config.outage.probe))
    }

    /// Of some nodes of a queue the one that may be dialed early first.
    fn most_rested<I: NodeId>(&self, facts: &Facts<I, A>, queue: Queue) -> Option<(Timestamp, NodeSlot)> {
        let last = |node| facts.nodes.get(node).map(|record| (record.last().1, node));
        let (last, node) = facts.waiting.sample(queue).filter_map(last).min()?;
        Some((self.rested_from(facts, last), node))
    }

    /// From when on a node may be dialed early whose last dial ended then: after the delay of a first failure, or at once if
    /// some dial has succeeded since. The earlier the one, the earlier the other.
    fn rested_from<I: NodeId>(&self, facts: &Facts<I, A>, last: Timestamp) -> Timestamp {
        if last < self.outage.last_success() {
            return last;
        }
        last.saturating_add(facts.config.backoff.short)
    }

    /// When a cooldown can be over before its end.
    pub(super) fn early_from<I: NodeId>(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
    ) -> Option<Timestamp> {
        let (_, record) = subject.node?;
        if !record.is_candidate() {
            // It is forgotten with the record, as soon as no other fact keeps that.
            return Some(facts.now);
        }
        let (_, last) = record.last();
        if self.outage.is_stale(&record.notes) && self.outage.pardons_since(last) {
            // It is pardoned as soon as the node is looked at.
            return Some(facts.now);
        }
        if let Some(attempt) = record.attempt() {
            // What is left of it makes way for another one when the attempt is given up.
            return facts.attempts.deadline(attempt);
        }
        // While no peer is missing, only an event makes a slot free.
        let missing = facts.peers.outbound(Budget::Dynamic) < facts.config.dynamic_target;
        let early = missing && record.is_known() && !record.is_static();
        let network = matches!(record.notes.cause, Cause::Transport | Cause::Handshake);
        (early && network).then(|| self.rested_from(facts, last).max(facts.now))
    }
}
