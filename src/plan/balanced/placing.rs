//! Which queue a node belongs in, once one of its facts has changed or a rule has refused it.

use core::time::Duration;

use super::Balanced;
use crate::address::Address;
use crate::backoff::{self, Cause};
use crate::event::DialOutcome;
use crate::explain::LastOutcome;
use crate::facts::Facts;
use crate::facts::nodes::Record;
use crate::facts::slots::NodeSlot;
use crate::facts::waiting::{Class, Due, Queue};
use crate::node::NodeId;
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::time::{Timestamp, nanos};

/// With so many failures in a row a static node waits behind those with fewer (a guess).
const FAILING: u8 = 3;

/// With so many failures in a row a node that was never connected to is an unlikely one (in a network with churn, one dial in
/// a hundred to such a node connects).
const UNLIKELY: u8 = 3;

/// For so long a node that was heard of is preferred to those that were heard of before: most are still there (a guess; half
/// of the sessions in docs/network.md are shorter than two hours).
const RECENT: Duration = Duration::from_secs(3600);

impl<A: Address> Balanced<A> {
    /// Puts a node that is in no queue where it belongs, with what it had to wait for.
    pub(super) fn place<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, due: Option<Due>) {
        let due = if self.pardon(facts, node) { None } else { due };
        let Some((id, record)) = facts.nodes.entry(node) else { return };
        let until = due.filter(|due| due.at > facts.now);
        if !record.is_candidate() || facts.is_blocked(id, node, record) {
            if !facts.is_needed(node, record) {
                facts.remove_node(node);
                self.rests.forget(node);
                self.reunion.forget(node);
            } else if let Some(until) = until {
                facts.enter(node, Queue::Idle, until);
            }
        } else if record.is_static() {
            let (last, _) = record.last();
            let dialed = !matches!(last, Some(LastOutcome::Ended(_)));
            let failing = dialed && record.notes.failures >= FAILING;
            let at_once = || Due { at: facts.now, tie: facts.jitter_of(node) as u32 };
            let due = due.unwrap_or_else(at_once);
            facts.enter(node, if failing { Queue::StaticFailing } else { Queue::Static }, due);
        } else if let Some(until) = until {
            let queue = match record.notes.cause {
                Cause::Transport | Cause::Handshake if record.notes.good => Queue::CoolingGood,
                Cause::Transport | Cause::Handshake => Queue::Cooling,
                Cause::None | Cause::History | Cause::Protocol | Cause::Resolve => Queue::Resting,
            };
            facts.enter(node, queue, until);
        } else {
            let class = Self::class_of(facts, id, record);
            facts.enter_ready(node, class);
        }
    }

    /// What kind of candidate a node is, by what came of its last attempt. Bootnodes serve all who join: others are dialed
    /// before them.
    fn class_of<I: NodeId>(facts: &Facts<I, A>, id: &I, record: &Record<A>) -> Class {
        let (last, _) = record.last();
        if record.notes.anchor {
            return Class::Anchor;
        }
        // One that is not kept for it any more was connected to all the same.
        let connected = record.notes.good || record.notes.proven;
        if facts.config.bootnode(id).is_some() {
            return Class::Bootnode;
        }
        if connected && (record.notes.failures == 0 || last == Some(LastOutcome::Found)) && !record.notes.slow
        {
            return Class::Good;
        }
        if connected && (record.notes.slow || seems_gone(last)) {
            return Class::Lapsed;
        }
        match last {
            _ if record.notes.slow => Class::Failed,
            Some(LastOutcome::Dial(DialOutcome::Refused)) => Class::Failed,
            Some(LastOutcome::Dial(outcome)) if backoff::is_answer(outcome) => Class::Answered,
            Some(LastOutcome::Ended(_)) => Class::Answered,
            Some(LastOutcome::Dial(DialOutcome::LocalError | DialOutcome::Cancelled)) | None
                if record.notes.failures == 0 =>
            {
                if Self::is_recent(record, facts.now) {
                    Class::Recent
                } else {
                    Class::Fresh
                }
            }
            Some(_) | None if record.notes.failures >= UNLIKELY => Class::Unlikely,
            Some(_) | None => Class::Failed,
        }
    }

    /// Whether a node that was never tried was heard of a short while ago. One that was restored is known since an unknown
    /// time.
    pub(super) fn is_recent(record: &Record<A>, now: Timestamp) -> bool {
        let heard = record.heard().filter(|_| !record.notes.restored);
        heard.is_some_and(|at| now.saturating_since(at) < RECENT)
    }

    /// Starts a cooldown, or ends it, and puts the node where it belongs.
    pub(super) fn cool<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: NodeSlot,
        until: Option<Due>,
        cause: Cause,
    ) {
        facts.leave(node);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.cause = cause;
            notes.pardon = self.outage.pardons();
        }
        self.place(facts, node, until);
    }

    /// The end of a cooldown at an instant, with the node's own place among equal instants.
    pub(super) fn due<I: NodeId>(facts: &Facts<I, A>, node: NodeSlot, at: Timestamp) -> Due {
        Due { at, tie: facts.jitter_of(node) as u32 }
    }

    /// Applies the latest pardon to a node. Returns whether its cooldown is over with that.
    #[inline]
    pub(super) fn pardon<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) -> bool {
        let stale = facts.nodes.get(node).is_some_and(|record| self.outage.is_stale(&record.notes));
        stale && self.review(facts, node)
    }

    /// Notes that a node was looked at under the latest pardon. Returns whether that covers its last failure.
    #[cold]
    fn review<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) -> bool {
        let Some(record) = facts.nodes.get(node) else { return false };
        let (_, failed) = record.last();
        let pardoned = self.outage.pardons_since(failed);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.pardon = self.outage.pardons();
            if pardoned {
                notes.cause = Cause::None;
                notes.failures = 0;
            }
        }
        if pardoned {
            self.rests.forget(node);
            self.note_worn(facts, node);
        }
        pardoned
    }

    /// Looks at one node under the latest pardon: whoever cools down under an older one is put where it belongs. Returns
    /// whether there was one to look at.
    pub(super) fn review_pardon<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> bool {
        let Some(index) = self.outage.next_unreviewed() else { return false };
        let Some(node) = NodeSlot::from_index(index) else { return false };
        let cools = |r: &Record<A>| r.place().queue().is_static() || r.place().queue().is_cooling();
        let stale = |r: &Record<A>| cools(r) && self.outage.is_stale(&r.notes);
        if facts.nodes.get(node).is_some_and(stale) {
            let due = facts.leave(node);
            self.place(facts, node, due);
        }
        true
    }

    /// Lets a candidate that was refused wait for what refused it.
    pub(super) fn defer<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, refusal: Refusal) {
        facts.stats.refusals.count(&refusal);
        match refusal {
            Refusal::SubnetFull { subnet } => {
                facts.leave(node);
                facts.enter_crowd(node, subnet);
            }
            Refusal::ResolveDelay { until } => {
                let due = Self::due(facts, node, until);
                self.cool(facts, node, Some(due), Cause::Resolve);
            }
            Refusal::Restricted | Refusal::BannedNetwork { .. } | Refusal::NoAddress => {
                let entry = facts.nodes.entry(node).filter(|(_, record)| record.is_static());
                if let Some(id) = entry.map(|(id, _)| *id) {
                    facts.notify(Notice::StaticParked { id, reason: refusal });
                }
                facts.leave(node);
                facts.park(node);
            }
            Refusal::FamilyDown { .. } => {
                // Spread, lest all of them come back at once whenever a bootnode, for example, has just taken the probe.
                let due = Self::spread(facts, node, nanos(facts.config.backoff.medium));
                self.cool(facts, node, Some(due), Cause::None);
            }
            Refusal::DialingOff
            | Refusal::OwnId
            | Refusal::Unknown
            | Refusal::InAttempt { .. }
            | Refusal::Connected
            | Refusal::InboundPending { .. }
            | Refusal::BannedId { .. }
            | Refusal::Cooling { .. } => {
                let due = facts.leave(node);
                self.place(facts, node, due);
            }
        }
    }
}

/// Whether the last attempt or session of a node ended as with one that has left.
fn seems_gone(last: Option<LastOutcome>) -> bool {
    match last {
        // Somebody is there, but most often nobody who accepts connections.
        Some(LastOutcome::Dial(outcome)) => outcome == DialOutcome::Refused || !backoff::is_answer(outcome),
        Some(LastOutcome::Ended(reason)) => Cause::of_removal(reason) != Cause::Protocol,
        Some(LastOutcome::Found) => false,
        Some(LastOutcome::Unresolved | LastOutcome::Overdue) | None => true,
    }
}
