//! What a node's attempts and sessions mean for it: failures, cooldowns, and whether it is good.

use core::time::Duration;

use super::Ledger;
use super::attempts::{Attempt, Ended, Origin};
use super::slab::NONE;
use super::timers::Due;
use crate::address::Address;
use crate::backoff::{self, Cause, Class};
use crate::command::DialKind;
use crate::event::{DialOutcome, RemovalReason};
use crate::explain::LastOutcome;
use crate::node::NodeId;

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Draws the consequences of an attempt that has ended.
    pub(crate) fn judge(&mut self, attempt: &Attempt<A>, ended: Ended) {
        let node = attempt.node;
        self.remember(node, ended);
        if !self.ranks() {
            return self.enter_history(node);
        }
        if ended != Ended::Dial(DialOutcome::LocalError) && self.is_outdated(attempt) {
            return self.cool(node, None, Cause::None);
        }
        match ended {
            Ended::Moot => self.settle(node),
            // The dial before that resolve is what failed.
            Ended::Unresolved if attempt.again => self.charge_failure(attempt, Class::Short),
            Ended::Unresolved => self.charge_unresolved(node),
            Ended::Overdue => self.charge_failure(attempt, Class::Short),
            Ended::Dial(DialOutcome::LocalError) => {
                self.network.local_error(self.now, &self.config.backoff);
                self.settle(node);
            }
            Ended::Dial(outcome) => match Class::of_dial(outcome) {
                Class::Uncharged => self.settle(node),
                Class::Success => {
                    self.succeeded();
                    self.promote(node);
                    self.rest(node);
                }
                class @ (Class::Short | Class::Medium | Class::Long) => {
                    if backoff::proves_network(outcome) {
                        self.succeeded();
                    }
                    self.charge_failure(attempt, class);
                }
            },
        }
    }

    /// Whether a static node was added anew, with a new address, since an attempt began: how it ends says nothing of
    /// that address.
    fn is_outdated(&self, attempt: &Attempt<A>) -> bool {
        let replaced = matches!(attempt.origin, Origin::Replaced(_));
        let record = self.nodes.get(attempt.node).filter(|record| replaced && record.peer == NONE);
        let readded = record.filter(|record| record.is_static());
        readded.is_some_and(|record| record.addrs.iter().any(|addr| !attempt.addrs.as_slice().contains(addr)))
    }

    fn remember(&mut self, node: u32, ended: Ended) {
        let last = match ended {
            Ended::Dial(outcome) => Some(LastOutcome::Dial(outcome)),
            Ended::Unresolved => Some(LastOutcome::Unresolved),
            Ended::Overdue => Some(LastOutcome::Overdue),
            Ended::Moot => None,
        };
        if let Some(record) = self.nodes.get_mut(node) {
            record.last_at = self.now;
            record.last = last.or(record.last);
        }
    }

    /// Classic: whatever came of the dial, the node rests, and an entry that expires exactly now still blocks.
    fn enter_history(&mut self, node: u32) {
        let until = self.now.saturating_add(self.config.backoff.history).next();
        self.cool(node, Some(until), Cause::History);
    }

    fn charge_failure(&mut self, attempt: &Attempt<A>, class: Class) {
        let node = attempt.node;
        if !self.failed(attempt, class) {
            // The network of this host is down, as it seems, or was: nobody is charged.
            return self.settle(node);
        }
        if self.tells_apart(node) { self.charge_addresses(node, class) } else { self.charge(node, class) }
    }

    /// Some addresses of a node have failed apart from others: it is blocked as long as all of them rest.
    fn charge_addresses(&mut self, node: u32, class: Class) {
        let Some(subject) = self.subject(node, DialKind::Requested) else { return };
        let until = self.all_rest(node, subject.addrs);
        if let Some(record) = self.nodes.get_mut(node).filter(|_| until.is_some()) {
            record.failures = record.failures.saturating_add(1);
        }
        self.note_worn(node);
        self.cool(node, until, class.cause());
    }

    /// One more failure in a row, and the delay that goes with it.
    fn charge(&mut self, node: u32, class: Class) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        record.failures = record.failures.saturating_add(1);
        self.delay(node, class);
    }

    /// The delay of a node as its failures stand; at least that of a first failure.
    fn delay(&mut self, node: u32, class: Class) {
        let Some(record) = self.nodes.get(node) else { return };
        let failures = u32::from(record.failures).max(1);
        let delay = match record.is_static() {
            true => backoff::fixed(&self.config.backoff, failures),
            false => backoff::known(&self.config.backoff, class, failures),
        };
        let until = self.spread(node, delay);
        self.note_worn(node);
        self.cool_down(node, Some(until), class.cause());
    }

    /// Now plus a delay, spread by the node's own jitter.
    pub(super) fn spread(&self, node: u32, delay: u64) -> Due {
        let bits = self.jitter_of(node);
        let spread = backoff::spread(delay, self.config.backoff.jitter_percent, bits);
        Due { at: self.now.saturating_add(Duration::from_nanos(spread)), tie: bits as u32 }
    }

    /// No address was found: a static node waits for its resolve delay, another one for a delay of the same kind.
    fn charge_unresolved(&mut self, node: u32) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        record.failures = record.failures.saturating_add(1);
        let failures = u32::from(record.failures);
        let until = match self.resolve_delay(node) {
            // Added again meanwhile it may be resolved at once, and waits from now on like any other.
            Some(delay) => Due { at: delay.next.max(self.now), tie: self.jitter_of(node) as u32 },
            None => {
                let resolves = &self.config.resolves;
                let first = crate::time::nanos(resolves.delay);
                self.spread(node, backoff::doubled(first, failures, crate::time::nanos(resolves.delay_max)))
            }
        };
        self.note_worn(node);
        self.cool_down(node, Some(until), Cause::Resolve);
    }

    /// After a dial that succeeded: the peer stands for the node. If there is none, it has come and gone, or the
    /// driver has not told of it: the node rests, lest it be dialed in a circle.
    fn rest(&mut self, node: u32) {
        if self.nodes.get(node).is_some_and(|record| record.peer != NONE) {
            self.settle(node);
        } else {
            self.delay(node, Class::Short);
        }
    }

    /// Draws the consequences of a session that has ended.
    pub(crate) fn judge_session(
        &mut self,
        node: u32,
        outbound: bool,
        length: Duration,
        reason: RemovalReason,
    ) {
        let class = Class::of_removal(reason);
        let stable = length >= self.config.backoff.stable_session;
        let blamed = matches!(class, Class::Medium | Class::Long);
        let judged = self.ranks() && (outbound || blamed);
        if judged {
            // What was pardoned while it was connected counts no more. (Its timer is set anew in any case.)
            self.pardoned(node, None);
        }
        if let Some(record) = self.nodes.get_mut(node) {
            record.last = Some(LastOutcome::Ended(reason));
            record.last_at = self.now;
        }
        if !judged {
            return self.settle(node);
        }
        if let Some(record) = self.nodes.get_mut(node).filter(|_| stable) {
            record.failures = 0;
        }
        if blamed || (class == Class::Short && !stable) {
            self.charge(node, class)
        } else {
            self.delay(node, class)
        }
    }
}
