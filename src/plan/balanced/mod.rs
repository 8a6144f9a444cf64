//! The default policy: static and dynamic nodes side by side, paced, spread over subnets, fresh and proven nodes in
//! turn, lookups and bootnodes when candidates run short.
//!
//! Each rule is in one file, with the state that it needs:
//!
//! | | |
//! |---|---|
//! | `next` | the order of steps; how an attempt begins and goes on |
//! | `statics` | static nodes and requested dials |
//! | `choice`, `turns` | which known node is dialed; the shares of the classes |
//! | `early`, `diversity` | what is done where nobody is ready: early dials, slots against the limits of subnets |
//! | `lookups`, `fallback` | lookups; bootnodes |
//! | `revalidation` | which nodes discovery is asked for before they are dialed |
//! | `reunion`, `feelers`, `churn` | dials and disconnects beside filled slots |
//! | `slots`, `slow`, `pace` | how many dynamic dials; those that take long; how fast |
//! | `peers`, `outcomes` | what follows from connections, attempts and sessions |
//! | `placing` | the queue that a node belongs in |
//! | `known`, `eviction` | which nodes are known, and who gives way |
//! | `rests`, `families`, `outage` | what single addresses, address families and this host's network have shown |

mod choice;
mod churn;
mod diversity;
mod early;
mod eviction;
mod fallback;
mod families;
mod feelers;
mod known;
mod lookups;
mod next;
mod outage;
mod outcomes;
mod pace;
mod peers;
mod placing;
mod rests;
mod reunion;
mod revalidation;
mod slots;
mod slow;
mod statics;
mod turns;

use alloc::vec::Vec;

use rand_core::Rng;
use siphasher::sip::SipHasher13;

use super::policy::{Policy, Second, Step, Waits};
use crate::address::{Address, Addrs};
use crate::backoff::{Cause, left_host, may_have_moved};
use crate::collections::bytes;
use crate::command::DialKind;
use crate::event::{AddrOutcome, DialOutcome, PeerKind, RemovalReason};
use crate::facts::Facts;
use crate::facts::attempt::{Attempt, Ended, Stage};
use crate::facts::attempting::Permit;
use crate::facts::budget::Budget;
use crate::facts::counts::Counts;
use crate::facts::nodes::Record;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::facts::waiting::Class;
use crate::node::{KnownNode, Node, NodeId, Source};
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::rules::{Subject, Verdict};
use crate::time::Timestamp;

use diversity::Starvation;
use early::EarlyTurns;
use eviction::Eviction;
use fallback::Fallback;
use families::Families;
use lookups::Lookups;
use outage::Outage;
use pace::Paces;
use rests::AddressRests;
use reunion::Reunion;
use revalidation::Revalidation;
use slow::SlowDials;
use turns::Turns;

/// What the policy keeps beside the facts, and beside its notes on each node.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Balanced<A> {
    paces: Paces,
    turns: Turns,
    /// When the next unlikely node may be dialed, while few peers are missing.
    unlikely: Timestamp,
    /// How many static nodes were dialed (wraps).
    static_turn: u32,
    slow: SlowDials,
    early: EarlyTurns,
    fallback: Fallback,
    starvation: Starvation,
    /// When the next feeler goes out, and the next peer is replaced; drawn when it is first asked for.
    next_feeler: Option<Timestamp>,
    next_churn: Option<Timestamp>,
    outage: Outage,
    families: Families,
    rests: AddressRests<A>,
    reunion: Reunion,
    revalidation: Revalidation,
    eviction: Eviction,
    /// How many nodes were restored as anchors.
    anchors: u32,
    lookups: Lookups,
    waits: Waits,
    /// How many of these come before dynamic nodes, while a round goes on with more of these.
    before_dynamic: Option<usize>,
}

impl<A: Address> Balanced<A> {
    /// For a dialer that starts now; `hasher` is keyed.
    pub(crate) fn new(hasher: SipHasher13, now: Timestamp) -> Self {
        Self {
            paces: Paces::FULL,
            turns: Turns::NEW,
            unlikely: now,
            static_turn: 1,
            slow: SlowDials::new(),
            early: EarlyTurns::NEW,
            fallback: Fallback::NEW,
            starvation: Starvation::NONE,
            next_feeler: None,
            next_churn: None,
            outage: Outage::new(now),
            families: Families::NEW,
            rests: AddressRests::new(),
            reunion: Reunion::new(),
            revalidation: Revalidation::NEW,
            eviction: Eviction::new(hasher),
            anchors: 0,
            lookups: Lookups::NEW,
            waits: Waits::new(),
            before_dynamic: None,
        }
    }
}

impl<I: NodeId, A: Address> Policy<I, A> for Balanced<A> {
    fn settle(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let due = facts.leave(node);
        self.place(facts, node, due);
    }

    /// Who is on the list anew may be resolved at once, and a new address dialed at once: what the old ones were blamed for
    /// is not held against it.
    fn static_added(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, moved: bool) {
        self.end_revalidation(facts, node);
        let unresolved = facts.nodes.get(node).is_some_and(|record| record.notes.cause == Cause::Resolve);
        if unresolved || moved {
            self.cool(facts, node, None, Cause::None);
        } else {
            self.settle(facts, node);
        }
    }

    /// An attempt to reach it is given up, and what was held against it is forgotten, so that adding it again makes it
    /// eligible at once.
    fn static_removed(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, was_static: bool) {
        if !was_static {
            return;
        }
        let attempt = facts.nodes.get(node).and_then(|record| record.attempt());
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.failures = 0;
        }
        self.cool(facts, node, None, Cause::None);
        let of = attempt.and_then(|attempt| facts.attempts.get(attempt));
        if let Some(attempt) = attempt.filter(|_| of.is_some_and(|of| of.kind() == DialKind::Static)) {
            self.cancel(facts, attempt);
        }
    }

    fn discovered(
        &mut self,
        facts: &mut Facts<I, A>,
        node: Node<I, A>,
        source: Source,
        vouched: bool,
    ) -> bool {
        self.hear_of(facts, node, source, vouched)
    }

    fn forgotten(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        self.forget(facts, node);
    }

    fn restored(&mut self, facts: &mut Facts<I, A>, known: KnownNode<I, A>) {
        self.take_back(facts, known);
    }

    fn found(&mut self, facts: &mut Facts<I, A>, nodes: Vec<Node<I, A>>) {
        self.after_lookup(facts, nodes);
    }

    fn lookup_overdue(&mut self) {
        self.lookups.ended(false);
    }

    fn connected(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, kind: PeerKind, addr: Option<&A>) {
        self.after_connect(facts, node, kind, addr);
    }

    fn second(&self, facts: &Facts<I, A>, node: NodeSlot, first: PeerKind, second: PeerKind) -> Second {
        Self::of_two(facts, node, first, second)
    }

    fn session_ended(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, reason: RemovalReason) {
        self.after_session(facts, peer, reason);
    }

    fn dial_answered(
        &mut self,
        facts: &mut Facts<I, A>,
        attempt: AttemptSlot,
        outcome: DialOutcome,
        tried: &[AddrOutcome<A>],
    ) -> bool {
        self.learn(facts, attempt, outcome, tried);
        self.note_families(facts, attempt, outcome, tried);
        let again =
            may_have_moved(outcome) && !self.outage.is_suspected() && facts.may_resolve_again(attempt);
        if again {
            self.slow.remove(attempt);
        }
        again
    }

    /// go-ethereum dials whatever a resolve brings; here the rules hold for it too. A known node without an address keeps
    /// the one that was found. A static node is dialed there first from now on, and then where the operator said.
    fn resolved(&mut self, facts: &mut Facts<I, A>, attempt: AttemptSlot, addrs: Addrs<A>) -> Addrs<A> {
        let addrs = facts.allowed(addrs.as_slice());
        if addrs.is_empty() {
            return addrs;
        }
        let node = facts.attempts.get(attempt).map(Attempt::node);
        if let Some(node) = node.filter(|_| facts.attempts.revalidations().contains(attempt)) {
            self.hear_again(facts, node, addrs.clone(), false);
            return addrs;
        }
        if let Some(given) = facts.given(attempt) {
            facts.relocate(attempt, addrs.merged(given, facts.config.max_addrs as usize, 1));
        }
        let found = node.filter(|node| {
            let record = facts.nodes.get(*node);
            record.is_some_and(|record| record.is_known() && facts.discovered(record).is_empty())
        });
        if let Some(node) = found {
            facts.set_discovered(node, addrs.clone());
        }
        addrs
    }

    fn attempt_ended(
        &mut self,
        facts: &mut Facts<I, A>,
        slot: AttemptSlot,
        attempt: &Attempt<A>,
        ended: Ended,
    ) {
        self.slow.remove(slot);
        if matches!(ended, Ended::Dial(outcome) if left_host(outcome)) {
            if let Some(notes) = facts.nodes.notes_mut(attempt.node()) {
                notes.slow = false;
            }
        }
        self.after_attempt(facts, attempt, ended);
    }

    /// A moot attempt makes nobody rest. What was left of a cooldown when an operator asked for the dial is still left.
    fn attempt_lost(&mut self, _facts: &mut Facts<I, A>, _node: NodeSlot) {}

    fn session_lost(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, anchor: bool) {
        self.after_restart(facts, peer, anchor);
    }

    /// Transport failures say nothing any more, and what is under way on the old network is given up. Changes in quick
    /// succession are one: what has begun since the first of them goes on.
    fn network_changed(&mut self, facts: &mut Facts<I, A>) {
        if !self.outage.changes(facts.now, &facts.config.outage) {
            return;
        }
        self.paces.drain(&facts.config.pace, facts.now);
        for budget in Budget::ALL {
            while let Some(attempt) = facts.attempts.of_budget(budget).last() {
                self.cancel(facts, attempt);
            }
        }
        while let Some(attempt) = facts.attempts.revalidations().last() {
            self.cancel(facts, attempt);
        }
        self.reunion.start_over();
        if self.outage.start_over(facts.now, facts.nodes.slots()) {
            facts.notify(Notice::Online);
        }
    }

    /// Slots that are left free say nothing of the candidates, having no peer is no reason for a bootnode, and feelers and churn
    /// have their time anew.
    fn paused(&mut self) {
        self.starvation.end();
        self.fallback.paused();
        (self.next_feeler, self.next_churn) = (None, None);
        self.waits.clear();
    }

    /// What follows is paced from nothing.
    fn time_jumped(&mut self, facts: &Facts<I, A>) {
        self.paces.drain(&facts.config.pace, facts.now);
    }

    fn time_passed(&mut self, facts: &mut Facts<I, A>) {
        self.end_idle(facts);
    }

    fn disconnects_restricted(&self) -> bool {
        true
    }

    fn mixes_sources(&self) -> bool {
        false
    }

    /// A static node of which the operator has no address is dialed where it was discovered to be.
    fn subject<'a>(
        &self,
        facts: &'a Facts<I, A>,
        node: NodeSlot,
        kind: DialKind,
    ) -> Option<Subject<'a, I, A>> {
        let mut subject = Subject::of_node(facts, node, kind)?;
        if let Some((_, record)) = subject.node.filter(|_| subject.addrs.is_empty()) {
            subject.addrs = facts.discovered(record).as_slice();
        }
        Some(subject)
    }

    fn check(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        facts.check_identity(subject, visit)?;
        facts.check_addrs(subject, visit)?;
        if subject.kind != DialKind::Requested {
            facts.check_cooldown(subject, visit)?;
        }
        facts.check_resolvable(subject, visit)?;
        facts.check_family(subject, |addr| self.families.down_until(addr, facts.now), visit)?;
        facts.check_room(subject, visit)
    }

    /// Of several addresses those that do not rest, and those in a family that leads somewhere, unless none is.
    fn grant(&self, facts: &Facts<I, A>, subject: &Subject<'_, I, A>) -> Permit<I, A> {
        let mut permit = facts.grant(subject);
        if permit.addrs.len() > 1 {
            if let Some(node) = permit.node {
                permit.addrs.prefer(|addr| self.rests.until(node, addr, facts.now).is_none());
            }
            if facts.config.family_health {
                permit.addrs.prefer(|addr| self.families.down_until(addr, facts.now).is_none());
            }
        }
        permit
    }

    fn start(&mut self, _facts: &mut Facts<I, A>) {
        self.before_dynamic = None;
    }

    fn next(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Step {
        self.next_step(facts, rng).unwrap_or(Step::Wait)
    }

    fn free_slots(&self, facts: &Facts<I, A>) -> u32 {
        self.missing(facts)
    }

    fn has_slot(&self, facts: &Facts<I, A>, kind: DialKind) -> bool {
        match Budget::of(kind) {
            Budget::Static => Self::has_static_slot(facts),
            Budget::Dynamic => self.has_dynamic_slot(facts),
            Budget::Feeler => !Self::is_feeler_slot_taken(facts),
        }
    }

    fn slow_dials(&self) -> u32 {
        self.slow.released()
    }

    fn waits(&self) -> &Waits {
        &self.waits
    }

    /// A cooldown may be cut short where there is nobody else, and a slot is filled against the limits of subnets.
    fn gone_by(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        refusal: &Refusal,
    ) -> Option<Timestamp> {
        let by_itself = facts.gone_by(subject, refusal);
        if matches!(refusal, Refusal::SubnetFull { .. }) {
            return self.relaxed_from(facts).into_iter().chain(by_itself).min();
        }
        let cooling = matches!(refusal, Refusal::Cooling { .. } | Refusal::ResolveDelay { .. });
        let early = if cooling { self.early_from(facts, subject) } else { None };
        by_itself.map(|until| early.map_or(until, |early| early.min(until)))
    }

    fn failures(&self, record: &Record<A>) -> u32 {
        let (_, failed) = record.last();
        let pardoned = self.outage.is_stale(&record.notes) && self.outage.pardons_since(failed);
        if pardoned { 0 } else { u32::from(record.notes.failures) }
    }

    fn is_offline(&self) -> bool {
        self.outage.is_suspected()
    }

    fn ready(&self, facts: &Facts<I, A>) -> u32 {
        Class::ALL.into_iter().map(|class| facts.waiting.ready(class)).fold(0, u32::saturating_add)
    }

    fn good(&self) -> u32 {
        self.eviction.good()
    }

    fn bound(&self, counts: &Counts) -> u64 {
        bytes::sum(&[
            SlowDials::bound(counts.attempts),
            Reunion::bound(),
            Eviction::bound(counts.known, counts.good, counts.nodes),
            counts
                .known
                .saturating_add(counts.statics)
                .saturating_mul(AddressRests::<A>::bound(counts.addrs)),
        ])
    }

    fn verify(&self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        let is_good = |node: NodeSlot| facts.nodes.get(node).is_some_and(|r| r.notes.good && r.is_known());
        let source =
            |node: NodeSlot| facts.nodes.get(node).filter(|r| !r.notes.good).and_then(Record::source);
        let good = facts.nodes.iter().filter(|(slot, _)| is_good(*slot)).count() as u32;
        let others = facts.nodes.known().saturating_sub(good);
        self.eviction.verify(good, others, is_good, source)?;
        let mut rests = self.rests.nodes();
        if !rests.all(|node| facts.nodes.get(node).is_some()) {
            return Err("rests of nodes that are gone");
        }
        let unmet = |slot| facts.attempts.unmet_of(Budget::Dynamic).any(|of| of == slot);
        let dials = |slot| facts.attempts.get(slot).is_some_and(|of| of.stage() == Stage::Dialing);
        if !self.slow.verify(|slot| unmet(slot) && dials(slot)) {
            return Err("dials that are slow");
        }
        if !self.reunion.verify(|node| facts.nodes.get(node).is_some()) {
            return Err("peers that were lost together");
        }
        if self.outage.unreviewed() > facts.nodes.slots() {
            return Err("the nodes to be pardoned");
        }
        Ok(())
    }

    #[cfg(feature = "serde")]
    fn reindex(&mut self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        if !self.eviction.reindex(facts.hasher(), facts.nodes.slots()) {
            return Err("the groups of known nodes");
        }
        if self.slow.reindex(facts.attempts.slots()) { Ok(()) } else { Err("dials that are slow") }
    }
}
