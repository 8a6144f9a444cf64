//! Nodes: one record for each id that any fact is about. Those that were heard of are the known ones.

use siphasher::sip::SipHasher13;

use super::slots::{AttemptSlot, NodeSlot, OfNode, PeerSlot, StaticSlot};
use super::waiting::{Place, Places};
use crate::address::Addrs;
use crate::backoff::Cause;
use crate::collections::{Key, Table};
use crate::explain::LastOutcome;
use crate::node::{NodeId, Source};
use crate::time::Timestamp;

impl<I: NodeId> Key for I {
    #[inline]
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        hasher.hash(self.as_bytes())
    }
}

/// What is the case for one id. It lives as long as any fact does.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "A: serde::Deserialize<'de> + Ord")))]
pub(crate) struct Record<A> {
    /// Where it is dialed: a static node where the operator says, or where it was found since; a known node where it was
    /// discovered. Empty where it is neither.
    pub(super) addrs: Addrs<A>,
    /// Where it was heard of first, if it is a known node.
    source: Option<Source>,
    /// Its entry in the list of static nodes, its attempt and its connection.
    pub(super) listed: Option<StaticSlot>,
    pub(super) attempt: Option<AttemptSlot>,
    pub(super) peer: Option<PeerSlot>,
    /// When its last attempt ended or its last session did, and how; of a node that was never tried, when it was heard of.
    pub(super) last: Option<LastOutcome>,
    pub(super) last_at: Timestamp,
    /// Attempts so far (wraps).
    pub(super) attempts: u32,
    /// What the plan has noted.
    pub(crate) notes: Notes,
    place: Place,
}

/// What a plan notes on a node. The facts keep it and do not read it.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Notes {
    /// It was connected to, and is kept for that.
    pub(crate) good: bool,
    /// It was one of the last good peers before a restart, and is dialed first.
    pub(crate) anchor: bool,
    /// Its first address is the one that connected last, and has not failed since.
    pub(crate) proven: bool,
    /// Its last dial took long.
    pub(crate) slow: bool,
    /// It was restored, and not heard of since.
    pub(crate) restored: bool,
    /// Failures in a row (saturates).
    pub(crate) failures: u8,
    /// Why it cools down, where it does.
    pub(crate) cause: Cause,
    /// The pardon that was the latest when `cause` was set.
    pub(crate) pardon: u32,
}

impl<A> Record<A> {
    const fn new() -> Self {
        Self {
            addrs: Addrs::new(),
            source: None,
            listed: None,
            attempt: None,
            peer: None,
            last: None,
            last_at: Timestamp::ZERO,
            attempts: 0,
            notes: Notes {
                good: false,
                anchor: false,
                proven: false,
                slow: false,
                restored: false,
                failures: 0,
                cause: Cause::None,
                pardon: 0,
            },
            place: Place::NONE,
        }
    }

    /// Where the node is dialed.
    pub(crate) const fn addrs(&self) -> &Addrs<A> {
        &self.addrs
    }

    /// Where the node was heard of first, if it is a known node.
    pub(crate) const fn source(&self) -> Option<Source> {
        self.source
    }

    pub(crate) const fn is_static(&self) -> bool {
        self.listed.is_some()
    }

    pub(crate) const fn is_known(&self) -> bool {
        self.source.is_some()
    }

    /// Whether it is static or known: only then is it dialed without being asked for.
    pub(crate) const fn is_candidate(&self) -> bool {
        self.is_static() || self.is_known()
    }

    pub(crate) const fn attempt(&self) -> Option<AttemptSlot> {
        self.attempt
    }

    pub(crate) const fn peer(&self) -> Option<PeerSlot> {
        self.peer
    }

    /// Whether an attempt to reach it is under way, or it is connected.
    pub(crate) const fn is_busy(&self) -> bool {
        self.attempt.is_some() || self.peer.is_some()
    }

    /// When its last attempt ended or its last session did, and how.
    pub(crate) const fn last(&self) -> (Option<LastOutcome>, Timestamp) {
        (self.last, self.last_at)
    }

    /// When a node was last heard of, if it was never tried.
    pub(crate) fn heard(&self) -> Option<Timestamp> {
        (self.last.is_none() && self.attempts == 0).then_some(self.last_at)
    }

    /// Attempts so far.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Where it waits to be planned.
    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }
}

/// The records, by id.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: NodeId + serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
pub(crate) struct Nodes<I, A> {
    table: Table<OfNode, I, Record<A>>,
    /// How many records have a source.
    known: u32,
}

impl<I: NodeId, A> Nodes<I, A> {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self { table: Table::new(hasher), known: 0 }
    }

    #[inline]
    pub(crate) fn find(&self, id: &I) -> Option<NodeSlot> {
        self.table.find(id)
    }

    #[inline]
    pub(crate) fn get(&self, node: NodeSlot) -> Option<&Record<A>> {
        self.table.get(node)
    }

    pub(crate) fn key(&self, node: NodeSlot) -> Option<I> {
        self.table.key(node)
    }

    /// An id with its record.
    #[inline]
    pub(crate) fn entry(&self, node: NodeSlot) -> Option<&(I, Record<A>)> {
        self.table.entry(node)
    }

    /// What the plan has noted on a node.
    pub(crate) fn notes_mut(&mut self, node: NodeSlot) -> Option<&mut Notes> {
        self.table.get_mut(node).map(|record| &mut record.notes)
    }

    /// How many nodes are known: static ones that were heard of elsewhere included.
    pub(crate) const fn known(&self) -> u32 {
        self.known
    }

    /// In the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeSlot, &(I, Record<A>))> {
        self.table.iter()
    }

    /// How many slots there are, used or not.
    pub(crate) fn slots(&self) -> u32 {
        self.table.slots()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, node: NodeSlot) -> Option<&mut Record<A>> {
        self.table.get_mut(node)
    }

    /// The record of an id, made if there is none. It has to be given a fact, or to be settled, at once.
    pub(super) fn intern(&mut self, id: I) -> NodeSlot {
        self.table.intern(id, Record::new)
    }

    /// Makes a node a known one, or one that is not known.
    pub(super) fn set_source(&mut self, node: NodeSlot, source: Option<Source>) {
        let Some(record) = self.table.get_mut(node) else { return };
        let before = core::mem::replace(&mut record.source, source);
        self.known = match (before, source) {
            (None, Some(_)) => self.known.saturating_add(1),
            (Some(_), None) => self.known.saturating_sub(1),
            (None, None) | (Some(_), Some(_)) => self.known,
        };
    }

    /// Ends a record about which there is no fact.
    pub(super) fn remove(&mut self, node: NodeSlot) {
        self.set_source(node, None);
        self.table.remove(node);
    }

    /// Whether so many nodes are known as it says.
    pub(crate) fn verify(&self) -> bool {
        self.iter().filter(|(_, (_, record))| record.is_known()).count() == self.known as usize
    }

    /// Makes what was read usable. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13) -> bool {
        self.table.reindex(hasher)
    }

    /// The most bytes for so many records.
    pub(crate) fn bound(nodes: u64) -> u64 {
        Table::<OfNode, I, Record<A>>::bound(nodes)
    }
}

impl<I: NodeId, A> Places for Nodes<I, A> {
    #[inline]
    fn place(&mut self, node: NodeSlot) -> Option<&mut Place> {
        self.table.get_mut(node).map(|record| &mut record.place)
    }

    fn source(&self, node: NodeSlot) -> Source {
        self.table.get(node).and_then(|record| record.source).unwrap_or_default()
    }
}
