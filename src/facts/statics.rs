//! Static nodes: the operator's list, and what belongs to a node only while it is on it.
//!
//! Where a static node is dialed is in its record, as with any node: a dial seldom needs more.

use super::slots::{OfStatic, StaticSlot};
use crate::address::Addrs;
use crate::backoff::ResolveDelay;
use crate::collections::Slab;

/// What a dial seldom needs of a static node.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct StaticEntry<A> {
    /// When it may be resolved again.
    pub(crate) resolve: ResolveDelay,
    /// Where it was discovered to be, if it is a known node too.
    pub(crate) discovered: Addrs<A>,
    /// What the operator said, if it was resolved to other addresses since.
    pub(crate) given: Option<Addrs<A>>,
}

/// The list.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Statics<A> {
    entries: Slab<OfStatic, StaticEntry<A>>,
}

impl<A> Statics<A> {
    pub(super) const fn new() -> Self {
        Self { entries: Slab::new() }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.entries.len()
    }

    pub(crate) fn get(&self, entry: StaticSlot) -> Option<&StaticEntry<A>> {
        self.entries.get(entry)
    }

    pub(super) fn get_mut(&mut self, entry: StaticSlot) -> Option<&mut StaticEntry<A>> {
        self.entries.get_mut(entry)
    }

    /// A new entry, which may be resolved at once.
    pub(super) fn insert(&mut self, discovered: Addrs<A>) -> StaticSlot {
        self.entries.insert(StaticEntry { resolve: ResolveDelay::default(), discovered, given: None })
    }

    pub(super) fn remove(&mut self, entry: StaticSlot) -> Option<StaticEntry<A>> {
        self.entries.remove(entry)
    }

    /// The most bytes for so many static nodes.
    pub(crate) const fn bound(statics: u64) -> u64 {
        Slab::<OfStatic, StaticEntry<A>>::bound(statics)
    }
}
