//! What a node's attempts and sessions mean for it: failures, cooldowns, and whether it is good.

use core::time::Duration;

use super::Balanced;
use crate::address::Address;
use crate::backoff::{self, Cause, Class};
use crate::command::DialKind;
use crate::event::{AddrOutcome, DialOutcome, RemovalReason};
use crate::facts::Facts;
use crate::facts::attempts::{Attempt, Ended};
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::facts::waiting::Due;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::plan::policy::Policy;
use crate::time::nanos;

impl<A: Address> Balanced<A> {
    /// Draws the consequences of an attempt that has ended.
    pub(super) fn after_attempt<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        attempt: &Attempt<A>,
        ended: Ended,
    ) {
        let node = attempt.node();
        if ended != Ended::Dial(DialOutcome::LocalError) && Self::is_outdated(facts, attempt) {
            return self.cool(facts, node, None, Cause::None);
        }
        match ended {
            Ended::Moot => self.settle(facts, node),
            // The dial before that resolve is what failed.
            Ended::Unresolved if attempt.is_second() => self.charge_failure(facts, attempt, Class::Short),
            Ended::Unresolved => self.charge_unresolved(facts, node),
            Ended::Overdue => self.charge_failure(facts, attempt, Class::Short),
            Ended::Dial(DialOutcome::LocalError) => {
                self.outage.local_error(facts.now, &facts.config.backoff);
                self.settle(facts, node);
            }
            Ended::Dial(outcome) => match Class::of_dial(outcome) {
                Class::Uncharged => self.settle(facts, node),
                Class::Success => {
                    self.succeeded(facts);
                    self.promote(facts, node);
                    self.after_success(facts, node);
                }
                class @ (Class::Short | Class::Medium | Class::Long) => {
                    if backoff::proves_network(outcome) {
                        self.succeeded(facts);
                    }
                    self.charge_failure(facts, attempt, class);
                }
            },
        }
    }

    /// Somebody answered, or connected to us: the network works.
    pub(super) fn succeeded<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        if self.outage.succeeded(facts.now) {
            facts.notify(Notice::Online);
        }
    }

    /// Whether a static node was added anew, with a new address, since an attempt began: how it ends says nothing of
    /// that address.
    fn is_outdated<I: NodeId>(facts: &Facts<I, A>, attempt: &Attempt<A>) -> bool {
        let record = facts
            .nodes
            .get(attempt.node())
            .filter(|record| attempt.is_replaced() && record.peer().is_none() && record.is_static());
        let tried = |addr: &A| attempt.addrs().as_slice().contains(addr);
        record.is_some_and(|record| !record.addrs().iter().all(tried))
    }

    fn charge_failure<I: NodeId>(&mut self, facts: &mut Facts<I, A>, attempt: &Attempt<A>, class: Class) {
        let node = attempt.node();
        if class == Class::Short && !self.counts_failure(facts, attempt) {
            // The network of this host is down, as it seems, or was: nobody is charged.
            self.settle(facts, node);
        } else if self.rests.tell_apart(node) {
            self.charge_addresses(facts, node, class);
        } else {
            self.charge(facts, node, class);
        }
    }

    /// An attempt has failed in the transport. Returns whether its node is to be charged: not while the network seems to
    /// be down.
    fn counts_failure<I: NodeId>(&mut self, facts: &mut Facts<I, A>, attempt: &Attempt<A>) -> bool {
        if !self.outage.counts(attempt.began()) {
            return false;
        }
        let failed = self.outage.failed(attempt.addrs(), facts.now, &facts.config.outage);
        if failed && facts.peers.is_empty() {
            let since = self.outage.last_success();
            self.outage.suspect(facts.now, &facts.config.outage, facts.nodes.slots());
            facts.notify(Notice::OfflineSuspected { since });
        }
        !self.outage.is_suspected()
    }

    /// Some addresses of a node have failed apart from others: it is blocked as long as all of them rest.
    fn charge_addresses<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, class: Class) {
        let Some(subject) = self.subject(facts, node, DialKind::Requested) else { return };
        let until = self.rests.all_until(node, subject.addrs, facts.now);
        if let Some(notes) = facts.nodes.notes_mut(node).filter(|_| until.is_some()) {
            notes.failures = notes.failures.saturating_add(1);
        }
        self.note_worn(facts, node);
        let due = until.map(|until| Self::due(facts, node, until));
        self.cool(facts, node, due, class.cause());
    }

    /// One more failure in a row, and the delay that goes with it.
    fn charge<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, class: Class) {
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.failures = notes.failures.saturating_add(1);
        }
        self.delay(facts, node, class);
    }

    /// The delay of a node as its failures stand; at least that of a first failure.
    fn delay<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, class: Class) {
        let Some(record) = facts.nodes.get(node) else { return };
        let failures = u32::from(record.notes.failures).max(1);
        let delay = match record.is_static() {
            true => backoff::fixed(&facts.config.backoff, failures),
            false => backoff::known(&facts.config.backoff, class, failures),
        };
        let until = Self::spread(facts, node, delay);
        self.note_worn(facts, node);
        self.cool(facts, node, Some(until), class.cause());
    }

    /// Now plus a delay, spread by the node's own jitter.
    pub(super) fn spread<I: NodeId>(facts: &Facts<I, A>, node: NodeSlot, delay: u64) -> Due {
        let bits = facts.jitter_of(node);
        let spread = backoff::spread(delay, facts.config.backoff.jitter_percent, bits);
        Due { at: facts.now.saturating_add(Duration::from_nanos(spread)), tie: bits as u32 }
    }

    /// No address was found: a static node waits for its resolve delay, another one for a delay of the same kind.
    fn charge_unresolved<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let Some(notes) = facts.nodes.notes_mut(node) else { return };
        notes.failures = notes.failures.saturating_add(1);
        let failures = u32::from(notes.failures);
        let until = match facts.resolve_delay(node) {
            // Added again meanwhile it may be resolved at once, and waits from now on like any other.
            Some(delay) => Self::due(facts, node, delay.next.max(facts.now)),
            None => {
                let resolves = &facts.config.resolves;
                let delay = backoff::doubled(nanos(resolves.delay), failures, nanos(resolves.delay_max));
                Self::spread(facts, node, delay)
            }
        };
        self.note_worn(facts, node);
        self.cool(facts, node, Some(until), Cause::Resolve);
    }

    /// After a dial that succeeded: the peer stands for the node. If there is none, it has come and gone, or the
    /// driver has not told of it: the node rests, lest it be dialed in a circle.
    fn after_success<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        if facts.nodes.get(node).is_some_and(|record| record.peer().is_some()) {
            self.settle(facts, node);
        } else {
            self.delay(facts, node, Class::Short);
        }
    }

    /// Draws the consequences of a session that has ended.
    pub(super) fn after_session<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        peer: &Peer<A>,
        reason: RemovalReason,
    ) {
        let node = peer.node();
        let class = Class::of_removal(reason);
        let length = facts.now.saturating_since(peer.since());
        let stable = length >= facts.config.backoff.stable_session;
        let blamed = matches!(class, Class::Medium | Class::Long);
        let judged = peer.is_outbound() || blamed;
        if judged {
            // What was pardoned while it was connected counts no more.
            self.pardon(facts, node);
        }
        facts.remember_session(node, reason);
        if !judged {
            return self.settle(facts, node);
        }
        if let Some(notes) = facts.nodes.notes_mut(node).filter(|_| stable) {
            notes.failures = 0;
        }
        if blamed || (class == Class::Short && !stable) {
            self.charge(facts, node, class);
        } else {
            self.delay(facts, node, class);
        }
    }

    /// Takes in how a dial went for each address. Nodes with one address have nothing to tell apart.
    pub(super) fn learn<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        attempt: AttemptSlot,
        outcome: DialOutcome,
        tried: &[AddrOutcome<A>],
    ) {
        let Some(of) = facts.attempts.get(attempt).filter(|of| of.addrs().len() > 1) else { return };
        if self.outage.is_suspected() {
            return;
        }
        let node = of.node();
        let partly = tried.len() < of.addrs().len() || tried.iter().any(|tried| tried.outcome != outcome);
        if partly && !tried.is_empty() {
            self.rests.learn(node, of.addrs(), tried, &facts.config.backoff, facts.now);
        }
        if let Some(good) = tried.iter().find(|tried| tried.outcome == DialOutcome::Connected) {
            facts.prefer(node, &good.addr);
        }
    }

    /// Takes in whether the address family of an attempt works.
    pub(super) fn note_family<I: NodeId>(
        &mut self,
        facts: &Facts<I, A>,
        attempt: AttemptSlot,
        outcome: DialOutcome,
    ) {
        let charged = !matches!(outcome, DialOutcome::LocalError | DialOutcome::Cancelled);
        if !facts.config.family_health || !charged || self.outage.is_suspected() {
            return;
        }
        let addr = facts.attempts.get(attempt).and_then(|of| of.addrs().first());
        if let Some(ip) = addr.and_then(Address::ip_addr) {
            self.families.note(ip, backoff::proves_network(outcome));
        }
    }
}
