//! What follows from a connection that came up, from a second one with the same node, and from a target that is reached.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::Balanced;
use super::reunion::is_reunited;
use crate::address::Address;
use crate::command::{DialKind, DisconnectReason, Side};
use crate::event::PeerKind;
use crate::facts::Facts;
use crate::facts::attempts::Attempt;
use crate::facts::budget::Budget;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::node::NodeId;
use crate::plan::policy::{Policy, Second};

impl<A: Address> Balanced<A> {
    /// If both sides have dialed, the connection goes that the node with the larger id dialed, so that both sides choose
    /// the same one.
    pub(super) fn of_two<I: NodeId>(
        facts: &Facts<I, A>,
        node: NodeSlot,
        first: PeerKind,
        second: PeerKind,
    ) -> Second {
        if first == second {
            return Second::Ignored;
        }
        if (first == PeerKind::Inbound) == (second == PeerKind::Inbound) {
            return Second::Replaces;
        }
        let keeps_inbound = facts.nodes.key(node).is_some_and(|id| id < facts.me);
        Second::Closes(if keeps_inbound { Side::Outbound } else { Side::Inbound })
    }

    /// A node is connected.
    pub(super) fn after_connect<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: NodeSlot,
        kind: PeerKind,
        addr: Option<&A>,
    ) {
        let peer = facts.nodes.get(node).and_then(|record| record.peer());
        let connected = addr.or_else(|| facts.peers.get(peer?)?.addr()).cloned();
        self.succeeded(facts, &connected);
        self.reunion.forget(node);
        if let Some(attempt) = facts.nodes.get(node).and_then(|record| record.attempt()) {
            self.slow.remove(attempt);
        }
        if kind == PeerKind::Inbound {
            self.yield_to_inbound(facts, node);
            return self.settle(facts, node);
        }
        self.settle(facts, node);
        self.promote(facts, node);
        if let Some(addr) = &connected {
            self.prove(facts, node, addr);
        }
        // A feeler has done all that it was for.
        let stays = peer.filter(|peer| facts.peers.get(*peer).is_some_and(|of| of.kind() == kind));
        if let Some(peer) = stays.filter(|_| kind == PeerKind::Outbound(DialKind::Feeler)) {
            facts.peers.dismiss(peer, DisconnectReason::FeelerDone);
        }
    }

    /// If both sides dial at the same moment, the connection dialed by the smaller id stays: the larger one gives
    /// its own dial up as soon as the other's connection is there.
    fn yield_to_inbound<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let Some((id, record)) = facts.nodes.entry(node) else { return };
        if let Some(attempt) = record.attempt().filter(|_| *id < facts.me) {
            self.cancel(facts, attempt);
        }
    }

    /// How many dynamic slots neither a peer nor a dial holds; a node that is both counts once. Slow dials hold none.
    pub(super) fn missing<I: NodeId>(&self, facts: &Facts<I, A>) -> u32 {
        let taken = facts.taken_slots().saturating_sub(self.slow.released());
        facts.config.dynamic_target.saturating_sub(taken)
    }

    /// Whether one more dynamic attempt may begin.
    pub(super) fn has_slot<I: NodeId>(&self, facts: &Facts<I, A>) -> bool {
        facts.attempts.active(Budget::Dynamic) < facts.config.max_active_dials && self.missing(facts) > 0
    }

    /// Keeps the target: once it is reached, what is still under way is cancelled, and a surplus that has connected all the
    /// same is disconnected, the newest first. Dials above a lowered target are cancelled, the newest first.
    pub(super) fn trim<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        let target = facts.config.dynamic_target;
        let peers = facts.peers.outbound(Budget::Dynamic);
        if peers > target {
            self.trim_peers(facts, target);
        }
        let held = facts.taken_slots().saturating_sub(self.slow.released());
        if peers < target && held <= target || facts.attempts.unmet(Budget::Dynamic) == 0 {
            return;
        }
        let spare = if peers < target { held.saturating_sub(target) } else { u32::MAX };
        let unmet = facts.attempts.unmet_of(Budget::Dynamic);
        let holding = unmet.filter(|attempt| spare == u32::MAX || !self.slow.is_released(*attempt));
        let mut newest: Vec<AttemptSlot> = holding.collect();
        newest.reverse();
        newest.sort_by_key(|attempt| Reverse(facts.attempts.get(*attempt).map(Attempt::began)));
        newest.truncate(spare as usize);
        for attempt in newest {
            // One that began before the network came back says nothing of its node.
            let slow = facts
                .attempts
                .get(attempt)
                .filter(|of| self.slow.is_slow(attempt) && self.outage.counts(of.began()));
            let slow = slow.map(Attempt::node);
            self.cancel(facts, attempt);
            if let Some(node) = slow {
                self.gave_up(facts, node);
            }
        }
    }

    /// Nodes that have become static go last, and those who were brought back after a split count as older than all others.
    fn trim_peers<I: NodeId>(&self, facts: &mut Facts<I, A>, target: u32) {
        let mut staying = Vec::new();
        for slot in facts.peers.of_budget(Budget::Dynamic).iter() {
            let peer = facts.peers.get(slot).filter(|_| !facts.peers.is_leaving(slot));
            let rank =
                |peer: &Peer<A>| (!facts.is_static(peer.node()), !is_reunited(peer.kind()), peer.since());
            staying.extend(peer.map(|peer| (rank(peer), slot)));
        }
        staying.sort_unstable();
        for (_, slot) in staying.split_off(staying.len().min(target as usize)) {
            facts.peers.dismiss(slot, DisconnectReason::OverTarget);
        }
    }
}
