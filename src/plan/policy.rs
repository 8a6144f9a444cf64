//! What a plan is told, what it is asked, and what it answers.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use rand_core::Rng;
use smallvec::SmallVec;

use super::buffer::Buffer;
use crate::address::{Address, Addrs};
use crate::backoff::may_have_moved;
use crate::command::{DialKind, Side, WakeReason};
use crate::event::{AddrOutcome, DialOutcome, PeerKind, RemovalReason};
use crate::explain::Standing;
use crate::facts::Facts;
use crate::facts::attempt::{Attempt, Ended, Stage};
use crate::facts::attempting::Permit;
use crate::facts::counts::Counts;
use crate::facts::nodes::Record;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::facts::waiting::Queue;
use crate::node::{KnownNode, Node, NodeId, Source};
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::rules::{Subject, Verdict};
use crate::time::Timestamp;

/// The most cooldowns without a use that one event ends.
const IDLE_ENDS: u32 = 256;

/// What one step of planning came to. The command itself is made where it goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The next command of this attempt is due.
    Issue(AttemptSlot),
    /// The lookup that has begun goes out.
    Lookup,
    /// Something was looked at, and nothing came of it.
    Looked,
    /// Nothing more to do before the next event, or before the first instant of [`Policy::waits`].
    Wait,
}

impl Step {
    /// The first command of an attempt that has begun, unless its resolve is refused.
    pub(super) fn first<I: NodeId, A: Address>(facts: &Facts<I, A>, attempt: AttemptSlot) -> Self {
        let stuck = facts.attempts.get(attempt).is_some_and(|of| of.stage() == Stage::Stuck);
        if stuck { Self::Looked } else { Self::Issue(attempt) }
    }
}

/// What becomes of a second connection with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    /// It is the one that was known.
    Ignored,
    /// It stands for the peer from now on.
    Replaces,
    /// There are two, and one of them is to be closed.
    Closes(Side),
}

/// What a plan waits for: instants with their reasons.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Waits(SmallVec<[(Timestamp, WakeReason); 4]>);

impl Waits {
    pub(crate) fn new() -> Self {
        Self(SmallVec::new())
    }

    /// Adds an instant, if there is one.
    #[inline]
    pub(crate) fn add(&mut self, reason: WakeReason, at: impl Into<Option<Timestamp>>) {
        if let Some(at) = at.into() {
            self.0.push((at, reason));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Drops all but the first ones.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Timestamp, WakeReason)> {
        self.0.iter().copied()
    }

    /// The first instant. Of equal ones redials come last, and the other reasons in their own order.
    pub(crate) fn first(&self) -> Option<(Timestamp, WakeReason)> {
        let redials = |reason| matches!(reason, WakeReason::StaticRedial | WakeReason::Redial);
        self.iter().min_by_key(|(at, reason)| (*at, redials(*reason), *reason))
    }
}

/// A policy: it is told what has happened and draws the consequences, and is asked what is next. quinn's congestion
/// controllers are the model.
///
/// The facts have changed when it is told. It settles every node that it is told about.
pub(crate) trait Policy<I: NodeId, A: Address> {
    // Told.

    /// Something about a node has changed: it is put into the queue where it belongs now.
    fn settle(&mut self, facts: &mut Facts<I, A>, node: NodeSlot);

    /// A node was put on the list of static nodes, or anew. `moved`: it was on it, and has an address that it had not.
    fn static_added(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, moved: bool);

    /// A node was taken off the list of static nodes, if it was on it.
    fn static_removed(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, was_static: bool);

    /// A node was heard of; `vouched`: the caller answers for its addresses. Returns whether it is new, and was taken in.
    fn discovered(
        &mut self,
        facts: &mut Facts<I, A>,
        node: Node<I, A>,
        source: Source,
        vouched: bool,
    ) -> bool;

    /// A known node is gone.
    fn forgotten(&mut self, facts: &mut Facts<I, A>, node: NodeSlot);

    /// A node was known before a restart.
    fn restored(&mut self, facts: &mut Facts<I, A>, known: KnownNode<I, A>) {
        self.discovered(facts, known.node, known.source, true);
    }

    /// A lookup was answered.
    fn found(&mut self, facts: &mut Facts<I, A>, nodes: Vec<Node<I, A>>);

    /// A lookup was given up.
    fn lookup_overdue(&mut self) {}

    /// A node is connected, also if that was known or if it is by another connection.
    fn connected(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, kind: PeerKind, addr: Option<&A>);

    /// A session has ended. The record of the node does not say so yet: see [`Facts::remember_session`].
    fn session_ended(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, reason: RemovalReason);

    /// A dial was answered, and its attempt is about to end with that. Returns whether it goes on with a resolve instead.
    fn dial_answered(
        &mut self,
        facts: &mut Facts<I, A>,
        attempt: AttemptSlot,
        outcome: DialOutcome,
        _tried: &[AddrOutcome<A>],
    ) -> bool {
        may_have_moved(outcome) && facts.may_resolve_again(attempt)
    }

    /// A resolve has brought addresses. Returns those to dial.
    fn resolved(&mut self, facts: &mut Facts<I, A>, attempt: AttemptSlot, addrs: Addrs<A>) -> Addrs<A> {
        if !addrs.is_empty() {
            facts.relocate(attempt, addrs.clone());
        }
        addrs
    }

    /// An attempt has ended, which had this slot.
    fn attempt_ended(
        &mut self,
        facts: &mut Facts<I, A>,
        slot: AttemptSlot,
        attempt: &Attempt<A>,
        ended: Ended,
    );

    /// An attempt to reach a node has ended with a restart of the program, after `attempt_ended` with `Moot`. A cooldown that
    /// began with that is lifted.
    fn attempt_lost(&mut self, facts: &mut Facts<I, A>, node: NodeSlot);

    /// A session has ended with a restart of the program: nobody is to blame. `anchor`: it was one of the oldest. In
    /// go-ethereum nothing is left of it, as of an attempt.
    fn session_lost(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, _anchor: bool) {
        facts.remember_session(peer.node(), RemovalReason::Local);
        self.attempt_lost(facts, peer.node());
    }

    /// An inbound handshake with a node has ended or expired.
    fn handshake_ended(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        self.settle(facts, node);
    }

    /// The network of this host has changed.
    fn network_changed(&mut self, _facts: &mut Facts<I, A>) {}

    /// Nothing is planned from now on, until a new round starts: what it waits for is void.
    fn paused(&mut self);

    /// Time has jumped: the host has slept.
    fn time_jumped(&mut self, _facts: &Facts<I, A>) {}

    /// Time has passed: what is due has happened, and the event at hand has not.
    fn time_passed(&mut self, facts: &mut Facts<I, A>);

    // Asked.

    /// Whether a static node that is added again is to be taken in anew.
    fn relists(&self) -> bool {
        true
    }

    /// What becomes of a second connection with a node, while the first one stands. The last word on it is believed.
    fn second(&self, _facts: &Facts<I, A>, _node: NodeSlot, first: PeerKind, second: PeerKind) -> Second {
        if first == second { Second::Ignored } else { Second::Replaces }
    }

    /// Whether peers that the restrict list has come to exclude are disconnected.
    fn disconnects_restricted(&self) -> bool {
        false
    }

    /// Whether a static node may be dialed as a dynamic one too, where it was discovered to be. go-ethereum's sources know
    /// nothing of each other.
    fn mixes_sources(&self) -> bool {
        true
    }

    /// Whether bootnodes are ever dialed.
    fn uses_bootnodes(&self) -> bool {
        true
    }

    /// The nodes that wait in the order in which they were found, if the policy keeps such.
    fn buffer(&self) -> Option<&Buffer<I, A>> {
        None
    }

    /// The subject of a dial to a node with a record.
    fn subject<'a>(
        &self,
        facts: &'a Facts<I, A>,
        node: NodeSlot,
        kind: DialKind,
    ) -> Option<Subject<'a, I, A>> {
        Subject::of_node(facts, node, kind)
    }

    /// Shows `visit` every rule that refuses to dial a subject now, until it breaks. The rules here are go-ethereum's.
    fn check(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        facts.check_original(subject, visit)
    }

    /// Leave to dial a subject that no rule refuses: at which addresses.
    fn grant(&self, facts: &Facts<I, A>, subject: &Subject<'_, I, A>) -> Permit<I, A> {
        facts.grant(subject)
    }

    /// A new round of planning starts; an unfinished one is dropped.
    fn start(&mut self, _facts: &mut Facts<I, A>) {}

    /// What is next.
    fn next(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Step;

    /// How many slots neither a dynamic peer nor a dynamic dial holds.
    fn free_slots(&self, facts: &Facts<I, A>) -> u32 {
        facts.config.dynamic_target.saturating_sub(facts.taken_slots())
    }

    /// Whether a slot is free for a dial of a kind.
    fn has_slot(&self, facts: &Facts<I, A>, kind: DialKind) -> bool;

    /// How many dynamic dials hold no slot, because they have taken long.
    fn slow_dials(&self) -> u32 {
        0
    }

    /// What the plan waits for, as of its last answer.
    fn waits(&self) -> &Waits;

    /// Where a node stands that is in no queue.
    fn standing(&self, _facts: &Facts<I, A>, _node: NodeSlot, _eligible: bool) -> Standing {
        Standing::None
    }

    /// The earliest instant at which a refusal can be gone, if nothing but time passes; `None`: only an event ends it.
    fn gone_by(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        refusal: &Refusal,
    ) -> Option<Timestamp> {
        facts.gone_by(subject, refusal)
    }

    /// The failures in a row that are held against a node.
    fn failures(&self, record: &Record<A>) -> u32 {
        u32::from(record.notes.failures)
    }

    /// Whether the network of this host seems to be down.
    fn is_offline(&self) -> bool {
        false
    }

    /// Known nodes that are ready to be tried.
    fn ready(&self, _facts: &Facts<I, A>) -> u32 {
        0
    }

    /// Known nodes that were connected to once.
    fn good(&self) -> u32 {
        0
    }

    /// The most bytes for what the plan keeps, with so many of each.
    fn bound(&self, counts: &Counts) -> u64;

    /// Whether what the plan keeps fits the facts.
    fn verify(&self, _facts: &Facts<I, A>) -> Result<(), &'static str> {
        Ok(())
    }

    /// Makes what was read from a snapshot usable.
    ///
    /// # Errors
    /// What does not fit together.
    #[cfg(feature = "serde")]
    fn reindex(&mut self, _facts: &Facts<I, A>) -> Result<(), &'static str> {
        Ok(())
    }

    // What follows from these.

    /// The first rule that refuses a subject.
    fn refusal(&self, facts: &Facts<I, A>, subject: &Subject<'_, I, A>) -> Option<Refusal> {
        self.check(facts, subject, &mut ControlFlow::Break).break_value()
    }

    /// Leave to dial a subject now, or the first rule that refuses it.
    fn permit(&self, facts: &Facts<I, A>, subject: &Subject<'_, I, A>) -> Result<Permit<I, A>, Refusal> {
        self.refusal(facts, subject).map_or_else(|| Ok(self.grant(facts, subject)), Err)
    }

    /// The subject of a request: a node with a record as such, or whatever has this id.
    fn requested<'a>(&self, facts: &'a Facts<I, A>, id: I) -> Subject<'a, I, A> {
        let kind = DialKind::Requested;
        let known = facts.nodes.find(&id).and_then(|node| self.subject(facts, node, kind));
        known.unwrap_or_else(|| Subject::of_id(facts, id, kind))
    }

    /// Takes the next request: leave to dial, or the step in which it was dropped with a notice.
    fn next_request(&self, facts: &mut Facts<I, A>) -> Option<Result<Permit<I, A>, Step>> {
        let id = facts.requested.pop_front()?;
        Some(self.permit(facts, &self.requested(facts, id)).map_err(|reason| {
            facts.notify(Notice::RequestDropped { id, reason });
            Step::Looked
        }))
    }

    /// Settles the nodes whose idle cooldown has ended.
    fn end_idle(&mut self, facts: &mut Facts<I, A>) {
        for _ in 0..IDLE_ENDS {
            let Some(node) = facts.waiting.first_due(Queue::Idle, facts.now) else { break };
            self.settle(facts, node);
        }
    }

    /// Ends an attempt; its task, if it has one, is cancelled.
    fn end(&mut self, facts: &mut Facts<I, A>, attempt: AttemptSlot, ended: Ended) {
        if let Some(of) = facts.end(attempt, ended) {
            self.attempt_ended(facts, attempt, &of, ended);
        }
    }

    /// Ends an attempt that something has made moot, whatever it waits for.
    fn cancel(&mut self, facts: &mut Facts<I, A>, attempt: AttemptSlot) {
        facts.count_cancelled(attempt);
        self.end(facts, attempt, Ended::Moot);
    }
}
