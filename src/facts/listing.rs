//! The lists: who is static, who is known, and where each is dialed.

use core::mem;

use super::Facts;
use super::attempt::Origin;
use super::slots::{AttemptSlot, NodeSlot};
use crate::address::{Address, Addrs};
use crate::backoff::ResolveDelay;
use crate::node::{NodeId, Source};
use crate::notice::Notice;
use crate::time::Timestamp;

impl<I: NodeId, A: Address> Facts<I, A> {
    /// Puts a node on the list of static nodes, or anew. Returns whether it was on it, and has an address now that it had
    /// not. It has to be settled.
    pub(crate) fn list_static(&mut self, node: NodeSlot, addrs: Addrs<A>) -> bool {
        self.detach_attempt(node);
        let Some(record) = self.nodes.get_mut(node) else { return false };
        let moved = addrs.iter().any(|addr| !record.addrs.as_slice().contains(addr));
        let before = mem::replace(&mut record.addrs, addrs);
        match record.listed.and_then(|entry| self.statics.get_mut(entry)) {
            Some(entry) => {
                entry.resolve = ResolveDelay::default();
                entry.given = None;
                moved
            }
            None => {
                record.listed = Some(self.statics.insert(before));
                false
            }
        }
    }

    /// Takes a node off the list of static nodes. Returns whether it was on it. It has to be settled.
    pub(crate) fn unlist_static(&mut self, node: NodeSlot) -> bool {
        self.detach_attempt(node);
        let Some(record) = self.nodes.get_mut(node) else { return false };
        match record.listed.take().and_then(|entry| self.statics.remove(entry)) {
            Some(entry) => {
                record.addrs = entry.discovered;
                true
            }
            None => false,
        }
    }

    /// A static node is dialed at these addresses from now on, which an attempt has resolved it to.
    pub(crate) fn relocate(&mut self, attempt: AttemptSlot, addrs: Addrs<A>) {
        let of = self.attempts.get(attempt).filter(|of| of.is_current());
        let Some(record) = of.and_then(|of| self.nodes.get_mut(of.node())) else { return };
        let before = mem::replace(&mut record.addrs, addrs);
        if let Some(entry) = record.listed.and_then(|entry| self.statics.get_mut(entry)) {
            entry.given.get_or_insert(before);
        }
    }

    /// Where the operator said that the node of an attempt is.
    pub(crate) fn given(&self, attempt: AttemptSlot) -> Option<&Addrs<A>> {
        let record = self.nodes.get(self.attempts.get(attempt)?.node())?;
        Some(self.statics.get(record.listed?)?.given.as_ref().unwrap_or(record.addrs()))
    }

    /// An attempt under way to a static node goes on by itself.
    fn detach_attempt(&mut self, node: NodeSlot) {
        let Some(delay) = self.resolve_delay(node) else { return };
        let attempt = self.nodes.get(node).and_then(|record| record.attempt);
        let of = attempt.and_then(|attempt| self.attempts.get_mut(attempt));
        if let Some(of) = of.filter(|of| of.origin == Origin::Static) {
            of.origin = Origin::Replaced(delay);
        }
    }

    /// A node is known from now on. It has to be settled.
    pub(crate) fn list_known(&mut self, id: I, addrs: Addrs<A>, source: Source) -> NodeSlot {
        let node = self.nodes.intern(id);
        self.nodes.set_source(node, Some(source));
        self.set_discovered(node, addrs);
        node
    }

    /// A node is not known any more. What else is the case for its id stays. It has to be settled.
    pub(crate) fn unlist_known(&mut self, node: NodeSlot) {
        self.nodes.set_source(node, None);
        if let Some(id) = self.nodes.key(node) {
            self.notify(Notice::KnownNodeForgotten { id });
        }
        self.set_discovered(node, Addrs::new());
    }

    /// Where a known node was discovered to be.
    pub(crate) fn set_discovered(&mut self, node: NodeSlot, addrs: Addrs<A>) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        match record.listed.and_then(|entry| self.statics.get_mut(entry)) {
            Some(entry) => entry.discovered = addrs,
            None => record.addrs = addrs,
        }
    }

    /// Puts the address that connected first.
    pub(crate) fn prefer(&mut self, node: NodeSlot, addr: &A) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        record.addrs.promote(addr);
        if let Some(entry) = record.listed.and_then(|entry| self.statics.get_mut(entry)) {
            entry.discovered.promote(addr);
        }
    }

    /// Puts the first address last.
    pub(crate) fn rotate(&mut self, node: NodeSlot) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        record.addrs.rotate();
        if let Some(entry) = record.listed.and_then(|entry| self.statics.get_mut(entry)) {
            entry.discovered.rotate();
        }
    }

    /// A node was heard of now.
    pub(crate) fn note_heard(&mut self, node: NodeSlot) {
        let now = self.now;
        if let Some(record) = self.nodes.get_mut(node).filter(|record| record.heard().is_some()) {
            record.last_at = now;
        }
    }

    /// What is known of a node's attempts before a restart: whether there were any, and when the last one was.
    pub(crate) fn set_tried(&mut self, node: NodeSlot, tried: bool, at: Timestamp) {
        if let Some(record) = self.nodes.get_mut(node) {
            record.attempts = u32::from(tried);
            record.last_at = at;
        }
    }
}
