//! What is next: attempts that go on, requests, static nodes, a bootnode, a revalidation, dynamic nodes, a reunion, a
//! feeler, a lookup, churn.

use rand_core::Rng;

use super::Balanced;
use crate::address::Address;
use crate::command::{DialKind, WakeReason};
use crate::facts::Facts;
use crate::facts::attempt::{Ended, Stage};
use crate::facts::attempting::Permit;
use crate::facts::budget::Budget;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::node::NodeId;
use crate::plan::policy::{Policy, Step};
use crate::refusal::Refusal;
use crate::rules::Verdict;
use crate::time::Timestamp;

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
        if let Some(step) = self.revalidate(facts, rng) {
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

    /// The steps before dynamic nodes. A dial to one of those does not change what they do, so a round does not repeat them.
    fn step_before_dynamic<I: NodeId>(&mut self, facts: &mut Facts<I, A>) -> Option<Step> {
        self.trim(facts);
        self.admit_crowded(facts);
        if facts.is_owing() || self.review_pardon(facts) || self.bring_back(facts) {
            return Some(Step::Looked);
        }
        self.owed(facts).or_else(|| self.requested_dial(facts)).or_else(|| self.static_dial(facts))
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
        let held = self.held_until(facts, kind);
        if kind == DialKind::Requested || held.iter().all(|(_, at)| *at <= facts.now) {
            return true;
        }
        self.wait_for(held, facts.now);
        false
    }

    /// Until when pace and the network of this host hold dials of a kind up.
    #[inline]
    pub(super) fn held_until<I: NodeId>(
        &self,
        facts: &Facts<I, A>,
        kind: DialKind,
    ) -> [(WakeReason, Timestamp); 3] {
        let token = self.paces.get(Budget::of(kind)).next(&facts.config.pace, facts.now);
        let probe = self.outage.probe().filter(|_| kind != DialKind::Bootnode).unwrap_or(facts.now);
        let pause = self.outage.paused_until();
        [(WakeReason::Pacing, token), (WakeReason::Offline, probe), (WakeReason::LocalPause, pause)]
    }

    /// Notes those of some instants that are to come.
    #[cold]
    fn wait_for(&mut self, instants: [(WakeReason, Timestamp); 3], now: Timestamp) {
        for (reason, at) in instants {
            self.waits.add(reason, Some(at).filter(|at| *at > now));
        }
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
}
