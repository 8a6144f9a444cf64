//! Who was lost with others is noted, and dialed now and then although all slots are filled (`reunion`).

use alloc::vec::Vec;

use super::Balanced;
use super::reunion::{Lost, is_reunited};
use crate::address::Address;
use crate::command::{DialKind, WakeReason};
use crate::event::RemovalReason;
use crate::facts::Facts;
use crate::facts::attempting::Permit;
use crate::facts::budget::Budget;
use crate::facts::peers::Peer;
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::refusal::Refusal;
use crate::time::Timestamp;

impl<A: Address> Balanced<A> {
    /// A session has ended. What counts is a dynamic peer that had stayed for a while, and was not sent away. Whoever has no
    /// peer left in a public network has lost its own.
    pub(super) fn note_loss<I: NodeId>(
        &mut self,
        facts: &Facts<I, A>,
        peer: &Peer<A>,
        reason: RemovalReason,
    ) {
        if !facts.has_public_peer() {
            return self.reunion.start_over();
        }
        let stable = facts.now.saturating_since(peer.since()) >= facts.config.backoff.stable_session;
        let dynamic = peer.budget() == Some(Budget::Dynamic);
        if reason != RemovalReason::Closed || !dynamic || !stable {
            return;
        }
        let lost = Lost { node: peer.node(), at: facts.now };
        if self.reunion.lose(lost, facts.config.dynamic_target) {
            self.reunion.postpone(lost, facts.jitter_of(lost.node), facts.now);
        }
    }

    /// While all slots are filled: now and then one of those who were lost together, in the slot of feelers. If it connects,
    /// there is one peer too many, and the newest goes.
    pub(super) fn reunite<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let full = facts.peers.outbound(Budget::Dynamic) >= facts.config.dynamic_target;
        let busy = facts.attempts.active(Budget::Feeler) > 0 || facts.peers.outbound(Budget::Feeler) > 0;
        let first = self.reunion.parted(facts.now).first().copied().filter(|_| full && !busy)?;
        if self.reunion.next() > facts.now {
            self.waits.add(WakeReason::Feeler, self.reunion.next());
            return None;
        }
        if !self.may_dial(facts, DialKind::Reunion) {
            return None;
        }
        let parted = self.reunion.parted(facts.now).to_vec();
        let chosen = self.to_reunite(facts, &parted);
        let lost = chosen.as_ref().map_or(first, |(lost, _)| *lost);
        self.reunion.postpone(lost, facts.jitter_of(lost.node), facts.now);
        match chosen {
            Some((_, permit)) => self.begin(facts, permit),
            None => Some(Step::Looked),
        }
    }

    /// Who is dialed: the one whose last dial is the longest ago, among those who may be dialed, and for whom somebody would go
    /// who has come since they were lost. Nobody goes who had stayed, nor who was brought back so.
    fn to_reunite<I: NodeId>(&self, facts: &Facts<I, A>, parted: &[Lost]) -> Option<(Lost, Permit<I, A>)> {
        let newest = Self::newest_dynamic(facts)?;
        let parted = parted.iter().filter(|lost| lost.at < newest);
        let mut parted: Vec<_> =
            parted.filter_map(|lost| Some((facts.nodes.get(lost.node)?.last().1, *lost))).collect();
        parted.sort_unstable_by_key(|(last, lost)| (*last, lost.node));
        parted.into_iter().find_map(|(_, lost)| {
            let subject = self.subject(facts, lost.node, DialKind::Reunion)?;
            let rested = self.early_from(facts, &subject).is_some_and(|at| at <= facts.now);
            let passes = |refusal: &Refusal| rested && matches!(refusal, Refusal::Cooling { .. });
            let permit = self.permit_past(facts, lost.node, DialKind::Reunion, passes)?;
            Some((lost, permit.ok()?))
        })
    }

    /// When the newest dynamic peer came, other than those brought back.
    fn newest_dynamic<I: NodeId>(facts: &Facts<I, A>) -> Option<Timestamp> {
        let peers = facts.peers.of_budget(Budget::Dynamic).iter();
        let staying = peers.filter(|slot| !facts.peers.is_leaving(*slot));
        let newest = staying.filter_map(|slot| facts.peers.get(slot));
        newest.filter(|peer| !is_reunited(peer.kind())).map(Peer::since).max()
    }
}
