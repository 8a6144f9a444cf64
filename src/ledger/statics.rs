//! Static nodes: the operator's list, with the addresses and the resolve delay that belong to it.

use super::Ledger;
use super::slab::NONE;
use crate::address::{Address, Addrs};
use crate::backoff::{Cause, ResolveDelay};
use crate::command::DialKind;
use crate::error::{Collection, EventError};
use crate::node::{Node, NodeId};

/// One static node's entry. Adding the node again makes a new version of it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Entry<A> {
    pub(crate) addrs: Addrs<A>,
    pub(crate) resolve: ResolveDelay,
    /// Never the same for two entries.
    pub(crate) version: u64,
}

impl<I: NodeId, A: Address> Ledger<I, A> {
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
        self.versions = self.versions.saturating_add(1);
        let slot = self.intern(id);
        let at = self.nodes.get(slot).map_or(NONE, |record| record.entry);
        let old = self.statics.get(at).map(|entry| &entry.addrs);
        let moved = old.is_some_and(|old| addrs.iter().any(|addr| !old.as_slice().contains(addr)));
        let entry = Entry { addrs, resolve: ResolveDelay::default(), version: self.versions };
        match self.statics.get_mut(at) {
            Some(old) => *old = entry,
            None => {
                let at = self.statics.insert(entry);
                if let Some(record) = self.nodes.get_mut(slot) {
                    record.entry = at;
                }
            }
        }
        self.welcome_entry(slot, moved);
        Ok(())
    }

    /// A new entry may be resolved at once, and a new address dialed at once: what the old ones were blamed for is
    /// not held against it. Classic keeps the history.
    fn welcome_entry(&mut self, slot: u32, moved: bool) {
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
        if let Some(record) = self.nodes.get_mut(slot) {
            let entry = core::mem::replace(&mut record.entry, NONE);
            self.statics.remove(entry);
        }
        self.enqueue(slot, at);
    }

    /// Removes a static node, and the history of its id, so that adding it again makes it eligible at once. An attempt
    /// to reach it is given up; in classic it goes on.
    pub(crate) fn remove_static(&mut self, id: &I) {
        let Some(slot) = self.find(id) else { return };
        let Some(record) = self.nodes.get_mut(slot) else { return };
        let entry = core::mem::replace(&mut record.entry, NONE);
        let was_static = self.statics.remove(entry).is_some();
        let attempt = record.attempt;
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
