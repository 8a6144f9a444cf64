//! go-ethereum's `newTasks`, v1.8.27: statics, a bootnode, random known nodes, the lookup buffer, a lookup.
//!
//! What has to stay the same through a round is kept here: the need as it was counted at its start, and where in the
//! round we are.

use alloc::vec::Vec;

use rand_core::Rng;

use super::buffer::Buffer;
use super::policy::{Policy, Step, Waits};
use crate::address::Address;
use crate::backoff::Cause;
use crate::collections::SlotSet;
use crate::command::{DialKind, WakeReason};
use crate::event::{PeerKind, RemovalReason};
use crate::explain::Standing;
use crate::facts::Facts;
use crate::facts::attempt::{Attempt, Ended};
use crate::facts::attempting::Permit;
use crate::facts::budget::Budget;
use crate::facts::counts::Counts;
use crate::facts::nodes::Record;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot, OfNode};
use crate::facts::waiting::{Due, Queue};
use crate::node::{KnownNode, Node, NodeId, Source};
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::rules::Subject;
use crate::sample::Shuffle;
use crate::stats::count;
use crate::time::Timestamp;

/// Where a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Part {
    Statics,
    Bootnode,
    /// Known nodes whose history has ended are taken out of their queue, so that the next one shows.
    Wake,
    Random {
        left: u32,
    },
    Buffer,
    Lookup,
    End,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
pub(crate) struct Classic<I, A> {
    part: Part,
    /// How many dynamic dials are wanted: fixed at the start of the round, less what the round began.
    need: i64,
    /// How often the bootnodes were rotated.
    rotation: u32,
    shuffle: Shuffle,
    /// The known nodes, of which random ones are dialed.
    table: SlotSet<OfNode>,
    /// Nodes from lookups that wait to be dialed.
    buffer: Buffer<I, A>,
    /// When the lookup that was decided on begins.
    decided: Option<Timestamp>,
    /// The first instant at which a bootnode may be tried, where this round wanted one before.
    fallback: Option<Timestamp>,
    waits: Waits,
}

impl<I: NodeId, A: Address> Classic<I, A> {
    pub(crate) fn new() -> Self {
        Self {
            part: Part::End,
            need: 0,
            rotation: 0,
            shuffle: Shuffle::new(),
            table: SlotSet::new(),
            buffer: Buffer::new(),
            decided: None,
            fallback: None,
            waits: Waits::new(),
        }
    }

    /// How many dynamic dials are wanted. A peer and its unfinished dial both count, as in the original.
    fn missing(facts: &Facts<I, A>) -> i64 {
        let peers = i64::from(facts.peers.outbound(Budget::Dynamic));
        let taken = peers.saturating_add(i64::from(facts.attempts.active(Budget::Dynamic)));
        i64::from(facts.config.dynamic_target).saturating_sub(taken)
    }

    /// Puts a node that is in no queue where it belongs, with what it had to wait for.
    fn place(&self, facts: &mut Facts<I, A>, node: NodeSlot, due: Option<Due>) {
        let Some((id, record)) = facts.nodes.entry(node) else { return };
        let until = due.filter(|due| due.at > facts.now);
        if !record.is_candidate() || facts.is_blocked(id, node, record) {
            // The history does not ask where a node came from.
            match until {
                Some(until) => facts.enter(node, Queue::Idle, until),
                None if facts.is_needed(node, record) => {}
                None => facts.remove_node(node),
            }
        } else if record.is_static() {
            let due = due.unwrap_or(Due { at: facts.now, tie: facts.jitter_of(node) as u32 });
            facts.enter(node, Queue::Static, due);
        } else if let Some(until) = until {
            facts.enter(node, Queue::Cooling, until);
        }
    }

    /// Ends the cooldown of a node.
    fn clear_history(&self, facts: &mut Facts<I, A>, node: NodeSlot) {
        facts.leave(node);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            (notes.cause, notes.failures) = (Cause::None, 0);
        }
        self.place(facts, node, None);
    }

    fn requested_dial(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        Some(self.next_request(facts)?.map_or_else(|step| step, |permit| self.begin(facts, permit)))
    }

    /// All static nodes, without a limit; those that are excluded are deleted for good.
    fn statics(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let due = facts.waiting.first_due(Queue::Static, facts.now);
        let subject = due.and_then(|node| Some((node, self.subject(facts, node, DialKind::Static)?)));
        let Some((node, subject)) = subject else {
            self.part = Part::Bootnode;
            return None;
        };
        let id = subject.id;
        match self.permit(facts, &subject) {
            Ok(permit) => return Some(self.begin(facts, permit)),
            Err(reason @ (Refusal::OwnId | Refusal::Restricted)) => {
                // The history of the node stays.
                let due = facts.leave(node);
                facts.unlist_static(node);
                self.place(facts, node, due);
                facts.notify(Notice::StaticDeleted { id, reason });
            }
            Err(reason) => {
                facts.stats.refusals.count(&reason);
                facts.leave(node);
                facts.park(node);
            }
        }
        Some(Step::Looked)
    }

    /// With no peer at all, 20 s after the start: the bootnodes are rotated, and the first is tried.
    fn bootnode(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.part = Part::Wake;
        let count = facts.config.bootnodes.len() as u32;
        let alone = self.is_alone(facts);
        let from = facts.start.saturating_add(facts.config.fallback.after).next();
        self.fallback = Some(from).filter(|from| alone && facts.now < *from);
        if !alone || facts.now < from {
            return None;
        }
        self.rotation = self.rotation.wrapping_add(1).checked_rem(count).unwrap_or(0);
        // Rotated once, the list begins with what was its second node, and the head has become the last.
        let head = self.rotation.checked_sub(1).unwrap_or(count.saturating_sub(1));
        let node = facts.config.bootnodes.get(head as usize);
        // To go-ethereum they are dynamic dials.
        let permit = node.map(|node| self.permit(facts, &Subject::delivered(facts, node, DialKind::Dynamic)));
        permit.map(|permit| self.attempt(facts, permit))
    }

    fn is_alone(&self, facts: &Facts<I, A>) -> bool {
        facts.peers.is_empty() && self.need > 0 && !facts.config.bootnodes.is_empty()
    }

    fn wake(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let due = facts.waiting.first_due(Queue::Cooling, facts.now).filter(|_| self.need > 0);
        let Some(node) = due else {
            let left = u32::try_from(self.need.max(0) / 2).unwrap_or(0);
            self.shuffle.reset();
            self.part = Part::Random { left };
            return None;
        };
        self.settle(facts, node);
        Some(Step::Looked)
    }

    /// Half of the need from random known nodes; one that is refused is not replaced.
    fn random(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng, left: u32) -> Option<Step> {
        let pick = left.checked_sub(1).and_then(|_| self.shuffle.next(rng, self.table.len()));
        let node = pick.and_then(|pick| self.table.get(pick));
        let Some(subject) = node.and_then(|node| self.subject(facts, node, DialKind::Dynamic)) else {
            self.part = Part::Buffer;
            return None;
        };
        self.part = Part::Random { left: left.saturating_sub(1) };
        let permit = self.permit(facts, &subject);
        Some(self.attempt(facts, permit))
    }

    /// The rest from what lookups brought; one that is refused is consumed too.
    fn buffer(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let next = if self.need > 0 { self.buffer.next() } else { None };
        let Some(node) = next else {
            self.part = Part::Lookup;
            return None;
        };
        let permit = self.permit(facts, &Subject::delivered(facts, &node, DialKind::Dynamic));
        Some(self.attempt(facts, permit))
    }

    /// A dynamic attempt; if it may begin, the need is one less.
    fn attempt(&mut self, facts: &mut Facts<I, A>, permit: Result<Permit<I, A>, Refusal>) -> Step {
        let Ok(permit) = permit else { return Step::Looked };
        self.need = self.need.saturating_sub(1);
        self.begin(facts, permit)
    }

    /// Begins an attempt; its first command, unless its resolve is refused.
    fn begin(&mut self, facts: &mut Facts<I, A>, permit: Permit<I, A>) -> Step {
        let may_resolve = facts.may_resolve(permit.node, permit.kind);
        let (attempt, node) = facts.begin(permit, may_resolve);
        self.settle(facts, node);
        Step::first(facts, attempt)
    }

    /// If need remains, a lookup is decided on, and waits for its instant. It goes out then, needed or not.
    fn lookup(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.part = Part::End;
        let idle = facts.lookup.is_idle() && self.decided.is_none();
        if self.need > 0 && facts.config.discovery && idle {
            let at = facts.lookup.next_at(facts.config.lookups.interval, facts.now);
            if at > facts.now {
                self.decided = Some(at);
            } else {
                facts.lookup.begin(facts.now);
            }
        }
        facts.lookup.is_due().then_some(Step::Lookup)
    }

    /// If resolves were refused, their attempts end now, and a new round follows at the same instant.
    fn finish(&mut self, facts: &mut Facts<I, A>) -> Step {
        if facts.attempts.next_stuck().is_some() {
            self.start(facts);
            return Step::Looked;
        }
        self.waits.clear();
        if let Some(at) = self.decided {
            self.waits.add(WakeReason::Lookup, at);
        }
        let fallback = self.fallback.or_else(|| self.next_bootnode(facts));
        self.waits.add(WakeReason::Fallback, fallback);
        // Other random nodes may be drawn later, where no lookup will bring any.
        let known = !self.table.is_empty();
        if self.need > 1 && !facts.config.discovery && known {
            self.waits.add(WakeReason::Redial, facts.now.saturating_add(facts.config.lookups.interval));
        }
        if let Some((_, at)) = facts.waiting.first(Queue::Static) {
            self.waits.add(WakeReason::StaticRedial, at);
        }
        if let Some((_, at)) = facts.waiting.first(Queue::Cooling).filter(|_| self.need > 0) {
            self.waits.add(WakeReason::Redial, at);
        }
        Step::Wait
    }

    /// When a bootnode may be dialed again: the next instant, if it may already but is not at the head.
    fn next_bootnode(&self, facts: &Facts<I, A>) -> Option<Timestamp> {
        if !self.is_alone(facts) {
            return None;
        }
        let refusal = |node| self.refusal(facts, &Subject::delivered(facts, node, DialKind::Dynamic));
        let soonest = |node| refusal(node).map_or(Some(facts.now.next()), |refusal| refusal.until());
        facts.config.bootnodes.iter().filter_map(soonest).min()
    }
}

impl<I: NodeId, A: Address> Policy<I, A> for Classic<I, A> {
    fn settle(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let due = facts.leave(node);
        self.place(facts, node, due);
    }

    fn static_added(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, _moved: bool) {
        self.settle(facts, node);
    }

    /// The history of any id is forgotten that is said to be removed. An attempt to reach it goes on.
    fn static_removed(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, _was_static: bool) {
        self.clear_history(facts, node);
    }

    /// Even the own id and useless addresses are kept: they take part in the sampling.
    fn discovered(
        &mut self,
        facts: &mut Facts<I, A>,
        node: Node<I, A>,
        source: Source,
        _vouched: bool,
    ) -> bool {
        let Node { id, mut addrs } = node;
        facts.clean(&mut addrs);
        let known = facts.nodes.find(&id).and_then(|slot| Some((slot, facts.nodes.get(slot)?.is_known())));
        if let Some((slot, true)) = known {
            let old = facts.nodes.get(slot).map(|record| facts.discovered(record));
            if !addrs.is_empty() && old != Some(&addrs) {
                facts.set_discovered(slot, addrs);
                self.settle(facts, slot);
            }
            return false;
        }
        if self.table.len() >= facts.config.limits.others {
            count(&mut facts.stats.dropped);
            return false;
        }
        let slot = facts.list_known(id, addrs, source);
        self.table.insert(slot);
        self.settle(facts, slot);
        true
    }

    fn forgotten(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        self.table.remove(node);
        facts.unlist_known(node);
        self.settle(facts, node);
    }

    fn restored(&mut self, facts: &mut Facts<I, A>, known: KnownNode<I, A>) {
        let id = known.node.id;
        let tried = known.last_tried.is_some() || known.good;
        if self.discovered(facts, known.node, known.source, true) {
            if let Some(node) = facts.nodes.find(&id) {
                let at = facts.now.saturating_sub(known.last_tried.unwrap_or_default());
                facts.leave(node);
                facts.set_tried(node, tried, at);
                if let Some(notes) = facts.nodes.notes_mut(node) {
                    notes.failures = u8::try_from(known.failures).unwrap_or(u8::MAX);
                }
                self.place(facts, node, None);
            }
        }
    }

    /// What a lookup brought is kept as it was delivered.
    fn found(&mut self, facts: &mut Facts<I, A>, nodes: Vec<Node<I, A>>) {
        nodes.into_iter().for_each(|node| self.buffer.offer(facts, node));
    }

    fn connected(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, _kind: PeerKind, _addr: Option<&A>) {
        self.settle(facts, node);
    }

    fn session_ended(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, reason: RemovalReason) {
        facts.remember_session(peer.node(), reason);
        self.settle(facts, peer.node());
    }

    /// Whatever came of the dial, the node rests, and an entry that expires exactly now still blocks.
    fn attempt_ended(
        &mut self,
        facts: &mut Facts<I, A>,
        _slot: AttemptSlot,
        attempt: &Attempt<A>,
        _ended: Ended,
    ) {
        let node = attempt.node();
        let at = facts.now.saturating_add(facts.config.backoff.history).next();
        let tie = facts.jitter_of(node) as u32;
        facts.leave(node);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.cause = Cause::History;
        }
        self.place(facts, node, Some(Due { at, tie }));
    }

    /// A history begins with the program.
    fn attempt_lost(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        self.clear_history(facts, node);
    }

    fn paused(&mut self) {
        self.decided = None;
        self.waits.clear();
    }

    /// A lookup that was decided on begins at its instant.
    fn time_passed(&mut self, facts: &mut Facts<I, A>) {
        if self.decided.is_some_and(|at| at <= facts.now) {
            self.decided = None;
            facts.lookup.begin(facts.now);
        }
        self.end_idle(facts);
    }

    /// Ends the attempts whose resolve was refused in the round before, and counts the need.
    fn start(&mut self, facts: &mut Facts<I, A>) {
        while let Some(stuck) = facts.attempts.next_stuck() {
            self.end(facts, stuck, Ended::Moot);
        }
        self.need = Self::missing(facts);
        self.part = Part::Statics;
    }

    fn next(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Step {
        if let Some(attempt) = facts.attempts.next_owed() {
            return Step::Issue(attempt);
        }
        if let Some(step) = self.requested_dial(facts) {
            return step;
        }
        if let Some(node) = facts.next_outdated_parked() {
            self.settle(facts, node);
            return Step::Looked;
        }
        loop {
            // A part that has nothing left says which one is next.
            let step = match self.part {
                Part::Statics => self.statics(facts),
                Part::Bootnode => self.bootnode(facts),
                Part::Wake => self.wake(facts),
                Part::Random { left } => self.random(facts, rng, left),
                Part::Buffer => self.buffer(facts),
                Part::Lookup => self.lookup(facts),
                Part::End => return self.finish(facts),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// A peer and its unfinished dial both count, as in the original.
    fn has_slot(&self, facts: &Facts<I, A>, kind: DialKind) -> bool {
        Budget::of(kind) == Budget::Static || Self::missing(facts) > 0
    }

    fn buffer(&self) -> Option<&Buffer<I, A>> {
        Some(&self.buffer)
    }

    fn waits(&self) -> &Waits {
        &self.waits
    }

    fn bound(&self, counts: &Counts) -> u64 {
        Buffer::<I, A>::bound(counts).saturating_add(SlotSet::<OfNode>::bound(counts.known, counts.nodes))
    }

    fn verify(&self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        let known = |node: NodeSlot| facts.nodes.get(node).is_some_and(Record::is_known);
        let agree = self.table.len() == facts.nodes.known() && self.table.iter().all(known);
        if agree { Ok(()) } else { Err("the table of known nodes") }
    }

    #[cfg(feature = "serde")]
    fn reindex(&mut self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        if self.table.reindex(facts.nodes.slots()) { Ok(()) } else { Err("the table of known nodes") }
    }

    /// Known nodes are drawn where they lie.
    fn standing(&self, _facts: &Facts<I, A>, _node: NodeSlot, eligible: bool) -> Standing {
        if eligible { Standing::Sampled } else { Standing::None }
    }
}
