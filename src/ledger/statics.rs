//! Static nodes: the operator's list, and what belongs to a node only while it is on it.

use core::mem;

use super::Ledger;
use super::attempts::Origin;
use super::nodes::Record;
use super::slab::NONE;
use crate::address::{Address, Addrs};
use crate::backoff::{Cause, ResolveDelay};
use crate::command::DialKind;
use crate::config::Resolves;
use crate::error::{Collection, EventError};
use crate::node::{Node, NodeId};

/// What a dial seldom needs of a static node; where it is dialed is in its record, as with any node.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Entry<A> {
    pub(super) resolve: ResolveDelay,
    /// Where it was discovered to be, if it is a known node too.
    pub(super) discovered: Addrs<A>,
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Where a node was discovered to be, whatever the operator says.
    pub(crate) fn discovered<'a>(&'a self, record: &'a Record<A>) -> &'a Addrs<A> {
        self.statics.get(record.entry).map_or(&record.addrs, |entry| &entry.discovered)
    }

    pub(super) fn set_discovered(&mut self, slot: u32, addrs: Addrs<A>) {
        let Some(record) = self.nodes.get_mut(slot) else { return };
        match self.statics.get_mut(record.entry) {
            Some(entry) => entry.discovered = addrs,
            None => record.addrs = addrs,
        }
    }

    /// The resolve delay of a static node.
    pub(crate) fn resolve_delay(&self, slot: u32) -> Option<ResolveDelay> {
        let record = self.nodes.get(slot)?;
        self.statics.get(record.entry).map(|entry| entry.resolve)
    }

    /// The resolve delay that an attempt has to keep, and what says how it grows. `None`: the attempt does not come from a
    /// static node.
    pub(super) fn delay_of(&mut self, attempt: u32) -> Option<(&mut ResolveDelay, &Resolves)> {
        let Self { attempts, nodes, statics, config, .. } = self;
        let of = attempts.slab.get_mut(attempt)?;
        let delay = match &mut of.origin {
            Origin::Replaced(delay) => delay,
            Origin::Static => &mut statics.get_mut(nodes.get(of.node)?.entry)?.resolve,
            Origin::Other => return None,
        };
        Some((delay, &config.resolves))
    }

    pub(crate) fn add_static(&mut self, node: Node<I, A>) -> Result<(), EventError> {
        if node.id == self.me {
            return Err(EventError::OwnId);
        }
        let known = self
            .find(&node.id)
            .and_then(|slot| self.nodes.get(slot))
            .is_some_and(|record| record.is_static());
        let cap = self.config.limits.statics;
        if !known && self.statics.len() >= cap {
            return Err(EventError::Full { what: Collection::Statics, cap });
        }
        let Node { id, mut addrs } = node;
        self.clean(&mut addrs);
        let slot = self.intern(id);
        let moved = self.list_static(slot, addrs);
        self.welcome_static(slot, moved);
        Ok(())
    }

    /// Puts a node on the list, or anew. Returns whether it was on it, and has an address now that it had not.
    fn list_static(&mut self, slot: u32, addrs: Addrs<A>) -> bool {
        self.replace_origin(slot);
        let Some(record) = self.nodes.get_mut(slot) else { return false };
        let moved = addrs.iter().any(|addr| !record.addrs.as_slice().contains(addr));
        let before = mem::replace(&mut record.addrs, addrs);
        match self.statics.get_mut(record.entry) {
            Some(entry) => {
                entry.resolve = ResolveDelay::default();
                moved
            }
            None => {
                let entry = Entry { resolve: ResolveDelay::default(), discovered: before };
                record.entry = self.statics.insert(entry);
                false
            }
        }
    }

    /// Takes a node off the list. Returns whether it was on it.
    fn unlist_static(&mut self, slot: u32) -> bool {
        self.replace_origin(slot);
        let Some(record) = self.nodes.get_mut(slot) else { return false };
        match self.statics.remove(mem::replace(&mut record.entry, NONE)) {
            Some(entry) => {
                record.addrs = entry.discovered;
                true
            }
            None => false,
        }
    }

    /// An attempt under way to a static node goes on by itself.
    fn replace_origin(&mut self, slot: u32) {
        let Some(delay) = self.resolve_delay(slot) else { return };
        let attempt = self.nodes.get(slot).map_or(NONE, |record| record.attempt);
        if let Some(of) = self.attempts.slab.get_mut(attempt).filter(|of| of.origin == Origin::Static) {
            of.origin = Origin::Replaced(delay);
        }
    }

    /// Who is on the list anew may be resolved at once, and a new address dialed at once: what the old ones were blamed for
    /// is not held against it. Classic keeps the history.
    fn welcome_static(&mut self, slot: u32, moved: bool) {
        let unresolved = self.nodes.get(slot).is_some_and(|record| record.cause == Cause::Resolve);
        if unresolved || (moved && self.ranks()) {
            self.cool(slot, None, Cause::None);
        } else {
            self.settle(slot);
        }
    }

    /// Classic deletes a static node that is excluded; its history stays.
    pub(crate) fn delete_static(&mut self, slot: u32) {
        let at = self.unqueue(slot);
        self.unlist_static(slot);
        self.enqueue(slot, at);
    }

    /// Removes a static node, and the history of its id, so that adding it again makes it eligible at once. An attempt
    /// to reach it is given up; in classic it goes on.
    pub(crate) fn remove_static(&mut self, id: &I) {
        let Some(slot) = self.find(id) else { return };
        let was_static = self.unlist_static(slot);
        let attempt = self.nodes.get(slot).map_or(NONE, |record| record.attempt);
        if was_static
            && self.ranks()
            && self.attempts.get(attempt).is_some_and(|of| of.kind == DialKind::Static)
        {
            self.cancel(attempt);
        }
        let Some(slot) = self.find(id) else { return };
        // Classic forgets the history of any id that it is told to remove.
        if was_static || !self.ranks() {
            if let Some(record) = self.nodes.get_mut(slot) {
                record.failures = 0;
            }
            self.cool(slot, None, Cause::None);
        }
    }
}
