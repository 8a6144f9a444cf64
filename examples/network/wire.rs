//! Connections, from the dial to the end, as both ends see them.
//!
//! A dial that works takes three round trips: one to connect, one to agree on keys, one to say hello. The id of who dials is
//! known to the other end after one and a half; it then has room, or says that it has none.

use std::time::Duration;

use dialstate::{AddrOutcome, ConnectionId, DialId, DialKind, DialOutcome, PeerKind};
use dialstate_proptests::world::{Event, Node};

use crate::driver::AT_ONCE;
use crate::queue::What;
use crate::sim::Sim;
use crate::world::{CONNECT_TIMEOUT, HANDSHAKE_TIMEOUT};

/// A connection at one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It has not arrived there.
    Unseen,
    Pending,
    Up,
    Closed,
}

/// A connection, or the attempt to make one.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Who dialed, and whom.
    pub(crate) ends: [u32; 2],
    pub(crate) state: [State; 2],
    pub(crate) dial: DialId,
    /// Whether the dial holds no dynamic slot.
    pub(crate) extra: bool,
    /// When it was dialed, and when it came up at the end that dialed.
    pub(crate) begun: u64,
    pub(crate) up: u64,
    /// The addresses that were tried, where there are several, and which of them is right.
    addrs: Option<Box<Node>>,
    /// How many queued events name it.
    queued: u8,
}

impl Connection {
    pub(crate) fn side(&self, host: u32) -> usize {
        usize::from(self.ends[1] == host)
    }

    pub(crate) fn other(&self, host: u32) -> u32 {
        self.ends[1 - self.side(host)]
    }
}

impl Sim<'_> {
    /// A host dials.
    pub(crate) fn dial(&mut self, from: u32, dial: DialId, node: &Node, kind: DialKind, stagger: Duration) {
        let to = crate::world::who(&node.id);
        let place = self.world.place(to);
        let rank = node.addrs.iter().position(|addr| *addr == place.addr);
        let several = (node.addrs.len() > 1).then(|| Box::new(node.clone()));
        let state = [State::Pending, State::Unseen];
        let connection = self.open([from, to], state, dial, several);
        self.connections[connection as usize].extra = kind == DialKind::Reunion;
        self.measure.dials(self.now, to);
        self.note_stranger(from, to);
        let trip = self.world.round_trip(from, to);
        let Some(rank) = rank else {
            // Somebody else lives at a false address, and says so.
            let outcome = DialOutcome::WrongIdentity;
            return self.queue_for(connection, 2 * trip, What::Failed { connection, outcome });
        };
        if self.hosts[from as usize].unplugged {
            let outcome = DialOutcome::LocalError;
            return self.queue_for(connection, AT_ONCE, What::Failed { connection, outcome });
        }
        let delay = rank as u64 * u64::try_from(stagger.as_nanos()).unwrap_or(0);
        if self.is_cut(from, to) {
            self.fail_silently(connection, DialOutcome::TimedOut);
        } else if place.reachable {
            self.queue_for(connection, delay + trip * 3 / 2, What::Arrives { connection });
        } else {
            self.meets_nobody(connection, delay + trip);
        }
    }

    fn open(&mut self, ends: [u32; 2], state: [State; 2], dial: DialId, addrs: Option<Box<Node>>) -> u32 {
        let (begun, up) = (self.now, self.now);
        let this = Connection { ends, state, dial, extra: false, begun, up, addrs, queued: 0 };
        let number = match self.unused.pop() {
            Some(number) => {
                self.connections[number as usize] = this;
                number
            }
            None => {
                self.connections.push(this);
                self.connections.len() as u32 - 1
            }
        };
        for (side, _) in
            state.iter().enumerate().filter(|(_, state)| matches!(state, State::Pending | State::Up))
        {
            self.list(number, side);
        }
        number
    }

    /// The connection is at this end, if the end is a host.
    fn list(&mut self, connection: u32, side: usize) {
        let end = self.connections[connection as usize].ends[side];
        if let Some(host) = self.hosts.get_mut(end as usize) {
            host.live.push(connection);
        }
    }

    pub(crate) fn queue_for(&mut self, connection: u32, delay: u64, what: What) {
        self.connections[connection as usize].queued += 1;
        self.after(delay, what);
    }

    /// An event that names the connection has come.
    pub(crate) fn arrived(&mut self, connection: u32) -> ([u32; 2], [State; 2]) {
        let this = &mut self.connections[connection as usize];
        this.queued -= 1;
        (this.ends, this.state)
    }

    /// Its number can be given away when nobody will name it any more.
    pub(crate) fn release(&mut self, connection: u32) {
        let this = &self.connections[connection as usize];
        let open = this.state.iter().any(|state| matches!(state, State::Pending | State::Up));
        if this.queued == 0 && !open {
            self.unused.push(connection);
        }
    }

    /// Nobody answers at the address, in the way of that place; `delay` is when it would say so.
    fn meets_nobody(&mut self, connection: u32, delay: u64) {
        let [_, to] = self.connections[connection as usize].ends;
        let outcome = self.world.place(to).down;
        if outcome == DialOutcome::TimedOut {
            self.fail_silently(connection, outcome);
        } else {
            self.queue_for(connection, delay, What::Failed { connection, outcome });
        }
    }

    /// Nothing comes back: the transport gives up.
    fn fail_silently(&mut self, connection: u32, outcome: DialOutcome) {
        let timeout =
            if outcome == DialOutcome::HandshakeFailed { HANDSHAKE_TIMEOUT } else { CONNECT_TIMEOUT };
        let end = self.connections[connection as usize].begun + timeout;
        let delay = end.saturating_sub(self.now).max(1);
        self.queue_for(connection, delay, What::Failed { connection, outcome });
    }

    pub(crate) fn arrives(&mut self, connection: u32) {
        let ([from, to], state) = self.arrived(connection);
        let half = self.world.round_trip(from, to) / 2;
        if state[0] == State::Closed {
            return self.release(connection);
        }
        if self.is_cut(from, to) {
            return self.fail_silently(connection, DialOutcome::TimedOut);
        }
        if self.world.is_sybil(to) {
            self.connections[connection as usize].state[1] = State::Up;
            return self.queue_for(connection, 3 * half, What::Connected { connection });
        }
        let host = &self.hosts[to as usize];
        if !host.up {
            return self.meets_nobody(connection, half);
        }
        if host.loris {
            return self.fail_silently(connection, DialOutcome::HandshakeFailed);
        }
        if host.is_full() {
            let outcome = DialOutcome::TooManyPeers;
            return self.queue_for(connection, half, What::Failed { connection, outcome });
        }
        if self.refuses_second(to, from) {
            let outcome = DialOutcome::Cancelled;
            return self.queue_for(connection, half, What::Failed { connection, outcome });
        }
        self.set(connection, 1, State::Pending);
        self.list(connection, 1);
        self.queue_for(connection, 2 * half, What::Accepted { connection });
        self.queue_for(connection, 3 * half, What::Connected { connection });
        let id = self.world.place(from).id;
        self.hand(to, [Event::InboundPending { connection: ConnectionId(connection.into()), id }]);
    }

    /// Where both sides have dialed, a handshake refuses the second connection, unless the dialer is to choose.
    fn refuses_second(&self, host: u32, other: u32) -> bool {
        !self.profile.breaks_ties && self.is_connected(host, other)
    }

    pub(crate) fn is_connected(&self, host: u32, other: u32) -> bool {
        self.up_with(host, other).next().is_some()
    }

    /// The connections that are up at the end of `host`, with `other` at the other end.
    pub(crate) fn up_with(&self, host: u32, other: u32) -> impl Iterator<Item = u32> {
        let up = move |number: &u32| {
            let connection = &self.connections[*number as usize];
            connection.other(host) == other && connection.state[connection.side(host)] == State::Up
        };
        self.hosts[host as usize].live.iter().copied().filter(up)
    }

    /// The end that was dialed is done.
    pub(crate) fn accepted(&mut self, connection: u32) {
        let ([from, to], state) = self.arrived(connection);
        if state[1] != State::Pending {
            return self.release(connection);
        }
        let ended = Event::InboundEnded { connection: ConnectionId(connection.into()) };
        if self.refuses_second(to, from) {
            self.close(connection, 1, false);
            return self.hand(to, [ended]);
        }
        self.set(connection, 1, State::Up);
        let id = self.world.place(from).id;
        // The port that a connection comes from is not the one that its node listens on.
        self.hand(to, [Event::PeerAdded { id, kind: PeerKind::Inbound, addr: None }, ended]);
    }

    /// So is the end that dialed.
    pub(crate) fn connected(&mut self, connection: u32) {
        let ([from, to], state) = self.arrived(connection);
        // The other end has refused or gone: that news is on its way.
        if state != [State::Pending, State::Up] {
            return self.release(connection);
        }
        if self.refuses_second(from, to) {
            let answer = self.answer(connection, DialOutcome::Cancelled);
            self.close(connection, 0, false);
            return self.hand(from, [answer]);
        }
        let Event::DialFinished { dial, tried, .. } = self.answer(connection, DialOutcome::Connected) else {
            return;
        };
        self.set(connection, 0, State::Up);
        let this = &mut self.connections[connection as usize];
        this.up = self.now;
        self.measure.strangers.met([from, to]);
        if self.scenario.side(self.world, from) != self.scenario.side(self.world, to) {
            self.bridged([from, to]);
        }
        let place = self.world.place(to);
        self.hand(from, [Event::DialConnected { dial, addr: Some(place.addr), tried }]);
    }

    pub(crate) fn failed(&mut self, connection: u32, outcome: DialOutcome) {
        let ([from, _], state) = self.arrived(connection);
        if state[0] == State::Pending {
            let answer = self.answer(connection, outcome);
            self.set(connection, 0, State::Closed);
            self.measure.failures(self.now, outcome);
            self.hand(from, [answer]);
        }
        self.release(connection);
    }

    /// The answer to a dial. Where several addresses were tried, the false ones led to somebody else.
    pub(crate) fn answer(&self, connection: u32, outcome: DialOutcome) -> Event {
        let this = &self.connections[connection as usize];
        let right = self.world.place(this.ends[1]).addr;
        let tried = this.addrs.iter().flat_map(|node| &node.addrs).map(|addr| {
            let outcome = if *addr == right { outcome } else { DialOutcome::WrongIdentity };
            AddrOutcome { addr: *addr, outcome }
        });
        Event::DialFinished { dial: this.dial, outcome, tried: tried.collect() }
    }

    /// The adversary connects to a victim.
    pub(crate) fn intrude(&mut self, sybil: u32, host: u32) {
        self.open([sybil, host], [State::Up, State::Up], DialId::from_raw(0), None);
        self.host(host).inbound += 1;
        self.marks(host);
        let id = self.world.place(sybil).id;
        self.hand(host, [Event::PeerAdded { id, kind: PeerKind::Inbound, addr: None }]);
    }

    /// Changes the state of an end, and what is counted there.
    pub(crate) fn set(&mut self, connection: u32, side: usize, state: State) {
        let this = &mut self.connections[connection as usize];
        let (ends, before) = (this.ends, this.state[side]);
        this.state[side] = state;
        let came_up = this.up;
        let Some(host) = self.hosts.get_mut(ends[side] as usize) else { return };
        if state == State::Closed && before != State::Unseen {
            let place = host.live.iter().position(|live| *live == connection);
            place.map(|place| host.live.swap_remove(place));
        }
        if side == 0 {
            host.outbound += u32::from(state == State::Up);
            host.outbound -= u32::from(before == State::Up);
        } else {
            host.pending += u32::from(state == State::Pending);
            host.pending -= u32::from(before == State::Pending);
            host.inbound += u32::from(state == State::Up);
            host.inbound -= u32::from(before == State::Up);
        }
        if side == 0 && before == State::Up {
            self.measure.ended(self.now, came_up, host.up);
        }
        if state == State::Up || before == State::Up {
            self.marks(ends[side]);
        }
    }
}
