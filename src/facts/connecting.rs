//! Connections: a peer comes or goes. What it changes besides the peers is the record of its node, the attempt to reach
//! it, and the subnets it counts in.

use super::Facts;
use super::peers::Peer;
use super::slots::{BanSlot, NodeSlot};
use super::subnets::Held;
use crate::address::Address;
use crate::command::Command;
use crate::error::{Collection, EventError};
use crate::event::{BanSubject, ConnectionId, PeerKind, RemovalReason};
use crate::explain::LastOutcome;
use crate::node::NodeId;
use crate::stats::count;
use crate::time::Timestamp;

impl<I: NodeId, A: Address> Facts<I, A> {
    /// The record of a node that is about to be given a fact.
    pub(crate) fn intern(&mut self, id: I) -> NodeSlot {
        self.nodes.intern(id)
    }

    /// A node is connected, by this connection and no other. Its node has to be settled.
    pub(crate) fn connect(&mut self, node: NodeSlot, kind: PeerKind, addr: Option<A>) {
        self.drop_peer(node);
        let attempt = self.nodes.get(node).and_then(|record| record.attempt);
        let dialed = attempt.and_then(|attempt| self.attempts.get(attempt)?.addrs.first()).cloned();
        let outbound = kind != PeerKind::Inbound;
        let addr = if outbound { addr.or(dialed) } else { addr };
        let counts = outbound && self.config.diversity.is_some();
        let held = if counts { self.subnets.hold(&addr) } else { Held::new() };
        let peer = Peer { node, kind, addr, since: self.now, held, owed: None };
        let budget = peer.budget();
        let peer = self.peers.insert(peer);
        if let Some(record) = self.nodes.get_mut(node) {
            record.peer = Some(peer);
        }
        if let Some(attempt) = attempt {
            self.attempts.set_met(attempt, budget);
            if let Some(of) = self.attempts.get_mut(attempt) {
                of.reached = true;
            }
            self.rehold(attempt);
        }
    }

    /// A connection is gone. Its node has to be settled.
    pub(crate) fn disconnect(&mut self, node: NodeSlot) -> Option<Peer<A>> {
        let peer = self.drop_peer(node)?;
        if let Some(attempt) = self.nodes.get(node).and_then(|record| record.attempt) {
            self.attempts.set_met(attempt, None);
            self.rehold(attempt);
        }
        Some(peer)
    }

    /// Notes in the record of a node that its session has ended now.
    pub(crate) fn remember_session(&mut self, node: NodeSlot, reason: RemovalReason) {
        if let Some(record) = self.nodes.get_mut(node) {
            record.last = Some(LastOutcome::Ended(reason));
            record.last_at = self.now;
        }
    }

    fn drop_peer(&mut self, node: NodeSlot) -> Option<Peer<A>> {
        let slot = self.nodes.get_mut(node)?.peer.take()?;
        let peer = self.peers.remove(slot)?;
        self.release(&peer.held);
        Some(peer)
    }

    /// The next disconnect that is owed to the driver.
    pub(crate) fn issue_disconnect(&mut self) -> Option<Command<I, A>> {
        let (node, reason) = self.peers.pop_owed()?;
        Some(Command::Disconnect { id: self.nodes.key(node)?, reason })
    }

    /// An inbound handshake begins, of a connection that has none. Its node has to be settled.
    pub(crate) fn begin_handshake(&mut self, connection: ConnectionId, id: I) -> NodeSlot {
        let node = self.nodes.intern(id);
        let until = self.now.saturating_add(self.config.deadlines.inbound_handshake);
        self.inbound.insert(connection, node, until);
        node
    }

    /// An inbound handshake has ended. Returns its node, which has to be settled.
    pub(crate) fn end_handshake(&mut self, connection: ConnectionId) -> Option<NodeSlot> {
        let handshake = self.inbound.find(connection)?;
        self.inbound.remove(handshake)
    }

    /// The handshake that expires first is given up. Returns its node, which has to be settled.
    pub(crate) fn expire_handshake(&mut self) -> Option<NodeSlot> {
        let node = self.end_first_handshake()?;
        count(&mut self.stats.inbound_expired);
        Some(node)
    }

    /// Some inbound handshake has ended. Returns its node, which has to be settled.
    pub(crate) fn end_first_handshake(&mut self) -> Option<NodeSlot> {
        let (handshake, _) = self.inbound.first()?;
        self.inbound.remove(handshake)
    }

    /// Whether a subject may be banned: there is room, or it is banned already.
    pub(crate) fn has_room_for_ban(&self, subject: &BanSubject<I>) -> Result<(), EventError> {
        let limits = &self.config.limits;
        let (what, cap, used) = match subject {
            BanSubject::Id(_) => (Collection::BannedIds, limits.banned_ids, self.bans.ids()),
            BanSubject::Network(_) => {
                (Collection::BannedNetworks, limits.banned_networks, self.bans.networks())
            }
        };
        if used >= cap && self.bans.find(subject).is_none() {
            return Err(EventError::Full { what, cap });
        }
        Ok(())
    }

    /// Bans a subject that is not banned.
    pub(crate) fn ban(&mut self, subject: BanSubject<I>, until: Option<Timestamp>) {
        self.bans.insert(subject, until);
    }

    /// Ends a ban.
    pub(crate) fn lift(&mut self, ban: BanSlot) -> Option<BanSubject<I>> {
        self.bans.remove(ban)
    }
}
