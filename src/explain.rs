//! Why a node is not being dialed, as an answer.

use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;

use crate::address::Address;
use crate::command::{DialKind, WakeReason};
use crate::event::{DialOutcome, RemovalReason};
use crate::ledger::attempts::Budget;
use crate::ledger::lookups::State;
use crate::ledger::timers::{Alarm, Lane, Wants};
use crate::ledger::{Ledger, NONE, Queue};
use crate::node::NodeId;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// How far the nodes before one in its queue are counted: asking must not cost more than deciding.
const MOST_AHEAD: u32 = 64;

/// How a node's last attempt or session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LastOutcome {
    /// The dial was answered.
    Dial(DialOutcome),
    /// It has no address, and none was found.
    Unresolved,
    /// The dial or resolve was not answered by its deadline.
    Overdue,
    /// It was connected; the session ended.
    Ended(RemovalReason),
}

impl fmt::Display for LastOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(outcome) => write!(f, "the dial ended as {outcome:?}"),
            Self::Unresolved => f.write_str("no address was found"),
            Self::Overdue => f.write_str("no answer came by the deadline"),
            Self::Ended(reason) => write!(f, "the session ended as {reason:?}"),
        }
    }
}

/// Where a node waits to be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Standing {
    /// It is no candidate now.
    None,
    /// Static, and waits for its turn or its cooldown.
    Static,
    /// Known, and cools down.
    Cooling,
    /// Ready: it was connected once.
    Good,
    /// Ready: it was tried, and never connected.
    Failed,
    /// Ready: it was never tried.
    Fresh,
    /// Known to classic, which samples where a node lies.
    Sampled,
    /// Waits for room in its subnet.
    Crowded,
    /// Waits for a change of the rules or of its addresses.
    Parked,
}

/// Why a node is not being dialed: the answer of `Dialer::explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Explanation {
    /// Every rule that refuses it now; empty: it is eligible.
    pub refusals: Vec<Refusal>,
    /// The earliest instant at which it can be eligible, if nothing but time passes; `None`: an event is needed.
    /// Now, where nothing refuses it.
    pub earliest: Option<Timestamp>,
    /// Where it waits.
    pub standing: Standing,
    /// How many nodes of the same queue come before it, counted up to 64; `None` where the queue has no order.
    pub ahead: Option<u32>,
    /// How its last attempt or session ended, and when.
    pub last: Option<(LastOutcome, Timestamp)>,
    /// Failures in a row.
    pub failures: u32,
    /// Attempts so far.
    pub attempts: u32,
}

impl fmt::Display for Explanation {
    /// One sentence for an operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusals.split_first() {
            None => write!(f, "eligible, and waits its turn as {:?}", self.standing)?,
            Some((first, rest)) => {
                write!(f, "not dialed: {first}")?;
                rest.iter().try_for_each(|refusal| write!(f, "; {refusal}"))?;
                match self.earliest {
                    Some(at) => write!(f, "; eligible at {at} at the earliest")?,
                    None => f.write_str("; only an event changes that")?,
                }
            }
        }
        match self.last {
            Some((last, at)) => write!(f, " (at {at} {last}; failures in a row: {})", self.failures),
            None => f.write_str(" (never tried)"),
        }
    }
}

/// Why there are fewer dynamic peers than the target asks for: the answer of `Dialer::explain_need`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NeedExplanation {
    /// `Config::dynamic_target`.
    pub target: u32,
    /// Dynamic outbound peers.
    pub connected: u32,
    /// Dynamic attempts under way.
    pub under_way: u32,
    /// Slots that neither a peer nor an attempt holds.
    pub free: u32,
    /// Known nodes that are ready to be tried.
    pub ready: u32,
    /// Known nodes that cool down, and when the first of them is ready.
    pub cooling: (u32, Option<Timestamp>),
    /// Nodes that wait for room in their subnet.
    pub crowded: u32,
    /// Nodes that wait for a change of the rules or of their addresses.
    pub parked: u32,
    /// Whether a lookup is under way or about to begin.
    pub looking: bool,
    /// When the first attempt under way is given up; `None`: never, or there is none.
    pub first_overdue: Option<Timestamp>,
    /// Whether the network of this host seems to be down.
    pub offline: bool,
    /// What is waited for, and until when, as of the last drain.
    pub waits: Vec<(WakeReason, Timestamp)>,
}

impl fmt::Display for NeedExplanation {
    /// One sentence for an operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} peers, {} attempts under way", self.connected, self.target, self.under_way)?;
        if self.connected >= self.target {
            return f.write_str(": the target is reached");
        }
        if self.offline {
            f.write_str("; the network of this host seems to be down")?;
        }
        if let (0, Some(at)) = (self.free, self.first_overdue) {
            write!(f, "; every slot is taken, the first is given up at {at}")?;
        }
        write!(f, "; {} candidates ready, {} cooling down", self.ready, self.cooling.0)?;
        if let Some(at) = self.cooling.1 {
            write!(f, " (the first until {at})")?;
        }
        write!(f, ", {} crowded, {} parked", self.crowded, self.parked)?;
        f.write_str(if self.looking { "; a lookup is under way" } else { "; no lookup is under way" })?;
        self.waits.iter().try_for_each(|(reason, at)| write!(f, "; {reason:?} at {at}"))
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    pub(crate) fn explain(&self, id: &I) -> Explanation {
        let node = self.find(id).unwrap_or(NONE);
        let record = self.nodes.get(node);
        let candidate = record.is_some_and(|record| record.is_static() || record.source.is_some());
        let kind = if record.is_some_and(|record| record.is_static()) {
            DialKind::Static
        } else {
            DialKind::Dynamic
        };
        let mut refusals = Vec::new();
        if !candidate && *id != self.me {
            refusals.push(Refusal::Unknown);
        }
        let subject = self.subject(node, kind).unwrap_or_else(|| self.requested_subject(*id));
        let _ = self.check(&subject, &mut |refusal| {
            refusals.push(refusal);
            ControlFlow::Continue(())
        });
        let earliest =
            refusals.iter().try_fold(self.now, |latest, refusal| Some(latest.max(refusal.until()?)));
        Explanation {
            earliest,
            standing: self.standing(node, candidate && refusals.is_empty()),
            refusals,
            ahead: self.ahead(node),
            last: record.and_then(|record| Some((record.last?, record.last_at))),
            failures: self.failures(node),
            attempts: record.map_or(0, |record| record.attempts),
        }
    }

    fn standing(&self, node: u32, eligible: bool) -> Standing {
        match self.nodes.get(node).map_or(Queue::None, |record| record.queue) {
            Queue::None if eligible && !self.ranks() => Standing::Sampled,
            Queue::None => Standing::None,
            Queue::Static => Standing::Static,
            Queue::Cooling => Standing::Cooling,
            Queue::Good => Standing::Good,
            Queue::Failed => Standing::Failed,
            Queue::Fresh => Standing::Fresh,
            Queue::Waiting => Standing::Crowded,
            Queue::Parked => Standing::Parked,
        }
    }

    /// How many come before a node in its queue.
    fn ahead(&self, node: u32) -> Option<u32> {
        match self.nodes.get(node)?.queue {
            Queue::Static => self.timers.ahead(Lane::Static, node, MOST_AHEAD),
            Queue::Cooling => self.timers.ahead(Lane::Known, node, MOST_AHEAD),
            Queue::Good => self.timers.ahead(Lane::Good, node, MOST_AHEAD),
            Queue::Failed => self.timers.ahead(Lane::Failed, node, MOST_AHEAD),
            Queue::None | Queue::Fresh | Queue::Waiting | Queue::Parked => None,
        }
    }

    pub(crate) fn explain_need(&self) -> NeedExplanation {
        let gauges = self.gauges();
        let alarms =
            Alarm::ALL.into_iter().filter_map(|(alarm, reason)| Some((reason, self.timers.alarm(alarm)?)));
        let first = self.timers.next(Wants { statics: false, known: true });
        let mut waits: Vec<_> = alarms.chain(first.map(|(at, reason)| (reason, at))).collect();
        waits.sort_unstable_by_key(|&(reason, at)| (at, reason));
        waits.dedup();
        NeedExplanation {
            target: self.config.dynamic_target,
            connected: gauges.dynamic_peers,
            under_way: gauges.dynamic_attempts,
            free: self.free_slots(),
            ready: gauges.ready,
            cooling: (gauges.cooling, self.timers.first(Lane::Known)),
            crowded: gauges.crowded,
            parked: gauges.parked,
            looking: self.lookups.state != State::Idle,
            first_overdue: self.first_overdue(),
            offline: self.network.is_suspected(),
            waits,
        }
    }

    /// When the first dynamic attempt is given up.
    fn first_overdue(&self) -> Option<Timestamp> {
        let dynamic = self.attempts.of_budget(Budget::Dynamic).iter();
        dynamic.filter_map(|attempt| self.timers.get(Lane::Attempt, attempt)).min()
    }
}
