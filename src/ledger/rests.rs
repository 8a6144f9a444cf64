//! What single addresses have shown: the good one comes first, and one that failed rests while others may be dialed.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::Ledger;
use crate::address::{Address, Addrs};
use crate::backoff::{self, Class};
use crate::event::{AddrOutcome, DialOutcome};
use crate::node::NodeId;
use crate::time::Timestamp;

/// An address that has failed apart from its node's other addresses.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Rest<A> {
    addr: A,
    until: Timestamp,
    failures: u8,
}

/// The rests of nodes: none of one whose addresses fail all together, which are most, so that these pay nothing.
pub(crate) type Rests<A> = BTreeMap<u32, Box<[Rest<A>]>>;

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Takes in how a dial went for each address. Nodes with one address have nothing to tell apart.
    pub(crate) fn learn(&mut self, attempt: u32, outcome: DialOutcome, tried: &[AddrOutcome<A>]) {
        let Some(of) = self.attempts.get(attempt).filter(|of| of.addrs.len() > 1) else { return };
        if !self.ranks() || self.network.is_suspected() {
            return;
        }
        let (node, addrs) = (of.node, of.addrs.clone());
        if let Some(good) = tried.iter().find(|tried| tried.outcome == DialOutcome::Connected) {
            self.prefer(node, &good.addr);
        }
        let partly = tried.len() < addrs.len() || tried.iter().any(|tried| tried.outcome != outcome);
        if !partly || tried.is_empty() {
            return;
        }
        let mut rests = self.rests.remove(&node).map_or_else(Vec::new, <[_]>::into_vec);
        let known = |addr: &A| addrs.as_slice().contains(addr);
        for tried in tried.iter().filter(|tried| known(&tried.addr)).take(Addrs::<A>::MAX) {
            let class = Class::of_dial(tried.outcome);
            let old = rests.iter().position(|rest| rest.addr == tried.addr).map(|at| rests.swap_remove(at));
            if matches!(class, Class::Short | Class::Medium | Class::Long) {
                let failures = old.map_or(0, |old| old.failures).saturating_add(1);
                let delay = backoff::known(&self.config.backoff, class, u32::from(failures));
                let until = self.now.saturating_add(Duration::from_nanos(delay));
                rests.push(Rest { addr: tried.addr.clone(), until, failures });
            }
        }
        // Addresses that the node has no more are forgotten, so there are never more than it has.
        rests.retain(|rest| known(&rest.addr));
        if !rests.is_empty() {
            self.rests.insert(node, rests.into_boxed_slice());
        }
    }

    /// Until when an address rests.
    pub(crate) fn rests(&self, node: u32, addr: &A) -> Option<Timestamp> {
        let rests = self.rests.get(&node)?;
        rests.iter().find(|rest| rest.addr == *addr).map(|rest| rest.until).filter(|until| *until > self.now)
    }

    /// Until when all of an attempt's node's addresses rest: the node is blocked only as long as each is. `None`: one
    /// may be dialed now, or they are not told apart.
    pub(crate) fn all_rest(&self, node: u32, addrs: &[A]) -> Option<Timestamp> {
        addrs.iter().map(|addr| self.rests(node, addr)).min().flatten()
    }

    /// Whether the addresses of a node are told apart.
    pub(crate) fn tells_apart(&self, node: u32) -> bool {
        self.rests.contains_key(&node)
    }

    /// Puts the address that connected first.
    pub(crate) fn prefer(&mut self, node: u32, addr: &A) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        record.addrs.promote(addr);
        if let Some(entry) = self.statics.get_mut(record.entry) {
            entry.discovered.promote(addr);
        }
    }
}
