//! What is next: attempts that go on, requests, static nodes, a bootnode, dynamic nodes, a reunion, a feeler, a lookup, churn.

use rand_core::Rng;

use super::Balanced;
use crate::address::Address;
use crate::backoff::doubled;
use crate::command::{DialKind, DisconnectReason, WakeReason};
use crate::facts::Facts;
use crate::facts::attempting::Permit;
use crate::facts::attempts::{Attempt, Ended, Stage};
use crate::facts::budget::Budget;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::facts::waiting::{Class, Queue};
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::refusal::Refusal;
use crate::rules::Verdict;
use crate::time::{Timestamp, nanos};

impl<A: Address> Balanced<A> {
    /// The next step, or nothing more to do before what `waits` says.
    pub(super) fn next_step<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        self.note_slow(facts);
        let before = match self.before_dynamic.take().filter(|_| !facts.waiting.is_any_roomy()) {
            Some(waits) => waits,
            None => {
                self.waits.clear();
                if let Some(step) = self.step_before_dynamic(facts) {
                    return Some(step);
                }
                self.waits.len()
            }
        };
        self.waits.truncate(before);
        if let Some(step) = self.bootnode(facts) {
            return Some(step);
        }
        let dynamic = self.dynamic_dial(facts, rng);
        if let Some(Step::Issue(_)) = dynamic {
            self.before_dynamic = Some(before);
        }
        dynamic
            .or_else(|| self.reunite(facts))
            .or_else(|| self.feeler(facts, rng))
            .or_else(|| self.lookup(facts))
            .or_else(|| self.churn(facts, rng))
    }

    /// What comes before dynamic nodes, and is no other after one more of these was dialed.
    fn step_before_dynamic<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.trim(facts);
        self.admit_crowded(facts);
        if facts.is_owing() || self.review_pardon(facts) || self.bring_back(facts) {
            return Some(Step::Looked);
        }
        self.owed(facts).or_else(|| self.requested_dial(facts)).or_else(|| self.static_dial(facts))
    }

    /// Dials that have taken long by now no longer hold a slot.
    fn note_slow<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        while let Some(attempt) = self.slow.next_slow(facts.now) {
            let node = facts.attempts.get(attempt).map(Attempt::node);
            if let Some(notes) = node.and_then(|node| facts.nodes.notes_mut(node)) {
                notes.slow = true;
            }
        }
        self.slow.release(facts.now, facts.config.pace.slow_after);
    }

    /// An attempt that goes on: a resolve or a requested dial at once, other dials as the pace of their budget allows.
    fn owed<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if let Some(attempt) = facts.attempts.next_at_once() {
            return self.go_on(facts, attempt);
        }
        Budget::ALL.into_iter().find_map(|budget| {
            let attempt = facts.attempts.next_paced(budget)?;
            self.go_on(facts, attempt)
        })
    }

    fn go_on<I: NodeId>(&mut self, facts: &mut Facts<I, A>, attempt: AttemptSlot) -> Option<Step> {
        let of = facts.attempts.get(attempt)?;
        // Rules may have come to exclude addresses since they were found, and no rule has looked at those that a resolve brought.
        let mut allowed = facts.allowed(of.addrs().as_slice());
        allowed.prefer(|addr| !facts.is_overfull(of.kind(), addr));
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
            self.outage.dialed(now, &facts.config.backoff);
            if of.budget() == Budget::Dynamic {
                self.slow.dialed(attempt, now.saturating_add(pace.slow_after));
            }
            if facts.config.family_health {
                self.families.dialed(of.addrs(), now.saturating_add(facts.config.backoff.short));
            }
        }
        Some(Step::Issue(attempt))
    }

    /// Whether a dial may go out now, as far as pace and the network of this host are concerned; if not, what it waits for
    /// is noted. A requested dial does not wait, and a bootnode does not wait for the network.
    pub(super) fn may_dial<I: NodeId>(&mut self, facts: &Facts<I, A>, kind: DialKind) -> bool {
        let now = facts.now;
        let token = self.paces.get(Budget::of(kind)).next(&facts.config.pace, now);
        let probe = self.outage.probe().filter(|_| kind != DialKind::Bootnode).unwrap_or(now);
        let pause = self.outage.paused_until();
        if kind == DialKind::Requested || (token <= now && probe <= now && pause <= now) {
            return true;
        }
        let waits =
            [(WakeReason::Pacing, token), (WakeReason::Offline, probe), (WakeReason::LocalPause, pause)];
        for (reason, at) in waits.into_iter().filter(|(_, at)| *at > now) {
            self.waits.add(reason, at);
        }
        false
    }

    fn requested_dial<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if facts.attempts.active(Budget::Static) >= facts.config.pace.static_active {
            return None;
        }
        self.next_request(facts)?.map_or_else(Some, |permit| self.begin(facts, permit))
    }

    /// Begins an attempt, and issues its first command.
    pub(super) fn begin<I: NodeId>(&mut self, facts: &mut Facts<I, A>, permit: Permit<I, A>) -> Option<Step> {
        if let Some(node) = permit.node {
            self.pardon(facts, node);
        }
        let (attempt, node) = facts.begin(permit, true);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.anchor = false;
        }
        // What is left of a cooldown waits until the node is free again.
        if let Some(due) = facts.leave(node) {
            self.place(facts, node, Some(due));
        }
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

    /// Static nodes, the one that has waited longest first. Those that have failed often have every fourth turn, so that
    /// they don't keep the others from being dialed.
    fn static_dial<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if facts.attempts.active(Budget::Static) >= facts.config.pace.static_active {
            return None;
        }
        let mut order = [Queue::Static, Queue::StaticFailing];
        if self.static_turn % 4 == 0 {
            order.reverse();
        }
        let due = order.into_iter().find_map(|queue| facts.waiting.first_due(queue, facts.now));
        let Some(node) = due else {
            let first = facts.waiting.first_of(order);
            first.into_iter().for_each(|at| self.waits.add(WakeReason::StaticRedial, at));
            return None;
        };
        if !self.may_dial(facts, DialKind::Static) {
            return None;
        }
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Static)?);
        self.static_turn = self.static_turn.wrapping_add(1);
        self.begin_or_defer(facts, node, permit)
    }

    /// With no outbound peer for a while, a bootnode.
    fn bootnode<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.fallback.observe(facts);
        let due = self.fallback.due(facts)?;
        if facts.attempts.active(Budget::Dynamic) >= facts.config.max_active_dials {
            return None;
        }
        // Without a slot it waits for the next dial that takes too long.
        let at = if self.missing(facts) > 0 { due } else { due.max(self.slow.next_release()?) };
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

    /// Leave to dial a known node, whatever rules say for which this holds.
    pub(super) fn permit_past<I: NodeId>(
        &self,
        facts: &Facts<I, A>,
        node: NodeSlot,
        kind: DialKind,
        passes: impl Fn(&Refusal) -> bool,
    ) -> Option<Result<Permit<I, A>, Refusal>> {
        let subject = self.subject(facts, node, kind)?;
        let refusal = self.check(facts, &subject, &mut |refusal| {
            if passes(&refusal) { Verdict::Continue(()) } else { Verdict::Break(refusal) }
        });
        Some(refusal.break_value().map_or_else(|| Ok(self.grant(facts, &subject)), Err))
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
        let untried =
            facts.waiting.draw(Class::Fresh, rng).or_else(|| facts.waiting.draw(Class::Recent, rng));
        let Some(node) = untried.filter(|_| !busy) else {
            self.waits.add(WakeReason::Feeler, next);
            return None;
        };
        let permit = self.permit(facts, &self.subject(facts, node, DialKind::Feeler)?);
        if permit.is_ok() && !self.may_dial(facts, DialKind::Feeler) {
            return Some(Step::Looked);
        }
        self.begin_or_defer(facts, node, permit)
    }

    /// A lookup whenever fewer promising nodes are ready than peers are missing.
    fn lookup<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        if !facts.config.discovery || !facts.lookup.is_idle() {
            return None;
        }
        let missing = facts.config.dynamic_target.saturating_sub(facts.peers.outbound(Budget::Dynamic));
        if self.promising(facts) >= missing {
            // One more slow dial may be one too many.
            let at = self.slow.next_to_be_slow().filter(|_| missing > 0 && self.may_be_in_vain(facts));
            at.into_iter().for_each(|at| self.waits.add(WakeReason::Lookup, at));
            return None;
        }
        let at = self.next_lookup(facts);
        if at > facts.now {
            self.waits.add(WakeReason::Lookup, at);
            return None;
        }
        self.lookups = self.lookups.saturating_add(1);
        facts.lookup.begin(facts.now);
        Some(Step::Lookup)
    }

    /// When the next lookup may begin: quickly at the start, then at intervals, and later and later while lookups bring
    /// nothing new although some node is known.
    pub(super) fn next_lookup<I: NodeId>(&self, facts: &Facts<I, A>) -> Timestamp {
        let config = &facts.config.lookups;
        let interval = nanos(config.interval);
        let first = doubled(nanos(config.first), (self.lookups / 4).saturating_add(1), interval);
        let wait = match first < interval || facts.nodes.known() == 0 {
            true => first,
            false => doubled(interval, self.barren.saturating_add(1), nanos(config.interval_max)),
        };
        facts.lookup.next_at(core::time::Duration::from_nanos(wait), facts.now)
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
