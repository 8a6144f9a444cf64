//! The loop around a dialer: one thread that owns it, one for each dial and each connection, and a channel.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use dialstate::driver::{Race, RaceStep, Sessions};
use dialstate::record::{Recorder, Sink};
use dialstate::{
    Addrs, Command, ConnectionId, DialOutcome, Dialer, Epoch, Event, Node, PeerKind, RemovalReason,
};
use rand_chacha::ChaCha8Rng;

/// The id of a node.
pub type Id = [u8; 32];

/// What the application does. Its methods block; each call has a thread of its own, but for the last.
pub trait App: Send + Sync + 'static {
    /// Connects to an address, and proves that it is this node who answers.
    fn connect(&self, id: Id, addr: SocketAddr) -> Result<TcpStream, DialOutcome>;
    /// Finds the addresses of a node.
    fn resolve(&self, id: Id) -> Addrs<SocketAddr>;
    /// Looks for nodes near a target.
    fn lookup(&self, target: [u8; 32]) -> Vec<Node<Id, SocketAddr>>;
    /// Uses a connection until it ends.
    fn session(&self, id: Id, stream: TcpStream) -> RemovalReason;
    /// The dialer has nothing more to do for now.
    fn rests(&self, dialer: &Dialer<Id, SocketAddr, ChaCha8Rng>);
}

/// The answer to a dial, with the connection if it has led to one.
type Dialed = (Event<Id, SocketAddr>, Option<TcpStream>);

/// What the loop is told by the other threads.
#[derive(Debug)]
pub enum Told {
    /// The answer to a resolve or lookup, or anything else that the dialer is to know.
    Event(Event<Id, SocketAddr>),
    /// The answer to a dial, with the connection if it has led to one.
    Dialed(Id, PeerKind, Event<Id, SocketAddr>, Option<TcpStream>),
    /// An inbound connection, of which `InboundPending` was told.
    Accepted(Id, ConnectionId, TcpStream),
    /// A connection has ended.
    Closed(u64, RemovalReason),
    /// The program ends.
    Stop,
}

/// A dialer with everything that is open.
#[derive(Debug)]
pub struct Driver<A, S> {
    app: Arc<A>,
    dialer: Recorder<Id, SocketAddr, ChaCha8Rng, S>,
    epoch: Epoch,
    sessions: Sessions<Id, SocketAddr, u64>,
    streams: BTreeMap<u64, TcpStream>,
    opened: u64,
    outbox: Sender<Told>,
}

impl<A: App, S: Sink<Id, SocketAddr>> Driver<A, S> {
    /// A driver; `outbox` leads to the `inbox` of [`run`](Self::run).
    pub fn new(app: Arc<A>, dialer: Recorder<Id, SocketAddr, ChaCha8Rng, S>, outbox: Sender<Told>) -> Self {
        let epoch = Epoch::new(Instant::now(), dialer.dialer().now());
        let (sessions, streams, opened) = (Sessions::new(), BTreeMap::new(), 0);
        Self { app, dialer, epoch, sessions, streams, opened, outbox }
    }

    /// Runs until it is told to stop. Closes all connections.
    pub fn run(mut self, inbox: &Receiver<Told>) -> Recorder<Id, SocketAddr, ChaCha8Rng, S> {
        loop {
            let until = self.drain();
            self.app.rests(self.dialer.dialer());
            let told = match until {
                Some(at) => inbox.recv_timeout(at.saturating_duration_since(Instant::now())).ok(),
                None => inbox.recv().ok(),
            };
            match told.unwrap_or(Told::Event(Event::Tick)) {
                Told::Event(event) => _ = self.handle(event),
                Told::Dialed(id, kind, answer, stream) => self.opened(id, kind, answer, stream),
                Told::Accepted(id, connection, stream) => {
                    let (kind, addr) = (PeerKind::Inbound, stream.peer_addr().ok());
                    self.opened(id, kind, Event::PeerAdded { id, kind, addr }, Some(stream));
                    self.handle(Event::InboundEnded { connection });
                }
                Told::Closed(connection, reason) => {
                    self.streams.remove(&connection);
                    for event in self.sessions.closed(connection, reason) {
                        self.handle(event);
                    }
                }
                Told::Stop => break,
            }
        }
        self.streams.values().for_each(close);
        self.dialer
    }

    /// Does what the dialer says. Returns until when it rests.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.dialer.poll() {
                Command::Dial { dial, node, kind, stagger, deadline } => {
                    let now = self.epoch.timestamp(Instant::now());
                    let race = Race::new(now, dial, node.addrs, stagger, deadline);
                    let epoch = self.epoch;
                    self.spawn(move |app| {
                        let (answer, stream) = run_race(app, epoch, node.id, race);
                        Told::Dialed(node.id, PeerKind::Outbound(kind), answer, stream)
                    });
                }
                Command::Resolve { resolve, id, .. } => self.spawn(move |app| {
                    Told::Event(Event::ResolveFinished { resolve, addrs: app.resolve(id) })
                }),
                Command::Lookup { lookup, target, .. } => self.spawn(move |app| {
                    Told::Event(Event::LookupFinished { lookup, nodes: app.lookup(target) })
                }),
                // A thread that blocks can't be stopped: its answer will be late, and its connection is closed then.
                Command::Cancel(_) => {}
                Command::Disconnect { id, reason } => {
                    let (doomed, answer) = self.sessions.disconnect(id, reason);
                    doomed
                        .iter()
                        .filter_map(|doomed| self.streams.remove(doomed))
                        .for_each(|one| close(&one));
                    answer.map(|event| self.handle(event));
                }
                Command::Sleep { until, .. } => return until.and_then(|until| self.epoch.instant(until)),
            }
        }
    }

    /// Tells the dialer. Returns whether it wants what the event tells of.
    fn handle(&mut self, event: Event<Id, SocketAddr>) -> bool {
        let result = self.dialer.handle(self.epoch.timestamp(Instant::now()), event);
        if let Some(error) = result.as_ref().err().filter(|error| !error.is_late()) {
            eprintln!("{error}");
        }
        result.is_ok()
    }

    /// A connection is up, or a dial has failed.
    fn opened(&mut self, id: Id, kind: PeerKind, event: Event<Id, SocketAddr>, stream: Option<TcpStream>) {
        let wanted = self.handle(event);
        let Some(stream) = stream.filter(|_| wanted) else { return };
        let Ok(copy) = stream.try_clone() else { return };
        self.opened += 1;
        let (connection, addr) = (self.opened, copy.peer_addr().ok());
        self.streams.insert(connection, copy);
        let surplus = self.sessions.opened(id, kind, addr, connection);
        surplus.and_then(|surplus| self.streams.remove(&surplus)).iter().for_each(close);
        self.spawn(move |app| Told::Closed(connection, app.session(id, stream)));
    }

    fn spawn(&self, work: impl FnOnce(&Arc<A>) -> Told + Send + 'static) {
        let (app, outbox) = (self.app.clone(), self.outbox.clone());
        // After a stop nobody listens any more.
        thread::spawn(move || drop(outbox.send(work(&app))));
    }
}

/// Runs one dial to its end. A connection that comes too late is dropped with its result, and so closed.
fn run_race<A: App>(app: &Arc<A>, epoch: Epoch, id: Id, mut race: Race<SocketAddr>) -> Dialed {
    let (outbox, ended) = channel();
    loop {
        match race.next(epoch.timestamp(Instant::now())) {
            RaceStep::Start(addr) => {
                let (app, outbox) = (app.clone(), outbox.clone());
                thread::spawn(move || drop(outbox.send((addr, app.connect(id, addr)))));
            }
            RaceStep::Wait(until) => {
                let until = until.and_then(|until| epoch.instant(until));
                let left = until.map(|at| at.saturating_duration_since(Instant::now()));
                match ended.recv_timeout(left.unwrap_or(Duration::from_secs(3_600))) {
                    Ok((addr, Ok(stream))) if race.connected(&addr) => return (race.answer(), Some(stream)),
                    Ok((addr, Err(outcome))) => race.failed(&addr, outcome),
                    Ok(_) | Err(_) => {}
                }
            }
            RaceStep::Finished => return (race.answer(), None),
        }
    }
}

fn close(stream: &TcpStream) {
    // It may be closed already.
    drop(stream.shutdown(Shutdown::Both));
}
