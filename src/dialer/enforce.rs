//! What new rules do to what is there: peers that may not stay, attempts that may not go on, nodes that wait.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Dialer;
use super::sweep::Sweep;
use crate::address::Address;
use crate::command::DisconnectReason;
use crate::config::Config;
use crate::event::BanSubject;
use crate::facts::nodes::Record;
use crate::facts::slots::{AttemptSlot, BanSlot, PeerSlot};
use crate::node::NodeId;
use crate::plan::policy::Policy;

impl<I: NodeId, A: Address, R: Rng> Dialer<I, A, R> {
    /// Owes a disconnect to a peer that a ban or the restrict list excludes.
    pub(super) fn enforce_on_peer(&mut self, peer: PeerSlot) {
        let Some(reason) = self.facts.peers.get(peer).and_then(|of| self.facts.excludes_peer(of)) else {
            return;
        };
        if reason != DisconnectReason::Restricted || self.plan.disconnects_restricted() {
            self.facts.peers.dismiss(peer, reason);
        }
    }

    /// A ban of one id takes effect on what is there.
    pub(super) fn enforce_on(&mut self, id: &I) {
        let Some(node) = self.facts.nodes.find(id) else { return };
        let record = self.facts.nodes.get(node);
        let (peer, attempt) = (record.and_then(Record::peer), record.and_then(Record::attempt));
        if let Some(peer) = peer {
            self.enforce_on_peer(peer);
        }
        match attempt {
            Some(attempt) => self.plan.cancel(&mut self.facts, attempt),
            None => self.plan.settle(&mut self.facts, node),
        }
    }

    /// New rules take effect on all that is there: on each peer and attempt when a drain gets to it.
    pub(super) fn enforce_on_all(&mut self) {
        self.sweep = Sweep { peers: self.facts.peers.slots(), attempts: self.facts.attempts.slots() };
    }

    /// Checks one peer or attempt against new rules. Returns whether there was one to check.
    pub(super) fn enforce_next(&mut self) -> bool {
        let is_left = self.sweep != Sweep::DONE;
        if is_left {
            self.enforce_on_last();
        }
        is_left
    }

    #[cold]
    fn enforce_on_last(&mut self) {
        if let Some(peer) = self.sweep.peers.checked_sub(1) {
            self.sweep.peers = peer;
            PeerSlot::from_index(peer).into_iter().for_each(|peer| self.enforce_on_peer(peer));
            return;
        }
        self.sweep.attempts = self.sweep.attempts.saturating_sub(1);
        let Some(attempt) = AttemptSlot::from_index(self.sweep.attempts) else { return };
        let of = self.facts.attempts.get(attempt);
        if of.is_some_and(|of| !self.facts.config.dialing || self.facts.excludes_attempt(of)) {
            self.plan.cancel(&mut self.facts, attempt);
        }
    }

    /// Ends a ban: a node that waited for that is a candidate again.
    pub(super) fn lift(&mut self, ban: BanSlot) {
        match self.facts.lift(ban) {
            Some(BanSubject::Id(id)) => {
                if let Some(node) = self.facts.nodes.find(&id) {
                    self.plan.settle(&mut self.facts, node);
                }
            }
            Some(BanSubject::Network(_)) => self.facts.waiting.loosen(),
            None => {}
        }
    }

    /// Draws the consequences of a config that has taken the place of this one.
    pub(crate) fn follow(&mut self, before: &Config<I, A>) {
        let Self { facts, plan, .. } = self;
        if facts.config.bootnodes != before.bootnodes {
            // A known node has its turn later while it is a bootnode.
            let all = before.bootnodes.iter().chain(&facts.config.bootnodes);
            let known: Vec<_> = all.filter_map(|node| facts.nodes.find(&node.id)).collect();
            known.into_iter().for_each(|node| plan.settle(facts, node));
        }
        if self.facts.config.restrict != before.restrict {
            self.facts.waiting.loosen();
            self.enforce_on_all();
        }
        if before.dialing && !self.facts.config.dialing {
            self.facts.give_up_lookup();
            self.plan.paused();
            self.sweep.attempts = self.facts.attempts.slots();
        }
    }
}
