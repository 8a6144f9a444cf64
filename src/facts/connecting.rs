//! Connections: a peer comes or goes. What it changes besides the peers is the record of its node, the attempt to reach
//! it, and the subnets it counts in.

use super::Facts;
use super::budget::Budget;
use super::peers::Peer;
use super::slots::{AttemptSlot, BanSlot, NodeSlot};
use super::subnets::Subnets;
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
        let held = self.holds(node);
        self.drop_peer(node);
        let attempt = self.nodes.get(node).and_then(|record| record.attempt);
        let dialed = attempt.and_then(|attempt| self.attempts.get(attempt)?.addrs.first()).cloned();
        let outbound = kind != PeerKind::Inbound;
        let addr = if outbound { addr.or(dialed) } else { addr };
        let peer = Peer { node, kind, addr, since: self.now, owed: None };
        if self.config.diversity.is_some() {
            self.subnets.hold(peer.counting());
        }
        let budget = peer.budget();
        let peer = self.peers.insert(peer);
        if let Some(record) = self.nodes.get_mut(node) {
            record.peer = Some(peer);
        }
        if let Some(attempt) = attempt {
            if let Some(of) = self.attempts.get_mut(attempt) {
                of.reached = true;
            }
            self.note_peer(attempt, budget, held);
        }
    }

    /// A connection is gone. Its node has to be settled.
    pub(crate) fn disconnect(&mut self, node: NodeSlot) -> Option<Peer<A>> {
        let held = self.holds(node);
        let peer = self.drop_peer(node)?;
        if let Some(attempt) = self.nodes.get(node).and_then(|record| record.attempt) {
            self.note_peer(attempt, None, held);
        }
        Some(peer)
    }

    /// The node of an attempt has another connection, or none: `held` says whether the attempt counted in its subnets before.
    fn note_peer(&mut self, attempt: AttemptSlot, peer: Option<Budget>, held: bool) {
        self.attempts.set_met(attempt, peer);
        let Some(of) = self.attempts.get(attempt) else { return };
        let (addrs, holds) = (of.addrs.clone(), self.holds(of.node));
        if holds {
            self.subnets.hold(addrs.as_slice());
        }
        if held {
            self.release(addrs.as_slice());
        }
    }

    /// The subnets that peers and attempts hold, counted anew.
    pub(super) fn recounted_subnets(&self) -> Subnets {
        if self.config.diversity.is_none() {
            return Subnets::new();
        }
        let attempts = self.attempts.iter().filter(|(_, of)| self.holds(of.node));
        let attempts = attempts.map(|(_, of)| of.addrs.as_slice());
        let peers = self.peers.iter().map(|(_, peer)| peer.counting());
        Subnets::recounted(attempts.chain(peers))
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
        if self.config.diversity.is_some() {
            self.release(peer.counting());
        }
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
