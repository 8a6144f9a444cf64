//! go-ethereum's present dial scheduler (`p2p/dial.go`, commit 02b73d4): static nodes from a pool at random, then one
//! candidate after another from a stream, in twice as many slots as peers are missing.
//!
//! Its history is a cooldown of 35 s from the start of each attempt, in the queue of idle nodes, where equal instants keep
//! the order of the starts. A static node is put back into the pool by whatever ends what refused it; nothing is checked
//! again before it is dialed from there, but for bans and the restrict list, which go-ethereum cannot change at run time.
//!
//! go-ethereum reads candidates from an iterator over all its sources. Here nodes that were discovered are that stream,
//! and when a candidate is wanted and none is there, a lookup stands for reading on.

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
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot, OfNode};
use crate::facts::waiting::{Due, Queue};
use crate::node::{Node, NodeId, Source};
use crate::refusal::Refusal;
use crate::rules::{Subject, Verdict};
use crate::sample::below;
use crate::time::Timestamp;

/// What the scheduler keeps beside the facts.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
pub(crate) struct Scheduler<I, A> {
    /// Static nodes that are ready to be dialed; a removal moves the last into the gap.
    pool: SlotSet<OfNode>,
    /// Candidates that were not read yet.
    stream: Buffer<I, A>,
    /// How many attempts have begun (wraps): the order of the history among equal instants.
    starts: u32,
    waits: Waits,
}

impl<I: NodeId, A: Address> Scheduler<I, A> {
    pub(crate) fn new() -> Self {
        Self { pool: SlotSet::new(), stream: Buffer::new(), starts: 0, waits: Waits::new() }
    }

    /// How many attempts may begin: twice the missing peers, and no more than may be under way at once. A peer whose attempt
    /// has not ended yet counts in both.
    fn free_slots(facts: &Facts<I, A>) -> i64 {
        let of = |count: fn(&Facts<I, A>, Budget) -> u32| {
            i64::from(count(facts, Budget::Static)).saturating_add(i64::from(count(facts, Budget::Dynamic)))
        };
        let peers = of(|facts, budget| facts.peers.outbound(budget));
        let dialing = of(|facts, budget| facts.attempts.active(budget));
        let missing = i64::from(facts.config.dynamic_target).saturating_sub(peers);
        missing.saturating_mul(2).min(i64::from(facts.config.max_active_dials)).saturating_sub(dialing)
    }

    /// Puts a static node into the pool if nothing refuses it, and ends a record about which there is no fact.
    fn repool(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let Some((_, record)) = facts.nodes.entry(node) else { return };
        let idle = record.place().queue() == Queue::Idle;
        if !record.is_static() {
            self.pool.remove(node);
            if !idle && !facts.is_needed(node, record) {
                facts.remove_node(node);
            }
            return;
        }
        let subject = self.subject(facts, node, DialKind::Static);
        match subject.and_then(|subject| self.refusal(facts, &subject)) {
            None => _ = self.pool.insert(node),
            Some(refusal) => {
                self.pool.remove(node);
                let excluded = matches!(refusal, Refusal::Restricted | Refusal::BannedNetwork { .. });
                if excluded && !idle {
                    facts.leave(node);
                    facts.park(node);
                }
            }
        }
    }

    /// A random static node from the pool.
    fn pooled_dial(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<Step> {
        if self.pool.is_empty() {
            return None;
        }
        let node = self.pool.get(below(rng, self.pool.len()))?;
        match self.permit(facts, &self.subject(facts, node, DialKind::Static)?) {
            Ok(permit) => Some(self.begin(facts, permit)),
            Err(_) => {
                self.repool(facts, node);
                Some(Step::Looked)
            }
        }
    }

    /// The next candidate of the stream; one that is refused is dropped for good.
    fn candidate_dial(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let node = self.stream.next()?;
        Some(match self.permit(facts, &Subject::delivered(facts, &node, DialKind::Dynamic)) {
            Ok(permit) => self.begin(facts, permit),
            Err(reason) => {
                facts.stats.refusals.count(&reason);
                Step::Looked
            }
        })
    }

    fn requested_dial(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        Some(self.next_request(facts)?.map_or_else(|step| step, |permit| self.begin(facts, permit)))
    }

    /// Begins an attempt, and enters it into the history. Only a static node is ever resolved.
    fn begin(&mut self, facts: &mut Facts<I, A>, permit: Permit<I, A>) -> Step {
        let fixed = permit.kind != DialKind::Dynamic;
        let may_resolve = fixed && facts.may_resolve(permit.node, permit.kind);
        let (attempt, node) = facts.begin(permit, may_resolve);
        self.pool.remove(node);
        self.starts = self.starts.wrapping_add(1);
        // An entry that expires exactly now still blocks.
        let at = facts.now.saturating_add(facts.config.backoff.history).next();
        facts.leave(node);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.cause = Cause::History;
        }
        facts.enter(node, Queue::Idle, Due { at, tie: self.starts });
        Step::first(facts, attempt)
    }

    /// Reads on in the stream, at most once in the interval between lookups.
    fn read_on(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if !facts.config.discovery || !facts.lookup.is_idle() {
            return None;
        }
        let at = facts.lookup.next_at(facts.config.lookups.interval, facts.now);
        if at > facts.now {
            self.waits.add(WakeReason::Lookup, at);
            return None;
        }
        facts.lookup.begin(facts.now);
        Some(Step::Lookup)
    }

    /// What has to go on or to end whatever slots are free.
    fn ongoing(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if let Some(attempt) = facts.attempts.next_owed() {
            return Some(Step::Issue(attempt));
        }
        if let Some(attempt) = facts.attempts.next_stuck() {
            self.end(facts, attempt, Ended::Moot);
            return Some(Step::Looked);
        }
        let parked = facts.next_outdated_parked()?;
        facts.leave(parked);
        self.repool(facts, parked);
        Some(Step::Looked)
    }
}

impl<I: NodeId, A: Address> Policy<I, A> for Scheduler<I, A> {
    fn settle(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        self.repool(facts, node);
    }

    fn static_added(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, _moved: bool) {
        self.repool(facts, node);
    }

    /// The history of the node stays, and an attempt to reach it goes on.
    fn static_removed(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, was_static: bool) {
        if was_static && matches!(facts.queue_of(node), Queue::Parked { .. }) {
            facts.leave(node);
        }
        self.repool(facts, node);
    }

    fn discovered(
        &mut self,
        facts: &mut Facts<I, A>,
        node: Node<I, A>,
        _source: Source,
        _vouched: bool,
    ) -> bool {
        self.stream.offer(facts, node);
        false
    }

    /// No node is known here.
    fn forgotten(&mut self, _facts: &mut Facts<I, A>, _node: NodeSlot) {}

    fn found(&mut self, facts: &mut Facts<I, A>, nodes: Vec<Node<I, A>>) {
        nodes.into_iter().for_each(|node| self.stream.offer(facts, node));
    }

    /// An attempt to reach the node is not cancelled.
    fn connected(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, _kind: PeerKind, _addr: Option<&A>) {
        self.repool(facts, node);
    }

    fn session_ended(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, reason: RemovalReason) {
        facts.remember_session(peer.node(), reason);
        self.repool(facts, peer.node());
    }

    fn attempt_ended(
        &mut self,
        facts: &mut Facts<I, A>,
        _slot: AttemptSlot,
        attempt: &Attempt<A>,
        _ended: Ended,
    ) {
        self.repool(facts, attempt.node());
    }

    /// A history begins with the program.
    fn attempt_lost(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        if facts.queue_of(node) == Queue::Idle {
            facts.leave(node);
        }
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.cause = Cause::None;
        }
        self.repool(facts, node);
    }

    /// Handshakes are a set of ids: of two with the same node the first that ends clears both.
    fn handshake_ended(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        facts.inbound.waive(node);
        self.repool(facts, node);
    }

    fn paused(&mut self) {
        self.waits.clear();
    }

    /// The alarm of the history.
    fn time_passed(&mut self, facts: &mut Facts<I, A>) {
        while let Some(node) = facts.waiting.first_due(Queue::Idle, facts.now) {
            facts.leave(node);
            self.repool(facts, node);
        }
    }

    /// A static node that is added again is ignored.
    fn relists(&self) -> bool {
        false
    }

    fn uses_bootnodes(&self) -> bool {
        false
    }

    fn buffer(&self) -> Option<&Buffer<I, A>> {
        Some(&self.stream)
    }

    /// Whoever is in the pool is dialed from there, whatever handshake has begun.
    fn check(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        let fixed = subject.kind == DialKind::Static;
        let pooled = subject.slot().is_some_and(|node| fixed && self.pool.contains(node));
        facts.check_original(subject, &mut |refusal| {
            let passes = pooled && matches!(refusal, Refusal::InboundPending { .. });
            if passes { Verdict::Continue(()) } else { visit(refusal) }
        })
    }

    fn next(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Step {
        self.waits.clear();
        let begun = self.ongoing(facts).or_else(|| self.requested_dial(facts));
        let dialed = begun.or_else(|| {
            if Self::free_slots(facts) <= 0 {
                return None;
            }
            self.pooled_dial(facts, rng)
                .or_else(|| self.candidate_dial(facts))
                .or_else(|| self.read_on(facts))
        });
        dialed.unwrap_or_else(|| {
            if let Some((node, at)) = facts.waiting.first(Queue::Idle) {
                let fixed = facts.is_static(node);
                self.waits.add(if fixed { WakeReason::StaticRedial } else { WakeReason::Redial }, at);
            }
            Step::Wait
        })
    }

    fn has_slot(&self, facts: &Facts<I, A>, kind: DialKind) -> bool {
        kind == DialKind::Requested || Self::free_slots(facts) > 0
    }

    /// The first handshake that ends lets its node be dialed.
    fn gone_by(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        refusal: &Refusal,
    ) -> Option<Timestamp> {
        if matches!(refusal, Refusal::InboundPending { .. }) {
            return facts.inbound.expiries(subject.slot()?).min();
        }
        facts.gone_by(subject, refusal)
    }

    fn waits(&self) -> &Waits {
        &self.waits
    }

    fn standing(&self, _facts: &Facts<I, A>, node: NodeSlot, _eligible: bool) -> Standing {
        if self.pool.contains(node) { Standing::Static } else { Standing::None }
    }

    fn ready(&self, _facts: &Facts<I, A>) -> u32 {
        self.stream.len()
    }

    fn bound(&self, counts: &Counts) -> u64 {
        Buffer::<I, A>::bound(counts).saturating_add(SlotSet::<OfNode>::bound(counts.statics, counts.nodes))
    }

    fn verify(&self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        let pooled = |node: NodeSlot| facts.nodes.get(node).is_some_and(|r| r.is_static() && !r.is_busy());
        if self.pool.iter().all(pooled) { Ok(()) } else { Err("the pool of static nodes") }
    }

    #[cfg(feature = "serde")]
    fn reindex(&mut self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        if self.pool.reindex(facts.nodes.slots()) { Ok(()) } else { Err("the pool of static nodes") }
    }
}
