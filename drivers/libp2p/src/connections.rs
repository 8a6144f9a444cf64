//! The connections that are up, by peer.

use std::collections::BTreeMap;

use dialstate::{DisconnectReason, PeerKind, Side};
use libp2p_identity::PeerId;
use libp2p_swarm::ConnectionId;

use crate::Addr;

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) addr: Addr,
    /// Another behaviour has opened it. It is never closed for the sake of the target.
    pub(crate) foreign: bool,
    /// What it is to the dialer; `None`: the dialer does not know of it.
    pub(crate) kind: Option<PeerKind>,
}

/// What is to become of a connection that the dialer does not want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It is closed.
    Close,
    /// It is left to the behaviour that has opened it.
    Release,
}

/// The connections of each peer, in the order in which they came up.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    of: BTreeMap<PeerId, Vec<Connection>>,
}

impl Connections {
    pub(crate) fn open(&mut self, peer: PeerId, connection: Connection) {
        self.of.entry(peer).or_default().push(connection);
    }

    /// A connection is gone.
    pub(crate) fn close(&mut self, peer: PeerId, id: ConnectionId) -> Option<Connection> {
        let of = self.of.get_mut(&peer)?;
        let gone = of.remove(of.iter().position(|connection| connection.id == id)?);
        if of.is_empty() {
            self.of.remove(&peer);
        }
        Some(gone)
    }

    /// The connections of a peer.
    pub(crate) fn of(&self, peer: &PeerId) -> &[Connection] {
        self.of.get(peer).map_or(&[], Vec::as_slice)
    }

    /// The peers of which the dialer knows, with their last connection.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (PeerId, PeerKind, &Addr)> {
        let last = |of: &'_ Vec<Connection>| of.iter().rposition(|connection| connection.kind.is_some());
        self.of.iter().filter_map(move |(peer, of)| {
            let connection = of.get(last(of)?)?;
            Some((*peer, connection.kind?, &connection.addr))
        })
    }

    /// A connection to a peer that another behaviour has opened, and of which the dialer does not know, is taken over.
    pub(crate) fn adopt(&mut self, peer: &PeerId, kind: PeerKind) -> Option<Connection> {
        let connection = self.of.get_mut(peer)?.iter_mut().find(|of| of.kind.is_none())?;
        connection.kind = Some(kind);
        Some(connection.clone())
    }

    /// The dialer no longer counts on a connection. Returns what it was to it.
    pub(crate) fn release(&mut self, peer: &PeerId, id: ConnectionId) -> Option<PeerKind> {
        self.of.get_mut(peer)?.iter_mut().find(|connection| connection.id == id)?.kind.take()
    }

    /// Which connections of a peer are unwanted for a reason, and what is to become of them.
    pub(crate) fn unwanted(&self, peer: &PeerId, reason: DisconnectReason) -> Vec<(ConnectionId, Parting)> {
        let unwanted = |connection: &&Connection| match reason {
            DisconnectReason::Duplicate { close } => {
                connection.kind.is_some_and(|kind| (kind == PeerKind::Inbound) == (close == Side::Inbound))
            }
            // Nobody is to talk with this peer.
            DisconnectReason::Banned | DisconnectReason::Restricted => true,
            _ => connection.kind.is_some(),
        };
        let everyone = matches!(reason, DisconnectReason::Banned | DisconnectReason::Restricted);
        let parting = |connection: &Connection| match connection.foreign && !everyone {
            true => Parting::Release,
            false => Parting::Close,
        };
        self.of(peer).iter().filter(unwanted).map(|of| (of.id, parting(of))).collect()
    }
}
