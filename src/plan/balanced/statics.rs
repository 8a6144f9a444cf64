//! Static nodes and requested dials, which have a budget of their own.

use super::Balanced;
use crate::address::Address;
use crate::command::{DialKind, WakeReason};
use crate::facts::Facts;
use crate::facts::waiting::Queue;
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};

impl<A: Address> Balanced<A> {
    pub(super) fn requested_dial<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if !Self::has_static_slot(facts) {
            return None;
        }
        if let Some(node) = facts.requested.front().and_then(|id| facts.nodes.find(id)) {
            // Its resolve is cancelled first.
            if self.end_revalidation(facts, node) {
                return Some(Step::Looked);
            }
        }
        self.next_request(facts)?.map_or_else(Some, |permit| self.begin(facts, permit))
    }

    /// Static nodes, the one that has waited longest first. Those that have failed often have every fourth turn, so that
    /// they don't keep the others from being dialed.
    pub(super) fn static_dial<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if !Self::has_static_slot(facts) {
            return None;
        }
        let mut order = [Queue::Static, Queue::StaticFailing];
        if self.static_turn % 4 == 0 {
            order.reverse();
        }
        let due = order.into_iter().find_map(|queue| facts.waiting.first_due(queue, facts.now));
        let Some(node) = due else {
            let first = facts.waiting.first_of(order);
            self.waits.add(WakeReason::StaticRedial, first);
            return None;
        };
        if !self.may_dial(facts, DialKind::Static) {
            return None;
        }
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Static)?);
        self.static_turn = self.static_turn.wrapping_add(1);
        self.begin_or_defer(facts, node, permit)
    }
}
