//! What follows from a connection that came up, from a second one with the same node, and from a lowered target.

use alloc::vec::Vec;

use super::Balanced;
use crate::address::Address;
use crate::command::{DialKind, DisconnectReason, Side};
use crate::event::PeerKind;
use crate::facts::Facts;
use crate::facts::budget::Budget;
use crate::facts::slots::{NodeSlot, PeerSlot};
use crate::node::NodeId;
use crate::plan::policy::{Policy, Second};
use crate::time::Timestamp;

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
        self.succeeded(facts);
        if kind == PeerKind::Inbound {
            self.yield_to_inbound(facts, node);
            return self.settle(facts, node);
        }
        self.settle(facts, node);
        self.promote(facts, node);
        if let Some(addr) = addr {
            facts.prefer(node, addr);
        }
        // A feeler has done all that it was for.
        let peer = facts.nodes.get(node).and_then(|record| record.peer());
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

    /// The dynamic target was lowered: attempts above it are cancelled, and peers are disconnected, the newest first.
    pub(super) fn shrink<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        let target = facts.config.dynamic_target;
        let mut staying: Vec<(Timestamp, PeerSlot)> = Vec::new();
        for slot in facts.peers.of_budget(Budget::Dynamic).iter() {
            let peer = facts.peers.get(slot).filter(|_| !facts.peers.is_leaving(slot));
            staying.extend(peer.map(|peer| (peer.since(), slot)));
        }
        let free = target.saturating_sub(staying.len() as u32);
        let mut attempts: Vec<_> = facts.attempts.of_budget(Budget::Dynamic).iter().collect();
        for attempt in attempts.split_off(attempts.len().min(free as usize)) {
            self.cancel(facts, attempt);
        }
        staying.sort_unstable();
        for (_, slot) in staying.split_off(staying.len().min(target as usize)) {
            facts.peers.dismiss(slot, DisconnectReason::OverTarget);
        }
    }
}
