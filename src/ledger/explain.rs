//! The answers to `Dialer::explain` and `Dialer::explain_need`, from the ledger.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::attempts::Budget;
use super::lookups::State;
use super::timers::{Alarm, Lane, Wants};
use super::{Ledger, NONE, Queue};
use crate::address::Address;
use crate::command::DialKind;
use crate::explain::{Explanation, NeedExplanation, Standing};
use crate::node::NodeId;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// How far the nodes before one in its queue are counted: asking must not cost more than deciding.
const MOST_AHEAD: u32 = 64;

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
