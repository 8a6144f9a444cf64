//! The default policy: static and dynamic nodes side by side, paced, spread over subnets, fresh and proven nodes in
//! turn, lookups and bootnodes when candidates run short.

use rand_core::Rng;

use super::Step;
use super::fallback::Fallback;
use super::options::Schedule;
use super::pace::Bucket;
use crate::address::Address;
use crate::check::Permit;
use crate::command::DialKind;
use crate::ledger::Ledger;
use crate::ledger::attempts::{Budget, Ended, Phase};
use crate::ledger::lookups::State;
use crate::ledger::timers::{Alarm, Lane, Wants};
use crate::node::NodeId;
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// How many cooldowns that have ended are put in order before a choice among the ready nodes.
const WAKE: u32 = 64;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Balanced {
    statics: Bucket,
    dynamics: Bucket,
    /// Whether the next dynamic dial goes to a good node, if one is ready.
    good_turn: bool,
    /// Whether the last probe of a network that seems to be down went to a static node.
    static_probe: bool,
    fallback: Fallback,
    /// Since when slots were free with nobody to fill them, and whether all who wait were looked at again since.
    starved: Option<Timestamp>,
    reconsidered: bool,
    schedule: Schedule,
}

impl Balanced {
    pub(crate) const fn new() -> Self {
        Self {
            statics: Bucket::FULL,
            dynamics: Bucket::FULL,
            good_turn: true,
            static_probe: false,
            fallback: Fallback::NEW,
            starved: None,
            reconsidered: false,
            schedule: Schedule::NEW,
        }
    }

    pub(crate) fn drain_burst<I: NodeId, A: Address>(&mut self, ledger: &Ledger<I, A>) {
        self.statics.drain(&ledger.config.pace, ledger.now);
        self.dynamics.drain(&ledger.config.pace, ledger.now);
    }

    pub(crate) fn next<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
    ) -> Step {
        ledger.admit_waiting();
        ledger.timers.clear_waits();
        if ledger.review_pardon() || ledger.unpark() || ledger.reconsider() {
            return Step::Looked;
        }
        let mut wants = Wants::default();
        None.or_else(|| self.owed(ledger))
            .or_else(|| self.requested(ledger))
            .or_else(|| self.statics(ledger, &mut wants))
            .or_else(|| self.bootnode(ledger))
            .or_else(|| self.dynamic(ledger, rng, &mut wants))
            .or_else(|| self.feeler(ledger, rng))
            .or_else(|| Self::lookup(ledger))
            .or_else(|| self.schedule.churn(ledger, rng))
            .unwrap_or(Step::Done(wants))
    }

    /// An attempt that goes on: a resolve at once, a dial as the pace allows.
    fn owed<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Option<Step> {
        let attempt = ledger.attempts.next_owed()?;
        ledger.recheck(attempt);
        let of = ledger.attempts.get(attempt)?;
        let (kind, dials) = (of.kind, of.phase == Phase::Dial);
        if dials && !ledger.goes_on(of) {
            ledger.end(attempt, Ended::Moot);
            return Some(Step::Looked);
        }
        if dials && !self.may_dial(ledger, kind) {
            return None;
        }
        self.issue(ledger, attempt)
    }

    /// Lets an attempt issue its next command, and takes a token for a dial.
    fn issue<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>, attempt: u32) -> Option<Step> {
        let of = ledger.attempts.get(attempt)?;
        if of.phase == Phase::Dial {
            let (pace, now) = (&ledger.config.pace, ledger.now);
            self.bucket(of.kind).0.take(pace, now);
            if ledger.network.is_suspected() {
                self.static_probe = Budget::of(of.kind) == Budget::Static;
                ledger.network.probed(now.saturating_add(ledger.config.outage.probe));
            }
        }
        Some(Step::Issue(attempt))
    }

    const fn bucket(&mut self, kind: DialKind) -> (&mut Bucket, Alarm) {
        match Budget::of(kind) {
            Budget::Static => (&mut self.statics, Alarm::StaticPace),
            Budget::Dynamic | Budget::Feeler => (&mut self.dynamics, Alarm::DynamicPace),
        }
    }

    /// Whether a dial may go out now, as far as pace and the network of this host are concerned; if not, an alarm
    /// says when. An operator's wish does not wait.
    fn may_dial<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>, kind: DialKind) -> bool {
        if kind == DialKind::Requested {
            return true;
        }
        if self.gives_way(ledger, kind) {
            return false;
        }
        let (bucket, alarm) = self.bucket(kind);
        let token = bucket.next(&ledger.config.pace, ledger.now);
        let probe = ledger.network.probe().unwrap_or(ledger.now);
        let waits = [(token, alarm), (probe, Alarm::Offline), (ledger.network.pause(), Alarm::LocalPause)];
        let mut may = true;
        for (at, alarm) in waits {
            if at > ledger.now {
                ledger.timers.set_alarm(alarm, at);
                may = false;
            }
        }
        may
    }

    /// While the network seems to be down, probes are few, and no failure is charged: static nodes that never answer would
    /// take them all. So a static dial lets a ready dynamic one go next, which has an alarm of its own.
    fn gives_way<I: NodeId, A: Address>(&self, ledger: &Ledger<I, A>, kind: DialKind) -> bool {
        let last = self.static_probe && ledger.network.is_suspected() && Budget::of(kind) == Budget::Static;
        last && ledger.has_dynamic_slot() && ledger.is_any_ready()
    }

    fn requested<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Option<Step> {
        if ledger.attempts.active(Budget::Static) >= ledger.config.pace.static_active {
            return None;
        }
        let id = ledger.requested.pop_front()?;
        match ledger.permit(&ledger.requested_subject(id)) {
            Ok(permit) => self.begin(ledger, permit),
            Err(reason) => {
                ledger.notify(Notice::RequestDropped { id, reason });
                Some(Step::Looked)
            }
        }
    }

    /// Begins an attempt, and issues its first command.
    fn begin<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        permit: Permit<I, A>,
    ) -> Option<Step> {
        let attempt = ledger.begin(permit);
        self.issue(ledger, attempt)
    }

    /// Begins an attempt, or lets the candidate wait for what refuses it.
    fn begin_or_file<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        node: u32,
        permit: Result<Permit<I, A>, Refusal>,
    ) -> Option<Step> {
        match permit {
            Ok(permit) => self.begin(ledger, permit),
            Err(refusal) => {
                ledger.file(node, refusal);
                Some(Step::Looked)
            }
        }
    }

    /// Static nodes, the one that has waited longest first.
    fn statics<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        wants: &mut Wants,
    ) -> Option<Step> {
        let free = ledger.attempts.active(Budget::Static) < ledger.config.pace.static_active;
        let some = ledger.timers.first(Lane::Static).is_some();
        if !free || !some {
            return None;
        }
        let due = ledger.timers.due(Lane::Static, ledger.now);
        let Some(node) = due else {
            wants.statics = true;
            return None;
        };
        if !self.may_dial(ledger, DialKind::Static) {
            return None;
        }
        let permit = ledger.permit(&ledger.subject(node, DialKind::Static)?);
        self.begin_or_file(ledger, node, permit)
    }

    /// With no outbound peer for a while, a bootnode.
    fn bootnode<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Option<Step> {
        if !self.fallback.is_due(ledger) || !self.may_dial(ledger, DialKind::Bootnode) {
            return None;
        }
        match self.fallback.choose(ledger) {
            Some(permit) => self.begin(ledger, permit),
            None => Some(Step::Looked),
        }
    }

    /// Known nodes, up to the target.
    fn dynamic<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
        wants: &mut Wants,
    ) -> Option<Step> {
        if !ledger.has_dynamic_slot() {
            self.starved = None;
            return None;
        }
        for _ in 0..WAKE {
            if !ledger.wake_known() {
                break;
            }
        }
        if !ledger.is_any_ready() {
            wants.known = true;
            return self.relax(ledger);
        }
        if !self.may_dial(ledger, DialKind::Dynamic) {
            return None;
        }
        let node = self.choose(ledger, rng)?;
        let permit = ledger.permit(&ledger.subject(node, DialKind::Dynamic)?);
        if permit.is_ok() {
            self.good_turn = !ledger.nodes.get(node).is_some_and(|record| record.good);
            self.starved = None;
        }
        self.begin_or_file(ledger, node, permit)
    }

    /// Now and then a node that was never tried, in a slot of its own.
    fn feeler<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        let node = self.schedule.feeler(ledger, rng)?;
        let permit = ledger.permit(&ledger.subject(node, DialKind::Feeler)?);
        if permit.is_ok() && !self.may_dial(ledger, DialKind::Feeler) {
            return Some(Step::Looked);
        }
        self.begin_or_file(ledger, node, permit)
    }

    /// Good and other nodes take turns while both are ready; of the others, those never tried come first.
    fn choose<I: NodeId, A: Address>(&self, ledger: &mut Ledger<I, A>, rng: &mut impl Rng) -> Option<u32> {
        let good = ledger.timers.head(Lane::Good);
        let failed = ledger.timers.head(Lane::Failed);
        let others = !ledger.fresh.is_empty() || failed.is_some();
        let anchor = ledger.timers.first(Lane::Good) == Some(Timestamp::ZERO);
        match good.filter(|_| anchor || self.good_turn || !others) {
            Some(good) => Some(good),
            None => ledger.fresh.draw(rng).or(failed),
        }
    }

    /// Slots are free, and nobody is ready: if that lasts, and lookups bring nothing, one slot is filled against the
    /// limits of diversity, and the wait begins anew.
    fn relax<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Option<Step> {
        self.reconsidered &= self.starved.is_some();
        let since = *self.starved.get_or_insert(ledger.now);
        let after = ledger.config.diversity.as_ref()?.relax_after;
        if !ledger.groups.is_awaited() {
            return None;
        }
        let at = since.saturating_add(after);
        if at > ledger.now {
            ledger.timers.set_alarm(Alarm::Relax, at);
            return None;
        }
        // What follows has an alarm of its own: a cooldown that ends, or the next lookup and its deadline.
        let soon =
            ledger.timers.first(Lane::Known).is_some_and(|due| due <= ledger.now.saturating_add(after));
        let looked = !ledger.config.discovery || ledger.lookups.ended.is_some_and(|ended| ended >= since);
        if soon || !looked || !self.may_dial(ledger, DialKind::Dynamic) {
            return None;
        }
        if !core::mem::replace(&mut self.reconsidered, true) {
            // Who waits for one subnet may have an address in another one that has got room.
            ledger.loosen();
            return Some(Step::Looked);
        }
        let (subnet, node) = ledger.groups.least_crowded()?;
        let subject = ledger.subject(node, DialKind::Dynamic)?;
        let permit = match ledger.refusal(&subject) {
            Some(Refusal::SubnetFull { .. }) | None => Ok(ledger.grant(&subject)),
            Some(refusal) => Err(refusal),
        };
        if let Ok(Permit { id, .. }) = permit {
            self.starved = Some(ledger.now);
            self.reconsidered = false;
            ledger.notify(Notice::DiversityRelaxed { id, subnet });
        }
        self.begin_or_file(ledger, node, permit)
    }

    /// A lookup whenever fewer promising nodes are ready than peers are missing. Neither nodes that have only ever
    /// failed nor attempts under way count: with a few dead ones coming back, one would never hear of others.
    fn lookup<I: NodeId, A: Address>(ledger: &mut Ledger<I, A>) -> Option<Step> {
        if !ledger.config.discovery || ledger.lookups.state != State::Idle {
            return None;
        }
        let missing = ledger.config.dynamic_target.saturating_sub(ledger.peers.outbound(Budget::Dynamic));
        if ledger.promising() >= missing {
            return None;
        }
        let at = ledger.lookup_allowed();
        if at > ledger.now {
            ledger.timers.set_alarm(Alarm::LookupStart, at);
            return None;
        }
        ledger.begin_lookup();
        Some(Step::Lookup)
    }
}
