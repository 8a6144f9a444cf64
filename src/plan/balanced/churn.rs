//! Churn, which is off by default: while all slots are filled, a peer is replaced now and then.

use rand_core::Rng;

use super::Balanced;
use crate::address::Address;
use crate::command::{DisconnectReason, WakeReason};
use crate::config::Churn;
use crate::facts::Facts;
use crate::facts::budget::Budget;
use crate::facts::slots::PeerSlot;
use crate::node::NodeId;
use crate::plan::policy::Step;
use crate::sample::{below, instant};

impl<A: Address> Balanced<A> {
    /// If all slots are filled, and have been for a while, one dynamic peer that is old enough is given up.
    pub(super) fn churn<I: NodeId>(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<Step> {
        let churn = facts.config.churn.as_ref()?;
        if facts.peers.outbound(Budget::Dynamic) < facts.config.dynamic_target.max(2) {
            self.next_churn = None;
            return None;
        }
        let at = *self.next_churn.get_or_insert_with(|| instant(rng, facts.now, churn.min, churn.max));
        if at > facts.now {
            self.waits.add(WakeReason::Churn, at);
            return None;
        }
        self.next_churn = None;
        if let Some(peer) = replaced(facts, churn, rng) {
            facts.peers.dismiss(peer, DisconnectReason::Churn);
        }
        Some(Step::Looked)
    }
}

/// A random dynamic peer, if it is old enough, and no static node.
fn replaced<I: NodeId, A: Address>(
    facts: &Facts<I, A>,
    churn: &Churn,
    rng: &mut impl Rng,
) -> Option<PeerSlot> {
    let peers = facts.peers.of_budget(Budget::Dynamic);
    let chosen = peers.get(below(rng, peers.len()))?;
    let peer = facts.peers.get(chosen)?;
    let old = facts.now.saturating_since(peer.since()) >= churn.min_age;
    let stays = facts.peers.is_leaving(chosen) || facts.is_static(peer.node());
    (old && !stays).then_some(chosen)
}
