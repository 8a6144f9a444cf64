//! The behaviour: what the swarm says goes into the dialer, what the dialer commands goes to the swarm.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use dialstate::record::{Recorder, Sink};
use dialstate::{
    AddrOutcome, Addrs, Command, ConfigError, DialId, DialKind, DialOutcome, Dialer, DisconnectReason,
    EventError, LookupId, Node, Notice, PeerKind, ResolveId, Source, Task, Timestamp,
};
use futures_timer::Delay;
use libp2p_core::transport::PortUse;
use libp2p_core::{Endpoint, Multiaddr};
use libp2p_identity::PeerId;
use libp2p_swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure, NewExternalAddrOfPeer};
use libp2p_swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use rand_chacha::ChaCha8Rng;
use web_time::Instant;

use crate::connections::{Connections, Parting};
use crate::dials::{Dial, Dials};
use crate::handler::{Handler, KeepAlive};
use crate::{Addr, Config, Id, node, outcome};

/// Keeps a swarm at its outbound target: see the [crate](crate) for what it does and how it is used.
///
/// The methods, by what they are for:
/// - **making one**: [`new`](Self::new), [`recorded`](Self::recorded);
///   [`with_inbound_keep_alive`](Self::with_inbound_keep_alive);
/// - **whom it knows**: [`add_address`](Self::add_address), [`add_peer`](Self::add_peer),
///   [`keep_connected`](Self::keep_connected);
/// - **answers** to its events: [`lookup_finished`](Self::lookup_finished),
///   [`resolve_finished`](Self::resolve_finished);
/// - **anything else** that the dialer takes: [`handle`](Self::handle);
/// - **questions**: [`dialer`](Self::dialer).
pub struct Behaviour<S = ()> {
    dialer: Recorder<Id, Addr, ChaCha8Rng, S>,
    /// The beginning of the dialer's time.
    begun: Instant,
    timer: Option<(Timestamp, Delay)>,
    dials: Dials,
    connections: Connections,
    /// What the last command asks of the swarm.
    actions: VecDeque<Action>,
    inbound_keep_alive: bool,
    foreign_reported: bool,
    wakeups: u64,
    waker: Option<Waker>,
}

/// What the dialer asks of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Look for peers near `target`, in whatever key space there is, and answer with [`Behaviour::lookup_finished`].
    ///
    /// Not sent with [`Config::discovery`](dialstate::Config::discovery) off.
    Lookup {
        /// The token for the answer.
        lookup: LookupId,
        /// 32 random bytes.
        target: [u8; 32],
    },
    /// Look for the addresses of a peer, and answer with [`Behaviour::resolve_finished`].
    ///
    /// Not sent with [`Config::discovery`](dialstate::Config::discovery) off.
    Resolve {
        /// The token for the answer.
        resolve: ResolveId,
        /// The peer.
        peer: PeerId,
    },
    /// A lookup or resolve needs no answer any more.
    Cancel(Task),
    /// A connection that another behaviour has dialed was taken over: from now on it counts.
    Adopted {
        /// The peer.
        peer: PeerId,
        /// The connection.
        connection: ConnectionId,
    },
    /// A connection that was taken over is given back to the behaviour that has dialed it.
    Released {
        /// The peer.
        peer: PeerId,
        /// The connection.
        connection: ConnectionId,
    },
    /// Something that an operator may want to know.
    Notice(Notice<Id>),
}

impl Behaviour {
    /// A behaviour for the swarm of the peer `me`.
    ///
    /// # Errors
    /// The first field of the config that makes no sense.
    pub fn new(me: PeerId, config: Config) -> Result<Self, ConfigError> {
        Self::recorded(me, config, rand::random(), ())
    }
}

impl<S: Sink<Id, Addr>> Behaviour<S> {
    /// A behaviour that records all that its dialer is told and answers, and whose random choices follow from `seed`.
    ///
    /// The seed also keys hash tables: it must be one that strangers don't know, unless this is a test.
    ///
    /// # Errors
    /// The first field of the config that makes no sense.
    pub fn recorded(me: PeerId, config: Config, seed: [u8; 32], sink: S) -> Result<Self, ConfigError> {
        Ok(Self {
            dialer: Recorder::new(me.into(), config, seed, Timestamp::ZERO, sink)?,
            begun: Instant::now(),
            timer: None,
            dials: Dials::default(),
            connections: Connections::default(),
            actions: VecDeque::new(),
            inbound_keep_alive: true,
            foreign_reported: false,
            wakeups: 0,
            waker: None,
        })
    }

    /// Whether inbound connections are kept open even if no other behaviour has a use for them. Default true: the side
    /// that has opened a connection decides how long it stays.
    #[must_use]
    pub const fn with_inbound_keep_alive(mut self, keep: bool) -> Self {
        self.inbound_keep_alive = keep;
        self
    }

    /// What is done about connections that other behaviours have dialed. Default false: when the dialer comes to choose
    /// such a peer, it takes the connection over instead of dialing. With true the dialer is told of each of them: it counts
    /// nowhere, and its peer is not dialed as long as it is there.
    #[must_use]
    pub const fn with_foreign_reported(mut self, reported: bool) -> Self {
        self.foreign_reported = reported;
        self
    }

    /// A peer was heard of, with one of its addresses.
    pub fn add_address(&mut self, peer: PeerId, addr: Multiaddr) {
        self.add_peer(node(peer, [addr]), false);
    }

    /// A peer was heard of. With `vouched` its addresses replace those that are known, as for a signed record; else they are
    /// hearsay, and an address that works is kept.
    pub fn add_peer(&mut self, node: Node<Id, Addr>, vouched: bool) {
        self.tell(dialstate::Event::NodeDiscovered { node, source: APPLICATION, vouched });
    }

    /// Keeps this swarm connected to a peer, apart from the target, until `StaticRemoved` is [handled](Self::handle).
    ///
    /// # Errors
    /// It is this peer itself, or there are too many of them.
    pub fn keep_connected(&mut self, node: Node<Id, Addr>) -> Result<(), EventError> {
        self.handle(dialstate::Event::StaticAdded(node))
    }

    /// The answer to [`Event::Lookup`]; empty: nobody was found.
    pub fn lookup_finished(&mut self, lookup: LookupId, nodes: Vec<Node<Id, Addr>>) {
        self.tell(dialstate::Event::LookupFinished { lookup, nodes });
    }

    /// The answer to [`Event::Resolve`]; empty: nothing was found.
    pub fn resolve_finished(&mut self, resolve: ResolveId, peer: PeerId, addrs: Vec<Multiaddr>) {
        let addrs: Addrs<Addr> = addrs.into_iter().map(|addr| Addr::new(peer, addr)).collect();
        self.tell(dialstate::Event::ResolveFinished { resolve, addrs });
    }

    /// Tells the dialer of anything else: `Banned`, `DialRequested`, `Reconfigured` with another target, `NetworkChanged`
    /// …
    ///
    /// Connections and dials are not among it: of these the behaviour tells.
    ///
    /// # Errors
    /// The event was refused.
    pub fn handle(&mut self, event: dialstate::Event<Id, Addr>) -> Result<(), EventError> {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        self.dialer.handle(self.now(), event)
    }

    /// The dialer, for its questions: `peers`, `gauges`, `stats`, `explain`, `known_nodes` …
    #[must_use]
    pub const fn dialer(&self) -> &Dialer<Id, Addr, ChaCha8Rng> {
        self.dialer.dialer()
    }

    /// How often the time of a `Sleep` has come.
    #[must_use]
    pub const fn wakeups(&self) -> u64 {
        self.wakeups
    }

    /// The sink of the recording, for its error.
    #[must_use]
    pub const fn sink(&self) -> &S {
        self.dialer.sink()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Tells the dialer what may be refused without harm: an answer that comes too late.
    fn tell(&mut self, event: dialstate::Event<Id, Addr>) {
        let _ = self.handle(event);
    }

    /// A connection is up.
    fn connected(&mut self, event: ConnectionEstablished<'_>) {
        let ConnectionEstablished { peer_id: peer, connection_id: id, endpoint, failed_addresses, .. } =
            event;
        let addr = Addr::new(peer, endpoint.get_remote_address().clone());
        if !endpoint.is_dialer() {
            return self.added(peer, PeerKind::Inbound, addr, id);
        }
        let (dial, ours) = self.dials.connected(id, peer);
        if !ours {
            self.connections.open_foreign(peer, addr.clone(), id);
        }
        match dial {
            Some(dial) => self.dialed(peer, dial, addr, failed_addresses, id),
            None if self.foreign_reported => self.added(peer, PeerKind::External, addr, id),
            None => {}
        }
    }

    /// The dialer is told of a connection that it did not ask for.
    fn added(&mut self, peer: PeerId, kind: PeerKind, addr: Addr, id: ConnectionId) {
        let event = dialstate::Event::PeerAdded { id: peer.into(), kind, addr: Some(addr.clone()) };
        if self.handle(event).is_ok() {
            let surplus = self.connections.open(peer, kind, addr, id);
            self.close(peer, surplus);
        }
    }

    /// A dial has led to a connection. If the dialer does not want it any more, it is closed, unless it is another
    /// behaviour's.
    fn dialed(&mut self, peer: PeerId, dial: Dial, addr: Addr, failed: &[Multiaddr], id: ConnectionId) {
        let failed = failed.iter().map(|addr| (Addr::new(peer, addr.clone()), DialOutcome::Unreachable));
        let tried = failed.chain([(addr.clone(), DialOutcome::Connected)]);
        let tried = tried.map(|(addr, outcome)| AddrOutcome { addr, outcome }).collect();
        let event = dialstate::Event::DialConnected { dial: dial.dial, addr: Some(addr.clone()), tried };
        let foreign = self.connections.is_foreign(&peer, id);
        match self.handle(event) {
            Ok(()) => {
                if foreign {
                    let adopted = Event::Adopted { peer, connection: id };
                    self.actions.push_back(ToSwarm::GenerateEvent(adopted));
                }
                let surplus = self.connections.open(peer, PeerKind::Outbound(dial.kind), addr, id);
                self.close(peer, surplus);
            }
            Err(_) if foreign => self.keep_alive(peer, id, false),
            Err(_) => self.close(peer, [id]),
        }
    }

    /// A connection is gone.
    fn closed(&mut self, event: ConnectionClosed<'_>) {
        let ConnectionClosed { peer_id: peer, connection_id: id, cause, .. } = event;
        for event in self.connections.close(peer, id, outcome::of_end(cause)) {
            self.tell(event);
        }
    }

    /// A dial has failed, ours or another's.
    fn failed(&mut self, event: DialFailure<'_>) {
        if let Some(dial) = self.dials.failed(event.connection_id) {
            let (outcome, tried) = outcome::of_dial(dial.peer, event.error);
            self.tell(dialstate::Event::DialFinished { dial: dial.dial, outcome, tried });
        }
    }

    /// Does what one command says.
    fn obey(&mut self, command: Command<Id, Addr>) {
        match command {
            Command::Dial { dial, node, kind, .. } => self.dial(dial, &node, kind),
            Command::Lookup { lookup, target, .. } => {
                self.actions.push_back(ToSwarm::GenerateEvent(Event::Lookup { lookup, target }));
            }
            Command::Resolve { resolve, id, .. } => {
                self.actions
                    .push_back(ToSwarm::GenerateEvent(Event::Resolve { resolve, peer: id.peer_id() }));
            }
            Command::Cancel(Task::Dial(dial)) => {
                // A dial by itself can't be abandoned, only all that there is of a peer.
                let alone = self.dials.abandon(dial).filter(|peer| !self.connections.is_connected(peer));
                if let Some(peer_id) = alone {
                    let connection = CloseConnection::All;
                    self.actions.push_back(ToSwarm::CloseConnection { peer_id, connection });
                }
            }
            Command::Cancel(task) => self.actions.push_back(ToSwarm::GenerateEvent(Event::Cancel(task))),
            Command::Disconnect { id, reason } => self.disconnect(id.peer_id(), reason),
            Command::Sleep { .. } => {}
        }
    }

    /// Dials a peer, or takes over a connection to it that another behaviour has opened.
    fn dial(&mut self, dial: DialId, node: &Node<Id, Addr>, kind: DialKind) {
        let peer = node.id.peer_id();
        if let Some((connection, addr)) = self.connections.adoptable(&peer) {
            self.keep_alive(peer, connection, true);
            return self.dialed(peer, Dial { dial, kind, peer }, addr, &[], connection);
        }
        let addrs = node.addrs.iter().map(|addr| addr.multiaddr().clone()).collect();
        if let Some(opts) = self.dials.begin(Dial { dial, kind, peer }, addrs) {
            self.actions.push_back(ToSwarm::Dial { opts });
        }
    }

    fn disconnect(&mut self, peer: PeerId, reason: DisconnectReason) {
        let Parting { close, release, answer } = self.connections.part(peer, reason);
        self.close(peer, close);
        for connection in release {
            self.keep_alive(peer, connection, false);
            self.actions.push_back(ToSwarm::GenerateEvent(Event::Released { peer, connection }));
        }
        if let Some(answer) = answer {
            self.tell(answer);
        }
    }

    fn close(&mut self, peer_id: PeerId, connections: impl IntoIterator<Item = ConnectionId>) {
        for connection in connections {
            let connection = CloseConnection::One(connection);
            self.actions.push_back(ToSwarm::CloseConnection { peer_id, connection });
        }
    }

    fn keep_alive(&mut self, peer_id: PeerId, connection: ConnectionId, keep: bool) {
        let (handler, event) = (NotifyHandler::One(connection), KeepAlive(keep));
        self.actions.push_back(ToSwarm::NotifyHandler { peer_id, handler, event });
    }

    /// Waits until an instant. Returns whether it has come.
    fn sleep(&mut self, until: Option<Timestamp>, cx: &mut Context<'_>) -> bool {
        let Some(until) = until else {
            self.timer = None;
            return false;
        };
        let left = until.saturating_since(self.now());
        let (_, delay) = match &mut self.timer {
            Some(timer) if timer.0 == until => timer,
            timer => timer.insert((until, Delay::new(left))),
        };
        left.is_zero() || Pin::new(delay).poll(cx).is_ready()
    }
}

type Action = ToSwarm<Event, KeepAlive>;

impl<S: Sink<Id, Addr> + 'static> NetworkBehaviour for Behaviour<S> {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(self.inbound_keep_alive))
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if let Some(peer) = peer {
            self.dials.seen(connection, peer);
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.dials.is_abandoned(connection) {
            return Err(ConnectionDenied::new(Abandoned));
        }
        Ok(Handler::new(self.dials.is_wanted(connection, peer)))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => self.connected(event),
            FromSwarm::ConnectionClosed(event) => self.closed(event),
            FromSwarm::DialFailure(event) => self.failed(event),
            // Identify and others say so of the peers that they hear of.
            FromSwarm::NewExternalAddrOfPeer(NewExternalAddrOfPeer { peer_id, addr }) => {
                let node = node(peer_id, [addr.clone()]);
                self.tell(dialstate::Event::NodeDiscovered { node, source: SWARM, vouched: false });
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Poll::Ready(action);
            }
            let command = self.dialer.poll();
            let Command::Sleep { until, .. } = command else {
                self.obey(command);
                continue;
            };
            if let Some(notice) = self.dialer.next_notice() {
                return Poll::Ready(ToSwarm::GenerateEvent(Event::Notice(notice)));
            }
            if !self.sleep(until, cx) {
                self.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            self.wakeups += 1;
            self.tell(dialstate::Event::Tick);
        }
    }
}

/// Peers that the application tells of.
const APPLICATION: Source = Source(0);

/// Peers that other behaviours tell of.
const SWARM: Source = Source(1);

/// The dialer did not want the connection any more.
#[derive(Clone, Copy, Debug)]
struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the dial was abandoned")
    }
}

impl std::error::Error for Abandoned {}

impl<S> fmt::Debug for Behaviour<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("dials", &self.dials)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
