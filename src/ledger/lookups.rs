//! The one lookup: when it may begin, whether it is under way, and what classic keeps of its results.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::Ledger;
use super::timers::Alarm;
use crate::address::Address;
use crate::command::{Command, LookupId, Task};
use crate::error::EventError;
use crate::node::{Node, NodeId, Source};
use crate::stats::count;
use crate::time::{Timestamp, nanos};

/// The source of nodes that lookups bring.
pub(crate) const LOOKUP: Source = Source(u8::MAX);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum State {
    /// None is wanted.
    Idle,
    /// Classic: decided on; it waits for its instant, which is an alarm.
    Decided,
    /// To go out with the next drain.
    Due,
    /// In flight.
    Running(LookupId),
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
pub(crate) struct Lookups<I, A> {
    pub(crate) state: State,
    /// When the last one began.
    pub(crate) began: Option<Timestamp>,
    /// When the last one ended, answered or not.
    pub(crate) ended: Option<Timestamp>,
    /// How many in a row have brought nothing new.
    pub(crate) barren: u32,
    /// Classic: nodes from lookups that wait to be dialed.
    pub(crate) buffer: VecDeque<Node<I, A>>,
}

impl<I, A> Lookups<I, A> {
    pub(crate) const fn new() -> Self {
        Self { state: State::Idle, began: None, ended: None, barren: 0, buffer: VecDeque::new() }
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// When the next lookup may begin.
    pub(crate) fn lookup_allowed(&self) -> Timestamp {
        let config = &self.config.lookups;
        let first = nanos(config.interval);
        let wait = match self.ranks() {
            true => crate::backoff::doubled(
                first,
                self.lookups.barren.saturating_add(1),
                nanos(config.interval_max),
            ),
            false => first,
        };
        self.lookups.began.map_or(self.now, |began| began.saturating_add(Duration::from_nanos(wait)))
    }

    /// Begins the lookup, whose command goes out with the next drain.
    pub(crate) fn begin_lookup(&mut self) {
        self.timers.clear_alarm(Alarm::LookupStart);
        self.lookups.began = Some(self.now);
        self.lookups.state = State::Due;
    }

    /// The command of a lookup that is due; it is in flight from now on.
    pub(crate) fn issue_lookup(&mut self, target: [u8; 32]) -> Command<I, A> {
        let lookup = LookupId::from_raw(self.token());
        self.lookups.state = State::Running(lookup);
        let deadline = self.config.deadlines.lookup.map(|limit| self.now.saturating_add(limit));
        if let Some(deadline) = deadline {
            self.timers.set_alarm(Alarm::LookupDeadline, deadline);
        }
        count(&mut self.stats.lookups);
        Command::Lookup { lookup, target, deadline }
    }

    pub(crate) fn lookup_answered(
        &mut self,
        lookup: LookupId,
        nodes: Vec<Node<I, A>>,
    ) -> Result<(), EventError> {
        if self.lookups.state != State::Running(lookup) {
            return Err(self.not_open(Task::Lookup(lookup), lookup.as_raw()));
        }
        self.end_lookup();
        let brought = nodes.len() as u64;
        self.stats.lookup_nodes = self.stats.lookup_nodes.saturating_add(brought);
        if self.ranks() {
            self.take_found(nodes)
        } else {
            self.buffer(nodes)
        }
        Ok(())
    }

    fn end_lookup(&mut self) {
        self.timers.clear_alarm(Alarm::LookupDeadline);
        self.lookups.ended = Some(self.now);
        self.lookups.state = State::Idle;
    }

    /// A lookup is overdue: the next one may begin, and the driver is told to give up.
    pub(crate) fn expire_lookup(&mut self) {
        if let State::Running(lookup) = self.lookups.state {
            self.cancels.push_back(Task::Lookup(lookup));
            self.lookups.barren = self.lookups.barren.saturating_add(1);
        }
        self.end_lookup();
    }

    fn take_found(&mut self, nodes: Vec<Node<I, A>>) {
        let mut new = false;
        for node in nodes {
            new |= self.discover(node, LOOKUP);
        }
        self.lookups.barren = if new { 0 } else { self.lookups.barren.saturating_add(1) };
    }

    /// Classic keeps what a lookup brought as it was delivered.
    fn buffer(&mut self, nodes: Vec<Node<I, A>>) {
        for mut node in nodes {
            self.clean(&mut node.addrs);
            if self.lookups.buffer.len() < self.config.limits.lookup_buffer as usize {
                self.lookups.buffer.push_back(node);
            } else {
                count(&mut self.stats.dropped);
            }
        }
    }
}
