//! Inbound handshakes under way, by connection: whoever is connecting to us is not dialed.

use alloc::collections::BTreeSet;

use siphasher::sip::SipHasher13;

use super::Ledger;
use super::table::Table;
use super::timers::Lane;
use crate::address::Address;
use crate::event::ConnectionId;
use crate::node::NodeId;
use crate::stats::count;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Inbound {
    /// The node at the other end of each connection.
    pub(super) connections: Table<u64, u32>,
    /// The same, ordered by node.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) by_node: BTreeSet<(u32, u64)>,
}

impl Inbound {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        Self { connections: Table::new(hasher), by_node: BTreeSet::new() }
    }

    #[inline]
    pub(crate) fn is_pending(&self, node: u32) -> bool {
        !self.by_node.is_empty() && self.has_any_of(node)
    }

    fn has_any_of(&self, node: u32) -> bool {
        self.by_node.range((node, 0)..=(node, u64::MAX)).next().is_some()
    }

    pub(crate) const fn len(&self) -> u32 {
        self.connections.len()
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// A handshake begins. If the connection is pending already, it begins again; at the cap the one that would
    /// expire first gives way.
    pub(crate) fn inbound_pending(&mut self, connection: ConnectionId, id: I) {
        self.inbound_ended(connection);
        if self.inbound.len() >= self.config.limits.inbound_handshakes {
            if let Some(oldest) = self.timers.head(Lane::Inbound) {
                self.expire_inbound(oldest);
            }
        }
        let node = self.intern(id);
        let slot = self.inbound.connections.insert(connection.0, node);
        self.inbound.by_node.insert((node, connection.0));
        let until = self.now.saturating_add(self.config.deadlines.inbound_handshake);
        self.timers.set(Lane::Inbound, slot, until, 0);
        self.settle(node);
    }

    pub(crate) fn inbound_ended(&mut self, connection: ConnectionId) {
        if let Some(slot) = self.inbound.connections.find(&connection.0) {
            self.remove_inbound(slot);
        }
    }

    pub(crate) fn expire_inbound(&mut self, slot: u32) {
        count(&mut self.stats.inbound_expired);
        self.remove_inbound(slot);
    }

    fn remove_inbound(&mut self, slot: u32) {
        self.timers.clear(Lane::Inbound, slot);
        if let Some((connection, node)) = self.inbound.connections.remove(slot) {
            self.inbound.by_node.remove(&(node, connection));
            self.settle(node);
        }
    }
}
