//! Connections. Drivers do what command.rs and event.rs ask for: a peer is added before its dial is finished, and
//! before its handshake has ended; of two connections the one that `Duplicate` names is closed.

use std::time::Duration;

use dialstate::{
    ConnectionId, DialId, DialKind, DialOutcome, DisconnectReason, PeerKind, RemovalReason, Side, Timestamp,
};

use super::{Network, What};
use crate::world::{Event, Id, Node};

/// A transport gives up after this.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);
/// An end that was told nothing sees after this that a connection is dead.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);
/// Whoever takes leave of a peer has closed the connection by then.
pub(super) const GOODBYE: Duration = Duration::from_secs(10);

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
    pub(super) dial: DialId,
    pub(super) kind: DialKind,
    /// When it is at the other end, and until when it counts as pending there, on the clock of that host.
    arrives: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) state: [State; 2],
    /// When its state last changed.
    pub(super) changed: Timestamp,
    /// Whether the dialer of each end has asked to close it.
    pub(super) doomed: [bool; 2],
}

impl Connection {
    /// Whether it is up at an end that takes leave.
    pub(super) fn is_leaving(&self) -> bool {
        (0..2).any(|side| self.doomed[side] && self.state[side] == State::Up)
    }

    /// Which end a host is at, and who is at the other one.
    pub(super) fn side(&self, host: usize) -> usize {
        usize::from(self.ends[1] == host)
    }

    pub(super) fn other(&self, host: usize) -> usize {
        self.ends[1 - self.side(host)]
    }
}

impl Network {
    /// A host dials. Where nobody answers, it times out; now and then not even that is reported.
    pub(super) fn connect(&mut self, from: usize, dial: DialId, kind: DialKind, node: &Node) {
        let to = self.position(node.id);
        let delay = self.latency();
        let arrives = self.now.saturating_add(delay);
        let connection = self.connections.len();
        let (state, changed, doomed) = ([State::Pending, State::Unseen], self.now, [false; 2]);
        let (ends, expires) = ([from, to], Timestamp::ZERO);
        self.connections.push(Connection { ends, dial, kind, arrives, expires, state, changed, doomed });
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
        let this = &self.hosts[to];
        let now = this.clock(self.now).max(this.dialer.now());
        self.connections[connection].expires = now.saturating_add(this.config.deadlines.inbound_handshake);
        let accepted = self.latency();
        self.after(accepted, What::Up { connection, side: 1 });
        self.after(delay, What::Up { connection, side: 0 });
        let pending = ConnectionId(connection as u64);
        self.hand(to, vec![Event::InboundPending { connection: pending, id: self.hosts[from].id }]);
    }

    pub(super) fn fails(&mut self, connection: usize, outcome: DialOutcome) {
        let Connection { ends: [from, _], state, .. } = self.connections[connection];
        self.set(connection, 1, State::Closed);
        if state[0] == State::Pending {
            self.set(connection, 0, State::Closed);
            let answer = self.answer(connection, outcome);
            self.hand(from, vec![answer]);
        }
    }

    /// The answer to a dial. Its attempt may go on.
    fn answer(&mut self, connection: usize, outcome: DialOutcome) -> Event {
        let Connection { ends: [from, to], dial, .. } = self.connections[connection];
        let id = self.hosts[to].id;
        self.hosts[from].tasks.owed.insert(id);
        Event::DialFinished { dial, outcome, tried: Vec::new() }
    }

    pub(super) fn up(&mut self, connection: usize, side: usize) {
        let Connection { ends, kind, state, .. } = self.connections[connection];
        if state[side] != State::Pending {
            return;
        }
        self.set(connection, side, State::Up);
        let id = self.hosts[ends[1 - side]].id;
        let addr = self.addr_at(ends, side);
        let events = if side == 0 {
            let answer = self.answer(connection, DialOutcome::Connected);
            match answer {
                // One event or two: they mean the same.
                Event::DialFinished { dial, tried, .. } if connection.is_multiple_of(2) => {
                    vec![Event::DialConnected { dial, addr, tried }]
                }
                answer => vec![Event::PeerAdded { id, kind: PeerKind::Outbound(kind), addr }, answer],
            }
        } else {
            vec![
                Event::PeerAdded { id, kind: PeerKind::Inbound, addr },
                Event::InboundEnded { connection: ConnectionId(connection as u64) },
            ]
        };
        self.hand(ends[side], events);
    }

    /// An end learns that the other one has closed.
    pub(super) fn closed(&mut self, connection: usize, side: usize) {
        let Connection { ends, state, .. } = self.connections[connection];
        self.set(connection, side, State::Closed);
        let host = ends[side];
        match state[side] {
            State::Unseen | State::Closed => {}
            State::Pending if side == 0 => {
                let answer = self.answer(connection, DialOutcome::HandshakeFailed);
                self.hand(host, vec![answer]);
            }
            State::Pending => {
                let connection = ConnectionId(connection as u64);
                self.hand(host, vec![Event::InboundEnded { connection }]);
            }
            State::Up => {
                let removed = self.removed(host, ends[1 - side]);
                self.hand(host, vec![removed]);
            }
        }
    }

    /// A connection that was up is gone; the peer is too, unless there is another one.
    fn removed(&self, host: usize, other: usize) -> Event {
        let left = !self.up_with(host, other).is_empty();
        let reason = if left { RemovalReason::Duplicate } else { RemovalReason::Closed };
        Event::PeerRemoved { id: self.hosts[other].id, reason }
    }

    /// The connections that are up at the end of `host`, with `other` at the other end.
    pub(super) fn up_with(&self, host: usize, other: usize) -> Vec<usize> {
        let up = |c: &usize| {
            let connection = &self.connections[*c];
            connection.other(host) == other && connection.state[connection.side(host)] == State::Up
        };
        self.hosts[host].live.iter().copied().filter(up).collect()
    }

    pub(super) fn position(&self, id: Id) -> usize {
        self.hosts.iter().position(|host| host.id == id).expect("everybody's id is known")
    }

    /// The dialer gives up on a dial. One that is up already is no dial any more.
    pub(super) fn abort(&mut self, host: usize, dial: DialId) {
        let is = |c: &usize| self.connections[*c].ends[0] == host && self.connections[*c].dial == dial;
        let connection = self.hosts[host].live.iter().copied().find(is).expect("a dial under way");
        assert_eq!(self.connections[connection].state[0], State::Pending, "what is up is cancelled");
        self.close(connection, 0);
    }

    /// Closes the connections with a node that its dialer does not want any more, or one of two: at once, or after a
    /// word of goodbye. Returns what there is to tell at once.
    pub(super) fn disconnect(&mut self, host: usize, id: Id, reason: DisconnectReason) -> Vec<Event> {
        let other = self.position(id);
        let mut doomed = self.up_with(host, other);
        if let DisconnectReason::Duplicate { close } = reason {
            let side = usize::from(close == Side::Inbound);
            doomed.retain(|c| self.connections[*c].side(host) == side);
            doomed.truncate(1);
        }
        self.excuse(host, other, reason, &doomed);
        for &connection in &doomed {
            let side = self.connections[connection].side(host);
            self.connections[connection].doomed[side] = true;
            if self.hosts[host].polite {
                let millis = self.below(GOODBYE.as_millis() as u64);
                self.after(Duration::from_millis(millis), What::Closes { connection, side });
            }
        }
        if self.hosts[host].polite {
            return Vec::new();
        }
        doomed.into_iter().map(|connection| self.part(connection, host)).collect()
    }

    /// The time for goodbyes is over.
    pub(super) fn closes(&mut self, connection: usize, side: usize) {
        let Connection { ends, state, .. } = self.connections[connection];
        if state[side] == State::Up {
            let removed = self.part(connection, ends[side]);
            self.hand(ends[side], vec![removed]);
        }
    }

    /// A host closes a connection that is up. The peer is gone, unless there is another one.
    fn part(&mut self, connection: usize, host: usize) -> Event {
        let (side, other) =
            (self.connections[connection].side(host), self.connections[connection].other(host));
        self.close(connection, side);
        let left = !self.up_with(host, other).is_empty();
        let reason = if left { RemovalReason::Duplicate } else { RemovalReason::Local };
        Event::PeerRemoved { id: self.hosts[other].id, reason }
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
        this.changed = self.now;
        let live = &mut self.hosts[this.ends[side]].live;
        if matches!(state, State::Pending | State::Up) {
            live.insert(connection);
        } else {
            live.remove(&connection);
        }
    }
}
