//! Peers: who is connected, and which of them the driver is to disconnect.
//!
//! Invariant: a peer is in the set of its kind and in no other; it is owed a disconnect exactly if it is in `owing`.

use super::budget::{Budget, PerBudget};
use super::slots::{NodeSlot, OfPeer, PeerSlot};
use crate::address::Address;
use crate::collections::{Slab, SlotSet, bytes};
use crate::command::DisconnectReason;
use crate::event::PeerKind;
use crate::network::is_local;
use crate::time::Timestamp;

/// One connected node.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Peer<A> {
    pub(super) node: NodeSlot,
    pub(super) kind: PeerKind,
    pub(super) addr: Option<A>,
    pub(super) since: Timestamp,
    /// The disconnect that is owed to the driver.
    pub(super) owed: Option<DisconnectReason>,
}

impl<A> Peer<A> {
    pub(crate) const fn node(&self) -> NodeSlot {
        self.node
    }

    pub(crate) const fn kind(&self) -> PeerKind {
        self.kind
    }

    pub(crate) const fn addr(&self) -> Option<&A> {
        self.addr.as_ref()
    }

    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }

    pub(crate) fn is_outbound(&self) -> bool {
        self.kind != PeerKind::Inbound
    }

    /// Whether it is known to be in a private network.
    fn is_private(&self) -> bool
    where
        A: Address,
    {
        self.addr.as_ref().and_then(Address::ip_addr).is_some_and(is_local)
    }

    /// The address with which it counts in subnets, where those are limited: that of an outbound peer.
    pub(super) fn counting(&self) -> &[A] {
        if self.is_outbound() { self.addr.as_slice() } else { &[] }
    }

    /// The budget of an outbound peer.
    pub(crate) const fn budget(&self) -> Option<Budget> {
        match self.kind {
            PeerKind::Outbound(kind) => Some(Budget::of_peer(kind)),
            PeerKind::External => Some(Budget::Static),
            PeerKind::Inbound => None,
        }
    }
}

/// All peers.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Peers<A> {
    all: Slab<OfPeer, Peer<A>>,
    outbound: PerBudget<SlotSet<OfPeer>>,
    /// Those in private networks.
    private: SlotSet<OfPeer>,
    /// Those with an owed disconnect.
    owing: SlotSet<OfPeer>,
    /// Those that the driver was told to disconnect, or will be.
    leaving: SlotSet<OfPeer>,
}

impl<A: Address> Peers<A> {
    pub(super) const fn new() -> Self {
        const EMPTY: SlotSet<OfPeer> = SlotSet::new();
        Self {
            all: Slab::new(),
            outbound: PerBudget::new(EMPTY, EMPTY, EMPTY),
            private: EMPTY,
            owing: EMPTY,
            leaving: EMPTY,
        }
    }

    pub(crate) fn get(&self, peer: PeerSlot) -> Option<&Peer<A>> {
        self.all.get(peer)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.all.len() == 0
    }

    pub(crate) const fn len(&self) -> u32 {
        self.all.len()
    }

    /// How many slots there are, used or not.
    pub(crate) fn slots(&self) -> u32 {
        self.all.slots()
    }

    /// In the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PeerSlot, &Peer<A>)> {
        self.all.iter()
    }

    /// How many peers are inbound.
    pub(crate) fn inbound(&self) -> u32 {
        let outbound = self.outbound.iter().map(|(_, set)| set.len());
        outbound.fold(self.all.len(), u32::saturating_sub)
    }

    /// How many peers are outbound in a budget.
    pub(crate) fn outbound(&self, budget: Budget) -> u32 {
        self.outbound.get(budget).len()
    }

    /// Outbound peers of a budget.
    pub(crate) const fn of_budget(&self, budget: Budget) -> &SlotSet<OfPeer> {
        self.outbound.get(budget)
    }

    /// How many peers are in a public network, or may be.
    pub(crate) fn public(&self) -> u32 {
        self.all.len().saturating_sub(self.private.len())
    }

    /// Whether the driver was told to disconnect a peer, or will be.
    pub(crate) fn is_leaving(&self, peer: PeerSlot) -> bool {
        self.leaving.contains(peer)
    }

    pub(super) fn insert(&mut self, peer: Peer<A>) -> PeerSlot {
        let (budget, private) = (peer.budget(), peer.is_private());
        let slot = self.all.insert(peer);
        if let Some(budget) = budget {
            self.outbound.get_mut(budget).insert(slot);
        }
        if private {
            self.private.insert(slot);
        }
        slot
    }

    pub(super) fn remove(&mut self, slot: PeerSlot) -> Option<Peer<A>> {
        let peer = self.all.remove(slot)?;
        if let Some(budget) = peer.budget() {
            self.outbound.get_mut(budget).remove(slot);
        }
        self.private.remove(slot);
        self.owing.remove(slot);
        self.leaving.remove(slot);
        Some(peer)
    }

    /// Owes a disconnect to the driver. Of two reasons the later counts; but one that closes all connections of the peer is
    /// not replaced by one that leaves the better of two.
    pub(crate) fn dismiss(&mut self, peer: PeerSlot, reason: DisconnectReason) {
        let closes_all = |reason| !matches!(reason, DisconnectReason::Duplicate { .. });
        let stronger = |of: &&mut Peer<A>| closes_all(reason) || !of.owed.is_some_and(closes_all);
        if let Some(of) = self.all.get_mut(peer).filter(stronger) {
            of.owed = Some(reason);
            self.owing.insert(peer);
            if closes_all(reason) {
                self.leaving.insert(peer);
            }
        }
    }

    /// Whether a disconnect is owed.
    pub(crate) fn is_owing(&self) -> bool {
        !self.owing.is_empty()
    }

    /// Takes a disconnect that is owed: whom, and why.
    pub(super) fn pop_owed(&mut self) -> Option<(NodeSlot, DisconnectReason)> {
        let peer = self.owing.pop().and_then(|slot| self.all.get_mut(slot))?;
        Some((peer.node, peer.owed.take()?))
    }

    /// Whether every peer is where its kind says.
    pub(crate) fn verify(&self) -> bool {
        let placed = |(slot, peer): (PeerSlot, &Peer<A>)| {
            let owing = self.owing.contains(slot) == peer.owed.is_some()
                && self.private.contains(slot) == peer.is_private();
            let mut sets = self.outbound.iter();
            owing && sets.all(|(of, set)| set.contains(slot) == (peer.budget() == Some(of)))
        };
        let outbound = self.outbound.iter().flat_map(|(_, set)| set.iter());
        let marked = self.owing.iter().chain(self.leaving.iter()).chain(self.private.iter());
        self.all.iter().all(placed) && outbound.chain(marked).all(|slot| self.all.get(slot).is_some())
    }

    /// Makes what was read usable. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self) -> bool {
        let slots = self.all.slots();
        let sets = [&mut self.private, &mut self.owing, &mut self.leaving];
        sets.into_iter().chain(self.outbound.iter_mut()).all(|set| set.reindex(slots))
    }

    /// The most bytes for so many peers.
    pub(crate) fn bound(peers: u64) -> u64 {
        bytes::sum(&[
            Slab::<OfPeer, Peer<A>>::bound(peers),
            SlotSet::<OfPeer>::bound(peers, peers).saturating_mul(6),
        ])
    }
}
