//! Slots: how many dynamic ones are free, what ends when more are taken than the target says, and the one of feelers.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::Balanced;
use super::reunion::is_reunited;
use crate::address::Address;
use crate::command::{DisconnectReason, WakeReason};
use crate::facts::Facts;
use crate::facts::attempt::Attempt;
use crate::facts::budget::Budget;
use crate::facts::peers::Peer;
use crate::facts::slots::AttemptSlot;
use crate::node::NodeId;
use crate::plan::policy::Policy;

impl<A: Address> Balanced<A> {
    /// How many dynamic slots neither a peer nor a dial holds; a node that is both counts once. Slow dials hold none.
    pub(super) fn missing<I: NodeId>(&self, facts: &Facts<I, A>) -> u32 {
        let taken = facts.taken_slots().saturating_sub(self.slow.released());
        facts.config.dynamic_target.saturating_sub(taken)
    }

    /// Whether one more attempt to a static node, or a requested one, may begin.
    pub(super) fn has_static_slot<I: NodeId>(facts: &Facts<I, A>) -> bool {
        facts.attempts.active(Budget::Static) < facts.config.pace.static_active
    }

    /// Whether one more dynamic attempt may begin.
    pub(super) fn has_dynamic_slot<I: NodeId>(&self, facts: &Facts<I, A>) -> bool {
        facts.attempts.active(Budget::Dynamic) < facts.config.max_active_dials && self.missing(facts) > 0
    }

    /// Whether the one slot that feelers and reunions share is taken.
    pub(super) fn is_feeler_slot_taken<I: NodeId>(facts: &Facts<I, A>) -> bool {
        facts.attempts.active(Budget::Feeler) > 0 || facts.peers.outbound(Budget::Feeler) > 0
    }

    /// If peers are missing and only dials under way keep the slots, the next one of these that becomes slow frees one.
    pub(super) fn wait_for_slot<I: NodeId>(&mut self, facts: &Facts<I, A>) {
        let active = facts.attempts.active(Budget::Dynamic) < facts.config.max_active_dials;
        let missing = facts.peers.outbound(Budget::Dynamic) < facts.config.dynamic_target;
        if let Some(at) = self.slow.next_release().filter(|at| active && missing && *at > facts.now) {
            self.waits.add(WakeReason::Redial, at);
        }
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
        let full = peers >= target;
        if (full || held > target) && facts.attempts.unmet(Budget::Dynamic) > 0 {
            self.trim_attempts(facts, (!full).then_some(held.saturating_sub(target)));
        }
    }

    /// Cancels dials to nodes that are not connected, the newest first: so many of those that hold a slot, or all.
    #[cold]
    fn trim_attempts<I: NodeId>(&mut self, facts: &mut Facts<I, A>, surplus: Option<u32>) {
        let unmet = facts.attempts.unmet_of(Budget::Dynamic);
        let chosen = unmet.filter(|attempt| surplus.is_none() || !self.slow.is_released(*attempt));
        let mut newest: Vec<AttemptSlot> = chosen.collect();
        newest.reverse();
        newest.sort_by_key(|attempt| Reverse(facts.attempts.get(*attempt).map(Attempt::began)));
        if let Some(surplus) = surplus {
            newest.truncate(surplus as usize);
        }
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
