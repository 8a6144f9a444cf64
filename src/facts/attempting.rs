//! The course of an attempt: begun, issued, answered or overdue, ended. What it changes besides the attempts is the
//! record of its node, the resolve delay of its static node, and the subnets it counts in.

use super::Facts;
use super::attempt::{Attempt, Ended, Origin, Stage};
use super::budget::Budget;
use super::peers::Peer;
use super::slots::{AttemptSlot, NodeSlot};
use crate::address::{Address, Addrs};
use crate::backoff::ResolveDelay;
use crate::command::{Command, DialId, DialKind, LookupId, ResolveId, Task};
use crate::config::Resolves;
use crate::error::EventError;
use crate::explain::LastOutcome;
use crate::node::{Node, NodeId};
use crate::notice::Notice;
use crate::stats::count;

/// Leave to begin an attempt, at these addresses. The rules give it.
#[derive(Debug)]
pub(crate) struct Permit<I, A> {
    pub(crate) id: I,
    /// Its record, if there is one.
    pub(crate) node: Option<NodeSlot>,
    pub(crate) addrs: Addrs<A>,
    pub(crate) kind: DialKind,
}

impl<I: NodeId, A: Address> Facts<I, A> {
    /// Begins an attempt: with a dial, or without an address with a resolve, if it may be resolved. Returns its node too,
    /// which has to be settled.
    pub(crate) fn begin(&mut self, permit: Permit<I, A>, may_resolve: bool) -> (AttemptSlot, NodeSlot) {
        let Permit { id, node, addrs, kind } = permit;
        let node = node.unwrap_or_else(|| self.nodes.intern(id));
        let stage = match addrs.is_empty() {
            false => Stage::Dial,
            true if may_resolve => Stage::Resolve,
            true => Stage::Stuck,
        };
        let began = self.now;
        let mut attempt = Attempt::new(node, kind, addrs, stage, began);
        let Some(record) = self.nodes.get_mut(node) else {
            return (self.attempts.insert(attempt, false), node);
        };
        if record.is_static() && matches!(kind, DialKind::Static | DialKind::Requested) {
            attempt.origin = Origin::Static;
        }
        let peer = record.peer.and_then(|peer| self.peers.get(peer));
        attempt.reached = peer.is_some();
        let of = peer.and_then(Peer::budget);
        if of.is_none() && self.config.diversity.is_some() {
            self.subnets.hold(attempt.addrs.as_slice());
        }
        let slot = self.attempts.insert(attempt, of == Some(Budget::of(kind)));
        record.attempts = record.attempts.wrapping_add(1);
        record.last_at = began;
        record.attempt = Some(slot);
        (slot, node)
    }

    /// Begins to ask discovery for a node that may be gone.
    pub(crate) fn revalidate(&mut self, node: NodeSlot) -> AttemptSlot {
        let attempt = self.attempts.insert(Attempt::revalidation(node, self.now), false);
        if let Some(record) = self.nodes.get_mut(node) {
            record.attempt = Some(attempt);
        }
        attempt
    }

    /// The next command of an attempt; it is in flight from now on.
    pub(crate) fn issue(&mut self, attempt: AttemptSlot) -> Option<Command<I, A>> {
        let token = self.token();
        let deadlines = &self.config.deadlines;
        let dials = self.attempts.get(attempt)?.stage() == Stage::Dial;
        let limit = if dials { deadlines.dial } else { deadlines.resolve };
        let deadline = limit.map(|limit| self.now.saturating_add(limit));
        let of = self.attempts.issue(attempt, token, deadline)?;
        let id = self.nodes.key(of.node)?;
        if !dials {
            count(&mut self.stats.resolves);
            return Some(Command::Resolve { resolve: ResolveId::from_raw(token), id, deadline });
        }
        count(&mut self.stats.dials);
        let node = Node { id, addrs: of.addrs.clone() };
        let (dial, stagger) = (DialId::from_raw(token), self.config.stagger);
        Some(Command::Dial { dial, node, kind: of.kind, stagger, deadline })
    }

    /// The command of the lookup that is due; it is in flight from now on.
    pub(crate) fn issue_lookup(&mut self, target: [u8; 32]) -> Command<I, A> {
        let lookup = LookupId::from_raw(self.token());
        let deadline = self.config.deadlines.lookup.map(|limit| self.now.saturating_add(limit));
        self.lookup.issue(lookup, deadline);
        count(&mut self.stats.lookups);
        Command::Lookup { lookup, target, deadline }
    }

    /// The attempt that a dial in flight belongs to.
    pub(crate) fn dialing(&mut self, dial: DialId) -> Result<AttemptSlot, EventError> {
        let token = dial.as_raw();
        self.attempts.flying(token, Stage::Dialing).ok_or_else(|| self.not_open(Task::Dial(dial), token))
    }

    /// The attempt that a task belongs to, which ends with that: its token is spent, and its deadline is gone.
    pub(crate) fn answered(&mut self, task: Task) -> Result<AttemptSlot, EventError> {
        let (token, stage) = match task {
            Task::Dial(dial) => (dial.as_raw(), Stage::Dialing),
            Task::Resolve(resolve) => (resolve.as_raw(), Stage::Resolving),
            Task::Lookup(_) => return Err(EventError::UnknownTask(task)),
        };
        self.attempts.answer(token, stage).ok_or_else(|| self.not_open(task, token))
    }

    /// The answer to the lookup: that ends.
    pub(crate) fn lookup_answered(&mut self, lookup: LookupId) -> Result<(), EventError> {
        if self.lookup.running() != Some(lookup) {
            return Err(self.not_open(Task::Lookup(lookup), lookup.as_raw()));
        }
        self.lookup.end(self.now);
        Ok(())
    }

    /// The lookup that is due or under way ends: in the second case the driver is told to give up.
    pub(crate) fn give_up_lookup(&mut self) {
        self.cancels.extend(self.lookup.running().map(Task::Lookup));
        if !self.lookup.is_idle() {
            self.lookup.end(self.now);
        }
    }

    /// Nobody is left to be told of the tasks that were given up.
    pub(crate) fn forget_cancels(&mut self) {
        self.cancels.clear();
    }

    fn not_open(&mut self, task: Task, token: u64) -> EventError {
        let looks = self.lookup.running().is_some_and(|lookup| lookup.as_raw() == token);
        // A token that is in flight is that of a task of another kind.
        let other = looks || self.attempts.is_open(token);
        if token == 0 || token > self.tokens || other {
            count(&mut self.stats.unknown_answers);
            EventError::UnknownTask(task)
        } else {
            count(&mut self.stats.late_answers);
            EventError::EndedTask(task)
        }
    }

    /// An attempt goes on with a resolve or a dial, when its turn comes.
    fn owe(&mut self, attempt: AttemptSlot, stage: Stage) {
        let turn = self.token();
        self.attempts.owe(attempt, stage, turn);
    }

    /// Whether a node without an address may be resolved now, as far as the delay of its static entry goes.
    pub(crate) fn may_resolve(&self, node: Option<NodeSlot>, kind: DialKind) -> bool {
        let delay = node.and_then(|node| self.resolve_delay(node));
        let fixed = matches!(kind, DialKind::Static | DialKind::Requested);
        self.config.discovery && delay.filter(|_| fixed).is_none_or(|delay| delay.allows(self.now))
    }

    /// Whether a static node that could not be dialed may be resolved: once an attempt, when its delay is over.
    pub(crate) fn may_resolve_again(&mut self, attempt: AttemptSlot) -> bool {
        let first = self.attempts.get(attempt).is_some_and(|of| !of.again);
        let (now, discovery) = (self.now, self.config.discovery);
        first && discovery && self.delay_of(attempt).is_some_and(|(delay, _)| delay.allows(now))
    }

    /// The attempt goes on with a resolve after its first dial has failed.
    pub(crate) fn resolve_again(&mut self, attempt: AttemptSlot) {
        if let Some(of) = self.attempts.get_mut(attempt) {
            of.again = true;
        }
        self.owe(attempt, Stage::Resolve);
    }

    /// The resolve delay of a static node.
    pub(crate) fn resolve_delay(&self, node: NodeSlot) -> Option<ResolveDelay> {
        let entry = self.nodes.get(node)?.listed?;
        self.statics.get(entry).map(|entry| entry.resolve)
    }

    /// The resolve delay that an attempt has to keep, and what says how it grows. `None`: the attempt does not come from a
    /// static node.
    fn delay_of(&mut self, attempt: AttemptSlot) -> Option<(&mut ResolveDelay, &Resolves)> {
        let Self { attempts, nodes, statics, config, .. } = self;
        let of = attempts.get_mut(attempt)?;
        let delay = match &mut of.origin {
            Origin::Replaced(delay) => delay,
            Origin::Static => &mut statics.get_mut(nodes.get(of.node)?.listed?)?.resolve,
            Origin::Other => return None,
        };
        Some((delay, &config.resolves))
    }

    /// The node of an attempt has no address that anybody could find: its resolve delay grows.
    pub(crate) fn unresolved(&mut self, attempt: AttemptSlot) {
        let now = self.now;
        if let Some((delay, config)) = self.delay_of(attempt) {
            delay.failed(now, config);
        }
    }

    /// What a resolve has found is where the attempt goes on with a dial.
    pub(crate) fn resolved(&mut self, attempt: AttemptSlot, addrs: Addrs<A>) {
        let now = self.now;
        if let Some((delay, config)) = self.delay_of(attempt) {
            delay.succeeded(now, config);
        }
        self.set_addrs(attempt, addrs);
        self.owe(attempt, Stage::Dial);
    }

    /// Where an attempt dials from now on.
    pub(crate) fn set_addrs(&mut self, attempt: AttemptSlot, addrs: Addrs<A>) {
        let Some(of) = self.attempts.get_mut(attempt) else { return };
        let node = of.node;
        let before = core::mem::replace(&mut of.addrs, addrs);
        if self.holds(node) {
            self.release(before.as_slice());
            if let Some(of) = self.attempts.get(attempt) {
                self.subnets.hold(of.addrs.as_slice());
            }
        }
    }

    /// Whether an attempt to reach this node counts in subnets: unless a peer stands for it.
    pub(super) fn holds(&self, node: NodeSlot) -> bool {
        self.config.diversity.is_some()
            && !self.nodes.get(node).is_some_and(|record| self.is_outbound(record))
    }

    /// Gives the subnets of these addresses up; a node that waits for one of them may have room.
    pub(super) fn release(&mut self, addrs: &[A]) {
        let Self { subnets, waiting, .. } = self;
        subnets.release(addrs, |subnet| waiting.note_room(subnet));
    }

    /// Counts a dial that is about to be cancelled.
    pub(crate) fn count_cancelled(&mut self, attempt: AttemptSlot) {
        if self.attempts.get(attempt).is_some_and(|of| of.stage() == Stage::Dialing) {
            count(&mut self.stats.dials_cancelled);
        }
    }

    /// Ends an attempt. If a task of it is still in flight, the driver is told to give it up. Its node has to be settled.
    pub(crate) fn end(&mut self, attempt: AttemptSlot, ended: Ended) -> Option<Attempt<A>> {
        self.cancels.extend(self.attempts.close(attempt));
        self.end_answered(attempt, ended)
    }

    /// Ends an attempt that has no task in flight.
    pub(crate) fn end_answered(&mut self, attempt: AttemptSlot, ended: Ended) -> Option<Attempt<A>> {
        let of = self.attempts.remove(attempt)?;
        if self.holds(of.node) {
            self.release(of.addrs.as_slice());
        }
        let last = match ended {
            Ended::Dial(outcome) => Some(LastOutcome::Dial(outcome)),
            Ended::Unresolved => Some(LastOutcome::Unresolved),
            Ended::Overdue => Some(LastOutcome::Overdue),
            Ended::Found => Some(LastOutcome::Found),
            Ended::Moot => None,
        };
        if let Some(record) = self.nodes.get_mut(of.node) {
            record.attempt = None;
            record.last = last.or(record.last);
            // A revalidation that was given up says nothing.
            if !of.is_revalidation() || ended != Ended::Moot {
                record.last_at = self.now;
            }
        }
        if of.kind == DialKind::Requested {
            self.request_ended(of.node, last);
        }
        Some(of)
    }

    #[cold]
    fn request_ended(&mut self, node: NodeSlot, outcome: Option<LastOutcome>) {
        if let Some(id) = self.nodes.key(node) {
            self.notify(Notice::RequestEnded { id, outcome });
        }
    }
}
