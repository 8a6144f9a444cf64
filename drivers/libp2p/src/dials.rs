//! The dials under way: ours, and those of other behaviours.

use std::collections::HashMap;

use dialstate::{DialId, DialKind};
use libp2p_core::Multiaddr;
use libp2p_identity::PeerId;
use libp2p_swarm::ConnectionId;
use libp2p_swarm::dial_opts::{DialOpts, PeerCondition};

/// A dial that the dialer wants answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    pub(crate) dial: DialId,
    pub(crate) kind: DialKind,
    pub(crate) peer: PeerId,
}

/// What is under way, by the connection that may come of it.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    ours: HashMap<ConnectionId, Dial>,
    /// Ours that were abandoned: the connection is refused if it comes all the same.
    abandoned: HashMap<ConnectionId, PeerId>,
    /// Dials of other behaviours.
    others: HashMap<ConnectionId, PeerId>,
    /// Peers whom another behaviour was dialing already when we were to: what comes of that is our answer.
    joined: HashMap<PeerId, Dial>,
}

impl Dials {
    /// Begins a dial. Returns what to ask of the swarm, unless another behaviour is dialing the peer anyway.
    pub(crate) fn begin(&mut self, dial: Dial, addrs: Vec<Multiaddr>) -> Option<DialOpts> {
        let peer = dial.peer;
        if self.others.values().any(|other| *other == peer) {
            self.joined.insert(peer, dial);
            return None;
        }
        // All that the condition could ask for is known here, and better: a connection that is being closed is none, and an
        // abandoned dial is none either. From a new port, since both sides may dial at once: from the ports on which they
        // listen, that would be one connection with two initiators, which fails.
        let opts = DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(addrs);
        let opts = opts.allocate_new_port().build();
        self.ours.insert(opts.connection_id(), dial);
        Some(opts)
    }

    /// Another behaviour has begun to dial.
    pub(crate) fn seen(&mut self, connection: ConnectionId, peer: PeerId) {
        if !self.ours.contains_key(&connection) {
            self.others.insert(connection, peer);
        }
    }

    /// Abandons a dial. Returns the peer if nobody else is dialing it.
    pub(crate) fn abandon(&mut self, dial: DialId) -> Option<PeerId> {
        self.joined.retain(|_, joined| joined.dial != dial);
        let (connection, of) = self.ours.iter().find(|(_, ours)| ours.dial == dial)?;
        let (connection, peer) = (*connection, of.peer);
        self.ours.remove(&connection);
        self.abandoned.insert(connection, peer);
        (!self.others.values().any(|other| *other == peer)).then_some(peer)
    }

    /// Whether a connection is one that was abandoned.
    pub(crate) fn is_abandoned(&self, connection: ConnectionId) -> bool {
        self.abandoned.contains_key(&connection)
    }

    /// Whether a connection that is coming up is wanted by the dialer.
    pub(crate) fn is_wanted(&self, connection: ConnectionId, peer: PeerId) -> bool {
        self.ours.contains_key(&connection) || self.joined.contains_key(&peer)
    }

    /// An outbound connection is up. Returns the dial of which it is the answer, and whether it is ours.
    pub(crate) fn connected(&mut self, connection: ConnectionId, peer: PeerId) -> (Option<Dial>, bool) {
        self.others.remove(&connection);
        match self.ours.remove(&connection) {
            Some(dial) => (Some(dial), true),
            None => (self.joined.remove(&peer), false),
        }
    }

    /// A dial has failed. Returns that of which this is the answer.
    pub(crate) fn failed(&mut self, connection: ConnectionId) -> Option<Dial> {
        self.abandoned.remove(&connection);
        if let Some(ours) = self.ours.remove(&connection) {
            return Some(ours);
        }
        let peer = self.others.remove(&connection)?;
        // Somebody else may be dialing it still.
        let still = self.others.values().any(|other| *other == peer);
        if still { None } else { self.joined.remove(&peer) }
    }
}
