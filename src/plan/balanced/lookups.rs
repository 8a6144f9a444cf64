//! Lookups: when the next one begins, and what waits for one.

use alloc::vec::Vec;
use core::time::Duration;

use super::Balanced;
use crate::address::Address;
use crate::backoff::doubled;
use crate::command::WakeReason;
use crate::facts::Facts;
use crate::facts::budget::Budget;
use crate::facts::waiting::Class;
use crate::node::{Node, NodeId, Source};
use crate::plan::policy::Step;
use crate::time::{Timestamp, nanos};

/// How long a lookup is waited for: most take a second or two, and those that meet with many dead nodes much longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

/// The lookups so far.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Lookups {
    begun: u32,
    /// How many in a row have brought nothing new.
    barren: u32,
}

impl Lookups {
    pub(super) const NEW: Self = Self { begun: 0, barren: 0 };

    /// One was answered with somebody new or not, or not at all.
    pub(super) const fn ended(&mut self, new: bool) {
        self.barren = if new { 0 } else { self.barren.saturating_add(1) };
    }
}

impl<A: Address> Balanced<A> {
    /// A lookup whenever fewer promising nodes are ready than peers are missing.
    pub(super) fn lookup<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if !facts.config.discovery || !facts.lookup.is_idle() {
            return None;
        }
        let missing = facts.config.dynamic_target.saturating_sub(facts.peers.outbound(Budget::Dynamic));
        if self.promising(facts) >= missing {
            // One more slow dial may be one too many.
            let at = self.slow.next_to_be_slow().filter(|_| missing > 0 && self.may_be_in_vain(facts));
            self.waits.add(WakeReason::Lookup, at);
            return None;
        }
        let at = self.next_lookup(facts);
        if at > facts.now {
            self.waits.add(WakeReason::Lookup, at);
            return None;
        }
        self.lookups.begun = self.lookups.begun.saturating_add(1);
        facts.lookup.begin(facts.now);
        Some(Step::Lookup)
    }

    /// When the next lookup may begin: quickly at the start, then at intervals, and later and later while lookups bring
    /// nothing new although some node is known.
    fn next_lookup<I: NodeId>(&self, facts: &Facts<I, A>) -> Timestamp {
        let config = &facts.config.lookups;
        let interval = nanos(config.interval);
        let first = doubled(nanos(config.first), (self.lookups.begun / 4).saturating_add(1), interval);
        let wait = match first < interval || facts.nodes.known() == 0 {
            true => first,
            false => doubled(interval, self.lookups.barren.saturating_add(1), nanos(config.interval_max)),
        };
        facts.lookup.next_at(Duration::from_nanos(wait), facts.now)
    }

    /// If a lookup is under way, or may begin now, until when it is worth the wait: it may find nodes that are more likely to
    /// be there than those that were heard of long ago or have failed.
    pub(super) fn asks_until<I: NodeId>(&self, facts: &Facts<I, A>) -> Option<Timestamp> {
        if !facts.config.discovery {
            return None;
        }
        let until = match facts.lookup.is_idle() {
            true if self.next_lookup(facts) > facts.now => return None,
            true => facts.now.saturating_add(PATIENCE),
            false => facts.lookup.next_at(PATIENCE, facts.now),
        };
        Some(until).filter(|until| *until > facts.now)
    }

    /// Ready nodes that are likely to be of use: none of them where many dials in a row have come to nothing, or seem to.
    /// Nodes that were heard of long ago or have failed don't count, nor do dials under way: with a few dead ones that come
    /// back in turn, one would never hear of others.
    fn promising<I: NodeId>(&self, facts: &Facts<I, A>) -> u32 {
        if self.in_vain() >= facts.config.outage.failures {
            return 0;
        }
        let classes = [Class::Anchor, Class::Good, Class::Recent];
        classes.into_iter().map(|class| facts.waiting.ready(class)).fold(0, u32::saturating_add)
    }

    /// How many dials in a row have come to nothing, or seem to.
    fn in_vain(&self) -> u32 {
        self.outage.failures().saturating_add(self.slow.len())
    }

    /// Whether that may be too many once all dials under way have become slow.
    fn may_be_in_vain<I: NodeId>(&self, facts: &Facts<I, A>) -> bool {
        self.in_vain().saturating_add(self.slow.brisk()) >= facts.config.outage.failures
    }

    /// A lookup was answered.
    pub(super) fn after_lookup<I: NodeId>(&mut self, facts: &mut Facts<I, A>, nodes: Vec<Node<I, A>>) {
        let mut new = false;
        for node in nodes {
            new |= self.hear_of(facts, node, Source::LOOKUP, false);
        }
        if new {
            // Only a network that works brings news.
            self.was_up(facts);
        }
        self.lookups.ended(new);
    }
}
