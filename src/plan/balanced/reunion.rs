//! Peers that were lost together while others stayed, as when the network splits: now and then one of them is dialed although
//! all slots are filled, so that the parts of the network grow together again once they can.
//!
//! Whoever loses half of its peers fills the slots with others of its own part, and would dial nobody any more. Bitcoin Core
//! has such an extra outbound connection for the time when its chain seems to be stale, and then lets a new peer go.
//!
//! What an adversary gains that makes connections drop, its own or those of others: it gets back slots that it had held for
//! ten minutes, one at a time, and those go who came since. Nobody goes who was there before.

use alloc::vec::Vec;
use core::time::Duration;

use super::Balanced;
use crate::address::Address;
use crate::backoff;
use crate::collections::bytes;
use crate::command::{DialKind, WakeReason};
use crate::event::{PeerKind, RemovalReason};
use crate::facts::Facts;
use crate::facts::attempting::Permit;
use crate::facts::budget::Budget;
use crate::facts::peers::Peer;
use crate::facts::slots::NodeSlot;
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::refusal::Refusal;
use crate::time::{Timestamp, nanos};

/// Losses within so long are one event (go-ethereum's pings come every 15 s, and it waits for 30 s).
const WINDOW: Duration = Duration::from_secs(60);
/// So many peers, and this part of the target, have to be lost. (A guess. Where sessions last for two hours, four of 16 are lost
/// in one minute once in months.)
const LEAST: u32 = 4;
const PART: u32 = 4;
/// How many of them are remembered.
const MOST: usize = 16;
/// The time between two such dials (a guess: healing takes minutes with it, and a node has six more dials an hour).
const EVERY: Duration = Duration::from_secs(600);
/// … and how much it deviates at most, in percent: all who were parted at once would dial at once.
const SPREAD: u32 = 50;
/// What has lasted for long may last for long: it is at least this part of the time since the loss.
const PATIENCE: u64 = 12;
/// For so long they are dialed (a guess: few splits last longer).
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A peer that was lost, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Lost {
    pub(super) node: NodeSlot,
    pub(super) at: Timestamp,
}

/// Peers that were lost.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Reunion {
    /// The last losses.
    recent: Vec<Lost>,
    /// Those who were lost together.
    parted: Vec<Lost>,
    /// When the next of these may be dialed.
    next: Timestamp,
}

impl Reunion {
    pub(super) const fn new() -> Self {
        Self { recent: Vec::new(), parted: Vec::new(), next: Timestamp::ZERO }
    }

    /// A peer is lost, and others stay. Returns whether that is the first sign of a split.
    pub(super) fn lose(&mut self, lost: Lost, target: u32) -> bool {
        self.recent.retain(|other| lost.at.saturating_since(other.at) < WINDOW);
        self.recent.push(lost);
        if (self.recent.len() as u32) < LEAST.max(target / PART).min(MOST as u32) {
            return false;
        }
        let first = self.parted.is_empty();
        self.parted.append(&mut self.recent);
        self.parted.drain(..self.parted.len().saturating_sub(MOST));
        first
    }

    /// Those who were lost together, and not too long ago.
    pub(super) fn parted(&mut self, now: Timestamp) -> &[Lost] {
        self.parted.retain(|lost| now.saturating_since(lost.at) < KEPT);
        &self.parted
    }

    /// When the next of them may be dialed.
    pub(super) fn next(&self) -> Timestamp {
        self.next
    }

    /// Sets the time of the next dial after one to a node that was lost; `jitter` says how much earlier or later than usual.
    pub(super) fn postpone(&mut self, lost: Lost, jitter: u64, now: Timestamp) {
        let wait = nanos(EVERY).max(nanos(now.saturating_since(lost.at)) / PATIENCE);
        self.next = now.plus_nanos(backoff::spread(wait, SPREAD, jitter));
    }

    /// A node is connected, or its record ends.
    pub(super) fn forget(&mut self, node: NodeSlot) {
        self.recent.retain(|lost| lost.node != node);
        self.parted.retain(|lost| lost.node != node);
    }

    /// It was this host that had lost the network, or it has another one.
    pub(super) fn start_over(&mut self) {
        self.recent.clear();
        self.parted.clear();
    }

    /// Whether all nodes are such for which this holds, and no more than there may be.
    pub(super) fn verify(&self, is_node: impl Fn(NodeSlot) -> bool) -> bool {
        let mut all = self.recent.iter().chain(&self.parted);
        all.all(|lost| is_node(lost.node)) && self.recent.len() < MOST && self.parted.len() <= MOST
    }

    /// The most bytes.
    pub(super) fn bound() -> u64 {
        bytes::vector((MOST as u64).saturating_mul(2), size_of::<Lost>()).saturating_mul(2)
    }
}

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
        let busy = Self::is_feeler_slot_taken(facts);
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

/// Whether a peer was brought back after it was lost together with others.
pub(super) fn is_reunited(kind: PeerKind) -> bool {
    kind == PeerKind::Outbound(DialKind::Reunion)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(node: u32, at: u64) -> Lost {
        Lost { node: NodeSlot::from_index(node).unwrap(), at: Timestamp::from_secs(at) }
    }

    #[test]
    fn four_of_sixteen_within_a_minute_were_lost_together() {
        let mut reunion = Reunion::new();
        assert!([10, 20, 69].into_iter().all(|at| !reunion.lose(lost(at as u32, at), 16)));
        assert!(!reunion.lose(lost(70, 70), 16), "the first is a minute ago");
        assert!(reunion.lose(lost(71, 71), 16));
        assert_eq!(reunion.parted, [20, 69, 70, 71].map(|at| lost(at as u32, at)));
        assert_eq!(reunion.recent, []);
        // The next ones are of the same event, or of another one.
        assert!((1_000..1_040).all(|at| !reunion.lose(lost(at as u32, at), 16)));
        assert_eq!(reunion.parted, Vec::from_iter((1_024..1_040).map(|at| lost(at as u32, at))));
        assert!(reunion.verify(|_| true));
    }

    #[test]
    fn of_many_peers_a_quarter_has_to_be_lost() {
        let mut reunion = Reunion::new();
        assert!((0..9).all(|n| !reunion.lose(lost(n, 1), 40)));
        assert!(reunion.lose(lost(9, 1), 40));
    }
}
