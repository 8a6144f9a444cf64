//! Nodes that wait for room in a subnet: when they come back, and when a slot is filled against the limits.

use super::Balanced;
use crate::address::Address;
use crate::command::{DialKind, WakeReason};
use crate::facts::Facts;
use crate::facts::attempting::Permit;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::plan::policy::{Policy, Step};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// How long slots have been free with no node to fill them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Starvation {
    since: Option<Timestamp>,
    /// Whether all who wait were looked at again since.
    reconsidered: bool,
}

impl Starvation {
    pub(super) const NONE: Self = Self { since: None, reconsidered: false };

    /// It begins now.
    const fn since(now: Timestamp) -> Self {
        Self { since: Some(now), reconsidered: false }
    }

    /// A node is there for a slot, or no slot is free.
    pub(super) const fn end(&mut self) {
        self.since = None;
    }
}

impl<A: Address> Balanced<A> {
    /// Lets one waiting node back for each subnet that may have got room since.
    pub(super) fn admit_crowded<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        while let Some((subnet, node)) = facts.next_admitted() {
            self.settle(facts, node);
            if facts.queue_of(node).is_ready() {
                facts.set_delegate(subnet, node);
            } else {
                facts.waiting.look_again(subnet);
            }
        }
    }

    /// Brings back one node that waits since older rules, for others or for room. Returns whether there was one.
    pub(super) fn bring_back<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> bool {
        let node = facts.next_outdated_parked().or_else(|| facts.next_outdated_crowded());
        node.map(|node| self.settle(facts, node)).is_some()
    }

    /// The earliest instant at which a slot can be filled against the limits of subnets.
    pub(super) fn relaxed_from<I: NodeId>(&self, facts: &Facts<I, A>) -> Option<Timestamp> {
        let after = facts.config.diversity.as_ref()?.relax_after;
        Some(self.starvation.since.unwrap_or(facts.now).saturating_add(after).max(facts.now))
    }

    /// Slots are free, and no node is ready: if that lasts, and lookups bring nothing, one slot is filled against the
    /// limits of diversity, and the wait begins anew.
    pub(super) fn relax<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.starvation.reconsidered &= self.starvation.since.is_some();
        let since = *self.starvation.since.get_or_insert(facts.now);
        let after = facts.config.diversity.as_ref()?.relax_after;
        if !facts.waiting.is_any_crowded() {
            return None;
        }
        let at = since.saturating_add(after);
        if at > facts.now {
            self.waits.add(WakeReason::Relax, at);
            return None;
        }
        // What follows has an instant of its own: a cooldown that ends, or the next lookup and its deadline.
        let soon = facts.waiting.first_cooled().is_some_and(|at| at <= facts.now.saturating_add(after));
        let looked = !facts.config.discovery || facts.lookup.ended().is_some_and(|ended| ended >= since);
        if soon || !looked || !self.may_dial(facts, DialKind::Dynamic) {
            return None;
        }
        if !core::mem::replace(&mut self.starvation.reconsidered, true) {
            // A node that waits for one subnet may have an address in another one that has got room.
            facts.waiting.loosen();
            return Some(Step::Looked);
        }
        let (subnet, node) = facts.waiting.least_crowded(&facts.subnets)?;
        let permit = self.permit_past(facts, node, DialKind::Dynamic, |refusal| {
            matches!(refusal, Refusal::SubnetFull { .. })
        })?;
        if let Ok(Permit { id, .. }) = permit {
            self.starvation = Starvation::since(facts.now);
            facts.notify(Notice::DiversityRelaxed { id, subnet });
        }
        self.begin_or_defer(facts, node, permit)
    }
}
