//! Connections. Drivers do what command.rs and event.rs ask for: a peer is added before its dial is finished, and
//! before its handshake has ended; of two connections the one that `Duplicate` names is closed.

use std::time::Duration;

use dialstate::{ConnectionId, DialId, DialKind, DialOutcome, PeerKind, RemovalReason, Timestamp};

use super::{Network, What};
use crate::world::{Event, Id, Node};

/// A transport gives up after this.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);
/// An end that was told nothing sees after this that a connection is dead.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);

/// A connection at one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unseen,
    Pending,
    Up,
    Closed,
}

/// A connection, or the attempt to make one.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who dialed, and whom.
    pub(super) ends: [usize; 2],
    dial: DialId,
    kind: DialKind,
    /// When it is at the other end.
    arrives: Timestamp,
    pub(super) state: [State; 2],
}

impl Network {
    /// A host dials. Where nobody answers, it times out; now and then not even that is reported.
    pub(super) fn connect(&mut self, from: usize, dial: DialId, kind: DialKind, node: &Node) {
        let to = self.hosts.iter().position(|host| host.id == node.id).expect("everybody's id is known");
        let delay = self.latency();
        let arrives = self.now.saturating_add(delay);
        let connection = self.connections.len();
        let state = [State::Pending, State::Unseen];
        self.connections.push(Connection { ends: [from, to], dial, kind, arrives, state });
        self.hosts[from].live.insert(connection);
        let lost = self.bad_luck(8);
        let wedged = self.bad_luck(16);
        if wedged {
            return;
        }
        if lost || self.hosts[to].hidden || self.is_cut(from, to) {
            self.after(TIMEOUT, What::Fails { connection, outcome: DialOutcome::TimedOut });
        } else {
            self.after(delay, What::Arrives(connection));
        }
    }

    pub(super) fn is_cut(&self, one: usize, other: usize) -> bool {
        self.cut.as_ref().is_some_and(|sides| sides[one] != sides[other])
    }

    pub(super) fn arrives(&mut self, connection: usize) {
        let Connection { ends: [from, to], state, .. } = self.connections[connection];
        if state[1] == State::Closed {
            return;
        }
        let delay = self.latency();
        if !self.hosts[to].up {
            self.after(delay, What::Fails { connection, outcome: DialOutcome::Refused });
            return;
        }
        self.set(connection, 1, State::Pending);
        let accepted = self.latency();
        self.after(accepted, What::Up { connection, side: 1 });
        self.after(delay, What::Up { connection, side: 0 });
        let pending = ConnectionId(connection as u64);
        self.hand(to, vec![Event::InboundPending { connection: pending, id: self.hosts[from].id }]);
    }

    pub(super) fn fails(&mut self, connection: usize, outcome: DialOutcome) {
        let Connection { ends: [from, _], state, dial, .. } = self.connections[connection];
        self.set(connection, 1, State::Closed);
        if state[0] == State::Pending {
            self.set(connection, 0, State::Closed);
            self.hand(from, vec![Event::DialFinished { dial, outcome, tried: Vec::new() }]);
        }
    }

    pub(super) fn up(&mut self, connection: usize, side: usize) {
        let Connection { ends, dial, kind, state, .. } = self.connections[connection];
        if state[side] != State::Pending {
            return;
        }
        self.set(connection, side, State::Up);
        let id = self.hosts[ends[1 - side]].id;
        let events = if side == 0 {
            let addr = Some(self.hosts[ends[1]].addr);
            let outcome = DialOutcome::Connected;
            vec![
                Event::PeerAdded { id, kind: PeerKind::Outbound(kind), addr },
                Event::DialFinished { dial, outcome, tried: Vec::new() },
            ]
        } else {
            vec![
                Event::PeerAdded { id, kind: PeerKind::Inbound, addr: None },
                Event::InboundEnded { connection: ConnectionId(connection as u64) },
            ]
        };
        self.hand(ends[side], events);
    }

    /// An end learns that the other one has closed.
    pub(super) fn closed(&mut self, connection: usize, side: usize) {
        let Connection { ends, dial, state, .. } = self.connections[connection];
        self.set(connection, side, State::Closed);
        let host = ends[side];
        match state[side] {
            State::Unseen | State::Closed => {}
            State::Pending if side == 0 => {
                let outcome = DialOutcome::HandshakeFailed;
                self.hand(host, vec![Event::DialFinished { dial, outcome, tried: Vec::new() }]);
            }
            State::Pending => {
                let connection = ConnectionId(connection as u64);
                self.hand(host, vec![Event::InboundEnded { connection }]);
            }
            State::Up => self.removed(host, ends[1 - side]),
        }
    }

    /// A connection that was up is gone; the peer is too, unless there is another one.
    fn removed(&mut self, host: usize, other: usize) {
        let left = self.up_with(host, other).is_some();
        let reason = if left { RemovalReason::Duplicate } else { RemovalReason::Closed };
        let id = self.hosts[other].id;
        self.hand(host, vec![Event::PeerRemoved { id, reason }]);
    }

    fn up_with(&self, host: usize, other: usize) -> Option<usize> {
        let up = |c: &usize| {
            let Connection { ends, state, .. } = &self.connections[*c];
            (0..2).any(|side| ends[side] == host && ends[1 - side] == other && state[side] == State::Up)
        };
        self.hosts[host].live.iter().copied().find(up)
    }

    /// The dialer gives up on a dial. One that is up already is no dial any more.
    pub(super) fn abort(&mut self, host: usize, dial: DialId) {
        let is = |c: &usize| self.connections[*c].ends[0] == host && self.connections[*c].dial == dial;
        let connection = self.hosts[host].live.iter().copied().find(is).expect("a dial under way");
        assert_eq!(self.connections[connection].state[0], State::Pending, "what is up is cancelled");
        self.close(connection, 0);
    }

    /// Closes one of two connections, unless the other end was quicker.
    pub(super) fn close_one(&mut self, host: usize, id: Id, side: usize) {
        let doomed = self.hosts[host].live.iter().copied().find(|c| {
            let Connection { ends, state, .. } = &self.connections[*c];
            ends[side] == host && self.hosts[ends[1 - side]].id == id && state[side] == State::Up
        });
        if let Some(connection) = doomed {
            let other = self.connections[connection].ends[1 - side];
            self.close(connection, side);
            self.removed(host, other);
        }
    }

    /// This end closes; the other sees it later, but not before the connection itself.
    pub(super) fn close(&mut self, connection: usize, side: usize) {
        self.set(connection, side, State::Closed);
        let silent = self.bad_luck(8);
        let delay = if silent { KEEPALIVE } else { self.latency() };
        let at = self.now.saturating_add(delay).max(self.connections[connection].arrives);
        self.at(at, What::Closed { connection, side: 1 - side });
    }

    pub(super) fn set(&mut self, connection: usize, side: usize, state: State) {
        let this = &mut self.connections[connection];
        this.state[side] = state;
        let live = &mut self.hosts[this.ends[side]].live;
        if matches!(state, State::Pending | State::Up) {
            live.insert(connection);
        } else {
            live.remove(&connection);
        }
    }
}
