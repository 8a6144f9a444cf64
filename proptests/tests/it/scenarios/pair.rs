//! Two dialers and the connections between them, with every delay chosen by the test.
//!
//! Drivers do what command.rs and event.rs ask for: a peer is added before its dial is finished, and before its
//! handshake has ended; of two connections the one that `Duplicate` names is closed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::driver::Sessions;
use dialstate::{
    ConnectionId, DialId, DialKind, DialOutcome, DisconnectReason, PeerKind, RemovalReason, Side, Source,
    Task, Timestamp,
};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id, Node};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// The smaller id, and the larger one.
const IDS: [Id; 2] = [[1; 32], [2; 32]];

/// Of a connection, in ms: until it arrives, and from then on until it is up at either end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) arrives: u64,
    pub(crate) accepted: u64,
    pub(crate) opened: u64,
}

/// All delays, in ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// How much later the larger id begins to dial.
    pub(crate) offset: u64,
    /// Of connections dialed by the smaller and the larger id.
    pub(crate) of: [Times; 2],
    /// Until the other end sees that a connection was closed.
    pub(crate) closes: u64,
}

/// A connection at one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unseen,
    Pending,
    Up,
    Closed,
}

#[derive(Debug)]
struct Connection {
    /// Whose dial it is.
    from: usize,
    dial: DialId,
    kind: DialKind,
    /// When it is at the other end.
    arrives: Timestamp,
    state: [State; 2],
}

#[derive(Clone, Copy, Debug)]
enum What {
    Begins(usize),
    Wakes(usize),
    Arrives(usize),
    Up(usize, usize),
    Closed(usize, usize),
}

#[derive(Debug)]
pub(crate) struct Pair {
    delays: Delays,
    /// Bit 0: whose events come first at one instant; bit 1: whether the end of a duplicate is reported; bit 2:
    /// dynamic instead of static nodes; bit 3: connections are kept in `Sessions`, and a dial is told in one event.
    odds: u8,
    now: Timestamp,
    dialers: [Dialer; 2],
    wakes: [Option<Timestamp>; 2],
    connections: Vec<Connection>,
    sessions: [Sessions<Id, SocketAddr, usize>; 2],
    agenda: BTreeMap<(Timestamp, u8, u64), What>,
    sequence: u64,
    /// Whether two connections were up at one end.
    pub(crate) crossed: bool,
    /// When a connection last changed.
    pub(crate) quiet: Timestamp,
}

impl Pair {
    pub(crate) fn new(delays: Delays, odds: u8) -> Self {
        let mut config = Config::default();
        config.discovery = false;
        let dialer = |me| {
            let rng = ChaCha8Rng::seed_from_u64(7);
            Dialer::new(IDS[me], config.clone(), rng, Timestamp::ZERO).unwrap()
        };
        let mut pair = Self {
            delays,
            odds,
            now: Timestamp::ZERO,
            dialers: [dialer(0), dialer(1)],
            wakes: [None; 2],
            connections: Vec::new(),
            sessions: [Sessions::new(), Sessions::new()],
            agenda: BTreeMap::new(),
            sequence: 0,
            crossed: false,
            quiet: Timestamp::ZERO,
        };
        pair.at(Timestamp::ZERO, 0, What::Begins(0));
        pair.at(Timestamp::from_millis(delays.offset), 1, What::Begins(1));
        pair
    }

    /// How many dials went out.
    pub(crate) fn dials(&self) -> u32 {
        self.connections.len() as u32
    }

    fn at(&mut self, at: Timestamp, side: usize, what: What) {
        let first = side == usize::from(self.odds & 1);
        self.sequence += 1;
        self.agenda.insert((at, u8::from(!first), self.sequence), what);
    }

    fn after(&mut self, millis: u64, side: usize, what: What) {
        self.at(self.now.saturating_add(Duration::from_millis(millis)), side, what);
    }

    /// Runs until nothing more happens before `end`.
    pub(crate) fn run(&mut self, end: Timestamp) {
        while let Some((&place, _)) = self.agenda.first_key_value().filter(|(place, _)| place.0 <= end) {
            let what = self.agenda.remove(&place).unwrap();
            self.now = place.0;
            match what {
                What::Begins(side) => self.begins(side),
                What::Wakes(side) if self.wakes[side] == Some(self.now) => self.hand(side, Event::Tick),
                What::Wakes(_) => {}
                What::Arrives(connection) => self.arrives(connection),
                What::Up(connection, side) => self.up(connection, side),
                What::Closed(connection, side) => self.closed(connection, side),
            }
        }
    }

    fn begins(&mut self, side: usize) {
        let addr = ([20, 1 + side as u8, 0, 1], 30_303).into();
        let node = Node::new(IDS[1 - side], [addr]);
        let dynamic = self.odds & 4 != 0;
        let discovered = Event::NodeDiscovered { node: node.clone(), source: Source(0), vouched: false };
        self.hand(side, if dynamic { discovered } else { Event::StaticAdded(node) });
    }

    fn arrives(&mut self, connection: usize) {
        let Connection { from, state, .. } = self.connections[connection];
        let to = 1 - from;
        if state[to] == State::Closed {
            return;
        }
        self.connections[connection].state[to] = State::Pending;
        let Times { accepted, opened, .. } = self.delays.of[from];
        self.after(accepted, to, What::Up(connection, to));
        self.after(opened, from, What::Up(connection, from));
        self.hand(to, Event::InboundPending { connection: ConnectionId(connection as u64), id: IDS[from] });
    }

    fn up(&mut self, connection: usize, side: usize) {
        let Connection { from, dial, kind, state, .. } = self.connections[connection];
        if state[side] != State::Pending {
            return;
        }
        self.set(connection, side, State::Up);
        self.crossed |= self.connections.iter().filter(|other| other.state[side] == State::Up).count() == 2;
        let id = IDS[1 - side];
        if self.odds & 8 != 0 {
            return self.opened(connection, side);
        }
        if from == side {
            self.hand(side, Event::PeerAdded { id, kind: PeerKind::Outbound(kind), addr: None });
            let outcome = DialOutcome::Connected;
            self.hand(side, Event::DialFinished { dial, outcome, tried: Vec::new() });
        } else {
            self.hand(side, Event::PeerAdded { id, kind: PeerKind::Inbound, addr: None });
            self.hand(side, Event::InboundEnded { connection: ConnectionId(connection as u64) });
        }
    }

    /// A connection is up, in a program that keeps count of them in `Sessions`.
    fn opened(&mut self, connection: usize, side: usize) {
        let Connection { from, dial, kind, .. } = self.connections[connection];
        let id = IDS[1 - side];
        let (kind, event) = if from == side {
            let event = Event::DialConnected { dial, addr: None, tried: Vec::new() };
            (PeerKind::Outbound(kind), event)
        } else {
            (PeerKind::Inbound, Event::PeerAdded { id, kind: PeerKind::Inbound, addr: None })
        };
        match self.dialers[side].handle(self.now, event) {
            Ok(()) => assert_eq!(self.sessions[side].opened(id, kind, None, connection), None),
            Err(error) => {
                assert!(error.is_late(), "{error}");
                self.close(connection, side);
            }
        }
        self.drain(side);
        if from != side {
            self.hand(side, Event::InboundEnded { connection: ConnectionId(connection as u64) });
        }
    }

    /// The other end has closed a connection.
    fn closed(&mut self, connection: usize, side: usize) {
        let Connection { from, dial, state, .. } = self.connections[connection];
        self.set(connection, side, State::Closed);
        match state[side] {
            State::Unseen | State::Closed => {}
            State::Pending if from == side => {
                let outcome = DialOutcome::HandshakeFailed;
                self.hand(side, Event::DialFinished { dial, outcome, tried: Vec::new() });
            }
            State::Pending => {
                self.hand(side, Event::InboundEnded { connection: ConnectionId(connection as u64) })
            }
            State::Up if self.odds & 8 != 0 => {
                for event in self.sessions[side].closed(connection, RemovalReason::Closed) {
                    self.hand(side, event);
                }
            }
            State::Up => self.removed(side),
        }
    }

    /// A connection that was up at this end is gone.
    fn removed(&mut self, side: usize) {
        let duplicate = self.connections.iter().any(|other| other.state[side] == State::Up);
        let reason = if duplicate { RemovalReason::Duplicate } else { RemovalReason::Closed };
        if !duplicate || self.odds & 2 != 0 {
            self.hand(side, Event::PeerRemoved { id: IDS[1 - side], reason });
        }
    }

    fn set(&mut self, connection: usize, side: usize, state: State) {
        if self.connections[connection].state[side] != state {
            self.connections[connection].state[side] = state;
            self.quiet = self.now;
        }
    }

    /// This end closes a connection; the other end sees it later, but not before the connection itself.
    fn close(&mut self, connection: usize, side: usize) {
        self.set(connection, side, State::Closed);
        let seen = self.now.saturating_add(Duration::from_millis(self.delays.closes));
        let at = seen.max(self.connections[connection].arrives);
        self.at(at, 1 - side, What::Closed(connection, 1 - side));
    }

    fn hand(&mut self, side: usize, event: Event) {
        let result = self.dialers[side].handle(self.now, event.clone());
        // The peer that a dial has brought may have made the dial itself moot.
        let moot = matches!(event, Event::DialFinished { .. });
        assert!(result.is_ok() || moot, "{event:?}: {result:?}");
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
        let mut commands = Vec::new();
        while !matches!(commands.last(), Some(Command::Sleep { .. })) {
            commands.push(self.dialers[side].poll());
        }
        for command in commands {
            self.obey(side, command);
        }
    }

    fn obey(&mut self, side: usize, command: Command) {
        match command {
            Command::Dial { dial, kind, .. } => {
                let arrives = self.now.saturating_add(Duration::from_millis(self.delays.of[side].arrives));
                let mut state = [State::Unseen; 2];
                state[side] = State::Pending;
                let connection = self.connections.len();
                self.connections.push(Connection { from: side, dial, kind, arrives, state });
                self.quiet = self.now;
                self.at(arrives, 1 - side, What::Arrives(connection));
            }
            Command::Cancel(Task::Dial(dial)) => {
                let of = |c: &Connection| c.from == side && c.dial == dial;
                let connection = self.connections.iter().position(of).unwrap();
                assert_ne!(
                    self.connections[connection].state[side],
                    State::Up,
                    "a connection that is up is cancelled"
                );
                self.close(connection, side);
            }
            Command::Disconnect { id, reason } if self.odds & 8 != 0 => {
                let (doomed, answer) = self.sessions[side].disconnect(id, reason);
                for connection in doomed {
                    self.close(connection, side);
                }
                if let Some(event) = answer {
                    self.hand(side, event);
                }
            }
            Command::Disconnect { reason: DisconnectReason::Duplicate { close }, .. } => {
                let of = |c: &Connection| {
                    c.state[side] == State::Up && (c.from == side) == (close == Side::Outbound)
                };
                // The other end may have been quicker.
                if let Some(connection) = self.connections.iter().position(of) {
                    self.close(connection, side);
                    self.removed(side);
                }
            }
            Command::Sleep { until, .. } => {
                self.wakes[side] = until;
                if let Some(until) = until {
                    self.at(until, side, What::Wakes(side));
                }
            }
            other => panic!("nobody asked for {other:?}"),
        }
    }

    /// Exactly one connection is there; both ends have it, and both dialers know whose it is.
    pub(crate) fn assert_one_connection(&self) {
        let told = || format!("{:?}, odds {}: {:?}", self.delays, self.odds, self.connections);
        let left: Vec<_> = self.connections.iter().filter(|c| c.state != [State::Closed; 2]).collect();
        assert_eq!(left.len(), 1, "{}", told());
        assert_eq!(left[0].state, [State::Up; 2], "{}", told());
        for side in [0, 1] {
            let gauges = self.dialers[side].gauges();
            let outbound = u32::from(left[0].from == side);
            let counted = gauges.static_peers + gauges.dynamic_peers;
            assert_eq!((counted, gauges.inbound_peers), (outbound, 1 - outbound), "side {side}: {}", told());
            assert_eq!(
                (gauges.static_attempts, gauges.dynamic_attempts, gauges.inbound_handshakes),
                (0, 0, 0)
            );
        }
    }
}
