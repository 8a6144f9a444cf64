//! The course of an attempt: begun, issued, answered or overdue, ended.

use super::Ledger;
use super::attempts::{Attempt, Attempts, Budget, Ended, Origin, Phase};
use super::groups::Held;
use super::nodes::Record;
use super::slab::NONE;
use super::timers::Lane;
use crate::address::{Address, Addrs};
use crate::backoff::may_have_moved;
use crate::check::Permit;
use crate::command::{Command, DialId, DialKind, ResolveId, Task};
use crate::config::Profile;
use crate::error::EventError;
use crate::event::DialOutcome;
use crate::node::{Node, NodeId};
use crate::stats::count;

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Begins an attempt. `issue` gives its first command, unless that would be a resolve that is refused.
    pub(crate) fn begin(&mut self, permit: Permit<I, A>) -> u32 {
        let Permit { id, node, addrs, kind } = permit;
        let node = if node == NONE { self.intern(id) } else { node };
        let listed = self.nodes.get(node).is_some_and(Record::is_static);
        let fixed = listed && matches!(kind, DialKind::Static | DialKind::Requested);
        let phase = match addrs.is_empty() {
            false => Phase::Dial,
            true if self.may_resolve(node, fixed) => Phase::Resolve,
            true => Phase::Refused,
        };
        let held = if self.config.diversity.is_some() { self.groups.hold(&addrs) } else { Held::new() };
        let began = self.now;
        let origin = if fixed { Origin::Static } else { Origin::Other };
        let attempt = Attempt { node, kind, addrs, phase, began, origin, again: false, token: 0, held };
        let attempt = self.attempts.slab.insert(attempt);
        Attempts::<A>::set_mut(&mut self.attempts.active, Budget::of(kind)).insert(attempt);
        let peer = self.nodes.get(node).and_then(|record| self.peers.budget(record.peer));
        self.attempts.set_met(attempt, peer);
        self.pardoned(node, None);
        if let Some(record) = self.nodes.get_mut(node) {
            record.anchor = false;
            record.attempt = attempt;
            record.attempts = record.attempts.wrapping_add(1);
            record.last_at = self.now;
        }
        self.settle(node);
        if phase == Phase::Refused {
            self.attempts.refused.insert(attempt);
        }
        attempt
    }

    /// Whether an attempt without an address may begin with a resolve. In classic it finds out for itself that it has to
    /// wait for the delay of its static node.
    fn may_resolve(&self, node: u32, fixed: bool) -> bool {
        let delay = self.resolve_delay(node).filter(|_| fixed && !self.ranks());
        self.config.discovery && delay.is_none_or(|delay| delay.allows(self.now))
    }

    /// An attempt goes on with a resolve or a dial, when its turn comes.
    fn owe(&mut self, attempt: u32, phase: Phase) {
        let order = self.token();
        if let Some(of) = self.attempts.slab.get_mut(attempt) {
            of.phase = phase;
            self.attempts.owed.set(attempt, order, 0);
        }
    }

    /// The next command of an attempt; it is in flight from now on.
    pub(crate) fn issue(&mut self, attempt: u32) -> Option<Command<I, A>> {
        let token = self.token();
        let of = self.attempts.slab.get_mut(attempt)?;
        let id = self.nodes.key(of.node)?;
        let deadlines = &self.config.deadlines;
        let dials = of.phase == Phase::Dial;
        let limit = if dials { deadlines.dial } else { deadlines.resolve };
        let deadline = limit.map(|limit| self.now.saturating_add(limit));
        of.phase = if dials { Phase::Dialing } else { Phase::Resolving };
        let node = Node { id, addrs: of.addrs.clone() };
        let kind = of.kind;
        self.attempts.owed.remove(attempt);
        self.attempts.open(attempt, token);
        if let Some(deadline) = deadline {
            self.timers.set(Lane::Attempt, attempt, deadline, 0);
        }
        if !dials {
            count(&mut self.stats.resolves);
            return Some(Command::Resolve { resolve: ResolveId::from_raw(token), id, deadline });
        }
        count(&mut self.stats.dials);
        self.note_dialed(&node.addrs);
        let stagger = self.config.stagger;
        Some(Command::Dial { dial: DialId::from_raw(token), node, kind: self.shown(kind), stagger, deadline })
    }

    /// Classic has no bootnode dials of its own: to it they are dynamic.
    fn shown(&self, kind: DialKind) -> DialKind {
        match (self.config.profile(), kind) {
            (Profile::Classic, DialKind::Bootnode) => DialKind::Dynamic,
            (Profile::Classic | Profile::Balanced, _) => kind,
        }
    }

    /// The attempt that a task belongs to, which ends with that: its token is spent, and its deadline is gone.
    pub(crate) fn answered(&mut self, task: Task) -> Result<u32, EventError> {
        let (token, phase) = match task {
            Task::Dial(dial) => (dial.as_raw(), Phase::Dialing),
            Task::Resolve(resolve) => (resolve.as_raw(), Phase::Resolving),
            Task::Lookup(_) => return Err(EventError::UnknownTask(task)),
        };
        match self.attempts.spend(token, phase) {
            Some(attempt) => {
                self.timers.clear(Lane::Attempt, attempt);
                Ok(attempt)
            }
            None => Err(self.not_open(task, token)),
        }
    }

    pub(crate) fn not_open(&mut self, task: Task, token: u64) -> EventError {
        if token == 0 || token > self.tokens {
            count(&mut self.stats.unknown_answers);
            EventError::UnknownTask(task)
        } else {
            count(&mut self.stats.late_answers);
            EventError::EndedTask(task)
        }
    }

    /// The task of an attempt that nobody has answered, which ends with that.
    fn close(&mut self, attempt: u32) -> Option<Task> {
        let of = self.attempts.get(attempt)?;
        let (token, phase) = (of.token, of.phase);
        self.attempts.spend(token, phase)?;
        self.timers.clear(Lane::Attempt, attempt);
        match phase {
            Phase::Dialing => Some(Task::Dial(DialId::from_raw(token))),
            Phase::Resolving => Some(Task::Resolve(ResolveId::from_raw(token))),
            Phase::Resolve | Phase::Dial | Phase::Refused => None,
        }
    }

    /// The dial of an attempt was answered: it ends, or a static node is resolved and dialed once more.
    pub(crate) fn dial_answered(&mut self, attempt: u32, outcome: DialOutcome) {
        self.stats.outcomes.count(outcome);
        let addr = self.attempts.get(attempt).and_then(|of| of.addrs.first());
        self.note_health(addr.and_then(Address::ip_addr), outcome);
        if may_have_moved(outcome) && self.resolves_again(attempt) {
            if let Some(of) = self.attempts.slab.get_mut(attempt) {
                of.again = true;
            }
            self.owe(attempt, Phase::Resolve);
        } else {
            self.end(attempt, Ended::Dial(outcome));
        }
    }

    /// Whether a static node that could not be dialed is to be resolved: once an attempt, when its delay is over.
    fn resolves_again(&mut self, attempt: u32) -> bool {
        let first = self.attempts.get(attempt).is_some_and(|of| !of.again);
        let (now, allowed) = (self.now, self.config.discovery && !self.network.is_suspected());
        first && allowed && self.delay_of(attempt).is_some_and(|(delay, _)| delay.allows(now))
    }

    /// The resolve of an attempt was answered: it is dialed at what was found, or ends.
    pub(crate) fn resolve_answered(&mut self, attempt: u32, mut addrs: Addrs<A>) {
        self.clean(&mut addrs);
        if self.ranks() {
            // go-ethereum dials whatever a resolve brings; here the rules hold for it too.
            addrs.retain(|addr| self.excludes(addr).is_none());
        }
        if addrs.is_empty() {
            self.unresolved(attempt);
            self.end(attempt, Ended::Unresolved);
            return;
        }
        self.resolved(attempt, addrs);
        self.rehold(attempt);
        self.owe(attempt, Phase::Dial);
    }

    /// Drops the addresses of an attempt that a rule has come to exclude since they were found.
    pub(crate) fn recheck(&mut self, attempt: u32) {
        let Some(mut addrs) = self.attempts.get(attempt).map(|of| of.addrs.clone()) else { return };
        let found = addrs.len();
        addrs.retain(|addr| self.excludes(addr).is_none());
        if addrs.len() < found {
            if let Some(of) = self.attempts.slab.get_mut(attempt) {
                of.addrs = addrs;
            }
            self.rehold(attempt);
        }
    }

    /// Counts an attempt in the groups of its present addresses, while no peer stands for it.
    pub(crate) fn rehold(&mut self, attempt: u32) {
        let Some(node) = self.attempts.get(attempt).map(|of| of.node) else { return };
        let connected = self.is_outbound(node);
        let Some(of) = self.attempts.slab.get_mut(attempt) else { return };
        let old = core::mem::take(&mut of.held);
        if self.config.diversity.is_some() && !connected {
            of.held = self.groups.hold(&of.addrs);
        }
        self.release(&old);
    }

    /// Gives groups up, and remembers that whoever waits for them may have room.
    pub(crate) fn release(&mut self, held: &Held) {
        for group in held {
            if let Some(queue) = self.groups.let_go(*group) {
                self.crowded.insert(queue);
            }
        }
    }

    /// The node of an attempt has no address that anybody could find: its resolve delay grows.
    fn unresolved(&mut self, attempt: u32) {
        let now = self.now;
        if let Some((delay, config)) = self.delay_of(attempt) {
            delay.failed(now, config);
        }
    }

    /// What a resolve has found is where the attempt goes on, and the static node that it came from is from now on.
    fn resolved(&mut self, attempt: u32, addrs: Addrs<A>) {
        let now = self.now;
        if let Some((delay, config)) = self.delay_of(attempt) {
            delay.succeeded(now, config);
        }
        let Some(of) = self.attempts.slab.get_mut(attempt) else { return };
        of.addrs = addrs.clone();
        let (node, origin) = (of.node, of.origin);
        if let Some(record) = self.nodes.get_mut(node).filter(|_| origin == Origin::Static) {
            record.addrs = addrs.clone();
        }
        // A known node without an address keeps the one that was found. (Classic never writes back.)
        let known = self.nodes.get(node).filter(|record| record.source.is_some() && self.ranks());
        if known.is_some_and(|record| self.discovered(record).is_empty()) {
            self.set_discovered(node, addrs);
        }
    }

    /// Ends an attempt that something has made moot, whatever it waits for.
    pub(crate) fn cancel(&mut self, attempt: u32) {
        if self.attempts.get(attempt).is_some_and(|of| of.phase == Phase::Dialing) {
            count(&mut self.stats.dials_cancelled);
        }
        self.give_up(attempt, Ended::Moot);
    }

    /// Ends an attempt; its task, if it has one, is cancelled.
    fn give_up(&mut self, attempt: u32, ended: Ended) {
        let task = self.close(attempt);
        self.cancels.extend(task);
        self.end(attempt, ended);
    }

    /// Ends an attempt whose task is closed: its slot is free, and its node is judged.
    pub(crate) fn end(&mut self, attempt: u32, ended: Ended) {
        self.attempts.owed.remove(attempt);
        self.attempts.refused.remove(attempt);
        let Some(of) = self.attempts.slab.remove(attempt) else { return };
        let budget = Budget::of(of.kind);
        Attempts::<A>::set_mut(&mut self.attempts.active, budget).remove(attempt);
        Attempts::<A>::set_mut(&mut self.attempts.unmet, budget).remove(attempt);
        self.release(&of.held);
        if let Some(record) = self.nodes.get_mut(of.node) {
            record.attempt = NONE;
        }
        self.judge(&of, ended);
    }

    /// A dial or resolve is overdue: its slot is free, and the driver is told to give up.
    pub(crate) fn expire_attempt(&mut self, attempt: u32, charged: bool) {
        let Some(of) = self.attempts.slab.get(attempt) else { return };
        let resolving = of.phase == Phase::Resolving;
        if !resolving {
            count(&mut self.stats.dials_overdue);
        }
        let ended = match (charged, resolving) {
            (false, _) => Ended::Moot,
            (true, true) => Ended::Unresolved,
            (true, false) => Ended::Overdue,
        };
        if resolving && charged {
            self.unresolved(attempt);
        }
        self.give_up(attempt, ended);
    }
}
