//! The loop around a dialer: one thread that owns it, one for each address that is dialed and each connection, and a channel.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Instant;

use dialstate::driver::{Runner, RunnerStep};
use dialstate::record::{Recorder, Sink};
use dialstate::{Addrs, DialId, DialOutcome, Dialer, Epoch, Event, Node, PeerKind, RemovalReason, Timestamp};
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
    fn session(&self, id: Id, stream: &TcpStream) -> RemovalReason;
    /// The dialer has nothing more to do for now.
    fn rests(&self, dialer: &Dialer<Id, SocketAddr, ChaCha8Rng>);
}

/// What the loop is told by the other threads.
#[derive(Debug)]
pub enum Told {
    /// The answer to a resolve or lookup, or anything else that the dialer is to know.
    Event(Event<Id, SocketAddr>),
    /// What came of one address of a dial.
    Tried(DialId, Id, SocketAddr, Result<TcpStream, DialOutcome>),
    /// An inbound connection. If `InboundPending` was told of it, `InboundEnded` is to follow.
    Accepted(Id, TcpStream),
    /// A connection has ended.
    Closed(u64, RemovalReason),
    /// The program ends.
    Stop,
}

/// The dialer of a node, recorded.
pub type Recorded<S> = Recorder<Id, SocketAddr, ChaCha8Rng, S>;

/// A dialer with everything that is open.
#[derive(Debug)]
pub struct Driver<A, S> {
    runner: Runner<Recorded<S>, Id, SocketAddr, Open>,
    epoch: Epoch,
    threads: Threads<A>,
}

/// The other threads: what they work for, and where they tell of it.
#[derive(Debug)]
struct Threads<A> {
    app: Arc<A>,
    outbox: Sender<Told>,
}

/// A connection, which closes when this is dropped.
#[derive(Debug)]
struct Open(Arc<TcpStream>);

impl<A: App, S: Sink<Id, SocketAddr>> Driver<A, S> {
    /// A driver; `outbox` leads to the `inbox` of [`run`](Self::run).
    pub fn new(app: Arc<A>, dialer: Recorded<S>, outbox: Sender<Told>) -> Self {
        let epoch = Epoch::new(Instant::now(), dialer.dialer().now());
        Self { runner: Runner::new(dialer), epoch, threads: Threads { app, outbox } }
    }

    /// Runs until it is told to stop. Closes all connections.
    pub fn run(mut self, inbox: &Receiver<Told>) -> Recorded<S> {
        loop {
            let until = self.drain();
            self.threads.app.rests(self.runner.dialer().dialer());
            let told = match until {
                Some(at) => inbox.recv_timeout(at.saturating_duration_since(Instant::now())).ok(),
                None => inbox.recv().ok(),
            };
            let (now, threads) = (self.now(), &self.threads);
            match told.unwrap_or(Told::Event(Event::Tick)) {
                Told::Event(event) => {
                    let _ = self.runner.handle(now, event).inspect_err(|error| eprintln!("{error}"));
                }
                // A stream that the dialer does not want, or that comes too late, is dropped, and so closed.
                Told::Tried(dial, id, addr, Ok(stream)) => {
                    self.runner.connected(now, dial, &addr, |number| threads.session(number, id, stream));
                }
                Told::Tried(dial, _, addr, Err(outcome)) => self.runner.failed(dial, &addr, outcome),
                Told::Accepted(id, stream) => {
                    let (kind, addr) = (PeerKind::Inbound, stream.peer_addr().ok());
                    self.runner.added(now, id, kind, addr, |number| threads.session(number, id, stream));
                }
                Told::Closed(connection, reason) => self.runner.closed(now, connection, reason),
                Told::Stop => return self.runner.into_dialer(),
            }
        }
    }

    /// Does what is to be done. Returns until when to wait.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            // A thread that blocks can't be stopped, so the runner is given no handles for these tasks.
            match self.runner.poll(self.now()) {
                RunnerStep::Connect { dial, id, addr, .. } => {
                    self.threads.spawn(move |app| Told::Tried(dial, id, addr, app.connect(id, addr)));
                }
                RunnerStep::Resolve { resolve, id } => self.threads.spawn(move |app| {
                    Told::Event(Event::ResolveFinished { resolve, addrs: app.resolve(id) })
                }),
                RunnerStep::Lookup { lookup, target } => self.threads.spawn(move |app| {
                    Told::Event(Event::LookupFinished { lookup, nodes: app.lookup(target) })
                }),
                RunnerStep::Close { handle, .. } => drop(handle),
                RunnerStep::Wait(until) => return until.and_then(|until| self.epoch.instant(until)),
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.epoch.timestamp(Instant::now())
    }
}

impl<A: App> Threads<A> {
    fn session(&self, connection: u64, id: Id, stream: TcpStream) -> Open {
        let stream = Arc::new(stream);
        let open = Open(stream.clone());
        self.spawn(move |app| Told::Closed(connection, app.session(id, &stream)));
        open
    }

    fn spawn(&self, work: impl FnOnce(&A) -> Told + Send + 'static) {
        let (app, outbox) = (self.app.clone(), self.outbox.clone());
        // After a stop nobody listens any more.
        thread::spawn(move || drop(outbox.send(work(&app))));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // It may be closed already.
        drop(self.0.shutdown(Shutdown::Both));
    }
}
