//! What a node's attempts and sessions mean for it: failures, cooldowns, and whether it is good.

use super::Balanced;
use crate::address::Address;
use crate::backoff::{self, Cause, DelayClass};
use crate::command::DialKind;
use crate::event::{DialOutcome, RemovalReason};
use crate::facts::Facts;
use crate::facts::attempt::{Attempt, Ended};
use crate::facts::peers::Peer;
use crate::facts::slots::NodeSlot;
use crate::facts::waiting::Due;
use crate::network::is_local;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::plan::policy::Policy;
use crate::time::nanos;

/// A session that is shorter than this part of a stable one counts as a failure (a guess: 60 s of 10 min).
const FLAP: u32 = 10;

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
        if matches!(ended, Ended::Dial(outcome) if backoff::left_host(outcome)) {
            self.outage.left_host(facts.now);
        }
        match ended {
            Ended::Moot => self.settle(facts, node),
            Ended::Found => self.is_there(facts, node),
            Ended::Unresolved if attempt.is_revalidation() => self.is_gone(facts, attempt),
            // The dial before that resolve is what failed.
            Ended::Unresolved if attempt.is_second() => self.charge_transport(facts, attempt),
            Ended::Unresolved => self.charge_unresolved(facts, node),
            Ended::Overdue => {
                // Which address hangs is not known: the next dial begins with another one.
                facts.rotate(node);
                self.learn_of_all(facts, node, attempt.addrs(), DialOutcome::TimedOut);
                self.charge_transport(facts, attempt);
            }
            Ended::Dial(DialOutcome::LocalError) => {
                self.outage.local_error(attempt.began(), facts.now, &facts.config.backoff);
                self.settle(facts, node);
            }
            Ended::Dial(DialOutcome::Connected) => {
                self.succeeded(facts, attempt.addrs());
                self.promote(facts, node);
                self.after_success(facts, node);
            }
            Ended::Dial(outcome) => match DelayClass::of_dial(outcome) {
                DelayClass::Short => self.charge_transport(facts, attempt),
                DelayClass::Success | DelayClass::Uncharged => self.settle(facts, node),
                class @ (DelayClass::Medium | DelayClass::Long) => {
                    if backoff::proves_network(outcome) {
                        self.succeeded(facts, attempt.addrs());
                    } else {
                        self.suspect(facts, attempt);
                    }
                    self.charge_failure(facts, node, class, Cause::of_dial(outcome));
                }
            },
        }
    }

    /// A node has answered, or connected to us: the network works, unless the node is in a private one.
    pub(super) fn succeeded<'a, I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        addrs: impl IntoIterator<Item = &'a A>,
    ) where
        A: 'a,
    {
        let local = |addr: &A| addr.ip_addr().is_some_and(is_local);
        let mut addrs = addrs.into_iter().peekable();
        let private = addrs.peek().is_some() && addrs.all(local);
        if !private && self.outage.succeeded(facts.now, facts.nodes.slots()) {
            facts.notify(Notice::Online);
        }
    }

    /// An answer has shown that the network works, and that it has worked all the time.
    pub(super) fn was_up<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        if self.outage.was_up() {
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

    /// The transport has failed: the node is charged, unless the attempt began before the network came back.
    fn charge_transport<I: NodeId>(&mut self, facts: &mut Facts<I, A>, attempt: &Attempt<A>) {
        if !self.outage.counts(attempt.began()) {
            return self.settle(facts, attempt.node());
        }
        self.suspect(facts, attempt);
        self.failed_in_vain(facts, attempt.node());
        self.charge_failure(facts, attempt.node(), DelayClass::Short, Cause::Transport);
    }

    /// A slow dial was given up, since others were faster: as things are, the node is one that does not answer.
    pub(super) fn gave_up<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        if facts.nodes.get(node).is_some_and(|record| !record.is_busy()) {
            self.failed_in_vain(facts, node);
            self.charge_failure(facts, node, DelayClass::Short, Cause::Transport);
        }
    }

    /// Takes in that an attempt has found no node of the network. If that is so of all for a while, and no peer in a public
    /// network is connected, the network seems to be down.
    fn suspect<I: NodeId>(&mut self, facts: &mut Facts<I, A>, attempt: &Attempt<A>) {
        if attempt.kind() == DialKind::Reunion {
            // While the network is split none of them connects.
            return;
        }
        if self.outage.failed(attempt.addrs(), facts.now, &facts.config.outage) && !facts.has_public_peer() {
            self.go_offline(facts);
        }
    }

    #[cold]
    fn go_offline<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        let since = self.outage.last_success();
        self.outage.suspect(facts.now, &facts.config.outage);
        facts.notify(Notice::OfflineSuspected { since });
    }

    fn charge_failure<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: NodeSlot,
        class: DelayClass,
        cause: Cause,
    ) {
        // What a node has said itself holds at all its addresses.
        if self.rests.tell_apart(node) && cause != Cause::Protocol {
            self.charge_addresses(facts, node, cause);
        } else {
            if let Some(notes) = facts.nodes.notes_mut(node) {
                notes.proven = false;
            }
            self.charge(facts, node, class, cause);
        }
    }

    /// One more failure in a row, and the delay that goes with it.
    pub(super) fn charge<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: NodeSlot,
        class: DelayClass,
        cause: Cause,
    ) {
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.failures = notes.failures.saturating_add(1);
        }
        self.delay(facts, node, class, cause);
    }

    /// The delay of a node as its failures stand; at least that of a first failure.
    fn delay<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, class: DelayClass, cause: Cause) {
        let Some(record) = facts.nodes.get(node) else { return };
        let failures = u32::from(record.notes.failures).max(1);
        let delay = match record.is_static() {
            true => backoff::fixed(&facts.config.backoff, failures),
            false => backoff::known(&facts.config.backoff, class, failures),
        };
        let until = Self::spread(facts, node, delay);
        self.note_worn(facts, node);
        self.cool(facts, node, Some(until), cause);
    }

    /// Now plus a delay, spread by the node's own jitter.
    pub(super) fn spread<I: NodeId>(facts: &Facts<I, A>, node: NodeSlot, delay: u64) -> Due {
        let bits = facts.jitter_of(node);
        let spread = backoff::spread(delay, facts.config.backoff.jitter_percent, bits);
        Due { at: facts.now.plus_nanos(spread), tie: bits as u32 }
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
            self.delay(facts, node, DelayClass::Short, Cause::Transport);
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
        self.note_loss(facts, peer, reason);
        let class = DelayClass::of_removal(reason);
        let length = facts.now.saturating_since(peer.since());
        let stable = length >= facts.config.backoff.stable_session;
        let flap = length.saturating_mul(FLAP) < facts.config.backoff.stable_session;
        let blamed = matches!(class, DelayClass::Medium | DelayClass::Long);
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
        // A dynamic node that leaves is seldom back soon: it does not count as good until it is heard of, or answers.
        let fixed = facts.is_static(node);
        if blamed || (class == DelayClass::Short && (flap || !fixed)) {
            self.charge(facts, node, class, Cause::of_removal(reason));
        } else {
            self.delay(facts, node, class, Cause::of_removal(reason));
        }
    }

    /// A session has ended with a restart of the program. Whoever was dialed is good, and may be dialed at once; whoever has
    /// dialed us waits for as long as before.
    pub(super) fn after_restart<I: NodeId>(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, anchor: bool) {
        let node = peer.node();
        let outbound = peer.is_outbound();
        if outbound {
            self.pardon(facts, node);
        }
        facts.remember_session(node, RemovalReason::Local);
        if !outbound {
            return self.settle(facts, node);
        }
        let stable = facts.now.saturating_since(peer.since()) >= facts.config.backoff.stable_session;
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.anchor = anchor && notes.good;
            self.anchors = self.anchors.saturating_add(u32::from(notes.anchor));
            if stable {
                notes.failures = 0;
            }
        }
        self.note_worn(facts, node);
        self.cool(facts, node, None, Cause::None);
    }
}
