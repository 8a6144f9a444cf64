//! What follows from a connection that came up, and from a second one with the same node.

use super::Balanced;
use crate::address::Address;
use crate::command::{DialKind, DisconnectReason, Side};
use crate::event::PeerKind;
use crate::facts::Facts;
use crate::facts::slots::NodeSlot;
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
        self.end_revalidation(facts, node);
        if let Some(attempt) = facts.nodes.get(node).and_then(|record| record.attempt()) {
            self.slow.remove(attempt);
        }
        if kind == PeerKind::Inbound {
            self.yield_to_inbound(facts, node);
            return self.settle(facts, node);
        }
        self.settle(facts, node);
        self.met_again(facts, node);
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
}
