//! A restart of the program: all that was under way, and all connections, are gone, and nobody is to blame.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Dialer;
use crate::address::Address;
use crate::facts::attempt::Attempt;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::node::NodeId;
use crate::plan::policy::Policy;

impl<I: NodeId, A: Address, R: Rng> Dialer<I, A, R> {
    /// Ends all tasks, handshakes and sessions. The driver that was told of them is gone, so it is owed nothing.
    pub(super) fn restarted(&mut self) {
        let anchors: Vec<NodeSlot> = self.anchors().into_iter().map(|(_, node)| node).collect();
        self.end_tasks();
        while let Some(node) = self.facts.end_first_handshake() {
            self.plan.handshake_ended(&mut self.facts, node);
        }
        let connected: Vec<NodeSlot> = self.facts.peers.iter().map(|(_, peer)| Peer::node(peer)).collect();
        for node in connected {
            if let Some(peer) = self.facts.disconnect(node) {
                self.plan.session_lost(&mut self.facts, &peer, anchors.contains(&node));
            }
        }
    }

    /// Ends all attempts and the lookup in flight. A lookup that was decided on still goes out.
    fn end_tasks(&mut self) {
        let attempts = self.facts.attempts.iter().map(|(attempt, of)| (attempt, Attempt::node(of)));
        let attempts: Vec<(AttemptSlot, NodeSlot)> = attempts.collect();
        for (attempt, node) in attempts {
            self.plan.cancel(&mut self.facts, attempt);
            self.plan.attempt_lost(&mut self.facts, node);
        }
        if self.facts.lookup.running().is_some() {
            self.facts.give_up_lookup();
        }
        self.facts.forget_cancels();
    }
}
