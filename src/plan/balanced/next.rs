//! What is next: attempts that go on, requests, static nodes, a bootnode, dynamic nodes, a feeler, a lookup, churn.

use rand_core::Rng;

use super::Balanced;
use crate::address::Address;
use crate::backoff::doubled;
use crate::command::{DialKind, DisconnectReason, WakeReason};
use crate::facts::Facts;
use crate::facts::attempting::Permit;
use crate::facts::attempts::{Ended, Stage};
use crate::facts::budget::Budget;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::facts::waiting::Queue;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::plan::policy::{Policy, Step};
use crate::refusal::Refusal;
use crate::time::{Timestamp, nanos};

/// How many cooldowns that have ended are put in order before a choice among the ready nodes.
const WAKE: u32 = 64;

impl<A: Address> Balanced<A> {
    /// The next step, or nothing more to do before what `waits` says.
    pub(super) fn next_step<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        self.admit_crowded(facts);
        self.waits.clear();
        if self.review_pardon(facts) || self.bring_back(facts) {
            return Some(Step::Looked);
        }
        None.or_else(|| self.owed(facts))
            .or_else(|| self.requested_dial(facts))
            .or_else(|| self.static_dial(facts))
            .or_else(|| self.bootnode(facts))
            .or_else(|| self.dynamic_dial(facts, rng))
            .or_else(|| self.feeler(facts, rng))
            .or_else(|| self.lookup(facts))
            .or_else(|| self.churn(facts, rng))
    }

    /// An attempt that goes on: a resolve at once, a dial as the pace allows.
    fn owed<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        let attempt = facts.attempts.next_owed()?;
        let of = facts.attempts.get(attempt)?;
        // Rules may have come to exclude addresses since they were found.
        let allowed = facts.allowed(of.addrs().as_slice());
        if allowed.len() < of.addrs().len() {
            facts.set_addrs(attempt, allowed);
        }
        let of = facts.attempts.get(attempt)?;
        let (kind, dials) = (of.kind(), of.stage() == Stage::Dial);
        if dials && !facts.may_go_on(of) {
            self.end(facts, attempt, Ended::Moot);
            return Some(Step::Looked);
        }
        if dials && !self.may_dial(facts, kind) {
            return None;
        }
        self.issue(facts, attempt)
    }

    /// Lets an attempt issue its next command, and takes a token of the pace for a dial.
    fn issue<I: NodeId>(&mut self, facts: &Facts<I, A>, attempt: AttemptSlot) -> Option<Step> {
        let of = facts.attempts.get(attempt)?;
        if of.stage() == Stage::Dial {
            let (pace, now) = (&facts.config.pace, facts.now);
            self.paces.get_mut(of.budget()).take(pace, now);
            if self.outage.is_suspected() {
                self.static_probe = of.budget() == Budget::Static;
                self.outage.probed(now.saturating_add(facts.config.outage.probe));
            }
            if facts.config.family_health {
                self.families.dialed(of.addrs(), now.saturating_add(facts.config.backoff.short));
            }
        }
        Some(Step::Issue(attempt))
    }

    /// Whether a dial may go out now, as far as pace and the network of this host are concerned; if not, what it waits for
    /// is noted. A requested dial does not wait.
    pub(super) fn may_dial<I: NodeId>(&mut self, facts: &Facts<I, A>, kind: DialKind) -> bool {
        if kind == DialKind::Requested {
            return true;
        }
        if self.gives_way(facts, kind) {
            return false;
        }
        let token = self.paces.get(Budget::of(kind)).next(&facts.config.pace, facts.now);
        let probe = self.outage.probe().unwrap_or(facts.now);
        let (pause, now) = (self.outage.pause(), facts.now);
        let waits =
            [(WakeReason::Pacing, token), (WakeReason::Offline, probe), (WakeReason::LocalPause, pause)];
        let mut later = waits.into_iter().filter(|(_, at)| *at > now).peekable();
        let may = later.peek().is_none();
        later.for_each(|(reason, at)| self.waits.add(reason, at));
        may
    }

    /// While the network seems to be down, probes are few, and no failure is charged: static nodes that never answer would
    /// take them all. So a static dial lets a ready dynamic one go next, which waits for an instant of its own.
    fn gives_way<I: NodeId>(&self, facts: &Facts<I, A>, kind: DialKind) -> bool {
        let last = self.static_probe && self.outage.is_suspected() && Budget::of(kind) == Budget::Static;
        last && facts.has_dynamic_slot() && Self::is_any_ready(facts)
    }

    fn requested_dial<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if facts.attempts.active(Budget::Static) >= facts.config.pace.static_active {
            return None;
        }
        let id = facts.requested.pop_front()?;
        match self.permit(facts, &self.requested(facts, id)) {
            Ok(permit) => self.begin(facts, permit),
            Err(reason) => {
                facts.notify(Notice::RequestDropped { id, reason });
                Some(Step::Looked)
            }
        }
    }

    /// Begins an attempt, and issues its first command.
    fn begin<I: NodeId>(&mut self, facts: &mut Facts<I, A>, permit: Permit<I, A>) -> Option<Step> {
        if let Some(node) = permit.node {
            self.pardon(facts, node);
        }
        let (attempt, node) = facts.begin(permit, true);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.anchor = false;
        }
        self.settle(facts, node);
        self.issue(facts, attempt)
    }

    /// Begins an attempt, or lets the candidate wait for what refuses it.
    pub(super) fn begin_or_defer<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: NodeSlot,
        permit: Result<Permit<I, A>, Refusal>,
    ) -> Option<Step> {
        match permit {
            Ok(permit) => self.begin(facts, permit),
            Err(refusal) => {
                self.defer(facts, node, refusal);
                Some(Step::Looked)
            }
        }
    }

    /// Static nodes, the one that has waited longest first.
    fn static_dial<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if facts.attempts.active(Budget::Static) >= facts.config.pace.static_active {
            return None;
        }
        let (node, at) = facts.waiting.first(Queue::Static)?;
        if at > facts.now {
            self.waits.add(WakeReason::StaticRedial, at);
            return None;
        }
        if !self.may_dial(facts, DialKind::Static) {
            return None;
        }
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Static)?);
        self.begin_or_defer(facts, node, permit)
    }

    /// With no outbound peer for a while, a bootnode.
    fn bootnode<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.fallback.observe(facts);
        let at = self.fallback.due(facts)?;
        if at > facts.now {
            self.waits.add(WakeReason::Fallback, at);
            return None;
        }
        if !self.may_dial(facts, DialKind::Bootnode) {
            return None;
        }
        let mut fallback = self.fallback;
        let chosen = fallback.choose(facts, |subject| self.permit(facts, subject));
        self.fallback = fallback;
        match chosen {
            Some(permit) => self.begin(facts, permit),
            None => Some(Step::Looked),
        }
    }

    /// Known nodes, up to the target.
    fn dynamic_dial<I: NodeId>(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<Step> {
        if !facts.has_dynamic_slot() {
            self.starvation.end();
            return None;
        }
        for _ in 0..WAKE {
            let Some(node) = facts.waiting.first_due(Queue::Cooling, facts.now) else { break };
            self.settle(facts, node);
        }
        if !Self::is_any_ready(facts) {
            if let Some((_, at)) = facts.waiting.first(Queue::Cooling) {
                self.waits.add(WakeReason::Redial, at);
            }
            return self.relax(facts);
        }
        if !self.may_dial(facts, DialKind::Dynamic) {
            return None;
        }
        let node = self.choose(facts, rng)?;
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Dynamic)?);
        if permit.is_ok() {
            self.good_turn = !facts.nodes.get(node).is_some_and(|record| record.notes.good);
            self.starvation.end();
        }
        self.begin_or_defer(facts, node, permit)
    }

    fn is_any_ready<I: NodeId>(facts: &Facts<I, A>) -> bool {
        [Queue::Good, Queue::Failed].into_iter().any(|queue| facts.waiting.len(queue) > 0)
            || facts.waiting.is_any_fresh()
    }

    /// Good and other nodes take turns while both are ready; of the others, those never tried come first.
    fn choose<I: NodeId>(&self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<NodeSlot> {
        let good = facts.waiting.first(Queue::Good);
        let failed = facts.waiting.first(Queue::Failed).map(|(node, _)| node);
        let others = facts.waiting.is_any_fresh() || failed.is_some();
        let anchor = good.is_some_and(|(_, at)| at == Timestamp::ZERO);
        match good.filter(|_| anchor || self.good_turn || !others) {
            Some((good, _)) => Some(good),
            None => facts.waiting.draw_fresh(rng).or(failed),
        }
    }

    /// Now and then a node that was never tried, in a slot of its own.
    fn feeler<I: NodeId>(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<Step> {
        let at = self.schedule.feeler(facts, rng)?;
        if at > facts.now {
            self.waits.add(WakeReason::Feeler, at);
            return None;
        }
        let next = self.schedule.next_feeler(facts, rng)?;
        let busy = facts.attempts.active(Budget::Feeler) > 0 || facts.peers.outbound(Budget::Feeler) > 0;
        let Some(node) = facts.waiting.draw_fresh(rng).filter(|_| !busy) else {
            self.waits.add(WakeReason::Feeler, next);
            return None;
        };
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Feeler)?);
        if permit.is_ok() && !self.may_dial(facts, DialKind::Feeler) {
            return Some(Step::Looked);
        }
        self.begin_or_defer(facts, node, permit)
    }

    /// A lookup whenever fewer promising nodes are ready than peers are missing. Neither nodes that have only ever
    /// failed nor attempts under way count: with a few dead ones coming back, one would never hear of others.
    fn lookup<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if !facts.config.discovery || !facts.lookup.is_idle() {
            return None;
        }
        let missing = facts.config.dynamic_target.saturating_sub(facts.peers.outbound(Budget::Dynamic));
        if Self::promising(facts) >= missing {
            return None;
        }
        let at = self.next_lookup(facts);
        if at > facts.now {
            self.waits.add(WakeReason::Lookup, at);
            return None;
        }
        facts.lookup.begin(facts.now);
        Some(Step::Lookup)
    }

    /// When the next lookup may begin: later and later while lookups bring nothing new.
    fn next_lookup<I: NodeId>(&self, facts: &Facts<I, A>) -> Timestamp {
        let config = &facts.config.lookups;
        let wait = doubled(nanos(config.interval), self.barren.saturating_add(1), nanos(config.interval_max));
        let began = facts.lookup.began();
        began.map_or(facts.now, |began| began.saturating_add(core::time::Duration::from_nanos(wait)))
    }

    /// Ready nodes that did not fail whenever they were tried.
    pub(super) fn promising<I: NodeId>(facts: &Facts<I, A>) -> u32 {
        facts.waiting.len(Queue::Good).saturating_add(facts.waiting.fresh())
    }

    /// If all slots are filled, and have been for a while, one dynamic peer that is old enough is given up.
    fn churn<I: NodeId>(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Option<Step> {
        let at = self.schedule.churn(facts, rng)?;
        if at > facts.now {
            self.waits.add(WakeReason::Churn, at);
            return None;
        }
        if let Some(peer) = self.schedule.replaced(facts, rng) {
            facts.peers.dismiss(peer, DisconnectReason::Churn);
        }
        Some(Step::Looked)
    }
}
