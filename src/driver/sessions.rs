//! The connections of each peer: when the dialer is told, and which connection is closed.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::command::{DisconnectReason, Side};
use crate::event::{Event, PeerKind, RemovalReason};

/// Keeps count of the connections of each peer. To a dialer a node is a peer or not; in the world it may have two connections
/// for a moment, when both sides dialed, or more, when the other side raced several of our addresses.
///
/// `C` is a number or handle of yours for a connection. What to tell:
///
/// - the dialer has taken a `DialConnected` or `PeerAdded`: [`opened`](Self::opened), before the next `poll`. If `handle`
///   has returned an error, close the connection instead.
/// - a connection has ended, from whatever side: [`closed`](Self::closed) gives the events for the dialer, which are none as
///   long as another connection stands for the peer.
/// - `Command::Disconnect`: [`disconnect`](Self::disconnect) gives the connections to close, and the answer.
///
/// Connections of the same side stay beside each other: only the side that has opened them knows which one it goes on with,
/// and it closes the others. If both ends closed one on their own, both could be gone.
///
/// It holds as many entries as the program has connections, and at most [`Sessions::MOST`] for one side of a peer.
///
/// ```
/// use dialstate::driver::Sessions;
/// use dialstate::{DisconnectReason, Event, PeerKind, RemovalReason, Side};
/// use std::net::SocketAddr;
///
/// let mut sessions: Sessions<[u8; 4], SocketAddr, u64> = Sessions::new();
/// let peer = [7; 4];
/// sessions.opened(peer, PeerKind::Inbound, None, 1);
/// sessions.opened(peer, PeerKind::External, None, 2);
///
/// // The dialer says which of the two is to be closed. The peer stays.
/// let reason = DisconnectReason::Duplicate { close: Side::Outbound };
/// assert_eq!(sessions.disconnect(peer, reason), (vec![2], None));
/// // That the connection has ended is no news then. With the last one, the peer is gone.
/// assert!(sessions.closed(2, RemovalReason::Closed).is_empty());
/// let gone = Event::PeerRemoved { id: peer, reason: RemovalReason::Closed };
/// assert_eq!(sessions.closed(1, RemovalReason::Closed), [gone]);
/// ```
#[derive(Clone, Debug)]
pub struct Sessions<I, A, C> {
    /// The connections of each peer, in the order in which they were opened.
    peers: BTreeMap<I, Vec<Session<A, C>>>,
    /// Whose connection it is.
    owners: BTreeMap<C, I>,
}

#[derive(Clone, Debug)]
struct Session<A, C> {
    connection: C,
    kind: PeerKind,
    addr: Option<A>,
}

impl<A, C> Session<A, C> {
    fn side(&self) -> Side {
        side(self.kind)
    }
}

fn side(kind: PeerKind) -> Side {
    if kind == PeerKind::Inbound { Side::Inbound } else { Side::Outbound }
}

impl<I, A, C> Default for Sessions<I, A, C> {
    fn default() -> Self {
        Self { peers: BTreeMap::new(), owners: BTreeMap::new() }
    }
}

impl<I: Copy + Ord, A: Clone, C: Copy + Ord> Sessions<I, A, C> {
    /// The most connections of one side with one peer (a guess: one is usual, and two while one replaces the other).
    pub const MOST: usize = 4;

    /// An empty count: no connection is up.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection is up, and the dialer has taken it. Returns one to close, if the peer has opened more than
    /// [`Sessions::MOST`]: its oldest, of which no more will be told.
    #[must_use = "what it returns is to be closed"]
    pub fn opened(&mut self, id: I, kind: PeerKind, addr: Option<A>, connection: C) -> Option<C> {
        self.take(connection);
        self.owners.insert(connection, id);
        let sessions = self.peers.entry(id).or_default();
        sessions.push(Session { connection, kind, addr });
        let mut same = sessions.iter().filter(|session| session.side() == side(kind));
        let oldest = same.next().map(|session| session.connection);
        let surplus = oldest.filter(|_| same.count() >= Self::MOST)?;
        self.take(surplus);
        Some(surplus)
    }

    /// A connection has ended. Returns what to tell the dialer, in this order: nothing, if the connection was not known, or
    /// another one of the same side is left; that the peer is gone; or, if the other side's is left, that the peer
    /// is gone and is back by that one, since the dialer may have kept the one that has ended.
    #[must_use = "the events are for the dialer"]
    pub fn closed(&mut self, connection: C, reason: RemovalReason) -> Vec<Event<I, A>> {
        let Some((id, ended)) = self.take(connection) else { return Vec::new() };
        let left = self.peers.get(&id).map_or(&[][..], Vec::as_slice);
        if left.iter().any(|session| session.side() == ended.side()) {
            return Vec::new();
        }
        let Some(other) = left.first() else { return Vec::from([Event::PeerRemoved { id, reason }]) };
        let added = Event::PeerAdded { id, kind: other.kind, addr: other.addr.clone() };
        Vec::from([Event::PeerRemoved { id, reason: RemovalReason::Local }, added])
    }

    /// The dialer wants a peer disconnected. Returns the connections to close, and the answer for the dialer. The connections
    /// are no longer known, so `closed` will have nothing to tell of them.
    ///
    /// Of two connections it closes one only while the other still stands.
    #[must_use = "what it returns is to be closed"]
    pub fn disconnect(&mut self, id: I, reason: DisconnectReason) -> (Vec<C>, Option<Event<I, A>>) {
        match reason {
            DisconnectReason::Duplicate { close } => {
                let sessions = self.peers.get(&id).map_or(&[][..], Vec::as_slice);
                let stays = sessions.iter().any(|session| session.side() != close);
                let doomed = sessions.iter().filter(|session| stays && session.side() == close);
                let doomed: Vec<C> = doomed.map(|session| session.connection).collect();
                for connection in &doomed {
                    self.take(*connection);
                }
                (doomed, None)
            }
            DisconnectReason::OverTarget
            | DisconnectReason::Restricted
            | DisconnectReason::Banned
            | DisconnectReason::FeelerDone
            | DisconnectReason::Churn => {
                (self.remove(&id), Some(Event::PeerRemoved { id, reason: RemovalReason::Local }))
            }
        }
    }

    /// The program wants a peer disconnected. Returns the connections to close, which are no longer known; if there are any,
    /// tell the dialer with `PeerRemoved`.
    #[must_use = "what it returns is to be closed"]
    pub fn remove(&mut self, id: &I) -> Vec<C> {
        let sessions = self.peers.remove(id).unwrap_or_default();
        let doomed: Vec<C> = sessions.into_iter().map(|session| session.connection).collect();
        for connection in &doomed {
            self.owners.remove(connection);
        }
        doomed
    }

    fn take(&mut self, connection: C) -> Option<(I, Session<A, C>)> {
        let id = self.owners.remove(&connection)?;
        let sessions = self.peers.get_mut(&id)?;
        let at = sessions.iter().position(|session| session.connection == connection)?;
        let session = sessions.remove(at);
        if sessions.is_empty() {
            self.peers.remove(&id);
        }
        Some((id, session))
    }

    /// The connection to use for a peer: the oldest.
    #[must_use]
    pub fn get(&self, id: &I) -> Option<C> {
        self.peers.get(id)?.first().map(|session| session.connection)
    }

    /// Whose connection it is.
    #[must_use]
    pub fn owner(&self, connection: C) -> Option<I> {
        self.owners.get(&connection).copied()
    }

    /// The peers, each with the connection to use, in the order of their ids.
    pub fn peers(&self) -> impl Iterator<Item = (I, C)> {
        self.peers.iter().filter_map(|(id, sessions)| Some((*id, sessions.first()?.connection)))
    }

    /// All connections, in their order: what to close at shutdown.
    pub fn connections(&self) -> impl Iterator<Item = C> {
        self.owners.keys().copied()
    }

    /// The number of peers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there are no peers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}
