//! What single addresses have shown: one that failed rests while others of its node may be dialed.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Balanced;
use crate::address::{Address, Addrs};
use crate::backoff::{self, Cause, DelayClass};
use crate::collections::bytes;
use crate::command::DialKind;
use crate::config::Backoff;
use crate::event::{AddrOutcome, DialOutcome};
use crate::facts::Facts;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::node::NodeId;
use crate::plan::policy::Policy;
use crate::time::Timestamp;

/// An address that has failed apart from its node's other addresses.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Rest<A> {
    addr: A,
    until: Timestamp,
    failures: u8,
}

/// The rests, by node: none of a node whose addresses fail all together, which are most, so that these pay nothing.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct AddressRests<A>(BTreeMap<NodeSlot, Box<[Rest<A>]>>);

impl<A> AddressRests<A> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether the addresses of a node are told apart.
    pub(super) fn tell_apart(&self, node: NodeSlot) -> bool {
        self.0.contains_key(&node)
    }

    pub(super) fn forget(&mut self, node: NodeSlot) {
        self.0.remove(&node);
    }

    /// The nodes whose addresses are told apart.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeSlot> {
        self.0.keys().copied()
    }

    /// The most bytes for each node with so many addresses.
    pub(super) const fn bound(addrs: u64) -> u64 {
        if addrs == 0 {
            return 0;
        }
        let entry = bytes::tree(1, size_of::<(NodeSlot, Box<[Rest<A>]>)>());
        entry.saturating_add(addrs.saturating_mul(size_of::<Rest<A>>() as u64))
    }
}

impl<A: Address> AddressRests<A> {
    /// Takes in how a dial went for single addresses of a node that has these.
    pub(super) fn learn(
        &mut self,
        node: NodeSlot,
        addrs: &Addrs<A>,
        tried: &[AddrOutcome<A>],
        config: &Backoff,
        now: Timestamp,
    ) {
        let mut rests = self.0.remove(&node).map_or_else(Vec::new, <[_]>::into_vec);
        let known = |addr: &A| addrs.as_slice().contains(addr);
        let left_host = tried.iter().any(|tried| backoff::left_host(tried.outcome));
        for tried in tried.iter().filter(|tried| known(&tried.addr)).take(Addrs::<A>::MAX) {
            // This host works, but has no way there: no network of that family, for example.
            let no_way = left_host && tried.outcome == DialOutcome::LocalError;
            let class = DelayClass::of_dial(if no_way { DialOutcome::Unreachable } else { tried.outcome });
            let old = rests.iter().position(|rest| rest.addr == tried.addr).map(|at| rests.swap_remove(at));
            if matches!(class, DelayClass::Short | DelayClass::Medium | DelayClass::Long) {
                let failures = old.map_or(0, |old| old.failures).saturating_add(1);
                let delay = backoff::known(config, class, u32::from(failures));
                let until = now.plus_nanos(delay);
                rests.push(Rest { addr: tried.addr.clone(), until, failures });
            }
        }
        // Addresses that the node has no more are forgotten, so there are never more than it has.
        rests.retain(|rest| known(&rest.addr));
        if !rests.is_empty() {
            self.0.insert(node, rests.into_boxed_slice());
        }
    }

    /// Until when an address rests.
    pub(super) fn until(&self, node: NodeSlot, addr: &A, now: Timestamp) -> Option<Timestamp> {
        let rests = self.0.get(&node)?;
        rests.iter().find(|rest| rest.addr == *addr).map(|rest| rest.until).filter(|until| *until > now)
    }

    /// Until when all addresses of a node rest, which is blocked only as long as each of them is. `None`: one may be dialed
    /// now, or they are not told apart.
    pub(super) fn all_until(&self, node: NodeSlot, addrs: &[A], now: Timestamp) -> Option<Timestamp> {
        addrs.iter().map(|addr| self.until(node, addr, now)).min().flatten()
    }
}

impl<A: Address> Balanced<A> {
    /// Takes in how a dial went for each address. Nodes with one address have nothing to tell apart.
    pub(super) fn learn<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        attempt: AttemptSlot,
        outcome: DialOutcome,
        tried: &[AddrOutcome<A>],
    ) {
        let Some(of) = facts.attempts.get(attempt) else { return };
        let node = of.node();
        if of.addrs().len() <= 1 {
            return self.learn_of_all(facts, node, of.addrs(), outcome);
        }
        let partly = tried.len() < of.addrs().len() || tried.iter().any(|tried| tried.outcome != outcome);
        if partly && !tried.is_empty() {
            let known = self.addresses(facts, node, of.addrs());
            self.rests.learn(node, &known, tried, &facts.config.backoff, facts.now);
        } else {
            self.learn_of_all(facts, node, of.addrs(), outcome);
        }
        if let Some(good) = tried.iter().find(|tried| tried.outcome == DialOutcome::Connected) {
            self.prove(facts, node, &good.addr);
        } else if self.has_failed_first(facts, node, tried) {
            if let Some(notes) = facts.nodes.notes_mut(node) {
                notes.proven = false;
            }
        }
    }

    /// One outcome holds for all addresses of an attempt. Where the node's addresses are told apart, each of these is charged:
    /// the others may still rest.
    pub(super) fn learn_of_all<I: NodeId>(
        &mut self,
        facts: &Facts<I, A>,
        node: NodeSlot,
        addrs: &Addrs<A>,
        outcome: DialOutcome,
    ) {
        let charged =
            matches!(DelayClass::of_dial(outcome), DelayClass::Short | DelayClass::Medium | DelayClass::Long);
        if !charged || !self.rests.tell_apart(node) {
            return;
        }
        let tried: Vec<_> = addrs.iter().map(|addr| AddrOutcome { addr: addr.clone(), outcome }).collect();
        let known = self.addresses(facts, node, addrs);
        self.rests.learn(node, &known, &tried, &facts.config.backoff, facts.now);
    }

    /// The addresses that a node has, of which an attempt leaves out those that rest.
    fn addresses<I: NodeId>(&self, facts: &Facts<I, A>, node: NodeSlot, attempt: &Addrs<A>) -> Addrs<A> {
        let subject = self.subject(facts, node, DialKind::Requested);
        let addrs = subject.map_or_else(|| attempt.as_slice(), |subject| subject.addrs);
        addrs.iter().cloned().collect()
    }

    /// Some addresses of a node have failed apart from others: it is blocked as long as all of them rest.
    pub(super) fn charge_addresses<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: NodeSlot,
        cause: Cause,
    ) {
        let Some(subject) = self.subject(facts, node, DialKind::Requested) else { return };
        // One that a rule excludes is no way to the node.
        let allowed = facts.allowed(subject.addrs);
        let until = self.rests.all_until(node, allowed.as_slice(), facts.now);
        if let Some(notes) = facts.nodes.notes_mut(node).filter(|_| until.is_some()) {
            notes.failures = notes.failures.saturating_add(1);
        }
        self.note_worn(facts, node);
        let due = until.map(|until| Self::due(facts, node, until));
        self.cool(facts, node, due, cause);
    }

    /// The address of a node that has connected comes first, and is kept until it fails.
    pub(super) fn prove<I: NodeId>(&self, facts: &mut Facts<I, A>, node: NodeSlot, addr: &A) {
        facts.prefer(node, addr);
        let record = facts.nodes.get(node);
        let proven = record.is_some_and(|record| facts.discovered(record).first() == Some(addr));
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.proven = proven;
        }
    }

    /// Whether the first address of a node is among those that have failed.
    fn has_failed_first<I: NodeId>(
        &self,
        facts: &Facts<I, A>,
        node: NodeSlot,
        tried: &[AddrOutcome<A>],
    ) -> bool {
        let first = facts.nodes.get(node).and_then(|record| facts.discovered(record).first());
        tried.iter().any(|tried| Some(&tried.addr) == first)
    }
}
