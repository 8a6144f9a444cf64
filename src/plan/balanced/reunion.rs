//! Peers that were lost with many others while some stayed, as when the network splits: now and then one of them is dialed
//! although all slots are filled, so that the parts of the network grow together once they can.
//!
//! Whoever has lost half of its peers fills the slots with others of its own part, and would otherwise dial nobody any more.

use alloc::vec::Vec;
use core::time::Duration;

use super::Balanced;
use crate::address::Address;
use crate::backoff;
use crate::collections::bytes;
use crate::command::{DialKind, DisconnectReason, WakeReason};
use crate::event::{PeerKind, RemovalReason};
use crate::facts::Facts;
use crate::facts::budget::Budget;
use crate::facts::nodes::Record;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::node::NodeId;
use crate::plan::policy::Step;
use crate::refusal::Refusal;
use crate::time::{Timestamp, nanos};

/// Losses within so long of each other are one event: one end misses the keepalives of the other (go-ethereum's pings come
/// every 15 s, and it waits for 30 s).
const WINDOW: Duration = Duration::from_secs(60);
/// So many peers, and this part of the target, have to be lost (a guess: with churn alone, one in a hundred thousand minutes
/// has four losses of 16).
const LEAST: u32 = 4;
const PART: u32 = 4;
/// The time between two such dials (a guess: 12 an hour find a part of the network that is back within some minutes).
const EVERY: Duration = Duration::from_secs(300);
/// … and how much it may deviate, in percent: all who were parted at once would dial at once.
const SPREAD: u32 = 50;
/// For so long they are dialed (a guess: outages of networks seldom last longer).
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How many are remembered.
const MOST: usize = 64;

/// Dynamic peers that were lost.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Reunion {
    /// The last losses, and when each was.
    recent: Vec<(NodeSlot, Timestamp)>,
    /// Those that were lost with many others.
    parted: Vec<(NodeSlot, Timestamp)>,
    /// The attempt to reach one of them while all slots are filled. It holds none.
    attempt: Option<AttemptSlot>,
    /// When the next one may begin.
    next: Timestamp,
}

impl Reunion {
    pub(super) const fn new() -> Self {
        Self { recent: Vec::new(), parted: Vec::new(), attempt: None, next: Timestamp::ZERO }
    }

    /// A peer is lost, and `others` are left. Those who lose all of them have lost their own network.
    fn lost(&mut self, node: NodeSlot, others: u32, target: u32, now: Timestamp) {
        let soon = |at: &Timestamp| now.saturating_since(*at) < WINDOW;
        self.forget(node);
        self.recent.retain(|(_, at)| soon(at));
        self.recent.push((node, now));
        let together =
            self.recent.len().saturating_add(self.parted.iter().filter(|(_, at)| soon(at)).count());
        if others > 0 && together as u32 >= LEAST.max(target / PART) {
            self.parted.append(&mut self.recent);
        }
        for lost in [&mut self.recent, &mut self.parted] {
            lost.drain(..lost.len().saturating_sub(MOST));
        }
    }

    /// A node is connected, or its record ends. Returns whether it was parted from.
    pub(super) fn forget(&mut self, node: NodeSlot) -> bool {
        let before = self.parted.len();
        for lost in [&mut self.recent, &mut self.parted] {
            lost.retain(|(other, _)| *other != node);
        }
        self.parted.len() < before
    }

    /// The host has another network.
    pub(super) fn start_over(&mut self) {
        self.recent.clear();
        self.parted.clear();
    }

    /// An attempt has ended.
    pub(super) fn ended(&mut self, attempt: AttemptSlot) {
        self.attempt = self.attempt.filter(|of| *of != attempt);
    }

    /// Whether an attempt was begun although all slots were filled.
    pub(super) fn owns(&self, attempt: AttemptSlot) -> bool {
        self.attempt == Some(attempt)
    }

    /// Whether all nodes and the attempt are such for which this holds.
    pub(super) fn verify(
        &self,
        is_node: impl Fn(NodeSlot) -> bool,
        is_attempt: impl Fn(AttemptSlot) -> bool,
    ) -> bool {
        let mut nodes = self.recent.iter().chain(&self.parted);
        nodes.all(|(node, _)| is_node(*node)) && self.attempt.is_none_or(is_attempt)
    }

    pub(super) fn bound() -> u64 {
        bytes::vector(2 * MOST as u64, size_of::<(NodeSlot, Timestamp)>()).saturating_mul(2)
    }
}

impl<A: Address> Balanced<A> {
    /// A session with a dynamic peer has ended, and not by this host.
    pub(super) fn note_loss<I: NodeId>(
        &mut self,
        facts: &Facts<I, A>,
        peer: &Peer<A>,
        reason: RemovalReason,
    ) {
        if reason == RemovalReason::Closed && peer.budget() == Some(Budget::Dynamic) {
            let others = facts.peers.outbound(Budget::Dynamic);
            self.reunion.lost(peer.node(), others, facts.config.dynamic_target, facts.now);
        }
    }

    /// While all slots are filled: now and then one of the nodes that were parted from, whether it cools down or not.
    pub(super) fn reunite<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let full = facts.peers.outbound(Budget::Dynamic) >= facts.config.dynamic_target;
        if self.reunion.parted.is_empty() || self.reunion.attempt.is_some() || !full {
            return None;
        }
        let waits = |record: &Record<A>| record.is_known() && !record.is_busy() && !record.is_static();
        let (now, next) = (facts.now, self.reunion.next);
        self.reunion.parted.retain(|(node, at)| {
            now.saturating_since(*at) < KEPT && facts.nodes.get(*node).is_some_and(waits)
        });
        let from = |node: &NodeSlot| {
            let record = facts.nodes.get(*node)?;
            let (_, last) = record.last();
            Some((last.saturating_add(facts.config.backoff.short).max(next), *node))
        };
        let (at, node) = self.reunion.parted.iter().filter_map(|(node, _)| from(node)).min()?;
        if at > now {
            self.waits.add(WakeReason::Redial, at);
            return None;
        }
        if !self.may_dial(facts, DialKind::Dynamic) {
            return None;
        }
        match self.permit_past(facts, node, |refusal| matches!(refusal, Refusal::Cooling { .. }))? {
            Ok(permit) => {
                let step = self.begin(facts, permit);
                let spread = backoff::spread(nanos(EVERY), SPREAD, facts.jitter_of(node));
                self.reunion.next = now.saturating_add(Duration::from_nanos(spread));
                self.reunion.attempt = facts.nodes.get(node).and_then(Record::attempt);
                self.reunion.attempt.into_iter().for_each(|attempt| self.slow.exempt(attempt));
                step
            }
            Err(_) => {
                self.reunion.forget(node);
                Some(Step::Looked)
            }
        }
    }

    /// A node is connected. If it was parted from, and there are more peers than the target now, it takes the place of the
    /// one that was connected last.
    pub(super) fn reunited<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, kind: PeerKind) {
        let ours = kind == PeerKind::Outbound(DialKind::Dynamic);
        let more = facts.peers.outbound(Budget::Dynamic) > facts.config.dynamic_target;
        if !self.reunion.forget(node) || !ours || !more {
            return;
        }
        let slots =
            facts.peers.of_budget(Budget::Dynamic).iter().filter(|slot| !facts.peers.is_leaving(*slot));
        let peers = slots.filter_map(|slot| Some((facts.peers.get(slot)?, slot)));
        let others = peers.filter(|(peer, _)| peer.node() != node);
        if let Some((_, newest)) = others.map(|(peer, slot)| (peer.since(), slot)).max() {
            facts.peers.dismiss(newest, DisconnectReason::OverTarget);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::ZERO.saturating_add(Duration::from_secs(secs))
    }

    fn node(index: u32) -> NodeSlot {
        NodeSlot::from_index(index).unwrap()
    }

    #[test]
    fn four_of_sixteen_at_once_are_parted_from() {
        let mut reunion = Reunion::new();
        (0..3).for_each(|n| reunion.lost(node(n), 15 - n, 16, at(u64::from(n))));
        assert_eq!(reunion.parted, []);
        reunion.lost(node(3), 12, 16, at(30));
        reunion.lost(node(4), 11, 16, at(50));
        assert_eq!(reunion.parted.iter().map(|(node, _)| node.index()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn losses_that_are_spread_out_or_total_are_not() {
        let mut reunion = Reunion::new();
        (0..20).for_each(|n| reunion.lost(node(n), 15, 16, at(20 * u64::from(n))));
        (20..30).for_each(|n| reunion.lost(node(n), 0, 16, at(1_000)));
        assert_eq!(reunion.parted, []);
    }
}
