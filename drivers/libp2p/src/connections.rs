//! The connections that are up, by peer.

use std::collections::HashMap;

use dialstate::{DisconnectReason, PeerKind, Side};
use libp2p_identity::PeerId;
use libp2p_swarm::ConnectionId;

use crate::Addr;

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) kind: PeerKind,
    /// Whether another behaviour has dialed it.
    pub(crate) foreign: bool,
    pub(crate) addr: Addr,
}

/// The connections of each peer, in the order in which they came up.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    of: HashMap<PeerId, Vec<Connection>>,
}

impl Connections {
    pub(crate) fn open(&mut self, peer: PeerId, connection: Connection) {
        self.of.entry(peer).or_default().push(connection);
    }

    /// A connection is gone. Returns it, and the one that is left, if any.
    pub(crate) fn close(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
    ) -> Option<(Connection, Option<Connection>)> {
        let of = self.of.get_mut(&peer)?;
        let at = of.iter().position(|connection| connection.id == id)?;
        let gone = of.remove(at);
        let left = of.last().cloned();
        if left.is_none() {
            self.of.remove(&peer);
        }
        Some((gone, left))
    }

    pub(crate) fn is_connected(&self, peer: &PeerId) -> bool {
        self.of.contains_key(peer)
    }

    /// Which connections of a peer are to be closed for a reason.
    pub(crate) fn to_close(&self, peer: &PeerId, reason: DisconnectReason) -> Vec<ConnectionId> {
        let asked = |connection: &&Connection| match reason {
            DisconnectReason::Duplicate { close } => {
                !connection.foreign && (connection.kind == PeerKind::Inbound) == (close == Side::Inbound)
            }
            // Nobody is to talk with this peer.
            DisconnectReason::Banned | DisconnectReason::Restricted => true,
            _ => !connection.foreign,
        };
        self.of.get(peer).into_iter().flatten().filter(asked).map(|connection| connection.id).collect()
    }
}
