//! Facts per id, and the one queue in which a node waits: derived from the facts by `settle`.

use super::Ledger;
use super::list::{Link, Links};
use super::slab::NONE;
use super::table::Table;
use super::timers::{Due, Lane};
use crate::address::{Address, Addrs};
use crate::backoff::Cause;
use crate::explain::LastOutcome;
use crate::network::Subnet;
use crate::node::{NodeId, Source};
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What is known of one id. It lives as long as any fact does.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Record<A> {
    /// Where it is dialed: a static node where the operator says, or where it was found since; a known node where it was
    /// discovered. Empty where it is neither.
    pub(crate) addrs: Addrs<A>,
    /// Where it was heard of first, if it is a known node.
    pub(crate) source: Option<Source>,
    /// It is known, and was connected to once.
    pub(crate) good: bool,
    /// It was one of the last good peers before a restart, and is dialed first.
    pub(crate) anchor: bool,
    /// Its static entry, attempt and connection, or `NONE`.
    pub(crate) entry: u32,
    pub(crate) attempt: u32,
    pub(crate) peer: u32,
    /// When its last attempt ended or its last session did, and how.
    pub(crate) last: Option<LastOutcome>,
    pub(crate) last_at: Timestamp,
    /// Attempts so far (wraps), and failures in a row (saturates).
    pub(crate) attempts: u32,
    pub(crate) failures: u8,
    /// Why it cools down, where it does; until when is in its timer.
    pub(crate) cause: Cause,
    /// The pardon that was the latest when `cause` was set.
    pub(crate) pardon: u32,
    pub(crate) queue: Queue,
    /// The group that it waits for, or that let it back among the ready ones.
    pub(super) group: u32,
    /// The rules as of which it was parked, or began to wait for room.
    pub(crate) rules: u32,
    pub(super) link: Link,
}

/// Where a node waits. What it waits for in `Static` and `Cooling` is its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Queue {
    /// Not a candidate now, or sampled where it is (classic).
    None,
    /// A static node: in its lane of the timers, since when or until when.
    Static,
    /// A known node, until its cooldown ends.
    Cooling,
    /// Among the ready ones.
    Good,
    Failed,
    Fresh,
    /// For room in a group.
    Waiting,
    /// For a change of the rules or of its addresses.
    Parked,
}

impl<A> Record<A> {
    const fn new(addrs: Addrs<A>) -> Self {
        Self {
            addrs,
            source: None,
            good: false,
            anchor: false,
            entry: NONE,
            attempt: NONE,
            peer: NONE,
            last: None,
            last_at: Timestamp::ZERO,
            attempts: 0,
            failures: 0,
            cause: Cause::None,
            pardon: 0,
            queue: Queue::None,
            group: NONE,
            rules: 0,
            link: Link::NONE,
        }
    }

    pub(crate) const fn is_static(&self) -> bool {
        self.entry != NONE
    }
}

impl<I: NodeId, A> Links for Table<I, Record<A>> {
    fn link(&mut self, slot: u32) -> Option<&mut Link> {
        self.get_mut(slot).map(|record| &mut record.link)
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    pub(crate) fn find(&self, id: &I) -> Option<u32> {
        self.nodes.find(id)
    }

    /// The record of an id, made if there is none. It has to be given a fact, or to be settled, at once.
    pub(crate) fn intern(&mut self, id: I) -> u32 {
        self.nodes.intern(id, || Record::new(Addrs::new()))
    }

    /// Which lane the cooldown of a node is in, if it has one.
    pub(crate) const fn cooldown_lane(queue: Queue) -> Lane {
        match queue {
            Queue::Static => Lane::Static,
            Queue::Cooling => Lane::Known,
            Queue::None | Queue::Good | Queue::Failed | Queue::Fresh | Queue::Waiting | Queue::Parked => {
                Lane::Idle
            }
        }
    }

    /// Until when a node cools down; an instant that has come does not block.
    pub(crate) fn cooldown(&self, node: u32) -> Option<Timestamp> {
        let queue = self.nodes.get(node)?.queue;
        self.timers.get(Self::cooldown_lane(queue), node).filter(|until| *until > self.now)
    }

    /// Starts a cooldown, or ends it, and puts the node where it belongs.
    pub(crate) fn cool(&mut self, node: u32, until: Option<Timestamp>, cause: Cause) {
        let until = until.map(|at| Due { at, tie: self.jitter_of(node) as u32 });
        self.cool_down(node, until, cause);
    }

    /// The same, with the place among equal instants.
    pub(crate) fn cool_down(&mut self, node: u32, until: Option<Due>, cause: Cause) {
        self.unqueue(node);
        if let Some(record) = self.nodes.get_mut(node) {
            record.cause = cause;
            record.pardon = self.pardons;
        }
        self.enqueue(node, until);
    }

    /// Puts a node where it belongs, after one of its facts has changed.
    pub(crate) fn settle(&mut self, node: u32) {
        let at = self.unqueue(node);
        self.enqueue(node, at);
    }

    /// Whether a fact keeps a node from being a candidate, so that a later event brings it back.
    fn is_blocked(&self, id: &I, node: u32, record: &Record<A>) -> bool {
        let busy = record.attempt != NONE || record.peer != NONE;
        busy || self.inbound.is_pending(node) || self.bans.of_id(id, self.now).is_some() || *id == self.me
    }

    /// The jitter of a node's latest attempt: the upper half spreads delays, the lower half decides ties.
    pub(crate) fn jitter_of(&self, node: u32) -> u64 {
        let Some((id, record)) = self.nodes.entry(node) else { return 0 };
        self.jitter.bits(id.as_bytes(), record.attempts)
    }

    /// Takes a node out of its queue; returns what its timer said.
    pub(crate) fn unqueue(&mut self, node: u32) -> Option<Due> {
        let record = self.nodes.get_mut(node)?;
        let queue = core::mem::replace(&mut record.queue, Queue::None);
        let (group, source) = (record.group, record.source.unwrap_or_default());
        match queue {
            Queue::None | Queue::Static | Queue::Cooling => {}
            Queue::Good => drop(self.timers.clear(Lane::Good, node)),
            Queue::Failed => drop(self.timers.clear(Lane::Failed, node)),
            Queue::Fresh => self.fresh.remove(&mut self.nodes, node, source),
            Queue::Waiting => self.groups.leave(&mut self.nodes, group, node),
            Queue::Parked => self.parked.remove(&mut self.nodes, node),
        }
        if group != NONE {
            self.leave_group(node, group, queue);
        }
        self.timers.clear(Self::cooldown_lane(queue), node)
    }

    /// A node that a group had let back among the ready ones is gone from there: the next may follow.
    fn leave_group(&mut self, node: u32, group: u32, queue: Queue) {
        if let Some(record) = self.nodes.get_mut(node) {
            record.group = NONE;
        }
        if queue != Queue::Waiting {
            self.groups.set_delegate(group, NONE);
            self.crowded.insert(group);
        }
    }

    /// Puts a node that is in no queue where it belongs, with what its timer said.
    pub(crate) fn enqueue(&mut self, node: u32, due: Option<Due>) {
        let due = self.pardoned(node, due);
        let Some((id, record)) = self.nodes.entry(node) else { return };
        let until = due.filter(|due| due.at > self.now);
        if !(record.is_static() || record.source.is_some()) || self.is_blocked(id, node, record) {
            self.idle(node, until);
        } else if record.is_static() {
            let at_once = || Due { at: self.now, tie: self.jitter_of(node) as u32 };
            let Due { at, tie } = due.unwrap_or_else(at_once);
            self.timers.set(Lane::Static, node, at, tie);
            self.set_queue(node, Queue::Static);
        } else if let Some(Due { at, tie }) = until {
            self.timers.set(Lane::Known, node, at, tie);
            self.set_queue(node, Queue::Cooling);
        } else if self.ranks() {
            self.make_ready(node);
        }
    }

    fn set_queue(&mut self, node: u32, queue: Queue) {
        if let Some(record) = self.nodes.get_mut(node) {
            record.queue = queue;
        }
    }

    /// A node that is no candidate now. Without any fact its record ends; a cooldown is such a fact in classic,
    /// whose history does not ask where a node came from.
    fn idle(&mut self, node: u32, until: Option<Due>) {
        let Some(record) = self.nodes.get(node) else { return };
        let lasting =
            record.is_static() || record.source.is_some() || record.attempt != NONE || record.peer != NONE;
        let remembered = until.is_some() && !self.ranks();
        if lasting || remembered || self.inbound.is_pending(node) {
            if let Some(Due { at, tie }) = until {
                self.timers.set(Lane::Idle, node, at, tie);
            }
        } else {
            self.nodes.remove(node);
            self.rests.remove(&node);
        }
    }

    fn make_ready(&mut self, node: u32) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        // Anchors come before all others, and no instant is as early.
        let tried = if record.anchor { Timestamp::ZERO } else { record.last_at.max(Timestamp::ZERO.next()) };
        if record.good {
            record.queue = Queue::Good;
            self.timers.set(Lane::Good, node, tried, 0);
        } else if record.attempts == 0 {
            record.queue = Queue::Fresh;
            let source = record.source.unwrap_or_default();
            self.fresh.insert(&mut self.nodes, node, source);
        } else {
            record.queue = Queue::Failed;
            self.timers.set(Lane::Failed, node, tried, 0);
        }
    }

    /// Makes a known node whose cooldown has ended ready. Returns whether there was one.
    pub(crate) fn wake_known(&mut self) -> bool {
        let due = self.timers.due(Lane::Known, self.now);
        due.map(|node| self.settle(node)).is_some()
    }

    /// Lets a node wait for room in a group.
    pub(crate) fn wait_for(&mut self, node: u32, group: Subnet) {
        self.unqueue(node);
        let group = self.groups.wait(&mut self.nodes, group, node);
        if let Some(record) = self.nodes.get_mut(node) {
            record.queue = Queue::Waiting;
            record.rules = self.rules;
            record.group = group;
        }
        self.crowded.insert(group);
    }

    /// Lets a node wait for a change of the rules or of its addresses.
    pub(crate) fn park(&mut self, node: u32) {
        self.unqueue(node);
        if let Some(record) = self.nodes.get_mut(node) {
            record.queue = Queue::Parked;
            record.rules = self.rules;
        }
        self.parked.push(&mut self.nodes, node);
    }

    /// Brings back one node that was parked under older rules. Returns whether there was one.
    pub(crate) fn unpark(&mut self) -> bool {
        let head = self.parked.head();
        let stale = |node: &u32| self.nodes.get(*node).is_some_and(|record| record.rules != self.rules);
        head.filter(stale).map(|node| self.settle(node)).is_some()
    }

    /// Brings back one node that has waited for room since older rules. Returns whether there was one.
    pub(crate) fn reconsider(&mut self) -> bool {
        while let Some(group) = self.reconsidered.last() {
            let stale = |node: &u32| self.nodes.get(*node).is_some_and(|record| record.rules != self.rules);
            if let Some(node) = self.groups.first_waiting(group).filter(stale) {
                self.settle(node);
                return true;
            }
            self.reconsidered.pop();
        }
        false
    }

    /// Lets one waiting node back for each group that may have got room since.
    pub(crate) fn admit_waiting(&mut self) {
        while let Some(group) = self.crowded.pop() {
            let limits = self.config.diversity.as_ref();
            let Some(node) = limits.and_then(|limits| self.groups.next_delegate(limits, group)) else {
                continue;
            };
            self.settle(node);
            let ready = |r: &&mut Record<A>| matches!(r.queue, Queue::Good | Queue::Failed | Queue::Fresh);
            match self.nodes.get_mut(node).filter(ready) {
                Some(record) => {
                    let exists = self.groups.set_delegate(group, node);
                    record.group = if exists { group } else { NONE };
                }
                None => self.crowded.insert(group),
            }
        }
    }

    /// Lets a candidate that was refused wait for what refused it.
    pub(crate) fn file(&mut self, node: u32, refusal: Refusal) {
        self.stats.refusals.count(&refusal);
        match refusal {
            Refusal::SubnetFull { subnet } => self.wait_for(node, subnet),
            Refusal::ResolveDelay { until } => self.cool(node, Some(until), Cause::Resolve),
            Refusal::Restricted | Refusal::BannedNetwork { .. } | Refusal::NoAddress => {
                let id = self.nodes.key(node);
                if let Some(id) = id.filter(|_| self.nodes.get(node).is_some_and(Record::is_static)) {
                    self.notify(Notice::StaticParked { id, reason: refusal });
                }
                self.park(node);
            }
            Refusal::FamilyDown => self.cool_down(node, Some(self.after_probe(node)), Cause::None),
            Refusal::OwnId
            | Refusal::Unknown
            | Refusal::InAttempt
            | Refusal::Connected
            | Refusal::InboundPending
            | Refusal::BannedId { .. }
            | Refusal::Cooling { .. } => self.settle(node),
        }
    }
}
