//! Inbound handshakes under way, by connection: a node that is connecting to us is not dialed.
//!
//! Invariant: every handshake stands under its node, and has an instant at which it expires.

use alloc::collections::BTreeSet;

use siphasher::sip::SipHasher13;

use super::slots::{HandshakeSlot, NodeSlot, OfHandshake};
use crate::collections::{Heap, Table, bytes};
use crate::event::ConnectionId;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Handshake {
    node: NodeSlot,
    /// The node may be dialed all the same.
    waived: bool,
}

/// The handshakes.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Inbound {
    connections: Table<OfHandshake, u64, Handshake>,
    /// The connections of each node.
    #[cfg_attr(feature = "serde", serde(skip))]
    by_node: BTreeSet<(NodeSlot, u64)>,
    /// When each one expires; of those that began at one instant, the first one first.
    expiry: Heap<OfHandshake>,
    /// How many have begun (wraps).
    begun: u32,
}

impl Inbound {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self { connections: Table::new(hasher), by_node: BTreeSet::new(), expiry: Heap::new(), begun: 0 }
    }

    /// Whether a handshake keeps a node from being dialed.
    #[inline]
    pub(crate) fn is_pending(&self, node: NodeSlot) -> bool {
        // Asked of every candidate, most often where there is no handshake at all.
        !self.by_node.is_empty() && self.blocking(node).next().is_some()
    }

    /// Whether a node takes part in any handshake.
    pub(crate) fn concerns(&self, node: NodeSlot) -> bool {
        !self.by_node.is_empty() && self.of(node).next().is_some()
    }

    /// When the handshakes that keep a node from being dialed expire.
    pub(crate) fn expiries(&self, node: NodeSlot) -> impl Iterator<Item = Timestamp> {
        let expires = self.blocking(node).filter_map(|slot| self.expiry.get(slot));
        expires.map(|item| Timestamp::from_nanos(item.at))
    }

    fn of(&self, node: NodeSlot) -> impl Iterator<Item = HandshakeSlot> {
        let connections = self.by_node.range((node, 0)..=(node, u64::MAX));
        connections.filter_map(|(_, connection)| self.connections.find(connection))
    }

    fn blocking(&self, node: NodeSlot) -> impl Iterator<Item = HandshakeSlot> {
        self.of(node).filter(|slot| self.connections.get(*slot).is_some_and(|handshake| !handshake.waived))
    }

    pub(crate) const fn len(&self) -> u32 {
        self.connections.len()
    }

    pub(crate) fn find(&self, connection: ConnectionId) -> Option<HandshakeSlot> {
        self.connections.find(&connection.0)
    }

    /// The handshake that expires first, and when.
    pub(crate) fn first(&self) -> Option<(HandshakeSlot, Timestamp)> {
        self.expiry.peek().map(|item| (item.key, Timestamp::from_nanos(item.at)))
    }

    /// Adds a handshake of a connection that has none.
    pub(super) fn insert(&mut self, connection: ConnectionId, node: NodeSlot, until: Timestamp) {
        let slot = self.connections.insert(connection.0, Handshake { node, waived: false });
        self.by_node.insert((node, connection.0));
        self.begun = self.begun.wrapping_add(1);
        self.expiry.set(slot, until.as_nanos(), self.begun);
    }

    /// Takes a handshake out. Returns its node.
    pub(super) fn remove(&mut self, handshake: HandshakeSlot) -> Option<NodeSlot> {
        self.expiry.remove(handshake);
        let (connection, Handshake { node, .. }) = self.connections.remove(handshake)?;
        self.by_node.remove(&(node, connection));
        Some(node)
    }

    /// Lets a node be dialed whatever handshakes with it are under way. Each still ends or expires by itself.
    pub(crate) fn waive(&mut self, node: NodeSlot) {
        let Self { connections, by_node, .. } = self;
        for (_, connection) in by_node.range((node, 0)..=(node, u64::MAX)) {
            let slot = connections.find(connection);
            if let Some(handshake) = slot.and_then(|slot| connections.get_mut(slot)) {
                handshake.waived = true;
            }
        }
    }

    /// Whether everything has an end, and every node exists.
    pub(crate) fn verify(&self, exists: impl Fn(NodeSlot) -> bool) -> bool {
        let sound = self.connections.iter().all(|(slot, (connection, of))| {
            let listed = self.by_node.contains(&(of.node, *connection));
            listed && self.expiry.get(slot).is_some() && exists(of.node)
        });
        let count = self.connections.len();
        sound && self.expiry.len() == count && self.by_node.len() == count as usize
    }

    /// Makes what was read usable. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13) -> bool {
        let keyed = self.connections.reindex(hasher) && self.expiry.reindex(self.connections.slots());
        self.by_node = self.connections.iter().map(|(_, (connection, of))| (of.node, *connection)).collect();
        keyed
    }

    /// The most bytes for so many handshakes.
    pub(crate) fn bound(handshakes: u64) -> u64 {
        bytes::sum(&[
            Table::<OfHandshake, u64, Handshake>::bound(handshakes),
            bytes::tree(handshakes, size_of::<(NodeSlot, u64)>()),
            Heap::<OfHandshake>::bound(handshakes, handshakes),
        ])
    }
}
