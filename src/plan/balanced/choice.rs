//! Which known node is dialed next: a choice among the ready ones, and what is done where there is none.

use rand_core::Rng;

use super::Balanced;
use super::turns::Turns;
use crate::address::Address;
use crate::command::{DialKind, WakeReason};
use crate::facts::Facts;
use crate::facts::budget::Budget;
use crate::facts::slots::NodeSlot;
use crate::facts::waiting::{Class, Queue};
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::time::Timestamp;

/// How many cooldowns that have ended are put in order before a choice among the ready nodes.
pub(super) const WAKE: u32 = 64;

impl<A: Address> Balanced<A> {
    /// Known nodes, up to the target.
    pub(super) fn dynamic_dial<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        if !self.has_dynamic_slot(facts) {
            self.starvation.end();
            self.wait_for_slot(facts);
            return None;
        }
        let cooled = facts.waiting.first_cooled();
        if facts.waiting.is_none_ready() && cooled.is_none_or(|at| at > facts.now) {
            return self.nobody(facts, cooled);
        }
        if !self.may_dial(facts, DialKind::Dynamic) {
            return None;
        }
        if let Some(until) = self.awaits_answers(facts) {
            self.waits.add(WakeReason::Redial, until);
            self.wait_for_slot(facts);
            return None;
        }
        let lapsed = facts.waiting.ready(Class::Lapsed);
        if let Some(alone) = self.wake(facts) {
            return self.dial_known(facts, alone);
        }
        if facts.waiting.ready(Class::Lapsed) > lapsed {
            // There are nodes to be asked for that were not there when this round began.
            return Some(Step::Looked);
        }
        let Some((class, turns)) = self.next_class(facts) else { return self.nobody_yet(facts) };
        if let Some(until) = self.awaits_question(facts, class) {
            self.waits.add(WakeReason::Revalidation, until);
            return None;
        }
        let node = facts.waiting.draw(class, rng)?;
        if class == Class::Recent && !facts.nodes.get(node).is_some_and(|of| Self::is_recent(of, facts.now)) {
            self.settle(facts, node);
            return Some(Step::Looked);
        }
        self.turns = turns;
        let step = self.dial_known(facts, node);
        // A node that is refused has not had its turn.
        if class == Class::Unlikely && matches!(step, Some(Step::Issue(_))) {
            self.unlikely = facts.now.saturating_add(facts.config.outage.probe);
        }
        step
    }

    fn dial_known<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) -> Option<Step> {
        if self.is_asked_for(facts, node) {
            return Some(self.ask_for(facts, node));
        }
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Dynamic)?);
        if permit.is_ok() {
            self.starvation.end();
        }
        self.begin_or_defer(facts, node, permit)
    }

    /// The class whose turn it is among those with nodes that may be dialed now, and the turns after that.
    fn next_class<I: NodeId>(&self, facts: &Facts<I, A>) -> Option<(Class, Turns)> {
        let in_need = Self::is_in_need(facts);
        let patient = !in_need && self.asks_until(facts).is_some();
        let due = in_need || self.unlikely <= facts.now;
        let asks = self.asks(facts);
        if asks && facts.waiting.ready(Class::Good) > 0 && facts.waiting.ready(Class::Anchor) == 0 {
            // Those that seem to be there need no turn.
            return Some((Class::Good, self.turns));
        }
        let chosen = self.turns.next(|class| {
            let now = match class {
                Class::Anchor | Class::Good | Class::Recent => true,
                Class::Lapsed => !asks && !patient,
                Class::Fresh | Class::Answered | Class::Failed => !patient,
                Class::Unlikely => due && !patient,
                Class::Bootnode => false,
            };
            now && facts.waiting.ready(class) > 0
        });
        chosen.or_else(|| {
            let bootnode = facts.waiting.ready(Class::Bootnode) > 0 && self.asks_until(facts).is_none();
            bootnode.then_some((Class::Bootnode, self.turns))
        })
    }

    /// Whether more than half of the dynamic peers are missing: then whoever is known is dialed at once.
    fn is_in_need<I: NodeId>(facts: &Facts<I, A>) -> bool {
        facts.peers.outbound(Budget::Dynamic).saturating_mul(2) < facts.config.dynamic_target
    }

    /// No ready node may be dialed yet: some are to wait for a lookup, unlikely ones for their turn too.
    fn nobody_yet<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let is_ready = |class| facts.waiting.ready(class) > 0;
        let lapsed = !self.asks(facts) && is_ready(Class::Lapsed);
        let others = lapsed || [Class::Fresh, Class::Answered, Class::Failed].into_iter().any(is_ready);
        let unlikely = is_ready(Class::Unlikely).then_some(self.unlikely.max(facts.now));
        let bootnode = is_ready(Class::Bootnode);
        if let Some(until) = self.asks_until(facts) {
            let waits = others || bootnode || unlikely.is_some_and(|at| at <= until);
            self.waits.add(WakeReason::Redial, waits.then_some(until));
        }
        if others {
            // One that cools down may be among those that wait for nothing.
            self.waits.add(WakeReason::Redial, facts.waiting.first_cooled());
            return None;
        }
        self.waits.add(WakeReason::Redial, unlikely.filter(|at| *at > facts.now));
        self.nobody(facts, facts.waiting.first_cooled())
    }

    /// Slots are free, and nobody is there for them. `cooled` is when the first cooldown ends.
    fn nobody<I: NodeId>(&mut self, facts: &mut Facts<I, A>, cooled: Option<Timestamp>) -> Option<Step> {
        self.waits.add(WakeReason::Redial, cooled);
        self.relax(facts).or_else(|| self.early_dial(facts, cooled))
    }

    /// Puts nodes whose cooldown has ended among the ready ones. If there is nobody else, the node is in no queue, and
    /// returned: it needs no turn.
    fn wake<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<NodeSlot> {
        for queue in Queue::COOLING {
            for _ in 0..WAKE {
                let Some(node) = facts.waiting.first_due(queue, facts.now) else { break };
                let due = facts.leave(node);
                let others = facts.waiting.first_cooled().is_some_and(|at| at <= facts.now);
                if facts.waiting.is_none_ready() && !others {
                    return Some(node);
                }
                self.place(facts, node, due);
            }
        }
        None
    }
}
