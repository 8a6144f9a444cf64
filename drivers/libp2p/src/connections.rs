//! The connections that are up: those of which the dialer knows, and those that other behaviours have opened.

use std::collections::BTreeMap;

use dialstate::driver::Sessions;
use dialstate::{DisconnectReason, PeerKind, RemovalReason, Side};
use libp2p_identity::PeerId;
use libp2p_swarm::ConnectionId;

use crate::{Addr, Id};

type Event = dialstate::Event<Id, Addr>;

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    known: Sessions<Id, Addr, ConnectionId>,
    /// Those that other behaviours have opened, whether the dialer knows of them or not. They are never closed for the sake
    /// of the target.
    foreign: BTreeMap<PeerId, Vec<(ConnectionId, Addr)>>,
}

/// What is to be done when the dialer does not want a peer, or one of two connections to it.
#[derive(Debug, Default)]
pub(crate) struct Parting {
    pub(crate) close: Vec<ConnectionId>,
    /// To be left to the behaviours that have opened them.
    pub(crate) release: Vec<ConnectionId>,
    /// What to tell the dialer.
    pub(crate) answer: Option<Event>,
}

impl Connections {
    /// The dialer knows of a connection from now on. Returns one to close, if the peer has too many.
    #[must_use]
    pub(crate) fn open(
        &mut self,
        peer: PeerId,
        kind: PeerKind,
        addr: Addr,
        id: ConnectionId,
    ) -> Option<ConnectionId> {
        self.known.opened(peer.into(), kind, Some(addr), id)
    }

    /// Another behaviour has opened a connection.
    pub(crate) fn open_foreign(&mut self, peer: PeerId, addr: Addr, id: ConnectionId) {
        self.foreign.entry(peer).or_default().push((id, addr));
    }

    /// A connection is gone. Returns what to tell the dialer.
    #[must_use]
    pub(crate) fn close(&mut self, peer: PeerId, id: ConnectionId, reason: RemovalReason) -> Vec<Event> {
        if let Some(foreign) = self.foreign.get_mut(&peer) {
            foreign.retain(|(of, _)| *of != id);
            if foreign.is_empty() {
                self.foreign.remove(&peer);
            }
        }
        self.known.closed(id, reason)
    }

    pub(crate) fn is_connected(&self, peer: &PeerId) -> bool {
        self.foreign.contains_key(peer) || self.known.get(&Id::from(*peer)).is_some()
    }

    /// Whether another behaviour has opened a connection.
    pub(crate) fn is_foreign(&self, peer: &PeerId, id: ConnectionId) -> bool {
        self.foreign.get(peer).is_some_and(|foreign| foreign.iter().any(|(of, _)| *of == id))
    }

    /// A connection to a peer that another behaviour has opened, and of which the dialer does not know.
    pub(crate) fn adoptable(&self, peer: &PeerId) -> Option<(ConnectionId, Addr)> {
        let mut foreign = self.foreign.get(peer)?.iter();
        foreign.find(|(id, _)| self.known.owner(*id).is_none()).cloned()
    }

    /// The dialer wants a peer disconnected. It knows no more of the connections that are closed or released.
    #[must_use]
    pub(crate) fn part(&mut self, peer: PeerId, reason: DisconnectReason) -> Parting {
        // Of two connections the side with the smaller id closes one, and only it: the other side can't tell whether the
        // inbound one that would stay is wanted by the dialer over there, or by some other behaviour for a moment.
        if reason == (DisconnectReason::Duplicate { close: Side::Outbound }) {
            return Parting::default();
        }
        let (connections, answer) = self.known.disconnect(peer.into(), reason);
        let foreign = self.foreign.get(&peer).map_or(&[][..], Vec::as_slice);
        if matches!(reason, DisconnectReason::Banned | DisconnectReason::Restricted) {
            // Nobody is to talk with this peer.
            let known = connections.iter().copied().filter(|id| !foreign.iter().any(|(of, _)| of == id));
            let close = known.chain(foreign.iter().map(|(id, _)| *id)).collect();
            return Parting { close, release: Vec::new(), answer };
        }
        let (release, close) = connections.into_iter().partition(|id| foreign.iter().any(|(of, _)| of == id));
        Parting { close, release, answer }
    }
}
