//! Revalidation: nodes that were connected to once and may be gone. Discovery is asked for them before they are dialed, with a
//! resolve: that costs some datagrams, and a dial of a node that is gone holds a slot for seconds. (go-ethereum's discovery
//! revalidates the nodes of its table in this way, its dialer none.)
//!
//! Half of the nodes that have left are back after some hours (docs/network.md), and whoever was connected to once can be dialed,
//! while of nodes that were never tried half can't.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use super::Balanced;
use super::choice::WAKE;
use super::lookups::PATIENCE;
use super::pace::Bucket;
use crate::address::Address;
use crate::backoff::{Cause, DelayClass};
use crate::command::{DialKind, WakeReason};
use crate::explain::LastOutcome;
use crate::facts::Facts;
use crate::facts::attempt::Attempt;
use crate::facts::attempts::MOST_REVALIDATIONS;
use crate::facts::slots::NodeSlot;
use crate::facts::waiting::{Class, Queue};
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::time::Timestamp;

/// For so long a node that was connected, or was found by discovery, is taken to be there.
const LASTS: Duration = Duration::from_secs(1800);
/// So many good nodes are kept ready beyond the peers that are missing, so that the next loss need not wait for an answer.
const RESERVE: u32 = 2;
/// So many slots, but at most a quarter of the target, are filled without a question, so that the first peers are there soon.
const FIRST: u32 = 4;
/// After so many answers and dials in a row that led to no former peer, nodes are dialed unasked: a driver may have no way to find
/// them, or find what was there long ago.
const IN_VAIN: u32 = 64;
/// … or after so many, while no question has found anybody since the start.
const UNPROVEN: u32 = 16;
/// … and one is asked for this long after the last one.
const AGAIN: Duration = Duration::from_secs(600);

/// How revalidations have gone.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Revalidation {
    /// How many questions and dials in a row have led to no former peer.
    in_vain: u32,
    /// Whether any has found somebody since the start. Before that, one that finds nobody says nothing.
    works: bool,
    /// When the last one began.
    last: Timestamp,
    /// Questions follow each other as fast as dials may.
    pace: Bucket,
}

impl Revalidation {
    pub(super) const NEW: Self = Self { in_vain: 0, works: false, last: Timestamp::ZERO, pace: Bucket::FULL };

    /// Whether questions seem to be of no use.
    const fn is_in_vain(&self) -> bool {
        self.in_vain >= if self.works { IN_VAIN } else { UNPROVEN }
    }
}

impl<A: Address> Balanced<A> {
    /// Whether discovery is asked before a node is dialed that may be gone.
    #[inline]
    pub(super) fn asks<I: NodeId>(&self, facts: &Facts<I, A>) -> bool {
        Self::may_ask(facts) && !self.outage.is_suspected() && !self.revalidation.is_in_vain()
    }

    fn may_ask<I: NodeId>(facts: &Facts<I, A>) -> bool {
        facts.config.discovery && facts.config.revalidation
    }

    /// Whether enough slots are taken to ask before the next dial.
    fn has_begun<I: NodeId>(facts: &Facts<I, A>) -> bool {
        facts.taken_slots() >= (facts.config.dynamic_target / 4).clamp(1, FIRST)
    }

    /// Whether a node is asked for before it is dialed, as things are.
    pub(super) fn is_asked_for<I: NodeId>(&self, facts: &Facts<I, A>, node: NodeSlot) -> bool {
        let Some(record) = facts.nodes.get(node).filter(|_| self.asks(facts)) else { return false };
        let Queue::Ready(spot) = record.place().queue() else { return false };
        let (how, last) = record.last();
        // It was restored, and this dialer's time begins later than the last sign of it.
        let before = last == Timestamp::ZERO;
        let doubtful =
            before || how == Some(LastOutcome::Unresolved) || facts.now.saturating_since(last) >= LASTS;
        let room = facts.attempts.revalidations().len() < MOST_REVALIDATIONS;
        spot.class == Class::Lapsed || spot.class == Class::Good && doubtful && room && Self::has_begun(facts)
    }

    /// A revalidation, if fewer good nodes are ready than peers are missing, and some in reserve.
    pub(super) fn revalidate<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        if !Self::may_ask(facts) || self.outage.is_suspected() {
            return None;
        }
        let under_way = facts.attempts.revalidations().len();
        let have = facts.waiting.ready(Class::Good).saturating_add(under_way);
        let most = if self.revalidation.is_in_vain() { 1 } else { MOST_REVALIDATIONS };
        if under_way >= most || have >= self.missing(facts).saturating_add(RESERVE) {
            return None;
        }
        let lapsed = match facts.waiting.ready(Class::Lapsed) {
            0 => facts.waiting.first_of([Queue::CoolingGood])?,
            _ => facts.now,
        };
        let at = lapsed.max(self.may_ask_from(facts));
        if at > facts.now {
            self.waits.add(WakeReason::Revalidation, at);
            return None;
        }
        match self.next_lapsed(facts, rng) {
            Some(node) => Some(self.ask_for(facts, node)),
            None => Some(Step::Looked),
        }
    }

    /// From when on the next question may go out: as fast as dials may, after a pause of this host, and one now and then
    /// while they are in vain.
    fn may_ask_from<I: NodeId>(&self, facts: &Facts<I, A>) -> Timestamp {
        let token = self.revalidation.pace.next(&facts.config.pace, facts.now);
        let again = self.revalidation.last.saturating_add(AGAIN);
        let again = if self.revalidation.is_in_vain() { again } else { facts.now };
        token.max(again).max(self.outage.paused_until())
    }

    /// A node that was connected to once, and seems to have gone, whose cooldown has ended.
    fn next_lapsed<I: NodeId>(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<NodeSlot> {
        for _ in 0..WAKE {
            if facts.waiting.ready(Class::Lapsed) > 0 {
                break;
            }
            let node = facts.waiting.first_due(Queue::CoolingGood, facts.now)?;
            self.settle(facts, node);
        }
        facts.waiting.draw(Class::Lapsed, rng)
    }

    /// Begins a revalidation, unless the node may not be dialed anyway.
    pub(super) fn ask_for<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) -> Step {
        let subject = self.subject(facts, node, DialKind::Dynamic);
        if let Some(refusal) = subject.and_then(|subject| self.refusal(facts, &subject)) {
            self.defer(facts, node, refusal);
            return Step::Looked;
        }
        self.pardon(facts, node);
        self.revalidation.last = facts.now;
        self.revalidation.pace.take(&facts.config.pace, facts.now);
        let attempt = facts.revalidate(node);
        if let Some(due) = facts.leave(node) {
            self.place(facts, node, Some(due));
        }
        Step::Issue(attempt)
    }

    /// If the next node of a class is to be asked for, and no question may go out now: until when it waits. (It keeps its turn:
    /// otherwise each event that comes in between would give it to another one.)
    pub(super) fn awaits_question<I: NodeId>(&self, facts: &Facts<I, A>, class: Class) -> Option<Timestamp> {
        let at = self.may_ask_from(facts);
        let is_asked_for = |node| self.is_asked_for(facts, node);
        (at > facts.now && facts.waiting.next_of(class).is_some_and(is_asked_for)).then_some(at)
    }

    /// If as many nodes are asked for as peers are missing, until when their answers are waited for.
    pub(super) fn awaits_answers<I: NodeId>(&self, facts: &Facts<I, A>) -> Option<Timestamp> {
        let asked = facts.attempts.revalidations();
        let missing = self.missing(facts);
        let sure = facts.waiting.ready(Class::Good) > 0 || facts.waiting.ready(Class::Anchor) > 0;
        if asked.len() < missing || sure || !self.asks(facts) || !Self::has_begun(facts) {
            return None;
        }
        let until = |slot| facts.attempts.get(slot).map(|of| of.began().saturating_add(PATIENCE));
        let mut until: Vec<Timestamp> = asked.iter().filter_map(until).collect();
        until.sort_unstable_by(|one, other| other.cmp(one));
        until.get(missing.checked_sub(1)? as usize).copied().filter(|until| *until > facts.now)
    }

    /// Discovery has found a node: it is good again. Its failures are forgotten when it connects: an answer may be wrong.
    pub(super) fn is_there<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        self.revalidation.works = true;
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.slow = false;
        }
        self.cool(facts, node, None, Cause::None);
    }

    /// Discovery has not found a node: that counts like a dial that failed. While it has not found anybody, it says nothing:
    /// the node is asked for again, or dialed unasked.
    pub(super) fn is_gone<I: NodeId>(&mut self, facts: &mut Facts<I, A>, attempt: &Attempt<A>) {
        let node = attempt.node();
        if !self.outage.counts(attempt.began()) {
            return self.settle(facts, node);
        }
        self.revalidation.in_vain = self.revalidation.in_vain.saturating_add(1);
        if !self.revalidation.works {
            let cause = facts.nodes.get(node).map_or(Cause::None, |record| record.notes.cause);
            let due = Self::due(facts, node, facts.now.saturating_add(PATIENCE));
            return self.cool(facts, node, Some(due), cause);
        }
        self.charge(facts, node, DelayClass::Short, Cause::Transport);
    }

    /// A dial of a node has failed. If it was a former peer, the answer was wrong, or it has gone without a question.
    pub(super) fn failed_in_vain<I: NodeId>(&mut self, facts: &Facts<I, A>, node: NodeSlot) {
        if facts.nodes.get(node).is_some_and(|record| record.notes.good) {
            self.revalidation.in_vain = self.revalidation.in_vain.saturating_add(1);
        }
    }

    /// A node has connected. If it was a former peer, it was worth while to look for those, where questions find anybody at all.
    pub(super) fn met_again<I: NodeId>(&mut self, facts: &Facts<I, A>, node: NodeSlot) {
        if self.revalidation.works && facts.nodes.get(node).is_some_and(|record| record.notes.good) {
            self.revalidation.in_vain = 0;
        }
    }

    /// A node is connected or static, or its dial was requested: nobody needs the answer any more. Returns whether one was
    /// awaited.
    pub(super) fn end_revalidation<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) -> bool {
        let attempt = facts.nodes.get(node).and_then(|record| record.attempt());
        let attempt = attempt.filter(|attempt| facts.attempts.revalidations().contains(*attempt));
        attempt.map(|attempt| self.cancel(facts, attempt)).is_some()
    }
}
