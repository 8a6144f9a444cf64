//! How connections end, as both ends see it.

use dialstate::{ConnectionId, DialId, DialOutcome, DisconnectReason, RemovalReason, Side};
use dialstate_proptests::world::Event;

use crate::draws::Draw;
use crate::queue::What;
use crate::sim::Sim;
use crate::wire::State;
use crate::world::KEEPALIVE;

impl Sim<'_> {
    /// An end learns that the other one has closed.
    pub(crate) fn closed(&mut self, connection: u32, side: usize) {
        let (ends, state) = self.arrived(connection);
        let host = ends[side];
        match state[side] {
            State::Unseen | State::Closed => {}
            State::Pending if side == 0 => {
                let answer = self.answer(connection, DialOutcome::HandshakeFailed);
                self.set(connection, 0, State::Closed);
                self.measure.failures(self.now, DialOutcome::HandshakeFailed);
                self.hand(host, [answer]);
            }
            State::Pending => {
                self.set(connection, 1, State::Closed);
                self.hand(host, [Event::InboundEnded { connection: ConnectionId(connection.into()) }]);
            }
            State::Up => {
                self.set(connection, side, State::Closed);
                let removed = self.removed(host, ends[1 - side], RemovalReason::Closed);
                self.hand(host, [removed]);
            }
        }
        self.release(connection);
    }

    /// A connection that was up is gone; the node is too, unless there is another one.
    fn removed(&self, host: u32, other: u32, reason: RemovalReason) -> Event {
        let reason = if self.is_connected(host, other) { RemovalReason::Duplicate } else { reason };
        Event::PeerRemoved { id: self.world.place(other).id, reason }
    }

    /// The dialer gives up on a dial. One that is up already is no dial any more.
    pub(crate) fn abort(&mut self, host: u32, dial: DialId) {
        let is = |number: &&u32| {
            let connection = &self.connections[**number as usize];
            connection.ends[0] == host && connection.dial == dial && connection.state[0] == State::Pending
        };
        let found = self.hosts[host as usize].live.iter().find(is).copied();
        if let Some(connection) = found {
            self.measure.failures(self.now, DialOutcome::Cancelled);
            self.close(connection, 0, false);
        }
    }

    /// Closes the connections with a node that its dialer does not want any more, or one of two.
    pub(crate) fn disconnect(&mut self, host: u32, other: u32, reason: DisconnectReason) {
        let mut doomed: Vec<u32> = self.up_with(host, other).collect();
        if let DisconnectReason::Duplicate { close } = reason {
            let side = usize::from(close == Side::Inbound);
            doomed.retain(|number| self.connections[*number as usize].side(host) == side);
            doomed.truncate(1);
        }
        for connection in doomed {
            self.close(connection, self.connections[connection as usize].side(host), false);
            let removed = self.removed(host, other, RemovalReason::Local);
            self.news.push(removed);
        }
    }

    /// This end closes. The other one is told, or finds out when no keepalive comes.
    pub(crate) fn close(&mut self, connection: u32, side: usize, silently: bool) {
        self.set(connection, side, State::Closed);
        let this = &self.connections[connection as usize];
        let (ends, other) = (this.ends, 1 - side);
        if !matches!(this.state[other], State::Pending | State::Up) {
            return self.release(connection);
        }
        if self.world.is_sybil(ends[other]) {
            self.connections[connection as usize].state[other] = State::Closed;
            return self.release(connection);
        }
        let delay =
            if silently { self.silence(connection) } else { self.world.round_trip(ends[0], ends[1]) / 2 };
        self.queue_for(connection, delay, What::Closed { connection, side: other as u8 });
    }

    /// How long until an end misses the other one's keepalive.
    fn silence(&self, connection: u32) -> u64 {
        let (least, most) = KEEPALIVE;
        least + self.world.draws.below(Draw::Silence, connection.into(), self.now, most - least)
    }

    /// The way between the ends is cut: both find out by themselves.
    pub(crate) fn sever(&mut self, connection: u32) {
        for side in 0..2 {
            if matches!(self.connections[connection as usize].state[side], State::Pending | State::Up) {
                let delay = self.silence(connection) + side as u64;
                self.queue_for(connection, delay, What::Closed { connection, side: side as u8 });
            }
        }
    }
}
